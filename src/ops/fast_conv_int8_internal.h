/* The parts of fast_conv_int8.h. */
#ifndef NW_OPS_FAST_CONV_INT8_INTERNAL_H
#define NW_OPS_FAST_CONV_INT8_INTERNAL_H

#include "ops/fast_conv_int8.h"
#include "ops/int8_values.h"

enum {
    NW_INT8_MOST_TAPS = 49,
    NW_INT8_MOST_STRIDE = 4,
    NW_INT8_ROWS = 128,    /* results of a unit with a window, about: with 64 outputs 32 KiB */
    NW_INT8_FLAT_ROWS = 96 /* results of a unit without a window: whole tiles */
};

/* A place of the window: result (row, column) of its phase reads source (row * step + this row, ...). */
typedef struct nw_int8_tap {
    int64_t row, column;
    int weight; /* its number in the window */
} nw_int8_tap;

/* Results that read the same taps. Forward all do. The gradient of a convolution with strides has strides[0]
 * strides[1] kinds of pixels; those of a kind lie that far apart, and read neighbours. */
typedef struct nw_int8_phase {
    int64_t row, column;   /* of the first result */
    int64_t rows, columns; /* results */
    int first_tap, taps;
} nw_int8_phase;

struct nw_int8_conv {
    nw_shape src, dst;       /* of what is read and what is written */
    int64_t groups, in, out; /* in, out: channels of a group */
    nw_act act;
    double flops;
    int64_t src_step[2], dst_step[2]; /* strides: forward of the source, backward of the result */
    bool flat;                        /* one tap and the same pixels: rows do not matter */
    int window;                       /* its places, each of which is a tap of one phase or of none */
    int tap_count, phase_count;
    bool pixels_first; /* in which order units are worked off */
    int64_t units;     /* blocks of rows, of all phases */
    nw_int8_tap taps[NW_INT8_MOST_TAPS];
    nw_int8_phase phases[NW_INT8_MOST_STRIDE * NW_INT8_MOST_STRIDE];
    nw_tensor *made, *scales; /* weights, and the scales of outputs [groups out] */
    nw_int8_values values;
    nw_buffer *source, *weights, *weight_scales, *bias, *add, *dst_buffer;
};

/* Everything that follows from the shapes (fast_conv_int8_taps.c). */
void nw_int8_conv_measure(nw_int8_conv *c, const nw_conv_desc *conv, bool backward);
/* Rows of results that are computed together. */
int64_t nw_int8_rows_of_unit(const nw_int8_phase *phase);

/* Weights [groups][strips of up to 64 outputs][taps][in / 4][outputs of the strip][4] with their offset, and
 * scales [groups outputs], from plain ones; once for all programs of a model. backward: with inputs and
 * outputs exchanged. */
nw_status nw_int8_conv_weights(nw_plan *plan, nw_int8_conv *conv, nw_tensor *plain, bool backward,
                               nw_error *err);

#endif
