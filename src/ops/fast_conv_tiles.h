/* 3x3 convolutions by minimal filtering with transforms of our own. */
#ifndef NW_OPS_FAST_CONV_TILES_H
#define NW_OPS_FAST_CONV_TILES_H

#include "ops/fast.h"

typedef struct nw_tile_conv nw_tile_conv;

/* The convolution `conv`, or (mirrored) its gradient with respect to the source, which is a convolution of
 * the same kind with the filters turned round, with the plain weights of the model, or NULL where they may
 * change: they are then to be given to nw_tile_conv_step, and transformed at every run. What is read and
 * written lies in blocks. *out is NULL where it is no such convolution, or where that would not pay; nothing
 * is an error then. */
nw_status nw_tile_conv_make(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, bool mirrored,
                            nw_tile_conv **out, nw_error *err);
/* Whether it is also preferred to a direct convolution in bfloat16, whose rate it exceeds on large maps.
 * constant: the weights are the model's. */
bool nw_tile_conv_beats_bf16(const nw_conv_desc *conv, bool constant);
void nw_tile_conv_free(nw_tile_conv *conv);
/* Adds the step; takes over `conv`, also on failure. weights: plain, where they were not given to
 * nw_tile_conv_make. bias and add may be NULL; mirrored has neither. */
nw_status nw_tile_conv_step(nw_plan *plan, nw_tile_conv *conv, nw_buffer *src, nw_buffer *weights,
                            nw_buffer *bias, nw_buffer *add, nw_buffer *dst, nw_error *err);

#endif
