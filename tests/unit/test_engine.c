/* The fast path against the reference path: networks in which each operator stands between convolutions, so
 * that it meets blocked layouts, with numbers of channels that fill their blocks and that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "ops/fast_conv_int8.h"
#include "support/network_cases.h"

#include <math.h>

static nw_model *sandwich(make_fn make, int opset, int64_t c)
{
    ow m;
    ow_begin(&m, opset);
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
    /* With one image, what is one value a channel is one a channel of each image too. */
    static const int64_t channels[] = {20, 32, 20}, batch[] = {3, 3, 1};
    int wrong = 0;
    for (size_t i = 0; i < NET_CASES; i++)
        for (int k = 0; k < 3; k++) {
            nw_model *model = sandwich(net_cases[i].make, net_cases[i].opset, channels[k]);
            result fast = compute(model, NW_PRECISION_F32, batch[k], 0, 2);
            result slow = compute(model, NW_PRECISION_F64, batch[k], 0, 1);
            double y = apart(fast.y, slow.y, slow.ny), dx = apart(fast.dx, slow.dx, slow.nx),
                   da = apart(fast.da, slow.da, slow.na);
            if (!(y < 2e-5 && dx < 2e-5 && da < 2e-5)) {
                print_error("%s, %d channels, batch %d: y %g, d x %g, d a %g\n", net_cases[i].name,
                            (int)channels[k], (int)batch[k], y, dx, da);
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
    for (size_t i = 0; i < NET_CASES; i++) {
        nw_model *model = sandwich(net_cases[i].make, net_cases[i].opset, 32);
        result one = compute(model, NW_PRECISION_F32, 3, 1, 1),
               two = compute(model, NW_PRECISION_F32, 3, 2, 1);
        if (memcmp(one.y, two.y, (size_t)one.ny * sizeof *one.y) != 0 ||
            memcmp(one.dx, two.dx, (size_t)one.nx * sizeof *one.dx) != 0)
            fail_msg("%s: one and two threads differ", net_cases[i].name);
        release(&one);
        release(&two);
        nw_model_unref(model);
    }
}

/* The reference path stands in for nothing but what has no other. */
static void fast_means_fast(void **state)
{
    (void)state;
    static const char *const without[] = {"gelu", "scalars", "quotient", "average_pool_counting",
                                          "spatial_means"};
    int wrong = 0;
    for (size_t i = 0; i < 2 * NET_CASES; i++) {
        const struct net_case *c = &net_cases[i / 2];
        bool expected = false, found = false;
        for (size_t k = 0; k < sizeof without / sizeof without[0]; k++)
            expected |= strcmp(c->name, without[k]) == 0;
        nw_model *model = sandwich(c->make, c->opset, 20);
        const char *diffs[] = {"x"};
        nw_program_options options = {.diffs = diffs, .diff_count = 1, .batch = i % 2 ? 3 : 1};
        nw_program *program;
        nw_error err;
        assert_int_equal(nw_program_compile(model, &options, &program, &err), NW_OK);
        for (size_t k = 0; k < nw_program_step_count(program); k++) {
            nw_step_info step = nw_program_step(program, k);
            if (strcmp(step.impl, "reference") != 0) continue;
            if (!expected) print_error("%s: %s by the reference path\n", c->name, step.kind);
            found = true;
        }
        wrong += found != expected;
        nw_program_free(program);
        nw_model_unref(model);
    }
    assert_int_equal(wrong, 0);
}

/* bfloat16 keeps eight bits of a number: results are near the reference's, and not equal to single
 * precision's where the processor has it. */
static void bfloat16_is_near(void **state)
{
    (void)state;
    int different = 0;
    for (size_t i = 0; i < NET_CASES; i++)
        for (int64_t c = 20; c <= 32; c += 12) {
            nw_model *model = sandwich(net_cases[i].make, net_cases[i].opset, c);
            result half = compute(model, NW_PRECISION_BF16, 3, 0, 2),
                   one = compute(model, NW_PRECISION_BF16, 3, 1, 1);
            result slow = compute(model, NW_PRECISION_F64, 3, 0, 1);
            /* Gradients differ where rounding moves a value across the kink of an activation. */
            double y = apart(half.y, slow.y, slow.ny), mean = 0;
            for (int64_t k = 0; k < slow.nx; k++) mean += fabs(half.dx[k] - slow.dx[k]);
            double size = 0;
            for (int64_t k = 0; k < slow.nx; k++) size += fabs(slow.dx[k]);
            if (!(y < 0.03 && mean < 0.05 * size))
                fail_msg("%s, %d channels: y %g, mean d x %g of %g", net_cases[i].name, (int)c, y, mean,
                         size);
            if (memcmp(half.dx, one.dx, (size_t)half.nx * sizeof *half.dx) != 0)
                fail_msg("%s: one and two threads differ", net_cases[i].name);
            different += y > 1e-5;
            release(&half);
            release(&one);
            release(&slow);
            nw_model_unref(model);
        }
    if (strstr(nw_backend_isa(), "bf16") || strstr(nw_backend_isa(), "amx")) assert_true(different > 10);
}

/* The part before a tensor and the part after it are the whole. */
static void a_cut_is_exact(void **state)
{
    (void)state;
    nw_model *model = sandwich(residual, 18, 32);
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
    nw_model *model = sandwich(conv_norm_relu, 18, 20);
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
/* A second program of a model makes no weights anew, in either precision. */
static void weights_are_shared(void **state)
{
    (void)state;
    static const nw_precision precisions[] = {NW_PRECISION_F32, NW_PRECISION_INT8};
    for (size_t p = 0; p < (nw_int8_conv_available() ? 2 : 1); p++) {
        nw_model *model = sandwich(conv_norm_relu, 18, 32);
        nw_program *programs[2];
        nw_error err;
        size_t bytes[2];
        for (int i = 0; i < 2; i++) {
            const char *diffs[] = {"x"};
            nw_program_options options = {
                .batch = 1 + i, .precision = precisions[p], .diffs = diffs, .diff_count = 1};
            assert_int_equal(nw_program_compile(model, &options, &programs[i], &err), NW_OK);
            bytes[i] = nw_weights_cache_bytes(model->weights);
        }
        /* The folded convolution is among them, and its gradient's, in four bytes or one. */
        assert_true(bytes[0] >= 2 * 32 * 32 * 9 * (p ? 1 : sizeof(float)));
        assert_int_equal(bytes[0], bytes[1]);
        for (int i = 0; i < 2; i++) nw_program_free(programs[i]);
        nw_model_unref(model);
    }
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
        cmocka_unit_test(bfloat16_is_near),      cmocka_unit_test(fast_means_fast),
        cmocka_unit_test(a_cut_is_exact),        cmocka_unit_test(named_tensors_survive),
        cmocka_unit_test(weights_are_shared),    cmocka_unit_test(open_dimensions_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
