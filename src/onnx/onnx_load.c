/* nw_model_load: file, digest, graph, operators, sidecar. */
#include "base/file.h"
#include "base/memory.h"
#include "onnx/onnx.h"
#include "ops/op.h"

#include <string.h>
#include <sys/stat.h>

static const size_t default_limit = (size_t)8 << 30;

static bool lacks(nw_node *node)
{
    node->op = nw_op_find(node->op_type, node->domain);
    return !node->op || node->opset < node->op->since;
}

nw_status nw_onnx_resolve(nw_graph *graph, nw_error *err)
{
    const nw_node *first = NULL;
    size_t others = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        if (!lacks(&graph->nodes[i])) continue;
        if (first)
            others++;
        else
            first = &graph->nodes[i];
    }
    if (!first) return NW_OK;
    char more[64] = "";
    if (others) snprintf(more, sizeof more, "; so are %zu other node%s", others, others > 1 ? "s" : "");
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
    status = nw_onnx_parse(file.data, file.size, &options, model, err);
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
