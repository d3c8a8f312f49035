#include "lesion/components.h"

#include "base/memory.h"

#include <string.h>

/* Union-find over the runs; until the end `component` holds the parent, which is never larger than the run,
 * so that the root of a set is its first run. */
static int32_t root(nw_run *runs, int32_t i)
{
    while (runs[i].component != i) {
        runs[i].component = runs[runs[i].component].component;
        i = runs[i].component;
    }
    return i;
}

static void join(nw_run *runs, int32_t a, int32_t b)
{
    a = root(runs, a);
    b = root(runs, b);
    if (a < b)
        runs[b].component = a;
    else
        runs[a].component = b;
}

/* Joins the runs of two rows that overlap; with reach 1 also those that touch at corners. */
static void join_rows(nw_components *c, int64_t row, int64_t other, int32_t reach)
{
    nw_run *runs = c->runs;
    int64_t a = c->first[row], a_end = c->first[row + 1], b = c->first[other], b_end = c->first[other + 1];
    while (a < a_end && b < b_end) {
        if (runs[a].begin < runs[b].end + reach && runs[b].begin < runs[a].end + reach)
            join(runs, (int32_t)a, (int32_t)b);
        if (runs[a].end < runs[b].end)
            a++;
        else
            b++;
    }
}

static nw_status add_run(nw_components *c, size_t *capacity, int64_t begin, int64_t end, nw_error *err)
{
    if (!NW_GROW(c->runs, *capacity, (size_t)c->run_count))
        return nw_no_memory(err, (size_t)c->run_count * sizeof *c->runs, "components");
    if (c->run_count == INT32_MAX)
        return nw_fail(err, NW_BAD_INPUT, "the volume has more than 2^31 runs of voxels");
    c->runs[c->run_count] = (nw_run){(int32_t)begin, (int32_t)end, (int32_t)c->run_count};
    c->run_count++;
    return NW_OK;
}

static nw_status scan(const uint8_t *src, uint8_t value, nw_components *c, nw_error *err)
{
    size_t capacity = 0;
    int64_t rows = c->n[1] * c->n[2], width = c->n[0];
    for (int64_t row = 0; row < rows; row++) {
        const uint8_t *p = src + row * width, *end = p + width, *from = p;
        c->first[row] = c->run_count;
        while (from < end && (from = memchr(from, value, (size_t)(end - from)))) {
            const uint8_t *to = from;
            while (to < end && *to == value) to++;
            NW_TRY(add_run(c, &capacity, from - p, to - p, err));
            from = to;
        }
    }
    c->first[rows] = c->run_count;
    return NW_OK;
}

static nw_status scan_within(const nw_components *outer, const float *values, double least, nw_components *c,
                             nw_error *err)
{
    size_t capacity = 0;
    int64_t rows = c->n[1] * c->n[2];
    for (int64_t row = 0; row < rows; row++) {
        const float *v = values + row * c->n[0];
        c->first[row] = c->run_count;
        for (int64_t r = outer->first[row]; r < outer->first[row + 1]; r++)
            for (int64_t x = outer->runs[r].begin; x < outer->runs[r].end; x++) {
                int64_t begin = x;
                while (x < outer->runs[r].end && (double)v[x] >= least) x++;
                if (x > begin) NW_TRY(add_run(c, &capacity, begin, x, err));
            }
    }
    c->first[rows] = c->run_count;
    return NW_OK;
}

static nw_status start(const int64_t n[3], nw_components *out, nw_error *err)
{
    memset(out, 0, sizeof *out);
    memcpy(out->n, n, sizeof out->n);
    size_t rows = (size_t)(n[1] * n[2]);
    out->first = nw_calloc(rows + 1, sizeof *out->first);
    return out->first ? NW_OK : nw_no_memory(err, rows * sizeof *out->first, "components");
}

/* From runs to components. */
static nw_status connect(nw_components *out, nw_touch touch, nw_error *err)
{
    const int64_t *n = out->n;
    const int32_t reach = touch == NW_TOUCH_26 ? 1 : 0;
    for (int64_t z = 0; z < n[2]; z++)
        for (int64_t y = 0; y < n[1]; y++) {
            int64_t row = y + z * n[1];
            if (out->first[row] == out->first[row + 1]) continue;
            if (y) join_rows(out, row, row - 1, reach);
            if (!z || touch == NW_TOUCH_4) continue;
            join_rows(out, row, row - n[1], reach);
            if (touch == NW_TOUCH_26 && y) join_rows(out, row, row - n[1] - 1, 1);
            if (touch == NW_TOUCH_26 && y + 1 < n[1]) join_rows(out, row, row - n[1] + 1, 1);
        }
    /* Parents come before their runs, so one pass turns them into numbers. */
    for (int64_t i = 0; i < out->run_count; i++) {
        int32_t parent = out->runs[i].component;
        out->runs[i].component = parent == i ? out->count++ : out->runs[parent].component;
    }
    out->voxels = nw_calloc((size_t)out->count + 1, sizeof *out->voxels);
    if (!out->voxels) return nw_no_memory(err, (size_t)out->count * sizeof *out->voxels, "components");
    for (int64_t i = 0; i < out->run_count; i++)
        out->voxels[out->runs[i].component] += out->runs[i].end - out->runs[i].begin;
    return NW_OK;
}

nw_status nw_components_find(const uint8_t *src, const int64_t n[3], uint8_t value, nw_touch touch,
                             nw_components *out, nw_error *err)
{
    NW_TRY(start(n, out, err));
    NW_TRY(scan(src, value, out, err));
    return connect(out, touch, err);
}

nw_status nw_components_within(const nw_components *outer, const float *values, double least, nw_touch touch,
                               nw_components *out, nw_error *err)
{
    NW_TRY(start(outer->n, out, err));
    NW_TRY(scan_within(outer, values, least, out, err));
    return connect(out, touch, err);
}

void nw_components_free(nw_components *c)
{
    nw_free(c->first);
    nw_free(c->runs);
    nw_free(c->voxels);
    memset(c, 0, sizeof *c);
}

void nw_components_paint(const nw_components *c, const uint8_t *values, uint8_t keep, uint8_t *dst)
{
    int64_t row = 0;
    for (int64_t i = 0; i < c->run_count; i++) {
        const nw_run *r = &c->runs[i];
        row = nw_components_row(c, i, row);
        if (values[r->component] == keep) continue;
        memset(dst + row * c->n[0] + r->begin, values[r->component], (size_t)(r->end - r->begin));
    }
}
