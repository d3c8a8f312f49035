/* Reading bad ONNX files: each is refused with the right status and a message that names the file, the place
 * and where possible the way out. Leaks and bad reads show in a build with sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "onnx/onnx.h"
#include "support/onnx_writer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DIMS(...) ((const int64_t[]){__VA_ARGS__})

static nw_status try_bytes(const void *bytes, size_t size, nw_error *err)
{
    nw_model *model;
    const nw_onnx_options options = {.name = "bad.onnx"};
    /* A block of just that size: the sanitizers see what is read behind it. */
    unsigned char *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    assert_int_equal(nw_model_new("bad.onnx", &model, err), NW_OK);
    err->message[0] = 0;
    nw_status status = nw_onnx_parse(exact, size, &options, model, err);
    nw_model_unref(model);
    free(exact);
    return status;
}

static void check_bytes(const void *bytes, size_t size, nw_status status, const char *message)
{
    nw_error err;
    nw_status got = try_bytes(bytes, size, &err);
    if (got != status || strncmp(err.message, "bad.onnx: ", 10) != 0 || !strstr(err.message, message))
        fail_msg("status %d, wanted %d with '%s': %s", (int)got, (int)status, message, err.message);
}

/* Ends the model, wants it refused so, and releases it. */
static void refuse(ow *m, nw_status status, const char *message)
{
    ow_end(m);
    check_bytes(m->file.data, m->file.size, status, message);
    ow_free(m);
}

/* A model of one node that is right, to be spoilt. */
static void begin(ow *m)
{
    ow_begin(m, 13);
    ow_input(m, "x", 2, DIMS(1, 4));
}

static void end(ow *m)
{
    ow_node(m, "Add", "sum", "x w", "y");
    ow_output(m, "y");
}

static void refuse_tensor(ow_buffer *tensor, nw_status status, const char *message)
{
    ow m;
    begin(&m);
    ow_message_field(&m.graph, 5, tensor);
    end(&m);
    refuse(&m, status, message);
}

static void what_is_not_onnx(void **state)
{
    (void)state;
    check_bytes("", 0, NW_BAD_MODEL, "is empty");
    const char *text = "This is a text, and not an ONNX model at all.\n";
    check_bytes(text, strlen(text), NW_BAD_MODEL, "not an ONNX model");
    const unsigned char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0";
    check_bytes(png, sizeof png - 1, NW_BAD_MODEL, "not an ONNX model");
    const unsigned char jpeg[] = "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1";
    check_bytes(jpeg, sizeof jpeg - 1, NW_BAD_MODEL, "not an ONNX model");
    check_bytes("PK\3\4\x14\0\0\0", 8, NW_BAD_MODEL, "not an ONNX model");
    unsigned char zeros[4096] = {0};
    check_bytes(zeros, sizeof zeros, NW_BAD_MODEL, "not an ONNX model");
    ow_buffer b = {0}; /* a model without a graph */
    ow_int_field(&b, 1, 8);
    check_bytes(b.data, b.size, NW_BAD_MODEL, "holds no graph");
    free(b.data);
}

static void good_model(ow *m)
{
    float w[400];
    for (int i = 0; i < 400; i++) w[i] = (float)i;
    ow_begin(m, 13);
    ow_input(m, "x", 2, DIMS(-1, 100));
    ow_floats(m, "w", 2, DIMS(100, 4), w);
    ow_node(m, "MatMul", "fc", "x w", "h");
    ow_node(m, "Relu", "act", "h", "y");
    ow_output(m, "y");
    ow_metadata(m, "narrows.head", "\"softmax\"");
    ow_end(m);
}

static void a_file_that_is_cut_off(void **state)
{
    (void)state;
    ow m;
    good_model(&m);
    nw_error err;
    assert_int_equal(try_bytes(m.file.data, m.file.size, &err), NW_OK);
    for (size_t tenth = 1; tenth < 10; tenth++)
        check_bytes(m.file.data, m.file.size * tenth / 10, NW_BAD_MODEL, "cut off");
    ow_free(&m);
}

/* Cut anywhere and with any byte spoilt: never more than an error. */
static void any_length_and_any_byte(void **state)
{
    (void)state;
    ow m;
    good_model(&m);
    nw_error err;
    for (size_t n = 0; n < m.file.size; n++) {
        nw_status status = try_bytes(m.file.data, n, &err);
        assert_true(status == NW_OK || strlen(err.message) > 10);
    }
    for (size_t i = 0; i < m.file.size; i++)
        for (int bit = 0; bit < 8; bit++) {
            m.file.data[i] ^= (unsigned char)(1 << bit);
            nw_status status = try_bytes(m.file.data, m.file.size, &err);
            assert_true(status == NW_OK || strlen(err.message) > 10);
            m.file.data[i] ^= (unsigned char)(1 << bit);
        }
    ow_free(&m);
}

static void deep_nesting(void **state)
{
    (void)state;
    /* Subgraphs in attributes of nodes of subgraphs, 50000 deep: unpacking them would use up the stack. */
    size_t depth = 50000, most = depth * 40;
    unsigned char *bytes = malloc(most), *p = bytes + most;
    assert_non_null(bytes);
    for (size_t j = depth; j-- > 0;) { /* from the inside out: graph, node, attribute, graph, ... */
        ow_buffer head = {0};
        ow_varint(&head, (j == 0 ? 7U : j % 3 == 1 ? 1U : j % 3 == 2 ? 5U : 6U) << 3 | 2);
        ow_varint(&head, (uint64_t)(bytes + most - p));
        p -= head.size;
        memcpy(p, head.data, head.size);
        free(head.data);
    }
    size_t length = (size_t)(bytes + most - p);
    check_bytes(p, length, NW_BAD_MODEL, "inside one another");
    free(bytes);
}

static void small_files_that_unpack_to_much(void **state)
{
    (void)state;
    ow m;
    ow_begin(&m, 13);
    for (int i = 0; i < 1000000; i++) ow_raw(&m.graph, "\x0a\0", 2); /* empty nodes */
    refuse(&m, NW_BAD_MODEL, "would unpack to more than");
}

static void parts_given_twice(void **state)
{
    (void)state;
    ow m;
    good_model(&m);
    ow_buffer graph = {0};
    ow_text_field(&graph, 2, "again");
    ow_message_field(&m.file, 7, &graph);
    check_bytes(m.file.data, m.file.size, NW_BAD_MODEL, "given twice");
    ow_free(&m);
}

static void graphs_that_make_no_sense(void **state)
{
    (void)state;
    ow m;
    begin(&m);
    ow_node(&m, "Add", "a", "x c", "b");
    ow_node(&m, "Relu", "r", "b", "c");
    ow_output(&m, "c");
    refuse(&m, NW_BAD_MODEL, "node 1 'r' (Relu): the graph is cyclic");

    begin(&m);
    end(&m);
    refuse(&m, NW_BAD_MODEL, "node 0 'sum' (Add): its input 'w' is made by no node");

    begin(&m);
    ow_floats(&m, "w", 1, DIMS(1), (float[]){1});
    ow_node(&m, "Relu", "twice", "x", "y");
    end(&m);
    refuse(&m, NW_BAD_MODEL, "node 1 'sum' (Add): its output 'y' is also an output of node 0 'twice' (Relu)");

    begin(&m);
    ow_floats(&m, "w", 1, DIMS(1), (float[]){1});
    ow_node(&m, "Relu", "over", "x", "w");
    end(&m);
    refuse(&m, NW_BAD_MODEL, "node 0 'over' (Relu): its output 'w' is also an initializer");

    begin(&m);
    ow_floats(&m, "w", 1, DIMS(1), (float[]){1});
    ow_floats(&m, "w", 1, DIMS(1), (float[]){2});
    end(&m);
    refuse(&m, NW_BAD_MODEL, "initializer 'w' is given twice");

    begin(&m);
    ow_node(&m, "Relu", "", "x", "y");
    ow_output(&m, "z");
    refuse(&m, NW_BAD_MODEL, "output 'z' of the graph is made by no node");

    begin(&m);
    ow_node(&m, "Relu", "", "x", "y");
    refuse(&m, NW_BAD_MODEL, "has no outputs");

    begin(&m);
    ow_input(&m, "x", 1, DIMS(1));
    refuse(&m, NW_BAD_MODEL, "input 'x' is listed twice");

    begin(&m);
    ow_node(&m, "", "anonymous", "x", "y");
    ow_output(&m, "y");
    refuse(&m, NW_BAD_MODEL, "node 0 'anonymous' has no operator");

    begin(&m);
    ow_node(&m, "Relu", "r", "x", "y");
    ow_attr_int(&m, "a", 1);
    ow_attr_int(&m, "a", 2);
    ow_output(&m, "y");
    refuse(&m, NW_BAD_MODEL, "node 0 'r' (Relu): attribute 'a' is given twice");

    begin(&m);
    ow_node(&m, "Relu", "r", "x", "y");
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "a%d", i);
        ow_attr_int(&m, name, i);
    }
    ow_output(&m, "y");
    refuse(&m, NW_BAD_MODEL, "node 0 'r' (Relu): has more than 256 attributes");

    ow_begin(&m, 13);
    ow_import(&m, "other", -3);
    refuse(&m, NW_BAD_MODEL, "version -3 of operator set 'other' is impossible");
}

static void what_is_not_supported(void **state)
{
    (void)state;
    ow m;
    begin(&m);
    ow_buffer sparse = {0};
    ow_int_field(&sparse, 3, 4);
    ow_message_field(&m.graph, 15, &sparse);
    refuse(&m, NW_UNSUPPORTED, "sparse initializers");

    ow_begin(&m, 13);
    ow_buffer type = {0}, sequence = {0}, info = {0};
    ow_message_field(&type, 4, &sequence);
    ow_text_field(&info, 1, "list");
    ow_message_field(&info, 2, &type);
    ow_message_field(&m.graph, 11, &info);
    refuse(&m, NW_UNSUPPORTED, "input 'list': is a sequence");

    ow_begin(&m, 13);
    ow_value_info(&m, 11, "words", OW_STRING, 1, DIMS(1));
    refuse(&m, NW_UNSUPPORTED, "input 'words': tensors of strings");

    ow_begin(&m, 13);
    ow_input(&m, "x", 9, DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1));
    refuse(&m, NW_UNSUPPORTED, "input 'x': has 9 dimensions");

    ow_buffer t = ow_tensor_head("w", OW_COMPLEX64, 1, DIMS(1));
    refuse_tensor(&t, NW_UNSUPPORTED, "initializer 'w': complex");
    t = ow_tensor_head("w", 99, 1, DIMS(1));
    refuse_tensor(&t, NW_UNSUPPORTED, "initializer 'w': element type 99");
    t = ow_tensor_head("w", OW_FLOAT, 9, DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1));
    refuse_tensor(&t, NW_UNSUPPORTED, "initializer 'w': has 9 dimensions");
    t = ow_tensor_head("w", OW_UINT64, 1, DIMS(1));
    ow_bytes_field(&t, 9, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    refuse_tensor(&t, NW_UNSUPPORTED, "initializer 'w': element 0 is 18446744073709551615");
    t = ow_tensor_head("w", OW_FLOAT, 1, DIMS(1));
    ow_buffer segment = {0};
    ow_int_field(&segment, 1, 0);
    ow_message_field(&t, 3, &segment);
    refuse_tensor(&t, NW_UNSUPPORTED, "initializer 'w': is stored in segments");
}

static void shapes_that_do_not_fit_the_data(void **state)
{
    (void)state;
    const float four[4] = {1, 2, 3, 4};
    ow_buffer t = ow_tensor_head("w", OW_FLOAT, 2, DIMS(2, 3));
    ow_bytes_field(&t, 9, four, sizeof four);
    refuse_tensor(&t, NW_BAD_MODEL, "initializer 'w': its shape [2, 3] needs 24 bytes, its data has 16");
    t = ow_tensor_head("w", OW_FLOAT, 1, DIMS(4));
    ow_bytes_field(&t, 9, four, 15);
    refuse_tensor(&t, NW_BAD_MODEL, "needs 16 bytes, its data has 15");
    t = ow_tensor_head("w", OW_FLOAT, 1, DIMS(5));
    ow_bytes_field(&t, 4, four, sizeof four);
    refuse_tensor(&t, NW_BAD_MODEL, "needs 5 elements, its data has 4");
    t = ow_tensor_head("w", OW_INT64, 1, DIMS(2));
    ow_bytes_field(&t, 4, four, sizeof four); /* the field of another type */
    refuse_tensor(&t, NW_BAD_MODEL, "needs 2 elements, its data has 0");
    t = ow_tensor_head("w", OW_FLOAT, 1, DIMS(-4));
    ow_bytes_field(&t, 9, four, sizeof four);
    refuse_tensor(&t, NW_BAD_MODEL, "its shape [-4] is negative or overflows");
    t = ow_tensor_head("w", OW_UINT8, 1, DIMS(1));
    ow_int_field(&t, 5, 256);
    refuse_tensor(&t, NW_BAD_MODEL, "element 0 is 256, out of range for uint8");
    t = ow_tensor_head("w", 0, 1, DIMS(1));
    refuse_tensor(&t, NW_BAD_MODEL, "initializer 'w': has no element type");
    t = ow_tensor_head("", OW_FLOAT, 1, DIMS(0));
    refuse_tensor(&t, NW_BAD_MODEL, "initializer 0 has no name");

    ow m;
    begin(&m);
    ow_node(&m, "Constant", "c", "", "w");
    ow_attr_tensor(&m, "value", OW_FLOAT, 1, DIMS(3), four, sizeof four);
    end(&m);
    refuse(&m, NW_BAD_MODEL, "node 0 'c' (Constant): attribute 'value': its shape [3] needs 12 bytes");
}

/* Would be 64 GiB, or 2^63 elements and more: refused by what is in the file, before memory is asked for. */
static void sizes_that_are_gigantic(void **state)
{
    (void)state;
    for (int typed = 0; typed < 2; typed++) {
        ow_buffer t = ow_tensor_head("w", OW_FLOAT, 2, DIMS(131072, 131072));
        ow_bytes_field(&t, typed ? 4 : 9, "\0\0\0\0", 4);
        refuse_tensor(&t, NW_BAD_MODEL, "initializer 'w': its shape [131072, 131072] needs");
        t = ow_tensor_head("w", OW_FLOAT, 3, DIMS(INT64_C(1) << 32, INT64_C(1) << 32, 4));
        ow_bytes_field(&t, typed ? 4 : 9, "\0\0\0\0", 4);
        refuse_tensor(&t, NW_BAD_MODEL, "is negative or overflows");
        t = ow_tensor_head("w", OW_FLOAT, 3, DIMS(0, INT64_MAX, INT64_MAX));
        refuse_tensor(&t, NW_BAD_MODEL, "is negative or overflows");
        t = ow_tensor_head("w", OW_DOUBLE, 1, DIMS(INT64_MAX));
        ow_bytes_field(&t, typed ? 10 : 9, "\0\0\0\0\0\0\0\0", 8);
        refuse_tensor(&t, NW_BAD_MODEL, "initializer 'w': its shape [9223372036854775807]");
    }
    /* A length that runs beyond the file, with a number that would wrap a pointer. */
    check_bytes("\x3a\xff\xff\xff\xff\x0f", 6, NW_BAD_MODEL, "longer than the bytes that are left");
}

static void weights_that_are_not_finite(void **state)
{
    (void)state;
    const float bad[3] = {NAN, INFINITY, -INFINITY};
    float data[10000] = {0};
    for (int i = 0; i < 3; i++) {
        /* At the end, in a block, and behind the blocks. */
        const int places[3] = {9999, 5000, 0};
        data[places[i]] = bad[i];
        ow_buffer t = ow_tensor_head("w", OW_FLOAT, 2, DIMS(100, 100));
        ow_bytes_field(&t, i == 1 ? 4 : 9, data, sizeof data);
        char message[64];
        snprintf(message, sizeof message, "initializer 'w': element %d is %s", places[i],
                 i ? "infinite" : "not a number (NaN)");
        refuse_tensor(&t, NW_BAD_MODEL, message);
        data[places[i]] = 0;
    }
    const uint16_t half = 0x7c00, nan_half = 0xfe00;
    ow_buffer t = ow_tensor_head("w", OW_FLOAT16, 1, DIMS(1));
    ow_bytes_field(&t, 9, &half, 2);
    refuse_tensor(&t, NW_BAD_MODEL, "initializer 'w': element 0 is infinite");
    t = ow_tensor_head("w", OW_FLOAT16, 1, DIMS(1));
    ow_bytes_field(&t, 9, &nan_half, 2);
    refuse_tensor(&t, NW_BAD_MODEL, "initializer 'w': element 0 is not a number");
    const double large = 1e300; /* finite, but not as float32 */
    t = ow_tensor_head("w", OW_DOUBLE, 1, DIMS(1));
    ow_bytes_field(&t, 9, &large, 8);
    refuse_tensor(&t, NW_BAD_MODEL, "initializer 'w': element 0 is infinite");
    ow m;
    begin(&m);
    ow_node(&m, "Constant", "c", "", "w");
    ow_attr_tensor(&m, "value", OW_FLOAT, 0, NULL, bad, 4);
    end(&m);
    refuse(&m, NW_BAD_MODEL, "node 0 'c' (Constant): attribute 'value': element 0 is not a number");
}

static void external_data_without_a_folder(void **state)
{
    (void)state;
    ow m;
    begin(&m);
    ow_external(&m, "w", OW_FLOAT, 1, DIMS(4), "w.bin", NULL, NULL);
    end(&m);
    refuse(&m, NW_BAD_MODEL, "initializer 'w': its data is in another file ('w.bin')");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_onnx),
        cmocka_unit_test(a_file_that_is_cut_off),
        cmocka_unit_test(any_length_and_any_byte),
        cmocka_unit_test(deep_nesting),
        cmocka_unit_test(small_files_that_unpack_to_much),
        cmocka_unit_test(parts_given_twice),
        cmocka_unit_test(graphs_that_make_no_sense),
        cmocka_unit_test(what_is_not_supported),
        cmocka_unit_test(shapes_that_do_not_fit_the_data),
        cmocka_unit_test(sizes_that_are_gigantic),
        cmocka_unit_test(weights_that_are_not_finite),
        cmocka_unit_test(external_data_without_a_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
