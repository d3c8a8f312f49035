/* Small networks, one for each operator or pair of operators that meet, as functions that write the middle of
 * a network: what comes before and after it is the test's. */
#ifndef NW_TESTS_NETWORK_CASES_H
#define NW_TESTS_NETWORK_CASES_H

#include "support/move_cases.h"
#include "support/network.h"

enum { SIZE = 12 };

/* Adds nodes from "a" [N, c, 12, 12] to "b"; returns b's channels where it is a feature map, else 0. */
typedef int64_t (*make_fn)(ow *m, int64_t c);

static void unary(ow *m, const char *type)
{
    ow_node(m, type, "", "a", "b");
}
static int64_t relu(ow *m, int64_t c)
{
    return unary(m, "Relu"), c;
}
static int64_t sigmoid(ow *m, int64_t c)
{
    return unary(m, "Sigmoid"), c;
}
static int64_t hard_sigmoid(ow *m, int64_t c)
{
    return unary(m, "HardSigmoid"), c;
}
static int64_t hard_swish(ow *m, int64_t c)
{
    return unary(m, "HardSwish"), c;
}
static int64_t tanh_(ow *m, int64_t c)
{
    return unary(m, "Tanh"), c;
}
static int64_t softplus(ow *m, int64_t c)
{
    return unary(m, "Softplus"), c;
}
static int64_t elu(ow *m, int64_t c)
{
    return unary(m, "Elu"), c;
}
static int64_t exp_(ow *m, int64_t c)
{
    return unary(m, "Exp"), c;
}
static int64_t mish(ow *m, int64_t c)
{
    return unary(m, "Mish"), c;
}
static int64_t leaky(ow *m, int64_t c)
{
    return unary(m, "LeakyRelu"), c;
}
static int64_t abs_(ow *m, int64_t c)
{
    return unary(m, "Abs"), c;
}
static int64_t neg(ow *m, int64_t c)
{
    return unary(m, "Neg"), c;
}
static int64_t gelu(ow *m, int64_t c)
{
    return unary(m, "Erf"), c;
} /* no fast path: the reference in between */

static int64_t clip(ow *m, int64_t c)
{
    float low = -0.2F, high = 0.3F;
    ow_floats(m, "low", 0, NULL, &low);
    ow_floats(m, "high", 0, NULL, &high);
    ow_node(m, "Clip", "", "a low high", "b");
    return c;
}
static int64_t relu6_conv(ow *m, int64_t c)
{
    float low = 0, high = 0.4F;
    ow_floats(m, "low", 0, NULL, &low);
    ow_floats(m, "high", 0, NULL, &high);
    net_conv(m, "a", "p", c, c, 3, 1, 1);
    ow_node(m, "Clip", "", "p low high", "b");
    return c;
}
static int64_t norm_relu(ow *m, int64_t c)
{
    net_norm(m, "a", "p", c);
    ow_node(m, "Relu", "", "p", "b");
    return c;
}
static int64_t conv_norm_relu(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, c, 3, 2, 1);
    net_norm(m, "p", "q", c);
    ow_node(m, "Relu", "", "q", "b");
    return c;
}
static int64_t residual(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, c, 3, 1, 1);
    ow_node(m, "Relu", "", "p", "q");
    net_conv(m, "q", "r", c, c, 3, 1, 1);
    ow_node(m, "Add", "", "r a", "s");
    ow_node(m, "Relu", "", "s", "b");
    return c;
}
static int64_t norm_residual(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, c, 3, 1, 1);
    net_norm(m, "p", "q", c);
    ow_node(m, "Relu", "", "q", "r");
    net_conv(m, "r", "s", c, c, 3, 1, 1);
    net_norm(m, "s", "t", c);
    ow_node(m, "Add", "", "t a", "u");
    ow_node(m, "Relu", "", "u", "b");
    return c;
}
static int64_t norm_two_branches(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, c, 3, 2, 1);
    net_norm(m, "p", "q", c);
    net_conv(m, "a", "r", c, c, 1, 2, 1);
    net_norm(m, "r", "s", c);
    ow_node(m, "Add", "", "q s", "t");
    ow_node(m, "Relu", "", "t", "b");
    return c;
}
static int64_t norm_depthwise_swish(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, c, 3, 1, c);
    net_norm(m, "p", "q", c);
    ow_node(m, "Sigmoid", "", "q", "r");
    ow_node(m, "Mul", "", "q r", "b");
    return c;
}
static int64_t norm_many_readers(ow *m, int64_t c)
{
    net_norm(m, "a", "p", c);
    ow_node(m, "Relu", "", "p", "q");
    net_conv(m, "q", "r", c, c, 1, 1, 1);
    ow_node(m, "Add", "", "q r", "s");
    ow_node(m, "Concat", "", "s q", "b");
    ow_attr_int(m, "axis", 1);
    return 2 * c;
}
static int64_t norm_leaky(ow *m, int64_t c)
{
    net_norm(m, "a", "p", c);
    ow_node(m, "LeakyRelu", "", "p", "b");
    return c;
}
static int64_t norm_vector(ow *m, int64_t c)
{
    ow_node(m, "GlobalAveragePool", "", "a", "p");
    ow_node(m, "Flatten", "", "p", "q");
    net_norm(m, "q", "r", c);
    net_weights(m, "w", 2, (int64_t[]){7, c}, 0.5F, 0);
    net_weights(m, "bias", 1, (int64_t[]){7}, 0.5F, 0);
    ow_node(m, "Gemm", "", "r w bias", "b");
    ow_attr_int(m, "transB", 1);
    return 0;
}
static int64_t two_branches(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, c, 3, 2, 1);
    net_conv(m, "a", "q", c, c, 1, 2, 1);
    ow_node(m, "Add", "", "p q", "s");
    ow_node(m, "LeakyRelu", "", "s", "b");
    return c;
}
static int64_t inverted_residual(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, 2 * c, 1, 1, 1);
    ow_node(m, "Relu", "", "p", "q");
    net_conv(m, "q", "r", 2 * c, 2 * c, 3, 1, 2 * c);
    ow_node(m, "Relu", "", "r", "s");
    net_conv(m, "s", "t", 2 * c, c, 1, 1, 1);
    ow_node(m, "Add", "", "a t", "b");
    return c;
}
static int64_t grouped(ow *m, int64_t c)
{
    net_conv(m, "a", "b", c, c, 3, 1, 4);
    return c;
}
static int64_t squeeze_excite(ow *m, int64_t c)
{
    ow_node(m, "GlobalAveragePool", "", "a", "p");
    net_conv(m, "p", "q", c, 4, 1, 1, 1);
    ow_node(m, "Relu", "", "q", "r");
    net_conv(m, "r", "s", 4, c, 1, 1, 1);
    ow_node(m, "Sigmoid", "", "s", "t");
    ow_node(m, "Mul", "", "t a", "b");
    return c;
}
static int64_t swish(ow *m, int64_t c)
{
    ow_node(m, "Sigmoid", "", "a", "p");
    ow_node(m, "Mul", "", "a p", "b");
    return c;
}
static int64_t square(ow *m, int64_t c)
{
    ow_node(m, "Mul", "", "a a", "p");
    ow_node(m, "Add", "", "p p", "b");
    return c;
}
static int64_t scale_channels(ow *m, int64_t c)
{
    net_weights(m, "k", 3, (int64_t[]){c, 1, 1}, 0.5F, 1);
    ow_node(m, "Mul", "", "a k", "p");
    ow_node(m, "Add", "", "k p", "q");
    ow_node(m, "Div", "", "q k", "r");
    ow_node(m, "Sub", "", "k r", "b");
    return c;
}
static int64_t scalars(ow *m, int64_t c)
{
    float three = 3;
    ow_floats(m, "three", 0, NULL, &three);
    ow_node(m, "Add", "", "a three", "p");
    ow_node(m, "Mul", "", "three p", "q");
    ow_node(m, "Div", "", "three q", "r"); /* its gradient is the reference's */
    ow_node(m, "Sub", "", "r a", "b");
    return c;
}
static int64_t quotient(ow *m, int64_t c)
{
    ow_node(m, "Exp", "", "a", "p");
    ow_node(m, "Div", "", "a p", "b");
    return c;
}
static int64_t max_pool(ow *m, int64_t c)
{
    ow_node(m, "MaxPool", "", "a", "b");
    ow_attr_ints(m, "kernel_shape", 2, (int64_t[]){3, 3});
    ow_attr_ints(m, "strides", 2, (int64_t[]){2, 2});
    ow_attr_ints(m, "pads", 4, (int64_t[]){1, 1, 1, 1});
    return c;
}
static int64_t max_pool_ceil(ow *m, int64_t c)
{
    ow_node(m, "MaxPool", "", "a", "b");
    ow_attr_ints(m, "kernel_shape", 2, (int64_t[]){3, 3});
    ow_attr_ints(m, "strides", 2, (int64_t[]){2, 2});
    ow_attr_int(m, "ceil_mode", 1);
    return c;
}
static int64_t average_pool(ow *m, int64_t c)
{
    ow_node(m, "AveragePool", "", "a", "b");
    ow_attr_ints(m, "kernel_shape", 2, (int64_t[]){3, 3});
    ow_attr_ints(m, "strides", 2, (int64_t[]){2, 2});
    ow_attr_ints(m, "pads", 4, (int64_t[]){1, 1, 1, 1});
    return c;
}
static int64_t average_pool_counting(ow *m, int64_t c)
{
    average_pool(m, c);
    ow_attr_int(m, "count_include_pad", 1);
    ow_attr_int(m, "ceil_mode", 1);
    return c;
}
static int64_t conv_transpose(ow *m, int64_t c)
{
    net_weights(m, "t.w", 4, (int64_t[]){c, 24, 2, 2}, 0.3F, 0);
    net_weights(m, "t.b", 1, (int64_t[]){24}, 0.2F, 0);
    ow_node(m, "ConvTranspose", "", "a t.w t.b", "b");
    ow_attr_ints(m, "strides", 2, (int64_t[]){2, 2});
    return 24;
}
/* Padding at either side, rows that no window reaches, and no bias; few filters. */
static int64_t conv_transpose_padded(ow *m, int64_t c)
{
    net_weights(m, "t.w", 4, (int64_t[]){c, 3, 4, 3}, 0.3F, 0);
    ow_node(m, "ConvTranspose", "", "a t.w", "b");
    ow_attr_ints(m, "strides", 2, (int64_t[]){3, 2});
    ow_attr_ints(m, "pads", 4, (int64_t[]){1, 0, 0, 1});
    ow_attr_ints(m, "output_padding", 2, (int64_t[]){2, 1});
    return 3;
}
static int64_t conv_transpose_dilated(ow *m, int64_t c)
{
    net_weights(m, "t.w", 4, (int64_t[]){c, 5, 3, 3}, 0.3F, 0);
    net_weights(m, "t.b", 1, (int64_t[]){10}, 0.2F, 0);
    ow_node(m, "ConvTranspose", "", "a t.w t.b", "b");
    ow_attr_ints(m, "dilations", 2, (int64_t[]){2, 1});
    ow_attr_int(m, "group", 2);
    ow_attr_text(m, "auto_pad", "SAME_UPPER");
    return 10;
}
static int64_t resized(ow *m, int64_t c, const char *mode, const char *coordinates, int64_t rows,
                       int64_t columns)
{
    float scales[4] = {1, 1, (float)rows / SIZE, (float)columns / SIZE};
    ow_floats(m, "scales", 1, (int64_t[]){4}, scales);
    ow_node(m, "Resize", "", "a - scales", "b");
    ow_attr_text(m, "mode", mode);
    ow_attr_text(m, "coordinate_transformation_mode", coordinates);
    return c;
}
static int64_t resize_nearest(ow *m, int64_t c)
{
    return resized(m, c, "nearest", "asymmetric", 24, 24);
}
static int64_t resize_linear(ow *m, int64_t c)
{
    return resized(m, c, "linear", "half_pixel", 24, 18);
}
static int64_t resize_corners(ow *m, int64_t c)
{
    return resized(m, c, "linear", "align_corners", 24, 6);
}
/* Of a plain layout, as after a pooled vector is spread; three dimensions. */
static int64_t resize_volume(ow *m, int64_t c)
{
    ow_ints(m, "volume", 5, (int64_t[]){0, c, 2, 6, SIZE});
    ow_node(m, "Reshape", "", "a volume", "v");
    ow_floats(m, "scales", 1, (int64_t[]){5}, (const float[]){1, 1, 2, 1.5F, 1 / 3.0F});
    ow_node(m, "Resize", "", "v - scales", "w");
    ow_attr_text(m, "mode", "linear");
    ow_ints(m, "plane", 4, (int64_t[]){0, c, SIZE, SIZE});
    ow_node(m, "Reshape", "", "w plane", "b");
    return c;
}
static int64_t classify(ow *m, int64_t c)
{
    ow_node(m, "GlobalAveragePool", "", "a", "p");
    ow_node(m, "Flatten", "", "p", "q");
    net_weights(m, "w", 2, (int64_t[]){7, c}, 0.5F, 0);
    net_weights(m, "bias", 1, (int64_t[]){7}, 0.5F, 0);
    ow_node(m, "Gemm", "", "q w bias", "r");
    ow_attr_int(m, "transB", 1);
    ow_node(m, "Softmax", "", "r", "b");
    return 0;
}
static int64_t flatten_all(ow *m, int64_t c)
{
    int64_t n = c * SIZE * SIZE;
    ow_node(m, "Flatten", "", "a", "p");
    net_weights(m, "w", 2, (int64_t[]){n, 5}, 0.1F, 0);
    ow_node(m, "MatMul", "", "p w", "b");
    return 0;
}
static int64_t attention(ow *m, int64_t c)
{
    int64_t n = SIZE * SIZE;
    ow_ints(m, "flat", 3, (int64_t[]){0, c, n});
    ow_node(m, "Reshape", "", "a flat", "p");
    ow_node(m, "Transpose", "", "p", "q");
    ow_attr_ints(m, "perm", 3, (int64_t[]){0, 2, 1});
    ow_node(m, "MatMul", "", "q p", "r");
    ow_node(m, "MatMul", "", "p r", "b");
    return 0;
}
static int64_t spatial_means(ow *m, int64_t c)
{
    ow_node(m, "ReduceMean", "", "a", "p");
    ow_attr_ints(m, "axes", 2, (int64_t[]){2, 3});
    ow_attr_int(m, "keepdims", 0);
    ow_node(m, "ReduceMean", "", "a", "q");
    ow_attr_ints(m, "axes", 1, (int64_t[]){-1});
    ow_ints(m, "ones", 2, (int64_t[]){2, 3});
    ow_node(m, "Unsqueeze", "", "p ones", "r");
    ow_ints(m, "three", 1, (int64_t[]){3});
    ow_node(m, "Squeeze", "", "q three", "s");
    ow_node(m, "Unsqueeze", "", "s three", "t");
    ow_node(m, "Mul", "", "t r", "u");
    ow_node(m, "Add", "", "a u", "b");
    return c;
}
/* ResNeSt's split attention, radix 2 */
static int64_t split_attention(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, 2 * c, 3, 1, 2);
    ow_ints(m, "split", 5, (int64_t[]){0, 2, c, SIZE, SIZE});
    ow_node(m, "Reshape", "", "p split", "q");
    ow_ints(m, "one", 1, (int64_t[]){1});
    ow_node(m, "ReduceSum", "", "q one", "r");
    ow_attr_int(m, "keepdims", 0);
    ow_node(m, "GlobalAveragePool", "", "r", "s");
    net_conv(m, "s", "t", c, 2 * c, 1, 1, 1);
    ow_ints(m, "weights", 5, (int64_t[]){0, 2, c, 1, 1});
    ow_node(m, "Reshape", "", "t weights", "u");
    ow_node(m, "Softmax", "", "u", "v");
    ow_attr_int(m, "axis", 1);
    ow_node(m, "Mul", "", "q v", "w");
    ow_node(m, "ReduceSum", "", "w one", "b");
    ow_attr_int(m, "keepdims", 0);
    return c;
}
static int64_t concat(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, 16, 3, 1, 1);
    ow_node(m, "Relu", "", "p", "q");
    ow_node(m, "Concat", "", "a q p", "b");
    ow_attr_int(m, "axis", 1);
    return c + 32;
}
static int64_t shuffle(ow *m, int64_t c)
{
    ow_ints(m, "halves", 2, (int64_t[]){c / 2, c / 2});
    ow_node(m, "Split", "", "a halves", "p q");
    ow_attr_int(m, "axis", 1);
    ow_node(m, "Relu", "", "q", "r");
    ow_node(m, "Concat", "", "p r", "s");
    ow_attr_int(m, "axis", 1);
    ow_ints(m, "apart", 5, (int64_t[]){0, 2, c / 2, SIZE, SIZE});
    ow_ints(m, "together", 4, (int64_t[]){0, c, SIZE, SIZE});
    ow_node(m, "Reshape", "", "s apart", "t");
    ow_node(m, "Transpose", "", "t", "u");
    ow_attr_ints(m, "perm", 5, (int64_t[]){0, 2, 1, 3, 4});
    ow_node(m, "Reshape", "", "u together", "b");
    return c;
}
static int64_t slices_and_pads(ow *m, int64_t c)
{
    ow_ints(m, "from", 2, (int64_t[]){1, 10});
    ow_ints(m, "to", 2, (int64_t[]){INT64_MAX, 0});
    ow_ints(m, "axes", 2, (int64_t[]){2, 3});
    ow_ints(m, "by", 2, (int64_t[]){2, -1});
    ow_node(m, "Slice", "", "a from to axes by", "p");
    ow_ints(m, "pads", 8, (int64_t[]){0, 0, 1, 2, 0, 0, 0, 1});
    ow_node(m, "Pad", "", "p pads", "b");
    return c;
}
static int64_t dropouts(ow *m, int64_t c)
{
    ow_node(m, "Dropout", "", "a", "p");
    ow_node(m, "Identity", "", "p", "q");
    ow_node(m, "Relu", "", "q", "b");
    return c;
}
static int64_t many_readers(ow *m, int64_t c)
{
    for (int i = 0; i < 12; i++) {
        char out[16];
        snprintf(out, sizeof out, "p%d", i);
        net_conv(m, "a", out, c, 16, 1, 1, 1);
    }
    ow_node(m, "Concat", "", "p0 p1 p2 p3 p4 p5 p6 p7 p8 p9 p10 p11", "b");
    ow_attr_int(m, "axis", 1);
    return 192;
}

/* Pooling and convolution over three dimensions of what two-dimensional convolutions left in blocks: the
 * blocks come to lie along another dimension than the channels. */
static int64_t pool_behind_blocks(ow *m, int64_t c)
{
    ow_ints(m, "first", 1, (int64_t[]){1});
    ow_node(m, "Unsqueeze", "", "a first", "p");
    ow_node(m, "MaxPool", "", "p", "q");
    ow_attr_ints(m, "kernel_shape", 3, (int64_t[]){1, 3, 3});
    ow_attr_ints(m, "pads", 6, (int64_t[]){0, 1, 1, 0, 1, 1});
    ow_node(m, "AveragePool", "", "q", "r");
    ow_attr_ints(m, "kernel_shape", 3, (int64_t[]){1, 3, 3});
    ow_attr_ints(m, "pads", 6, (int64_t[]){0, 1, 1, 0, 1, 1});
    ow_node(m, "Squeeze", "", "r first", "b");
    return c;
}
static int64_t volume_behind_blocks(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, 256, 1, 1, 1);
    ow_ints(m, "volume", 5, (int64_t[]){0, 16, 16, SIZE, SIZE});
    ow_node(m, "Reshape", "", "p volume", "q");
    net_weights(m, "w3", 5, (int64_t[]){16, 16, 3, 3, 3}, 0.1F, 0);
    ow_node(m, "Conv", "", "q w3", "r");
    ow_attr_ints(m, "pads", 6, (int64_t[]){1, 1, 1, 1, 1, 1});
    ow_node(m, "Add", "", "q r", "s");
    ow_ints(m, "flat", 4, (int64_t[]){0, 256, SIZE, SIZE});
    ow_node(m, "Reshape", "", "s flat", "b");
    return 256;
}

/* opset 11: the axis is the first of those that softmax runs over. */
#define CASE(f)                                                                                              \
    {                                                                                                        \
#f, f, 18                                                                                            \
    }
#define CASE_AT(f, opset)                                                                                    \
    {                                                                                                        \
#f ", opset " #opset, f, opset                                                                       \
    }
static const struct net_case {
    const char *name;
    make_fn make;
    int opset;
} net_cases[] = {
    CASE(relu),
    CASE(sigmoid),
    CASE(hard_sigmoid),
    CASE(hard_swish),
    CASE(tanh_),
    CASE(softplus),
    CASE(elu),
    CASE(exp_),
    CASE(mish),
    CASE(leaky),
    CASE(abs_),
    CASE(neg),
    CASE(gelu),
    CASE(clip),
    CASE(relu6_conv),
    CASE(norm_relu),
    CASE(conv_norm_relu),
    CASE(residual),
    CASE(norm_residual),
    CASE(norm_two_branches),
    CASE(norm_depthwise_swish),
    CASE(norm_many_readers),
    CASE(norm_leaky),
    CASE(norm_vector),
    CASE(two_branches),
    CASE(inverted_residual),
    CASE(grouped),
    CASE(squeeze_excite),
    CASE(swish),
    CASE(square),
    CASE(scale_channels),
    CASE(scalars),
    CASE(quotient),
    CASE(max_pool),
    CASE(max_pool_ceil),
    CASE(average_pool),
    CASE(average_pool_counting),
    CASE(conv_transpose),
    CASE(conv_transpose_padded),
    CASE(conv_transpose_dilated),
    CASE(resize_nearest),
    CASE(resize_linear),
    CASE(resize_corners),
    CASE(resize_volume),
    CASE(classify),
    CASE(flatten_all),
    CASE(attention),
    CASE(spatial_means),
    CASE(split_attention),
    CASE(concat),
    CASE(shuffle),
    CASE(slices_and_pads),
    CASE(dropouts),
    CASE(many_readers),
    CASE(pool_behind_blocks),
    CASE(volume_behind_blocks),
    CASE(concat_blocks),
    CASE(concat_rows),
    CASE(concat_pooled),
    CASE(concat_constant),
    CASE(split_blocks),
    CASE(split_unread),
    CASE(split_columns),
    CASE(slice_blocks),
    CASE(slice_off_blocks),
    CASE(pad_value),
    CASE(pad_channels),
    CASE(pad_edge),
    CASE(pad_reflect),
    CASE(gather_channels),
    CASE(gather_rows),
    CASE(gather_one),
    CASE(expand_positions),
    CASE(expand_channels),
    CASE(tile),
    CASE(tile_rows),
    CASE(channels_last),
    CASE(transpose_plane),
    CASE(transpose_batch),
    CASE(depth_to_space),
    CASE(depth_to_space_columns),
    CASE(space_to_depth),
    CASE(volume_moves),
    CASE(volume_maxima),
    CASE(softmax_channels),
    CASE(softmax_rows),
    CASE(softmax_columns),
    CASE(softmax_batch),
    CASE(log_softmax_channels),
    CASE(log_softmax_columns),
    CASE(softmax_with_vectors),
    CASE(lrn),
    CASE(lrn_of_all),
    CASE(global_max),
    CASE(max_of_ties),
    CASE(prelu),
    CASE(prelu_one),
    CASE(prelu_columns),
    CASE(sum_of_two),
    CASE(sum_of_many),
    CASE(mean_of_many),
    CASE(max_of_many),
    CASE(min_of_many),
    CASE_AT(softmax_channels, 11),
    CASE_AT(softmax_rows, 11),
    CASE_AT(log_softmax_columns, 11),
};
enum { NET_CASES = sizeof net_cases / sizeof net_cases[0] };

#endif
