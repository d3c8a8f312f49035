/* Elementwise operators of one input: a scalar function and its derivative. */
#ifndef NW_OPS_UNARY_H
#define NW_OPS_UNARY_H

#include "ops/fast.h"

typedef struct nw_unary {
    double (*value)(double x, const double *parameters);
    /* d y / d x, with y = value(x) at hand; NULL: zero everywhere. */
    double (*slope)(double x, double y, const double *parameters);
    struct {
        const char *name; /* NULL: none */
        float otherwise;
    } attributes[2]; /* the parameters, by attribute */
} nw_unary;

void nw_unary_forward(const nw_ref *call, const nw_unary *unary);
void nw_unary_backward(const nw_ref *call, const nw_unary *unary);
/* One input, one output of the same type and shape. */
nw_status nw_infer_same(nw_infer *cx);

/* nw_op_TYPE; the last arguments are the attributes with their defaults, {{0}} for none. */
#define NW_UNARY(Type, first_opset, ...)                                                                     \
    static const nw_unary Type##_unary = __VA_ARGS__;                                                        \
    static void Type##_forward(const nw_ref *call)                                                           \
    {                                                                                                        \
        nw_unary_forward(call, &Type##_unary);                                                               \
    }                                                                                                        \
    static void Type##_backward(const nw_ref *call)                                                          \
    {                                                                                                        \
        nw_unary_backward(call, &Type##_unary);                                                              \
    }                                                                                                        \
    const nw_op nw_op_##Type = {.type = #Type,                                                               \
                                .since = first_opset,                                                        \
                                .limits = "",                                                                \
                                .infer = nw_infer_same,                                                      \
                                .forward = Type##_forward,                                                   \
                                .backward = Type##_backward,                                                 \
                                .compile = nw_fast_unary}

/* The same without a gradient. */
#define NW_UNARY_STEP(Type, first_opset, function)                                                           \
    static const nw_unary Type##_unary = {.value = function};                                                \
    static void Type##_forward(const nw_ref *call)                                                           \
    {                                                                                                        \
        nw_unary_forward(call, &Type##_unary);                                                               \
    }                                                                                                        \
    const nw_op nw_op_##Type = {.type = #Type,                                                               \
                                .since = first_opset,                                                        \
                                .limits = "",                                                                \
                                .infer = nw_infer_same,                                                      \
                                .forward = Type##_forward}

#endif
