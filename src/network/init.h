/* What parameters start with. A number depends on the seed, the parameter's name and its place in it. */
#ifndef NW_NETWORK_INIT_H
#define NW_NETWORK_INIT_H

#include "tensor/tensor.h"

/* float32 tensors. */
void nw_init_constant(nw_tensor *tensor, float value);
/* Normal with mean 0. */
void nw_init_normal(nw_tensor *tensor, uint64_t seed, const char *name, double deviation);
/* Uniform within -bound .. bound. */
void nw_init_uniform(nw_tensor *tensor, uint64_t seed, const char *name, double bound);

#endif
