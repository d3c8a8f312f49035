/* One slice after the other: predicted, gated, explained, and put back into the scan. */
#include "study/study_internal.h"

#include "base/memory.h"
#include "explain/explainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

nw_slice_plane nw_slice_plane_of(const nw_grid *grid, int64_t slice)
{
    const int64_t stride[3] = {1, grid->dims[0], grid->dims[0] * grid->dims[1]};
    int axis = grid->slice_axis, u = axis == 0 ? 1 : 0, v = axis == 2 ? 1 : 2;
    int64_t along = grid->slices_reversed ? grid->dims[axis] - 1 - slice : slice;
    return (nw_slice_plane){along * stride[axis], {grid->dims[u], grid->dims[v]}, {stride[u], stride[v]}};
}

/* Middle of a slice along the axis of the patient that the slices follow. */
static double position_of(const nw_grid *grid, int64_t slice)
{
    int axis = grid->slice_axis, world = 0;
    double middle[3], mm[3];
    for (int a = 0; a < 3; a++) {
        middle[a] = (double)(grid->dims[a] - 1) / 2;
        if (fabs(grid->affine[a][axis]) > fabs(grid->affine[world][axis])) world = a;
    }
    middle[axis] = (double)(grid->slices_reversed ? grid->dims[axis] - 1 - slice : slice);
    nw_grid_world(grid, middle, mm);
    return mm[world];
}

static double pixel_cm2(const nw_grid *grid)
{
    int axis = grid->slice_axis, u = axis == 0 ? 1 : 0, v = axis == 2 ? 1 : 2;
    double a[3], b[3];
    for (int r = 0; r < 3; r++) a[r] = grid->affine[r][u], b[r] = grid->affine[r][v];
    double x = a[1] * b[2] - a[2] * b[1], y = a[2] * b[0] - a[0] * b[2], z = a[0] * b[1] - a[1] * b[0];
    return sqrt(x * x + y * y + z * z) / 100;
}

static int64_t count_lung(const nw_study *s, int64_t slice)
{
    nw_slice_plane p = nw_slice_plane_of(&s->grid, slice);
    int64_t n = 0;
    for (int64_t v = 0; v < p.n[1]; v++)
        for (int64_t u = 0; u < p.n[0]; u++)
            n += s->lungs->labels[p.origin + u * p.step[0] + v * p.step[1]] != NW_SIDE_NONE;
    return n;
}

/* Sums of a slice of study->map: all of it, and within the lungs. */
static void sum_bits(const nw_study *s, nw_study_slice *slice)
{
    nw_slice_plane p = nw_slice_plane_of(&s->grid, slice->index);
    slice->total_bits = slice->lung_bits = 0;
    for (int64_t v = 0; v < p.n[1]; v++)
        for (int64_t u = 0; u < p.n[0]; u++) {
            int64_t i = p.origin + u * p.step[0] + v * p.step[1];
            slice->total_bits += (double)s->map[i];
            if (s->lungs->labels[i] != NW_SIDE_NONE) slice->lung_bits += (double)s->map[i];
        }
}

/* ---- Which slices -------------------------------------------------------------------------------------- */

static int64_t step_of(const nw_study_options *o)
{
    return o->step > 1 ? o->step : 1;
}

static void choose(nw_study_maker *m)
{
    nw_study *s = m->study;
    const nw_study_options *o = m->options;
    int64_t end = o->end ? o->end : (int64_t)s->slice_count, planned = 0;
    double area = pixel_cm2(&s->grid), voxel = nw_grid_voxel_ml(&s->grid);
    for (size_t i = 0; i < s->slice_count; i++) {
        nw_study_slice *slice = &s->slices[i];
        int64_t at = (int64_t)i, lung = count_lung(s, at);
        *slice = (nw_study_slice){.index = at,
                                  .position_mm = position_of(&s->grid, at),
                                  .lung_ml = (double)lung * voxel,
                                  .probability = NAN,
                                  .score = NAN,
                                  .state = NW_SLICE_EXPLAINED};
        if (at < o->first || at >= end)
            slice->state = NW_SLICE_NOT_CHOSEN;
        else if (lung == 0 || (double)lung * area < o->least_lung_cm2)
            slice->state = NW_SLICE_NO_LUNG;
        else if ((at - o->first) % step_of(o) != 0)
            slice->state = NW_SLICE_BETWEEN;
        planned += slice->state == NW_SLICE_EXPLAINED;
    }
    m->done = 0;
    m->total = (double)planned * o->repeats;
}

/* ---- One slice ----------------------------------------------------------------------------------------- */

static int report(void *user, const char *what, double done, double total)
{
    nw_study_maker *m = user;
    (void)what;
    return m->progress->call(m->progress->user, "slices", m->done + (total > 0 ? done / total : 0), m->total);
}

static nw_status advance(nw_study_maker *m, double slices, nw_error *err)
{
    m->done += slices;
    if (m->progress && m->progress->call && report(m, "", 0, 1))
        return nw_fail(err, NW_CANCELLED, "interrupted after %.0f of %.0f slices", m->done, m->total);
    return NW_OK;
}

static nw_status keep_answer(nw_study_maker *m, nw_study_slice *slice, const float *logits,
                             const float *probabilities, nw_error *err)
{
    nw_study *s = m->study;
    float *copy = nw_calloc(s->output_count, sizeof *copy);
    if (!copy) return nw_no_memory(err, s->output_count * sizeof *copy, "logits");
    memcpy(copy, logits, s->output_count * sizeof *copy);
    slice->logits = copy;
    bool one = s->head == NW_HEAD_SIGMOID;
    size_t at = one ? 0 : (size_t)s->target;
    bool other = one && s->target == 0;
    slice->score = other ? -(double)logits[at] : (double)logits[at];
    if (s->head != NW_HEAD_REGRESSION)
        slice->probability = other ? 1 - (double)probabilities[at] : (double)probabilities[at];
    slice->gated = m->gated && slice->probability < s->gate;
    return NW_OK;
}

static nw_status preprocess(nw_study_maker *m, int64_t slice, nw_error *err)
{
    double start = nw_study_clock();
    const nw_volume *seen = m->options->seen ? m->options->seen : m->study->scan;
    NW_TRY(nw_preprocess_apply(m->preprocess, seen, slice, m->pixels, err));
    m->study->seconds.mapping += nw_study_clock() - start;
    return NW_OK;
}

/* Explains one slice into dst; its clean answer is in *map. pixels NULL: they were predicted just before. */
static nw_status explain(nw_study_maker *m, const float *pixels, int64_t slice, int repeat, float *dst,
                         nw_map **map, nw_error *err)
{
    nw_study *s = m->study;
    nw_progress inner = {m->progress && m->progress->call ? report : NULL, m};
    uint64_t key = nw_volume_key(s->scan, slice) + ((uint64_t)repeat << 52);
    NW_TRY(nw_explainer_run(m->explainer, pixels, key, &inner, map, err));
    double start = nw_study_clock();
    nw_status status =
        nw_preprocess_map_back(m->preprocess, s->scan, slice, NW_MAP_DENSITY, (*map)->values, m->plane, err);
    if (status == NW_OK) status = nw_volume_put_slice(s->scan, slice, m->plane, dst, err);
    s->seconds.mapping += nw_study_clock() - start;
    return status;
}

static nw_status take(nw_study_maker *m, nw_study_slice *slice, nw_map *map, nw_error *err)
{
    nw_study *s = m->study;
    s->seconds.features += map->prefix_seconds;
    s->seconds.bottleneck += map->loop_seconds;
    s->seconds.mapping += map->map_seconds;
    slice->still_falling = map->still_falling;
    s->explained++;
    if (!s->provenance) {
        s->provenance = map->provenance;
        map->provenance = NULL;
    }
    return slice->logits ? NW_OK : keep_answer(m, slice, map->logits, map->probabilities, err);
}

static nw_status first_look(nw_study_maker *m, nw_study_slice *slice, nw_error *err)
{
    double start = nw_study_clock();
    NW_TRY(nw_explainer_predict(m->explainer, m->pixels, m->logits, m->probabilities, err));
    m->study->seconds.prediction += nw_study_clock() - start;
    NW_TRY(keep_answer(m, slice, m->logits, m->probabilities, err));
    if (slice->gated && !m->options->explain_all) slice->state = NW_SLICE_BELOW_GATE;
    return NW_OK;
}

static nw_status one_slice(nw_study_maker *m, nw_study_slice *slice, nw_error *err)
{
    double start = nw_study_clock();
    NW_TRY(preprocess(m, slice->index, err));
    if (m->gated) NW_TRY(first_look(m, slice, err));
    if (slice->state == NW_SLICE_EXPLAINED) {
        nw_map *map = NULL;
        nw_status status = explain(m, m->gated ? NULL : m->pixels, slice->index, 0, m->study->map, &map, err);
        if (status == NW_OK) status = take(m, slice, map, err);
        nw_map_free(map);
        NW_TRY(status);
    }
    slice->seconds = nw_study_clock() - start;
    return advance(m, slice->state == NW_SLICE_EXPLAINED ? 1 : m->options->repeats, err);
}

/* ---- Between the slices -------------------------------------------------------------------------------- */

/* What stands for slice i: weights of the chosen ones below and above it (-1: there is none). */
static void neighbours(const nw_study_maker *m, int64_t i, int64_t at[2], double weight[2])
{
    int64_t step = step_of(m->options), first = m->options->first;
    int64_t end = m->options->end ? m->options->end : (int64_t)m->study->slice_count;
    if (end > (int64_t)m->study->slice_count) end = (int64_t)m->study->slice_count;
    at[0] = first + (i - first) / step * step;
    at[1] = at[0] + step;
    weight[1] = (double)(i - at[0]) / (double)step;
    weight[0] = 1 - weight[1];
    if (at[1] < end) return;
    at[1] = -1;
    weight[0] = 1;
}

static void interpolate(const nw_study_maker *m, float *dst)
{
    const nw_study *s = m->study;
    for (size_t i = 0; i < s->slice_count; i++) {
        if (s->slices[i].state != NW_SLICE_BETWEEN) continue;
        int64_t at[2];
        double weight[2];
        neighbours(m, (int64_t)i, at, weight);
        nw_slice_plane to = nw_slice_plane_of(&s->grid, (int64_t)i);
        for (int side = 0; side < 2; side++) {
            if (at[side] < 0) continue;
            nw_slice_plane from = nw_slice_plane_of(&s->grid, at[side]);
            for (int64_t v = 0; v < to.n[1]; v++)
                for (int64_t u = 0; u < to.n[0]; u++) {
                    int64_t offset = u * to.step[0] + v * to.step[1];
                    float value = (float)weight[side] * dst[from.origin + offset];
                    dst[to.origin + offset] = side ? dst[to.origin + offset] + value : value;
                }
        }
    }
}

/* Probability and gate of the slices between. */
static void answer_between(const nw_study_maker *m)
{
    nw_study *s = m->study;
    for (size_t i = 0; i < s->slice_count; i++) {
        nw_study_slice *slice = &s->slices[i];
        if (slice->state != NW_SLICE_BETWEEN) continue;
        int64_t at[2];
        double weight[2], sum = 0, p = 0, score = 0;
        neighbours(m, (int64_t)i, at, weight);
        for (int side = 0; side < 2; side++) {
            if (at[side] < 0 || isnan(s->slices[at[side]].score)) continue;
            sum += weight[side];
            p += weight[side] * s->slices[at[side]].probability;
            score += weight[side] * s->slices[at[side]].score;
        }
        slice->probability = sum > 0 ? p / sum : NAN;
        slice->score = sum > 0 ? score / sum : NAN;
        slice->gated = m->gated && !(slice->probability >= s->gate);
    }
}

static void summarise(nw_study *s)
{
    double sum = 0, best = -INFINITY;
    size_t n = 0;
    for (size_t i = 0; i < s->slice_count; i++) {
        nw_study_slice *slice = &s->slices[i];
        if (slice->state == NW_SLICE_EXPLAINED || slice->state == NW_SLICE_BETWEEN) sum_bits(s, slice);
        if (!slice->logits) continue;
        if (!isnan(slice->probability)) sum += slice->probability, n++;
        if (slice->score <= best) continue;
        best = slice->score;
        s->max_slice = slice->index;
        s->max_probability = slice->probability;
    }
    if (n) s->mean_probability = sum / (double)n;
}

static nw_status warn_slices(const nw_study_maker *m, nw_error *err)
{
    nw_study *s = m->study;
    size_t outside = 0, lung = 0;
    for (size_t i = 0; i < s->slice_count; i++) {
        lung += s->slices[i].lung_ml > 0;
        outside += s->slices[i].lung_ml > 0 && s->slices[i].state == NW_SLICE_NOT_CHOSEN;
    }
    if (outside == 0) return NW_OK;
    char text[160];
    snprintf(text, sizeof text,
             "%zu of %zu slices with lung were left out: they count as lung without lesions", outside, lung);
    return nw_study_warn(s, text, err);
}

nw_status nw_study_explain(nw_study_maker *m, nw_error *err)
{
    nw_study *s = m->study;
    choose(m);
    if (m->total <= 0)
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s: none of the chosen slices holds lung (at least %g cm2 of it): there is nothing to "
            "explain",
            nw_volume_path(s->scan), m->options->least_lung_cm2);
    for (size_t i = 0; i < s->slice_count; i++)
        if (s->slices[i].state == NW_SLICE_EXPLAINED) {
            nw_status status = one_slice(m, &s->slices[i], err);
            if (status == NW_CANCELLED || status == NW_OK) {
                NW_TRY(status);
                continue;
            }
            return nw_fail_within(err, status, "%s: slice %zu", nw_volume_path(s->scan), i);
        }
    answer_between(m);
    interpolate(m, s->map);
    summarise(s);
    return warn_slices(m, err);
}

nw_status nw_study_repeat(nw_study_maker *m, int repeat, float *dst, nw_error *err)
{
    nw_study *s = m->study;
    size_t voxels = (size_t)(s->grid.dims[0] * s->grid.dims[1] * s->grid.dims[2]);
    memset(dst, 0, voxels * sizeof *dst);
    nw_study_times times = s->seconds; /* those are of the first run */
    nw_status status = NW_OK;
    for (size_t i = 0; i < s->slice_count && status == NW_OK; i++) {
        if (s->slices[i].state != NW_SLICE_EXPLAINED) continue;
        nw_map *map = NULL;
        status = preprocess(m, (int64_t)i, err);
        if (status == NW_OK) status = explain(m, m->pixels, (int64_t)i, repeat, dst, &map, err);
        nw_map_free(map);
        if (status == NW_OK) status = advance(m, 1, err);
    }
    s->seconds = times;
    if (status == NW_OK) interpolate(m, dst);
    return status;
}
