/* ResNeSt (Zhang et al. 2020, arXiv 2004.08955) in the setting of its published models: radix 2, cardinality
 * 1, deep stem, average pooling for every stride ("avg_down", "avd", not "avd_first"). Parameters are called
 * as in the reference implementation (github.com/zhanghang1989/ResNeSt). */
#include "network/network.h"

enum { RADIX = 2, EXPANSION = 4, REDUCTION = 4, LEAST_HIDDEN = 32 };

static nw_feature conv(nw_builder *b, const char *block, const char *part, nw_feature x, int64_t channels,
                       int64_t kernel)
{
    return nw_build_conv(b, nw_build_name(b, "%s.%s", block, part), x,
                         &(nw_conv){.channels = channels, .window = nw_build_cube(kernel, 1, kernel / 2)});
}

static nw_feature norm(nw_builder *b, const char *block, const char *part, nw_feature x, float scale)
{
    return nw_build_norm(b, nw_build_name(b, "%s.%s", block, part), x, scale);
}

static nw_feature relu(nw_builder *b, const char *block, const char *part, nw_feature x)
{
    return nw_build_relu(b, nw_build_name(b, "%s.%s", block, part), x);
}

/* From the mean over the positions to RADIX weights a channel that sum to one: [N, RADIX * channels, 1, 1].
 */
static nw_feature attention(nw_builder *b, const char *name, nw_feature x)
{
    int64_t least = nw_build_width(b, LEAST_HIDDEN), hidden = x.channels * RADIX / REDUCTION;
    int64_t channels = x.channels;
    nw_conv full = {.window = nw_build_cube(1, 1, 0), .bias = true};
    nw_feature y = nw_build_global_pool(b, nw_build_name(b, "%s.gap", name), x);
    full.channels = hidden > least ? hidden : least;
    y = nw_build_conv(b, nw_build_name(b, "%s.fc1", name), y, &full);
    y = norm(b, name, "bn1", y, 1);
    y = relu(b, name, "relu1", y);
    full.channels = RADIX * channels;
    y = nw_build_conv(b, nw_build_name(b, "%s.fc2", name), y, &full);
    /* Softmax over the radix, channel by channel (the paper's "r-softmax"); 0: the batch as it is. */
    y = nw_build_reshape(b, nw_build_name(b, "%s.by_radix", name), y, 4, (int64_t[]){0, RADIX, channels, 1},
                         RADIX);
    nw_node *node;
    y = nw_build_node(b, "Softmax", nw_build_name(b, "%s.rsoftmax", name), 1, &y, RADIX, &node);
    nw_build_int(b, node, "axis", 1);
    return nw_build_reshape(b, nw_build_name(b, "%s.attention", name), y, 4,
                            (int64_t[]){0, RADIX * channels, 1, 1}, RADIX * channels);
}

/* A convolution in RADIX groups, whose results are summed with weights that depend on their sum. */
static nw_feature split_attention(nw_builder *b, const char *name, nw_feature x, int64_t channels)
{
    x = nw_build_conv(
        b, nw_build_name(b, "%s.conv", name), x,
        &(nw_conv){.channels = RADIX * channels, .window = nw_build_cube(3, 1, 1), .groups = RADIX});
    x = norm(b, name, "bn0", x, 1);
    x = relu(b, name, "relu", x);
    nw_feature parts[RADIX], weights[RADIX];
    nw_build_split(b, nw_build_name(b, "%s.split", name), x, RADIX, parts);
    nw_feature sum = nw_build_add(b, nw_build_name(b, "%s.sum", name), parts[0], parts[1]);
    nw_build_split(b, nw_build_name(b, "%s.weights", name), attention(b, name, sum), RADIX, weights);
    for (int r = 0; r < RADIX; r++)
        parts[r] = nw_build_mul(b, nw_build_name(b, "%s.weighed.%d", name, r), parts[r], weights[r]);
    return nw_build_add(b, name, parts[0], parts[1]);
}

static nw_feature shortcut(nw_builder *b, const char *block, nw_feature x, int64_t channels, int64_t stride)
{
    if (stride == 1 && x.channels == channels) return x;
    if (stride > 1)
        x = nw_build_average_pool(b, nw_build_name(b, "%s.downsample.0", block), x,
                                  nw_build_cube(stride, stride, 0), true, false);
    x = conv(b, block, "downsample.1", x, channels, 1);
    return norm(b, block, "downsample.2", x, 1);
}

static nw_feature bottleneck(nw_builder *b, const char *block, const char *out, nw_feature x, int64_t planes,
                             int64_t stride)
{
    nw_feature y = conv(b, block, "conv1", x, planes, 1);
    y = norm(b, block, "bn1", y, 1);
    y = relu(b, block, "relu1", y);
    y = split_attention(b, nw_build_name(b, "%s.conv2", block), y, planes);
    if (stride > 1)
        y = nw_build_average_pool(b, nw_build_name(b, "%s.avd_layer", block), y, nw_build_cube(3, stride, 1),
                                  false, true);
    y = conv(b, block, "conv3", y, EXPANSION * planes, 1);
    y = norm(b, block, "bn3", y, nw_build_residual_scale(b));
    x = shortcut(b, block, x, EXPANSION * planes, stride);
    y = nw_build_add(b, nw_build_name(b, "%s.add", block), y, x);
    return nw_build_relu(b, out, y);
}

/* Three 3x3 convolutions in place of one 7x7. */
static nw_feature stem(nw_builder *b, nw_feature x, int64_t channels)
{
    nw_conv c = {.channels = nw_build_width(b, channels), .window = nw_build_cube(3, 2, 1)};
    x = nw_build_conv(b, "conv1.0", x, &c);
    x = nw_build_norm(b, "conv1.1", x, 1);
    x = nw_build_relu(b, "conv1.2", x);
    c.window = nw_build_cube(3, 1, 1);
    x = nw_build_conv(b, "conv1.3", x, &c);
    x = nw_build_norm(b, "conv1.4", x, 1);
    x = nw_build_relu(b, "conv1.5", x);
    c.channels = nw_build_width(b, 2 * channels);
    x = nw_build_conv(b, "conv1.6", x, &c);
    x = nw_build_norm(b, "bn1", x, 1);
    x = nw_build_relu(b, "relu", x);
    return nw_build_max_pool(b, "maxpool", x, nw_build_cube(3, 2, 1));
}

static void build(nw_builder *b, const nw_network *network, nw_feature x)
{
    x = stem(b, x, network->stem);
    for (int stage = 0; stage < 4; stage++)
        for (int i = 0; i < network->blocks[stage]; i++) {
            char name[NW_BUILD_NAME], out[NW_BUILD_NAME];
            nw_build_block(stage, i, network->blocks[stage], name, out);
            x = bottleneck(b, name, out, x, nw_build_width(b, 64 << stage), stage && !i ? 2 : 1);
        }
    nw_build_logits(b, "fc", x);
}

const nw_network nw_network_resnest50 = {
    .info = {.name = "resnest50",
             .dims = 2,
             .text = "residual network of 50 layers with split attention (Zhang et al. 2020)",
             .bottleneck = "layer2"},
    .blocks = {3, 4, 6, 3},
    .stem = 32,
    .build = build,
};

const nw_network nw_network_resnest101 = {
    .info = {.name = "resnest101",
             .dims = 2,
             .text = "residual network of 101 layers with split attention (Zhang et al. 2020)",
             .bottleneck = "layer2"},
    .blocks = {3, 4, 23, 3},
    .stem = 64,
    .build = build,
};
