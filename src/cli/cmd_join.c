#include "commands.h"
#include "json.h"
#include "terminal.h"

#include <stdlib.h>
#include <string.h>

typedef struct arguments {
    cli_common common;
    const char *output, *layer;
} arguments;

static const cli_option options[] = {
    {"output", 'o', CLI_TEXT, offsetof(arguments, output), "JOINED.onnx",
     .help = "file of the network; needed"},
    {"layer", 0, CLI_TEXT, offsetof(arguments, layer), "NAME",
     .help = "tensor of each network that becomes part of the joined one, where a bottleneck may go; without "
             "it the one "
             "that each recommends"},
    {0},
};

/* A tensor around which there are other paths can be joined, and is of no use to a bottleneck. */
static nw_status check_cut(nw_model *joined, const char *layer, nw_error *err)
{
    nw_inspection *seen;
    nw_status status = nw_inspect(joined, NULL, 0, &seen, err);
    if (status != NW_OK) return status;
    bool found = false;
    for (size_t i = 0; i < seen->bottleneck_count; i++)
        found |= strcmp(seen->bottlenecks[i].name, "joined") == 0;
    nw_inspection_free(seen);
    return found
               ? NW_OK
               : cli_fail(err, NW_BAD_INPUT,
                          "joined at '%s' the networks cannot hold a bottleneck: there are paths from the "
                          "input to "
                          "the output around it (`narrows inspect` lists the tensors of a network that can)",
                          layer ? layer : "what they recommend");
}

static nw_status report(const arguments *a, const nw_model *joined, cli_list operands, nw_error *err)
{
    const char *layer = nw_model_metadata(joined, "narrows.bottleneck");
    if (a->common.json) {
        json_t *names = json_array();
        for (size_t i = 0; i < operands.count; i++)
            json_array_append_new(names, json_string(operands.items[i]));
        return cli_json_print(json_pack("{s:s, s:s, s:o, s:o}", "model", a->output, "digest",
                                        nw_model_digest(joined), "members", names, "bottleneck",
                                        json_loads(layer, JSON_DECODE_ANY, NULL)),
                              err);
    }
    cli_note("wrote %s: %zu networks, joined at %s", a->output, operands.count, layer);
    return NW_OK;
}

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    const arguments *a = given;
    if (!a->output) return cli_fail(err, NW_USAGE, "-o JOINED.onnx is missing: where the network is written");
    nw_status status = NW_OK;
    nw_model **members = cli_calloc(operands.count, sizeof *members), *joined = NULL;
    for (size_t i = 0; i < operands.count && status == NW_OK; i++)
        status = nw_model_load(operands.items[i], NULL, &members[i], err);
    if (status == NW_OK) status = nw_network_join(members, operands.count, a->layer, &joined, err);
    if (status == NW_OK) status = check_cut(joined, a->layer, err);
    if (status == NW_OK) status = nw_model_save(joined, a->output, err);
    if (status == NW_OK) status = report(a, joined, operands, err);
    for (size_t i = 0; i < operands.count; i++) nw_model_unref(members[i]);
    nw_model_unref(joined);
    free(members);
    return status;
}

const cli_command cli_join = {
    .name = "join",
    .operands = "MODEL.onnx MODEL.onnx...",
    .least = 2,
    .most = 64,
    .summary = "several trained networks as one",
    .description = "Writes one network that runs all of the given ones and gives the mean of their logits, "
                   "which is nearer to the "
                   "truth than what each of them says, at the cost of all. What they see at one depth "
                   "becomes one tensor, so that "
                   "explain, stats, quantify and evaluate work as for any network, and the bits are of what "
                   "all of them together "
                   "need to know.\n\nThe networks must have been trained for the same images and classes: "
                   "same preprocessing, same "
                   "outputs. Seeds, training data and architectures may differ, as long as the layers have "
                   "the same size.",
    .examples = "  for s in 0 1 2; do narrows train labels.csv -o net$s.onnx --seed $s; done\n"
                "  narrows join net0.onnx net1.onnx net2.onnx -o net.onnx\n"
                "  narrows stats net.onnx images -o net.stats",
    .options = options,
    .size = sizeof(arguments),
    .run = run,
};
