/* 3x3 convolutions in fewer multiplications. */
#ifndef NW_OPS_FAST_CONV_WINOGRAD_H
#define NW_OPS_FAST_CONV_WINOGRAD_H

#include "ops/fast_conv.h"

/* A convolution ready to become a step. */
typedef struct nw_winograd nw_winograd;

/* The convolution `conv` with these weights (NULL: they may change; nw_winograd_step gets them), or
 * (mirrored) its gradient with respect to the source, which is a convolution of the same kind with the
 * filters turned round. *out is NULL where oneDNN has no such kernel, or where it would not be faster;
 * nothing is an error then. */
nw_status nw_winograd_make(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, bool mirrored,
                           nw_winograd **out, nw_error *err);
/* Whether it is also preferred to a direct convolution in bfloat16, whose rate it exceeds on large maps. */
bool nw_winograd_beats_bf16(const nw_conv_desc *conv);
void nw_winograd_free(nw_winograd *winograd);
/* The layout of what it reads and of what it writes. */
nw_layout nw_winograd_layout(const nw_winograd *winograd, bool of_dst);
/* fast_conv_parts.c: whether a convolution of one image without groups, computed in so many parts of its
 * outputs, has the same bits. */
nw_status nw_winograd_parts_agree(nw_weights_cache *cache, const nw_conv_desc *whole, int64_t parts,
                                  bool *same, nw_error *err);
/* Adds the step; takes over `winograd`, also on failure. weights: plain, where they were not given to
 * nw_winograd_make. bias and add may be NULL; mirrored has neither. */
nw_status nw_winograd_step(nw_plan *plan, nw_winograd *winograd, nw_buffer *src, nw_buffer *weights,
                           nw_buffer *bias, nw_buffer *add, nw_buffer *dst, nw_error *err);

#endif
