#include "evaluate.h"
#include "mask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        nw_status status_ = (call);                                                                          \
        if (status_ != NW_OK) return status_;                                                                \
    } while (0)

/* An image that is being measured. */
typedef struct item {
    evaluate *e;
    const nw_input *input;
    nw_volume *image, *mask;
    cli_seen seen; /* by the model */
    const nw_volume_info *info;
    int64_t rows, columns; /* where maps and masks are compared */
    uint8_t *inside;       /* [rows][columns] */
    float *map;            /* [rows][columns] */
} item;

/* A new case; `reason` (taken over) is why it is left out, or NULL. */
static evaluate_case *add_case(evaluate *e, const char *name, int64_t slice, char *reason)
{
    if (e->case_count == e->capacity) {
        size_t capacity = 2 * e->capacity + 16;
        evaluate_case *more = cli_calloc(capacity, sizeof *more);
        if (e->case_count) memcpy(more, e->cases, e->case_count * sizeof *more);
        free(e->cases);
        e->cases = more;
        e->capacity = capacity;
    }
    evaluate_case *c = &e->cases[e->case_count++];
    *c = (evaluate_case){.name = cli_printf("%s", name), .slice = slice, .answer = NAN, .reason = reason};
    if (!reason) c->results = cli_calloc(e->method_count, sizeof *c->results);
    return c;
}

/* The mask has to show the same field: another resolution is fine, another form is not. */
static nw_status check_mask(const item *it, const char *path, nw_error *err)
{
    const nw_volume_info *m = nw_volume_get_info(it->mask), *i = it->info;
    double form = (double)m->rows * (double)i->columns / ((double)m->columns * (double)i->rows);
    if (form < 0.98 || form > 1.02)
        return cli_fail(err, NW_BAD_INPUT, "%s: %lld x %lld has another form than the image's %lld x %lld",
                        path, (long long)m->rows, (long long)m->columns, (long long)i->rows,
                        (long long)i->columns);
    if (m->slices != i->slices)
        return cli_fail(err, NW_BAD_INPUT, "%s: has %lld slices, the image has %lld", path,
                        (long long)m->slices, (long long)i->slices);
    return NW_OK;
}

/* *path: of the mask; NULL where there is none, which is no failure. */
static nw_status open_item(item *it, char **path, nw_error *err)
{
    evaluate *e = it->e;
    *path = cli_mask_path(e->a->masks, it->input->name);
    if (!*path) return NW_OK;
    TRY(cli_job_read(&e->job, it->input->path, &it->image, err));
    it->info = nw_volume_get_info(it->image);
    TRY(cli_job_see(&e->job, it->input, it->image, &it->seen, err));
    TRY(cli_job_read(&e->job, *path, &it->mask, err));
    TRY(check_mask(it, *path, err));
    bool own = e->a->at == AT_IMAGE;
    it->rows = own ? it->info->rows : it->seen.pre.height;
    it->columns = own ? it->info->columns : it->seen.pre.width;
    size_t pixels = (size_t)it->rows * (size_t)it->columns;
    it->inside = cli_calloc(pixels, sizeof *it->inside);
    it->map = cli_calloc(pixels, sizeof *it->map);
    return NW_OK;
}

/* The image as the model gets it, but on the scale from before mean and std; the mean of the channels. */
static nw_status brightness(item *it, int64_t slice, nw_error *err)
{
    const cli_job *job = &it->e->job;
    const nw_preprocess *pre = &it->seen.pre;
    if (it->e->a->at == AT_IMAGE) return nw_preprocess_view(pre, it->seen.volume, slice, it->map, err);
    /* A tensor that went in as it is was neither scaled nor shifted. */
    bool as_is = it->info->kind == NW_KIND_TENSOR && !pre->tensors_as_images;
    int64_t pixels = it->rows * it->columns;
    for (int64_t i = 0; i < pixels; i++) {
        double sum = 0;
        for (int c = 0; c < pre->channels; c++) {
            double mean = as_is || !pre->mean_count ? 0 : pre->mean[pre->mean_count == 1 ? 0 : c],
                   std = as_is || !pre->std_count ? 1 : pre->std[pre->std_count == 1 ? 0 : c],
                   v = (double)job->pixels[c * pixels + i] * std + mean;
            sum += fabs(v) < 1e-6 ? 0 : v; /* black, but for rounding */
        }
        it->map[i] = (float)(sum / pre->channels);
    }
    return NW_OK;
}

static void keep_provenance(evaluate_method *method, const nw_map *map)
{
    if (!method->provenance && map->provenance) method->provenance = cli_printf("%s", map->provenance);
}

static nw_status measure(item *it, evaluate_method *method, int64_t slice, const nw_progress *progress,
                         evaluate_case *c, nw_error *err)
{
    evaluate *e = it->e;
    evaluate_result *result = &c->results[method - e->methods];
    nw_map *map = NULL;
    const float *values = it->map;
    nw_status status;
    if (method->control) {
        status = brightness(it, slice, err);
    } else {
        /* The same key of the noise as in `narrows explain`, so that the maps are the same. */
        TRY(nw_explainer_run(method->use.explainer, e->job.pixels, nw_volume_key(it->image, slice), progress,
                             &map, err));
        keep_provenance(method, map);
        result->bits = map->capacity ? map->total_bits : 0;
        c->answer = (double)map->logits[map->head == NW_HEAD_SIGMOID ? 0 : map->target];
        nw_map_unit unit = strstr(map->unit, "bits") ? NW_MAP_DENSITY : NW_MAP_VALUE;
        status = NW_OK;
        if (e->a->at == AT_IMAGE)
            status = nw_preprocess_map_back(&it->seen.pre, it->image, slice, unit, map->values, it->map, err);
        else
            values = map->values;
    }
    if (status == NW_OK)
        status = nw_localise(values, it->inside, it->rows, it->columns, e->a->tolerance, &result->found, err);
    nw_map_free(map);
    return status;
}

static nw_status measure_slice(item *it, int64_t slice, double at, double step, nw_error *err)
{
    evaluate *e = it->e;
    TRY(nw_preprocess_apply(&it->seen.pre, it->seen.volume, slice, e->job.pixels, err));
    if (e->a->at == AT_IMAGE)
        TRY(nw_mask_for_image(it->mask, slice, it->rows, it->columns, it->inside, err));
    else
        TRY(nw_mask_for_model(&it->seen.pre, it->image, it->mask, slice, it->inside, err));
    evaluate_case *c = add_case(e, it->input->name, slice, NULL);
    nw_status status = NW_OK;
    for (size_t m = 0; m < e->method_count && status == NW_OK; m++) {
        cli_progress_at(at + step * (double)m, it->input->name);
        nw_progress progress = cli_progress_piece(step);
        status = cli_check_interrupt(err);
        if (status == NW_OK) status = measure(it, &e->methods[m], slice, &progress, c, err);
    }
    if (status == NW_OK) {
        e->measured++;
        return NW_OK;
    }
    /* Left out for all methods: their means are over the same images. */
    free(c->results);
    free(c->name);
    e->case_count--;
    return status;
}

static nw_status measure_image(item *it, size_t index, nw_error *err)
{
    evaluate *e = it->e;
    char *path;
    cli_slices slices;
    nw_status status = open_item(it, &path, err);
    if (!path) add_case(e, it->input->name, 0, cli_printf("no mask of that name in %s", e->a->masks));
    if (status == NW_OK && path)
        status = cli_slices_of(e->a->image.slices, it->info->slices, it->input->path, &slices, err);
    bool go_on = status == NW_OK && path;
    free(path);
    if (!go_on) return status;
    double step = 1 / (double)cli_slices_count(&slices), at = (double)(index * e->method_count);
    for (int64_t s = slices.first; s < slices.end; s += slices.step) {
        TRY(measure_slice(it, s, at, step, err));
        at += step * (double)e->method_count;
    }
    return NW_OK;
}

nw_status evaluate_images(evaluate *e, nw_error *err)
{
    size_t count = nw_input_list_count(e->job.inputs);
    cli_progress_start("evaluating", (double)(count * e->method_count), 0);
    nw_status status = NW_OK;
    for (size_t i = 0; i < count && status != NW_CANCELLED; i++) {
        item it = {.e = e, .input = nw_input_list_get(e->job.inputs, i)};
        cli_progress_at((double)(i * e->method_count), it.input->name);
        status = measure_image(&it, i, err);
        if (status != NW_OK && status != NW_CANCELLED) {
            cli_error("%s", err->message);
            add_case(e, it.input->name, 0, cli_printf("%s", err->message));
            e->failed++;
            e->failure = status;
        }
        cli_seen_free(&it.seen);
        nw_volume_free(it.image);
        nw_volume_free(it.mask);
        free(it.inside);
        free(it.map);
    }
    cli_progress_end();
    if (status == NW_CANCELLED) return status;
    if (e->measured) return NW_OK;
    if (e->failed) return cli_fail(err, e->failure, "none of %zu images could be measured", count);
    return cli_fail(err, NW_BAD_INPUT, "none of %zu images has a mask of its name in %s", count, e->a->masks);
}
