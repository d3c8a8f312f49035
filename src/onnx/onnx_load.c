/* nw_model_load: file, digest, graph, operators, sidecar. */
#include "base/file.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "onnx/onnx.h"
#include "ops/op.h"

#include <string.h>
#include <sys/stat.h>

static const size_t default_limit = (size_t)8 << 30;

static bool lacks(const nw_node *node)
{
    return !node->op || node->opset < node->op->since;
}

enum { NAMED = 6, MORE_TEXT = 384 };

/* ", nor are those of 3 other nodes (Loop, Scan)"; "" where `first` is the only one that Narrows lacks. */
static void name_others(const nw_graph *graph, const nw_node *first, char text[MORE_TEXT])
{
    const char *types[NAMED];
    size_t others = 0;
    int named = 0;
    bool all = true;
    text[0] = 0;
    for (const nw_node *node = first + 1; node < graph->nodes + graph->node_count; node++) {
        if (!lacks(node)) continue;
        others++;
        int i = 0;
        while (i < named && strcmp(types[i], node->op_type) != 0) i++;
        if (i < named) continue;
        if (named < NAMED)
            types[named++] = node->op_type;
        else
            all = false;
    }
    if (!others) return;
    int used =
        snprintf(text, MORE_TEXT, ", nor are those of %zu other node%s (", others, others > 1 ? "s" : "");
    for (int i = 0; i < named; i++)
        used += snprintf(text + used, MORE_TEXT - (size_t)used, "%s%.40s", i ? ", " : "", types[i]);
    snprintf(text + used, MORE_TEXT - (size_t)used, "%s)", all ? "" : ", ...");
}

nw_status nw_onnx_resolve(nw_graph *graph, nw_error *err)
{
    const nw_node *first = NULL;
    for (size_t i = graph->node_count; i-- > 0;) {
        nw_node *node = &graph->nodes[i];
        node->op = nw_op_find(node->op_type, node->domain);
        if (lacks(node)) first = node;
    }
    if (!first) return NW_OK;
    char more[MORE_TEXT];
    name_others(graph, first, more);
    if (!first->op)
        return nw_node_fail(err, NW_UNSUPPORTED, graph, first,
                            "the operator%s%.60s is not supported%s (`narrows ops` lists those that are)",
                            first->domain[0] ? " of domain " : "", first->domain, more);
    if (first->opset < 1)
        return nw_node_fail(
            err, NW_BAD_MODEL, graph, first,
            "the model does not say which version of ONNX's operators it means (opset_import)");
    return nw_node_fail(
        err, NW_UNSUPPORTED, graph, first,
        "the operator is not supported as opset %d defines it%s; export the model with opset %d or "
        "newer",
        first->opset, more, first->op->since);
}

/* The sidecar that was asked for, or the one beside the model where there is one. */
static nw_status load_sidecar(const char *path, const char *wanted, nw_model *model, nw_error *err)
{
    if (wanted) return nw_onnx_sidecar(wanted, model, err);
    size_t n = strlen(path);
    if (!nw_path_ends(path, ".onnx")) return NW_OK;
    char *beside = nw_strdup_printf("%.*s.json", (int)(n - 5), path);
    if (!beside) return nw_no_memory(err, n, "the name of a file");
    struct stat st;
    nw_status status =
        stat(beside, &st) == 0 && S_ISREG(st.st_mode) ? nw_onnx_sidecar(beside, model, err) : NW_OK;
    nw_free(beside);
    return status;
}

/* A file in memory: one thread makes the graph of it, one its digest. */
typedef struct loading {
    const nw_bytes *file;
    const nw_onnx_options *options;
    nw_model *model;
    nw_status status;
    nw_error *err;
} loading;

static void parse_or_hash(void *context, size_t begin, size_t end)
{
    loading *l = context;
    for (size_t i = begin; i < end; i++) {
        if (i == 0)
            l->status = nw_onnx_parse(l->file->data, l->file->size, l->options, l->model, l->err);
        else
            nw_digest_hash(l->options->digest);
    }
}

static nw_status load_graph(const char *path, size_t limit, nw_model *model, nw_error *err)
{
    nw_bytes file;
    nw_status status = nw_file_read(path, limit, &file, err);
    if (status == NW_BAD_INPUT) return nw_fail(err, NW_BAD_MODEL, "%s", err->message);
    NW_TRY(status);
    nw_digest digest;
    nw_digest_start(&digest, file.data, file.size);
    bool standard_input = strcmp(path, "-") == 0;
    nw_onnx_options options = {.name = standard_input ? "standard input" : path,
                               .path = standard_input ? NULL : path,
                               .max_bytes = limit - file.size,
                               .digest = &digest};
    loading l = {&file, &options, model, NW_OK, err};
    nw_parallel(2, 1, parse_or_hash, &l);
    status = l.status;
    nw_digest_finish(&digest, model->digest);
    nw_free(file.data);
    return status;
}

nw_status nw_model_load(const char *path, const nw_load_options *options, nw_model **out, nw_error *err)
{
    nw_error own; /* messages are put together from others */
    if (!err) err = &own;
    nw_model *model;
    NW_TRY(nw_model_new(path, &model, err));
    nw_status status =
        load_graph(path, options && options->max_bytes ? options->max_bytes : default_limit, model, err);
    if (status == NW_OK) status = nw_onnx_resolve(model->graph, err);
    if (status == NW_OK) status = load_sidecar(path, options ? options->metadata_json : NULL, model, err);
    if (status != NW_OK) {
        nw_model_unref(model);
        return status;
    }
    *out = model;
    return NW_OK;
}
