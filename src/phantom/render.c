#include "base/memory.h"
#include "base/parallel.h"
#include "phantom/study.h"

#include <string.h>

/* A slice is the mean of thin slabs; each slab is painted from the outside in. */

enum { MOST_SLABS = 16 };

typedef struct job {
    nw_phantom *p;
    nw_chest *chest;
    int n, slabs;
    float pixel, slice_mm, x0, y0;
    float *angle, *radius; /* [n][n] */
    unsigned char *failed; /* by slice */
} job;

typedef struct slice {
    float *hu, *sum, *cover, *glass, *solid, *nearest; /* [n][n] */
    int16_t *lesion;
    float *rows; /* 9 of n */
    void *block;
} slice;

static bool slice_new(slice *s, size_t n)
{
    size_t area = n * n;
    s->block = nw_alloc_aligned(7 * area + 9 * n, sizeof(float));
    if (!s->block) return false;
    float *at = s->block;
    float **planes[] = {&s->hu, &s->sum, &s->cover, &s->glass, &s->solid, &s->nearest};
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++, at += area) *planes[i] = at;
    s->lesion = (int16_t *)at;
    s->rows = at + area;
    memset(s->sum, 0, 4 * area * sizeof(float)); /* up to `solid` */
    for (size_t i = 0; i < area; i++) s->nearest[i] = 1e9F, s->lesion[i] = -1;
    return true;
}

/* Lung, lesions and effusions of one slab over what is painted there. */
static void paint_lungs(const job *j, slice *s, const nw_canvas *c)
{
    const nw_chest *chest = j->chest;
    const nw_lungs *l = &chest->lungs;
    size_t n = (size_t)j->n;
    float *bare = s->rows, *surface = s->rows + n, *hu = s->rows + 2 * n;
    float *scratch[4] = {s->rows + 3 * n, s->rows + 4 * n, s->rows + 5 * n, s->rows + 6 * n};
    float *glass = s->rows + 7 * n, *solid = s->rows + 8 * n;
    float limit = chest->trunk.half_depth + 6;
    for (int y = 0; y < j->n; y++) {
        float mm = c->y0 + (float)y * c->pixel;
        if (fabsf(mm) > limit) continue;
        size_t at = (size_t)y * n;
        nw_lungs_row(l, c->x0, c->pixel, mm, c->z, n, bare);
        float fluid[2] = {nw_lungs_fluid(l, 0, mm, c->z), nw_lungs_fluid(l, 1, mm, c->z)};
        size_t begin = n, end = 0;
        for (size_t i = 0; i < n; i++) {
            if (bare[i] > c->pixel) continue;
            if (begin == n) begin = i;
            end = i + 1;
        }
        if (begin >= end) continue;
        size_t count = end - begin;
        float x = c->x0 + (float)begin * c->pixel;
        for (size_t i = begin; i < end; i++) surface[i] = bare[i] + fluid[c->x0 + (float)i * c->pixel > 0];
        nw_field_row(chest->lattice, &l->texture, x, c->pixel, mm, c->z, count, scratch[0]);
        nw_field_row(chest->lattice, &l->fine, x, c->pixel, mm, c->z, count, scratch[1]);
        for (size_t i = 0; i < count; i++)
            hu[begin + i] = l->base_hu + l->gradient * mm + 10 * scratch[0][i] + 14 * scratch[1][i];
        nw_lung_row row = {.n = count,
                           .x = x,
                           .dx = c->pixel,
                           .y = mm,
                           .z = c->z,
                           .surface = surface + begin,
                           .hu = hu + begin,
                           .glass = glass,
                           .solid = solid,
                           .nearest = s->nearest + at + begin,
                           .lesion = s->lesion + at + begin};
        for (int k = 0; k < 4; k++) row.scratch[k] = scratch[k];
        memset(glass, 0, 2 * n * sizeof *glass);
        nw_distractors_row(chest, &row);
        nw_lesions_row(chest, &row);
        for (size_t i = begin; i < end; i++) {
            float in = nw_coverage(bare[i], c->pixel), lung = nw_coverage(surface[i], c->pixel);
            float *dst = &s->hu[at + i];
            if (in > lung) *dst = nw_mix(*dst, 9, in);
            *dst = nw_mix(*dst, hu[i], lung);
            s->cover[at + i] += lung;
            s->glass[at + i] += glass[i - begin];
            s->solid[at + i] += solid[i - begin];
        }
    }
}

static void paint_slab(const job *j, slice *s, const nw_canvas *c)
{
    nw_outline outline;
    size_t area = (size_t)j->n * (size_t)j->n;
    nw_outline_at(&j->chest->trunk, c->z, &outline);
    for (size_t i = 0; i < area; i++) s->hu[i] = -1000;
    nw_body_paint(j->chest, c, &outline, j->angle, j->radius);
    nw_heart_paint(j->chest, c);
    nw_bones_paint(j->chest, c, &outline, j->angle, j->radius);
    paint_lungs(j, s, c);
    nw_tubes_paint(c, &j->chest->airways.outer, 5);
    nw_tubes_paint(c, &j->chest->vessels, j->chest->heart.blood_hu);
    nw_tubes_paint(c, &j->chest->airways.inner, -985);
    nw_distractors_paint(j->chest, c);
    for (size_t i = 0; i < area; i++) s->sum[i] += s->hu[i];
}

static void keep_truth(const job *j, const slice *s, size_t k)
{
    size_t n = (size_t)j->n, area = n * n;
    const nw_phantom *p = j->p;
    const nw_trunk *t = &j->chest->trunk;
    float z = ((float)k - 0.5F * (float)(p->info.dims[2] - 1)) * j->slice_mm;
    float level = nw_trunk_level(t, z);
    int third = level > 2.F / 3 ? 1 : level > 1.F / 3 ? 2 : 3;
    uint8_t *lungs = p->masks[NW_PHANTOM_LUNGS] + k * area, *zones = p->masks[NW_PHANTOM_ZONES] + k * area;
    uint8_t *lesions = p->masks[NW_PHANTOM_LESIONS] + k * area;
    int8_t *owner = p->owner + k * area;
    float half = 0.5F * (float)j->slabs;
    for (size_t i = 0; i < area; i++) {
        bool lung = s->cover[i] >= half, left = j->x0 + (float)(i % n) * j->pixel > 0;
        bool sick = lung && s->glass[i] >= half && s->lesion[i] >= 0;
        lungs[i] = (uint8_t)(lung ? 1 + left : 0);
        zones[i] = (uint8_t)(lung ? third + 3 * left : 0);
        lesions[i] = (uint8_t)(!sick ? 0 : s->solid[i] >= half ? 2 : 1);
        owner[i] = (int8_t)(sick ? s->lesion[i] : -1);
    }
}

static void render_slice(const job *j, size_t k)
{
    slice s;
    size_t area = (size_t)j->n * (size_t)j->n;
    if (!slice_new(&s, (size_t)j->n)) {
        j->failed[k] = 1;
        return;
    }
    const nw_trunk *t = &j->chest->trunk;
    float middle = ((float)k - 0.5F * (float)(j->p->info.dims[2] - 1)) * j->slice_mm;
    nw_canvas c = {.n = j->n, .x0 = j->x0, .y0 = j->y0, .pixel = j->pixel, .hu = s.hu};
    c.half = 0.5F * j->slice_mm / (float)j->slabs;
    for (int i = 0; i < j->slabs; i++) {
        float phase = ((float)i + 0.5F) / (float)j->slabs - 0.5F;
        /* Breathing moves the base most; the slabs are then of different moments. */
        float base = nw_mix(1, 0.25F, nw_clamp(nw_trunk_level(t, middle), 0, 1));
        c.z = middle + phase * (j->slice_mm + 2 * base * j->chest->distractors.breath);
        paint_slab(j, &s, &c);
    }
    for (size_t i = 0; i < area; i++) s.sum[i] /= (float)j->slabs;
    keep_truth(j, &s, k);
    nw_scan_slice scan = {.n = j->n, .slice = (int64_t)k, .pixel = j->pixel, .slice_mm = j->slice_mm};
    scan.src = s.sum, scan.scratch = s.hu, scan.noise = s.glass;
    scan.dst = j->p->hu + k * area;
    nw_scan_apply(j->chest, &scan);
    nw_free(s.block);
}

static void render_slices(void *context, size_t begin, size_t end)
{
    for (size_t k = begin; k < end; k++) render_slice(context, k);
}

static void fill_polar(job *j)
{
    for (int y = 0; y < j->n; y++)
        for (int x = 0; x < j->n; x++) {
            float mm_x = j->x0 + (float)x * j->pixel, mm_y = j->y0 + (float)y * j->pixel;
            float angle = atan2f(mm_x, mm_y) * (NW_ANGLES / 6.2831853F);
            size_t at = (size_t)y * (size_t)j->n + (size_t)x;
            if (angle < 0) angle += NW_ANGLES;
            j->angle[at] = nw_clamp(angle, 0, NW_ANGLES - 0.001F);
            j->radius[at] = hypotf(mm_x, mm_y);
        }
}

nw_status nw_phantom_render(nw_phantom *p, nw_chest *chest, nw_error *err)
{
    job j = {.p = p, .chest = chest, .n = (int)p->info.dims[0]};
    size_t area = (size_t)j.n * (size_t)j.n, slices = (size_t)p->info.dims[2];
    j.pixel = (float)p->info.spacing[0];
    j.slice_mm = (float)p->info.spacing[2];
    j.x0 = -0.5F * (float)(j.n - 1) * j.pixel;
    /* A patient lies a little above the middle of the picture: the table is below. */
    j.y0 = j.x0 + 8;
    /* Slabs of 2 mm; more moments where the chest moves. */
    float extent = j.slice_mm + 2 * chest->distractors.breath;
    j.slabs = (int)nw_clamp(ceilf(extent / 2.1F), 1, MOST_SLABS);
    j.angle = nw_alloc_aligned(2 * area, sizeof *j.angle);
    j.failed = nw_calloc(slices, 1);
    nw_status status = NW_OK;
    if (!j.angle || !j.failed) {
        status = nw_no_memory(err, 2 * area * sizeof *j.angle, "a slice");
    } else {
        j.radius = j.angle + area;
        fill_polar(&j);
        nw_parallel(slices, 1, render_slices, &j);
        for (size_t k = 0; k < slices; k++)
            if (j.failed[k]) status = nw_no_memory(err, 7 * area * sizeof(float), "a slice");
    }
    nw_free(j.angle);
    nw_free(j.failed);
    return status;
}
