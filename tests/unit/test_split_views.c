/* A Split of one image moves nothing: its results are parts of the source, and gradients are summed where
 * they belong. Against the reference path in double; of two images, whose parts do not lie together, it
 * copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "support/network.h"

#include <string.h>

enum { SIDE = 9, IN = 16, OUT = 16, TOKENS = 8, WIDTH = 64 };

/* Two parts of unequal size; the first is read twice, the second by an operator that works in place, and all
 * of the source once more beside the Split. */
static nw_model *make(bool third)
{
    ow m;
    ow_begin(&m, 11);
    ow_input(&m, "x", 4, (int64_t[]){-1, IN, SIDE, SIDE});
    net_conv(&m, "x", "a", IN, 64, 3, 1, 1);
    ow_node(&m, "Relu", "", "a", "r");
    ow_node(&m, "Split", "", "r", third ? "s t u" : "s t");
    ow_attr_int(&m, "axis", 1);
    if (third)
        ow_attr_ints(&m, "split", 3, (int64_t[]){16, 32, 16}); /* nobody reads the last */
    else
        ow_attr_ints(&m, "split", 2, (int64_t[]){32, 32});
    int64_t first = third ? 16 : 32;
    net_conv(&m, "s", "b", first, 32, 1, 1, 1);
    net_conv(&m, "s", "c", first, 32, 3, 1, 1);
    ow_node(&m, "Sigmoid", "", "t", "g");
    ow_node(&m, "Mul", "", "b g", "d");
    ow_node(&m, "Add", "", "d c", "e");
    net_conv(&m, "r", "f", 64, 32, 1, 1, 1);
    ow_node(&m, "Add", "", "e f", "h");
    net_conv(&m, "h", "y", 32, OUT, 1, 1, 1);
    ow_output(&m, "y");
    return net_load(&m);
}

typedef struct outcome {
    double *y, *dx;
    size_t ny, nx;
    int moves;
} outcome;

/* `in` and `out`: numbers of an image. back: with the gradient, for which values live longer. */
static outcome compute(nw_model *model, nw_precision precision, int64_t batch, size_t in, size_t out,
                       bool back)
{
    bool f64 = precision == NW_PRECISION_F64;
    const char *diffs[] = {"x"};
    nw_program_options options = {
        .diffs = diffs, .diff_count = back ? 1 : 0, .batch = batch, .precision = precision};
    nw_program *program = NULL;
    nw_error err = {0};
    if (nw_program_compile(model, &options, &program, &err) != NW_OK) fail_msg("%s", err.message);
    outcome r = {.nx = (size_t)batch * in, .ny = (size_t)batch * out};
    for (size_t i = 0; i < nw_program_step_count(program); i++)
        r.moves += strcmp(nw_program_step(program, i).kind, "Split") == 0;
    for (int round = 0; round < 2; round++) { /* nothing of the first may be left in the second */
        net_set(nw_program_input(program, "x", NULL), r.nx, 3 + (uint64_t)round, f64);
        if (back) net_set(nw_program_diff_output(program, "y"), r.ny, 5, f64);
        assert_int_equal(nw_program_run(program, &err), NW_OK);
        free(r.y);
        r.y = net_get(nw_program_output(program, "y", NULL), r.ny, f64);
        if (back) assert_int_equal(nw_program_backward(program, &err), NW_OK);
    }
    if (back) r.dx = net_get(nw_program_diff(program, "x", NULL), r.nx, f64);
    nw_program_free(program);
    return r;
}

static void release(outcome *r)
{
    free(r->y);
    free(r->dx);
}

/* Holds float32 against double for one image, whose parts are views, and for two. */
static void compare(nw_model *model, size_t in, size_t out)
{
    for (int k = 0; k < 4; k++) {
        int64_t batch = 1 + k % 2;
        bool back = k < 2;
        outcome fast = compute(model, NW_PRECISION_F32, batch, in, out, back),
                exact = compute(model, NW_PRECISION_F64, batch, in, out, back);
        assert_true(net_apart(fast.y, exact.y, exact.ny) < 2e-6);
        assert_true(!back || net_apart(fast.dx, exact.dx, exact.nx) < 2e-6);
        release(&fast);
        release(&exact);
    }
    nw_model_unref(model);
}

static void parts_are_the_source(void **state)
{
    (void)state;
    for (int third = 0; third < 2; third++)
        for (int64_t batch = 1; batch <= 2; batch++) {
            nw_model *model = make(third);
            outcome fast = compute(model, NW_PRECISION_F32, batch, IN * SIDE * SIDE, OUT * SIDE * SIDE, true),
                    exact =
                        compute(model, NW_PRECISION_F64, batch, IN * SIDE * SIDE, OUT * SIDE * SIDE, true);
            print_message("%d parts, %d images: %d moves, %.1e %.1e\n", 2 + third, (int)batch, fast.moves,
                          net_apart(fast.y, exact.y, exact.ny), net_apart(fast.dx, exact.dx, exact.nx));
            assert_true(net_apart(fast.y, exact.y, exact.ny) < 2e-6);
            assert_true(net_apart(fast.dx, exact.dx, exact.nx) < 2e-6);
            /* Where nothing reads a part its gradient is zero, which somebody has to write. */
            if (nw_backend_block() > 1) assert_int_equal(fast.moves, batch == 1 ? third : 3 + third);
            release(&fast);
            release(&exact);
            nw_model_unref(model);
        }
}

/* What is written in place must not be read after that by way of a part. */
static void a_part_is_read_beside_the_whole(void **state)
{
    (void)state;
    static const char *const ops[] = {"Sub", "Add", "Mul"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        for (int64_t at = 0; at < TOKENS; at += 3)
            for (int swapped = 0; swapped < 2; swapped++) {
                ow m;
                ow_begin(&m, 9);
                ow_input(&m, "x", 3, (int64_t[]){-1, TOKENS, WIDTH});
                ow_node(&m, "Sigmoid", "", "x", "r");
                ow_node(&m, "Slice", "", "r", "s");
                ow_attr_ints(&m, "axes", 1, (int64_t[]){1});
                ow_attr_ints(&m, "starts", 1, &at);
                ow_attr_ints(&m, "ends", 1, (int64_t[]){at + 1});
                ow_node(&m, ops[i], "", swapped ? "s r" : "r s", "t");
                ow_node(&m, "Sigmoid", "", "t", "y");
                ow_output(&m, "y");
                compare(net_load(&m), TOKENS * WIDTH, TOKENS * WIDTH);
            }
}

/* A result without a name has no gradient, and no layout. */
static void a_part_without_a_name(void **state)
{
    (void)state;
    ow m;
    ow_begin(&m, 11);
    ow_input(&m, "x", 4, (int64_t[]){-1, IN, SIDE, SIDE});
    net_conv(&m, "x", "a", IN, 64, 3, 1, 1);
    ow_node(&m, "Split", "", "a", "s - u");
    ow_attr_int(&m, "axis", 1);
    ow_attr_ints(&m, "split", 3, (int64_t[]){16, 32, 16});
    ow_node(&m, "Add", "", "s u", "b");
    net_conv(&m, "b", "y", 16, OUT, 1, 1, 1);
    ow_output(&m, "y");
    compare(net_load(&m), IN * SIDE * SIDE, OUT * SIDE * SIDE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts_are_the_source),
                                       cmocka_unit_test(a_part_is_read_beside_the_whole),
                                       cmocka_unit_test(a_part_without_a_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
