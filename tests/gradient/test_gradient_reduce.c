/* Reductions, ArgMax and ArgMin. */
#include "support/op_check.h"

static void gradients(void **state)
{
    (void)state;
    static const char *const any[] = {"ReduceSum", "ReduceMean",      "ReduceMax",
                                      "ReduceMin", "ReduceProd",      "ReduceL1",
                                      "ReduceL2",  "ReduceLogSumExp", "ReduceSumSquare"};
    for (size_t i = 0; i < sizeof any / sizeof *any; i++) {
        const op_case cases[] = {{any[i], 11, "", "2x3x2"},
                                 {any[i], 11, "axes=[-1,0]", "2x3x2"},
                                 {any[i], 11, "axes=[1] keepdims=0", "2x3x2"},
                                 {any[i], 18, "keepdims=0", "2x3x2 {0,2}"},
                                 {any[i], 18, "noop_with_empty_axes=1", "2x3x2"},
                                 {any[i], 18, "", "2x3x2 -"},
                                 {any[i], 13, "", "()"}};
        op_check_gradients(cases, sizeof cases / sizeof *cases);
    }
    op_check_gradient(&(op_case){"ReduceLogSum", 11, "axes=[1]", "+2x3x2"});
    op_check_adjoint(&(op_case){"ReduceSum", 13, "keepdims=0", "2x3x4 {1}"}, 0);
    op_check_adjoint(&(op_case){"ReduceMean", 11, "axes=[0,2]", "2x3x4"}, 0);
}

/* d/dx of a product with zeros, and of a maximum that two elements share. */
static void special_points(void **state)
{
    (void)state;
    op_run run;
    const op_case product = {"ReduceProd", 11, "axes=[1]", "3x3"},
                  most = {"ReduceMax", 11, "axes=[1]", "1x4"};
    const double x[9] = {2, 0, 5, 0, 0, 7, 2, 3, 4}, want[9] = {0, 10, 0, 0, 0, 0, 12, 8, 6};
    op_open_or_fail(&product, 1, &run);
    memcpy(run.src[0], x, sizeof x);
    for (int i = 0; i < 3; i++) run.diff_dst[0][i] = 1;
    op_run_forward(&run);
    op_run_backward(&run);
    assert_memory_equal(run.diff_src[0], want, sizeof want);
    op_run_free(&run);
    const double ties[4] = {1, 4, 4, 2}, share[4] = {0, 1, 1, 0};
    op_open_or_fail(&most, 1, &run);
    memcpy(run.src[0], ties, sizeof ties);
    run.diff_dst[0][0] = 2;
    op_run_forward(&run);
    op_run_backward(&run);
    assert_memory_equal(run.diff_src[0], share, sizeof share);
    op_run_free(&run);
}

static void values(void **state)
{
    (void)state;
    const double x[] = {3, -4, 3, 0, 1, 2};
    const double *const in[] = {x, NULL};
    op_check_values(&(op_case){"ReduceL2", 11, "axes=[0]", "2x3"}, in, 0,
                    (const double[]){3, sqrt(17), sqrt(13)}, 3, 1e-15);
    op_check_values(&(op_case){"ReduceL1", 18, "", "2x3 {1}"}, in, 0, (const double[]){10, 3}, 2, 0);
    /* Nothing is reduced: the input comes out as it is, signs included. */
    op_check_values(&(op_case){"ReduceL1", 18, "noop_with_empty_axes=1", "2x3"}, in, 0, x, 6, 0);
    op_check_values(&(op_case){"ReduceMax", 11, "", "2x3"}, in, 0, (const double[]){3}, 1, 0);
    op_check_values(&(op_case){"ReduceProd", 11, "axes=[-1]", "2x3"}, in, 0, (const double[]){-36, 0}, 2, 0);
    const double large[] = {1000, 1000};
    op_check_values(&(op_case){"ReduceLogSumExp", 11, "", "2"}, (const double *const[]){large}, 0,
                    (const double[]){1000.693147180559945}, 1, 1e-15);
    op_check_values(&(op_case){"ArgMax", 13, "axis=1", "2x3"}, in, 0, (const double[]){0, 2}, 2, 0);
    op_check_values(&(op_case){"ArgMax", 13, "axis=1 select_last_index=1", "2x3"}, in, 0,
                    (const double[]){2, 2}, 2, 0);
    op_check_values(&(op_case){"ArgMin", 13, "axis=-2 keepdims=0", "2x3"}, in, 0, (const double[]){1, 0, 1},
                    3, 0);
}

static void refusals(void **state)
{
    (void)state;
    op_check_refused(&(op_case){"ReduceSum", 13, "", "2x3 {2}"}, NW_BAD_MODEL, "axis 2");
    op_check_refused(&(op_case){"ReduceSum", 13, "", "2x3 #2:1"}, NW_UNSUPPORTED, "must be known");
    op_check_refused(&(op_case){"ReduceMax", 11, "axes=[-3]", "2x3"}, NW_BAD_MODEL, "axis -3");
    op_check_refused(&(op_case){"ReduceMax", 11, "axes=[0,0,0,0,0,0,0,0,0]", "2x3"}, NW_BAD_MODEL, "9 axes");
    op_check_refused(&(op_case){"ArgMax", 13, "axis=2", "2x3"}, NW_BAD_MODEL, "axis 2");
    op_check_refused(&(op_case){"ArgMax", 13, "", "()"}, NW_BAD_MODEL, "axis 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients), cmocka_unit_test(special_points),
                                       cmocka_unit_test(values), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
