/* EfficientNet (Tan and Le 2019, arXiv 1905.11946): inverted residual blocks with squeeze-and-excitation, as
 * torchvision's efficientnet_b0. SiLU is x sigmoid(x). */
#include "network/network.h"

static const struct stage {
    int expand, kernel, stride, channels, blocks;
} stages[] = {{1, 3, 1, 16, 1},  {6, 3, 2, 24, 2},  {6, 5, 2, 40, 2}, {6, 3, 2, 80, 3},
              {6, 5, 1, 112, 3}, {6, 5, 2, 192, 4}, {6, 3, 1, 320, 1}};
enum { STAGES = sizeof stages / sizeof stages[0], STEM = 32, LAST = 1280, SQUEEZE = 4 };

static nw_feature silu(nw_builder *b, const char *name, nw_feature x)
{
    nw_feature gate =
        nw_build_node(b, "Sigmoid", nw_build_name(b, "%s.sigmoid", name), 1, &x, x.channels, NULL);
    return nw_build_mul(b, name, x, gate);
}

/* Modules 0 and 1 (and 2) of `name`: convolution, norm, SiLU. */
static nw_feature conv_norm(nw_builder *b, const char *name, nw_feature x, const nw_conv *conv, bool activate,
                            float scale)
{
    x = nw_build_conv(b, nw_build_name(b, "%s.0", name), x, conv);
    x = nw_build_norm(b, nw_build_name(b, "%s.1", name), x, scale);
    return activate ? silu(b, nw_build_name(b, "%s.2", name), x) : x;
}

/* Channels weighed by what the mean over all positions says of them; `hidden` numbers in between. */
static nw_feature squeeze_excite(nw_builder *b, const char *name, nw_feature x, int64_t hidden)
{
    nw_conv full = {.channels = hidden, .window = nw_build_cube(1, 1, 0), .bias = true};
    nw_feature y = nw_build_global_pool(b, nw_build_name(b, "%s.avgpool", name), x);
    y = nw_build_conv(b, nw_build_name(b, "%s.fc1", name), y, &full);
    y = silu(b, nw_build_name(b, "%s.activation", name), y);
    full.channels = x.channels;
    y = nw_build_conv(b, nw_build_name(b, "%s.fc2", name), y, &full);
    y = nw_build_node(b, "Sigmoid", nw_build_name(b, "%s.scale_activation", name), 1, &y, x.channels, NULL);
    return nw_build_mul(b, name, x, y);
}

static nw_feature block(nw_builder *b, const char *name, const char *out, nw_feature x, const struct stage *s,
                        int64_t channels, int stride)
{
    int64_t wide = x.channels * s->expand, hidden = x.channels / SQUEEZE;
    bool residual = stride == 1 && x.channels == channels;
    int part = 0;
    nw_feature y = x;
    if (s->expand > 1)
        y = conv_norm(b, nw_build_name(b, "%s.block.%d", name, part++), y,
                      &(nw_conv){.channels = wide, .window = nw_build_cube(1, 1, 0)}, true, 1);
    nw_conv depthwise = {
        .channels = wide, .window = nw_build_cube(s->kernel, stride, s->kernel / 2), .groups = wide};
    y = conv_norm(b, nw_build_name(b, "%s.block.%d", name, part++), y, &depthwise, true, 1);
    y = squeeze_excite(b, nw_build_name(b, "%s.block.%d", name, part++), y, hidden);
    y = conv_norm(b, nw_build_name(b, "%s.block.%d", name, part), y,
                  &(nw_conv){.channels = channels, .window = nw_build_cube(1, 1, 0)}, false,
                  residual ? nw_build_residual_scale(b) : 1);
    return residual ? nw_build_add(b, out, y, x) : y;
}

static void build(nw_builder *b, const nw_network *network, nw_feature x)
{
    (void)network;
    x = conv_norm(b, "features.0", x,
                  &(nw_conv){.channels = nw_build_width(b, STEM), .window = nw_build_cube(3, 2, 1)}, true, 1);
    for (int i = 0; i < STAGES; i++) {
        const struct stage *s = &stages[i];
        int64_t channels = nw_build_width(b, s->channels);
        for (int k = 0; k < s->blocks; k++) {
            const char *name = nw_build_name(b, "features.%d.%d", i + 1, k);
            const char *out = k + 1 == s->blocks ? nw_build_name(b, "features.%d", i + 1) : name;
            x = block(b, name, out, x, s, channels, k ? 1 : s->stride);
        }
    }
    x = conv_norm(b, "features.8", x,
                  &(nw_conv){.channels = nw_build_width(b, LAST), .window = nw_build_cube(1, 1, 0)}, true, 1);
    nw_build_logits(b, "classifier.1", x);
}

const nw_network nw_network_efficientnet_b0 = {
    .info = {.name = "efficientnet_b0",
             .dims = 2,
             .text = "inverted residual blocks with squeeze-and-excitation (Tan and Le 2019)",
             .bottleneck = "features.4.0.block.0.2"},
    .build = build,
};
