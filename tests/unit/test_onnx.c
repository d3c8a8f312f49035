/* Reading good ONNX files: what is in the graph is what was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "onnx/onnx.h"
#include "support/onnx_writer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DIMS(...) ((const int64_t[]){__VA_ARGS__})

static nw_model *parse(const ow *m)
{
    nw_model *model;
    nw_error err = {0};
    const nw_onnx_options options = {.name = "test.onnx"};
    assert_int_equal(nw_model_new("test.onnx", &model, &err), NW_OK);
    nw_status status = nw_onnx_parse(m->file.data, m->file.size, &options, model, &err);
    if (status != NW_OK) fail_msg("%s", err.message);
    return model;
}

static const nw_tensor *constant(const nw_model *model, const char *name)
{
    int index = nw_graph_find(model->graph, name);
    assert_true(index >= 0);
    assert_non_null(model->graph->values[index].data);
    return model->graph->values[index].data;
}

static void a_small_network(void **state)
{
    (void)state;
    const float w[6] = {1, 2, 3, 4, 5, 6};
    ow m;
    ow_begin(&m, 13);
    ow_import(&m, "com.example", 2);
    ow_input(&m, "x", 4, DIMS(-1, 3, 224, -2));
    ow_input(&m, "w", 4, DIMS(2, 3, 1, 1)); /* listed as an input, as older files do */
    ow_floats(&m, "w", 4, DIMS(2, 3, 1, 1), w);
    ow_node(&m, "Conv", "", "x w", "y");
    ow_attr_ints(&m, "kernel_shape", 2, DIMS(1, 1));
    ow_attr_int(&m, "group", -1);
    ow_attr_text(&m, "auto_pad", "NOTSET");
    ow_attr_float(&m, "alpha", 0.5F);
    ow_attr_floats(&m, "scales", 2, (float[]){1, 2});
    ow_node(&m, "Resize", "up", "y - w", "z");
    ow_node_domain(&m, "ai.onnx");
    ow_node(&m, "Strange", "s", "z", "out");
    ow_node_domain(&m, "com.example");
    ow_output(&m, "out");
    ow_metadata(&m, "narrows.head", "\"softmax\"");
    ow_metadata(&m, "other", "");
    ow_end(&m);
    nw_model *model = parse(&m);
    ow_free(&m);

    assert_int_equal(nw_model_input_count(model), 1);
    assert_string_equal(nw_model_input_name(model, 0), "x");
    assert_int_equal(nw_model_input_rank(model, 0), 4);
    assert_memory_equal(nw_model_input_dims(model, 0), DIMS(-1, 3, 224, -1), 4 * sizeof(int64_t));
    const nw_value *x = &model->graph->values[model->graph->inputs[0]];
    assert_string_equal(x->symbols[0], "N");
    assert_string_equal(x->symbols[3], "N2");
    assert_null(x->symbols[1]);
    assert_int_equal(nw_model_output_count(model), 1);
    assert_string_equal(nw_model_output_name(model, 0), "out");
    assert_null(nw_model_output_name(model, 1));
    assert_string_equal(nw_model_metadata(model, "narrows.head"), "\"softmax\"");
    assert_string_equal(nw_model_metadata(model, "other"), "");
    assert_null(nw_model_metadata(model, "absent"));

    assert_memory_equal(nw_tensor_data_const(constant(model, "w")), w, sizeof w);
    const nw_node *conv = &model->graph->nodes[0], *up = &model->graph->nodes[1],
                  *s = &model->graph->nodes[2];
    assert_string_equal(conv->name, "Conv_y");
    assert_int_equal(conv->opset, 13);
    size_t count;
    assert_int_equal(nw_node_ints(conv, "kernel_shape", &count)[1], 1);
    assert_int_equal(count, 2);
    assert_int_equal(nw_node_int(conv, "group", 1), -1);
    assert_string_equal(nw_node_string(conv, "auto_pad", ""), "NOTSET");
    assert_true(nw_node_float(conv, "alpha", 0) == 0.5F);
    assert_true(nw_node_attr(conv, "scales")->floats[1] == 2);
    assert_int_equal(up->inputs[1], -1);
    assert_string_equal(up->domain, "");
    assert_int_equal(up->opset, 13);
    assert_string_equal(s->domain, "com.example");
    assert_int_equal(s->opset, 2);
    nw_model_unref(model);
}

/* An initializer `t` of these bytes, or of this typed field, as it arrives in the graph. */
static nw_model *with_tensor(ow_buffer *tensor)
{
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 1, DIMS(1));
    ow_message_field(&m.graph, 5, tensor);
    ow_node(&m, "Add", "", "x t", "y");
    ow_output(&m, "y");
    ow_end(&m);
    nw_model *model = parse(&m);
    ow_free(&m);
    return model;
}

static void check_raw(int type, const void *raw, size_t bytes, int64_t count, nw_dtype dtype,
                      const double *expected)
{
    ow_buffer t = ow_tensor_head("t", type, 1, &count);
    ow_bytes_field(&t, 9, raw, bytes);
    nw_model *model = with_tensor(&t);
    const nw_tensor *data = constant(model, "t");
    assert_int_equal(nw_tensor_dtype(data), dtype);
    assert_int_equal(nw_tensor_count(data), count);
    for (int64_t i = 0; i < count; i++) assert_true(nw_tensor_get(data, i) == expected[i]);
    nw_model_unref(model);
}

#define RAW(type, c_type, dtype, n, ...)                                                                     \
    do {                                                                                                     \
        const c_type raw[] = {__VA_ARGS__};                                                                  \
        const double expected[] = {__VA_ARGS__};                                                             \
        check_raw(type, raw, sizeof raw, n, dtype, expected);                                                \
    } while (0)

static void every_type_in_raw_data(void **state)
{
    (void)state;
    RAW(OW_FLOAT, float, NW_F32, 3, 1.5F, -2.25F, 0);
    RAW(OW_DOUBLE, double, NW_F32, 2, 1.5, -1e30F);
    RAW(OW_INT64, int64_t, NW_I64, 2, -1, 1LL << 40);
    RAW(OW_INT32, int32_t, NW_I32, 2, -7, INT32_MAX);
    RAW(OW_INT16, int16_t, NW_I16, 2, -7, INT16_MAX);
    RAW(OW_INT8, int8_t, NW_I8, 2, -128, 127);
    RAW(OW_UINT8, uint8_t, NW_U8, 2, 0, 255);
    RAW(OW_UINT16, uint16_t, NW_U16, 2, 0, UINT16_MAX);
    RAW(OW_UINT32, uint32_t, NW_I64, 2, 0, UINT32_MAX);
    RAW(OW_UINT64, uint64_t, NW_I64, 2, 0, 1ULL << 50);
    check_raw(OW_BOOL, "\0\1\7", 3, 3, NW_BOOL, (double[]){0, 1, 1});
}

static void every_half_as_its_formula_says(void **state)
{
    (void)state;
    for (unsigned h = 0; h < 0x10000; h++) {
        unsigned exponent = h >> 10 & 31, mantissa = h & 0x3ff;
        if (exponent == 31) continue; /* infinite or not a number: refused, see test_onnx_bad.c */
        if (exponent % 5 && mantissa > 4 && mantissa < 1020) continue; /* enough between the ends */
        const uint16_t raw = (uint16_t)h;
        double value = exponent ? ldexp(1024 + mantissa, (int)exponent - 25) : ldexp(mantissa, -24);
        if (h & 0x8000) value = -value;
        check_raw(OW_FLOAT16, &raw, 2, 1, NW_F32, &value);
    }
    const uint16_t bf16[] = {0x3f80, 0xc020, 0x0001};
    check_raw(OW_BFLOAT16, bf16, 6, 3, NW_F32, (double[]){1, -2.5, ldexp(1, -133)});
}

static void check_typed(int type, unsigned field, nw_dtype dtype, const int64_t *values, int64_t count,
                        const double *expected, int packed)
{
    ow_buffer t = ow_tensor_head("t", type, 1, &count), all = {0};
    for (int64_t i = 0; i < count; i++)
        if (packed)
            ow_varint(&all, (uint64_t)values[i]);
        else
            ow_int_field(&t, field, values[i]);
    if (packed) ow_message_field(&t, field, &all);
    nw_model *model = with_tensor(&t);
    const nw_tensor *data = constant(model, "t");
    assert_int_equal(nw_tensor_dtype(data), dtype);
    for (int64_t i = 0; i < count; i++) assert_true(nw_tensor_get(data, i) == expected[i]);
    nw_model_unref(model);
}

static void every_type_in_its_own_field(void **state)
{
    (void)state;
    for (int packed = 0; packed < 2; packed++) {
        check_typed(OW_INT64, 7, NW_I64, DIMS(-1, 1LL << 40), 2, (double[]){-1, (double)(1LL << 40)}, packed);
        check_typed(OW_INT32, 5, NW_I32, DIMS(-1, 70000), 2, (double[]){-1, 70000}, packed);
        check_typed(OW_INT8, 5, NW_I8, DIMS(-128, 127), 2, (double[]){-128, 127}, packed);
        check_typed(OW_UINT8, 5, NW_U8, DIMS(0, 255), 2, (double[]){0, 255}, packed);
        check_typed(OW_BOOL, 5, NW_BOOL, DIMS(0, 1), 2, (double[]){0, 1}, packed);
        check_typed(OW_FLOAT16, 5, NW_F32, DIMS(0x3c00, 0xc000), 2, (double[]){1, -2}, packed);
        check_typed(OW_BFLOAT16, 5, NW_F32, DIMS(0x3f80), 1, (double[]){1}, packed);
        check_typed(OW_UINT32, 11, NW_I64, DIMS(7, UINT32_MAX), 2, (double[]){7, UINT32_MAX}, packed);
    }
    const float floats[40] = {[0] = 1, [39] = -3};
    const double doubles[2] = {0.5, -4};
    ow_buffer t = ow_tensor_head("t", OW_FLOAT, 2, DIMS(8, 5));
    ow_bytes_field(&t, 4, floats, sizeof floats);
    nw_model *model = with_tensor(&t);
    assert_memory_equal(nw_tensor_data_const(constant(model, "t")), floats, sizeof floats);
    nw_model_unref(model);
    t = ow_tensor_head("t", OW_DOUBLE, 1, DIMS(2));
    ow_bytes_field(&t, 10, doubles, sizeof doubles);
    model = with_tensor(&t);
    assert_true(nw_tensor_get(constant(model, "t"), 1) == -4);
    nw_model_unref(model);
}

static void large_weights_are_whole_and_aligned(void **state)
{
    (void)state;
    enum { N = 100003 };
    float *data = malloc(N * sizeof *data);
    assert_non_null(data);
    for (int i = 0; i < N; i++) data[i] = (float)i * 0.25F;
    for (int typed = 0; typed < 2; typed++) {
        ow_buffer t = ow_tensor_head("t", OW_FLOAT, 1, DIMS(N));
        ow_bytes_field(&t, typed ? 4 : 9, data, N * sizeof *data);
        nw_model *model = with_tensor(&t);
        const nw_tensor *got = constant(model, "t");
        assert_memory_equal(nw_tensor_data_const(got), data, N * sizeof *data);
        assert_int_equal((uintptr_t)nw_tensor_data_const(got) % 64, 0);
        nw_model_unref(model);
    }
    free(data);
}

static void empty_and_scalar_tensors(void **state)
{
    (void)state;
    ow_buffer t = ow_tensor_head("t", OW_FLOAT, 1, DIMS(0));
    nw_model *model = with_tensor(&t);
    assert_int_equal(nw_tensor_count(constant(model, "t")), 0);
    nw_model_unref(model);
    t = ow_tensor_head("t", OW_FLOAT, 0, NULL);
    const float two = 2;
    ow_bytes_field(&t, 9, &two, 4);
    model = with_tensor(&t);
    assert_int_equal(nw_tensor_rank(constant(model, "t")), 0);
    assert_true(nw_tensor_get(constant(model, "t"), 0) == 2);
    nw_model_unref(model);
}

static void attributes_of_all_kinds(void **state)
{
    (void)state;
    ow m;
    ow_begin(&m, 13);
    const int32_t value = 42;
    ow_node(&m, "Constant", "c", "", "y");
    ow_attr_tensor(&m, "value", OW_INT32, 0, NULL, &value, 4);
    ow_buffer strings = ow_attr_head("texts", 8);
    ow_text_field(&strings, 9, "one");
    ow_text_field(&strings, 9, "");
    ow_message_field(&m.node, 5, &strings);
    ow_buffer sub = ow_attr_head("body", 5), graph = {0};
    ow_text_field(&graph, 2, "inner");
    ow_message_field(&sub, 6, &graph);
    ow_message_field(&m.node, 5, &sub);
    ow_buffer untyped = ow_attr_head("old", 0);
    ow_int_field(&untyped, 3, 9);
    ow_message_field(&m.node, 5, &untyped);
    ow_output(&m, "y");
    ow_end(&m);
    nw_model *model = parse(&m);
    ow_free(&m);
    const nw_node *node = &model->graph->nodes[0];
    const nw_attr *attr = nw_node_attr(node, "value");
    assert_int_equal(attr->kind, NW_ATTR_TENSOR);
    assert_int_equal(nw_tensor_get_i64(attr->t, 0), 42);
    attr = nw_node_attr(node, "texts");
    assert_int_equal(attr->kind, NW_ATTR_STRINGS);
    assert_int_equal(attr->count, 2);
    assert_string_equal(attr->strings[0], "one");
    assert_string_equal(attr->strings[1], "");
    assert_int_equal(nw_node_attr(node, "body")->kind, NW_ATTR_OTHER);
    assert_int_equal(nw_node_int(node, "old", 0), 9);
    nw_model_unref(model);
}

static void input_dimensions_of_odd_exporters(void **state)
{
    (void)state;
    ow m;
    ow_begin(&m, 13);
    ow_buffer dim = {0}, shape = {0}, tensor = {0}, type = {0}, info = {0};
    ow_int_field(&dim, 1, -1);
    ow_message_field(&shape, 1, &dim);
    ow_message_field(&shape, 1, &dim); /* empty: neither value nor name */
    ow_int_field(&tensor, 1, OW_FLOAT16);
    ow_message_field(&tensor, 2, &shape);
    ow_message_field(&type, 1, &tensor);
    ow_text_field(&info, 1, "x");
    ow_message_field(&info, 2, &type);
    ow_message_field(&m.graph, 11, &info);
    ow_value_info(&m, 11, "free", OW_INT64, -1, NULL);
    ow_node(&m, "Add", "", "x free", "y");
    ow_output(&m, "y");
    ow_end(&m);
    nw_model *model = parse(&m);
    ow_free(&m);
    assert_memory_equal(nw_model_input_dims(model, 0), DIMS(-1, -1), 2 * sizeof(int64_t));
    assert_int_equal(model->graph->values[model->graph->inputs[0]].dtype, NW_F32);
    assert_int_equal(nw_model_input_rank(model, 1), -1);
    assert_null(nw_model_input_dims(model, 1));
    assert_int_equal(model->graph->values[model->graph->inputs[1]].dtype, NW_I64);
    nw_model_unref(model);
}

static void a_tensor_of_its_own(void **state)
{
    (void)state;
    const float values[3] = {1, NAN, 3};
    nw_onnx_options options = {.name = "input_0.pb"};
    nw_tensor *tensor = NULL;
    char *name = NULL;
    nw_error err;
    ow_buffer t = ow_tensor_head("x", OW_FLOAT, 2, DIMS(3, 1));
    ow_bytes_field(&t, 9, values, sizeof values);
    assert_int_equal(nw_onnx_parse_tensor(t.data, t.size, &options, &tensor, &name, &err), NW_BAD_MODEL);
    assert_non_null(strstr(err.message, "input_0.pb: element 1 is not a number"));
    assert_null(tensor);
    assert_null(name);
    options.any_float = true;
    assert_int_equal(nw_onnx_parse_tensor(t.data, t.size, &options, &tensor, &name, &err), NW_OK);
    assert_string_equal(name, "x");
    assert_int_equal(nw_tensor_rank(tensor), 2);
    assert_memory_equal(nw_tensor_data(tensor), values, sizeof values);
    nw_tensor_unref(tensor);
    nw_free(name);
    free(t.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_network),
        cmocka_unit_test(every_type_in_raw_data),
        cmocka_unit_test(every_half_as_its_formula_says),
        cmocka_unit_test(every_type_in_its_own_field),
        cmocka_unit_test(large_weights_are_whole_and_aligned),
        cmocka_unit_test(empty_and_scalar_tensors),
        cmocka_unit_test(attributes_of_all_kinds),
        cmocka_unit_test(input_dimensions_of_odd_exporters),
        cmocka_unit_test(a_tensor_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
