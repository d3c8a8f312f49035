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

static nw_status scan(const uint8_t *src, uint8_t value, nw_components *c, nw_error *err)
{
    size_t capacity = 0;
    int64_t rows = c->n[1] * c->n[2], width = c->n[0];
    for (int64_t row = 0; row < rows; row++) {
        const uint8_t *p = src + row * width;
        c->first[row] = c->run_count;
        for (int64_t x = 0; x < width; x++) {
            if (p[x] != value) continue;
            int64_t begin = x;
            while (x < width && p[x] == value) x++;
            if (!NW_GROW(c->runs, capacity, (size_t)c->run_count))
                return nw_no_memory(err, (size_t)c->run_count * sizeof *c->runs, "components");
            if (c->run_count == INT32_MAX)
                return nw_fail(err, NW_BAD_INPUT, "the volume has more than 2^31 runs of voxels");
            c->runs[c->run_count] = (nw_run){(int32_t)begin, (int32_t)x, (int32_t)c->run_count};
            c->run_count++;
        }
    }
    c->first[rows] = c->run_count;
    return NW_OK;
}

nw_status nw_components_find(const uint8_t *src, const int64_t n[3], uint8_t value, nw_touch touch,
                             nw_components *out, nw_error *err)
{
    memset(out, 0, sizeof *out);
    memcpy(out->n, n, sizeof out->n);
    int64_t rows = n[1] * n[2];
    out->first = nw_calloc((size_t)rows + 1, sizeof *out->first);
    if (!out->first) return nw_no_memory(err, (size_t)rows * sizeof *out->first, "components");
    NW_TRY(scan(src, value, out, err));
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
