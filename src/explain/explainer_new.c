/* From options to an explainer: the input, the layer and the head are resolved and checked. */
#include "base/memory.h"
#include "explain/explainer.h"
#include "ops/fast_conv_int8.h"

#include <stdio.h>
#include <string.h>

/* The dimensions, but the batch, that make the model's input the wanted shape; they must not contradict the
 * file. */
static nw_status fix_input(nw_explainer *e, const nw_shape *wanted, nw_error *err)
{
    const nw_model *model = e->model;
    const char *path = model->path;
    if (nw_model_input_count(model) != 1)
        return nw_fail(err, NW_UNSUPPORTED,
                       "%s: the model has %zu inputs; a model with one image as input is wanted", path,
                       nw_model_input_count(model));
    e->input = nw_strdup(nw_model_input_name(model, 0));
    if (!e->input) return nw_no_memory(err, 0, "an explainer");
    if (!wanted) return NW_OK;
    char text[NW_SHAPE_TEXT];
    int rank = nw_model_input_rank(model, 0);
    const int64_t *dims = nw_model_input_dims(model, 0);
    if (wanted->rank < 3 || wanted->rank > 5 || wanted->dims[0] != 1 || (rank >= 0 && rank != wanted->rank))
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: an input of shape %s does not fit: '%s' has %d dimensions, the first is one "
                       "image at a time",
                       path, nw_shape_text(wanted, text, sizeof text), e->input, rank);
    e->dimensions = nw_calloc((size_t)wanted->rank, sizeof *e->dimensions);
    if (!e->dimensions) return nw_no_memory(err, 0, "an explainer");
    for (int i = 1; i < wanted->rank; i++) {
        if (rank >= 0 && dims[i] >= 0 && dims[i] != wanted->dims[i])
            return nw_fail(err, NW_BAD_INPUT,
                           "%s: an input of shape %s does not fit: dimension %d of '%s' is %lld", path,
                           nw_shape_text(wanted, text, sizeof text), i, e->input, (long long)dims[i]);
        char *name = nw_strdup_printf("%s[%d]", e->input, i);
        if (!name) return nw_no_memory(err, 0, "an explainer");
        e->dimensions[e->dimension_count++] = (nw_dimension){name, wanted->dims[i]};
    }
    return NW_OK;
}

static const char *recommended(const nw_anatomy *a)
{
    for (size_t i = 0; i < a->bottleneck_count; i++)
        if (a->bottlenecks[i].recommended) return a->bottlenecks[i].name;
    return NULL;
}

/* Parts of one (of joined networks, whose last map is in one piece before) are none. */
static int last_feature_map(const nw_anatomy *a)
{
    for (size_t n = a->graph->node_count; n-- > 0;) {
        bool part = strcmp(a->graph->nodes[n].op_type, "Split") == 0;
        for (int i = 0; a->live[n] && !part && i < a->graph->nodes[n].output_count; i++) {
            int v = a->graph->nodes[n].outputs[i];
            if (v >= 0 && nw_is_feature_map(&a->graph->values[v])) return v;
        }
    }
    return -1;
}

/* The value of a name: a tensor, or a node's first output. */
static int find_layer(const nw_graph *graph, const char *name)
{
    int v = nw_graph_find(graph, name);
    for (size_t n = 0; v < 0 && n < graph->node_count; n++)
        if (strcmp(graph->nodes[n].name, name) == 0) v = graph->nodes[n].outputs[0];
    return v;
}

static nw_status check_layer(const nw_explainer *e, const nw_anatomy *a, int v, nw_error *err)
{
    const nw_value *value = &a->graph->values[v];
    const char *path = e->model->path, *better = recommended(a);
    bool live = value->producer >= 0 && a->live[value->producer] && v != a->logits;
    char text[NW_SHAPE_TEXT];
    if (!live)
        return nw_fail(err, NW_BAD_INPUT, "%s: '%s' is not between the input and the output '%s'", path,
                       value->name, a->head.logits);
    if (!nw_is_feature_map(value))
        return nw_fail(err, NW_BAD_INPUT, "%s: '%s' is no feature map with positions, its shape is %s%s%s%s",
                       path, value->name, nw_shape_text(&value->shape, text, sizeof text),
                       better ? "; '" : "", better ? better : "", better ? "' is one" : "");
    if (!e->method->at_cut) return NW_OK;
    for (size_t i = 0; i < a->bottleneck_count; i++)
        if (strcmp(a->bottlenecks[i].name, value->name) == 0) return NW_OK;
    return nw_fail(
        err, NW_BAD_INPUT,
        "%s: '%s' cannot hold a bottleneck: there are paths from the input to the output around it%s%s%s "
        "(`narrows inspect` lists the tensors that can)",
        path, value->name, better ? "; '" : "", better ? better : "", better ? "' is recommended" : "");
}

static nw_status set_layer(nw_explainer *e, const nw_value *value, nw_error *err)
{
    e->layer = nw_strdup(value->name);
    if (!e->layer) return nw_no_memory(err, 0, "an explainer");
    e->layer_shape.rank = value->shape.rank - 1;
    memcpy(e->layer_shape.dims, value->shape.dims + 1,
           (size_t)e->layer_shape.rank * sizeof *value->shape.dims);
    return NW_OK;
}

static nw_status take_layer(nw_explainer *e, const nw_anatomy *a, const char *name, nw_error *err)
{
    int v = -1;
    if (e->method->info.at_input) {
        if (name)
            return nw_fail(err, NW_USAGE,
                           "%s explains at the model's input: it takes no layer, '%.200s' was given",
                           e->method->info.name, name);
        return set_layer(e, &a->graph->values[a->image], err);
    }
    if (name) {
        v = find_layer(a->graph, name);
        char near[NW_SUGGEST_TEXT];
        if (v < 0) nw_graph_suggest(a->graph, name, near, sizeof near);
        if (v < 0)
            return nw_fail(err, NW_BAD_INPUT, "%s: there is no layer '%s'%s%s; `narrows inspect` lists them",
                           e->model->path, name, near[0] ? "; did you mean " : "", near);
    } else if (e->method->at_cut) {
        if (recommended(a)) v = nw_graph_find(a->graph, recommended(a));
        if (v < 0)
            return nw_fail(
                err, NW_UNSUPPORTED,
                "%s: no tensor is recommended for the bottleneck (%zu could hold one); name one as layer",
                e->model->path, a->bottleneck_count);
    } else {
        v = last_feature_map(a);
        if (v < 0)
            return nw_fail(err, NW_UNSUPPORTED, "%s: the model has no feature map with positions",
                           e->model->path);
    }
    NW_TRY(check_layer(e, a, v, err));
    return set_layer(e, &a->graph->values[v], err);
}

static nw_status choose_layer(nw_explainer *e, const nw_anatomy *a, nw_error *err)
{
    if (e->options.layer || !e->method->at_cut) return take_layer(e, a, e->options.layer, err);
    char *named;
    NW_TRY(nw_metadata_text(e->model, "narrows.bottleneck", &named, err));
    nw_status status = take_layer(e, a, named, err);
    if (status != NW_OK && named) nw_fail_within(err, status, "metadata narrows.bottleneck");
    nw_free(named);
    return status;
}

static nw_status check_head(const nw_explainer *e, nw_error *err)
{
    const char *path = e->model->path;
    int64_t count = e->head.count, most = e->head.kind == NW_HEAD_SIGMOID ? 2 : count;
    if (count < 1 || count > 10 * 1000 * 1000)
        return nw_fail(err, NW_UNSUPPORTED, "%s: output '%s' holds %lld numbers an image", path,
                       e->head.logits, (long long)count);
    if (e->options.target >= most)
        return nw_fail(err, NW_BAD_INPUT, "%s: there is no target %lld: output '%s' has %lld, from 0 on (%s)",
                       path, (long long)e->options.target, e->head.output, (long long)most,
                       nw_head_name(e->head.kind));
    nw_loss loss;
    return nw_loss_resolve(&e->options, &e->head, &loss, err);
}

static nw_status check_stats(const nw_explainer *e, nw_error *err)
{
    nw_stats *stats = e->options.stats;
    if (!e->method->info.needs_stats) return NW_OK;
    if (!stats)
        return nw_fail(err, NW_USAGE, "%s needs feature statistics of '%s': make them with `narrows stats`",
                       e->method->info.name, e->layer);
    const nw_stats_facts *facts = nw_stats_get_facts(stats);
    if (facts->model_digest && strcmp(facts->model_digest, nw_model_digest(e->model)) != 0)
        return nw_fail(err, NW_BAD_INPUT,
                       "the statistics are of another model: of SHA-256 %.64s, this model's is %s",
                       facts->model_digest, nw_model_digest(e->model));
    if (facts->tensor && strcmp(facts->tensor, e->layer) != 0)
        return nw_fail(err, NW_BAD_INPUT, "the statistics are of the tensor '%.200s', the layer is '%s'",
                       facts->tensor, e->layer);
    const nw_shape *shape = nw_stats_shape(stats);
    char given[NW_SHAPE_TEXT], wanted[NW_SHAPE_TEXT];
    if (!nw_shape_equal(shape, &e->layer_shape))
        return nw_fail(err, NW_BAD_INPUT, "the statistics have the shape %s, the layer '%s' has %s",
                       nw_shape_text(shape, given, sizeof given), e->layer,
                       nw_shape_text(&e->layer_shape, wanted, sizeof wanted));
    return NW_OK;
}

/* Only a loop gains from fewer digits, and a single forward pass would lose them. (docs/results/speed-maps.md) */
static void resolve_precision(nw_explainer *e)
{
    bool loops = e->method->bottleneck != NULL;
    nw_precision *p = &e->options.precision;
    if (*p == NW_PRECISION_AUTO) *p = loops && nw_int8_conv_available() ? NW_PRECISION_INT8 : NW_PRECISION_F32;
    if (!loops && *p != NW_PRECISION_F64) *p = NW_PRECISION_F32;
}

nw_status nw_explainer_compile(nw_explainer *e, const char *input, const char *const *outputs,
                               size_t output_count, const char *diff, int batch, nw_program **out,
                               nw_error *err)
{
    /* The loop is after the layer: before it nothing is gained by fewer digits. Nor, beside a loop, by weights that
     * take long to prepare; a method without one is little else than that pass, and has it from the second
     * image on. */
    bool before = !input && e->options.precision != NW_PRECISION_F64;
    nw_program_options options = {.inputs = input ? &input : NULL,
                                  .input_count = input ? 1 : 0,
                                  .outputs = outputs,
                                  .output_count = output_count,
                                  .diffs = diff ? &diff : NULL,
                                  .diff_count = diff ? 1 : 0,
                                  .batch = batch,
                                  .dimensions = e->dimensions,
                                  .dimension_count = e->dimension_count,
                                  .precision = before ? NW_PRECISION_F32 : e->options.precision,
                                  .few_runs = before && e->method->bottleneck,
                                  .threads = e->options.threads,
                                  .profile = e->options.profile};
    NW_TRY(nw_program_compile(e->model, &options, out, err));
    if (!diff || nw_program_diff(*out, diff, NULL)) return NW_OK;
    nw_program_free(*out);
    return nw_fail(
        err, NW_UNSUPPORTED,
        "%s: no gradient reaches '%s' from '%s': an operator between them has none ('narrows ops' tells "
        "which do); name an --output before it",
        nw_model_path(e->model), diff, outputs[0]);
}

static nw_status build(nw_explainer *e, const nw_shape *input_shape, nw_error *err)
{
    NW_TRY(nw_explain_options_check(&e->options, err));
    resolve_precision(e);
    NW_TRY(fix_input(e, input_shape, err));
    nw_anatomy a;
    NW_TRY(nw_anatomy_new(e->model, e->options.output, e->dimensions, e->dimension_count, &a, err));
    e->head = a.head;
    e->input_shape = a.graph->values[a.image].shape;
    nw_status status = check_head(e, err);
    if (status == NW_OK) status = choose_layer(e, &a, err);
    nw_anatomy_clear(&a);
    NW_TRY(status);
    e->options.layer = e->options.output = NULL; /* the caller's strings; they are resolved now */
    NW_TRY(check_stats(e, err));
    const char *outputs[] = {e->layer, e->head.logits};
    bool at_input = e->method->info.at_input;
    NW_TRY(nw_explainer_compile(e, NULL, at_input ? outputs + 1 : outputs,
                                at_input || e->method->features_only ? 1 : 2,
                                e->method->gradient ? e->layer : NULL, 1, &e->before, err));
    return e->method->prepare ? e->method->prepare(e, err) : NW_OK;
}

nw_status nw_explainer_make(nw_model *model, const nw_method *method, const nw_explain_options *options,
                            const nw_shape *input_shape, nw_explainer **out, nw_error *err)
{
    nw_explainer *e = nw_calloc(1, sizeof *e);
    if (!e) return nw_no_memory(err, sizeof *e, "an explainer");
    e->method = method;
    e->model = nw_model_ref(model);
    if (options)
        e->options = *options;
    else
        nw_explain_options_init(&e->options);
    nw_status status = build(e, input_shape, err);
    if (status != NW_OK) {
        nw_explainer_free(e);
        return status;
    }
    *out = e;
    return NW_OK;
}

nw_status nw_explainer_new(nw_model *model, const char *method, const nw_explain_options *options,
                           const nw_shape *input_shape, nw_explainer **out, nw_error *err)
{
    const nw_method *found = nw_method_by_name(method);
    if (found) return nw_explainer_make(model, found, options, input_shape, out, err);
    char names[256] = "";
    for (size_t i = 0; i < nw_method_count(); i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", nw_method_list(i)->name);
    }
    return nw_fail(err, NW_USAGE, "there is no method '%.60s'; there are: %s", method, names);
}
