#include "commands.h"
#include "json.h"
#include "terminal.h"

typedef struct arguments {
    cli_common common;
} arguments;

static const char *yes(int value)
{
    return value ? "yes" : "-";
}

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    const arguments *a = given;
    (void)operands;
    if (a->common.json) {
        json_t *array = json_array();
        for (size_t i = 0; i < nw_op_count(); i++) {
            nw_op_info op = nw_op_info_get(i);
            json_array_append_new(array, json_pack("{s:s, s:i, s:b, s:b, s:b, s:s}", "name", op.type, "since",
                                                   op.since, "forward", 1, "backward", op.backward, "fast",
                                                   op.fast, "limits", op.limits));
        }
        return cli_json_print(json_pack("{s:o}", "operators", array), err);
    }
    cli_table *table = cli_table_new("operator|>opset|forward|backward|fast|limits");
    for (size_t i = 0; i < nw_op_count(); i++) {
        nw_op_info op = nw_op_info_get(i);
        cli_table_cell(table, "%s", op.type);
        cli_table_cell(table, "%d", op.since);
        cli_table_cell(table, "yes");
        cli_table_cell(table, "%s", yes(op.backward));
        cli_table_cell(table, "%s", yes(op.fast));
        cli_table_cell(table, "%s", op.limits);
    }
    cli_table_print(table);
    return NW_OK;
}

const cli_command cli_ops = {
    .name = "ops",
    .operands = "",
    .summary = "operators and what each supports",
    .description = "Lists the ONNX operators that a model may use: the first opset whose definition is "
                   "implemented, whether "
                   "gradients flow through it, whether it has a fast path (others run in plain loops, slow "
                   "but right), and "
                   "what is refused.",
    .examples = "  narrows ops\n  narrows ops --json",
    .size = sizeof(arguments),
    .run = run,
};
