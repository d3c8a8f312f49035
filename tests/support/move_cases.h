/* Networks around data movement, softmax, maxima and sums: see network_cases.h. */
#ifndef NW_TESTS_MOVE_CASES_H
#define NW_TESTS_MOVE_CASES_H

#include "support/network.h"

/* A node over an axis. */
static void along(ow *m, const char *type, const char *in, const char *out, int64_t axis)
{
    ow_node(m, type, "", in, out);
    ow_attr_int(m, "axis", axis);
}
/* "a" as [N, c, 2, 6, 12] under `out`, and `in` as "b" [N, c, rows, columns]. */
static void to_volume(ow *m, int64_t c, const char *out)
{
    ow_ints(m, "volume", 5, (int64_t[]){0, c, 2, 6, 12});
    ow_node(m, "Reshape", "", "a volume", out);
}
static int64_t from_volume(ow *m, const char *in, int64_t c, int64_t rows, int64_t columns)
{
    char inputs[64];
    snprintf(inputs, sizeof inputs, "%s plane", in);
    ow_ints(m, "plane", 4, (int64_t[]){0, c, rows, columns});
    ow_node(m, "Reshape", "", inputs, "b");
    return c;
}

/* -- concat, split, slice -- */

/* Pieces that begin and end with blocks, except for the end of the last one. */
static int64_t concat_blocks(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, 32, 3, 1, 1);
    along(m, "Concat", "p a", "b", 1);
    return c + 32;
}
static int64_t concat_rows(ow *m, int64_t c)
{
    ow_node(m, "Relu", "", "a", "p");
    along(m, "Concat", "a p a", "b", 2);
    return c;
}
static int64_t concat_pooled(ow *m, int64_t c)
{
    ow_node(m, "GlobalAveragePool", "", "a", "p");
    ow_node(m, "GlobalMaxPool", "", "a", "q");
    along(m, "Concat", "p q", "b", -3);
    return 2 * c;
}
static int64_t concat_constant(ow *m, int64_t c)
{
    net_weights(m, "k", 4, (int64_t[]){2, c, 12, 12}, 0.5F, 0);
    along(m, "Concat", "k a", "b", 0);
    return c;
}
static int64_t split_blocks(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, 52, 3, 1, 1);
    ow_ints(m, "sizes", 3, (int64_t[]){16, 32, 4});
    along(m, "Split", "p sizes", "q r s", 1);
    ow_node(m, "Relu", "", "r", "t");
    along(m, "Concat", "t q s", "b", 1);
    return 52;
}
/* Two of the results are read, one of them twice. */
static int64_t split_unread(ow *m, int64_t c)
{
    ow_ints(m, "sizes", 3, (int64_t[]){3, c - 10, 7});
    along(m, "Split", "a sizes", "p q r", 1);
    along(m, "Concat", "r p r", "b", 1);
    return 17;
}
static int64_t split_columns(ow *m, int64_t c)
{
    ow_ints(m, "sizes", 2, (int64_t[]){5, 7});
    along(m, "Split", "a sizes", "p q", 3);
    along(m, "Concat", "q p", "b", 3);
    return c;
}
static void slice(ow *m, const char *in, const char *out, int64_t axis, int64_t from, int64_t to, int64_t by)
{
    char names[4][16], inputs[100];
    const int64_t values[] = {from, to, axis, by};
    for (int i = 0; i < 4; i++) {
        snprintf(names[i], sizeof names[i], "%s.%d", out, i);
        ow_ints(m, names[i], 1, &values[i]);
    }
    snprintf(inputs, sizeof inputs, "%s %s %s %s %s", in, names[0], names[1], names[2], names[3]);
    ow_node(m, "Slice", "", inputs, out);
}
static int64_t slice_blocks(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, 36, 3, 1, 1);
    slice(m, "p", "b", 1, 16, INT64_MAX, 1);
    return 20;
}
static int64_t slice_off_blocks(ow *m, int64_t c)
{
    slice(m, "a", "p", 1, 3, c - 1, 1);
    slice(m, "p", "b", 2, -2, 0, -3);
    return c - 4;
}

/* -- pad -- */

static void pad(ow *m, int64_t channels, const char *mode, const char *value)
{
    char inputs[64];
    snprintf(inputs, sizeof inputs, "a pads %s", value);
    ow_ints(m, "pads", 8, (int64_t[]){0, channels, 2, -1, 0, 2 * channels, 1, 3});
    ow_node(m, "Pad", "", inputs, "b");
    ow_attr_text(m, "mode", mode);
}
static int64_t pad_value(ow *m, int64_t c)
{
    float half = 0.5F;
    ow_floats(m, "half", 0, NULL, &half);
    pad(m, 0, "constant", "half");
    return c;
}
static int64_t pad_channels(ow *m, int64_t c)
{
    return pad(m, 2, "constant", ""), c + 6;
}
static int64_t pad_edge(ow *m, int64_t c)
{
    return pad(m, 0, "edge", ""), c;
}
static int64_t pad_reflect(ow *m, int64_t c)
{
    return pad(m, 1, "reflect", ""), c + 3;
}

/* -- gather, expand, tile -- */

static int64_t gather_channels(ow *m, int64_t c)
{
    ow_ints(m, "which", 6, (int64_t[]){3, -1, 3, 0, c / 2, 3});
    along(m, "Gather", "a which", "b", 1);
    return 6;
}
/* As many as there are, but not each once. */
static int64_t gather_rows(ow *m, int64_t c)
{
    ow_ints(m, "which", 12, (int64_t[]){0, 0, 1, 2, 3, 5, 8, 8, 8, 9, 10, 11});
    along(m, "Gather", "a which", "b", 2);
    return c;
}
static int64_t gather_one(ow *m, int64_t c)
{
    int64_t five = 5;
    ow_tensor(m, "which", 7, 0, NULL, &five, sizeof five);
    along(m, "Gather", "a which", "p", 3);
    ow_ints(m, "three", 1, (int64_t[]){3});
    ow_node(m, "Unsqueeze", "", "p three", "b");
    return c;
}
static int64_t expand_positions(ow *m, int64_t c)
{
    ow_node(m, "GlobalAveragePool", "", "a", "p");
    ow_ints(m, "wide", 4, (int64_t[]){1, c, 12, 12});
    ow_node(m, "Expand", "", "p wide", "q");
    ow_node(m, "Mul", "", "q a", "b");
    return c;
}
static int64_t expand_channels(ow *m, int64_t c)
{
    ow_node(m, "ReduceMean", "", "a", "p");
    ow_attr_ints(m, "axes", 1, (int64_t[]){1});
    ow_ints(m, "wide", 3, (int64_t[]){c, 1, 1});
    ow_node(m, "Expand", "", "p wide", "q");
    ow_node(m, "Mul", "", "q a", "b");
    return c;
}
static int64_t tile(ow *m, int64_t c)
{
    ow_ints(m, "times", 4, (int64_t[]){1, 2, 1, 3});
    ow_node(m, "Tile", "", "a times", "b");
    return 2 * c;
}
static int64_t tile_rows(ow *m, int64_t c)
{
    ow_ints(m, "times", 4, (int64_t[]){1, 1, 3, 1});
    ow_node(m, "Tile", "", "a times", "b");
    return c;
}

/* -- permutations -- */

static int64_t channels_last(ow *m, int64_t c)
{
    ow_node(m, "Transpose", "", "a", "p");
    ow_attr_ints(m, "perm", 4, (int64_t[]){0, 2, 3, 1});
    along(m, "Softmax", "p", "q", -1);
    ow_node(m, "Transpose", "", "q", "b");
    ow_attr_ints(m, "perm", 4, (int64_t[]){0, 3, 1, 2});
    return c;
}
static int64_t transpose_plane(ow *m, int64_t c)
{
    slice(m, "a", "p", 3, 0, 5, 1);
    ow_node(m, "Transpose", "", "p", "b");
    ow_attr_ints(m, "perm", 4, (int64_t[]){0, 1, 3, 2});
    return c;
}
static int64_t transpose_batch(ow *m, int64_t c)
{
    ow_node(m, "Transpose", "", "a", "p"); /* reversed: [12, 12, c, N] */
    ow_node(m, "Relu", "", "p", "q");
    ow_node(m, "Transpose", "", "q", "b");
    return c;
}
static int64_t depth_to_space(ow *m, int64_t c)
{
    ow_node(m, "DepthToSpace", "", "a", "b");
    ow_attr_int(m, "blocksize", 2);
    return c / 4;
}
static int64_t depth_to_space_columns(ow *m, int64_t c)
{
    depth_to_space(m, c);
    ow_attr_text(m, "mode", "CRD");
    return c / 4;
}
static int64_t space_to_depth(ow *m, int64_t c)
{
    ow_node(m, "SpaceToDepth", "", "a", "b");
    ow_attr_int(m, "blocksize", 3);
    return 9 * c;
}

/* -- three spatial dimensions -- */

static int64_t volume_moves(ow *m, int64_t c)
{
    to_volume(m, c, "p");
    ow_node(m, "Transpose", "", "p", "q");
    ow_attr_ints(m, "perm", 5, (int64_t[]){0, 1, 4, 2, 3}); /* [N, c, 12, 2, 6] */
    along(m, "Concat", "q q", "r", 3);                      /* [N, c, 12, 4, 6] */
    slice(m, "r", "s", 4, 5, 1, -2);                        /* [N, c, 12, 4, 2] */
    ow_ints(m, "pads", 10, (int64_t[]){0, 0, 0, 1, 1, 0, 0, 0, 0, 1});
    ow_node(m, "Pad", "", "s pads", "t"); /* [N, c, 12, 5, 4] */
    return from_volume(m, "t", c, 12, 20);
}
static int64_t volume_maxima(ow *m, int64_t c)
{
    to_volume(m, c, "p");
    ow_node(m, "GlobalMaxPool", "", "p", "q");
    net_weights(m, "slope", 4, (int64_t[]){c, 1, 1, 1}, 0.5F, 0.2F);
    ow_node(m, "PRelu", "", "p slope", "r");
    ow_node(m, "Mul", "", "r q", "s");
    along(m, "Softmax", "s", "t", 3);
    return from_volume(m, "t", c, 12, 12);
}

/* -- softmax -- */

static int64_t softmax_channels(ow *m, int64_t c)
{
    return along(m, "Softmax", "a", "b", 1), c;
}
static int64_t softmax_rows(ow *m, int64_t c)
{
    return along(m, "Softmax", "a", "b", 2), c;
}
static int64_t softmax_columns(ow *m, int64_t c)
{
    return along(m, "Softmax", "a", "b", -1), c;
}
static int64_t softmax_batch(ow *m, int64_t c)
{
    return along(m, "Softmax", "a", "b", 0), c;
}
static int64_t log_softmax_channels(ow *m, int64_t c)
{
    return along(m, "LogSoftmax", "a", "b", 1), c;
}
static int64_t log_softmax_columns(ow *m, int64_t c)
{
    return along(m, "LogSoftmax", "a", "b", 3), c;
}
static int64_t softmax_with_vectors(ow *m, int64_t c)
{
    ow_ints(m, "flat", 2, (int64_t[]){0, c * 144});
    ow_node(m, "Reshape", "", "a flat", "p");
    ow_node(m, "LogSoftmax", "", "p", "b");
    return 0;
}

/* -- normalisation across channels -- */

static int64_t lrn(ow *m, int64_t c)
{
    ow_node(m, "LRN", "", "a", "b");
    ow_attr_int(m, "size", 4);
    ow_attr_float(m, "alpha", 2);
    ow_attr_float(m, "bias", 0.7F);
    return c;
}
static int64_t lrn_of_all(ow *m, int64_t c)
{
    ow_node(m, "LRN", "", "a", "b");
    ow_attr_int(m, "size", 99);
    ow_attr_float(m, "alpha", 3);
    ow_attr_float(m, "beta", 0.6F);
    return c;
}

/* -- maxima, sums, slopes -- */

static int64_t global_max(ow *m, int64_t c)
{
    ow_node(m, "GlobalMaxPool", "", "a", "p");
    ow_node(m, "Mul", "", "a p", "b");
    return c;
}
/* Where several elements are the largest: after a limit that many reach. */
static int64_t max_of_ties(ow *m, int64_t c)
{
    float low = -9, high = 0.2F;
    ow_floats(m, "low", 0, NULL, &low);
    ow_floats(m, "high", 0, NULL, &high);
    ow_node(m, "Clip", "", "a low high", "p");
    ow_node(m, "ReduceMax", "", "p", "q");
    ow_attr_ints(m, "axes", 2, (int64_t[]){2, 3});
    ow_node(m, "ReduceMax", "", "p", "r");
    ow_attr_ints(m, "axes", 1, (int64_t[]){-1});
    ow_node(m, "GlobalMaxPool", "", "p", "s");
    ow_node(m, "Add", "", "q s", "t");
    ow_node(m, "Mul", "", "a t", "u");
    ow_node(m, "GlobalAveragePool", "", "r", "v");
    ow_node(m, "Mul", "", "u v", "b");
    return c;
}
static int64_t prelu(ow *m, int64_t c)
{
    net_weights(m, "slope", 3, (int64_t[]){c, 1, 1}, 0.5F, 0.2F);
    ow_node(m, "PRelu", "", "a slope", "b");
    return c;
}
static int64_t prelu_one(ow *m, int64_t c)
{
    net_weights(m, "slope", 1, (int64_t[]){1}, 0.5F, 0.2F);
    ow_node(m, "PRelu", "", "a slope", "b");
    return c;
}
static int64_t prelu_columns(ow *m, int64_t c)
{
    net_weights(m, "slope", 1, (int64_t[]){12}, 0.5F, 0.2F);
    ow_node(m, "PRelu", "", "a slope", "b");
    return c;
}
static int64_t sum_of_two(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, c, 3, 1, 1);
    ow_node(m, "Sum", "", "a p", "b");
    return c;
}
static int64_t many(ow *m, int64_t c, const char *type)
{
    net_conv(m, "a", "p", c, c, 3, 1, 1);
    ow_node(m, "Neg", "", "a", "q");
    ow_node(m, "Tanh", "", "p", "r");
    ow_node(m, type, "", "a p q r a", "b"); /* a twice: a tie wherever it wins */
    return c;
}
static int64_t sum_of_many(ow *m, int64_t c)
{
    return many(m, c, "Sum");
}
static int64_t mean_of_many(ow *m, int64_t c)
{
    return many(m, c, "Mean");
}
static int64_t max_of_many(ow *m, int64_t c)
{
    return many(m, c, "Max");
}
static int64_t min_of_many(ow *m, int64_t c)
{
    return many(m, c, "Min");
}

#endif
