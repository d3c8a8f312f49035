/* ONNX's nine "light" models: well-known architectures whose weights are constants made inside the graph.
 * They must load, run and give the recorded outputs. With weights all alike the output hardly depends on the
 * input (zeros, ones and noise in 0..1 agree to 1e-9 in double precision; eight of the nine end in a softmax
 * over equal logits), so any picture will do; a ramp is used. What is tested is import: opset 9,
 * ConstantOfShape, initializers listed as inputs, Reshape, LRN, Dropout, grouped convolutions, asymmetric
 * padding. */
#include "golden.h"

#include "onnx/onnx.pb-c.h"

#define LIGHT NW_TEST_SHARED "/data/small-models/onnx-light/"

/* The float values of a TensorProto file, to be freed. */
static float *read_output(const char *path, int64_t *count)
{
    uint8_t bytes[65536];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    Onnx__TensorProto *proto = onnx__tensor_proto__unpack(NULL, size, bytes);
    assert_non_null(proto);
    assert_int_equal(proto->data_type, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    *count = 1;
    for (size_t i = 0; i < proto->n_dims; i++) *count *= proto->dims[i];
    assert_in_range(*count, 1, 100000);
    float *values = malloc((size_t)*count * sizeof *values);
    assert_non_null(values);
    if (proto->n_float_data) {
        assert_int_equal(proto->n_float_data, *count);
        memcpy(values, proto->float_data, (size_t)*count * sizeof *values);
    } else {
        assert_int_equal(proto->raw_data.len, (size_t)*count * sizeof *values);
        memcpy(values, proto->raw_data.data, proto->raw_data.len);
    }
    onnx__tensor_proto__free_unpacked(proto, NULL);
    return values;
}

static void light_model_gives_its_output(void **state)
{
    const char *name = *state;
    char path[GOLDEN_PATH];
    golden_path(path, LIGHT "light_%s.onnx", name);
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not here\n", path);
        skip();
    }
    nw_model *model = golden_model(path);
    nw_error err;
    nw_program *program = NULL;
    golden_ok(nw_program_compile(model, NULL, &program, &err), err);
    nw_shape shape;
    assert_int_equal(nw_model_input_count(model), 1);
    float *src = nw_program_input(program, nw_model_input_name(model, 0), &shape);
    int64_t size = golden_count(&shape);
    assert_int_equal(size, 3 * 224 * 224);
    for (int64_t i = 0; i < size; i++) src[i] = (float)i / (float)size;
    golden_ok(nw_program_run(program, &err), err);

    int64_t count = 0;
    golden_path(path, LIGHT "light_%s_output_0.pb", name);
    float *expected = read_output(path, &count);
    const void *dst = nw_program_output(program, nw_model_output_name(model, 0), &shape);
    assert_int_equal(golden_count(&shape), count);
    double worst = golden_compare(name, dst, NW_PRECISION_F32, 0, 1, expected, count,
                                  golden_largest(expected, count), 1e-4);
    print_message("    %s: %.1e of the largest output\n", name, worst);
    free(expected);
    nw_program_free(program);
    nw_model_unref(model);
}

int main(void)
{
    static const char *const names[] = {"bvlc_alexnet", "densenet121", "inception_v1",
                                        "inception_v2", "resnet50",    "shufflenet",
                                        "squeezenet",   "vgg19",       "zfnet512"};
    enum { COUNT = sizeof names / sizeof *names };
    struct CMUnitTest tests[COUNT];
    for (int i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = light_model_gives_its_output,
                                       .initial_state = (void *)(uintptr_t)names[i]};
    return _cmocka_run_group_tests("light models", tests, COUNT, NULL, NULL);
}
