/* The ONNX reader over bytes in memory. What parses must also survive a copy and the questions that messages
 * ask. */
#include "graph/model.h"
#include "onnx/onnx.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nw_model *model;
    nw_error err = {0};
    const nw_onnx_options options = {.name = "fuzz.onnx"};
    if (nw_model_new("fuzz.onnx", &model, &err) != NW_OK) return 0;
    nw_status status = nw_onnx_parse(data, size, &options, model, &err);
    if (status == NW_OK) {
        nw_graph *copy;
        char text[NW_SUGGEST_TEXT];
        if (nw_graph_clone(model->graph, &copy, &err) != NW_OK || nw_graph_finish(copy, &err) != NW_OK)
            abort();
        if (nw_model_output_count(model))
            nw_graph_suggest(copy, nw_model_output_name(model, 0), text, sizeof text);
        nw_graph_free(copy);
        status = nw_onnx_resolve(model->graph, &err);
    }
    /* A failure says something, in one line. */
    if (status != NW_OK && !err.message[0]) abort();
    nw_model_unref(model);
    return 0;
}
