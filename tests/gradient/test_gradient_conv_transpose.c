/* ConvTranspose: gradients, adjoints, and numbers worked out by hand. */
#include "support/op_check.h"

static const op_case cases[] = {
    {"ConvTranspose", 11, "", "1x2x5 2x3x3 3"},
    {"ConvTranspose", 11, "strides=[2,2]", "2x3x3x4 3x2x2x2 2"},
    {"ConvTranspose", 11, "pads=[1,1,1,1] strides=[2,2] output_padding=[1,0]", "1x2x3x4 2x3x3x3 3"},
    {"ConvTranspose", 11, "pads=[0,1,2,1] strides=[2,1] dilations=[1,2]", "2x2x4x5 2x2x3x2 2"},
    {"ConvTranspose", 11, "group=2 strides=[2,2]", "1x4x3x3 4x3x3x3 6"},
    {"ConvTranspose", 11, "auto_pad=SAME_UPPER strides=[2,2]", "1x1x3x3 1x2x3x3"},
    {"ConvTranspose", 11, "auto_pad=SAME_LOWER strides=[2,3]", "1x1x3x3 1x2x2x4"},
    {"ConvTranspose", 1, "auto_pad=VALID", "1x1x3x3 1x1x2x3"},
    {"ConvTranspose", 11, "strides=[3,2] output_shape=[10,8] kernel_shape=[3,3]", "1x1x3x3 1x2x3x3 2"},
    {"ConvTranspose", 11, "strides=[2,1,2] pads=[1,0,0,1,1,0]", "1x2x2x3x2 2x2x3x2x2 2"},
    {"ConvTranspose", 11, "strides=[2] output_padding=[5]", "1x1x3 1x1x2 1"}, /* no window reaches the end */
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

static void numbers(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3}, w[] = {1, 10, 100};
    const double *const in[] = {x, w};
    /* Every element puts the kernel, unturned, where it stands. */
    op_check_values(&(op_case){"ConvTranspose", 11, "", "1x1x3 1x1x3"}, in, 0,
                    (const double[]){1, 12, 123, 230, 300}, 5, 0);
    op_check_values(&(op_case){"ConvTranspose", 11, "strides=[2]", "1x1x3 1x1x3"}, in, 0,
                    (const double[]){1, 10, 102, 20, 203, 30, 300}, 7, 0);
    op_check_values(&(op_case){"ConvTranspose", 11, "strides=[2] pads=[1,2]", "1x1x3 1x1x3"}, in, 0,
                    (const double[]){10, 102, 20, 203}, 4, 0);
    /* 7 elements for 6: one is cut off, at the end (upper) or at the start. */
    op_check_values(&(op_case){"ConvTranspose", 11, "strides=[2] auto_pad=SAME_UPPER", "1x1x3 1x1x3"}, in, 0,
                    (const double[]){1, 10, 102, 20, 203, 30}, 6, 0);
    op_check_values(&(op_case){"ConvTranspose", 11, "strides=[2] auto_pad=SAME_LOWER", "1x1x3 1x1x3"}, in, 0,
                    (const double[]){10, 102, 20, 203, 30, 300}, 6, 0);
    /* More than there is: zeros at the end, or the bias. */
    op_check_values(&(op_case){"ConvTranspose", 11, "strides=[2] output_shape=[9]", "1x1x3 1x1x3"}, in, 0,
                    (const double[]){1, 10, 102, 20, 203, 30, 300, 0, 0}, 9, 0);
    const double bias[] = {0.5};
    op_check_values(&(op_case){"ConvTranspose", 11, "strides=[3] output_padding=[1]", "1x1x2 1x1x1 1"},
                    (const double *const[]){x, w, bias}, 0, (const double[]){1.5, 0.5, 0.5, 2.5, 0.5}, 5, 0);
    /* Two groups of one channel, two filters each. */
    const double weights[] = {1, 10, 100, 1000};
    op_check_values(&(op_case){"ConvTranspose", 11, "group=2", "1x2x1 2x2x1"},
                    (const double *const[]){x, weights}, 0, (const double[]){1, 10, 200, 2000}, 4, 0);
}

static void refusals(void **state)
{
    (void)state;
    op_check_refused(&(op_case){"ConvTranspose", 11, "", "1x2x5x5 3x3x3x3"}, NW_BAD_MODEL, "2 channels");
    op_check_refused(&(op_case){"ConvTranspose", 11, "", "1x2x5x5 2x2x3"}, NW_BAD_MODEL, "3 dimensions");
    op_check_refused(&(op_case){"ConvTranspose", 11, "group=0", "1x2x5x5 2x1x3x3"}, NW_BAD_MODEL, "0 groups");
    op_check_refused(&(op_case){"ConvTranspose", 11, "group=2", "1x3x5x5 3x1x3x3"}, NW_BAD_MODEL, "2 groups");
    op_check_refused(&(op_case){"ConvTranspose", 11, "", "1x1x5x5 1x1x3x3 2"}, NW_BAD_MODEL, "bias 'in2'");
    op_check_refused(&(op_case){"ConvTranspose", 11, "strides=[0,1]", "1x1x5x5 1x1x3x3"}, NW_BAD_MODEL,
                     "strides[0]");
    op_check_refused(&(op_case){"ConvTranspose", 11, "pads=[3,3,4,3]", "1x1x5x5 1x1x3x3"}, NW_BAD_MODEL,
                     "would get 0 elements");
    op_check_refused(&(op_case){"ConvTranspose", 11, "output_shape=[5]", "1x1x5x5 1x1x3x3"}, NW_BAD_MODEL,
                     "2 are expected");
    op_check_refused(&(op_case){"ConvTranspose", 11, "output_shape=[0,5]", "1x1x5x5 1x1x3x3"}, NW_BAD_MODEL,
                     "output_shape[0]");
    op_check_refused(&(op_case){"ConvTranspose", 11, "output_padding=[-1,0]", "1x1x5x5 1x1x3x3"},
                     NW_BAD_MODEL, "output_padding[0]");
    op_check_refused(&(op_case){"ConvTranspose", 11, "strides=[2000000000,2000000000]", "1x1x5x5 1x1x3x3"},
                     NW_BAD_MODEL, "more than");
    op_check_refused(&(op_case){"ConvTranspose", 11, "auto_pad=MOST", "1x1x5x5 1x1x3x3"}, NW_BAD_MODEL,
                     "'MOST'");
    op_check_refused(&(op_case){"ConvTranspose", 11, "kernel_shape=[3,2]", "1x1x5x5 1x1x3x3"}, NW_BAD_MODEL,
                     "kernel_shape[1]");
    op_check_refused(&(op_case){"ConvTranspose", 11, "", "1x1 1x1"}, NW_UNSUPPORTED, "2 dimensions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients),
        cmocka_unit_test(adjoints),
        cmocka_unit_test(numbers),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
