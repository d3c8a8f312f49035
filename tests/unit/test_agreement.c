/* Found lesions held against true ones whose overlap is known by counting boxes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <narrows/lesion.h>
#include <stdlib.h>
#include <string.h>

enum { NX = 20, NY = 16, NZ = 12, COUNT = NX * NY * NZ };

static const nw_grid grid = {.dims = {NX, NY, NZ},
                             .affine = {{2, 0, 0, 0}, {0, 2, 0, 0}, {0, 0, 5, 0}, {0, 0, 0, 1}},
                             .slice_axis = 2};
static const double ml = 0.02; /* 2 x 2 x 5 mm */

typedef struct box {
    int low[3], high[3]; /* both included */
} box;

static int inside(const box *b, int i)
{
    const int at[3] = {i % NX, i / NX % NY, i / (NX * NY)};
    for (int a = 0; a < 3; a++)
        if (at[a] < b->low[a] || at[a] > b->high[a]) return 0;
    return 1;
}

static nw_lungs *lungs_of(const box *b)
{
    static float mask[COUNT];
    for (int i = 0; i < COUNT; i++) mask[i] = (float)(inside(b, i) ? 1 + (i % NX < NX / 2) : 0);
    nw_labels_map map = {.kind = NW_LABELS_LUNGS};
    nw_lungs *lungs;
    nw_error err;
    if (nw_lungs_from_labels(&grid, NULL, NULL, mask, &map, &lungs, &err) != NW_OK)
        fail_msg("%s", err.message);
    return lungs;
}

static void close_to(double got, double want, const char *what)
{
    if (!(fabs(got - want) < 1e-9)) fail_msg("%s is %.12g, not %.12g", what, got, want);
}

static void boxes_overlap_as_counted(void **state)
{
    (void)state;
    const box lung = {{2, 2, 0}, {17, 13, 9}};        /* 16 x 12 x 10 = 1920 */
    const box a = {{3, 3, 1}, {6, 6, 4}};             /* true: 4 x 4 x 4 = 64 */
    const box b = {{12, 8, 2}, {13, 9, 3}};           /* true: 8, and missed */
    const box c = {{0, 12, 8}, {3, 13, 8}};           /* true: 8, of which 4 are outside the lungs */
    const box d = {{9, 3, 10}, {9, 3, 10}};           /* true: a voxel of 0.02 mL, outside */
    const box found = {{5, 3, 1}, {8, 6, 4}};         /* 64, of which 2 x 4 x 4 = 32 are in a */
    const box false_alarm = {{12, 3, 6}, {13, 4, 7}}; /* 8 */
    static uint8_t truth[COUNT];
    static int32_t labels[COUNT];
    for (int i = 0; i < COUNT; i++) {
        truth[i] = (uint8_t)(inside(&a, i) || inside(&b, i) || inside(&c, i) || inside(&d, i) ? 7 : 0);
        labels[i] = inside(&found, i) ? 1 : inside(&false_alarm, i) ? 2 : 0;
    }
    nw_lungs *lungs = lungs_of(&lung);
    nw_agreement out;
    nw_error err;
    assert_int_equal(nw_agreement_measure(lungs, labels, truth, 0.1, &out, &err), NW_OK);
    close_to(out.truth_ml, 81 * ml, "truth");
    close_to(out.found_ml, 72 * ml, "found");
    close_to(out.both_ml, 32 * ml, "both");
    close_to(out.outside_ml, 5 * ml, "outside");
    close_to(out.dice, 64.0 / (81 + 72), "Dice");
    close_to(out.truth_share, 81.0 / 1925, "share");
    assert_int_equal(out.truth_grade, 1);
    assert_int_equal(out.lesions, 3); /* d is below 0.1 mL */
    assert_int_equal(out.touched, 1);
    assert_int_equal(nw_agreement_measure(lungs, labels, truth, 0, &out, &err), NW_OK);
    assert_int_equal(out.lesions, 4);
    /* Exactly as large as the least: it counts. */
    assert_int_equal(nw_agreement_measure(lungs, labels, truth, 8 * ml, &out, &err), NW_OK);
    assert_int_equal(out.lesions, 3);
    nw_lungs_free(lungs);
}

static void nothing_against_something(void **state)
{
    (void)state;
    const box lung = {{0, 0, 0}, {NX - 1, NY - 1, NZ - 1}}, half = {{0, 0, 0}, {NX - 1, NY - 1, NZ / 2 - 1}};
    static uint8_t none[COUNT], truth[COUNT];
    static int32_t labels[COUNT];
    for (int i = 0; i < COUNT; i++) truth[i] = (uint8_t)inside(&half, i);
    for (int i = 0; i < COUNT; i++) labels[i] = truth[i];
    nw_lungs *lungs = lungs_of(&lung);
    nw_agreement out;
    nw_error err;
    assert_int_equal(nw_agreement_measure(lungs, NULL, none, 0.1, &out, &err), NW_OK);
    assert_true(isnan(out.dice) && out.truth_share == 0 && out.truth_grade == 0 && out.lesions == 0);
    assert_int_equal(nw_agreement_measure(lungs, NULL, truth, 0.1, &out, &err), NW_OK);
    assert_true(out.dice == 0 && out.both_ml == 0 && out.lesions == 1 && out.touched == 0);
    close_to(out.truth_share, 0.5, "share");
    assert_int_equal(out.truth_grade, 2);
    assert_int_equal(nw_agreement_measure(lungs, labels, none, 0.1, &out, &err), NW_OK);
    assert_true(out.dice == 0 && out.lesions == 0);
    close_to(out.found_ml, COUNT / 2 * ml, "found");
    assert_int_equal(nw_agreement_measure(lungs, labels, truth, 0.1, &out, &err), NW_OK);
    close_to(out.dice, 1, "Dice");
    assert_int_equal(out.touched, 1);
    nw_lungs_free(lungs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_overlap_as_counted),
        cmocka_unit_test(nothing_against_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
