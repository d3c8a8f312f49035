/* Recorded runs of PyTorch and of IBA's reference on two real classifiers, beside the project. After
 * cmocka.h. */
#ifndef NW_TESTS_RECORDED_H
#define NW_TESTS_RECORDED_H

#include <narrows/narrows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char layer2[] = "/layer2/layer2.1/relu_1/Relu_output_0";

static inline nw_tensor *load(const char *folder, const char *name)
{
    char path[512];
    nw_error err;
    nw_tensor *tensor = NULL;
    snprintf(path, sizeof path, "%s/golden/%s/%s.npy", NW_TEST_SHARED, folder, name);
    if (nw_npy_read(path, 1 << 28, &tensor, &err) != NW_OK) fail_msg("%s", err.message);
    return tensor;
}

static inline nw_tensor *load_of(const char *folder, int slice, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "slice%d.%s", slice, what);
    return load(folder, name);
}

static inline nw_model *model_of(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/models/%s.onnx", NW_TEST_SHARED, name);
    if (access(path, R_OK) != 0) {
        print_message("no model at %s\n", path);
        skip();
    }
    nw_model *model = NULL;
    nw_error err;
    if (nw_model_load(path, NULL, &model, &err) != NW_OK) fail_msg("%s", err.message);
    return model;
}

/* The recorded statistics through a file without a digest, as another maker's would be. */
static inline nw_stats *stats_of(const char *folder)
{
    nw_tensor *parts[3] = {load(folder, "layer2.mean"), load(folder, "layer2.std"),
                           load(folder, "layer2.active")};
    size_t n = (size_t)nw_tensor_count(parts[0]);
    char path[] = "/tmp/narrows-golden-XXXXXX", header[512];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "wb");
    assert_non_null(out);
    int length = snprintf(header, sizeof header,
                          "{\"mean\":{\"dtype\":\"F32\",\"shape\":[64,28,28],\"data_offsets\":[0,%zu]},"
                          "\"std\":{\"dtype\":\"F32\",\"shape\":[64,28,28],\"data_offsets\":[%zu,%zu]},"
                          "\"active\":{\"dtype\":\"U8\",\"shape\":[64,28,28],\"data_offsets\":[%zu,%zu]}}",
                          4 * n, 4 * n, 8 * n, 8 * n, 9 * n);
    uint64_t size = (uint64_t)length;
    fwrite(&size, 8, 1, out);
    fwrite(header, size, 1, out);
    for (int i = 0; i < 3; i++) {
        fwrite(nw_tensor_data_const(parts[i]), i < 2 ? 4 : 1, n, out);
        nw_tensor_unref(parts[i]);
    }
    assert_int_equal(fclose(out), 0);
    nw_stats *stats = NULL;
    nw_error err;
    if (nw_stats_load(path, "0123", layer2, &stats, &err) != NW_OK) fail_msg("%s", err.message);
    unlink(path);
    assert_non_null(nw_stats_warning(stats));
    return stats;
}

static inline nw_explainer *explainer_of(nw_model *model, const char *method,
                                         const nw_explain_options *options)
{
    nw_explainer *e = NULL;
    nw_error err;
    if (nw_explainer_new(model, method, options, NULL, &e, &err) != NW_OK) fail_msg("%s", err.message);
    return e;
}

static inline nw_map *explain(nw_explainer *e, const char *folder, int slice)
{
    nw_tensor *input = load_of(folder, slice, "input");
    nw_map *map = NULL;
    nw_error err;
    if (nw_explainer_run(e, nw_tensor_data(input), (uint64_t)slice, NULL, &map, &err) != NW_OK)
        fail_msg("%s", err.message);
    nw_tensor_unref(input);
    return map;
}

#endif
