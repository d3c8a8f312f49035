/* Convolutions over pictures and volumes in bfloat16 and in single precision against double: the output, and
 * the gradients of the input and of the weights. Few slices and strides leave kernels that hang over both
 * ends of the stack. */
#include "network.h"

#include "support/onnx_writer.h"

enum { BATCH = 2, CHANNELS = 16, FILTERS = 32 };

typedef struct conv_case {
    int axes;
    int64_t dims[3], kernel, stride, pad;
} conv_case;

static int64_t elements(const nw_shape *shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++) n *= shape->dims[i];
    return n;
}

static nw_model *model_of(const conv_case *c, const char *path)
{
    int64_t k = c->kernel, count = FILTERS * CHANNELS * k * k * (c->axes == 3 ? k : 1);
    int64_t input[5] = {BATCH, CHANNELS}, filters[5] = {FILTERS, CHANNELS, k, k, k};
    memcpy(input + 2, c->dims + 3 - c->axes, (size_t)c->axes * sizeof *input);
    float *weights = nw_calloc((size_t)count, sizeof *weights);
    for (int64_t i = 0; i < count; i++) weights[i] = network_hashed((uint32_t)i + 5) / 16;
    ow m;
    nw_model *model = NULL;
    ow_begin(&m, 13);
    ow_input(&m, "x", 2 + c->axes, input);
    ow_floats(&m, "w", 2 + c->axes, filters, weights);
    ow_node(&m, "Conv", "", "x w", "y");
    ow_attr_ints(&m, "kernel_shape", (size_t)c->axes, (int64_t[]){k, k, k});
    ow_attr_ints(&m, "strides", (size_t)c->axes, (int64_t[]){c->stride, c->stride, c->stride});
    ow_attr_ints(&m, "pads", 2 * (size_t)c->axes,
                 (int64_t[]){c->pad, c->pad, c->pad, c->pad, c->pad, c->pad});
    ow_output(&m, "y");
    ow_end(&m);
    assert_int_equal(ow_save(&m, path), 0);
    ow_free(&m);
    nw_free(weights);
    must(nw_model_load(path, NULL, &model, err));
    return model;
}

static double get(const void *data, nw_precision precision, int64_t i)
{
    return precision == NW_PRECISION_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void fill(void *data, nw_precision precision, const nw_shape *shape, uint32_t key)
{
    for (int64_t i = 0; i < elements(shape); i++)
        if (precision == NW_PRECISION_F64)
            ((double *)data)[i] = (double)network_hashed(key + (uint32_t)i);
        else
            ((float *)data)[i] = network_hashed(key + (uint32_t)i);
}

static nw_program *run(nw_model *model, nw_precision precision)
{
    static const char *const learned[] = {"w", "x"};
    nw_program *program = NULL;
    nw_program_options options = {.diffs = learned,
                                  .diff_count = 2,
                                  .variables = learned,
                                  .variable_count = 1,
                                  .precision = precision,
                                  .threads = 1};
    must(nw_program_compile(model, &options, &program, err));
    nw_shape shape;
    void *x = nw_program_input(program, "x", &shape);
    fill(x, precision, &shape, 0);
    must(nw_program_run(program, err));
    nw_program_output(program, "y", &shape);
    fill(nw_program_diff_output(program, "y"), precision, &shape, 77);
    must(nw_program_backward(program, err));
    return program;
}

static const char *const names[] = {"the output", "the gradient of x", "the gradient of w"};

static const void *result(nw_program *program, int which, nw_shape *shape)
{
    return which == 0   ? nw_program_output(program, "y", shape)
           : which == 1 ? nw_program_diff(program, "x", shape)
                        : nw_program_diff(program, "w", shape);
}

/* The norm of the difference to double precision over the norm. */
static double apart(nw_program *exact, nw_program *other, nw_precision precision, int which)
{
    nw_shape shape;
    const void *x = result(exact, which, &shape), *y = result(other, which, NULL);
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < elements(&shape); i++) {
        double u = get(x, NW_PRECISION_F64, i), v = get(y, precision, i);
        difference += (u - v) * (u - v);
        norm += u * u;
    }
    return sqrt(difference / norm);
}

static int check(const conv_case *c, const char *path)
{
    static const nw_precision precisions[] = {NW_PRECISION_F32, NW_PRECISION_BF16};
    nw_model *model = model_of(c, path);
    nw_program *exact = run(model, NW_PRECISION_F64);
    int wrong = 0;
    for (int p = 0; p < 2; p++) {
        nw_program *program = run(model, precisions[p]);
        for (int which = 0; which < 3; which++) {
            double away = apart(exact, program, precisions[p], which), most = p ? 0.01 : 1e-5;
            if (away <= most) continue;
            print_message("    %d axes, %lld x %lld x %lld, kernel %lld, stride %lld, %s: %s is %.2g away\n",
                          c->axes, (long long)c->dims[0], (long long)c->dims[1], (long long)c->dims[2],
                          (long long)c->kernel, (long long)c->stride, p ? "bf16" : "f32", names[which], away);
            wrong++;
        }
        nw_program_free(program);
    }
    nw_program_free(exact);
    nw_model_unref(model);
    return wrong;
}

static void halves_are_near(void **state)
{
    (void)state;
    char folder[64], path[128];
    temp_folder(folder);
    snprintf(path, sizeof path, "%s/conv.onnx", folder);
    static const int64_t sides[] = {1, 2, 3, 4, 5, 8}, depths[] = {1, 2, 3, 4, 5, 6, 9};
    static const int64_t kinds[][3] = {{3, 1, 1}, {3, 2, 1}, {1, 2, 0}, {1, 1, 0}}; /* kernel, stride, pad */
    int wrong = 0;
    for (size_t kind = 0; kind < 4; kind++)
        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
            for (size_t s = 0; s < sizeof sides / sizeof *sides; s++)
                for (int axes = 2; axes <= 3; axes++) {
                    conv_case c = {.axes = axes,
                                   .dims = {depths[d], axes == 2 ? depths[d] : sides[s], sides[s]},
                                   .kernel = kinds[kind][0],
                                   .stride = kinds[kind][1],
                                   .pad = kinds[kind][2]};
                    wrong += check(&c, path);
                }
    temp_remove(folder);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(halves_are_near)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
