/* Elementary functions of one input. */
#include "ops/unary.h"

#include <math.h>

#define FUNCTION(name, y)                                                                                    \
    static double name##_value(double x, const double *p)                                                    \
    {                                                                                                        \
        (void)p;                                                                                             \
        return y;                                                                                            \
    }
/* In terms of x and y = value(x). */
#define SLOPE(name, derivative)                                                                              \
    static double name##_slope(double x, double y, const double *p)                                          \
    {                                                                                                        \
        (void)x, (void)y, (void)p;                                                                           \
        return derivative;                                                                                   \
    }

FUNCTION(exp, exp(x))
SLOPE(exp, y)
NW_UNARY(Exp, 6, {exp_value, exp_slope, {{0}}});

FUNCTION(log, log(x))
SLOPE(log, 1 / x)
NW_UNARY(Log, 6, {log_value, log_slope, {{0}}});

FUNCTION(sqrt, sqrt(x))
SLOPE(sqrt, 0.5 / y)
NW_UNARY(Sqrt, 6, {sqrt_value, sqrt_slope, {{0}}});

FUNCTION(reciprocal, 1 / x)
SLOPE(reciprocal, -y *y)
NW_UNARY(Reciprocal, 6, {reciprocal_value, reciprocal_slope, {{0}}});

FUNCTION(neg, -x)
SLOPE(neg, -1)
NW_UNARY(Neg, 6, {neg_value, neg_slope, {{0}}});

FUNCTION(sign, x > 0 ? 1 : x < 0 ? -1 : x)
NW_UNARY_STEP(Sign, 9, sign_value);

FUNCTION(abs, fabs(x))
SLOPE(abs, sign_value(x, p))
NW_UNARY(Abs, 6, {abs_value, abs_slope, {{0}}});

FUNCTION(erf, erf(x))
SLOPE(erf, 1.12837916709551257390 /* 2 / sqrt(pi) */ * exp(-x * x))
NW_UNARY(Erf, 9, {erf_value, erf_slope, {{0}}});

FUNCTION(sin, sin(x))
SLOPE(sin, cos(x))
NW_UNARY(Sin, 7, {sin_value, sin_slope, {{0}}});

FUNCTION(cos, cos(x))
SLOPE(cos, -sin(x))
NW_UNARY(Cos, 7, {cos_value, cos_slope, {{0}}});

FUNCTION(floor, floor(x))
NW_UNARY_STEP(Floor, 6, floor_value);

FUNCTION(ceil, ceil(x))
NW_UNARY_STEP(Ceil, 6, ceil_value);

/* Halves go to the even neighbour, whatever rounding mode the caller has set. */
FUNCTION(round, isinf(x) ? x : x - remainder(x, 1))
NW_UNARY_STEP(Round, 11, round_value);

FUNCTION(not, x == 0)
NW_UNARY_STEP(Not, 1, not_value);
