/* 3x3 convolutions by minimal filtering against the reference path in double: forward, with a bias, something
 * added and an activation, and backward; groups; maps that tiles of 4x4 cover and that they overlap; several
 * images. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "support/network.h"

#include <math.h>
#include <string.h>

typedef struct layer {
    int64_t in, out, groups, side, batch;
    bool add;
    const char *act; /* "", "Relu", "LeakyRelu" */
} layer;

/* None has a value so near to zero that rounding takes it to the other side of its ReLU, which the gradient
 * would show (4e-3, and nobody's error): some do, of 100 000 values one in ten. */
static const layer layers[] = {{32, 32, 1, 12, 2, false, ""},           {32, 64, 1, 13, 1, false, "Relu"},
                               {64, 64, 1, 18, 3, true, "Relu"},        {64, 128, 2, 16, 2, false, "Relu"},
                               {128, 64, 2, 13, 3, false, ""},          {32, 48, 1, 21, 2, true, "LeakyRelu"},
                               {128, 128, 4, 15, 2, true, "Relu"},      {256, 256, 1, 14, 2, false, "Relu"},
                               {64, 128, 1, 56, 1, true, "Relu"},       {512, 256, 1, 12, 1, false, "Relu"},
                               {256, 256, 2, 32, 1, true, "LeakyRelu"}, {128, 512, 1, 28, 1, false, ""},
                               {64, 64, 1, 7, 10, true, "Relu"},        {256, 512, 1, 7, 3, false, ""},
                               {128, 128, 1, 7, 1, false, "Relu"},      {128, 512, 1, 20, 1, false, "Relu"},
                               {128, 192, 1, 26, 1, false, "Relu"},     {64, 64, 1, 17, 3, true, ""}};

/* x -> 1x1 -> a -> the layer -> y, so that it meets blocked layouts and its gradient is not the program's
 * own. */
static nw_model *make(const layer *l)
{
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 8, l->side, l->side});
    net_conv(&m, "x", "a", 8, l->in, 1, 1, 1);
    const char *last = "c";
    net_conv(&m, "a", "c", l->in, l->out, 3, 1, l->groups);
    if (l->add) {
        net_conv(&m, "x", "r", 8, l->out, 1, 1, 1);
        /* The graph has the other operand first, so that the convolution can take the sum. */
        ow_node(&m, "Add", "", "r c", "s");
        last = "s";
    }
    if (l->act[0]) {
        ow_node(&m, l->act, "", last, "t");
        last = "t";
    }
    net_conv(&m, last, "y", l->out, 16, 1, 1, 1);
    ow_output(&m, "y");
    return net_load(&m);
}

typedef struct outcome {
    double *y, *dx;
    int64_t ny, nx;
    int fast; /* steps of a kernel by minimal filtering */
} outcome;

static int64_t count(const nw_shape *shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++) n *= shape->dims[i];
    return n;
}

static outcome compute(nw_model *model, nw_precision precision, int64_t batch, int threads, bool variable)
{
    bool f64 = precision == NW_PRECISION_F64;
    const char *diffs[] = {"x"}, *variables[] = {"c.w"};
    nw_program_options options = {
        .diffs = diffs, .diff_count = 1, .batch = batch, .precision = precision, .threads = threads};
    if (variable) {
        options.variables = variables;
        options.variable_count = 1;
    }
    nw_program *program = NULL;
    nw_error err = {0};
    if (nw_program_compile(model, &options, &program, &err) != NW_OK) fail_msg("%s", err.message);
    nw_shape sx, sy;
    void *x = nw_program_input(program, "x", &sx);
    const void *y = nw_program_output(program, "y", &sy);
    outcome r = {.nx = count(&sx), .ny = count(&sy)};
    for (size_t i = 0; i < nw_program_step_count(program); i++)
        r.fast += strstr(nw_program_step(program, i).impl, "wino") != NULL;
    for (int round = 0; round < 2; round++) { /* nothing of the first may be left in the second */
        net_set(x, (size_t)r.nx, 3, f64);
        net_set(nw_program_diff_output(program, "y"), (size_t)r.ny, 4, f64);
        assert_int_equal(nw_program_run(program, &err), NW_OK);
        free(r.y);
        r.y = net_get(y, (size_t)r.ny, f64);
        assert_int_equal(nw_program_backward(program, &err), NW_OK);
    }
    r.dx = net_get(nw_program_diff(program, "x", NULL), (size_t)r.nx, f64);
    nw_program_free(program);
    return r;
}

static void it_is_the_reference(void **state)
{
    (void)state;
    if (nw_backend_block() < 8) {
        print_message("this processor has no AVX2: skipped\n");
        skip();
    }
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        const layer *l = &layers[i];
        nw_model *model = make(l);
        outcome fast = compute(model, NW_PRECISION_F32, l->batch, 0, false),
                exact = compute(model, NW_PRECISION_F64, l->batch, 0, false);
        double y = net_apart(fast.y, exact.y, (size_t)exact.ny),
               dx = net_apart(fast.dx, exact.dx, (size_t)exact.nx);
        print_message("%lld -> %lld, %lld groups, %lld: %d steps, forward %.1e, backward %.1e\n",
                      (long long)l->in, (long long)l->out, (long long)l->groups, (long long)l->side,
                      fast.fast, y, dx);
        assert_int_equal(fast.fast, 2);
        /* 1e-7 is half a unit in the last place; transforms of 4x4 tiles multiply it by about ten. */
        assert_true(y < 2e-6 && dx < 2e-6);
        static const int counts[] = {1, 2, 3, 5, 16}; /* the more, the smaller the parts of one image */
        for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
            int threads = counts[k];
            outcome again = compute(model, NW_PRECISION_F32, l->batch, threads, false);
            assert_memory_equal(again.y, fast.y, (size_t)fast.ny * sizeof *fast.y);
            assert_memory_equal(again.dx, fast.dx, (size_t)fast.nx * sizeof *fast.dx);
            free(again.y);
            free(again.dx);
        }
        /* An image is the same alone. */
        if (l->batch > 1) {
            outcome first = compute(model, NW_PRECISION_F32, 1, 0, false);
            assert_memory_equal(first.y, fast.y, (size_t)first.ny * sizeof *fast.y);
            assert_memory_equal(first.dx, fast.dx, (size_t)first.nx * sizeof *fast.dx);
            free(first.y);
            free(first.dx);
        }
        /* Weights that may change, as in a training: transformed at every run. */
        outcome other = compute(model, NW_PRECISION_F32, l->batch, 0, true);
        assert_true(net_apart(other.y, exact.y, (size_t)exact.ny) < 2e-6 &&
                    net_apart(other.dx, exact.dx, (size_t)exact.nx) < 2e-6);
        int64_t tiles = (l->side + 3) / 4 * ((l->side + 3) / 4) * l->batch;
        if (nw_backend_block() == 8 && tiles >= 64) assert_int_equal(other.fast, 4); /* with the transforms */
        free(other.y);
        free(other.dx);
        free(fast.y);
        free(fast.dx);
        free(exact.y);
        free(exact.dx);
        nw_model_unref(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_is_the_reference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
