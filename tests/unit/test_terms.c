/* Sums and weighted values that nobody writes down (plan/term.h): split attention, squeeze-and-excitation,
 * residual sums and averages in all the company they may be in, against the reference path in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "support/network_run.h"

enum { SIDE = 12, IN = 8 };

static ow begin(void)
{
    ow m;
    ow_begin(&m, 11);
    ow_input(&m, "x", 4, (int64_t[]){-1, IN, SIDE, SIDE});
    return m;
}

/* One, two and three images, forward alone and with the gradient. Returns the steps of `kind` for one image
 * with the gradient. */
static int compare(ow *m, const char *middle, const char *kind)
{
    ow_output(m, "y");
    nw_model *model = net_load(m);
    int steps = 0;
    for (int64_t batch = 3; batch >= 1; batch--)
        for (int back = 0; back < 2; back++)
            steps = net_compare(
                model, (net_case){.batch = batch, .back = back, .middle = back ? middle : NULL, .kind = kind});
    nw_model_unref(model);
    return steps;
}

/* A weight for each channel of each image, from the mean of `in`. */
static void attention(ow *m, const char *in, const char *out, int64_t from, int64_t to)
{
    char mean[64];
    snprintf(mean, sizeof mean, "%s.mean", out);
    ow_node(m, "GlobalAveragePool", "", in, mean);
    net_conv(m, mean, out, from, to, 1, 1, 1);
}

/* ResNeSt's: out = sum of parts of u, each times its weights, which follow from the mean of their sum. */
static void split_attention(ow *m, const char *u, const char *out, int64_t channels, int radix)
{
    static const char *const parts[] = {"u0 u1", "u0 u1 u2 u3"}, *const weights[] = {"w0 w1", "w0 w1 w2 w3"};
    ow_node(m, "Split", "", u, parts[radix == 4]);
    ow_attr_int(m, "axis", 1);
    ow_node(m, "Add", "", "u0 u1", radix == 2 ? "sum" : "sum01");
    if (radix == 4) {
        ow_node(m, "Add", "", "u2 u3", "sum23");
        ow_node(m, "Add", "", "sum01 sum23", "sum");
    }
    attention(m, "sum", "w", channels, channels * radix);
    ow_node(m, "Split", "", "w", weights[radix == 4]);
    ow_attr_int(m, "axis", 1);
    for (int i = 0; i < radix; i++) {
        char in[16], to[16];
        snprintf(in, sizeof in, "u%d w%d", i, i);
        snprintf(to, sizeof to, "p%d", i);
        ow_node(m, "Mul", "", in, to);
    }
    ow_node(m, "Add", "", "p0 p1", radix == 2 ? out : "p01");
    if (radix == 4) {
        ow_node(m, "Add", "", "p2 p3", "p23");
        ow_node(m, "Add", "", "p01 p23", out);
    }
}

/* No product or sum of split attention is a step of its own. */
static void split_attention_is_terms(void **state)
{
    (void)state;
    static const char *const kinds[] = {"Mul", "Add", "GlobalAveragePool"};
    for (int k = 0; k < 3; k++) {
        ow m = begin();
        net_conv(&m, "x", "a", IN, 64, 3, 1, 1);
        split_attention(&m, "a", "s", 32, 2);
        net_conv(&m, "s", "y", 32, 8, 1, 1, 1);
        assert_int_equal(compare(&m, NULL, kinds[k]), k == 2); /* the mean itself, not its gradient */
    }
}

/* The activation's derivative goes with the parts of a Split where nobody asks for the gradient before it:
 * with a name in the middle, and where the source is read beside the Split. */
static void split_attention_in_one_pass(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        int radix = i & 1 ? 4 : 2, leaky = i & 2, beside = i & 4;
        int64_t channels = i & 8 ? 20 : 32; /* 20 do not fill blocks */
        ow m = begin();
        net_conv(&m, "x", "a", IN, channels * radix, 3, 1, 1);
        /* Its derivative is not the same twice. */
        if (leaky) ow_node(&m, "LeakyRelu", "", "a", "r");
        if (leaky) ow_attr_float(&m, "alpha", 0.3F);
        if (beside) net_conv(&m, leaky ? "r" : "a", "c", channels * radix, 16, 1, 1, 1);
        split_attention(&m, leaky ? "r" : "a", "s", channels, radix);
        net_conv(&m, "s", "b", channels, 16, 1, 1, 1);
        if (beside) ow_node(&m, "Add", "", "b c", "y");
        if (!beside) net_conv(&m, "b", "y", 16, 8, 1, 1, 1);
        ow again = begin(); /* the same with a name */
        net_conv(&again, "x", "a", IN, channels * radix, 3, 1, 1);
        ow_node(&again, "Relu", "", "a", "r");
        split_attention(&again, "r", "s", channels, radix);
        net_conv(&again, "s", "y", channels, 8, 1, 1, 1);
        /* The activation's derivative is in the sums of the parts, and in the convolution's where not. */
        int multiplied = compare(&m, NULL, "weighted sum+act");
        assert_int_equal(multiplied, leaky && !beside ? radix : 0);
        assert_int_equal(compare(&again, "r", "weighted sum+act"), 0);
    }
}

static void weighted_and_added(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        int64_t channels = i & 1 ? 20 : 32;
        ow m = begin();
        net_conv(&m, "x", "a", IN, channels, 3, 1, 1);
        attention(&m, "a", "w", channels, channels);
        ow_node(&m, "Mul", "", i & 2 ? "w a" : "a w", "p");
        ow_node(&m, "Add", "", "p a", "y"); /* an output, which is written */
        compare(&m, "p", NULL);
    }
}

/* A sum with itself, sums of more than can be kept, a sum that several read, in memory and not. */
static void sums_of_sums(void **state)
{
    (void)state;
    for (int plain = 0; plain < 2; plain++) {
        ow m = begin();
        if (plain)
            ow_node(&m, "Sigmoid", "", "x", "a");
        else
            net_conv(&m, "x", "a", IN, IN, 3, 1, 1);
        ow_node(&m, "Add", "", "a a", "b");
        ow_node(&m, "Add", "", "b x", "c");
        ow_node(&m, "Add", "", "c b", "d");
        ow_node(&m, "Add", "", "d c", "e");
        ow_node(&m, "Tanh", "", "d", "f");
        attention(&m, "e", "w", IN, IN);
        ow_node(&m, "Mul", "", "e w", "g");
        ow_node(&m, "Add", "", "g f", "h");
        ow_node(&m, "Add", "", "h e", "y");
        compare(&m, "e", NULL);
    }
}

/* More readers than a step has places for, each of which has a factor. */
static void many_contributions(void **state)
{
    (void)state;
    ow m = begin();
    net_conv(&m, "x", "a", IN, 16, 3, 1, 1);
    char last[16] = "a";
    for (int i = 0; i < 9; i++) {
        char weight[16], product[16], inputs[40];
        snprintf(weight, sizeof weight, "w%d", i);
        snprintf(product, sizeof product, "p%d", i);
        attention(&m, "a", weight, 16, 16);
        snprintf(inputs, sizeof inputs, "a %s", weight);
        ow_node(&m, "Mul", "", inputs, product);
        snprintf(inputs, sizeof inputs, "%s %s", last, product);
        snprintf(last, sizeof last, i < 8 ? "s%d" : "y", i);
        ow_node(&m, "Add", "", inputs, last);
    }
    compare(&m, NULL, NULL);
}

/* On a map of one pixel a gradient is a factor of the mean's as well: nothing may be written over it. */
static void a_single_pixel(void **state)
{
    (void)state;
    for (int64_t channels = 20; channels <= 32; channels += 12) {
        ow m = begin();
        ow_node(&m, "GlobalAveragePool", "", "x", "g");
        net_conv(&m, "g", "v", IN, channels, 1, 1, 1);
        ow_node(&m, "GlobalAveragePool", "", "v", "p");
        net_conv(&m, "v", "e", channels, 8, 1, 1, 1);
        ow_node(&m, "Add", "", "v p", "a");
        net_conv(&m, "a", "f", channels, 8, 1, 1, 1);
        ow_node(&m, "Add", "", "e f", "y");
        compare(&m, NULL, NULL);
    }
}

/* A factor that is a constant has the same bits with one image as with several. */
static void an_image_is_the_same_alone(void **state)
{
    (void)state;
    ow m = begin();
    net_conv(&m, "x", "a", IN, 32, 3, 1, 1);
    net_weights(&m, "k", 4, (int64_t[]){1, 32, 1, 1}, 1, 0);
    ow_node(&m, "Mul", "", "a k", "b");
    ow_node(&m, "Add", "", "a b", "c");
    ow_node(&m, "Add", "", "c b", "d");
    attention(&m, "d", "w", 32, 32);
    ow_node(&m, "Mul", "", "d w", "e");
    ow_node(&m, "Add", "", "e d", "y");
    ow_output(&m, "y");
    nw_model *model = net_load(&m);
    net_outcome one = net_compute(model, &(net_case){.batch = 1, .back = true}),
                three = net_compute(model, &(net_case){.batch = 3, .back = true});
    assert_memory_equal(one.y, three.y, one.ny * sizeof *one.y);
    assert_memory_equal(one.dx, three.dx, one.nx * sizeof *one.dx);
    net_release(&one);
    net_release(&three);
    nw_model_unref(model);
}

/* Windows side by side, in blocks and not, alone and beside others; and those that are not side by side. */
static void averages(void **state)
{
    (void)state;
    static const int64_t kernels[][2] = {{2, 2}, {4, 3}, {1, 4}, {12, 12}, {5, 5}};
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++)
        for (int k = 0; k < 8; k++) {
            int beside = k & 1, plain = k & 2, relu = k & 4;
            int64_t channels = plain ? IN : k & 1 ? 20 : 32;
            ow m = begin();
            if (!plain) net_conv(&m, "x", "a", IN, channels, 3, 1, 1);
            const char *in = plain ? "x" : "a";
            if (relu) ow_node(&m, "Relu", "", in, "r");
            if (relu) in = "r";
            ow_node(&m, "AveragePool", "", in, "p");
            ow_attr_ints(&m, "kernel_shape", 2, kernels[i]);
            ow_attr_ints(&m, "strides", 2, kernels[i]);
            net_conv(&m, "p", beside ? "b" : "y", channels, 8, 1, 1, 1);
            if (beside) net_conv(&m, in, "c", channels, 8, 3, 1, 1);
            if (beside) attention(&m, "c", "w", 8, 8);
            if (beside) ow_node(&m, "Mul", "", "b w", "y");
            int steps = compare(&m, NULL, "AveragePool");
            /* 5 x 5 leave something of 12 x 12 over. */
            assert_int_equal(steps, i < 4 ? 1 : 2);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_attention_is_terms), cmocka_unit_test(split_attention_in_one_pass),
        cmocka_unit_test(weighted_and_added), cmocka_unit_test(sums_of_sums),
        cmocka_unit_test(a_single_pixel), cmocka_unit_test(an_image_is_the_same_alone), cmocka_unit_test(many_contributions), cmocka_unit_test(averages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
