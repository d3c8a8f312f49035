/* The parts of fast_conv_int8_winograd.h. */
#ifndef NW_OPS_FAST_CONV_INT8_WINOGRAD_INTERNAL_H
#define NW_OPS_FAST_CONV_INT8_WINOGRAD_INTERNAL_H

#include "ops/fast_conv_int8_winograd.h"
#include "ops/int8_winograd.h"

enum { NW_INT8_WINOGRAD_LANES = 64 };

typedef struct nw_int8_winograd {
    nw_shape src, dst;       /* of what is read and what is written */
    int64_t groups, in, out; /* in, out: channels of a group */
    nw_act act;
    int64_t pads[2];              /* rows above, columns to the left */
    int64_t rows, columns, tiles; /* tiles of an image */
    int64_t chunks;               /* of tiles, that a unit works off */
    int64_t strips;               /* of up to 64 outputs, in a group */
    bool at_once;                 /* tiles are transformed where they are multiplied, else all before */
    int lanes;
    nw_tensor *made, *scales; /* weights, and their scales [16 positions][groups out] */
    nw_buffer *source, *gate, *bias, *add, *result;
    nw_buffer *values, *value_scales, *corrections, *sums, *weights, *weight_scales;
} nw_int8_winograd;

/* Weights [groups][strips of up to 64 outputs][16 positions][in / 4][outputs of the strip][4] with their
 * offset, from plain ones; once for all programs of a model. */
nw_status nw_int8_winograd_weights(nw_plan *plan, nw_int8_winograd *w, nw_tensor *plain, bool backward,
                                   nw_error *err);

#endif
