/* 3x3 convolutions by minimal filtering where oneDNN has no kernel for it: with AVX2. */
#ifndef NW_OPS_FAST_CONV_TILES_H
#define NW_OPS_FAST_CONV_TILES_H

#include "ops/fast.h"

typedef struct nw_tile_conv nw_tile_conv;

/* Whether it is possible, and faster than the direct way. */
bool nw_tile_conv_fits(const nw_conv_desc *conv);
/* The convolution `conv`, or the gradient of one (mirrored; `conv` is then what is computed, with channels
 * exchanged), with the plain weights of the model, or NULL where they may change: they are then to be given
 * to nw_tile_conv_step, and transformed at every run. *out is NULL where oneDNN's products are not as
 * expected, or where that would not pay; nothing is an error then. */
nw_status nw_tile_conv_make(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, bool mirrored,
                            nw_tile_conv **out, nw_error *err);
void nw_tile_conv_free(nw_tile_conv *conv);
/* As nw_winograd_step. */
nw_status nw_tile_conv_step(nw_plan *plan, nw_tile_conv *conv, nw_buffer *src, nw_buffer *weights,
                            nw_buffer *bias, nw_buffer *add, nw_buffer *dst, nw_error *err);

#endif
