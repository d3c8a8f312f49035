/* Gemm and MatMul: gradients, adjoints, and numbers worked out by hand. */
#include "support/op_check.h"

static const op_case cases[] = {
    {"Gemm", 11, "", "2x3 3x4"},
    {"Gemm", 13, "transA=1 transB=1 alpha=0.5 beta=-2.0", "3x2 4x3 2x4"},
    {"Gemm", 9, "transB=1", "2x3 4x3 4"},
    {"Gemm", 7, "transA=1", "3x2 3x4 2x1"},
    {"Gemm", 13, "beta=0.25", "2x3 3x4 1"},
    {"Gemm", 13, "", "2x3 3x4 ()"},
    {"Gemm", 13, "", "2x3 3x4 1x4"},
    {"MatMul", 13, "", "2x3 3x4"},
    {"MatMul", 13, "", "3 3"},
    {"MatMul", 13, "", "3 3x2"},
    {"MatMul", 13, "", "2x3 3"},
    {"MatMul", 13, "", "2x1x2x3 3x3x2"},
    {"MatMul", 13, "", "3 2x3x2"},
    {"MatMul", 13, "", "2x2x2x3 1x2x3x2"},
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

static void values(void **state)
{
    (void)state;
    const double a[] = {1, 2, 3, 4}, b[] = {10, 20, 30, 40}, c[] = {1, 2};
    const double *const in[] = {a, b, c};
    op_check_values(&(op_case){"Gemm", 13, "beta=100.0", "2x2 2x2 2"}, in, 0,
                    (const double[]){170, 300, 250, 420}, 4, 0);
    op_check_values(&(op_case){"Gemm", 13, "transA=1 alpha=0.5", "2x2 2x2 2x1"}, in, 0,
                    (const double[]){51, 71, 72, 102}, 4, 0);
    op_check_values(&(op_case){"Gemm", 13, "transB=1", "2x2 2x2"}, in, 0, (const double[]){50, 110, 110, 250},
                    4, 0);
    op_check_values(&(op_case){"MatMul", 13, "", "2x2 2"}, (const double *const[]){a, c}, 0,
                    (const double[]){5, 11}, 2, 0);
    op_check_values(&(op_case){"MatMul", 13, "", "2 2x2"}, (const double *const[]){c, a}, 0,
                    (const double[]){7, 10}, 2, 0);
    op_check_values(&(op_case){"MatMul", 13, "", "2x1x2 2x2x1"}, in, 0, (const double[]){50, 250}, 2, 0);
}

static void refusals(void **state)
{
    (void)state;
    op_check_refused(&(op_case){"Gemm", 13, "", "2x3 4x3"}, NW_BAD_MODEL, "3 columns");
    op_check_refused(&(op_case){"Gemm", 13, "", "2x3 3x4 3"}, NW_BAD_MODEL, "broadcast");
    op_check_refused(&(op_case){"Gemm", 13, "", "2x3 3x4 1x2x4"}, NW_BAD_MODEL, "broadcast");
    op_check_refused(&(op_case){"Gemm", 9, "", "2x3 3x4"}, NW_BAD_MODEL, "opset 11");
    op_check_refused(&(op_case){"Gemm", 13, "", "2x3x1 3x4"}, NW_BAD_MODEL, "3 and 2");
    op_check_refused(&(op_case){"MatMul", 13, "", "2x3 2x3"}, NW_BAD_MODEL, "[2, 3]");
    op_check_refused(&(op_case){"MatMul", 13, "", "2x2x3 3x3x2"}, NW_BAD_MODEL, "multiplied");
    op_check_refused(&(op_case){"MatMul", 13, "", "() 3"}, NW_BAD_MODEL, "multiplied");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients), cmocka_unit_test(adjoints),
                                       cmocka_unit_test(values), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
