/* Add, Sub, Mul, Div, Pow, Mod. */
#include "ops/binary.h"

#include <math.h>
#include <string.h>

#define OF_BOTH(name, expression)                                                                            \
    static double name(double a, double b)                                                                   \
    {                                                                                                        \
        return expression;                                                                                   \
    }
#define SLOPE(name, expression)                                                                              \
    static double name(double a, double b, double y)                                                         \
    {                                                                                                        \
        (void)a, (void)b, (void)y;                                                                           \
        return expression;                                                                                   \
    }

SLOPE(one, 1)
SLOPE(minus_one, -1)
SLOPE(first, a)
SLOPE(second, b)

OF_BOTH(add, a + b)
NW_BINARY(Add, 7, nw_binary_infer, {add, NULL, one, one});

OF_BOTH(subtract, a - b)
NW_BINARY(Sub, 7, nw_binary_infer, {subtract, NULL, one, minus_one});

OF_BOTH(multiply, a *b)
NW_BINARY(Mul, 7, nw_binary_infer, {multiply, NULL, second, first});

/* Division by an integer zero gives inf or NaN here, the largest integer or 0 once it is stored as one. */
OF_BOTH(divide, a / b)
OF_BOTH(divide_integers, trunc(a / b))
SLOPE(divide_slope_a, 1 / b)
SLOPE(divide_slope_b, -y / b)
NW_BINARY(Div, 7, nw_binary_infer, {divide, divide_integers, divide_slope_a, divide_slope_b});

/* The exponent may have another type; the result has that of the base. */
static nw_status pow_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 2, 2, 1, 1));
    nw_shape shape = nw_infer_in(cx, 0)->shape;
    NW_TRY(nw_infer_broadcast(cx, 1, &shape));
    return nw_infer_out(cx, 0, nw_infer_in(cx, 0)->dtype, &shape);
}
OF_BOTH(power, pow(a, b))
OF_BOTH(power_integers, trunc(pow(a, b)))
SLOPE(power_slope_a, b == 0 ? 0 : b * pow(a, b - 1))
SLOPE(power_slope_b, a == 0 && b >= 0 ? 0 : y * log(a))
NW_BINARY(Pow, 7, pow_infer, {power, power_integers, power_slope_a, power_slope_b});

/* fmod = 1: the remainder has the sign of the dividend, as in C; fmod = 0, integers alone: of the divisor. */
static nw_status mod_infer(nw_infer *cx)
{
    NW_TRY(nw_binary_infer(cx));
    if (!nw_is_integer(nw_infer_in(cx, 0)->dtype) && nw_node_int(cx->node, "fmod", 0) != 1)
        return nw_infer_fail(cx, NW_BAD_MODEL, "fmod must be 1 for floating-point numbers");
    return NW_OK;
}
OF_BOTH(remainder_of_dividend, fmod(a, b))
OF_BOTH(remainder_of_divisor, a - b * floor(a / b))
SLOPE(remainder_slope_b, -trunc(a / b))
static const nw_binary dividend = {remainder_of_dividend, NULL, one, remainder_slope_b},
                       divisor = {remainder_of_divisor, NULL, one, remainder_slope_b};
static void mod_forward(const nw_ref *call)
{
    nw_binary_forward(call, nw_node_int(call->node, "fmod", 0) ? &dividend : &divisor);
}
static void mod_backward(const nw_ref *call)
{
    nw_binary_backward(call, &dividend);
}
const nw_op nw_op_Mod = {.type = "Mod",
                         .since = 10,
                         .limits = "",
                         .infer = mod_infer,
                         .forward = mod_forward,
                         .backward = mod_backward};
