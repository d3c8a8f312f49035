/* Residual networks over volumes (Tran et al. 2018, arXiv 1711.11248: "R3D"), as torchvision's r3d_18: the
 * stem keeps the depth, and there is no pooling behind it. */
#include "network/network.h"

static nw_feature conv(nw_builder *b, const char *block, const char *part, nw_feature x, int64_t channels,
                       int64_t kernel, int64_t stride)
{
    return nw_build_conv(
        b, nw_build_name(b, "%s.%s", block, part), x,
        &(nw_conv){.channels = channels, .window = nw_build_cube(kernel, stride, kernel / 2)});
}

static nw_feature norm(nw_builder *b, const char *block, const char *part, nw_feature x, float scale)
{
    return nw_build_norm(b, nw_build_name(b, "%s.%s", block, part), x, scale);
}

static nw_feature basic(nw_builder *b, const char *block, const char *out, nw_feature x, int64_t planes,
                        int64_t stride)
{
    nw_feature y = conv(b, block, "conv1.0", x, planes, 3, stride);
    y = norm(b, block, "conv1.1", y, 1);
    y = nw_build_relu(b, nw_build_name(b, "%s.conv1.2", block), y);
    y = conv(b, block, "conv2.0", y, planes, 3, 1);
    y = norm(b, block, "conv2.1", y, nw_build_residual_scale(b));
    if (stride > 1 || x.channels != planes) {
        x = conv(b, block, "downsample.0", x, planes, 1, stride);
        x = norm(b, block, "downsample.1", x, 1);
    }
    y = nw_build_add(b, nw_build_name(b, "%s.add", block), y, x);
    return nw_build_relu(b, out, y);
}

static void build(nw_builder *b, const nw_network *network, nw_feature x)
{
    const nw_window stem = {.kernel = {3, 7, 7}, .stride = {1, 2, 2}, .pad = {1, 3, 3}};
    x = nw_build_conv(b, "stem.0", x, &(nw_conv){.channels = nw_build_width(b, 64), .window = stem});
    x = nw_build_norm(b, "stem.1", x, 1);
    x = nw_build_relu(b, "stem", x);
    for (int stage = 0; stage < 4; stage++)
        for (int i = 0; i < network->blocks[stage]; i++) {
            char name[NW_BUILD_NAME], out[NW_BUILD_NAME];
            nw_build_block(stage, i, network->blocks[stage], name, out);
            x = basic(b, name, out, x, nw_build_width(b, 64 << stage), stage && !i ? 2 : 1);
        }
    nw_build_logits(b, "fc", x);
}

const nw_network nw_network_resnet18_3d = {
    .info = {.name = "resnet18_3d",
             .dims = 3,
             .text = "residual network of 18 layers over volumes (R3D, Tran et al. 2018)",
             .bottleneck = "layer3"},
    .blocks = {2, 2, 2, 2},
    .build = build,
};
