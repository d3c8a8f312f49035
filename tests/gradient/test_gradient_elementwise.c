/* Elementwise operators of one, two and more inputs: gradients, and values worked out by hand. */
#include "support/op_check.h"

static const op_case cases[] = {
    {"Relu", 14, "", "*2:3x4"},
    {"LeakyRelu", 16, "", "*2:3x4"},
    {"LeakyRelu", 6, "alpha=0.3", "*2:3x4"},
    {"Elu", 6, "alpha=0.7", "*2:3x4"},
    {"Selu", 6, "", "*2:3x4"},
    {"Selu", 6, "alpha=2.0 gamma=3.0", "*2:3x4"},
    {"Celu", 12, "alpha=2.0", "*2:3x4"},
    {"ThresholdedRelu", 10, "alpha=0.5", "*2:3x4"},
    {"Sigmoid", 13, "", "*5:3x4"},
    {"HardSigmoid", 6, "", "*5:3x4"},
    {"HardSigmoid", 6, "alpha=0.16666667 beta=0.5", "*5:3x4"},
    {"HardSwish", 14, "", "*5:3x4"},
    {"Mish", 18, "", "*4:3x4"},
    {"Tanh", 13, "", "*3:3x4"},
    {"Softplus", 1, "", "*4:3x4"},
    {"Softsign", 1, "", "*4:3x4"},
    {"Gelu", 20, "", "*3:3x4"},
    {"Gelu", 20, "approximate=tanh", "*3:3x4"},
    {"Exp", 13, "", "*2:3x4"},
    {"Log", 13, "", "+3x4"},
    {"Sqrt", 13, "", "+3x4"},
    {"Reciprocal", 13, "", "+3x4"},
    {"Neg", 13, "", "3x4"},
    {"Abs", 13, "", "3x4"},
    {"Erf", 13, "", "*2:3x4"},
    {"Sin", 7, "", "*4:3x4"},
    {"Cos", 7, "", "*4:3x4"},
    {"Clip", 6, "min=-0.5 max=0.25", "3x4"},
    {"Clip", 13, "", "3x4 =-0.5 =0.25"},
    {"Clip", 13, "", "3x4 - =0.25"},
    {"Clip", 11, "", "3x4 =-0.5"},
    {"PRelu", 16, "", "2x3x4 3x1"},
    {"PRelu", 9, "", "2x3x4 ()"},
    {"PRelu", 7, "", "2x3x4 2x3x4"},
    {"Add", 14, "", "2x3x4 3x1"},
    {"Add", 7, "", "() 2x3"},
    {"Sub", 14, "", "3x1 2x1x4"},
    {"Mul", 14, "", "2x3x4 3x1"},
    {"Mul", 13, "", "2x3 2x3"},
    {"Div", 14, "", "2x3x4 +3x1"},
    {"Div", 7, "", "1x4 +3x1"},
    {"Pow", 15, "", "+2x3 *2:3"},
    {"Pow", 15, "", "2x3 =2.0"},
    {"Pow", 12, "", "+2x3 =3"},
    {"Mod", 13, "fmod=1", "*5:2x3 +3"},
    {"Min", 13, "", "2x3 3 2x1"},
    {"Max", 8, "", "2x3 3 2x1"},
    {"Max", 8, "", "2x3"},
    {"Sum", 13, "", "2x3 3 2x1 ()"},
    {"Sum", 8, "", "2x3"},
    {"Mean", 13, "", "2x3 3 1x1"},
    {"Where", 16, "", "?2x1x4 3x1 2x1x1"},
    {"Where", 9, "", "?3x4 3x4 3x4"},
};

static void gradients(void **state)
{
    (void)state;
    op_check_gradients(cases, sizeof cases / sizeof *cases);
}

static void adjoints(void **state)
{
    (void)state;
    const op_case linear[] = {{"Neg", 13, "", "3x4"},       {"Add", 14, "", "2x3x4 3x1"},
                              {"Sub", 14, "", "3x1 2x1x4"}, {"Mul", 14, "", "2x3x4 3x1"},
                              {"Sum", 13, "", "2x3 3 2x1"}, {"Mean", 13, "", "2x3 3 1x1"}};
    for (size_t i = 0; i < sizeof linear / sizeof *linear; i++) {
        op_check_adjoint(&linear[i], 0);
        if (i) op_check_adjoint(&linear[i], 1);
    }
    op_check_adjoint(&(op_case){"Where", 16, "", "?2x1x4 3x1 2x1x1"}, 1);
    op_check_adjoint(&(op_case){"Where", 16, "", "?2x1x4 3x1 2x1x1"}, 2);
    op_check_adjoint(&(op_case){"Div", 14, "", "2x3 +3"}, 0);
}

#define VALUES(type, opset, attrs, inputs, want, tolerance, ...)                                             \
    op_check_values(&(op_case){type, opset, attrs, inputs},                                                  \
                    (const double *const[]){__VA_ARGS__, NULL, NULL}, 0, want,                               \
                    (int64_t)(sizeof(want) / sizeof(double)), tolerance)
#define LIST (const double[])

static void values(void **state)
{
    (void)state;
    VALUES("Round", 11, "", "8", (LIST{-2, -2, 0, 0, 0, 2, 2, 4}), 0,
           LIST{-2.5, -1.5, -0.5, 0.2, 0.5, 1.5, 2.5, 3.5});
    VALUES("Floor", 13, "", "4", (LIST{-2, -1, 1, 2}), 0, LIST{-1.5, -1, 1.9, 2});
    VALUES("Ceil", 13, "", "4", (LIST{-1, -1, 2, 2}), 0, LIST{-1.5, -1, 1.9, 2});
    VALUES("Sign", 13, "", "3", (LIST{-1, 0, 1}), 0, LIST{-3, 0, 1e-9});
    VALUES("Not", 1, "", "?2", (LIST{1, 0}), 0, LIST{0, 1});
    VALUES("HardSwish", 14, "", "4", (LIST{0, 0, 2.0 / 3, 4}), 1e-15, LIST{-4, 0, 1, 4});
    VALUES("Gelu", 20, "", "2", (LIST{0.841344746068543, -0.158655253931457}), 1e-15, LIST{1, -1});
    VALUES("Sigmoid", 13, "", "3", (LIST{0, 0.5, 1}), 0, LIST{-1000, 0, 1000});
    VALUES("Softplus", 1, "", "3", (LIST{0, 0.693147180559945309, 1000}), 1e-15, LIST{-1000, 0, 1000});
    VALUES("Div", 14, "", "#5:4 #5:4", (LIST{3, -3, -3, 0}), 0, (LIST{7, -7, 7, 1}), (LIST{2, 2, -2, 3}));
    VALUES("Mod", 13, "", "#5:4 #5:4", (LIST{2, 1, -1, -2}), 0, (LIST{5, -5, 5, -5}), (LIST{3, 3, -3, -3}));
    VALUES("Mod", 13, "fmod=1", "#5:4 #5:4", (LIST{2, -2, 2, -2}), 0, (LIST{5, -5, 5, -5}),
           (LIST{3, 3, -3, -3}));
    VALUES("Pow", 15, "", "#5:2 #5:2", (LIST{8, 0}), 0, (LIST{2, 3}), (LIST{3, -1}));
}

static void comparisons(void **state)
{
    (void)state;
    const double a[] = {1, 2, 3}, b[] = {2, 2, 2}, t[] = {1, 1, 0}, f[] = {1, 0, 0};
    VALUES("Where", 16, "", "?3 3 3", (LIST{1, 2, 2}), 0, f, a, b);
    VALUES("Equal", 13, "", "3 3", (LIST{0, 1, 0}), 0, a, b);
    VALUES("Greater", 13, "", "3 3", (LIST{0, 0, 1}), 0, a, b);
    VALUES("GreaterOrEqual", 16, "", "3 3", (LIST{0, 1, 1}), 0, a, b);
    VALUES("Less", 13, "", "3 3", (LIST{1, 0, 0}), 0, a, b);
    VALUES("LessOrEqual", 16, "", "3 3", (LIST{1, 1, 0}), 0, a, b);
    VALUES("And", 7, "", "?3 ?3", (LIST{1, 0, 0}), 0, t, f);
    VALUES("Or", 7, "", "?3 ?3", (LIST{1, 1, 0}), 0, t, f);
    VALUES("Xor", 7, "", "?3 ?3", (LIST{0, 1, 0}), 0, t, f);
}

/* A NaN is never swallowed. */
static void nan_stays(void **state)
{
    (void)state;
    const op_case some[] = {
        {"Relu", 14, "", "1"},      {"Clip", 13, "", "1 =0.0 =1.0"},  {"Sign", 13, "", "1"},
        {"HardSwish", 14, "", "1"}, {"HardSigmoid", 6, "", "1"},      {"Elu", 6, "", "1"},
        {"LeakyRelu", 16, "", "1"}, {"ThresholdedRelu", 10, "", "1"}, {"Max", 13, "", "1 1"},
        {"Min", 13, "", "1 1"},     {"ReduceMax", 13, "", "1"},       {"ReduceMin", 13, "", "1"},
        {"PRelu", 16, "", "1 1"},   {"Softplus", 1, "", "1"},         {"Abs", 13, "", "1"}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        op_run run;
        op_open_or_fail(&some[i], 5, &run);
        run.src[0][0] = NAN;
        op_run_forward(&run);
        if (!isnan(run.dst[0][0])) OP_FAIL(&some[i], "NaN became %g", run.dst[0][0]);
        op_run_free(&run);
    }
    const op_case second = {"Max", 13, "", "1 1"};
    op_run run;
    op_open_or_fail(&second, 5, &run);
    run.src[1][0] = NAN;
    op_run_forward(&run);
    assert_true(isnan(run.dst[0][0]));
    op_run_free(&run);
}

/* The gradient at x, one element, against PyTorch's convention. */
static void kink(const op_case *c, double x, double want)
{
    op_run run;
    op_open_or_fail(c, 6, &run);
    run.src[0][0] = x;
    for (int64_t i = 0, n = nw_count(nw_out_shape(run.graph, run.node, 0)); i < n; i++)
        run.diff_dst[0][i] = 1;
    op_run_forward(&run);
    op_run_backward(&run);
    if (run.diff_src[0][0] != want)
        OP_FAIL(c, "gradient at %g is %g, expected %g", x, run.diff_src[0][0], want);
    op_run_free(&run);
}

static void kinks(void **state)
{
    (void)state;
    kink(&(op_case){"Relu", 14, "", "1"}, 0, 0);
    kink(&(op_case){"LeakyRelu", 14, "alpha=0.5", "1"}, 0, 0.5);
    kink(&(op_case){"Abs", 14, "", "1"}, 0, 0);
    kink(&(op_case){"Clip", 13, "", "1 =-1.0 =2.0"}, -1, 0);
    kink(&(op_case){"Clip", 13, "", "1 =-1.0 =2.0"}, 2, 0);
    kink(&(op_case){"Clip", 13, "", "1 =-1.0 =2.0"}, 2.5, 0);
    kink(&(op_case){"HardSigmoid", 6, "alpha=0.25", "1"}, 2, 0);
    kink(&(op_case){"Max", 13, "", "1 {0.25} {0.0}"}, 0.25, 0.5);
    kink(&(op_case){"Min", 13, "", "1 {0.25,0.25}"}, 0.25, 1); /* half in each of two elements */
    kink(&(op_case){"ReduceMax", 13, "", "1"}, 0.25, 1);
    kink(&(op_case){"Pow", 13, "", "1 {2.0}"}, 0, 0);
}

/* d (a^b) / d b = a^b log a is 0 at a = 0, where log a has no value. */
static void power_of_zero(void **state)
{
    (void)state;
    op_run run;
    op_open_or_fail(&(op_case){"Pow", 13, "", "2 2"}, 1, &run);
    run.src[0][0] = run.src[0][1] = run.src[1][1] = 0;
    run.src[1][0] = 2;
    op_run_forward(&run);
    op_run_backward(&run);
    for (int i = 0; i < 2; i++) assert_true(run.diff_src[0][i] == 0 && run.diff_src[1][i] == 0);
    op_run_free(&run);
}

static void refusals(void **state)
{
    (void)state;
    op_check_refused(&(op_case){"Add", 14, "", "2x3 2x4"}, NW_BAD_MODEL, "[2, 3] and [2, 4]");
    op_check_refused(&(op_case){"Add", 14, "", "2x3 #4:2x3"}, NW_BAD_MODEL, "one type");
    op_check_refused(&(op_case){"Max", 13, "", "2 3"}, NW_BAD_MODEL, "broadcast");
    op_check_refused(&(op_case){"Sum", 13, "", "2 -"}, NW_BAD_MODEL, "omitted");
    op_check_refused(&(op_case){"PRelu", 16, "", "2x3 2x2x3"}, NW_BAD_MODEL, "slope");
    op_check_refused(&(op_case){"Clip", 13, "", "2x3 {0.0,1.0}"}, NW_BAD_MODEL, "one number");
    op_check_refused(&(op_case){"Gelu", 20, "approximate=x", "2"}, NW_BAD_MODEL, "'x'");
    op_check_refused(&(op_case){"Mod", 13, "", "2 2"}, NW_BAD_MODEL, "fmod");
    op_check_refused(&(op_case){"Where", 16, "", "2 2 2"}, NW_BAD_MODEL, "bool");
    op_check_refused(&(op_case){"Relu", 16, "", "2 2"}, NW_BAD_MODEL, "2 inputs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients),     cmocka_unit_test(adjoints),
                                       cmocka_unit_test(values),        cmocka_unit_test(comparisons),
                                       cmocka_unit_test(nan_stays),     cmocka_unit_test(kinks),
                                       cmocka_unit_test(power_of_zero), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
