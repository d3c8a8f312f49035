/* What the tests of networks share. */
#ifndef NW_TESTS_NETWORK_NETWORK_H
#define NW_TESTS_NETWORK_NETWORK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "network/training.h"
#include "support/temp_folder.h"

#include <math.h>
#include <narrows/inspect.h>
#include <narrows/network.h>

/* Fails the test with the library's own words. */
#define must(call)                                                                                           \
    do {                                                                                                     \
        nw_error must_err = {0};                                                                             \
        nw_error *err = &must_err;                                                                           \
        if ((call) != NW_OK) fail_msg("%s", must_err.message);                                               \
    } while (0)

/* A small network of that name: input [N, 1, 32, 32] or [N, 1, 8, 32, 32], three outputs. */
static inline nw_network_options network_options(const char *arch)
{
    nw_network_options options = {
        .arch = arch, .width = 0.25, .channels = 1, .size = {32, 32}, .outputs = 3, .seed = 7};
    for (size_t i = 0; i < nw_network_count(); i++)
        if (strcmp(nw_network_at(i)->name, arch) == 0 && nw_network_at(i)->dims == 3)
            memcpy(options.size, (int64_t[]){8, 32, 32}, sizeof options.size);
    return options;
}

static inline nw_model *network_build(const nw_network_options *options)
{
    nw_model *model = NULL;
    must(nw_network_build(options, &model, err));
    return model;
}

/* Numbers (byte - 127.5) / 64 that depend on nothing but their place; the scripts make the same. */
static inline float network_hashed(uint32_t i)
{
    uint32_t u = i * 2654435761U + 40503U;
    u = (u ^ u >> 15) * 2246822519U;
    u = (u ^ u >> 13) * 3266489917U;
    return ((float)((u ^ u >> 16) >> 24) - 127.5F) / 64;
}

/* What the model gives for `batch` hashed inputs; nw_free. */
static inline float *network_run(nw_model *model, int64_t batch, size_t *count)
{
    nw_program *program = NULL;
    must(nw_program_compile(model, &(nw_program_options){.batch = batch}, &program, err));
    nw_shape shape;
    float *x = nw_program_input(program, nw_model_input_name(model, 0), &shape);
    int64_t n = 1, m = 1;
    for (int i = 0; i < shape.rank; i++) n *= shape.dims[i];
    for (int64_t i = 0; i < n; i++) x[i] = network_hashed((uint32_t)i);
    must(nw_program_run(program, err));
    const float *y = nw_program_output(program, nw_model_output_name(model, 0), &shape);
    for (int i = 0; i < shape.rank; i++) m *= shape.dims[i];
    float *copy = nw_calloc((size_t)m, sizeof *copy);
    memcpy(copy, y, (size_t)m * sizeof *copy);
    nw_program_free(program);
    *count = (size_t)m;
    return copy;
}

/* Scales, shifts and statistics away from 1 and 0, so that none can stand for another, and large enough for
 * the input to be seen behind the biases. Takes over the model. */
static inline nw_model *network_unsettle(nw_model *model)
{
    enum { MOST = 2048 };
    const char *names[MOST] = {0};
    float *values[MOST] = {0};
    size_t count = 0;
    for (size_t i = 0; i < model->graph->value_count; i++) {
        const nw_value *value = &model->graph->values[i];
        if (!value->data || value->dtype != NW_F32 || value->shape.rank != 1) continue;
        assert_true(count < MOST);
        bool positive = strstr(value->name, ".weight") || strstr(value->name, ".running_var");
        names[count] = value->name;
        values[count] = malloc((size_t)value->data->count * sizeof(float));
        for (int64_t k = 0; k < value->data->count; k++)
            values[count][k] = (positive ? 1 : 0) + 0.2F * network_hashed((uint32_t)(i * 4096) + (uint32_t)k);
        count++;
    }
    nw_model *other = NULL;
    must(nw_network_with_values(model, names, (const float *const *)values, count, &other, err));
    for (size_t i = 0; i < count; i++) free(values[i]);
    nw_model_unref(model);
    return other;
}

/* The two models give the same bits. */
static inline void network_same_logits(nw_model *a, nw_model *b)
{
    size_t n, m;
    float *x = network_run(a, 2, &n), *y = network_run(b, 2, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n * sizeof *x);
    nw_free(x);
    nw_free(y);
}

#endif
