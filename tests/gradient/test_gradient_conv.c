/* Conv: gradients, adjoints, and numbers worked out by hand. */
#include "support/op_check.h"

static const op_case cases[] = {
    {"Conv", 11, "", "1x2x5 3x2x3 3"},
    {"Conv", 11, "", "2x2x4x5 3x2x1x1"},
    {"Conv", 11, "pads=[1,1,1,1]", "1x2x4x5 3x2x3x3 3"},
    {"Conv", 11, "pads=[0,1,2,1] strides=[2,1] dilations=[1,2]", "2x2x6x7 2x2x3x2 2"},
    {"Conv", 11, "pads=[2,2,2,2] strides=[2,2]", "1x1x5x6 2x1x3x3"},
    {"Conv", 11, "group=2 pads=[1,1,1,1] strides=[2,2]", "1x4x5x5 4x2x3x3 4"},
    {"Conv", 11, "group=3 kernel_shape=[3,3]", "1x3x4x4 6x1x3x3"},
    {"Conv", 1, "auto_pad=SAME_UPPER strides=[2,2]", "1x1x5x4 2x1x3x2 2"},
    {"Conv", 1, "auto_pad=SAME_LOWER strides=[2,3]", "1x1x5x4 2x1x2x2"},
    {"Conv", 11, "auto_pad=VALID pads=[0,0,0,0]", "1x1x5x4 2x1x3x3"},
    {"Conv", 11, "pads=[1,0,1,1,1,0] strides=[1,2,1] dilations=[2,1,1]", "1x2x4x4x3 2x2x2x3x2 2"},
    {"Conv", 11, "pads=[4,4,4,4] strides=[3,3]", "1x1x3x3 1x1x2x2"}, /* windows in the padding alone */
};

static void gradients(void **state)
{
    (void)state;
    op_check_gradients(cases, sizeof cases / sizeof *cases);
}

static void adjoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        op_check_adjoint(&cases[i], 0);
        op_check_adjoint(&cases[i], 1);
    }
}

/* x = 0..24 as 5 x 5, a kernel of ones: sums of the patch. */
static void sums_of_patches(void **state)
{
    (void)state;
    double x[25], ones[9];
    for (int i = 0; i < 25; i++) x[i] = i;
    for (int i = 0; i < 9; i++) ones[i] = 1;
    const double *const in[] = {x, ones};
    const double valid[] = {54, 63, 72, 99, 108, 117, 144, 153, 162};
    op_check_values(&(op_case){"Conv", 11, "", "1x1x5x5 1x1x3x3"}, in, 0, valid, 9, 0);
    const double same[] = {12, 27, 24, 63, 108, 81, 72, 117, 84};
    op_check_values(&(op_case){"Conv", 11, "pads=[1,1,1,1] strides=[2,2]", "1x1x5x5 1x1x3x3"}, in, 0, same, 9,
                    0);
    /* 4 wide, stride 2, kernel 3: one element of padding, after the end or before the start. */
    const double line[] = {1, 2, 3, 4};
    const double upper[] = {6, 7}, lower[] = {3, 9};
    const double *const in_line[] = {line, ones};
    op_check_values(&(op_case){"Conv", 11, "auto_pad=SAME_UPPER strides=[2]", "1x1x4 1x1x3"}, in_line, 0,
                    upper, 2, 0);
    op_check_values(&(op_case){"Conv", 11, "auto_pad=SAME_LOWER strides=[2]", "1x1x4 1x1x3"}, in_line, 0,
                    lower, 2, 0);
    /* Whole strides of padding. */
    op_check_values(&(op_case){"Conv", 11, "pads=[2,2] strides=[2]", "1x1x4 1x1x3"}, in_line, 0,
                    (const double[]){1, 6, 7}, 3, 0);
    /* Dilation 2 skips every other; the kernel is not flipped. */
    const double five[] = {1, 2, 3, 4, 5}, slope[] = {1, 10, 100};
    op_check_values(&(op_case){"Conv", 11, "dilations=[2]", "1x1x5 1x1x3"},
                    (const double *const[]){five, slope}, 0, (const double[]){531}, 1, 0);
    /* Two groups see a channel each. */
    const double two[] = {1, 2, 3, 4}, weights[] = {10, 100};
    op_check_values(&(op_case){"Conv", 11, "group=2", "1x2x2 2x1x1"}, (const double *const[]){two, weights},
                    0, (const double[]){10, 20, 300, 400}, 4, 0);
}

static void refusals(void **state)
{
    (void)state;
    op_check_refused(&(op_case){"Conv", 11, "", "1x2x5x5 3x3x3x3"}, NW_BAD_MODEL, "2 channels");
    op_check_refused(&(op_case){"Conv", 11, "", "1x2x5x5 3x2x3"}, NW_BAD_MODEL, "3 dimensions");
    op_check_refused(&(op_case){"Conv", 11, "group=2", "1x2x5x5 3x1x3x3"}, NW_BAD_MODEL, "2 groups");
    op_check_refused(&(op_case){"Conv", 11, "group=0", "1x2x5x5 3x1x3x3"}, NW_BAD_MODEL, "0 groups");
    op_check_refused(&(op_case){"Conv", 11, "", "1x1x2x5 1x1x3x3"}, NW_BAD_MODEL, "does not fit");
    op_check_refused(&(op_case){"Conv", 11, "", "1x1x5x5 1x1x3x3 2"}, NW_BAD_MODEL, "bias 'in2'");
    op_check_refused(&(op_case){"Conv", 11, "strides=[0,1]", "1x1x5x5 1x1x3x3"}, NW_BAD_MODEL, "strides[0]");
    op_check_refused(&(op_case){"Conv", 11, "pads=[1,1]", "1x1x5x5 1x1x3x3"}, NW_BAD_MODEL, "4 are expected");
    op_check_refused(&(op_case){"Conv", 11, "pads=[-1,0,0,0]", "1x1x5x5 1x1x3x3"}, NW_BAD_MODEL, "pads[0]");
    op_check_refused(
        &(op_case){"Conv", 11, "pads=[2000000000,2000000000,2000000000,2000000000]", "8x1x5x5 100x1x1x1"},
        NW_BAD_MODEL, "impossible shape");
    op_check_refused(&(op_case){"Conv", 11, "pads=[9223372036854775807,0,0,0]", "1x1x5x5 1x1x3x3"},
                     NW_BAD_MODEL, "pads[0]");
    op_check_refused(&(op_case){"Conv", 11, "auto_pad=SOME", "1x1x5x5 1x1x3x3"}, NW_BAD_MODEL, "'SOME'");
    op_check_refused(&(op_case){"Conv", 11, "kernel_shape=[3,2]", "1x1x5x5 1x1x3x3"}, NW_BAD_MODEL,
                     "kernel_shape[1]");
    op_check_refused(&(op_case){"Conv", 11, "", "1x1x5x5"}, NW_BAD_MODEL, "1 inputs");
    op_check_refused(&(op_case){"Conv", 11, "", "1x1x3x3x3x3 1x1x1x1x1x1"}, NW_UNSUPPORTED, "6 dimensions");
    op_check_refused(&(op_case){"Conv", 11, "", "#4:1x1x3x3 1x1x1x1"}, NW_UNSUPPORTED, "int64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients), cmocka_unit_test(adjoints),
                                       cmocka_unit_test(sums_of_patches), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
