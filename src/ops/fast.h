/* The fast, single-precision paths: see nw_op.compile. */
#ifndef NW_OPS_FAST_H
#define NW_OPS_FAST_H

#include "ops/op.h"
#include "plan/plan.h"

typedef nw_status nw_compile_fn(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err);

nw_compile_fn nw_fast_conv;           /* Conv */
nw_compile_fn nw_fast_conv_transpose; /* ConvTranspose */
nw_compile_fn nw_fast_resize;         /* Resize, Upsample */
nw_compile_fn nw_fast_norm;           /* BatchNormalization */
nw_compile_fn nw_fast_unary;    /* Relu, Sigmoid, HardSwish, ...: every elementwise operator of its table */
nw_compile_fn nw_fast_binary;   /* Add, Sub, Mul, Div, Sum of two */
nw_compile_fn nw_fast_view;     /* Identity, Dropout, Reshape, Flatten, Squeeze, Unsqueeze */
nw_compile_fn nw_fast_pool;     /* MaxPool, AveragePool */
nw_compile_fn nw_fast_mean;     /* GlobalAveragePool, ReduceMean, ReduceSum */
nw_compile_fn nw_fast_matmul;   /* Gemm, MatMul */
nw_compile_fn nw_fast_max;      /* GlobalMaxPool, ReduceMax */
nw_compile_fn nw_fast_softmax;  /* Softmax, LogSoftmax */
nw_compile_fn nw_fast_lrn;      /* LRN */
nw_compile_fn nw_fast_prelu;    /* PRelu */
nw_compile_fn nw_fast_variadic; /* Sum, Mean, Max, Min */

/* The tensor of input i, or NULL where it is no constant. */
static inline nw_tensor *nw_fast_constant(nw_plan *plan, const nw_node *node, int i)
{
    return nw_has_in(node, i) ? nw_plan_graph(plan)->values[node->inputs[i]].data : NULL;
}

#endif
