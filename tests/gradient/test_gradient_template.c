/* src/ops/TEMPLATE.c, as it is, through the checks that every operator passes. */
#include "support/op_check.h"

#include "ops/TEMPLATE.c"

static const op_case with_alpha = {"Template", 13, "alpha=-1.5", "2x3", .op = &nw_op_Template};
static const op_case by_default = {"Template", 13, "", "4", .op = &nw_op_Template};

static void gradient(void **state)
{
    (void)state;
    op_check_gradient(&with_alpha);
    op_check_gradient(&by_default);
    op_check_adjoint(&with_alpha, 0);
}

static void values(void **state)
{
    (void)state;
    const double x[] = {1, 2, -3, 0.5}, y[] = {2, 4, -6, 1};
    op_check_values(&by_default, (const double *const[]){x}, 0, y, 4, 0);
}

static void refusals(void **state)
{
    (void)state;
    op_check_refused(&(op_case){"Template", 13, "", "3 3", .op = &nw_op_Template}, NW_BAD_MODEL, "2 inputs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradient), cmocka_unit_test(values),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
