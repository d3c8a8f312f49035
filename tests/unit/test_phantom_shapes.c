/* The phantom's shapes: volumes as geometry has them, tissues as dense as they should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <phantom/study.h>
#include <string.h>

enum { N = 240 };

/* mm^3 of what `paint` puts on a cube of 60 mm. */
static double painted(float slab, float pixel, const nw_tube *tube, const nw_ellipsoid *ellipsoid)
{
    static float plane[N * N];
    int n = (int)(60 / pixel);
    assert_in_range(n, 1, N);
    nw_canvas c = {.n = n, .pixel = pixel, .half = slab / 2, .hu = plane};
    c.x0 = c.y0 = -30 + pixel / 2;
    double sum = 0;
    for (c.z = -30 + slab / 2; c.z < 30; c.z += slab) {
        memset(plane, 0, sizeof plane);
        if (tube) nw_paint_tube(&c, tube, 1);
        if (ellipsoid) nw_paint_ellipsoid(&c, ellipsoid, 1);
        for (int i = 0; i < n * n; i++) sum += (double)plane[i];
    }
    return sum * (double)(pixel * pixel * slab);
}

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got / want - 1) < tolerance)) fail_msg("%g, but geometry says %g", got, want);
}

static void ellipsoids_have_their_volume(void **state)
{
    (void)state;
    const nw_ellipsoid e = nw_ellipsoid_make((nw_point){1.3F, -2.1F, 0.7F}, 14, 8, 11, 33);
    near(painted(0.5F, 0.25F, NULL, &e), 4.0 / 3 * M_PI * 14 * 8 * 11, 0.01);
    near(painted(1, 1, NULL, &e), 4.0 / 3 * M_PI * 14 * 8 * 11, 0.02);
}

static void thick_tubes_have_their_volume(void **state)
{
    (void)state;
    const nw_tube t = {.a = {-12, -9, -14}, .b = {13, 8, 12}, .r0 = 5, .r1 = 5};
    double length = sqrt(25.0 * 25 + 17 * 17 + 26 * 26);
    near(painted(0.5F, 0.25F, &t, NULL), M_PI * 25 * length + 4.0 / 3 * M_PI * 125, 0.01);
}

/* Thinner than a pixel and than a slab: the volume is there all the same, in any direction. */
static void thin_tubes_keep_their_volume(void **state)
{
    (void)state;
    const nw_point ends[][2] = {{{-20.2F, 3.3F, 0.6F}, {21.1F, 4.1F, 0.6F}},
                                {{2.7F, 3.1F, -20}, {2.7F, 3.1F, 20}},
                                {{-15.3F, -11.2F, -18.4F}, {16.1F, 12.3F, 17.2F}}};
    const float pixels[] = {0.25F, 0.7F, 1.4F};
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++) {
            const nw_tube t = {ends[i][0], ends[i][1], 0.5F, 0.5F};
            double dx = (double)(t.b.x - t.a.x), dy = (double)(t.b.y - t.a.y), dz = (double)(t.b.z - t.a.z);
            double volume = M_PI * 0.25 * sqrt(dx * dx + dy * dy + dz * dz);
            near(painted(2, pixels[k], &t, NULL), volume, k == 0 ? 0.01 : 0.06);
        }
}

static nw_phantom *make(const nw_phantom_options *o, uint64_t study, nw_chest *chest)
{
    nw_error err;
    nw_phantom *p = NULL;
    if (nw_phantom_new(o, study, &p, &err) != NW_OK) fail_msg("%s", err.message);
    if (nw_chest_make(chest, o, study, &err) != NW_OK) fail_msg("%s", err.message);
    return p;
}

/* Counting voxels agrees with random points in the shapes themselves. */
static void masks_have_the_volume_of_the_shapes(void **state)
{
    (void)state;
    nw_phantom_options o = {
        .seed = 3, .size = 256, .slices = 96, .positives = 1, .shortcut = NW_SHORTCUT_KERNEL};
    nw_chest chest;
    uint64_t study = 1;
    nw_phantom *p;
    for (;; study++) { /* without effusion and motion, which the shapes know nothing of */
        p = make(&o, study, &chest);
        if (!(chest.distractors.kinds & (NW_DISTRACTOR_EFFUSION | NW_DISTRACTOR_MOTION))) break;
        nw_phantom_free(p);
        nw_chest_free(&chest);
    }
    const nw_phantom_info *info = nw_phantom_get_info(p);
    const nw_trunk *t = &chest.trunk;
    nw_draw d = nw_draw_start(99, 0, 1);
    enum { TRIES = 400000 };
    double inside = 0, sick = 0;
    for (int i = 0; i < TRIES; i++) {
        float x = nw_draw_range(&d, -t->half_width, t->half_width),
              y = nw_draw_range(&d, -t->half_depth, t->half_depth);
        float z = nw_draw_range(&d, t->bottom, t->top);
        if (nw_lungs_at(&chest.lungs, x, y, z) > 0) continue;
        inside++;
        bool hit = false;
        for (int k = 0; k < chest.lesions.count && !hit; k++) {
            const nw_lesion *l = &chest.lesions.v[k];
            float seam = l->kind == NW_LESION_CONSOLIDATION ? l->rim : 0;
            hit = nw_lesion_distance(chest.lattice, l, x, y, z) < seam;
        }
        sick += hit;
    }
    double ml =
        8 * (double)t->half_width * (double)t->half_depth * (double)(t->top - t->bottom) / 2 / TRIES / 1000;
    near(info->lung_ml[0] + info->lung_ml[1], inside * ml, 0.01);
    near(info->share_both, sick / inside, 0.025);
    nw_phantom_free(p);
    nw_chest_free(&chest);
}

typedef struct tissue {
    const char *name;
    double low, high, sum;
    long count;
} tissue;

static void add(tissue *t, int16_t hu)
{
    t->sum += hu;
    t->count++;
}

static void tissues_have_their_density(void **state)
{
    (void)state;
    nw_phantom_options o = {
        .seed = 5, .size = 256, .slices = 60, .all_negative = 1, .shortcut = NW_SHORTCUT_KERNEL};
    for (uint64_t study = 1; study <= 3; study++) {
        nw_chest chest;
        nw_phantom *p = make(&o, study, &chest);
        const nw_phantom_info *info = nw_phantom_get_info(p);
        const int16_t *hu = nw_phantom_hu(p);
        const uint8_t *lungs = nw_phantom_mask(p, NW_PHANTOM_LUNGS);
        tissue fat = {"fat", -116, -88, 0, 0}, air = {"trachea", -1010, -930, 0, 0},
               blood = {"aorta", 36, 54, 0, 0};
        tissue front = {"lung in front", -900, -790, 0, 0}, back = {"lung behind", -900, -640, 0, 0};
        tissue outside = {"air", -1010, -985, 0, 0}, bone = {"spine", 90, 420, 0, 0};
        int64_t n = info->dims[0];
        for (int64_t k = 0; k < info->dims[2]; k++) {
            float z = (float)(info->affine[2][2] * (double)k + info->affine[2][3]);
            nw_outline outline;
            nw_outline_at(&chest.trunk, z, &outline);
            float spine = nw_trunk_spine_y(&chest.trunk, z), level = nw_trunk_level(&chest.trunk, z);
            if (level < 0.05F || level > 0.95F) continue;
            for (int64_t i = 0; i < n * n; i++) {
                float x = -(float)(info->affine[0][0] * (double)(i % n) + info->affine[0][3]);
                float y = -(float)(info->affine[1][1] * (double)(i / n) + info->affine[1][3]);
                int16_t v = hu[k * n * n + i];
                float angle = atan2f(x, y) * (NW_ANGLES / 6.2831853F);
                int at = (int)(angle < 0 ? angle + NW_ANGLES : angle) % NW_ANGLES;
                float r = hypotf(x, y), middle = 0.5F * (outline.skin[at] + outline.muscle[at]);
                if (fabsf(r - middle) < 0.5F && outline.skin[at] - outline.muscle[at] > 9) add(&fat, v);
                if (r > outline.skin[at] + 12 && y < 0 && v > -1024) add(&outside, v);
                if (level < 0.5F && hypotf(x, y - spine) < 8) add(&bone, v);
                const nw_tube *windpipe = &chest.airways.inner.v[0], *aorta = &chest.heart.vessels.v[6];
                if (z > chest.trunk.carina + 20 && nw_tube_distance(windpipe, x, y, z) < -5) add(&air, v);
                if (z < aorta->a.z - 5 && z > aorta->b.z + 5 && nw_tube_distance(aorta, x, y, z) < -5)
                    add(&blood, v);
                if (lungs[k * n * n + i] && nw_lungs_at(&chest.lungs, x, y, z) < -12 && v < -600)
                    add(y < -20 ? &front : y > 20 ? &back : &(tissue){0}, v);
            }
        }
        tissue *all[] = {&fat, &air, &blood, &front, &back, &outside, &bone};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            if (all[i]->count < 100)
                fail_msg("study %d: %ld voxels of %s", (int)study, all[i]->count, all[i]->name);
            double mean = all[i]->sum / (double)all[i]->count;
            if (!(mean > all[i]->low && mean < all[i]->high))
                fail_msg("study %d: %s has %.1f HU", (int)study, all[i]->name, mean);
        }
        assert_true(back.sum / (double)back.count > front.sum / (double)front.count + 8); /* gravity */
        nw_phantom_free(p);
        nw_chest_free(&chest);
    }
}

/* In a plain part of the picture the noise has the deviation that info tells, and neighbours are alike. */
static void noise_is_as_told(void **state)
{
    (void)state;
    nw_phantom_options o = {.seed = 8, .size = 512, .slices = 1, .slice_mm = 7, .all_negative = 1};
    enum { SIDE = 256 };
    for (uint64_t study = 1; study <= 4; study++) {
        nw_chest chest;
        nw_phantom *p = make(&o, study, &chest);
        const nw_phantom_info *info = nw_phantom_get_info(p);
        static float flat[SIDE * SIDE], scratch[SIDE * SIDE], noise[SIDE * SIDE];
        static int16_t dst[SIDE * SIDE];
        for (int i = 0; i < SIDE * SIDE; i++) flat[i] = 50;
        chest.scan.circle = false;
        nw_scan_slice s = {.n = SIDE, .slice = 3, .pixel = 0.7F, .slice_mm = (float)info->spacing[2]};
        s.src = flat, s.scratch = scratch, s.noise = noise, s.dst = dst;
        nw_scan_apply(&chest, &s);
        double sum = 0, square = 0, beside = 0, count = 0;
        for (int j = SIDE / 2 - 30; j < SIDE / 2 + 30; j++)
            for (int i = SIDE / 2 - 30; i < SIDE / 2 + 30; i++) {
                double v = dst[j * SIDE + i] - 50 - (double)chest.scan.offset_hu;
                double w = dst[j * SIDE + i + 1] - 50 - (double)chest.scan.offset_hu;
                sum += v, square += v * v, beside += v * w, count++;
            }
        near(sqrt(square / count), info->noise_hu, 0.08);
        assert_true(fabs(sum / count) < info->noise_hu * 0.15);
        assert_true(beside / square > (info->kernel == NW_KERNEL_SOFT ? 0.4 : -0.1));
        nw_phantom_free(p);
        nw_chest_free(&chest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ellipsoids_have_their_volume), cmocka_unit_test(thick_tubes_have_their_volume),
        cmocka_unit_test(thin_tubes_keep_their_volume), cmocka_unit_test(masks_have_the_volume_of_the_shapes),
        cmocka_unit_test(tissues_have_their_density),   cmocka_unit_test(noise_is_as_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
