/* A Split of one image moves nothing: its results are parts of the source, and gradients are summed where
 * they belong. Against the reference path in double; of two images, whose parts do not lie together, it
 * copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "support/network_run.h"

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

/* One image, whose parts are views, and two. */
static void compare(nw_model *model)
{
    for (int k = 0; k < 4; k++) net_compare(model, (net_case){.batch = 1 + k % 2, .back = k < 2});
    nw_model_unref(model);
}

static void parts_are_the_source(void **state)
{
    (void)state;
    for (int third = 0; third < 2; third++)
        for (int64_t batch = 1; batch <= 2; batch++) {
            nw_model *model = make(third);
            int moves = net_compare(model, (net_case){.batch = batch, .back = true, .kind = "Split"});
            print_message("%d parts, %d images: %d moves\n", 2 + third, (int)batch, moves);
            /* Where nothing reads a part its gradient is zero, which somebody has to write. */
            if (nw_backend_block() > 1) assert_int_equal(moves, batch == 1 ? third : 3 + third);
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
                compare(net_load(&m));
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
    compare(net_load(&m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts_are_the_source),
                                       cmocka_unit_test(a_part_is_read_beside_the_whole),
                                       cmocka_unit_test(a_part_without_a_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
