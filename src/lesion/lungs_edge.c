/* Where a lung ends.
 *
 * A scanner blurs an edge over some voxels, and the edge is where the value is half way between the two
 * sides. Between healthy lung and muscle that is near the threshold; between lung and fat it is below, and
 * between ground glass and muscle far above. So each lung's edge, found with one threshold, is moved within
 * the slice to half way between the means of plain lung and plain tissue around.
 */
#include "lesion/chest.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <math.h>
#include <string.h>

/* Of a voxel, the means of lung and tissue: of lung farther, since a dome in thick slices fades slowly. */
static const double around_mm[2] = {14, 4};
static const double reach_mm = 4; /* an edge moves so far at most */
enum { LEAST_TISSUE_HU = -150, LEAST_HALF_HU = -520, MOST_HALF_HU = -200, LEAST_VOXELS = 4, TISSUE_HU = 40 };

/* Sums over all that is above and to the left: of lung and of tissue, and how many. */
typedef struct tally {
    double sum[2];
    int32_t count[2];
} tally;

typedef struct piece {
    int64_t x0, y0, w, h; /* of the slice that holds a lung and what is around it */
    tally *table;         /* [h + 1][w + 1] */
    int32_t *at;          /* [h][w], room for voxels of the slice */
} piece;

static bool is_lung(uint8_t code)
{
    return code == NW_CODE_RIGHT || code == NW_CODE_LEFT;
}

/* Whether a voxel and its four neighbours are alike. */
static bool plain(const uint8_t *code, int64_t nx)
{
    return code[-1] == *code && code[1] == *code && code[-nx] == *code && code[nx] == *code;
}

static void sum_up(const piece *p, const uint8_t *code, const float *hu, int64_t nx)
{
    memset(p->table, 0, (size_t)(p->w + 1) * sizeof *p->table);
    for (int64_t y = 0; y < p->h; y++) {
        const tally *above = p->table + y * (p->w + 1);
        tally *out = p->table + (y + 1) * (p->w + 1), row = {{0}, {0}};
        *out++ = row;
        above++;
        for (int64_t x = 0; x < p->w; x++, above++, out++) {
            int64_t at = (y + p->y0) * nx + x + p->x0;
            int lung = is_lung(code[at]), tissue = code[at] == NW_CODE_TISSUE && hu[at] > LEAST_TISSUE_HU;
            if ((lung || tissue) && plain(code + at, nx)) {
                row.sum[tissue] += (double)hu[at];
                row.count[tissue]++;
            }
            for (int i = 0; i < 2; i++) {
                out->sum[i] = above->sum[i] + row.sum[i];
                out->count[i] = above->count[i] + row.count[i];
            }
        }
    }
}

static int64_t clamp(int64_t at, int64_t count)
{
    return at < 0 ? 0 : at > count ? count : at;
}

/* HU half way between lung and tissue around a voxel of the piece; false where there is too little of one. */
static bool half_way(const nw_chest *c, const piece *p, int64_t x, int64_t y, float *half)
{
    double mean[2];
    for (int i = 0; i < 2; i++) {
        const int64_t rx = (int64_t)(around_mm[i] / c->view.h[0]) + 1,
                      ry = (int64_t)(around_mm[i] / c->view.h[1]) + 1;
        const int64_t x0 = clamp(x - rx, p->w), x1 = clamp(x + rx + 1, p->w), pitch = p->w + 1;
        const tally *top = p->table + clamp(y - ry, p->h) * pitch,
                    *bottom = p->table + clamp(y + ry + 1, p->h) * pitch;
        int32_t n = bottom[x1].count[i] - bottom[x0].count[i] - top[x1].count[i] + top[x0].count[i];
        mean[i] = TISSUE_HU;
        if (n < LEAST_VOXELS && i == 0) return false;
        if (n < LEAST_VOXELS) continue;
        mean[i] = (bottom[x1].sum[i] - bottom[x0].sum[i] - top[x1].sum[i] + top[x0].sum[i]) / n;
    }
    *half = (float)fmin(fmax((mean[0] + mean[1]) / 2, LEAST_HALF_HU), MOST_HALF_HU);
    return true;
}

/* Voxels that may come in or leave, in order. */
static int64_t list(const nw_chest *c, const piece *p, const uint8_t *code, const float *hu, bool in)
{
    const int64_t nx = c->view.n[0];
    int64_t count = 0;
    for (int64_t y = 0; y < p->h; y++)
        for (int64_t x = 0, at = (y + p->y0) * nx + p->x0; x < p->w; x++, at++)
            if (in ? code[at] == NW_CODE_TISSUE && hu[at] <= MOST_HALF_HU
                   : is_lung(code[at]) && hu[at] >= LEAST_HALF_HU)
                p->at[count++] = (int32_t)at;
    return count;
}

/* One step of a voxel in or out. Marks WORK what leaves, and WORK plus the lung's code what comes in. */
static bool step(const nw_chest *c, const piece *p, int64_t count, uint8_t *code, const float *hu, bool in)
{
    const int64_t nx = c->view.n[0];
    bool any = false;
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = p->at[i];
        if (in ? code[at] != NW_CODE_TISSUE : !is_lung(code[at])) continue;
        const uint8_t near[4] = {code[at - 1], code[at + 1], code[at - nx], code[at + nx]};
        uint8_t to = 0;
        float half;
        for (int k = 0; k < 4 && !to; k++) {
            if (in && is_lung(near[k])) to = NW_CODE_WORK + near[k];
            if (!in && near[k] == NW_CODE_TISSUE) to = NW_CODE_WORK;
        }
        if (!to || !half_way(c, p, at % nx - p->x0, at / nx - p->y0, &half) ||
            (in ? hu[at] >= half : hu[at] <= half))
            continue;
        code[at] = to;
        any = true;
    }
    for (int64_t i = 0; i < count && any; i++) {
        uint8_t *now = &code[p->at[i]];
        if (*now >= NW_CODE_WORK)
            *now = *now == NW_CODE_WORK ? NW_CODE_TISSUE : (uint8_t)(*now - NW_CODE_WORK);
    }
    return any;
}

/* Moves the edge by single voxels, up to its reach. */
static void move(const nw_chest *c, const piece *p, uint8_t *code, const float *hu, bool in)
{
    int64_t count = list(c, p, code, hu, in);
    for (double mm = 0; mm < reach_mm && step(c, p, count, code, hu, in); mm += c->view.h[0]) continue;
}

/* The piece of a slice, one voxel away from its edges; false where there is no lung. */
static bool find_piece(const nw_chest *c, const uint8_t *code, piece *p)
{
    const int64_t nx = c->view.n[0], ny = c->view.n[1];
    int64_t low[2] = {nx, ny}, high[2] = {0, 0};
    for (int64_t y = 0; y < ny; y++)
        for (int64_t x = 0; x < nx; x++) {
            if (!is_lung(code[y * nx + x])) continue;
            if (x < low[0]) low[0] = x;
            if (x > high[0]) high[0] = x;
            if (y < low[1]) low[1] = y;
            if (y > high[1]) high[1] = y;
        }
    if (high[0] < low[0]) return false;
    int64_t mx = (int64_t)(around_mm[0] / c->view.h[0]) + 1, my = (int64_t)(around_mm[0] / c->view.h[1]) + 1;
    p->x0 = low[0] - mx > 1 ? low[0] - mx : 1;
    p->y0 = low[1] - my > 1 ? low[1] - my : 1;
    p->w = (high[0] + mx + 1 < nx - 1 ? high[0] + mx + 1 : nx - 1) - p->x0;
    p->h = (high[1] + my + 1 < ny - 1 ? high[1] + my + 1 : ny - 1) - p->y0;
    return p->w > 0 && p->h > 0;
}

typedef struct slices {
    nw_chest *chest;
    uint8_t *failed; /* one a slice */
} slices;

static void some_slices(void *context, size_t begin, size_t end)
{
    slices *s = context;
    const nw_chest *c = s->chest;
    const int64_t nx = c->view.n[0], plane = nx * c->view.n[1];
    for (size_t z = begin; z < end; z++) {
        uint8_t *code = s->chest->code + (int64_t)z * plane;
        piece p;
        if (!find_piece(c, code, &p)) continue;
        float *hu = nw_alloc_aligned((size_t)(2 * plane), sizeof *hu);
        p.table = nw_alloc_aligned((size_t)((p.w + 1) * (p.h + 1)), sizeof *p.table);
        p.at = nw_alloc_aligned((size_t)(p.w * p.h), sizeof *p.at);
        if (hu && p.table && p.at) {
            nw_chest_slice(c, (int64_t)z, hu, hu + plane);
            sum_up(&p, code, hu, nx);
            move(c, &p, code, hu, true);
            move(c, &p, code, hu, false);
        } else
            s->failed[z] = 1;
        nw_free(hu);
        nw_free(p.table);
        nw_free(p.at);
    }
}

nw_status nw_chest_edge(nw_chest *c, nw_error *err)
{
    const size_t nz = (size_t)c->view.n[2];
    slices s = {.chest = c, .failed = nw_calloc(nz, 1)};
    if (!s.failed) return nw_no_memory(err, nz, "slices");
    nw_parallel(nz, 1, some_slices, &s);
    bool failed = memchr(s.failed, 1, nz) != NULL;
    nw_free(s.failed);
    return failed ? nw_no_memory(err, (size_t)(c->view.n[0] * c->view.n[1]) * 32, "a slice") : NW_OK;
}
