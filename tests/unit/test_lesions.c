/* Maps whose lesions are known: thresholds, components, places, severity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/chest.h"
#include "support/temp_folder.h"

static void ok(nw_status status, const nw_error *err)
{
    if (status != NW_OK) fail_msg("%s", err->message);
}

/* Spheres well inside the lungs and one that a lung's edge cuts; the map is the truth. */
static const chest_plan plan = {
    .count = 4,
    .lesions = {
        {{80, 20, 60}, 14, 0}, {{-80, -30, -20}, 20, 0}, {{70, -50, 10}, 9, 0}, {{-130, 10, 30}, 16, 0}}};

typedef struct scene {
    chest c;
    nw_lungs *lungs;
    float *density; /* 3 bits per mL in lesions, 0 else */
} scene;

static scene make(const nw_grid *grid)
{
    scene s = {.c = chest_make(&plan, grid)};
    nw_error err;
    float *mask = malloc(s.c.count * sizeof *mask);
    s.density = malloc(s.c.count * sizeof *s.density);
    for (size_t i = 0; i < s.c.count; i++) {
        mask[i] = s.c.side[i];
        s.density[i] = s.c.lesion[i] ? 3 : 0;
    }
    nw_labels_map map = {.kind = NW_LABELS_LUNGS};
    ok(nw_lungs_from_labels(grid, s.c.hu, NULL, mask, &map, &s.lungs, &err), &err);
    free(mask);
    return s;
}

static void drop(scene *s)
{
    chest_free(&s->c);
    nw_lungs_free(s->lungs);
    free(s->density);
}

static nw_lesion_options fixed(double threshold)
{
    nw_lesion_options o;
    nw_lesion_options_init(&o, NULL);
    o.rule = NW_THRESHOLD_FIXED;
    o.threshold = threshold;
    return o;
}

static nw_lesions *find(const scene *s, const nw_lesion_options *o)
{
    nw_lesions *lesions = NULL;
    nw_error err;
    ok(nw_lesions_find(s->lungs, s->density, s->c.hu, o, &lesions, &err), &err);
    return lesions;
}

static const double ball = 4.0 / 3 * M_PI / 1000;

static void check_spheres(const nw_grid *grid, double tolerance)
{
    scene s = make(grid);
    nw_lesion_options o = fixed(1);
    nw_lesions *l = find(&s, &o);
    assert_int_equal(l->count, 4);
    double sum = 0, truth = 0;
    for (size_t i = 0; i < s.c.count; i++) truth += s.c.lesion[i] != 0;
    for (size_t i = 0; i < l->count; i++) {
        const nw_lesion *e = &l->items[i];
        assert_int_equal(e->label, i + 1);
        if (i) assert_true(e->voxels <= l->items[i - 1].voxels);
        sum += e->volume_ml;
        assert_true(fabs(e->bits - 3 * e->volume_ml) < 1e-6 * e->bits);
        assert_true(e->max_density == 3 && fabs(e->mean_density - 3) < 1e-9);
        assert_true(fabs(e->mean_hu) < 1);
        for (int k = 0; k < 3; k++) {
            const chest_lesion *p = &plan.lesions[k];
            if (fabs(e->centroid_mm[0] - p->at[0]) > 5 || fabs(e->centroid_mm[2] - p->at[2]) > 5) continue;
            double want = ball * pow(p->radius, 3);
            if (fabs(e->volume_ml - want) > tolerance * want)
                fail_msg("%g mL, a ball of %g", e->volume_ml, want);
            for (int a = 0; a < 3; a++) {
                assert_true(fabs(e->centroid_mm[a] - p->at[a]) < 0.5);
                assert_true(fabs(e->box_mm[0][a] - (p->at[a] - p->radius)) < 5);
                assert_true(fabs(e->box_mm[1][a] - (p->at[a] + p->radius)) < 5);
                assert_true(e->box_voxel[0][a] <= e->box_voxel[1][a]);
            }
            assert_int_equal(e->side, p->at[0] > 0 ? NW_SIDE_RIGHT : NW_SIDE_LEFT);
            static const nw_zone zones[] = {NW_ZONE_UPPER, NW_ZONE_MIDDLE, NW_ZONE_MIDDLE};
            assert_int_equal(e->zone, zones[k]);
        }
    }
    assert_true(fabs(sum - truth * nw_grid_voxel_ml(grid)) < 1e-6);
    assert_true(fabs(sum - l->volume_ml) < 1e-9);
    nw_lesions_free(l);
    drop(&s);
}

static nw_grid turned(const nw_grid *g, double degrees)
{
    const double a = degrees * M_PI / 180, c = cos(a), s = sin(a);
    const double turn[3][3] = {{c, -s * c, s * s}, {s, c * c, -s * c}, {0, s, c}};
    nw_grid out = *g;
    for (int r = 0; r < 3; r++)
        for (int k = 0; k < 4; k++) {
            out.affine[r][k] = 0;
            for (int m = 0; m < 3; m++) out.affine[r][k] += turn[r][m] * g->affine[m][k];
        }
    return out;
}

static void test_spheres(void **state)
{
    (void)state;
    nw_grid fine = chest_grid(1, 1, 1.5, -140, 140), thick = chest_grid(0.9, 1.2, 5, -140, 140),
            oblique = turned(&fine, 12);
    check_spheres(&fine, 0.02);
    check_spheres(&thick, 0.05); /* a ball of 9 mm in slices of 5 mm */
    check_spheres(&oblique, 0.02);
}

static int by_label(const nw_lesions *a, const nw_lesions *b, size_t i)
{
    return fabs(a->items[i].volume_ml - b->items[i].volume_ml) < 1e-9 &&
           fabs(a->items[i].centroid_mm[0] - b->items[i].centroid_mm[0]) < 1e-6 &&
           fabs(a->items[i].box_mm[1][2] - b->items[i].box_mm[1][2]) < 1e-6 &&
           a->items[i].zone == b->items[i].zone && a->items[i].side == b->items[i].side &&
           fabs(a->items[i].bits - b->items[i].bits) < 1e-6;
}

/* Flipped and permuted arrays give the same lesions; cropping to one side gives that side's. */
static void test_moves(void **state)
{
    (void)state;
    static const int order[3] = {2, 0, 1}, flip[3] = {1, 0, 1};
    nw_grid g = chest_grid(2, 2, 4, -140, 140), h = chest_reordered(&g, order, flip);
    scene a = make(&g), b = make(&h);
    nw_lesion_options o = fixed(1);
    nw_lesions *la = find(&a, &o), *lb = find(&b, &o);
    nw_severity sa, sb;
    nw_error err;
    assert_int_equal(la->count, lb->count);
    for (size_t i = 0; i < la->count; i++) assert_true(by_label(la, lb, i));
    ok(nw_severity_measure(a.lungs, a.density, la->labels, &sa, &err), &err);
    ok(nw_severity_measure(b.lungs, b.density, lb->labels, &sb, &err), &err);
    assert_true(fabs(sa.sides[0].share - sb.sides[0].share) < 1e-12);
    assert_int_equal(sa.zone_score, sb.zone_score);
    assert_true(fabs(sa.bits_per_litre - sb.bits_per_litre) < 1e-6);
    drop(&b);
    nw_lesions_free(lb);
    nw_grid right = g;
    right.dims[0] /= 2;
    b = make(&right);
    lb = find(&b, &o);
    assert_int_equal(lb->count, 2);
    ok(nw_severity_measure(b.lungs, b.density, lb->labels, &sb, &err), &err);
    assert_true(fabs(sb.sides[NW_SIDE_RIGHT].involved_ml - sa.sides[NW_SIDE_RIGHT].involved_ml) < 1e-9);
    assert_true(sb.sides[NW_SIDE_LEFT].volume_ml == 0 && sb.sides[NW_SIDE_LEFT].share == 0);
    drop(&a);
    drop(&b);
    nw_lesions_free(la);
    nw_lesions_free(lb);
}

/* Finer grids: the same threshold, the same mL, the same bits. */
static void test_units(void **state)
{
    (void)state;
    nw_grid grids[3] = {chest_grid(2, 2, 4, -140, 140), chest_grid(1, 1, 4, -140, 140),
                        chest_grid(2, 2, 2, -140, 140)};
    double bits[3], ml[3];
    for (int g = 0; g < 3; g++) {
        scene s = make(&grids[g]);
        nw_error err;
        /* A classifier of slices needs 0.02 bits per mm^2 of lesion, whatever the pixels. */
        double pixel = grids[g].affine[0][0] * grids[g].affine[1][1];
        for (size_t i = 0; i < s.c.count; i++) s.density[i] = s.c.lesion[i] ? (float)(0.02 * pixel) : 0;
        ok(nw_density_from_bits(&grids[g], NW_BITS_PER_SLICE, s.density, s.density, &err), &err);
        for (size_t i = 0; i < s.c.count; i++)
            if (s.c.lesion[i]) assert_true(fabs((double)s.density[i] - 2) < 1e-5);
        nw_lesion_options o = fixed(1.9);
        nw_lesions *l = find(&s, &o);
        nw_severity v;
        ok(nw_severity_measure(s.lungs, s.density, l->labels, &v, &err), &err);
        bits[g] = v.sides[0].bits;
        ml[g] = v.sides[0].involved_ml;
        assert_true(fabs(bits[g] - 2 * ml[g]) < 1e-4 * bits[g]);
        assert_true(fabs(v.bits_per_litre - 1000 * bits[g] / v.sides[0].volume_ml) < 1e-6);
        nw_lesions_free(l);
        drop(&s);
    }
    for (int g = 1; g < 3; g++) assert_true(fabs(bits[g] - bits[0]) < 0.02 * bits[0]);
    nw_grid g = grids[0];
    float one = 5;
    g.dims[0] = g.dims[1] = g.dims[2] = 1;
    ok(nw_density_from_bits(&g, NW_BITS_PER_VOXEL, &one, &one, NULL), &(nw_error){0});
    assert_true(fabs((double)one - 5 / 0.016) < 1e-3);
}

static void test_gate_and_smoothing(void **state)
{
    (void)state;
    enum { N = 15, MIDDLE = 7 };
    nw_grid g = {.dims = {3, 2, N}, .slice_axis = 2, .slices_reversed = 1};
    g.affine[0][0] = g.affine[1][1] = g.affine[3][3] = 1;
    g.affine[2][2] = -5;
    float d[N][6];
    double p[N];
    nw_lesion_options o = fixed(1);
    nw_error err;
    for (int k = 0; k < N; k++)
        for (int i = 0; i < 6; i++) d[k][i] = (float)(k == MIDDLE ? 6 : 0);
    o.smooth_mm = 5;
    ok(nw_density_prepare(&g, &d[0][0], &o, &err), &err);
    double total = 0, w = 1 + 2 * (exp(-0.5) + exp(-2) + exp(-4.5));
    for (int k = 0; k < N; k++) {
        int far = abs(k - MIDDLE);
        double want = far > 3 ? 0 : 6 * exp(-0.5 * far * far) / w;
        assert_true(fabs((double)d[k][5] - want) < 1e-5);
        total += (double)d[k][0];
    }
    assert_true(fabs(total - 6) < 1e-5);
    /* A constant stays what it is, ends included. */
    for (int k = 0; k < N; k++) {
        p[k] = 0.9;
        for (int i = 0; i < 6; i++) d[k][i] = 2;
    }
    ok(nw_density_prepare(&g, &d[0][0], &o, &err), &err);
    for (int k = 0; k < N; k++) assert_true(fabs((double)d[k][3] - 2) < 1e-6);
    /* Slice 2 of the volume is the third from the top of the array, as slices are reversed. */
    p[2] = 0.2;
    o.probability = p;
    ok(nw_density_prepare(&g, &d[0][0], &o, &err), &err);
    for (int k = 0; k < N; k++)
        assert_true(k == N - 3 ? d[k][0] == 0 : abs(k - (N - 3)) <= 3 ? d[k][0] < 2 : d[k][0] == 2);
    p[0] = NAN;
    assert_int_equal(nw_density_prepare(&g, &d[0][0], &o, &err), NW_BAD_INPUT);
    o.probability = NULL;
    d[1][1] = -1;
    assert_int_equal(nw_density_prepare(&g, &d[0][0], &o, &err), NW_BAD_INPUT);
    d[1][1] = INFINITY;
    assert_int_equal(nw_density_prepare(&g, &d[0][0], &o, &err), NW_NOT_FINITE);
}

static void test_thresholds(void **state)
{
    (void)state;
    nw_grid g = chest_grid(4, 4, 8, -140, 140);
    scene s = make(&g);
    nw_error err;
    double t;
    for (size_t i = 0; i < s.c.count; i++) s.density[i] = s.c.lesion[i] ? 8 : s.c.side[i] ? 0.5F : 100;
    nw_lesion_options o;
    nw_lesion_options_init(&o, NULL);
    assert_int_equal(o.rule, NW_THRESHOLD_OTSU);
    ok(nw_lesion_threshold(s.lungs, s.density, &o, &t, &err), &err);
    assert_true(t > 0.6 && t < 8); /* outside the lungs does not count */
    o.rule = NW_THRESHOLD_SHARE;
    ok(nw_lesion_threshold(s.lungs, s.density, &o, &t, &err), &err);
    assert_true(fabs(t - 4) < 1e-9);
    o.rule = NW_THRESHOLD_HEALTHY;
    assert_int_equal(nw_lesion_threshold(s.lungs, s.density, &o, &t, &err), NW_USAGE);
    assert_non_null(strstr(err.message, "negative scans"));
    /* An empty map has no lesions, whatever the rule. */
    for (size_t i = 0; i < s.c.count; i++) s.density[i] = 0;
    for (int rule = NW_THRESHOLD_FIXED; rule <= NW_THRESHOLD_SHARE; rule++) {
        o.rule = (nw_threshold_rule)rule;
        o.threshold = 0;
        nw_lesions *l = find(&s, &o);
        assert_int_equal(l->count, 0);
        nw_severity v;
        ok(nw_severity_measure(s.lungs, s.density, l->labels, &v, &err), &err);
        assert_true(v.grade == 0 && v.zone_score == 0 && v.lobe_score == -1 && v.bits_per_litre == 0);
        nw_lesions_free(l);
    }
    nw_threshold_rule rule;
    assert_int_equal(nw_threshold_rule_parse("share", &rule, &err), NW_OK);
    assert_int_equal(rule, NW_THRESHOLD_SHARE);
    assert_int_equal(nw_threshold_rule_parse("median", &rule, &err), NW_USAGE);
    assert_string_equal(nw_threshold_rule_name(NW_THRESHOLD_HEALTHY), "healthy");
    drop(&s);
}

static void test_small_and_hu(void **state)
{
    (void)state;
    nw_grid g = chest_grid(2, 2, 4, -140, 140);
    scene s = make(&g);
    nw_lesion_options o = fixed(1);
    o.min_ml = 4; /* the ball of 9 mm has 3 mL */
    nw_lesions *l = find(&s, &o);
    assert_int_equal(l->count, 3);
    assert_int_equal(l->dropped, 1);
    assert_true(fabs(l->dropped_ml - 3.05) < 0.3);
    for (size_t i = 0; i < s.c.count; i++) assert_true(l->labels[i] == 0 || s.c.lesion[i] != 3);
    nw_lesions_free(l);
    o.low_hu = -900;
    o.high_hu = -100;
    l = find(&s, &o);
    assert_int_equal(l->count, 0); /* they have 0 HU */
    nw_lesions_free(l);
    nw_error err;
    assert_int_equal(nw_lesions_find(s.lungs, s.density, NULL, &o, &l, &err), NW_USAGE);
    o.high_hu = -1000;
    assert_int_equal(nw_lesions_find(s.lungs, s.density, s.c.hu, &o, &l, &err), NW_USAGE);
    drop(&s);
}

static void test_scores(void **state)
{
    (void)state;
    static const struct {
        double share;
        int grade, lobe;
    } rows[] = {{0, 0, 0},    {1e-9, 1, 1},   {0.0499, 1, 1}, {0.05, 1, 2}, {0.2499, 1, 2},
                {0.25, 2, 2}, {0.2501, 2, 3}, {0.499, 2, 3},  {0.5, 2, 4},  {0.501, 3, 4},
                {0.75, 3, 4}, {0.7501, 4, 5}, {1, 4, 5}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(nw_severity_grade(rows[i].share), rows[i].grade);
        assert_int_equal(nw_severity_zone_score(rows[i].share), rows[i].grade);
        assert_int_equal(nw_severity_lobe_score(rows[i].share), rows[i].lobe);
    }
}

/* Lungs that are boxes of 2 x 1 x 6 voxels of 1 mL; the upper third of the right and all of the left lower
 * third. */
static void test_zones(void **state)
{
    (void)state;
    nw_grid g = {.dims = {4, 1, 6}, .slice_axis = 2};
    g.affine[0][0] = g.affine[1][1] = g.affine[2][2] = 10;
    g.affine[3][3] = 1;
    float mask[24], density[24];
    int32_t labels[24] = {0};
    for (int i = 0; i < 24; i++) {
        int k = i / 4, right = i % 4 >= 2;
        mask[i] = right ? (float)(k >= 4 ? 1 : k >= 2 ? 2 : 3) : (float)(k >= 3 ? 4 : 5);
        density[i] = (float)k;
        labels[i] = (right && k == 5) || (!right && k < 2) || (i == 4 * 3);
    }
    nw_labels_map map = {.kind = NW_LABELS_LOBES};
    nw_lungs *lungs;
    nw_severity s;
    nw_error err;
    ok(nw_lungs_from_labels(&g, NULL, NULL, mask, &map, &lungs, &err), &err);
    assert_true(lungs->top_mm[1] == 55 && lungs->bottom_mm[1] == -5);
    ok(nw_severity_measure(lungs, density, labels, &s, &err), &err);
    assert_true(fabs(s.sides[0].volume_ml - 24) < 1e-9 && fabs(s.sides[0].share - 7.0 / 24) < 1e-12);
    assert_true(fabs(s.sides[1].share - 2.0 / 12) < 1e-12 && fabs(s.sides[2].share - 5.0 / 12) < 1e-12);
    assert_true(fabs(s.zones[1][NW_ZONE_UPPER].share - 0.5) < 1e-12 && s.zones[1][NW_ZONE_UPPER].score == 2);
    assert_true(s.zones[2][NW_ZONE_LOWER].share == 1 && s.zones[2][NW_ZONE_LOWER].score == 4);
    assert_true(fabs(s.zones[2][NW_ZONE_MIDDLE].share - 0.25) < 1e-12 &&
                s.zones[2][NW_ZONE_MIDDLE].score == 2);
    assert_int_equal(s.zone_score, 8);
    assert_int_equal(s.grade, 2);
    assert_int_equal(s.worst_grade, 2);
    assert_int_equal(s.lobes[NW_LOBE_RU].score, 4);
    assert_int_equal(s.lobes[NW_LOBE_LU].score, 2); /* 1 of 6 */
    assert_int_equal(s.lobes[NW_LOBE_LL].score, 4); /* 4 of 6 */
    assert_int_equal(s.lobe_score, 10);
    assert_true(fabs(s.sides[0].bits - 4 * 15) < 1e-9);
    assert_true(fabs(s.bits_per_litre - 2500) < 1e-9);
    density[3] = INFINITY;
    assert_int_equal(nw_severity_measure(lungs, density, labels, &s, &err), NW_NOT_FINITE);
    nw_lungs_free(lungs);
}

static void test_sweep(void **state)
{
    (void)state;
    nw_grid g = chest_grid(3, 3, 6, -140, 140);
    scene s = make(&g);
    for (size_t i = 0; i < s.c.count; i++) s.density[i] = s.c.lesion[i] ? (float)s.c.lesion[i] : 0.01F;
    nw_sweep_point p[5];
    nw_error err;
    nw_sweep_thresholds(0.5, 8, p, 5);
    for (int i = 0; i < 5; i++) assert_true(fabs(p[i].threshold - 0.5 * pow(2, i)) < 1e-9);
    nw_lesion_options o = fixed(1);
    ok(nw_severity_sweep(s.lungs, s.density, s.c.hu, &o, p, 5, NULL, &err), &err);
    static const size_t counts[] = {4, 4, 3, 1, 0};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(p[i].lesions, counts[i]);
        if (i) assert_true(p[i].share[0] <= p[i - 1].share[0]);
        o.threshold = p[i].threshold;
        nw_lesions *l = find(&s, &o);
        nw_severity v;
        ok(nw_severity_measure(s.lungs, s.density, l->labels, &v, &err), &err);
        assert_true(p[i].share[2] == v.sides[2].share && p[i].grade == v.grade &&
                    p[i].zone_score == v.zone_score);
        assert_true(fabs(p[i].involved_ml - l->volume_ml) < 1e-9);
        nw_lesions_free(l);
    }
    drop(&s);
}

/* A map of noise: many components that fall apart as the threshold rises, some too small, some cut by the
 * range of HU; the sweep is what finding and measuring at each threshold gives. */
static void test_sweep_noise(void **state)
{
    (void)state;
    nw_grid g = chest_grid(4, 4, 6, -140, 140);
    chest c = chest_make(&plan, &g);
    float *mask = malloc(c.count * sizeof *mask), *density = malloc(c.count * sizeof *density);
    uint32_t seed = 1;
    for (size_t i = 0; i < c.count; i++) {
        seed = seed * 1664525u + 1013904223u;
        density[i] = (float)(seed >> 16) / 65536 * (c.lesion[i] ? 2.0F : 1.0F);
        mask[i] = (float)(c.side[i] == 1 ? 1 + i % 3 : c.side[i] == 2 ? 4 + i % 2 : 0);
    }
    nw_labels_map map = {.kind = NW_LABELS_LOBES};
    nw_lungs *lungs = NULL;
    nw_error err;
    ok(nw_lungs_from_labels(&g, c.hu, NULL, mask, &map, &lungs, &err), &err);
    nw_lesion_options o = fixed(1);
    o.min_ml = 0.5;
    o.low_hu = -860;
    o.high_hu = 100;
    nw_sweep_point p[] = {{.threshold = 0.95}, {.threshold = 0},   {.threshold = 0.7},
                          {.threshold = 0.85}, {.threshold = 1.5}, {.threshold = 9}};
    enum { N = sizeof p / sizeof p[0] };
    ok(nw_severity_sweep(lungs, density, c.hu, &o, p, N, NULL, &err), &err);
    assert_true(p[0].lesions > 10 && p[1].lesions > 0 && p[N - 1].lesions == 0);
    for (int i = 0; i < N; i++) {
        nw_lesions *l = NULL;
        nw_severity v;
        o.threshold = p[i].threshold;
        ok(nw_lesions_find(lungs, density, c.hu, &o, &l, &err), &err);
        ok(nw_severity_measure(lungs, density, l->labels, &v, &err), &err);
        assert_int_equal(p[i].lesions, l->count);
        for (int side = 0; side < NW_SIDES; side++) assert_true(p[i].share[side] == v.sides[side].share);
        assert_true(p[i].involved_ml == v.sides[0].involved_ml);
        assert_true(p[i].grade == v.grade && p[i].zone_score == v.zone_score &&
                    p[i].lobe_score == v.lobe_score);
        nw_lesions_free(l);
    }
    assert_int_equal(nw_severity_sweep(lungs, density, NULL, &o, p, N, NULL, &err), NW_USAGE);
    p[3].threshold = -1;
    assert_int_equal(nw_severity_sweep(lungs, density, c.hu, &o, p, N, NULL, &err), NW_USAGE);
    nw_lungs_free(lungs);
    free(mask);
    free(density);
    chest_free(&c);
}

static void test_interval(void **state)
{
    (void)state;
    const double v[] = {3, 1, 2, 2, 12};
    nw_interval i = nw_interval_of(v, 5);
    assert_true(i.mean == 4 && fabs(i.deviation - sqrt(82.0 / 4)) < 1e-12);
    /* Sorted 1 2 2 3 12: places 0.1 and 3.9. */
    assert_true(fabs(i.low - 1.1) < 1e-12 && fabs(i.high - 11.1) < 1e-12);
    i = nw_interval_of(v, 1);
    assert_true(i.mean == 3 && i.deviation == 0 && i.low == 3 && i.high == 3);
    nw_severity runs[3];
    memset(runs, 0, sizeof runs);
    for (int k = 0; k < 3; k++) {
        runs[k].grade = k ? 2 : 1;
        runs[k].sides[NW_SIDE_LEFT].share = 0.1 * k;
        runs[k].lobe_score = -1;
    }
    nw_severity_interval out;
    nw_error err;
    ok(nw_severity_interval_of(runs, 3, &out, &err), &err);
    assert_true(out.grade_votes[1] == 1 && out.grade_votes[2] == 2);
    assert_true(fabs(out.share[NW_SIDE_LEFT].mean - 0.1) < 1e-12 && out.lobe_score.low == -1);
    assert_int_equal(nw_severity_interval_of(runs, 0, &out, &err), NW_USAGE);
}

static void test_healthy(void **state)
{
    (void)state;
    enum { N = 100000 };
    nw_healthy *h, *other, *back;
    nw_error err;
    double q;
    ok(nw_healthy_new(&h, &err), &err);
    assert_int_equal(nw_healthy_quantile(h, 0.5, &q, &err), NW_BAD_INPUT);
    float *d = malloc(N * sizeof *d);
    uint8_t *mask = malloc(N);
    for (int i = 0; i < N; i++) {
        d[i] = (float)pow(10, -3 + 5 * (i + 0.5) / N); /* even on the scale of logarithms */
        mask[i] = 1;
    }
    mask[N - 1] = 0;
    d[N - 1] = 1e9F; /* not in the lungs */
    ok(nw_healthy_add_values(h, d, mask, N, 0.01, &err), &err);
    assert_true(fabs(nw_healthy_ml(h) - 999.99) < 1e-6 && nw_healthy_scans(h) == 1);
    for (double x = 0.05; x < 1; x += 0.05) {
        ok(nw_healthy_quantile(h, x, &q, &err), &err);
        double want = pow(10, -3 + 5 * x);
        assert_true(fabs(q - want) < 0.005 * want);
    }
    ok(nw_healthy_quantile(h, 1, &q, &err), &err);
    assert_true(fabs(q - nw_healthy_largest(h)) < 1e-6 * q && q < 101);
    /* Voxels of eight times the volume count eight times: the grid does not matter. */
    ok(nw_healthy_new(&other, &err), &err);
    for (int i = 0; i < N; i += 8) d[i / 8] = d[i];
    ok(nw_healthy_add_values(other, d, NULL, N / 8, 0.08, &err), &err);
    double q2;
    ok(nw_healthy_quantile(h, 0.9, &q, &err), &err);
    ok(nw_healthy_quantile(other, 0.9, &q2, &err), &err);
    assert_true(fabs(q - q2) < 0.005 * q);
    assert_true(fabs(nw_healthy_bits_per_litre(h) - nw_healthy_bits_per_litre(other)) <
                0.001 * nw_healthy_bits_per_litre(h));
    ok(nw_healthy_set_facts(h, "abc", "{\"beta\": 10}", &err), &err);
    ok(nw_healthy_merge(h, other, &err), &err);
    assert_true(nw_healthy_scans(h) == 2);
    char folder[64], path[128];
    snprintf(path, sizeof path, "%s/healthy.json", temp_folder(folder));
    ok(nw_healthy_save(h, path, &err), &err);
    ok(nw_healthy_load(path, "abc", "{\"beta\": 10}", &back, &err), &err);
    ok(nw_healthy_quantile(h, 0.99, &q, &err), &err);
    ok(nw_healthy_quantile(back, 0.99, &q2, &err), &err);
    assert_true(fabs(q - q2) < 1e-12 * q);
    assert_string_equal(nw_healthy_settings(back), "{\"beta\": 10}");
    nw_healthy *none = NULL;
    assert_int_equal(nw_healthy_load(path, "abd", NULL, &none, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "another model"));
    assert_int_equal(nw_healthy_load(path, NULL, "{}", &none, &err), NW_BAD_INPUT);
    ok(nw_healthy_set_facts(other, "xyz", NULL, &err), &err);
    assert_int_equal(nw_healthy_merge(h, other, &err), NW_BAD_INPUT);
    /* The threshold that lesions take. */
    nw_grid g = chest_grid(4, 4, 8, -140, 140);
    scene s = make(&g);
    nw_lesion_options o;
    nw_lesion_options_init(&o, back);
    assert_int_equal(o.rule, NW_THRESHOLD_HEALTHY);
    nw_lesions *l = find(&s, &o);
    assert_true(l->threshold == q2 && l->count == 0); /* 3 bits per mL are nothing there */
    nw_lesions_free(l);
    ok(nw_healthy_add(back, s.lungs, s.density, &err), &err);
    assert_true(nw_healthy_scans(back) == 3);
    drop(&s);
    static const char *const bad[] = {
        "", "[]", "{\"schema\": \"narrows.manifest\"}", "{\"schema\": \"narrows.healthy\"}",
        "{\"schema\": \"narrows.healthy\", \"schema_version\": 1, \"scans\": 1}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(
            nw_healthy_load(temp_write(folder, "bad.json", bad[i], strlen(bad[i])), NULL, NULL, &none, &err),
            NW_BAD_INPUT);
    assert_null(none);
    assert_int_equal(nw_healthy_load("/nowhere/healthy.json", NULL, NULL, &none, &err), NW_IO);
    d[0] = NAN;
    assert_int_equal(nw_healthy_add_values(h, d, NULL, 5, 1, &err), NW_NOT_FINITE);
    assert_true(nw_healthy_scans(h) == 2);
    temp_remove(folder);
    free(d);
    free(mask);
    nw_healthy_free(h);
    nw_healthy_free(other);
    nw_healthy_free(back);
}

/* Words without line breaks, so that a page may wrap them. */
static char *words(const char *text)
{
    char *out = malloc(strlen(text) + 2), *to = out;
    for (int space = 1; *text; text++) {
        int is = *text == ' ' || *text == '\n';
        if (!is || !space) *to++ = is ? ' ' : *text;
        space = is;
    }
    *to = 0;
    return out;
}

static void test_definitions(void **state)
{
    (void)state;
    FILE *f = fopen(NW_TEST_SOURCE "/docs/severity.md", "rb");
    assert_non_null(f);
    static char text[65536];
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    char *page = words(text);
    assert_true(nw_definition_count() > 10);
    assert_null(nw_definition_list(nw_definition_count()));
    for (size_t i = 0; i < nw_definition_count(); i++) {
        const nw_definition *d = nw_definition_list(i);
        assert_ptr_equal(nw_definition_find(d->key), d);
        char *want = words(d->text), *source = words(d->source), key[64];
        snprintf(key, sizeof key, "`%s`", d->key);
        if (!strstr(page, want) || !strstr(page, source) || !strstr(page, key))
            fail_msg("docs/severity.md does not have the definition of %s", d->key);
        free(want);
        free(source);
    }
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spheres),     cmocka_unit_test(test_moves),
        cmocka_unit_test(test_units),       cmocka_unit_test(test_gate_and_smoothing),
        cmocka_unit_test(test_thresholds),  cmocka_unit_test(test_small_and_hu),
        cmocka_unit_test(test_scores),      cmocka_unit_test(test_zones),
        cmocka_unit_test(test_sweep),       cmocka_unit_test(test_sweep_noise),
        cmocka_unit_test(test_interval),    cmocka_unit_test(test_healthy),
        cmocka_unit_test(test_definitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
