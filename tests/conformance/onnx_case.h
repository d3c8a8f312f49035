/* One case of ONNX's backend tests: a folder with model.onnx and test_data_set_N/{input,output}_M.pb. */
#ifndef NW_TESTS_ONNX_CASE_H
#define NW_TESTS_ONNX_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "onnx/onnx_internal.h"
#include "ops/op.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CASE_TENSORS = 16, CASE_PATH = 512 };

/* A model and the data of one set. Inputs that are not float32, and those that an operator wants constant,
 * are pinned: their values are known when a program is compiled. */
typedef struct onnx_case {
    nw_model *model;
    int input_count, output_count;
    const char *input_names[CASE_TENSORS]; /* of the graph's inputs, in order; names belong to the model */
    nw_tensor *inputs[CASE_TENSORS];
    bool pinned[CASE_TENSORS];
    const char *output_names[CASE_TENSORS];
    nw_tensor *wanted[CASE_TENSORS];
} onnx_case;

/* Runs a case; outputs[i] gets the elements of wanted[i] (allocated; nw_free) and shapes[i] its shape. */
typedef nw_status (*onnx_runner)(const onnx_case *c, double **outputs, nw_shape *shapes, nw_error *err);

/* printf into a path that must fit. */
__attribute__((format(printf, 2, 3))) static inline void onnx_path(char path[CASE_PATH], const char *format,
                                                                   ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(path, CASE_PATH, format, args);
    va_end(args);
    assert_true(n > 0 && n < CASE_PATH);
}

static inline void onnx_case_close(onnx_case *c)
{
    for (int i = 0; i < CASE_TENSORS; i++) {
        nw_tensor_unref(c->inputs[i]);
        nw_tensor_unref(c->wanted[i]);
    }
    nw_model_unref(c->model);
    memset(c, 0, sizeof *c);
}

static inline nw_status onnx_read_tensor(const char *path, nw_tensor **out, nw_error *err)
{
    nw_bytes bytes;
    NW_TRY(nw_file_read(path, 64 << 20, &bytes, err));
    Onnx__TensorProto *proto = onnx__tensor_proto__unpack(NULL, bytes.size, bytes.data);
    nw_free(bytes.data);
    if (!proto) return nw_fail(err, NW_BAD_INPUT, "%s is no tensor", path);
    nw_onnx_options options = {.name = path};
    nw_onnx_external external = {.options = &options, .file = -1};
    nw_status status = nw_onnx_tensor(&external, proto, out, err);
    onnx__tensor_proto__free_unpacked(proto, NULL);
    return status;
}

/* Whether some operator wants this value constant. */
static inline bool onnx_wants_constant(const nw_graph *graph, int value)
{
    for (size_t n = 0; n < graph->node_count; n++)
        for (int i = 0; i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] == value && i < 32 &&
                (graph->nodes[n].op->constant_inputs >> i & 1))
                return true;
    return false;
}

static inline nw_status onnx_case_inputs(const char *folder, onnx_case *c, nw_error *err)
{
    const nw_graph *graph = c->model->graph;
    char path[CASE_PATH];
    assert_true(graph->input_count <= CASE_TENSORS);
    for (size_t i = 0; i < graph->input_count; i++) {
        onnx_path(path, "%s/input_%zu.pb", folder, i);
        NW_TRY(onnx_read_tensor(path, &c->inputs[i], err));
        c->input_names[i] = graph->values[graph->inputs[i]].name;
        c->pinned[i] = c->inputs[i]->dtype != NW_F32 || onnx_wants_constant(graph, graph->inputs[i]);
        c->input_count++;
    }
    return NW_OK;
}

/* Reads data set `set` of the case in `folder`. To be closed in any case. */
static inline nw_status onnx_case_open(const char *folder, int set, onnx_case *c, nw_error *err)
{
    char path[CASE_PATH], data[CASE_PATH];
    memset(c, 0, sizeof *c);
    onnx_path(path, "%s/model.onnx", folder);
    onnx_path(data, "%s/test_data_set_%d", folder, set);
    NW_TRY(nw_model_load(path, NULL, &c->model, err));
    NW_TRY(onnx_case_inputs(data, c, err));
    nw_graph *graph = c->model->graph;
    assert_true(graph->output_count <= CASE_TENSORS);
    for (size_t i = 0; i < graph->output_count; i++) {
        onnx_path(path, "%s/output_%zu.pb", data, i);
        NW_TRY(onnx_read_tensor(path, &c->wanted[i], err));
        c->output_names[i] = graph->values[graph->outputs[i]].name;
        c->output_count++;
    }
    return NW_OK;
}

/* Numbers: |got - want| <= atol + rtol |want|; integers and booleans exactly. */
static inline nw_status onnx_compare(const onnx_case *c, double **outputs, const nw_shape *shapes,
                                     double rtol, double atol, nw_error *err)
{
    for (int i = 0; i < c->output_count; i++) {
        const nw_tensor *want = c->wanted[i];
        char a[NW_SHAPE_TEXT], b[NW_SHAPE_TEXT];
        if (!nw_shape_equal(&shapes[i], &want->shape))
            return nw_fail(err, NW_CHECK, "output %d has shape %s, expected %s", i,
                           nw_shape_text(&shapes[i], a, sizeof a), nw_shape_text(&want->shape, b, sizeof b));
        bool real = want->dtype == NW_F32;
        for (int64_t k = 0; k < want->count; k++) {
            double w = nw_tensor_get(want, k), g = outputs[i][k];
            if (!(fabs(g - w) <= (real ? atol + rtol * fabs(w) : 0)))
                return nw_fail(err, NW_CHECK, "output %d [%lld] is %.9g, expected %.9g", i, (long long)k, g,
                               w);
        }
    }
    return NW_OK;
}

/* Every data set of a case: runs and compares. */
static inline nw_status onnx_case_check(const char *folder, onnx_runner run, double rtol, double atol,
                                        nw_error *err)
{
    nw_status status = NW_OK;
    char path[CASE_PATH];
    for (int set = 0; status == NW_OK; set++) {
        onnx_path(path, "%s/test_data_set_%d", folder, set);
        if (access(path, F_OK) != 0) return set ? NW_OK : nw_fail(err, NW_IO, "%s: no such folder", path);
        onnx_case c;
        double *outputs[CASE_TENSORS] = {NULL};
        nw_shape shapes[CASE_TENSORS] = {{0}};
        status = onnx_case_open(folder, set, &c, err);
        if (status == NW_OK) status = run(&c, outputs, shapes, err);
        if (status == NW_OK) status = onnx_compare(&c, outputs, shapes, rtol, atol, err);
        for (int i = 0; i < CASE_TENSORS; i++) nw_free(outputs[i]);
        onnx_case_close(&c);
    }
    return status;
}

/* -- which cases there are -- */

static inline bool onnx_is_float32(const char *folder, const char *kind, size_t i)
{
    char path[CASE_PATH];
    nw_bytes bytes;
    onnx_path(path, "%s/test_data_set_0/%s_%zu.pb", folder, kind, i);
    if (nw_file_read(path, 64 << 20, &bytes, NULL) != NW_OK) return false;
    Onnx__TensorProto *proto = onnx__tensor_proto__unpack(NULL, bytes.size, bytes.data);
    nw_free(bytes.data);
    bool yes = proto && proto->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    if (proto) onnx__tensor_proto__free_unpacked(proto, NULL);
    return yes;
}

static inline bool onnx_all_tensors(size_t n, Onnx__ValueInfoProto **values)
{
    for (size_t i = 0; i < n; i++)
        if (!values[i]->type || values[i]->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
            return false;
    return true;
}

/* The rule: all nodes are operators of Narrows' table, inputs and outputs are tensors, and one of them is
 * float32. */
static inline bool onnx_case_counts(const char *folder)
{
    char path[CASE_PATH];
    nw_bytes bytes;
    onnx_path(path, "%s/model.onnx", folder);
    if (nw_file_read(path, 64 << 20, &bytes, NULL) != NW_OK) return false;
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, bytes.size, bytes.data);
    nw_free(bytes.data);
    if (!model) return false;
    const Onnx__GraphProto *graph = model->graph;
    bool counts = graph && onnx_all_tensors(graph->n_input, graph->input) &&
                  onnx_all_tensors(graph->n_output, graph->output);
    for (size_t i = 0; counts && i < graph->n_node; i++)
        counts = nw_op_find(graph->node[i]->op_type, graph->node[i]->domain ? graph->node[i]->domain : "");
    bool real = false;
    for (size_t i = 0; counts && i < graph->n_input; i++) real = real || onnx_is_float32(folder, "input", i);
    for (size_t i = 0; counts && i < graph->n_output; i++)
        real = real || onnx_is_float32(folder, "output", i);
    onnx__model_proto__free_unpacked(model, NULL);
    return counts && real;
}

#endif
