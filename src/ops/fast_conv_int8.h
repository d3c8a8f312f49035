/* Convolutions, and their gradients with respect to the source, by products of 8-bit integers. */
#ifndef NW_OPS_FAST_CONV_INT8_H
#define NW_OPS_FAST_CONV_INT8_H

#include "ops/fast.h"

typedef struct nw_int8_conv nw_int8_conv;

/* Whether this processor has the instructions, and programs the layout for them. */
bool nw_int8_conv_available(void);
/* Whether there is one for this shape on this processor. */
bool nw_int8_conv_fits(const nw_conv_desc *conv, bool backward);
/* Made ready with the weights of the model. backward: the gradient with respect to the source of `conv`. */
nw_status nw_int8_conv_make(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, bool backward,
                            nw_int8_conv **out, nw_error *err);
void nw_int8_conv_free(nw_int8_conv *conv);
/* Adds the steps; takes over `conv`, also on failure. src: what is read (forward src, backward diff_dst),
 * dst: what is written, both in blocks of 16 channels. Forward bias and add may be NULL, made is. Backward
 * made is the result of the ReLU that diff_dst has yet to go through, or NULL, and the others are. */
nw_status nw_int8_conv_step(nw_plan *plan, nw_int8_conv *conv, nw_buffer *src, nw_buffer *made,
                            nw_buffer *bias, nw_buffer *add, nw_buffer *dst, nw_error *err);

#endif
