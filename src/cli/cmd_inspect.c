#include "commands.h"
#include "job.h"
#include "json.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>

typedef struct arguments {
    cli_common common;
    cli_model_options model;
} arguments;

static const cli_option options[] = {CLI_MODEL_OPTIONS(arguments, model), {0}};

static json_t *value_json(const nw_value_info *value)
{
    return json_pack("{s:o, s:o}", "name", cli_json_text(value->name), "shape",
                     cli_json_shape(&value->shape));
}

static json_t *classes_json(const cli_job *job)
{
    json_t *array = json_array();
    for (size_t i = 0; i < job->class_count; i++)
        json_array_append_new(array, cli_json_text(job->classes[i]));
    return array;
}

static nw_status print_json(const cli_job *job, const nw_inspection *in, nw_error *err)
{
    json_t *root = json_object(), *array;
    json_object_set_new(root, "model", cli_json_text(nw_model_path(job->model)));
    json_object_set_new(root, "digest", cli_json_text(nw_model_digest(job->model)));
    json_object_set_new(root, "inputs", array = json_array());
    for (size_t i = 0; i < in->input_count; i++) json_array_append_new(array, value_json(&in->inputs[i]));
    json_object_set_new(root, "outputs", array = json_array());
    for (size_t i = 0; i < in->output_count; i++) json_array_append_new(array, value_json(&in->outputs[i]));
    const nw_head *head = &in->head;
    json_object_set_new(root, "head",
                        json_pack("{s:s, s:o, s:o, s:b, s:I, s:o}", "kind", nw_head_name(head->kind),
                                  "output", cli_json_text(head->output), "logits",
                                  cli_json_text(head->logits), "activated", head->activated != 0, "count",
                                  (json_int_t)head->count, "reason", cli_json_text(head->reason)));
    json_object_set_new(root, "classes", classes_json(job));
    json_object_set_new(root, "parameters", json_integer(in->parameters));
    json_object_set_new(root, "multiply_adds", json_integer(in->multiply_adds));
    json_object_set_new(root, "layers", array = json_array());
    for (size_t i = 0; i < in->layer_count; i++) {
        const nw_layer_info *l = &in->layers[i];
        json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:o, s:I, s:I}", "node",
                                               cli_json_text(l->node), "op", cli_json_text(l->op), "tensor",
                                               cli_json_text(l->tensor), "shape", cli_json_shape(&l->shape),
                                               "parameters", (json_int_t)l->parameters, "multiply_adds",
                                               (json_int_t)l->multiply_adds));
    }
    json_object_set_new(root, "bottlenecks", array = json_array());
    for (size_t i = 0; i < in->bottleneck_count; i++) {
        const nw_bottleneck_info *b = &in->bottlenecks[i];
        json_array_append_new(array, json_pack("{s:o, s:o, s:b, s:o}", "name", cli_json_text(b->name),
                                               "shape", cli_json_shape(&b->shape), "recommended",
                                               b->recommended != 0, "reason", cli_json_text(b->reason)));
    }
    return cli_json_print(root, err);
}

static void print_text(const cli_job *job, const nw_inspection *in)
{
    char shape[CLI_SHAPE], a[CLI_AMOUNT], b[CLI_AMOUNT];
    printf("model     %s\ndigest    %s\n", nw_model_path(job->model), nw_model_digest(job->model));
    for (size_t i = 0; i < in->input_count; i++)
        printf("input     %s  %s\n", in->inputs[i].name, cli_shape(&in->inputs[i].shape, shape));
    for (size_t i = 0; i < in->output_count; i++)
        printf("output    %s  %s\n", in->outputs[i].name, cli_shape(&in->outputs[i].shape, shape));
    printf("head      %s: %s\n", nw_head_name(in->head.kind), in->head.reason);
    if (job->class_count) {
        printf("classes   ");
        for (size_t i = 0; i < job->class_count; i++) printf("%s%zu %s", i ? ", " : "", i, job->classes[i]);
        putchar('\n');
    }
    printf("size      %s parameters, %s multiply-adds an image\n\n", cli_amount((double)in->parameters, a),
           cli_amount((double)in->multiply_adds, b));

    cli_table *table = cli_table_new("op|tensor|shape|>parameters|>multiply-adds");
    for (size_t i = 0; i < in->layer_count; i++) {
        const nw_layer_info *l = &in->layers[i];
        cli_table_cell(table, "%s", l->op);
        cli_table_cell(table, "%s", l->tensor);
        cli_table_cell(table, "%s", cli_shape(&l->shape, shape));
        cli_table_cell(table, "%s", l->parameters ? cli_amount((double)l->parameters, a) : "-");
        cli_table_cell(table, "%s", l->multiply_adds ? cli_amount((double)l->multiply_adds, a) : "-");
    }
    cli_table_print(table);
    if (in->bottleneck_count == 0) {
        printf("\nNo tensor can hold a bottleneck: there is no feature map through which every path to the "
               "output "
               "passes.\n");
        return;
    }
    printf("\nTensors that can hold a bottleneck (* is recommended):\n\n");
    table = cli_table_new(" |tensor|shape|why");
    for (size_t i = 0; i < in->bottleneck_count; i++) {
        const nw_bottleneck_info *k = &in->bottlenecks[i];
        cli_table_cell(table, "%s", k->recommended ? "*" : "");
        cli_table_cell(table, "%s", k->name);
        cli_table_cell(table, "%s", cli_shape(&k->shape, shape));
        cli_table_cell(table, "%s", k->reason);
    }
    cli_table_print(table);
}

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    const arguments *a = given;
    cli_job job;
    nw_inspection *in = NULL;
    nw_status status = cli_job_open(operands.items[0], &a->model, &job, err);
    if (status == NW_OK) status = nw_inspect(job.model, job.dimensions, job.dimension_count, &in, err);
    if (status == NW_OK) {
        if (a->common.json)
            status = print_json(&job, in, err);
        else
            print_text(&job, in);
    }
    nw_inspection_free(in);
    cli_job_free(&job);
    return status;
}

const cli_command cli_inspect = {
    .name = "inspect",
    .operands = "MODEL",
    .summary = "what is in a model, and which tensors can hold a bottleneck",
    .description =
        "Shows the inputs, outputs and head of an ONNX classifier, its layers with their shapes, parameters "
        "and "
        "multiply-adds, and the inner tensors that can hold an information bottleneck, with a "
        "recommendation and its reason.\n\n"
        "A tensor can hold a bottleneck if it is a feature map and every path from the input to the output "
        "passes through it: else information would get around the noise.",
    .examples = "  narrows inspect model.onnx\n  narrows inspect model.onnx --json\n"
                "  narrows inspect model.onnx --dim height=256 --dim width=256",
    .options = options,
    .size = sizeof(arguments),
    .least = 1,
    .most = 1,
    .run = run,
};
