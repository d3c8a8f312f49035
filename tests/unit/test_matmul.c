/* Products of matrices by way of each of their kernels (small: a loop; packed: a 1x1 convolution; oneDNN's
 * own) against double, forward and backward, and with the same bits from any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "backend/backend.h"
#include "support/network.h"

typedef struct layer {
    int64_t rows, in, out;
    bool transposed, bias; /* weights [out][in], as PyTorch writes them */
    const char *impl;      /* "" where it depends on the processor */
} layer;

static const layer layers[] = {
    {1, 512, 2, true, true, "narrows"},       {3, 77, 5, true, false, "narrows"},
    {10, 2048, 4, true, true, "narrows"},     {4, 64, 3, false, true, "narrows"},
    {1, 2048, 1000, true, true, "jit_1x1"},   {10, 2048, 1000, true, false, "jit_1x1"},
    {3, 512, 48, true, true, "jit_1x1"},      {7, 520, 32, true, true, ""},
    {2, 512, 1001, true, true, "jit_1x1"},   {5, 256, 40, true, true, ""},
    {3, 512, 100, false, true, "narrows"},   {33, 1001, 100, true, true, "gemm:jit"},
    {197, 768, 300, false, true, "gemm:jit"}, {64, 3001, 60, false, false, "gemm:jit"}};

static nw_model *make(const layer *l)
{
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 2, (int64_t[]){-1, l->in});
    net_weights(&m, "w", 2, l->transposed ? (int64_t[]){l->out, l->in} : (int64_t[]){l->in, l->out}, 0.1F, 0);
    if (l->bias) net_weights(&m, "b", 1, &l->out, 0.2F, 0);
    ow_node(&m, "Gemm", "", l->bias ? "x w b" : "x w", "y");
    if (l->transposed) ow_attr_int(&m, "transB", 1);
    ow_output(&m, "y");
    return net_load(&m);
}

typedef struct outcome {
    double *values; /* y, then d x */
    size_t count;
    char impl[48];
} outcome;

static void put(outcome *r, const void *data, size_t n, bool f64)
{
    r->values = realloc(r->values, (r->count + n) * sizeof *r->values);
    for (size_t i = 0; i < n; i++)
        r->values[r->count++] = f64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void fill(void *data, size_t n, uint64_t seed, bool f64)
{
    uint64_t state = seed;
    for (size_t i = 0; i < n; i++) {
        float value = net_random(&state);
        if (f64)
            ((double *)data)[i] = (double)value;
        else
            ((float *)data)[i] = value;
    }
}

static outcome compute(nw_model *model, const layer *l, nw_precision precision, int threads)
{
    bool f64 = precision == NW_PRECISION_F64;
    const char *diffs[] = {"x"};
    nw_program_options options = {
        .diffs = diffs, .diff_count = 1, .batch = l->rows, .precision = precision, .threads = threads};
    nw_program *program = NULL;
    nw_error err = {0};
    if (nw_program_compile(model, &options, &program, &err) != NW_OK) fail_msg("%s", err.message);
    fill(nw_program_input(program, "x", NULL), (size_t)(l->rows * l->in), 1, f64);
    fill(nw_program_diff_output(program, "y"), (size_t)(l->rows * l->out), 2, f64);
    if (l->rows == 1 && !f64) /* most of it zeros, as where one class is asked for */
        for (int64_t i = 0; i < l->out; i++)
            if (i % 7) ((float *)nw_program_diff_output(program, "y"))[i] = 0;
    if (l->rows == 1 && f64)
        for (int64_t i = 0; i < l->out; i++)
            if (i % 7) ((double *)nw_program_diff_output(program, "y"))[i] = 0;
    outcome r = {.values = NULL};
    if (nw_program_run(program, &err) != NW_OK) fail_msg("%s", err.message);
    put(&r, nw_program_output(program, "y", NULL), (size_t)(l->rows * l->out), f64);
    if (nw_program_backward(program, &err) != NW_OK) fail_msg("%s", err.message);
    put(&r, nw_program_diff(program, "x", NULL), (size_t)(l->rows * l->in), f64);
    for (size_t i = 0; i < nw_program_step_count(program) && !r.impl[0]; i++)
        if (strcmp(nw_program_step(program, i).kind, "matmul") == 0)
            snprintf(r.impl, sizeof r.impl, "%s", nw_program_step(program, i).impl);
    nw_program_free(program);
    return r;
}

static double apart(const outcome *a, const outcome *b)
{
    double diff = 0, size = 0;
    for (size_t i = 0; i < a->count; i++) {
        diff += (a->values[i] - b->values[i]) * (a->values[i] - b->values[i]);
        size += b->values[i] * b->values[i];
    }
    return sqrt(diff / size);
}

static void it_is_the_product(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        const layer *l = &layers[i];
        nw_model *model = make(l);
        outcome exact = compute(model, l, NW_PRECISION_F64, 0), fast = compute(model, l, NW_PRECISION_F32, 0);
        double error = apart(&fast, &exact);
        print_message("%lld x %lld to %lld: %s, %.1e\n", (long long)l->rows, (long long)l->in,
                      (long long)l->out, fast.impl, error);
        assert_true(error < 1e-6);
        if (nw_backend_block() == 8 && !strstr(fast.impl, l->impl)) fail_msg("not by %s", l->impl);
        static const int counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 12, 16};
        for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
            outcome again = compute(model, l, NW_PRECISION_F32, counts[k]);
            size_t y = (size_t)(l->rows * l->out);
            if (memcmp(again.values, fast.values, y * sizeof *fast.values) != 0)
                fail_msg("%d threads give other bits", counts[k]);
            if (memcmp(again.values, fast.values, fast.count * sizeof *fast.values) != 0)
                fail_msg("%d threads give other bits backward", counts[k]);
            free(again.values);
        }
        free(exact.values);
        free(fast.values);
        nw_model_unref(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_is_the_product)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
