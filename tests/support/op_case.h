/* One operator as a graph of one node, written as text:
 *
 *     {"Conv", 13, "strides=[2,2] auto_pad=SAME_UPPER", "2x3x5x5 4x3x3x3 4"}
 *
 * attributes   axis=1 (int)  alpha=0.5 (float: has a point)  pads=[1,1] (ints)  mode=SAME_UPPER (string)
 * inputs       2x3   random in (-1, 1); () is a scalar         +2x3    random in (0.5, 2)
 *              *4:2x3  random in (-4, 4)                       ?2x3    random booleans
 *              #5:2x3  random int64 in 0..4                    -       omitted
 *              {1,2}   constant int64, 1-D                     {0.5}   constant float32, 1-D
 *              =3, =0.5, =true   constant scalars (int64, float32, bool)
 *
 * Malformed text fails the running test. The random numbers depend on the case and the seed alone.
 */
#ifndef NW_TESTS_OP_CASE_H
#define NW_TESTS_OP_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ops/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last fields of a case are usually left out. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

typedef struct op_case {
    const char *type;
    int opset;
    const char *attrs;
    const char *inputs;
    int outputs;     /* 0: one */
    const nw_op *op; /* NULL: from the table */
} op_case;

enum { OP_CASE_MAX = 16 };

typedef struct op_run {
    nw_graph *graph;
    nw_node *node;
    const nw_op *op;
    double *src[OP_CASE_MAX], *dst[OP_CASE_MAX], *diff_dst[OP_CASE_MAX], *diff_src[OP_CASE_MAX];
    bool variable[OP_CASE_MAX]; /* a float input that is not constant: it has a gradient */
    uint64_t random;
} op_run;

static inline uint64_t op_case_random(op_run *run)
{
    uint64_t z = run->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline double op_case_uniform(op_run *run, double low, double high)
{
    return low + (high - low) * ((double)(op_case_random(run) >> 11) + 0.5) * 0x1p-53;
}

/* A list "1,2,3" or "1x2x3" up to `end`. */
static inline size_t op_case_numbers(const char *text, char end, double values[64])
{
    size_t n = 0;
    while (*text && *text != end) {
        char *rest;
        /* strtod reads "0x3" as hexadecimal; no shape is written that way but an empty one, by hand: */
        assert_false(text[0] == '0' && text[1] == 'x');
        assert_true(n < 64);
        values[n++] = strtod(text, &rest);
        assert_ptr_not_equal(text, rest);
        text = *rest == ',' || *rest == 'x' ? rest + 1 : rest;
    }
    return n;
}

/* The same list exactly: a double does not hold what a Slice to the end needs. */
static inline void op_case_integers(const char *text, size_t count, int64_t *values)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = strtoll(text, NULL, 10);
        text += strcspn(text, ",x");
        text += *text != 0;
    }
}

static inline void op_case_attr(nw_node *node, char *text)
{
    char *value = strchr(text, '=');
    assert_non_null(value);
    *value++ = 0;
    nw_attr *attr;
    nw_attr_kind kind = *value == '[' ? NW_ATTR_INTS : NW_ATTR_STRING;
    char *rest;
    strtod(value, &rest);
    if (*value && !*rest) kind = strpbrk(value, ".e") ? NW_ATTR_FLOAT : NW_ATTR_INT;
    assert_int_equal(nw_node_add_attr(node, text, kind, &attr, NULL), NW_OK);
    if (kind == NW_ATTR_INT) attr->i = strtoll(value, NULL, 10);
    if (kind == NW_ATTR_FLOAT) attr->f = strtof(value, NULL);
    if (kind == NW_ATTR_STRING) assert_non_null(attr->s = nw_strdup(value));
    if (kind == NW_ATTR_INTS) {
        double values[64];
        attr->count = op_case_numbers(value + 1, ']', values);
        assert_non_null(attr->ints = nw_calloc(attr->count, sizeof *attr->ints));
        op_case_integers(value + 1, attr->count, attr->ints);
    }
}

static inline nw_shape op_case_shape(const char *text)
{
    nw_shape shape = {0};
    double dims[64];
    if (strcmp(text, "()") != 0) shape.rank = (int)op_case_numbers(text, 0, dims);
    assert_true(shape.rank <= NW_MAX_RANK);
    for (int i = 0; i < shape.rank; i++) shape.dims[i] = (int64_t)dims[i];
    return shape;
}

static inline void op_case_constant(nw_value *value, const char *text)
{
    double values[64] = {0};
    bool list = *text++ == '{', boolean = strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    size_t n = 1;
    if (boolean)
        values[0] = *text == 't';
    else
        n = op_case_numbers(text, '}', values);
    value->dtype = boolean ? NW_BOOL : strchr(text, '.') ? NW_F32 : NW_I64;
    value->shape = (nw_shape){.rank = list, .dims = {(int64_t)n}};
    assert_int_equal(nw_tensor_new(value->dtype, value->shape.rank, value->shape.dims, &value->data, NULL),
                     NW_OK);
    for (size_t i = 0; i < n; i++) nw_tensor_set(value->data, (int64_t)i, values[i]);
    if (value->dtype == NW_I64) op_case_integers(text, n, nw_tensor_data(value->data));
}

static inline void op_case_input(op_run *run, int i, const char *text)
{
    char name[32];
    int index;
    snprintf(name, sizeof name, "in%d", i);
    assert_int_equal(nw_graph_value(run->graph, strcmp(text, "-") ? name : "", &index, NULL), NW_OK);
    run->node->inputs[i] = index;
    if (index < 0) return;
    nw_value *value = &run->graph->values[index];
    value->has_shape = true;
    double low = -1, high = 1;
    if (*text == '{' || *text == '=') {
        op_case_constant(value, text);
    } else {
        value->dtype = *text == '?' ? NW_BOOL : *text == '#' ? NW_I64 : NW_F32;
        if (*text == '?') low = 0;
        if (*text == '+') low = 0.5, high = 2;
        if (*text == '*') low = -(high = strtod(text + 1, NULL));
        if (*text == '#') low = 0, high = strtod(text + 1, NULL);
        if (strchr(text, ':'))
            text = strchr(text, ':') + 1;
        else if (*text == '?' || *text == '+')
            text++;
        value->shape = op_case_shape(text);
        run->variable[i] = value->dtype == NW_F32;
        assert_int_equal(nw_graph_add_input(run->graph, index, NULL), NW_OK);
    }
    int64_t n = nw_count(&value->shape);
    assert_non_null(run->src[i] = nw_calloc((size_t)n, sizeof(double)));
    assert_non_null(run->diff_src[i] = nw_calloc((size_t)n, sizeof(double)));
    for (int64_t k = 0; k < n; k++) {
        double x = value->data ? nw_tensor_get(value->data, k) : op_case_uniform(run, low, high);
        if (value->dtype == NW_BOOL && !value->data) x = x > 0.5;
        if (value->dtype == NW_I64 && !value->data) x = floor(x);
        run->src[i][k] = x;
    }
}

static inline void op_run_free(op_run *run)
{
    for (int i = 0; i < OP_CASE_MAX; i++) {
        nw_free(run->src[i]);
        nw_free(run->dst[i]);
        nw_free(run->diff_src[i]);
        nw_free(run->diff_dst[i]);
    }
    nw_graph_free(run->graph);
    memset(run, 0, sizeof *run);
}

/* Builds the graph, draws the inputs and infers; the run is freed by op_run_free in any case. Gradients of
 * the outputs are drawn too, of magnitude 0.5 to 1.5, so that a kink shows. */
static inline nw_status op_case_open(const op_case *c, uint64_t seed, op_run *run, nw_error *err)
{
    int input_count = 0, indices[OP_CASE_MAX];
    char name[32], *words[OP_CASE_MAX], *next = NULL;
    memset(run, 0, sizeof *run);
    run->random = seed;
    for (const char *p = c->type; *p; p++) run->random = run->random * 31 + (uint64_t)*p;
    for (const char *p = c->inputs; *p; p++) run->random = run->random * 31 + (uint64_t)*p;
    assert_int_equal(nw_graph_new("case", &run->graph, NULL), NW_OK);
    char *inputs = nw_strdup(c->inputs), *attrs = nw_strdup(c->attrs);
    for (char *w = strtok_r(inputs, " ", &next); w; w = strtok_r(NULL, " ", &next)) {
        assert_true(input_count < OP_CASE_MAX);
        words[input_count++] = w;
    }
    int output_count = c->outputs ? c->outputs : 1, none[OP_CASE_MAX];
    for (int i = 0; i < OP_CASE_MAX; i++) none[i] = -1;
    for (int i = 0; i < output_count; i++) {
        snprintf(name, sizeof name, "out%d", i);
        assert_int_equal(nw_graph_value(run->graph, name, &indices[i], NULL), NW_OK);
    }
    assert_int_equal(nw_graph_add_node(run->graph, c->type, "", c->opset, "", input_count, none, output_count,
                                       indices, &run->node, NULL),
                     NW_OK);
    for (int i = 0; i < input_count; i++) op_case_input(run, i, words[i]);
    for (char *w = strtok_r(attrs, " ", &next); w; w = strtok_r(NULL, " ", &next)) op_case_attr(run->node, w);
    nw_free(inputs);
    nw_free(attrs);
    run->op = c->op ? c->op : nw_op_find(c->type, "");
    assert_non_null(run->op);
    run->node->op = run->op;
    nw_infer cx = {run->graph, run->node, err};
    NW_TRY(run->op->infer(&cx));
    for (int i = 0; i < output_count; i++) {
        assert_true(run->graph->values[indices[i]].has_shape);
        int64_t n = nw_count(nw_out_shape(run->graph, run->node, i));
        assert_non_null(run->dst[i] = nw_calloc((size_t)n, sizeof(double)));
        if (run->graph->values[indices[i]].dtype != NW_F32) continue;
        assert_non_null(run->diff_dst[i] = nw_calloc((size_t)n, sizeof(double)));
        for (int64_t k = 0; k < n; k++)
            run->diff_dst[i][k] = op_case_uniform(run, 0.5, 1.5) * (op_case_random(run) & 1 ? 1 : -1);
    }
    return NW_OK;
}

static inline nw_ref op_run_call(const op_run *run)
{
    return (nw_ref){.graph = run->graph,
                    .node = run->node,
                    .src = (const double *const *)run->src,
                    .dst = run->dst,
                    .diff_dst = (const double *const *)run->diff_dst,
                    .diff_src = run->diff_src};
}

static inline void op_run_forward(op_run *run)
{
    nw_ref call = op_run_call(run);
    run->op->forward(&call);
}

/* Adds to run->diff_src, as the operator does; zero at first. diff_src of inputs without a gradient is not
 * handed over. */
static inline void op_run_backward(op_run *run)
{
    nw_ref call = op_run_call(run);
    double *diff_src[OP_CASE_MAX];
    for (int i = 0; i < OP_CASE_MAX; i++) diff_src[i] = run->variable[i] ? run->diff_src[i] : NULL;
    call.diff_src = diff_src;
    run->op->backward(&call);
}

#endif
