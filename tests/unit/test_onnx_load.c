/* Loading models from disk: external data, sidecar, digest, operators, files that are not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "graph/model.h"
#include "support/onnx_files.h"
#include "support/onnx_writer.h"

#include <dirent.h>
#include <math.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

#define DIMS(...) ((const int64_t[]){__VA_ARGS__})

static folder work;

static int set_up(void **state)
{
    (void)state;
    folder_make(&work);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(&work);
    return 0;
}

/* "x w -> MatMul -> y" with opset 13; the caller adds w. */
static void begin(ow *m)
{
    ow_begin(m, 13);
    ow_input(m, "x", 2, DIMS(-1, 2));
}

static void end(ow *m, const char *file)
{
    ow_node(m, "MatMul", "fc", "x w", "y");
    ow_output(m, "y");
    ow_end(m);
    assert_int_equal(ow_save(m, folder_file(&work, file)), 0);
    ow_free(m);
}

static void save_good(const char *file)
{
    ow m;
    begin(&m);
    ow_floats(&m, "w", 2, DIMS(2, 2), (float[]){1, 2, 3, 4});
    ow_metadata(&m, "narrows.head", "\"sigmoid\"");
    ow_metadata(&m, "author", "nobody");
    end(&m, file);
}

static nw_model *load(const char *file)
{
    nw_model *model;
    nw_error err;
    if (nw_model_load(folder_file(&work, file), NULL, &model, &err) != NW_OK) fail_msg("%s", err.message);
    return model;
}

static void refuse_with(const char *file, const nw_load_options *options, nw_status status,
                        const char *message)
{
    nw_model *model = (nw_model *)&work; /* must stay as it was */
    nw_error err = {0};
    nw_status got = nw_model_load(folder_file(&work, file), options, &model, &err);
    if (got != status || !strstr(err.message, message))
        fail_msg("status %d, wanted %d with '%s': %s", (int)got, (int)status, message, err.message);
    assert_ptr_equal(model, &work);
    assert_int_equal(nw_model_load(folder_file(&work, file), options, &model, NULL), status);
    if (!strstr(err.message, work.path)) fail_msg("names no file: %s", err.message);
}

static void refuse(const char *file, nw_status status, const char *message)
{
    refuse_with(file, NULL, status, message);
}

static void files_that_are_no_models(void **state)
{
    (void)state;
    refuse("absent.onnx", NW_IO, "No such file");
    refuse("", NW_BAD_MODEL, "is a folder");
    folder_write(&work, "empty.onnx", "", 0);
    refuse("empty.onnx", NW_BAD_MODEL, "is empty");
    folder_write(&work, "text.onnx", "hello, world", 12);
    refuse("text.onnx", NW_BAD_MODEL, "not an ONNX model");
    save_good("good.onnx");
    refuse_with("good.onnx", &(nw_load_options){.max_bytes = 20}, NW_BAD_MODEL,
                "larger than the limit of 20");
}

static void digest_of(const void *const *parts, const size_t *sizes, int count, char text[65])
{
    struct sha256_ctx sha;
    uint8_t sum[32];
    sha256_init(&sha);
    for (int i = 0; i < count; i++) sha256_update(&sha, sizes[i], parts[i]);
    sha256_digest(&sha, sizeof sum, sum);
    for (int i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", sum[i]);
}

static size_t read_whole(const char *file, unsigned char *data, size_t most)
{
    FILE *in = fopen(folder_file(&work, file), "rb");
    assert_non_null(in);
    size_t n = fread(data, 1, most, in);
    fclose(in);
    return n;
}

static void a_model_and_its_digest(void **state)
{
    (void)state;
    save_good("good.onnx");
    nw_model *model = load("good.onnx");
    assert_string_equal(nw_model_path(model), folder_file(&work, "good.onnx"));
    assert_string_equal(nw_model_metadata(model, "narrows.head"), "\"sigmoid\"");
    assert_string_equal(model->graph->nodes[0].name, "fc");
    assert_non_null(model->graph->nodes[0].op);
    unsigned char bytes[4096];
    size_t size = read_whole("good.onnx", bytes, sizeof bytes);
    char expected[65];
    digest_of((const void *[]){bytes}, &size, 1, expected);
    assert_string_equal(nw_model_digest(model), expected);
    assert_ptr_equal(nw_model_ref(model), model);
    nw_model_unref(model);
    assert_string_equal(nw_model_digest(model), expected);
    nw_model_unref(model);
    nw_model_unref(NULL);
}

static void data_beside_the_model(void **state)
{
    (void)state;
    const float data[6] = {0, 0, 1, 2, 3, 4};
    const uint16_t halves[4] = {0x3c00, 0x4000, 0x4200, 0x4400};
    folder_write(&work, "w.bin", data, sizeof data);
    folder_write(&work, "half.bin", halves, sizeof halves);
    ow m;
    begin(&m);
    ow_external(&m, "w", OW_FLOAT, 2, DIMS(2, 2), "w.bin", "8", "16");
    ow_external(&m, "h", OW_FLOAT16, 1, DIMS(4), "./half.bin", NULL, NULL);
    end(&m, "external.onnx");
    nw_model *model = load("external.onnx");
    for (int i = 0; i < 2; i++) {
        const nw_value *v = &model->graph->values[nw_graph_find(model->graph, i ? "h" : "w")];
        assert_memory_equal(nw_tensor_data(v->data), data + 2, 16);
    }
    unsigned char bytes[4096];
    char expected[65];
    size_t size = read_whole("external.onnx", bytes, sizeof bytes);
    digest_of((const void *[]){bytes, data + 2, halves}, (size_t[]){size, 16, 8}, 3, expected);
    assert_string_equal(nw_model_digest(model), expected);
    nw_model_unref(model);
    refuse_with("external.onnx", &(nw_load_options){.max_bytes = size + 20}, NW_BAD_MODEL,
                "external data is larger than the limit");
}

static void refuse_external(const char *location, const char *offset, const char *length, nw_status status,
                            const char *message)
{
    ow m;
    begin(&m);
    ow_external(&m, "w", OW_FLOAT, 2, DIMS(2, 2), location, offset, length);
    end(&m, "external.onnx");
    refuse("external.onnx", status, message);
    refuse("external.onnx", status, "initializer 'w': ");
}

static void external_data_that_is_wrong(void **state)
{
    (void)state;
    const float data[6] = {0, 0, 1, 2, 3, 4};
    folder_write(&work, "w.bin", data, sizeof data);
    refuse_external("absent.bin", NULL, NULL, NW_IO, "absent.bin', which cannot be opened: No such file");
    refuse_external(NULL, NULL, NULL, NW_BAD_MODEL, "no file is named");
    refuse_external("w.bin", "12", "16", NW_BAD_MODEL, "bytes 12 to 28 of 'w.bin', which has only 24");
    refuse_external("w.bin", "9223372036854775807", "16", NW_BAD_MODEL, "which has only 24");
    refuse_external("w.bin", "9223372036854775808", NULL, NW_BAD_MODEL, "the offset '9223372036854775808'");
    refuse_external("w.bin", "99999999999999999999", NULL, NW_BAD_MODEL, "the offset '99999999999999999999'");
    refuse_external("w.bin", "-8", NULL, NW_BAD_MODEL, "the offset '-8'");
    refuse_external("w.bin", "0x8", NULL, NW_BAD_MODEL, "the offset '0x8'");
    refuse_external("w.bin", "", NULL, NW_BAD_MODEL, "the offset ''");
    refuse_external("w.bin", "0", "12", NW_BAD_MODEL, "needs 16 bytes, its external data has 12");
    assert_int_equal(mkdir(folder_file(&work, "sub"), 0777), 0);
    refuse_external("sub", NULL, NULL, NW_BAD_MODEL, "not a regular file");

    ow m;
    begin(&m); /* gigantic: 4 EiB in a file of 24 bytes */
    ow_external(&m, "w", OW_FLOAT, 2, DIMS(INT64_C(1) << 30, INT64_C(1) << 30), "w.bin", NULL, NULL);
    end(&m, "gigantic.onnx");
    refuse("gigantic.onnx", NW_BAD_MODEL, "which has only 24");
}

static void external_data_that_leaves_the_folder(void **state)
{
    (void)state;
    const float data[4] = {1, 2, 3, 4};
    assert_int_equal(mkdir(folder_file(&work, "inner"), 0777), 0);
    folder_write(&work, "secret.bin", data, sizeof data);
    const char *absolute = strdup(folder_file(&work, "secret.bin"));
    const char *locations[] = {
        absolute, "../secret.bin", "a/../../secret.bin", "..", "inner/..", "..\\secret.bin", ""};
    for (size_t i = 0; i < sizeof locations / sizeof *locations; i++) {
        ow m;
        begin(&m);
        ow_external(&m, "w", OW_FLOAT, 2, DIMS(2, 2), locations[i], NULL, NULL);
        end(&m, "inner/m.onnx");
        refuse("inner/m.onnx", NW_BAD_MODEL, "outside the model's folder, which is refused");
    }
    free((char *)absolute);

    /* A link out of the folder is refused as well, ... */
    char link[1024];
    snprintf(link, sizeof link, "%s/inner/w.bin", work.path);
    assert_int_equal(symlink("../secret.bin", link), 0);
    ow m;
    begin(&m);
    ow_external(&m, "w", OW_FLOAT, 2, DIMS(2, 2), "w.bin", NULL, NULL);
    end(&m, "inner/m.onnx");
    refuse("inner/m.onnx", NW_BAD_MODEL, "a link out of the model's folder");
    /* ... but not where the model is a link into the same place. */
    char from[1024];
    snprintf(from, sizeof from, "%s/inner/m.onnx", work.path);
    assert_int_equal(rename(from, folder_file(&work, "blob")), 0);
    assert_int_equal(symlink("../blob", from), 0);
    nw_model_unref(load("inner/m.onnx"));
    /* A name that only begins like the folder's. */
    assert_int_equal(mkdir(folder_file(&work, "inner2"), 0777), 0);
    folder_write(&work, "inner2/s.bin", data, sizeof data);
    assert_int_equal(remove(link), 0);
    assert_int_equal(symlink("../inner2/s.bin", link), 0);
    assert_int_equal(remove(from), 0);
    begin(&m);
    ow_external(&m, "w", OW_FLOAT, 2, DIMS(2, 2), "w.bin", NULL, NULL);
    end(&m, "inner/m.onnx");
    refuse("inner/m.onnx", NW_BAD_MODEL, "a link out of the model's folder");
}

static void operators_that_are_not_there(void **state)
{
    (void)state;
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 1, DIMS(4));
    ow_node(&m, "MatMul", "fine", "x x", "a");
    ow_node(&m, "Telepathy", "mind", "a", "b");
    ow_node(&m, "Telepathy", "again", "b", "c");
    ow_node(&m, "MatMul", "foreign", "c c", "y");
    ow_node_domain(&m, "com.example");
    ow_output(&m, "y");
    ow_end(&m);
    assert_int_equal(ow_save(&m, folder_file(&work, "odd.onnx")), 0);
    ow_free(&m);
    refuse("odd.onnx", NW_UNSUPPORTED,
           "odd.onnx: node 1 'mind' (Telepathy): the operator is not supported, nor are those of 2 other "
           "nodes (Telepathy, MatMul) (`narrows ops`");

    ow_begin(&m, 13);
    ow_import(&m, "com.example", 1);
    ow_input(&m, "x", 1, DIMS(4));
    ow_node(&m, "MatMul", "", "x x", "y");
    ow_node_domain(&m, "com.example");
    ow_output(&m, "y");
    ow_end(&m);
    assert_int_equal(ow_save(&m, folder_file(&work, "odd.onnx")), 0);
    ow_free(&m);
    refuse("odd.onnx", NW_UNSUPPORTED,
           "node 0 'MatMul_y' (MatMul): the operator of domain com.example is not");

    ow_begin(&m, 6);
    ow_input(&m, "x", 2, DIMS(4, 4));
    ow_node(&m, "Gemm", "old", "x x x", "y");
    ow_output(&m, "y");
    ow_end(&m);
    assert_int_equal(ow_save(&m, folder_file(&work, "odd.onnx")), 0);
    ow_free(&m);
    refuse("odd.onnx", NW_UNSUPPORTED,
           "node 0 'old' (Gemm): the operator is not supported as opset 6 defines it; export the model with "
           "opset 7");

    ow_begin(&m, 0);
    ow_input(&m, "x", 2, DIMS(4, 4));
    ow_node(&m, "MatMul", "unversioned", "x x", "y");
    ow_output(&m, "y");
    ow_end(&m);
    assert_int_equal(ow_save(&m, folder_file(&work, "odd.onnx")), 0);
    ow_free(&m);
    refuse("odd.onnx", NW_BAD_MODEL, "node 0 'unversioned' (MatMul): the model does not say which version");
}

static void a_sidecar_overrides_the_file(void **state)
{
    (void)state;
    save_good("m.onnx");
    const char *json = "{ \"head\": \"softmax\", \"input\": {\"mean\": [0.5, 1],\n \"size\": 224},\n"
                       "  \"classes\": [\"a\", \"\\u00e9\"], \"narrows.bottleneck\": null }";
    folder_write(&work, "m.json", json, strlen(json));
    nw_model *model = load("m.onnx");
    assert_string_equal(nw_model_metadata(model, "narrows.head"), "\"softmax\"");
    assert_string_equal(nw_model_metadata(model, "narrows.input"), "{\"mean\":[0.5,1],\"size\":224}");
    assert_string_equal(nw_model_metadata(model, "narrows.classes"), "[\"a\",\"\xc3\xa9\"]");
    assert_string_equal(nw_model_metadata(model, "narrows.bottleneck"), "null");
    assert_string_equal(nw_model_metadata(model, "author"), "nobody");
    assert_int_equal(nw_model_metadata_count(model), 5);
    assert_string_equal(nw_model_metadata_key(model, 1), "author");
    assert_null(nw_model_metadata_key(model, 5));
    nw_model_unref(model);

    /* One that is named stands in for the one beside the model. */
    folder_write(&work, "other.json", "{\"head\":\"logits\"}", 17);
    char other[512];
    snprintf(other, sizeof other, "%s/other.json", work.path);
    nw_load_options options = {.metadata_json = other};
    assert_int_equal(nw_model_load(folder_file(&work, "m.onnx"), &options, &model, NULL), NW_OK);
    assert_string_equal(nw_model_metadata(model, "narrows.head"), "\"logits\"");
    assert_null(nw_model_metadata(model, "narrows.input"));
    nw_model_unref(model);

    assert_int_equal(remove(other), 0);
    refuse_with("m.onnx", &options, NW_IO, "other.json: cannot open: No such file");
}

static void sidecars_that_are_malformed(void **state)
{
    (void)state;
    save_good("m.onnx");
    const char *texts[][2] = {{"{\"head\": ", "m.json: line 1, column 9: "},
                              {"{\"a\": 1,\n \"b\" 2}", "m.json: line 2, column "},
                              {"{\"a\": 1, \"a\": 2}", "duplicate"},
                              {"[1, 2]", "m.json: must hold a JSON object"},
                              {"", "m.json: line 1"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        folder_write(&work, "m.json", texts[i][0], strlen(texts[i][0]));
        refuse("m.onnx", NW_BAD_MODEL, texts[i][1]);
    }
}

static long load_all(const char *path)
{
    DIR *dir = opendir(path);
    long loaded = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        size_t n = strlen(entry->d_name);
        if (n < 5 || strcmp(entry->d_name + n - 5, ".onnx") != 0) continue;
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        nw_model *model;
        nw_error err;
        if (nw_model_load(file, NULL, &model, &err) != NW_OK) fail_msg("%s", err.message);
        assert_int_equal(nw_model_input_count(model), 1);
        assert_int_equal(nw_model_output_count(model), 1);
        assert_int_equal(nw_model_input_rank(model, 0), 4);
        assert_int_equal(strlen(nw_model_digest(model)), 64);
        nw_model_unref(model);
        loaded++;
    }
    if (dir) closedir(dir);
    return loaded;
}

static void real_models(void **state)
{
    (void)state;
    long trained = load_all(NW_TEST_SHARED "/models");
    long light = load_all(NW_TEST_SHARED "/data/small-models/onnx-light");
    if (!trained && !light) {
        print_message("no models in %s\n", NW_TEST_SHARED);
        skip();
    }
    assert_int_equal(trained, 2);
    assert_int_equal(light, 9);
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(files_that_are_no_models),
        IN_A_FOLDER(a_model_and_its_digest),
        IN_A_FOLDER(data_beside_the_model),
        IN_A_FOLDER(external_data_that_is_wrong),
        IN_A_FOLDER(external_data_that_leaves_the_folder),
        IN_A_FOLDER(operators_that_are_not_there),
        IN_A_FOLDER(a_sidecar_overrides_the_file),
        IN_A_FOLDER(sidecars_that_are_malformed),
        cmocka_unit_test(real_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
