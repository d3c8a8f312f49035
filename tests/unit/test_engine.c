/* The fast path against the reference path: networks in which each operator stands between convolutions, so
 * that it meets blocked layouts, with numbers of channels that fill their blocks and that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "support/network.h"

#include <math.h>

enum { SIZE = 12 };

/* Adds nodes from "a" [N, c, 12, 12] to "b"; returns b's channels where it is a feature map, else 0. */
typedef int64_t (*make_fn)(ow *m, int64_t c);

static void unary(ow *m, const char *type)
{
    ow_node(m, type, "", "a", "b");
}
static int64_t relu(ow *m, int64_t c)
{
    return unary(m, "Relu"), c;
}
static int64_t sigmoid(ow *m, int64_t c)
{
    return unary(m, "Sigmoid"), c;
}
static int64_t hard_sigmoid(ow *m, int64_t c)
{
    return unary(m, "HardSigmoid"), c;
}
static int64_t hard_swish(ow *m, int64_t c)
{
    return unary(m, "HardSwish"), c;
}
static int64_t tanh_(ow *m, int64_t c)
{
    return unary(m, "Tanh"), c;
}
static int64_t softplus(ow *m, int64_t c)
{
    return unary(m, "Softplus"), c;
}
static int64_t elu(ow *m, int64_t c)
{
    return unary(m, "Elu"), c;
}
static int64_t exp_(ow *m, int64_t c)
{
    return unary(m, "Exp"), c;
}
static int64_t mish(ow *m, int64_t c)
{
    return unary(m, "Mish"), c;
}
static int64_t leaky(ow *m, int64_t c)
{
    return unary(m, "LeakyRelu"), c;
}
static int64_t abs_(ow *m, int64_t c)
{
    return unary(m, "Abs"), c;
}
static int64_t neg(ow *m, int64_t c)
{
    return unary(m, "Neg"), c;
}
static int64_t gelu(ow *m, int64_t c)
{
    return unary(m, "Erf"), c;
} /* no fast path: the reference in between */

static int64_t clip(ow *m, int64_t c)
{
    float low = -0.2F, high = 0.3F;
    ow_floats(m, "low", 0, NULL, &low);
    ow_floats(m, "high", 0, NULL, &high);
    ow_node(m, "Clip", "", "a low high", "b");
    return c;
}
static int64_t relu6_conv(ow *m, int64_t c)
{
    float low = 0, high = 0.4F;
    ow_floats(m, "low", 0, NULL, &low);
    ow_floats(m, "high", 0, NULL, &high);
    net_conv(m, "a", "p", c, c, 3, 1, 1);
    ow_node(m, "Clip", "", "p low high", "b");
    return c;
}
static int64_t norm_relu(ow *m, int64_t c)
{
    net_norm(m, "a", "p", c);
    ow_node(m, "Relu", "", "p", "b");
    return c;
}
static int64_t conv_norm_relu(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, c, 3, 2, 1);
    net_norm(m, "p", "q", c);
    ow_node(m, "Relu", "", "q", "b");
    return c;
}
static int64_t residual(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, c, 3, 1, 1);
    ow_node(m, "Relu", "", "p", "q");
    net_conv(m, "q", "r", c, c, 3, 1, 1);
    ow_node(m, "Add", "", "r a", "s");
    ow_node(m, "Relu", "", "s", "b");
    return c;
}
static int64_t two_branches(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, c, 3, 2, 1);
    net_conv(m, "a", "q", c, c, 1, 2, 1);
    ow_node(m, "Add", "", "p q", "s");
    ow_node(m, "LeakyRelu", "", "s", "b");
    return c;
}
static int64_t inverted_residual(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, 2 * c, 1, 1, 1);
    ow_node(m, "Relu", "", "p", "q");
    net_conv(m, "q", "r", 2 * c, 2 * c, 3, 1, 2 * c);
    ow_node(m, "Relu", "", "r", "s");
    net_conv(m, "s", "t", 2 * c, c, 1, 1, 1);
    ow_node(m, "Add", "", "a t", "b");
    return c;
}
static int64_t grouped(ow *m, int64_t c)
{
    net_conv(m, "a", "b", c, c, 3, 1, 4);
    return c;
}
static int64_t squeeze_excite(ow *m, int64_t c)
{
    ow_node(m, "GlobalAveragePool", "", "a", "p");
    net_conv(m, "p", "q", c, 4, 1, 1, 1);
    ow_node(m, "Relu", "", "q", "r");
    net_conv(m, "r", "s", 4, c, 1, 1, 1);
    ow_node(m, "Sigmoid", "", "s", "t");
    ow_node(m, "Mul", "", "t a", "b");
    return c;
}
static int64_t swish(ow *m, int64_t c)
{
    ow_node(m, "Sigmoid", "", "a", "p");
    ow_node(m, "Mul", "", "a p", "b");
    return c;
}
static int64_t square(ow *m, int64_t c)
{
    ow_node(m, "Mul", "", "a a", "p");
    ow_node(m, "Add", "", "p p", "b");
    return c;
}
static int64_t scale_channels(ow *m, int64_t c)
{
    net_weights(m, "k", 3, (int64_t[]){c, 1, 1}, 0.5F, 1);
    ow_node(m, "Mul", "", "a k", "p");
    ow_node(m, "Add", "", "k p", "q");
    ow_node(m, "Div", "", "q k", "r");
    ow_node(m, "Sub", "", "k r", "b");
    return c;
}
static int64_t scalars(ow *m, int64_t c)
{
    float three = 3;
    ow_floats(m, "three", 0, NULL, &three);
    ow_node(m, "Add", "", "a three", "p");
    ow_node(m, "Mul", "", "three p", "q");
    ow_node(m, "Div", "", "three q", "r"); /* its gradient is the reference's */
    ow_node(m, "Sub", "", "r a", "b");
    return c;
}
static int64_t quotient(ow *m, int64_t c)
{
    ow_node(m, "Exp", "", "a", "p");
    ow_node(m, "Div", "", "a p", "b");
    return c;
}
static int64_t max_pool(ow *m, int64_t c)
{
    ow_node(m, "MaxPool", "", "a", "b");
    ow_attr_ints(m, "kernel_shape", 2, (int64_t[]){3, 3});
    ow_attr_ints(m, "strides", 2, (int64_t[]){2, 2});
    ow_attr_ints(m, "pads", 4, (int64_t[]){1, 1, 1, 1});
    return c;
}
static int64_t max_pool_ceil(ow *m, int64_t c)
{
    ow_node(m, "MaxPool", "", "a", "b");
    ow_attr_ints(m, "kernel_shape", 2, (int64_t[]){3, 3});
    ow_attr_ints(m, "strides", 2, (int64_t[]){2, 2});
    ow_attr_int(m, "ceil_mode", 1);
    return c;
}
static int64_t average_pool(ow *m, int64_t c)
{
    ow_node(m, "AveragePool", "", "a", "b");
    ow_attr_ints(m, "kernel_shape", 2, (int64_t[]){3, 3});
    ow_attr_ints(m, "strides", 2, (int64_t[]){2, 2});
    ow_attr_ints(m, "pads", 4, (int64_t[]){1, 1, 1, 1});
    return c;
}
static int64_t average_pool_counting(ow *m, int64_t c)
{
    average_pool(m, c);
    ow_attr_int(m, "count_include_pad", 1);
    ow_attr_int(m, "ceil_mode", 1);
    return c;
}
static int64_t classify(ow *m, int64_t c)
{
    ow_node(m, "GlobalAveragePool", "", "a", "p");
    ow_node(m, "Flatten", "", "p", "q");
    net_weights(m, "w", 2, (int64_t[]){7, c}, 0.5F, 0);
    net_weights(m, "bias", 1, (int64_t[]){7}, 0.5F, 0);
    ow_node(m, "Gemm", "", "q w bias", "r");
    ow_attr_int(m, "transB", 1);
    ow_node(m, "Softmax", "", "r", "b");
    return 0;
}
static int64_t flatten_all(ow *m, int64_t c)
{
    int64_t n = c * SIZE * SIZE;
    ow_node(m, "Flatten", "", "a", "p");
    net_weights(m, "w", 2, (int64_t[]){n, 5}, 0.1F, 0);
    ow_node(m, "MatMul", "", "p w", "b");
    return 0;
}
static int64_t attention(ow *m, int64_t c)
{
    int64_t n = SIZE * SIZE;
    ow_ints(m, "flat", 3, (int64_t[]){0, c, n});
    ow_node(m, "Reshape", "", "a flat", "p");
    ow_node(m, "Transpose", "", "p", "q");
    ow_attr_ints(m, "perm", 3, (int64_t[]){0, 2, 1});
    ow_node(m, "MatMul", "", "q p", "r");
    ow_node(m, "MatMul", "", "p r", "b");
    return 0;
}
static int64_t spatial_means(ow *m, int64_t c)
{
    ow_node(m, "ReduceMean", "", "a", "p");
    ow_attr_ints(m, "axes", 2, (int64_t[]){2, 3});
    ow_attr_int(m, "keepdims", 0);
    ow_node(m, "ReduceMean", "", "a", "q");
    ow_attr_ints(m, "axes", 1, (int64_t[]){-1});
    ow_ints(m, "ones", 2, (int64_t[]){2, 3});
    ow_node(m, "Unsqueeze", "", "p ones", "r");
    ow_ints(m, "three", 1, (int64_t[]){3});
    ow_node(m, "Squeeze", "", "q three", "s");
    ow_node(m, "Unsqueeze", "", "s three", "t");
    ow_node(m, "Mul", "", "t r", "u");
    ow_node(m, "Add", "", "a u", "b");
    return c;
}
/* ResNeSt's split attention, radix 2 */
static int64_t split_attention(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, 2 * c, 3, 1, 2);
    ow_ints(m, "split", 5, (int64_t[]){0, 2, c, SIZE, SIZE});
    ow_node(m, "Reshape", "", "p split", "q");
    ow_ints(m, "one", 1, (int64_t[]){1});
    ow_node(m, "ReduceSum", "", "q one", "r");
    ow_attr_int(m, "keepdims", 0);
    ow_node(m, "GlobalAveragePool", "", "r", "s");
    net_conv(m, "s", "t", c, 2 * c, 1, 1, 1);
    ow_ints(m, "weights", 5, (int64_t[]){0, 2, c, 1, 1});
    ow_node(m, "Reshape", "", "t weights", "u");
    ow_node(m, "Softmax", "", "u", "v");
    ow_attr_int(m, "axis", 1);
    ow_node(m, "Mul", "", "q v", "w");
    ow_node(m, "ReduceSum", "", "w one", "b");
    ow_attr_int(m, "keepdims", 0);
    return c;
}
static int64_t concat(ow *m, int64_t c)
{
    net_conv(m, "a", "p", c, 16, 3, 1, 1);
    ow_node(m, "Relu", "", "p", "q");
    ow_node(m, "Concat", "", "a q p", "b");
    ow_attr_int(m, "axis", 1);
    return c + 32;
}
static int64_t shuffle(ow *m, int64_t c)
{
    ow_ints(m, "halves", 2, (int64_t[]){c / 2, c / 2});
    ow_node(m, "Split", "", "a halves", "p q");
    ow_attr_int(m, "axis", 1);
    ow_node(m, "Relu", "", "q", "r");
    ow_node(m, "Concat", "", "p r", "s");
    ow_attr_int(m, "axis", 1);
    ow_ints(m, "apart", 5, (int64_t[]){0, 2, c / 2, SIZE, SIZE});
    ow_ints(m, "together", 4, (int64_t[]){0, c, SIZE, SIZE});
    ow_node(m, "Reshape", "", "s apart", "t");
    ow_node(m, "Transpose", "", "t", "u");
    ow_attr_ints(m, "perm", 5, (int64_t[]){0, 2, 1, 3, 4});
    ow_node(m, "Reshape", "", "u together", "b");
    return c;
}
static int64_t slices_and_pads(ow *m, int64_t c)
{
    ow_ints(m, "from", 2, (int64_t[]){1, 10});
    ow_ints(m, "to", 2, (int64_t[]){INT64_MAX, 0});
    ow_ints(m, "axes", 2, (int64_t[]){2, 3});
    ow_ints(m, "by", 2, (int64_t[]){2, -1});
    ow_node(m, "Slice", "", "a from to axes by", "p");
    ow_ints(m, "pads", 8, (int64_t[]){0, 0, 1, 2, 0, 0, 0, 1});
    ow_node(m, "Pad", "", "p pads", "b");
    return c;
}
static int64_t dropouts(ow *m, int64_t c)
{
    ow_node(m, "Dropout", "", "a", "p");
    ow_node(m, "Identity", "", "p", "q");
    ow_node(m, "Relu", "", "q", "b");
    return c;
}
static int64_t many_readers(ow *m, int64_t c)
{
    for (int i = 0; i < 12; i++) {
        char out[16];
        snprintf(out, sizeof out, "p%d", i);
        net_conv(m, "a", out, c, 16, 1, 1, 1);
    }
    ow_node(m, "Concat", "", "p0 p1 p2 p3 p4 p5 p6 p7 p8 p9 p10 p11", "b");
    ow_attr_int(m, "axis", 1);
    return 192;
}

#define CASE(f)                                                                                              \
    {                                                                                                        \
#f, f                                                                                                \
    }
static const struct {
    const char *name;
    make_fn make;
} cases[] = {
    CASE(relu),
    CASE(sigmoid),
    CASE(hard_sigmoid),
    CASE(hard_swish),
    CASE(tanh_),
    CASE(softplus),
    CASE(elu),
    CASE(exp_),
    CASE(mish),
    CASE(leaky),
    CASE(abs_),
    CASE(neg),
    CASE(gelu),
    CASE(clip),
    CASE(relu6_conv),
    CASE(norm_relu),
    CASE(conv_norm_relu),
    CASE(residual),
    CASE(two_branches),
    CASE(inverted_residual),
    CASE(grouped),
    CASE(squeeze_excite),
    CASE(swish),
    CASE(square),
    CASE(scale_channels),
    CASE(scalars),
    CASE(quotient),
    CASE(max_pool),
    CASE(max_pool_ceil),
    CASE(average_pool),
    CASE(average_pool_counting),
    CASE(classify),
    CASE(flatten_all),
    CASE(attention),
    CASE(spatial_means),
    CASE(split_attention),
    CASE(concat),
    CASE(shuffle),
    CASE(slices_and_pads),
    CASE(dropouts),
    CASE(many_readers),
};

static nw_model *sandwich(make_fn make, int64_t c)
{
    ow m;
    ow_begin(&m, 18);
    ow_input(&m, "x", 4, (int64_t[]){-1, 3, SIZE, SIZE});
    net_conv(&m, "x", "a", 3, c, 3, 1, 1);
    int64_t out = make(&m, c);
    if (out)
        net_conv(&m, "b", "y", out, 20, 3, 1, 1);
    else
        ow_node(&m, "Identity", "", "b", "y");
    ow_output(&m, "y");
    return net_load(&m);
}

typedef struct result {
    double *y, *dx, *da;
    int64_t ny, nx, na;
} result;

static double *widened(const void *data, int64_t n, bool f64)
{
    double *out = malloc((size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        out[i] = f64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
    return out;
}

static int64_t count(const nw_shape *shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++) n *= shape->dims[i];
    return n;
}

static void fill(void *data, int64_t n, uint64_t seed, bool f64)
{
    float *values = malloc((size_t)n * sizeof *values);
    net_fill(values, (size_t)n, seed, 1);
    for (int64_t i = 0; i < n; i++)
        if (f64)
            ((double *)data)[i] = (double)values[i];
        else
            ((float *)data)[i] = values[i];
    free(values);
}

static result compute(nw_model *model, nw_precision precision, int64_t batch, int threads, int rounds)
{
    bool f64 = precision == NW_PRECISION_F64;
    const char *diffs[] = {"x", "a"};
    nw_program_options options = {
        .diffs = diffs, .diff_count = 2, .batch = batch, .precision = precision, .threads = threads};
    nw_program *program = NULL;
    nw_error err = {0};
    nw_status status = nw_program_compile(model, &options, &program, &err);
    if (status != NW_OK) fail_msg("%s", err.message);
    nw_shape sx, sy, sa;
    void *x = nw_program_input(program, "x", &sx);
    const void *y = nw_program_output(program, "y", &sy);
    result r = {.nx = count(&sx), .ny = count(&sy)};
    /* More than one round: nothing of the last one may be left in the next. */
    for (int i = 0; i < rounds; i++) {
        fill(x, r.nx, 11, f64);
        fill(nw_program_diff_output(program, "y"), r.ny, 12, f64);
        assert_int_equal(nw_program_run(program, &err), NW_OK);
        free(r.y);
        r.y = widened(y, r.ny, f64);
        assert_int_equal(nw_program_backward(program, &err), NW_OK);
    }
    assert_int_equal(nw_program_backward(program, &err), NW_USAGE);
    r.dx = widened(nw_program_diff(program, "x", NULL), r.nx, f64);
    const void *da = nw_program_diff(program, "a", &sa);
    r.na = count(&sa);
    r.da = widened(da, r.na, f64);
    nw_program_free(program);
    return r;
}

static void release(result *r)
{
    free(r->y);
    free(r->dx);
    free(r->da);
}

/* Largest difference over largest value. */
static double apart(const double *a, const double *b, int64_t n)
{
    double most = 0, diff = 0;
    for (int64_t i = 0; i < n; i++) {
        most = fmax(most, fabs(b[i]));
        diff = isfinite(a[i]) ? fmax(diff, fabs(a[i] - b[i])) : INFINITY;
    }
    return most > 0 ? diff / most : diff;
}

static void fast_is_the_reference(void **state)
{
    (void)state;
    static const int64_t channels[] = {20, 32};
    int wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int k = 0; k < 2; k++) {
            nw_model *model = sandwich(cases[i].make, channels[k]);
            result fast = compute(model, NW_PRECISION_F32, 3, 0, 2);
            result slow = compute(model, NW_PRECISION_F64, 3, 0, 1);
            double y = apart(fast.y, slow.y, slow.ny), dx = apart(fast.dx, slow.dx, slow.nx),
                   da = apart(fast.da, slow.da, slow.na);
            if (!(y < 2e-5 && dx < 2e-5 && da < 2e-5)) {
                print_error("%s, %d channels: y %g, d x %g, d a %g\n", cases[i].name, (int)channels[k], y, dx,
                            da);
                wrong++;
            }
            release(&fast);
            release(&slow);
            nw_model_unref(model);
        }
    assert_int_equal(wrong, 0);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nw_model *model = sandwich(cases[i].make, 32);
        result one = compute(model, NW_PRECISION_F32, 3, 1, 1),
               two = compute(model, NW_PRECISION_F32, 3, 2, 1);
        if (memcmp(one.y, two.y, (size_t)one.ny * sizeof *one.y) != 0 ||
            memcmp(one.dx, two.dx, (size_t)one.nx * sizeof *one.dx) != 0)
            fail_msg("%s: one and two threads differ", cases[i].name);
        release(&one);
        release(&two);
        nw_model_unref(model);
    }
}

/* The part before a tensor and the part after it are the whole. */
static void a_cut_is_exact(void **state)
{
    (void)state;
    nw_model *model = sandwich(residual, 32);
    nw_error err;
    const char *a[] = {"a"}, *q[] = {"q"};
    nw_program *before, *after;
    nw_program_options first = {.outputs = a, .output_count = 1},
                       second = {.inputs = a, .input_count = 1, .diffs = a, .diff_count = 1};
    assert_int_equal(nw_program_compile(model, &first, &before, &err), NW_OK);
    assert_int_equal(nw_program_compile(model, &second, &after, &err), NW_OK);
    result whole = compute(model, NW_PRECISION_F32, 1, 0, 1);
    nw_shape shape;
    fill(nw_program_input(before, "x", NULL), whole.nx, 11, false);
    assert_int_equal(nw_program_run(before, &err), NW_OK);
    const float *features = nw_program_output(before, "a", &shape);
    memcpy(nw_program_input(after, "a", NULL), features, (size_t)count(&shape) * sizeof(float));
    fill(nw_program_diff_output(after, "y"), whole.ny, 12, false);
    assert_int_equal(nw_program_run(after, &err), NW_OK);
    double *y = widened(nw_program_output(after, "y", NULL), whole.ny, false);
    assert_int_equal(nw_program_backward(after, &err), NW_OK);
    double *da = widened(nw_program_diff(after, "a", NULL), whole.na, false);
    assert_true(apart(y, whole.y, whole.ny) < 1e-6);
    assert_true(apart(da, whole.da, whole.na) < 1e-6);
    free(y);
    free(da);
    release(&whole);
    nw_program_free(before);
    nw_program_free(after);

    /* "q" is around "a": the residual connection goes past it. */
    second.inputs = q;
    assert_int_equal(nw_program_compile(model, &second, &after, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "does not cut"));
    const char *wrong[] = {"aa"};
    first.outputs = wrong;
    assert_int_equal(nw_program_compile(model, &first, &before, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "'aa'"));
    nw_model_unref(model);
}

/* Tensors that fusion would remove can be had by naming them. */
static void named_tensors_survive(void **state)
{
    (void)state;
    nw_model *model = sandwich(conv_norm_relu, 20);
    const char *outputs[] = {"p", "q", "y"}, *diffs[] = {"p", "q", "b"};
    double *fast[6] = {0}, *slow[6] = {0};
    int64_t n[6];
    for (int f64 = 0; f64 < 2; f64++) {
        nw_program_options options = {.outputs = outputs,
                                      .output_count = 3,
                                      .diffs = diffs,
                                      .diff_count = 3,
                                      .precision = f64 ? NW_PRECISION_F64 : NW_PRECISION_F32};
        nw_program *program;
        nw_error err;
        assert_int_equal(nw_program_compile(model, &options, &program, &err), NW_OK);
        nw_shape shape;
        void *x = nw_program_input(program, "x", &shape);
        fill(x, count(&shape), 3, f64);
        for (int i = 0; i < 3; i++) {
            nw_program_output(program, outputs[i], &shape);
            fill(nw_program_diff_output(program, outputs[i]), count(&shape), 20 + (uint64_t)i, f64);
        }
        assert_int_equal(nw_program_run(program, &err), NW_OK);
        for (int i = 0; i < 3; i++) {
            const void *data = nw_program_output(program, outputs[i], &shape);
            n[i] = count(&shape);
            (f64 ? slow : fast)[i] = widened(data, n[i], f64);
        }
        assert_int_equal(nw_program_backward(program, &err), NW_OK);
        for (int i = 0; i < 3; i++) {
            const void *data = nw_program_diff(program, diffs[i], &shape);
            n[3 + i] = count(&shape);
            (f64 ? slow : fast)[3 + i] = widened(data, n[3 + i], f64);
        }
        nw_program_free(program);
    }
    for (int i = 0; i < 6; i++) {
        assert_true(apart(fast[i], slow[i], n[i]) < 2e-5);
        free(fast[i]);
        free(slow[i]);
    }
    nw_model_unref(model);
}

/* Programs of one model pack the same weights once, folded ones too. */
static void weights_are_shared(void **state)
{
    (void)state;
    nw_model *model = sandwich(conv_norm_relu, 32);
    nw_program *programs[2];
    nw_error err;
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        nw_program_options options = {.batch = 1 + i};
        assert_int_equal(nw_program_compile(model, &options, &programs[i], &err), NW_OK);
        bytes[i] = nw_weights_cache_bytes(model->weights);
    }
    assert_true(bytes[0] >= 32 * 32 * 9 * sizeof(float)); /* the folded convolution is among them */
    assert_int_equal(bytes[0], bytes[1]);
    for (int i = 0; i < 2; i++) nw_program_free(programs[i]);
    nw_model_unref(model);
}

static void open_dimensions_are_asked_for(void **state)
{
    (void)state;
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 3, -2, -3});
    net_conv(&m, "x", "y", 3, 8, 3, 1, 1);
    ow_output(&m, "y");
    nw_model *model = net_load(&m);
    nw_program *program;
    nw_error err;
    assert_int_equal(nw_program_compile(model, NULL, &program, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "N2=N"));
    nw_dimension dims[] = {{"N2", 9}, {"x[3]", 10}};
    nw_program_options options = {.dimensions = dims, .dimension_count = 2, .batch = 2};
    assert_int_equal(nw_program_compile(model, &options, &program, &err), NW_OK);
    nw_shape shape;
    nw_program_output(program, "y", &shape);
    assert_int_equal(count(&shape), 2 * 8 * 9 * 10);
    assert_null(nw_program_input(program, "z", NULL));
    assert_null(nw_program_diff(program, "x", NULL));
    assert_int_equal(nw_program_backward(program, &err), NW_USAGE);
    nw_program_free(program);
    nw_model_unref(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_is_the_reference), cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(a_cut_is_exact),        cmocka_unit_test(named_tensors_survive),
        cmocka_unit_test(weights_are_shared),    cmocka_unit_test(open_dimensions_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
