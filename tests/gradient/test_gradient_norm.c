/* Normalisation and softmax: gradients, and numbers worked out by hand. */
#include "support/op_check.h"

static const op_case cases[] = {
    {"BatchNormalization", 9, "", "2x3x2x3 3 3 3 +3"},
    {"BatchNormalization", 15, "epsilon=0.1", "2x3 3 3 3 +3"},
    {"BatchNormalization", 7, "momentum=0.5 spatial=1", "1x2x2x2x2 2 2 2 +2"},
    {"BatchNormalization", 14, "training_mode=1", "3x2x2x2 2 2 2 +2"},
    {"BatchNormalization", 15, "training_mode=1 epsilon=0.1", "4x3 3 3 3 +3"},
    {"BatchNormalization", 15, "training_mode=1", "2x2x3x2x3 2 2 2 +2"},
    {"InstanceNormalization", 6, "epsilon=0.01", "2x3x4x2 3 3"},
    {"InstanceNormalization", 6, "", "1x2x5 2 2"},
    {"LayerNormalization", 17, "", "2x3x4 4 4"},
    {"LayerNormalization", 17, "axis=1 epsilon=0.1", "2x3x4 3x4 4", 3},
    {"LayerNormalization", 17, "axis=-2", "2x3x4 3x1", 2},
    {"LayerNormalization", 17, "axis=0", "3x4 () 1x1", 3},
    {"LRN", 13, "size=3 alpha=0.5 beta=0.6 bias=1.5", "2x5x2x2"},
    {"LRN", 1, "size=4 alpha=2.0", "1x6x3"},
    {"Softmax", 13, "", "2x3x4"},
    {"Softmax", 13, "axis=1", "2x3x4"},
    {"Softmax", 12, "", "2x3x2"},
    {"Softmax", 7, "axis=-1", "2x3x2"},
    {"LogSoftmax", 13, "axis=0", "3x2x2"},
    {"LogSoftmax", 12, "axis=0", "3x2"},
    {"Dropout", 7, "ratio=0.5", "2x3"},
    {"Dropout", 10, "", "2x3", 2},
    {"Dropout", 13, "", "2x3 =0.5 =false", 2},
    {"Dropout", 13, "", "2x3 =0.0 =true"},
};

static void gradients(void **state)
{
    (void)state;
    op_check_gradients(cases, sizeof cases / sizeof *cases);
    op_check_adjoint(&cases[0], 0);
}

static void values(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4}, one[] = {2, 3}, shift[] = {10, 20}, mean[] = {1, 3}, var[] = {3, 0};
    op_check_values(&(op_case){"BatchNormalization", 9, "epsilon=1.0", "1x2x2 2 2 2 2"},
                    (const double *const[]){x, one, shift, mean, var}, 0, (const double[]){10, 11, 20, 23}, 4,
                    1e-15);
    /* {1, 2}: mean 1.5, population variance 0.25; with epsilon 0.75 the rate is 1. */
    op_check_values(&(op_case){"LayerNormalization", 17, "epsilon=0.75", "2x2 2 2", 3},
                    (const double *const[]){x, one, shift}, 0, (const double[]){9, 21.5, 9, 21.5}, 4, 1e-15);
    op_check_values(&(op_case){"LayerNormalization", 17, "epsilon=0.75", "2x2 2 2", 3},
                    (const double *const[]){x, one, shift}, 1, (const double[]){1.5, 3.5}, 2, 1e-15);
    op_check_values(&(op_case){"InstanceNormalization", 6, "epsilon=0.75", "1x2x2 2 2"},
                    (const double *const[]){x, one, shift}, 0, (const double[]){9, 11, 18.5, 21.5}, 4, 1e-15);
    /* size 3, alpha 3, beta 1, bias 0: x_c over the sum of squares of itself and its neighbours. */
    op_check_values(&(op_case){"LRN", 13, "size=3 alpha=3.0 beta=1.0 bias=0.0", "1x4x1"},
                    (const double *const[]){x}, 0, (const double[]){1.0 / 5, 2.0 / 14, 3.0 / 29, 4.0 / 25}, 4,
                    1e-15);
    /* size 2 looks one channel ahead. */
    op_check_values(&(op_case){"LRN", 13, "size=2 alpha=2.0 beta=1.0 bias=0.0", "1x4x1"},
                    (const double *const[]){x}, 0, (const double[]){1.0 / 5, 2.0 / 13, 3.0 / 25, 4.0 / 16}, 4,
                    1e-15);
}

/* Logarithms of small integers make softmax a ratio of them; opset 13 changed what the axis means. */
static void softmax_axes(void **state)
{
    (void)state;
    const double x[] = {log(1), log(2), log(3), log(4)};
    const double *const in[] = {x};
    op_check_values(&(op_case){"Softmax", 13, "", "1x2x2"}, in, 0,
                    (const double[]){1.0 / 3, 2.0 / 3, 3.0 / 7, 4.0 / 7}, 4, 1e-15);
    op_check_values(&(op_case){"Softmax", 13, "axis=1", "1x2x2"}, in, 0,
                    (const double[]){0.25, 1.0 / 3, 0.75, 2.0 / 3}, 4, 1e-15);
    op_check_values(&(op_case){"Softmax", 12, "", "1x2x2"}, in, 0, (const double[]){0.1, 0.2, 0.3, 0.4}, 4,
                    1e-15);
    op_check_values(&(op_case){"LogSoftmax", 12, "", "1x2x2"}, in, 0,
                    (const double[]){log(0.1), log(0.2), log(0.3), log(0.4)}, 4, 1e-15);
    const double far[] = {1000, 0};
    op_check_values(&(op_case){"Softmax", 13, "", "2"}, (const double *const[]){far}, 0,
                    (const double[]){1, 0}, 2, 0);
    op_check_values(&(op_case){"LogSoftmax", 13, "", "2"}, (const double *const[]){far}, 0,
                    (const double[]){0, -1000}, 2, 0);
}

static void refusals(void **state)
{
    (void)state;
    op_check_refused(&(op_case){"BatchNormalization", 9, "training_mode=1", "1x2x2 2 2 2 2"}, NW_UNSUPPORTED,
                     "training");
    op_check_refused(&(op_case){"BatchNormalization", 9, "", "1x2x2 2 2 2 2", 5}, NW_UNSUPPORTED, "training");
    op_check_refused(&(op_case){"BatchNormalization", 9, "", "1x2x2 2 2 3 2"}, NW_BAD_MODEL, "input 3 'in3'");
    op_check_refused(&(op_case){"Dropout", 13, "", "2x3 =0.5 =true"}, NW_UNSUPPORTED, "training_mode=1");
    op_check_refused(&(op_case){"Dropout", 13, "", "2x3 =0.5 ?()"}, NW_UNSUPPORTED, "input 2 'in2'");
    op_check_refused(&(op_case){"Softmax", 12, "", "3"}, NW_BAD_MODEL, "axis 1");
    op_check_refused(&(op_case){"Softmax", 13, "axis=2", "2x3"}, NW_BAD_MODEL, "axis 2");
    op_check_refused(&(op_case){"LRN", 13, "", "1x4x1"}, NW_BAD_MODEL, "size");
    op_check_refused(&(op_case){"LayerNormalization", 17, "", "2x3 2"}, NW_BAD_MODEL, "broadcast");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients), cmocka_unit_test(values),
                                       cmocka_unit_test(softmax_axes), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
