/* Pooling: gradients, adjoints, and numbers worked out by hand. */
#include "support/op_check.h"

static const op_case averages[] = {
    {"AveragePool", 11, "kernel_shape=[3]", "2x2x7"},
    {"AveragePool", 11, "kernel_shape=[2,2] strides=[2,2]", "1x2x5x4"},
    {"AveragePool", 11, "kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]", "1x2x5x5"},
    {"AveragePool", 11, "kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1] count_include_pad=1", "1x2x5x5"},
    {"AveragePool", 11, "kernel_shape=[3,2] strides=[2,2] pads=[1,0,0,1] count_include_pad=1 ceil_mode=1",
     "1x1x6x6"},
    {"AveragePool", 11, "kernel_shape=[2,2] strides=[3,3] ceil_mode=1", "1x1x7x5"},
    {"AveragePool", 7, "kernel_shape=[3,3] strides=[2,2] auto_pad=SAME_LOWER", "1x1x6x5"},
    {"AveragePool", 19, "kernel_shape=[2,2] dilations=[2,3]", "1x1x6x6"},
    {"AveragePool", 11, "kernel_shape=[2,2,2] pads=[1,0,0,0,0,1]", "1x2x3x4x3"},
    {"GlobalAveragePool", 1, "", "2x3x4x2"},
    {"GlobalAveragePool", 1, "", "2x3x4x2x3"},
    {"GlobalAveragePool", 1, "", "2x3x4"},
};

static const op_case maxima[] = {
    {"MaxPool", 12, "kernel_shape=[3]", "2x2x7"},
    {"MaxPool", 12, "kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]", "1x2x7x6"},
    {"MaxPool", 12, "kernel_shape=[3,3] strides=[2,2] ceil_mode=1", "1x2x6x6", 2},
    {"MaxPool", 12, "kernel_shape=[2,2] dilations=[2,3]", "1x1x6x6"},
    {"MaxPool", 8, "kernel_shape=[3,2] strides=[2,2] auto_pad=SAME_UPPER", "1x1x6x5"},
    {"MaxPool", 12, "kernel_shape=[2,2,2] pads=[1,0,0,0,0,1]", "1x2x3x4x3"},
    {"GlobalMaxPool", 1, "", "2x3x4x2"},
};

static void gradients(void **state)
{
    (void)state;
    op_check_gradients(averages, sizeof averages / sizeof *averages);
    op_check_gradients(maxima, sizeof maxima / sizeof *maxima);
}

static void adjoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof averages / sizeof *averages; i++) op_check_adjoint(&averages[i], 0);
}

static void average_divisors(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4, 5, 6};
    const double *const in[] = {x};
    op_check_values(&(op_case){"AveragePool", 11, "kernel_shape=[3] pads=[1,1] strides=[2]", "1x1x6"}, in, 0,
                    (const double[]){1.5, 3, 5}, 3, 1e-15);
    op_check_values(
        &(op_case){"AveragePool", 11, "kernel_shape=[3] pads=[1,1] strides=[2] count_include_pad=1", "1x1x6"},
        in, 0, (const double[]){1, 3, 5}, 3, 1e-15);
    /* ceil_mode: the last window holds 5, 6 and nothing; the nothing is not counted, the padding is. */
    op_check_values(&(op_case){"AveragePool", 11,
                               "kernel_shape=[3] strides=[2] ceil_mode=1 count_include_pad=1", "1x1x6"},
                    in, 0, (const double[]){2, 4, 5.5}, 3, 1e-15);
    op_check_values(&(op_case){"AveragePool", 11,
                               "kernel_shape=[4] strides=[4] pads=[0,1] ceil_mode=1 count_include_pad=1",
                               "1x1x6"},
                    in, 0, (const double[]){2.5, 11.0 / 3}, 2, 1e-15);
    /* ceil_mode: a window that would start in the padding after the end is dropped. */
    op_check_values(
        &(op_case){"AveragePool", 11, "kernel_shape=[1] strides=[2] pads=[0,1] ceil_mode=1", "1x1x6"}, in, 0,
        (const double[]){1, 3, 5}, 3, 1e-15);
    op_check_values(&(op_case){"AveragePool", 19, "kernel_shape=[2] dilations=[3]", "1x1x6"}, in, 0,
                    (const double[]){2.5, 3.5, 4.5}, 3, 1e-15);
}

static void indices(void **state)
{
    (void)state;
    double x[50];
    for (int i = 0; i < 50; i++) x[i] = i % 25 == 12 ? 100 : i;
    const double *const in[] = {x};
    op_case c = {"MaxPool", 12, "kernel_shape=[3,3] strides=[2,2]", "1x2x5x5", 2};
    op_check_values(&c, in, 1, (const double[]){12, 12, 12, 12, 37, 37, 37, 37}, 8, 0);
    c.attrs = "kernel_shape=[3,3] strides=[2,2] pads=[0,1,0,1]";
    op_check_values(&c, in, 1, (const double[]){11, 12, 14, 21, 12, 24, 36, 37, 39, 46, 37, 49}, 12, 0);
    c.attrs = "kernel_shape=[2,2] strides=[3,3] storage_order=1";
    op_check_values(&c, in, 1, (const double[]){6, 21, 9, 24, 31, 46, 34, 49}, 8, 0);
}

/* All elements equal: the gradient goes to the first of each window, as in PyTorch. */
static void ties(void **state)
{
    (void)state;
    op_run run;
    op_case c = {"MaxPool", 12, "kernel_shape=[2,2] strides=[2,2]", "1x1x4x4"};
    op_open_or_fail(&c, 1, &run);
    memset(run.src[0], 0, 16 * sizeof(double));
    op_run_forward(&run);
    op_run_backward(&run);
    for (int i = 0; i < 16; i++) {
        bool first = i % 2 == 0 && i / 4 % 2 == 0;
        assert_true(run.diff_src[0][i] == (first ? run.diff_dst[0][i / 8 * 2 + i % 4 / 2] : 0));
    }
    run.src[0][5] = NAN; /* must show, not vanish */
    op_run_forward(&run);
    assert_true(isnan(run.dst[0][0]));
    op_run_free(&run);

    c = (op_case){"GlobalMaxPool", 1, "", "1x1x2x2"};
    op_open_or_fail(&c, 1, &run);
    memset(run.src[0], 0, 4 * sizeof(double));
    op_run_forward(&run);
    op_run_backward(&run);
    for (int i = 0; i < 4; i++) assert_true(run.diff_src[0][i] == (i ? 0 : run.diff_dst[0][0]));
    op_run_free(&run);
}

static void refusals(void **state)
{
    (void)state;
    op_check_refused(&(op_case){"MaxPool", 12, "", "1x1x4x4"}, NW_BAD_MODEL, "kernel_shape is missing");
    op_check_refused(&(op_case){"MaxPool", 12, "kernel_shape=[2]", "1x1x4x4"}, NW_BAD_MODEL,
                     "2 are expected");
    op_check_refused(&(op_case){"MaxPool", 12, "kernel_shape=[5,5]", "1x1x4x4"}, NW_BAD_MODEL,
                     "does not fit");
    op_check_refused(&(op_case){"MaxPool", 12, "kernel_shape=[0,1]", "1x1x4x4"}, NW_BAD_MODEL, "kernel of 0");
    op_check_refused(&(op_case){"MaxPool", 12, "kernel_shape=[2,2] pads=[2,0,0,0]", "1x1x4x4"},
                     NW_UNSUPPORTED, "padding alone");
    op_check_refused(&(op_case){"AveragePool", 11, "kernel_shape=[2,2] pads=[0,0,0,2]", "1x1x4x4"},
                     NW_UNSUPPORTED, "padding alone");
    op_check_refused(&(op_case){"GlobalMaxPool", 1, "", "4"}, NW_BAD_MODEL, "1 dimensions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients), cmocka_unit_test(adjoints), cmocka_unit_test(average_divisors),
        cmocka_unit_test(indices),   cmocka_unit_test(ties),     cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
