/* nw_training_net_new: batch-norms that look at the batch, and the lists. */
#include "base/memory.h"
#include "network/learn.h"
#include "network/made.h"
#include "network/training_internal.h"

#include <stdio.h>
#include <string.h>

enum { SINCE = 14 }; /* the opset whose batch-norm has training_mode */

static bool is_norm(const nw_node *node)
{
    return strcmp(node->op_type, "BatchNormalization") == 0;
}

/* An attribute of that kind, made where there is none. */
static nw_status attribute(nw_node *node, const char *name, nw_attr_kind kind, nw_attr **out, nw_error *err)
{
    for (size_t i = 0; i < node->attr_count; i++)
        if (strcmp(node->attrs[i].name, name) == 0 && node->attrs[i].kind == kind) {
            *out = &node->attrs[i];
            return NW_OK;
        }
    return nw_node_add_attr(node, name, kind, out, err);
}

static nw_status check_norm(const nw_graph *graph, const nw_node *node, nw_error *err)
{
    for (int i = 1; i < 5; i++)
        if (i >= node->input_count || !nw_is_initializer(graph, node->inputs[i]))
            return nw_node_fail(
                err, NW_UNSUPPORTED, graph, node,
                "its input %d is not an initializer, so there is nothing to learn in its place", i);
    if (node->opset < 9 && nw_node_int(node, "spatial", 1) == 0)
        return nw_node_fail(err, NW_UNSUPPORTED, graph, node,
                            "spatial=0 (statistics for every pixel) is not supported");
    for (int i = 1; i < node->output_count; i++)
        if (node->outputs[i] >= 0)
            return nw_node_fail(
                err, NW_UNSUPPORTED, graph, node,
                "has more outputs than one, as in a model exported for training; export it for "
                "inference (model.eval())");
    return NW_OK;
}

/* Turns node n into its form for training, and notes its statistics. */
static nw_status train_norm(nw_training_net *net, size_t n, float momentum, nw_error *err)
{
    nw_graph *graph = net->model->graph;
    NW_TRY(check_norm(graph, &graph->nodes[n], err));
    static const char *const parts[2] = {"running_mean", "running_var"};
    int outputs[3] = {graph->nodes[n].outputs[0]};
    for (int k = 0; k < 2; k++) {
        char *name = nw_strdup_printf("%s_%s", graph->nodes[n].name, parts[k]);
        if (!name) return nw_no_memory(err, 64, "the name of a tensor");
        nw_status status = nw_made_value(graph, name, &outputs[1 + k], err);
        nw_free(name);
        NW_TRY(status);
        size_t at = net->running_count++;
        net->running[at] = nw_strdup(graph->values[graph->nodes[n].inputs[3 + k]].name);
        net->updated[at] = nw_strdup(graph->values[outputs[1 + k]].name);
        if (!net->running[at] || !net->updated[at]) return nw_no_memory(err, 64, "the name of a tensor");
    }
    nw_node *node = &graph->nodes[n];
    int *grown = nw_calloc(3, sizeof *grown);
    if (!grown) return nw_no_memory(err, sizeof outputs, "the outputs of a node");
    memcpy(grown, outputs, sizeof outputs);
    nw_free(node->outputs);
    node->outputs = grown;
    node->output_count = 3;
    if (node->opset < SINCE) node->opset = SINCE;
    nw_attr *attr;
    NW_TRY(attribute(node, "training_mode", NW_ATTR_INT, &attr, err));
    attr->i = 1;
    NW_TRY(attribute(node, "momentum", NW_ATTR_FLOAT, &attr, err));
    attr->f = momentum;
    return NW_OK;
}

/* A constant added to or multiplied with what was learned before is a bias or scale that an exporter has
 * written out; before anything was learned it prepares the input, and a single number belongs to the formula.
 */
static bool written_out(const nw_graph *graph, const nw_node *node, int i, const bool *learned)
{
    if ((strcmp(node->op_type, "Add") != 0 && strcmp(node->op_type, "Mul") != 0) || node->input_count != 2)
        return false;
    int other = node->inputs[1 - i];
    return graph->values[node->inputs[i]].data->count > 1 && other >= 0 && learned[other];
}

static nw_status add_parameter(nw_training_net *net, const char *name, bool decay, nw_error *err)
{
    char *copy = nw_strdup(name);
    if (!copy) return nw_no_memory(err, strlen(name), "the name of a tensor");
    net->decay[net->parameter_count] = decay;
    net->parameters[net->parameter_count++] = copy;
    return NW_OK;
}

/* learned[]: values that depend on a parameter; parameters themselves count. */
static nw_status find_parameters(nw_training_net *net, bool *learned, nw_error *err)
{
    const nw_graph *graph = net->model->graph;
    for (size_t n = 0; n < graph->node_count; n++) {
        const nw_node *node = &graph->nodes[n];
        bool any = false;
        for (int i = 0; i < node->input_count; i++) {
            int value = node->inputs[i];
            if (value < 0) continue;
            nw_role role = nw_role_of(node, i);
            bool wanted = nw_is_initializer(graph, value) && role != NW_ROLE_STATISTIC &&
                          (role != NW_ROLE_NONE || written_out(graph, node, i, learned));
            if (wanted && !learned[value]) {
                NW_TRY(add_parameter(net, graph->values[value].name, role == NW_ROLE_WEIGHT, err));
                learned[value] = true;
            }
            any |= learned[value];
        }
        for (int i = 0; any && i < node->output_count; i++)
            if (node->outputs[i] >= 0) learned[node->outputs[i]] = true;
    }
    if (!net->parameter_count)
        return nw_fail(
            err, NW_UNSUPPORTED,
            "%s: has no weights that could be trained (initializers of Conv, Gemm, MatMul or norms)",
            net->model->path);
    return NW_OK;
}

static nw_status fill(nw_training_net *net, nw_model *model, float momentum, nw_error *err)
{
    NW_TRY(nw_training_base(model, &net->base, err));
    NW_TRY(nw_made_copy(net->base, &net->model, err));
    nw_graph *graph = net->model->graph;
    size_t norms = 0;
    for (size_t n = 0; n < graph->node_count; n++) norms += is_norm(&graph->nodes[n]);
    net->running = nw_calloc(2 * norms, sizeof *net->running);
    net->updated = nw_calloc(2 * norms, sizeof *net->updated);
    net->parameters = nw_calloc(graph->value_count, sizeof *net->parameters);
    net->decay = nw_calloc(graph->value_count, sizeof *net->decay);
    if (!net->running || !net->updated || !net->parameters || !net->decay)
        return nw_no_memory(err, graph->value_count * sizeof(char *), "the parameters of a model");
    for (size_t n = 0; n < graph->node_count; n++)
        if (is_norm(&graph->nodes[n])) NW_TRY(train_norm(net, n, momentum, err));
    NW_TRY(nw_graph_finish(graph, err));
    bool *learned = nw_calloc(graph->value_count, sizeof *learned);
    if (!learned) return nw_no_memory(err, graph->value_count, "the parameters of a model");
    nw_status status = find_parameters(net, learned, err);
    nw_free(learned);
    return status;
}

nw_status nw_training_net_new(nw_model *model, float momentum, nw_training_net *out, nw_error *err)
{
    if (!(momentum >= 0 && momentum < 1))
        return nw_fail(err, NW_BAD_INPUT,
                       "the momentum of batch-norms must be at least 0 and below 1, not %g",
                       (double)momentum);
    nw_training_net net = {0};
    nw_status status = fill(&net, model, momentum, err);
    if (status == NW_OK)
        *out = net;
    else
        nw_training_net_clear(&net);
    return status;
}

void nw_training_net_clear(nw_training_net *net)
{
    for (size_t i = 0; i < net->parameter_count; i++) nw_free(net->parameters[i]);
    for (size_t i = 0; i < net->running_count; i++) {
        nw_free(net->running[i]);
        nw_free(net->updated[i]);
    }
    nw_free(net->parameters);
    nw_free(net->decay);
    nw_free(net->running);
    nw_free(net->updated);
    nw_model_unref(net->model);
    nw_model_unref(net->base);
    *net = (nw_training_net){0};
}
