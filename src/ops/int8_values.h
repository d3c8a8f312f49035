/* A blocked buffer of floats as 8-bit numbers, with a scale for each pixel and group: what the convolutions
 * of fast_conv_int8.h read. */
#ifndef NW_OPS_INT8_VALUES_H
#define NW_OPS_INT8_VALUES_H

#include "ops/int8_tile.h"
#include "plan/plan.h"

/* Pixels that a window may reach over the left and the right edge. Their scale is zero, and whatever numbers
 * lie there then count for nothing; so only scales have a margin. */
enum { NW_INT8_MARGIN = 4 };

/* Where everything is in the buffer: bytes from its start. */
typedef struct nw_int8_values {
    int64_t images, groups, channels; /* channels: of a group */
    int64_t height, width;
    size_t values;                        /* [images][height width][groups channels] */
    size_t scales, corrections;           /* [images][groups][height width] */
    size_t wide_scales, wide_corrections; /* [images][groups][height][width + 2 margins] */
    size_t bytes;
} nw_int8_values;
/* shape: [N, C, H, W]. */
nw_int8_values nw_int8_values_of(const nw_shape *shape, int64_t groups);

/* Adds the step that makes them from `src`, in blocks of 16 channels, unless there is one already. made:
 * NULL, or what a ReLU made (see nw_int8_quantise). */
nw_status nw_int8_values_step(nw_plan *plan, nw_buffer *src, nw_buffer *made, const nw_shape *shape,
                              int64_t groups, nw_buffer **out, nw_error *err);

#endif
