/* Elementwise operators of two inputs that broadcast as in numpy. */
#ifndef NW_OPS_BINARY_H
#define NW_OPS_BINARY_H

#include "ops/fast.h"

typedef struct nw_binary {
    double (*value)(double a, double b);
    double (*integer)(double a, double b); /* where the first input is an integer; NULL: value */
    double (*slope_a)(double a, double b, double y);
    double (*slope_b)(double a, double b, double y);
} nw_binary;

/* Both of the same type, which is the result's. */
nw_status nw_binary_infer(nw_infer *cx);
/* The same with a boolean result. */
nw_status nw_compare_infer(nw_infer *cx);
void nw_binary_forward(const nw_ref *call, const nw_binary *binary);
void nw_binary_backward(const nw_ref *call, const nw_binary *binary);

/* Broadcasts input i into *shape, with an error that names both shapes. */
nw_status nw_infer_broadcast(nw_infer *cx, int i, nw_shape *shape);

static inline bool nw_is_integer(nw_dtype dtype)
{
    return dtype != NW_F32 && dtype != NW_F64;
}

#define NW_BINARY(Type, first_opset, infer_function, ...)                                                    \
    static const nw_binary Type##_binary = __VA_ARGS__;                                                      \
    static void Type##_forward(const nw_ref *call)                                                           \
    {                                                                                                        \
        nw_binary_forward(call, &Type##_binary);                                                             \
    }                                                                                                        \
    static void Type##_backward(const nw_ref *call)                                                          \
    {                                                                                                        \
        nw_binary_backward(call, &Type##_binary);                                                            \
    }                                                                                                        \
    const nw_op nw_op_##Type = {.type = #Type,                                                               \
                                .since = first_opset,                                                        \
                                .limits = "",                                                                \
                                .infer = infer_function,                                                     \
                                .forward = Type##_forward,                                                   \
                                .backward = Type##_backward,                                                 \
                                .compile = nw_fast_binary}

#define NW_COMPARE(Type, first_opset, function)                                                              \
    static const nw_binary Type##_binary = {.value = function};                                              \
    static void Type##_forward(const nw_ref *call)                                                           \
    {                                                                                                        \
        nw_binary_forward(call, &Type##_binary);                                                             \
    }                                                                                                        \
    const nw_op nw_op_##Type = {.type = #Type,                                                               \
                                .since = first_opset,                                                        \
                                .limits = "",                                                                \
                                .infer = nw_compare_infer,                                                   \
                                .forward = Type##_forward}

#endif
