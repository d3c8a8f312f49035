/* The two real classifiers beside the project: outputs and gradients as PyTorch gave them. At the input, what
 * undecided windows of the max-pool see is left out (undecided.h). */
#include "golden.h"
#include "undecided.h"

#define LAYER2 "/layer2/layer2.1/relu_1/Relu_output_0"
#define RELU   "/relu/Relu_output_0" /* before the max-pool */

typedef struct classifier {
    const char *name, *outputs; /* outputs: file with what the model gave */
    int slices, target;
    bool input_grad; /* recorded */
} classifier;

static const classifier covid = {"covid-ct-resnet18s", "logits", 3, 1, true};
static const classifier severity = {"ct-severity-resnet18s", "output", 2, 0, false};

static nw_tensor *part(const classifier *c, int slice, const char *key)
{
    char path[GOLDEN_PATH];
    golden_path(path, NW_TEST_SHARED "/golden/%s/slice%d.%s.npy", c->name, slice, key);
    return golden_npy(path);
}

static void compare(const char *what, const void *values, const nw_shape *shape, nw_tensor *expected,
                    double absolute, double relative)
{
    int64_t count = nw_tensor_count(expected);
    const float *wanted = nw_tensor_data_const(expected);
    assert_non_null(values);
    assert_int_equal(golden_count(shape), count);
    double largest = golden_largest(wanted, count);
    double worst = golden_compare(what, values, NW_PRECISION_F32, 0, 1, wanted, count, largest,
                                  absolute > 0 ? absolute / largest : relative);
    print_message("    %s: %.1e of the largest magnitude\n", what, worst);
    nw_tensor_unref(expected);
}

/* What the windows of the max-pool decide beyond doubt has to agree; the rest is set to the expected value.
 */
static void compare_input(nw_program *program, const float *input_grad, const nw_shape *shape,
                          nw_tensor *expected)
{
    nw_shape relu_shape;
    const float *relu = nw_program_output(program, RELU, &relu_shape);
    const float *wanted = nw_tensor_data_const(expected);
    int64_t count = golden_count(&relu_shape);
    double *values = malloc((size_t)count * sizeof *values);
    static bool mask[SIDE * SIDE];
    static float decided[SIDE * SIDE];
    assert_non_null(values);
    assert_int_equal(golden_count(shape), SIDE * SIDE);
    for (int64_t i = 0; i < count; i++) values[i] = (double)relu[i];
    double share = mask_undecided(values, &relu_shape, mask);
    free(values);
    assert_true(share < 0.6);
    print_message("    %.0f %% of the input lie in flat places\n", 100 * share);
    for (int i = 0; i < SIDE * SIDE; i++) decided[i] = mask[i] ? wanted[i] : input_grad[i];
    compare("d input", decided, shape, expected, 0, 1e-4);
}

static void agrees(const classifier *c)
{
    char path[GOLDEN_PATH];
    golden_path(path, NW_TEST_SHARED "/models/%s.onnx", c->name);
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not here\n", path);
        skip();
    }
    nw_model *model = golden_model(path);
    nw_error err;
    nw_program *program = NULL;
    const char *output = nw_model_output_name(model, 0), *input = nw_model_input_name(model, 0);
    const char *outputs[3] = {output, LAYER2, RELU}, *diffs[2] = {input, LAYER2};
    nw_program_options options = {.outputs = outputs, .output_count = 3, .diffs = diffs, .diff_count = 2};
    golden_ok(nw_program_compile(model, &options, &program, &err), err);
    for (int slice = 0; slice < c->slices; slice++) {
        nw_shape shape;
        nw_tensor *src = part(c, slice, "input");
        float *dst = nw_program_input(program, input, &shape);
        assert_int_equal(golden_count(&shape), nw_tensor_count(src));
        memcpy(dst, nw_tensor_data_const(src), (size_t)nw_tensor_count(src) * sizeof *dst);
        nw_tensor_unref(src);
        golden_ok(nw_program_run(program, &err), err);
        const void *values = nw_program_output(program, output, &shape);
        compare("output", values, &shape, part(c, slice, c->outputs), 1e-4, 0);
        if (c->input_grad) {
            values = nw_program_output(program, LAYER2, &shape);
            compare("layer2", values, &shape, part(c, slice, "layer2"), 0, 1e-4);
        }
        float *diff = nw_program_diff_output(program, output);
        assert_non_null(diff);
        diff[c->target] = 1;
        golden_ok(nw_program_backward(program, &err), err);
        values = nw_program_diff(program, LAYER2, &shape);
        compare("d layer2", values, &shape, part(c, slice, "layer2.grad"), 0, 1e-4);
        if (c->input_grad) {
            values = nw_program_diff(program, input, &shape);
            compare_input(program, values, &shape, part(c, slice, "input.grad"));
        }
    }
    nw_program_free(program);
    nw_model_unref(model);
}

static void covid_agrees(void **state)
{
    (void)state;
    agrees(&covid);
}

static void severity_agrees(void **state)
{
    (void)state;
    agrees(&severity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(covid_agrees), cmocka_unit_test(severity_agrees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
