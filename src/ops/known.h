/* Operators whose result is known as soon as the shapes are: infer makes it a constant. */
#ifndef NW_OPS_KNOWN_H
#define NW_OPS_KNOWN_H

#include "ops/op.h"

/* The forward function of all of them: copies the constants that infer has made. */
void nw_known_forward(const nw_ref *call);
/* A new constant of one dimension (or of the given shape), to be filled; refuses absurd sizes. */
nw_status nw_known_new(nw_infer *cx, nw_dtype dtype, const nw_shape *shape, nw_tensor **out);

#endif
