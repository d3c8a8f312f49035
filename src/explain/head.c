#include "base/memory.h"
#include "explain/anatomy.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const head_names[] = {
#define ROW(NAME, name) [NW_HEAD_##NAME] = name,
    NW_HEAD_LIST(ROW)
#undef ROW
};
enum { HEADS = sizeof head_names / sizeof head_names[0] };

const char *nw_head_name(nw_head_kind kind)
{
    return (unsigned)kind < HEADS ? head_names[kind] : "unknown";
}

nw_status nw_metadata_text(const nw_model *model, const char *key, char **out, nw_error *err)
{
    const char *raw = nw_model_metadata(model, key);
    *out = NULL;
    if (!raw) return NW_OK;
    json_t *value = json_loads(raw, JSON_DECODE_ANY, NULL);
    *out = nw_strdup(json_is_string(value) ? json_string_value(value) : raw);
    json_decref(value);
    return *out ? NW_OK : nw_no_memory(err, strlen(raw), key);
}

/* Operators after which the numbers are the same, in another shape. */
static bool only_reshapes(const nw_node *node)
{
    static const char *const types[] = {"Identity", "Dropout",   "Reshape", "Flatten",
                                        "Squeeze",  "Unsqueeze", "Cast"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(node->op_type, types[i]) == 0 && node->input_count > 0 && node->inputs[0] >= 0)
            return true;
    return false;
}

static const nw_node *producer(const nw_graph *graph, int value)
{
    int node = value < 0 ? -1 : graph->values[value].producer;
    return node < 0 ? NULL : &graph->nodes[node];
}

static bool is_activation(const nw_node *node)
{
    static const char *const types[] = {"Softmax", "LogSoftmax", "Sigmoid"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(node->op_type, types[i]) == 0 && node->input_count > 0 && node->inputs[0] >= 0)
            return true;
    return false;
}

/* Columns of the weights of a Gemm or MatMul; -1 where they are not known. */
static int64_t columns(const nw_graph *graph, const nw_node *node)
{
    bool gemm = strcmp(node->op_type, "Gemm") == 0;
    if ((!gemm && strcmp(node->op_type, "MatMul") != 0) || node->input_count < 2 || node->inputs[1] < 0)
        return -1;
    const nw_value *weights = &graph->values[node->inputs[1]];
    if (!weights->data || weights->shape.rank != 2) return -1;
    return weights->shape.dims[gemm && nw_node_int(node, "transB", 0) ? 0 : 1];
}

/* Numbers an image; -1 where neither a shape nor the last layer's weights tell. */
static int64_t numbers(const nw_graph *graph, int value)
{
    for (;;) {
        const nw_value *v = &graph->values[value];
        int64_t n = 1;
        if (v->has_shape && v->shape.rank == 0) return 1; /* one logit, squeezed out of a batch of one */
        bool known = v->has_shape && v->shape.rank > 1;
        for (int i = 1; known && i < v->shape.rank; i++)
            if (v->shape.dims[i] <= 0 || !nw_mul_i64(n, v->shape.dims[i], &n)) known = false;
        if (known) return n;
        const nw_node *node = producer(graph, value);
        if (!node) return -1;
        if (only_reshapes(node) || is_activation(node))
            value = node->inputs[0];
        else if (strcmp(node->op_type, "Add") == 0 && node->input_count == 2 && node->inputs[0] >= 0 &&
                 node->inputs[1] >= 0) /* a bias */
            value = node->inputs[graph->values[node->inputs[0]].data ? 1 : 0];
        else
            return columns(graph, node);
    }
}

/* The Softmax, LogSoftmax or Sigmoid that ends the graph, or NULL. */
static const nw_node *final_activation(const nw_graph *graph, int output)
{
    const nw_node *node = producer(graph, output);
    while (node && only_reshapes(node)) node = producer(graph, node->inputs[0]);
    return node && is_activation(node) ? node : NULL;
}

static nw_status find_output(nw_model *model, const nw_graph *graph, const char *output, int *out,
                             nw_error *err)
{
    if (!output && model->graph->output_count == 0)
        return nw_fail(err, NW_BAD_MODEL, "%s: the model has no output", model->path);
    if (!output) output = model->graph->values[model->graph->outputs[0]].name;
    *out = nw_graph_find(graph, output);
    if (*out >= 0) return NW_OK;
    char near[NW_SUGGEST_TEXT];
    nw_graph_suggest(graph, output, near, sizeof near);
    return nw_fail(err, NW_BAD_INPUT, "%s: there is no output '%s'%s%s", model->path, output,
                   near[0] ? "; did you mean " : "", near);
}

static void decide(nw_head *head, const nw_node *last)
{
    int64_t n = head->count;
    if (last && strcmp(last->op_type, "Sigmoid") == 0) {
        head->kind = n == 1 ? NW_HEAD_SIGMOID : NW_HEAD_MULTILABEL;
        snprintf(head->reason, sizeof head->reason, "the graph ends in a Sigmoid over %lld number%s",
                 (long long)n, n == 1 ? "" : "s");
    } else if (last) {
        head->kind = NW_HEAD_SOFTMAX;
        snprintf(head->reason, sizeof head->reason, "the graph ends in a %s", last->op_type);
    } else if (n == 1) {
        head->kind = NW_HEAD_SIGMOID;
        snprintf(
            head->reason, sizeof head->reason,
            "one output and no final activation: taken as one logit (metadata narrows.head = regression says "
            "otherwise)");
    } else {
        head->kind = NW_HEAD_SOFTMAX;
        snprintf(
            head->reason, sizeof head->reason,
            "several outputs and no final activation: taken as logits of a softmax (metadata narrows.head = "
            "multilabel or regression says otherwise)");
    }
}

static nw_status from_metadata(const nw_model *model, const char *text, nw_head *head, nw_error *err)
{
    unsigned kind = 0;
    while (kind < HEADS && strcmp(text, head_names[kind]) != 0) kind++;
    if (strcmp(text, "logits") == 0) kind = NW_HEAD_SOFTMAX;
    if (kind == HEADS)
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s: metadata narrows.head is '%.40s'; it must be softmax, sigmoid, multilabel or regression",
            model->path, text);
    head->kind = (nw_head_kind)kind;
    if (head->kind == NW_HEAD_SOFTMAX && head->count == 1)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: metadata narrows.head is softmax, but the model has one output", model->path);
    if (head->kind == NW_HEAD_SIGMOID && head->count > 1) head->kind = NW_HEAD_MULTILABEL;
    if (head->kind == NW_HEAD_MULTILABEL && head->count == 1) head->kind = NW_HEAD_SIGMOID;
    snprintf(head->reason, sizeof head->reason, "the model's metadata say so (narrows.head = %.40s)", text);
    return NW_OK;
}

nw_status nw_head_of(nw_model *model, const nw_graph *graph, const char *output, nw_head *out, nw_error *err)
{
    int value = -1;
    NW_TRY(find_output(model, graph, output, &value, err));
    nw_head head = {.output = graph->values[value].name, .count = numbers(graph, value)};
    const nw_node *last = final_activation(graph, value);
    decide(&head, last);
    char *text;
    NW_TRY(nw_metadata_text(model, "narrows.head", &text, err));
    nw_status status = text ? from_metadata(model, text, &head, err) : NW_OK;
    nw_free(text);
    NW_TRY(status);
    /* The quantity of a regression is the output as it is, even if a Sigmoid bounds it. */
    head.activated = last && head.kind != NW_HEAD_REGRESSION;
    head.logits = head.activated ? graph->values[last->inputs[0]].name : head.output;
    *out = head;
    return NW_OK;
}

nw_status nw_head_detect(nw_model *model, const char *output, nw_head *out, nw_error *err)
{
    nw_head head;
    NW_TRY(nw_head_of(model, model->graph, output, &head, err));
    /* The file need not give the output a shape; inference does, where the input's dimensions are known. */
    nw_anatomy a;
    if (nw_anatomy_new(model, output, NULL, 0, &a, NULL) == NW_OK) {
        head = a.head;
        nw_anatomy_clear(&a);
    }
    *out = head;
    return NW_OK;
}
