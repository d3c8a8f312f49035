/* Densely connected networks (Huang et al. 2017, arXiv 1608.06993): each layer reads what all layers before
 * it in its block have made. As torchvision's densenet121. */
#include "network/network.h"

enum { GROWTH = 32, BOTTLENECK = 4 };

static nw_feature norm_relu(nw_builder *b, const char *norm, const char *relu, nw_feature x)
{
    return nw_build_relu(b, relu, nw_build_norm(b, norm, x, 1));
}

static nw_feature conv(nw_builder *b, const char *name, nw_feature x, int64_t channels, int64_t kernel)
{
    return nw_build_conv(b, name, x,
                         &(nw_conv){.channels = channels, .window = nw_build_cube(kernel, 1, kernel / 2)});
}

/* GROWTH new channels behind those of x. */
static nw_feature layer(nw_builder *b, const char *name, const char *out, nw_feature x)
{
    int64_t growth = nw_build_width(b, GROWTH);
    nw_feature y = norm_relu(b, nw_build_name(b, "%s.norm1", name), nw_build_name(b, "%s.relu1", name), x);
    y = conv(b, nw_build_name(b, "%s.conv1", name), y, BOTTLENECK * growth, 1);
    y = norm_relu(b, nw_build_name(b, "%s.norm2", name), nw_build_name(b, "%s.relu2", name), y);
    y = conv(b, nw_build_name(b, "%s.conv2", name), y, growth, 3);
    nw_node *node;
    y = nw_build_node(b, "Concat", out, 2, (nw_feature[]){x, y}, x.channels + growth, &node);
    nw_build_int(b, node, "axis", 1);
    return y;
}

static nw_feature block(nw_builder *b, int number, int layers, nw_feature x)
{
    for (int i = 1; i <= layers; i++) {
        const char *name = nw_build_name(b, "features.denseblock%d.denselayer%d", number, i);
        x = layer(b, name, i == layers ? nw_build_name(b, "features.denseblock%d", number) : name, x);
    }
    return x;
}

/* Half the channels, half the size. */
static nw_feature transition(nw_builder *b, int number, nw_feature x)
{
    const char *name = nw_build_name(b, "features.transition%d", number);
    x = norm_relu(b, nw_build_name(b, "%s.norm", name), nw_build_name(b, "%s.relu", name), x);
    x = conv(b, nw_build_name(b, "%s.conv", name), x, nw_build_eighths(x.channels / 2), 1);
    return nw_build_average_pool(b, nw_build_name(b, "%s.pool", name), x, nw_build_cube(2, 2, 0), false,
                                 true);
}

static void build(nw_builder *b, const nw_network *network, nw_feature x)
{
    x = nw_build_conv(
        b, "features.conv0", x,
        &(nw_conv){.channels = nw_build_width(b, 2 * GROWTH), .window = nw_build_cube(7, 2, 3)});
    x = norm_relu(b, "features.norm0", "features.relu0", x);
    x = nw_build_max_pool(b, "features.pool0", x, nw_build_cube(3, 2, 1));
    for (int i = 0; i < 4; i++) {
        x = block(b, i + 1, network->blocks[i], x);
        if (i < 3) x = transition(b, i + 1, x);
    }
    x = norm_relu(b, "features.norm5", "features", x);
    nw_build_logits(b, "classifier", x);
}

const nw_network nw_network_densenet121 = {
    .info = {.name = "densenet121",
             .dims = 2,
             .text = "densely connected network of 121 layers (Huang et al. 2017)",
             .bottleneck = "features.transition2.relu"},
    .blocks = {6, 12, 24, 16},
    .build = build,
};
