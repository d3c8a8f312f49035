/* Small networks for tests of the engine: written as ONNX, loaded from memory, filled with numbers that
 * depend on nothing but their place. */
#ifndef NW_TESTS_NETWORK_H
#define NW_TESTS_NETWORK_H

#include "graph/model.h"
#include "onnx/onnx.h"
#include "support/onnx_writer.h"

#include <math.h>
#include <narrows/program.h>

/* Uniform in [-1, 1), by a linear congruential generator. */
static inline float net_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(*state >> 32) / 2147483648.0F;
}

static inline void net_fill(float *data, size_t n, uint64_t seed, float scale)
{
    uint64_t state = seed * 7919 + 1;
    for (size_t i = 0; i < n; i++) data[i] = scale * net_random(&state);
}

/* An initializer of random numbers with mean `centre`. */
static inline void net_weights(ow *m, const char *name, int rank, const int64_t *dims, float scale,
                               float centre)
{
    size_t n = ow_elements(rank, dims);
    float *data = malloc(n * sizeof *data + 1);
    uint64_t seed = 5;
    for (const char *p = name; *p; p++) seed = seed * 31 + (unsigned char)*p;
    net_fill(data, n, seed, scale);
    for (size_t i = 0; i < n; i++) data[i] += centre;
    ow_floats(m, name, rank, dims, data);
    free(data);
}

/* Conv of `in` to `out`: k x k, padded to keep the size at stride 1. */
static inline void net_conv(ow *m, const char *in, const char *out, int64_t from, int64_t to, int64_t k,
                            int64_t stride, int64_t group)
{
    char w[64], b[64], inputs[200];
    snprintf(w, sizeof w, "%s.w", out);
    snprintf(b, sizeof b, "%s.b", out);
    snprintf(inputs, sizeof inputs, "%s %s %s", in, w, b);
    net_weights(m, w, 4, (int64_t[]){to, from / group, k, k}, 0.4F / (float)k, 0);
    net_weights(m, b, 1, &to, 0.2F, 0);
    ow_node(m, "Conv", "", inputs, out);
    ow_attr_ints(m, "kernel_shape", 2, (int64_t[]){k, k});
    ow_attr_ints(m, "strides", 2, (int64_t[]){stride, stride});
    ow_attr_ints(m, "pads", 4, (int64_t[]){k / 2, k / 2, k / 2, k / 2});
    if (group > 1) ow_attr_int(m, "group", group);
}

static inline void net_norm(ow *m, const char *in, const char *out, int64_t channels)
{
    char names[4][64], inputs[400];
    static const char *const parts[] = {"scale", "shift", "mean", "var"};
    for (int i = 0; i < 4; i++) {
        snprintf(names[i], sizeof names[i], "%s.%s", out, parts[i]);
        net_weights(m, names[i], 1, &channels, i == 3 ? 0.5F : 0.3F, i == 0 || i == 3 ? 1 : 0);
    }
    snprintf(inputs, sizeof inputs, "%s %s %s %s %s", in, names[0], names[1], names[2], names[3]);
    ow_node(m, "BatchNormalization", "", inputs, out);
}

/* Fills n numbers of a program in float, or (f64) in double, with the same. */
static inline void net_set(void *data, size_t n, uint64_t seed, bool f64)
{
    float *values = malloc(n * sizeof *values + 1);
    net_fill(values, n, seed, 1);
    for (size_t i = 0; i < n; i++)
        if (f64)
            ((double *)data)[i] = (double)values[i];
        else
            ((float *)data)[i] = values[i];
    free(values);
}

/* A copy of such numbers in double; the caller's. */
static inline double *net_get(const void *data, size_t n, bool f64)
{
    double *out = malloc(n * sizeof *out + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = f64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
    return out;
}

/* Root of the mean square of the difference over that of the values, b's. */
static inline double net_apart(const double *a, const double *b, size_t n)
{
    double diff = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        diff += (a[i] - b[i]) * (a[i] - b[i]);
        size += b[i] * b[i];
    }
    return sqrt(diff / size);
}

/* Ends the model and loads it. */
static inline nw_model *net_load(ow *m)
{
    nw_model *model = NULL;
    nw_error err;
    ow_end(m);
    nw_onnx_options options = {.name = "test"};
    if (nw_model_new("test", &model, &err) != NW_OK ||
        nw_onnx_parse(m->file.data, m->file.size, &options, model, &err) != NW_OK ||
        nw_onnx_resolve(model->graph, &err) != NW_OK) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    ow_free(m);
    return model;
}

#endif
