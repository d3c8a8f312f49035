/* Activation functions. Where one has a kink its derivative there is that of PyTorch; comparisons are written
 * so that NaN comes out as NaN. Definitions: the ONNX operator specification. */
#include "ops/unary.h"

#include <math.h>
#include <string.h>

static double relu(double x, const double *p)
{
    (void)p;
    return x < 0 ? 0 : x;
}
static double relu_slope(double x, double y, const double *p)
{
    (void)y, (void)p;
    return x > 0 ? 1 : 0;
}
NW_UNARY(Relu, 6, {relu, relu_slope, {{0}}});

static double leaky_relu(double x, const double *p)
{
    return x < 0 ? p[0] * x : x;
}
static double leaky_relu_slope(double x, double y, const double *p)
{
    (void)y;
    return x > 0 ? 1 : p[0];
}
NW_UNARY(LeakyRelu, 6, {leaky_relu, leaky_relu_slope, {{"alpha", 0.01F}}});

static double elu(double x, const double *p)
{
    return x < 0 ? p[0] * expm1(x) : x;
}
static double elu_slope(double x, double y, const double *p)
{
    return x > 0 ? 1 : y + p[0];
}
NW_UNARY(Elu, 6, {elu, elu_slope, {{"alpha", 1}}});

static double selu(double x, const double *p)
{
    return p[1] * elu(x, p);
}
static double selu_slope(double x, double y, const double *p)
{
    return x > 0 ? p[1] : y + p[0] * p[1];
}
NW_UNARY(Selu, 6,
         {selu, selu_slope, {{"alpha", 1.67326319217681884765625F}, {"gamma", 1.05070102214813232421875F}}});

static double celu(double x, const double *p)
{
    return x < 0 ? p[0] * expm1(x / p[0]) : x;
}
static double celu_slope(double x, double y, const double *p)
{
    return x > 0 ? 1 : y / p[0] + 1;
}
NW_UNARY(Celu, 12, {celu, celu_slope, {{"alpha", 1}}});

static double thresholded_relu(double x, const double *p)
{
    return x <= p[0] ? 0 : x;
}
static double thresholded_relu_slope(double x, double y, const double *p)
{
    (void)y;
    return x > p[0] ? 1 : 0;
}
NW_UNARY(ThresholdedRelu, 10, {thresholded_relu, thresholded_relu_slope, {{"alpha", 1}}});

/* No overflow for either sign. */
static double sigmoid(double x, const double *p)
{
    (void)p;
    double e = exp(-fabs(x));
    return x < 0 ? e / (1 + e) : 1 / (1 + e);
}
static double sigmoid_slope(double x, double y, const double *p)
{
    (void)p;
    return y * sigmoid(-x, NULL);
}
NW_UNARY(Sigmoid, 6, {sigmoid, sigmoid_slope, {{0}}});

static double clamp01(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static double hard_sigmoid(double x, const double *p)
{
    return clamp01(p[0] * x + p[1]);
}
static double hard_sigmoid_slope(double x, double y, const double *p)
{
    (void)y;
    double line = p[0] * x + p[1];
    return line > 0 && line < 1 ? p[0] : 0;
}
NW_UNARY(HardSigmoid, 6, {hard_sigmoid, hard_sigmoid_slope, {{"alpha", 0.2F}, {"beta", 0.5F}}});

static double hard_swish(double x, const double *p)
{
    (void)p;
    return x * clamp01(x / 6 + 0.5);
}
static double hard_swish_slope(double x, double y, const double *p)
{
    (void)y, (void)p;
    return x <= -3 ? 0 : x < 3 ? x / 3 + 0.5 : 1;
}
NW_UNARY(HardSwish, 14, {hard_swish, hard_swish_slope, {{0}}});

static double tanh_value(double x, const double *p)
{
    (void)p;
    return tanh(x);
}
static double tanh_slope(double x, double y, const double *p)
{
    (void)x, (void)p;
    return (1 - y) * (1 + y);
}
NW_UNARY(Tanh, 6, {tanh_value, tanh_slope, {{0}}});

static double softplus(double x, const double *p)
{
    (void)p;
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}
static double softplus_slope(double x, double y, const double *p)
{
    (void)y;
    return sigmoid(x, p);
}
NW_UNARY(Softplus, 1, {softplus, softplus_slope, {{0}}});

static double softsign(double x, const double *p)
{
    (void)p;
    return x / (1 + fabs(x));
}
static double softsign_slope(double x, double y, const double *p)
{
    (void)y, (void)p;
    double d = 1 + fabs(x);
    return 1 / (d * d);
}
NW_UNARY(Softsign, 1, {softsign, softsign_slope, {{0}}});

/* x tanh(softplus(x)): Misra, arXiv 1908.08681. */
static double mish(double x, const double *p)
{
    return x * tanh(softplus(x, p));
}
static double mish_slope(double x, double y, const double *p)
{
    (void)y;
    double t = tanh(softplus(x, p));
    return t + x * (1 - t * t) * sigmoid(x, p);
}
NW_UNARY(Mish, 18, {mish, mish_slope, {{0}}});

/* x Phi(x), and its approximation with tanh: Hendrycks and Gimpel, arXiv 1606.08415. */
static const double sqrt_half = 0.70710678118654752440, sqrt_2_over_pi = 0.79788456080286535588;

static double gelu(double x, const double *p)
{
    (void)p;
    return 0.5 * x * erfc(-x * sqrt_half);
}
static double gelu_slope(double x, double y, const double *p)
{
    (void)y, (void)p;
    return 0.5 * erfc(-x * sqrt_half) + 0.5 * sqrt_2_over_pi * x * exp(-0.5 * x * x);
}
static double gelu_tanh(double x, const double *p)
{
    (void)p;
    return 0.5 * x * (1 + tanh(sqrt_2_over_pi * (x + 0.044715 * x * x * x)));
}
static double gelu_tanh_slope(double x, double y, const double *p)
{
    (void)y, (void)p;
    double t = tanh(sqrt_2_over_pi * (x + 0.044715 * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * sqrt_2_over_pi * (1 + 3 * 0.044715 * x * x);
}

static const nw_unary *gelu_kind(const nw_node *node)
{
    static const nw_unary exact = {gelu, gelu_slope, {{0}}},
                          approximate = {gelu_tanh, gelu_tanh_slope, {{0}}};
    return strcmp(nw_node_string(node, "approximate", "none"), "tanh") == 0 ? &approximate : &exact;
}
static nw_status gelu_infer(nw_infer *cx)
{
    const char *kind = nw_node_string(cx->node, "approximate", "none");
    if (strcmp(kind, "none") != 0 && strcmp(kind, "tanh") != 0)
        return nw_infer_fail(cx, NW_BAD_MODEL, "approximate is '%s'; expected none or tanh", kind);
    return nw_infer_same(cx);
}
static void gelu_forward(const nw_ref *call)
{
    nw_unary_forward(call, gelu_kind(call->node));
}
static void gelu_backward(const nw_ref *call)
{
    nw_unary_backward(call, gelu_kind(call->node));
}
const nw_op nw_op_Gelu = {.type = "Gelu",
                          .since = 20,
                          .limits = "",
                          .infer = gelu_infer,
                          .forward = gelu_forward,
                          .backward = gelu_backward};
