/* Gas in stomach and bowel, before lungs are told apart: below the diaphragm it lies so near to the lung that
 * thick slices run the two together. Gas is darker than lung and has tissue around it, where emphysema and
 * bullae have lung around them. */
#include "lesion/chest.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "lesion/components.h"

#include <math.h>
#include <string.h>

enum { DARK_HU = -940 };
static const double most_surface = 3; /* times that of a ball of the same volume */
static const double least_ml = 2, most_ml = 2000, tissue_share = 0.55, beyond_mm = 6, edge_mm = 5,
                    smooth_mm = 2, rise_hu = 10, most_climb_mm = 25; /* a mm */

/* The values of a slice without most of their noise, where rows hold `code`; false where none does. */
static bool soften(const nw_chest *c, int64_t z, uint8_t code, float *slice, float *work)
{
    enum { MARGIN = 8 }; /* rows that others lean on */
    const int64_t nx = c->view.n[0], ny = c->view.n[1];
    const uint8_t *codes = c->code + z * nx * ny;
    int64_t low = 0, high = ny;
    while (low < ny && !memchr(codes + low * nx, code, (size_t)nx)) low++;
    while (high > low && !memchr(codes + (high - 1) * nx, code, (size_t)nx)) high--;
    if (low >= high) return false;
    low = low > MARGIN ? low - MARGIN : 0;
    high = high + MARGIN < ny ? high + MARGIN : ny;
    nw_chest_slice(c, z, slice, work);
    for (double mm = 0; mm < smooth_mm; mm += 2 * c->view.h[0]) {
        nw_chest_soften(slice + low * nx, work + low * nx, nx, high - low);
        nw_chest_soften(work + low * nx, slice + low * nx, nx, high - low);
    }
    return true;
}

typedef struct slices {
    nw_chest *chest;
    uint8_t *failed; /* one a slice */
} slices;

/* WORK where air is dark. */
static void dark_slices(void *context, size_t begin, size_t end)
{
    slices *s = context;
    const int64_t plane = s->chest->view.n[0] * s->chest->view.n[1];
    float *slice = nw_alloc_aligned((size_t)(2 * plane), sizeof *slice);
    for (size_t z = begin; z < end; z++) {
        uint8_t *code = s->chest->code + (int64_t)z * plane;
        s->failed[z] = !slice;
        if (!slice || !soften(s->chest, (int64_t)z, NW_CODE_AIR, slice, slice + plane)) continue;
        for (int64_t i = 0; i < plane; i++)
            if (code[i] == NW_CODE_AIR && slice[i] < DARK_HU) code[i] = NW_CODE_WORK;
    }
    nw_free(slice);
}

static nw_status each_slice(nw_chest *c, nw_chunk_fn fn, nw_error *err)
{
    const size_t nz = (size_t)c->view.n[2];
    slices s = {.chest = c, .failed = nw_calloc(nz, 1)};
    if (!s.failed) return nw_no_memory(err, nz, "slices");
    nw_parallel(nz, 4, fn, &s);
    bool failed = memchr(s.failed, 1, nz) != NULL;
    nw_free(s.failed);
    return failed ? nw_no_memory(err, (size_t)(c->view.n[0] * c->view.n[1]) * 12, "a slice") : NW_OK;
}

/* Of a dark component: whether tissue lies within some mm beyond its edges, in the slice. */
typedef struct edge {
    int64_t tissue, all;
    double mm2; /* of the surface, but for its faces up and down */
} edge;

/* From the voxel at `from` on, `count` steps of `step`. Single voxels that noise has made brighter are no
 * edge. */
static void look(const uint8_t *from, int64_t step, int64_t count, double face_mm2, edge *e)
{
    if (count < 1 || (count > 1 && from[step] == NW_CODE_WORK)) return;
    e->all++;
    e->mm2 += face_mm2;
    for (int64_t i = 0; i < count; i++)
        if (from[i * step] == NW_CODE_TISSUE) {
            e->tissue++;
            return;
        }
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void look_around(const nw_chest *c, const nw_components *dark, edge *edges)
{
    const int64_t nx = c->view.n[0], ny = c->view.n[1];
    const int64_t rx = (int64_t)ceil(beyond_mm / c->view.h[0]), ry = (int64_t)ceil(beyond_mm / c->view.h[1]);
    const double fx = c->view.h[1] * c->view.h[2], fy = c->view.h[0] * c->view.h[2];
    int64_t row = 0;
    for (int64_t r = 0; r < dark->run_count; r++) {
        const nw_run *run = &dark->runs[r];
        row = nw_components_row(dark, r, row);
        int64_t y = row % ny;
        edge *e = &edges[run->component];
        const uint8_t *p = c->code + row * nx;
        look(p + run->begin - 1, -1, least(rx, run->begin), fx, e);
        look(p + run->end, 1, least(rx, nx - run->end), fx, e);
        for (int64_t x = run->begin; x < run->end; x++) {
            if (y + 1 < ny && p[x + nx] != NW_CODE_WORK) look(p + nx + x, nx, least(ry, ny - 1 - y), fy, e);
            if (y > 0 && p[x - nx] != NW_CODE_WORK) look(p - nx + x, -nx, least(ry, y), fy, e);
        }
    }
}

/* AIR within edge_mm of gas, in the slice, is its blurred edge. */
static void take_edge(nw_chest *c)
{
    const int64_t nx = c->view.n[0], ny = c->view.n[1];
    const int64_t rx = (int64_t)(edge_mm / c->view.h[0]), ry = (int64_t)(edge_mm / c->view.h[1]);
    for (int64_t z = 0; z < c->view.n[2]; z++)
        for (int64_t y = 0; y < ny; y++) {
            const uint8_t *row = c->code + nw_chest_at(c, 0, y, z);
            if (!memchr(row, NW_CODE_GAS, (size_t)nx)) continue;
            for (int64_t x = 0; x < nx; x++) {
                if (row[x] != NW_CODE_GAS ||
                    (x > 0 && x + 1 < nx && row[x - 1] == NW_CODE_GAS && row[x + 1] == NW_CODE_GAS && y > 0 &&
                     y + 1 < ny && row[x - nx] == NW_CODE_GAS && row[x + nx] == NW_CODE_GAS))
                    continue;
                for (int64_t q = y - ry; q <= y + ry; q++)
                    for (int64_t p = x - rx; p <= x + rx; p++) {
                        if (q < 0 || q >= ny || p < 0 || p >= nx) continue;
                        uint8_t *code = &c->code[nw_chest_at(c, p, q, z)];
                        if (*code == NW_CODE_AIR) *code = NW_CODE_WORK;
                    }
            }
        }
    int64_t count = nx * ny * c->view.n[2];
    for (int64_t i = 0; i < count; i++)
        if (c->code[i] == NW_CODE_WORK) c->code[i] = NW_CODE_GAS;
}

/* A dome of gas fades upwards in thick slices, the more so if the patient breathes: within the slice, AIR
 * that brightens away from gas belongs to it, up to the crest of the wall between it and the lung. */
static void climb(nw_chest *c, int64_t z, float *slice, float *work, int32_t *queue)
{
    const int64_t nx = c->view.n[0], ny = c->view.n[1], steps[4] = {-1, 1, -nx, nx};
    uint8_t *code = c->code + z * nx * ny;
    int64_t count = 0, end = 0;
    if (!soften(c, z, NW_CODE_AIR, slice, work)) return;
    for (int64_t i = 0; i < nx * ny; i++)
        if (code[i] == NW_CODE_GAS) queue[count++] = (int32_t)i;
    const float rise = (float)(rise_hu * fmin(c->view.h[0], c->view.h[1]));
    for (double mm = 0; mm < most_climb_mm && end < count; mm += c->view.h[0])
        for (int64_t last = count; end < last; end++) {
            int64_t at = queue[end], x = at % nx, y = at / nx;
            if (x == 0 || y == 0 || x == nx - 1 || y == ny - 1) continue;
            for (int s = 0; s < 4; s++) {
                int64_t to = at + steps[s];
                if (code[to] != NW_CODE_AIR || slice[to] < slice[at] + rise) continue;
                code[to] = NW_CODE_GAS;
                queue[count++] = (int32_t)to;
            }
        }
}

static void climb_slices(void *context, size_t begin, size_t end)
{
    slices *s = context;
    const int64_t plane = s->chest->view.n[0] * s->chest->view.n[1];
    float *slice = nw_alloc_aligned((size_t)(2 * plane), sizeof *slice);
    int32_t *queue = nw_alloc_aligned((size_t)plane, sizeof *queue);
    for (size_t z = begin; z < end; z++) {
        s->failed[z] = !slice || !queue;
        if (s->failed[z] || !memchr(s->chest->code + (int64_t)z * plane, NW_CODE_GAS, (size_t)plane))
            continue;
        climb(s->chest, (int64_t)z, slice, slice + plane, queue);
    }
    nw_free(slice);
    nw_free(queue);
}

nw_status nw_chest_gas(nw_chest *c, nw_error *err)
{
    NW_TRY(each_slice(c, dark_slices, err));
    nw_components dark;
    nw_status status = nw_components_find(c->code, c->view.n, NW_CODE_WORK, NW_TOUCH_6, &dark, err);
    edge *edges = status == NW_OK ? nw_calloc((size_t)dark.count + 1, sizeof *edges) : NULL;
    uint8_t *paint = status == NW_OK ? nw_calloc((size_t)dark.count + 1, 1) : NULL;
    if (status == NW_OK && (!edges || !paint))
        status = nw_no_memory(err, (size_t)dark.count * sizeof *edges, "gas");
    bool any = false;
    if (status == NW_OK) {
        look_around(c, &dark, edges);
        for (int32_t i = 0; i < dark.count; i++) {
            const edge *e = &edges[i];
            double ml = (double)dark.voxels[i] * c->view.voxel_ml;
            bool gas = ml >= least_ml && ml <= most_ml &&
                       (double)e->tissue >= tissue_share * (double)e->all &&
                       e->mm2 <= most_surface * cbrt(36 * M_PI * ml * ml) * 100;
            paint[i] = gas ? NW_CODE_GAS : NW_CODE_AIR;
            any |= gas;
        }
        nw_components_paint(&dark, paint, NW_CODE_WORK, c->code);
        if (any) take_edge(c);
    }
    nw_components_free(&dark);
    nw_free(edges);
    nw_free(paint);
    return status == NW_OK && any ? each_slice(c, climb_slices, err) : status;
}
