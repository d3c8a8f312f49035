/* Residual networks (He et al. 2016, arXiv 1512.03385) as torchvision has them: the stride of a bottleneck is
 * in its 3x3 convolution ("version 1.5"). */
#include "network/network.h"

typedef nw_feature (*block_fn)(nw_builder *b, const char *block, const char *out, nw_feature x,
                               int64_t planes, int64_t stride);

static nw_feature conv(nw_builder *b, const char *name, nw_feature x, int64_t channels, int64_t kernel,
                       int64_t stride)
{
    return nw_build_conv(
        b, name, x, &(nw_conv){.channels = channels, .window = nw_build_cube(kernel, stride, kernel / 2)});
}

/* Around the block: as it is, or to its channels and size by a 1x1 convolution. */
static nw_feature shortcut(nw_builder *b, const char *block, nw_feature x, int64_t channels, int64_t stride)
{
    if (stride == 1 && x.channels == channels) return x;
    x = conv(b, nw_build_name(b, "%s.downsample.0", block), x, channels, 1, stride);
    return nw_build_norm(b, nw_build_name(b, "%s.downsample.1", block), x, 1);
}

static nw_feature finish(nw_builder *b, const char *block, const char *out, nw_feature x, nw_feature around)
{
    x = nw_build_add(b, nw_build_name(b, "%s.add", block), x, around);
    return nw_build_relu(b, out, x);
}

static nw_feature basic(nw_builder *b, const char *block, const char *out, nw_feature x, int64_t planes,
                        int64_t stride)
{
    nw_feature y = conv(b, nw_build_name(b, "%s.conv1", block), x, planes, 3, stride);
    y = nw_build_norm(b, nw_build_name(b, "%s.bn1", block), y, 1);
    y = nw_build_relu(b, nw_build_name(b, "%s.relu1", block), y);
    y = conv(b, nw_build_name(b, "%s.conv2", block), y, planes, 3, 1);
    y = nw_build_norm(b, nw_build_name(b, "%s.bn2", block), y, nw_build_residual_scale(b));
    return finish(b, block, out, y, shortcut(b, block, x, planes, stride));
}

static nw_feature bottleneck(nw_builder *b, const char *block, const char *out, nw_feature x, int64_t planes,
                             int64_t stride)
{
    nw_feature y = conv(b, nw_build_name(b, "%s.conv1", block), x, planes, 1, 1);
    y = nw_build_norm(b, nw_build_name(b, "%s.bn1", block), y, 1);
    y = nw_build_relu(b, nw_build_name(b, "%s.relu1", block), y);
    y = conv(b, nw_build_name(b, "%s.conv2", block), y, planes, 3, stride);
    y = nw_build_norm(b, nw_build_name(b, "%s.bn2", block), y, 1);
    y = nw_build_relu(b, nw_build_name(b, "%s.relu2", block), y);
    y = conv(b, nw_build_name(b, "%s.conv3", block), y, 4 * planes, 1, 1);
    y = nw_build_norm(b, nw_build_name(b, "%s.bn3", block), y, nw_build_residual_scale(b));
    return finish(b, block, out, y, shortcut(b, block, x, 4 * planes, stride));
}

static void build(nw_builder *b, const nw_network *network, nw_feature x, block_fn block)
{
    x = conv(b, "conv1", x, nw_build_width(b, 64), 7, 2);
    x = nw_build_norm(b, "bn1", x, 1);
    x = nw_build_relu(b, "relu", x);
    x = nw_build_max_pool(b, "maxpool", x, nw_build_cube(3, 2, 1));
    for (int stage = 0; stage < 4; stage++) {
        int64_t planes = nw_build_width(b, 64 << stage);
        int count = network->blocks[stage];
        for (int i = 0; i < count; i++) {
            char name[NW_BUILD_NAME], out[NW_BUILD_NAME];
            nw_build_block(stage, i, count, name, out);
            x = block(b, name, out, x, planes, stage && !i ? 2 : 1);
        }
    }
    nw_build_logits(b, "fc", x);
}

static void build_basic(nw_builder *b, const nw_network *network, nw_feature x)
{
    build(b, network, x, basic);
}

static void build_bottleneck(nw_builder *b, const nw_network *network, nw_feature x)
{
    build(b, network, x, bottleneck);
}

const nw_network nw_network_resnet18 = {
    .info = {.name = "resnet18",
             .dims = 2,
             .text = "residual network of 18 layers (He et al. 2016)",
             .bottleneck = "layer2"},
    .blocks = {2, 2, 2, 2},
    .build = build_basic,
};

const nw_network nw_network_resnet34 = {
    .info = {.name = "resnet34",
             .dims = 2,
             .text = "residual network of 34 layers (He et al. 2016)",
             .bottleneck = "layer2"},
    .blocks = {3, 4, 6, 3},
    .build = build_basic,
};

const nw_network nw_network_resnet50 = {
    .info = {.name = "resnet50",
             .dims = 2,
             .text = "residual network of 50 layers, in bottleneck blocks (He et al. 2016)",
             .bottleneck = "layer2"},
    .blocks = {3, 4, 6, 3},
    .build = build_bottleneck,
};

const nw_network nw_network_resnet101 = {
    .info = {.name = "resnet101",
             .dims = 2,
             .text = "residual network of 101 layers, in bottleneck blocks (He et al. 2016)",
             .bottleneck = "layer2"},
    .blocks = {3, 4, 23, 3},
    .build = build_bottleneck,
};
