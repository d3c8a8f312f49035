/* New heads: the same features, a new last layer. */
#include "network.h"

#include "base/file.h"
#include "support/network.h"

#include <dirent.h>

#define GOLDENS NW_TEST_SOURCE "/tests/golden/data/torch"

/* The layer with weights that ends the graph, found by its output "logits". */
static const nw_node *last_layer(const nw_graph *graph)
{
    const nw_node *node = &graph->nodes[graph->values[nw_graph_find(graph, "logits")].producer];
    while (strcmp(node->op_type, "Gemm") != 0 && strcmp(node->op_type, "Conv") != 0)
        node = &graph->nodes[graph->values[node->inputs[0]].producer];
    return node;
}

/* The logits by hand, in double, from the features that the old model computes: W f + b, or the mean of it
 * over all positions, which is W (mean f) + b. */
static void check_logits(nw_model *old, nw_model *model)
{
    const nw_graph *graph = model->graph;
    const nw_node *node = last_layer(graph);
    const nw_tensor *w = graph->values[node->inputs[1]].data, *b = graph->values[node->inputs[2]].data;
    const char *features = graph->values[node->inputs[0]].name;
    if (strcmp(features, "features.flat") == 0) /* a Flatten of the old one */
        features = graph->values[graph->nodes[graph->values[node->inputs[0]].producer].inputs[0]].name;
    nw_program *program = NULL;
    must(nw_program_compile(old, &(nw_program_options){.outputs = &features, .output_count = 1, .batch = 2},
                            &program, err));
    nw_shape shape;
    float *x = nw_program_input(program, nw_model_input_name(old, 0), &shape);
    int64_t n = 1, positions = 1, channels = w->shape.dims[1], outputs = w->shape.dims[0];
    for (int i = 0; i < shape.rank; i++) n *= shape.dims[i];
    for (int64_t i = 0; i < n; i++) x[i] = network_hashed((uint32_t)i);
    must(nw_program_run(program, err));
    const float *f = nw_program_output(program, features, &shape);
    for (int i = 2; i < shape.rank; i++) positions *= shape.dims[i];
    if (strcmp(node->op_type, "Gemm") == 0) positions = 1;
    size_t count;
    float *logits = network_run(model, 2, &count);
    assert_int_equal(count, 2 * outputs);
    double largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)logits[i]));
    assert_true(largest > 0);
    for (int64_t i = 0; i < (int64_t)count; i++) {
        double sum = 0;
        for (int64_t c = 0; c < channels; c++)
            for (int64_t p = 0; p < positions; p++)
                sum += (double)((const float *)w->data)[i % outputs * channels + c] *
                       (double)f[(i / outputs * channels + c) * positions + p];
        sum = sum / (double)positions + (double)((const float *)b->data)[i % outputs];
        assert_true(fabs((double)logits[i] - sum) <= 1e-5 * largest);
    }
    nw_free(logits);
    nw_program_free(program);
}

static void check_head(nw_model *old, int64_t outputs)
{
    nw_model *model = NULL, *same = NULL, *other = NULL;
    must(nw_network_new_head(old, outputs, 11, &model, err));
    must(nw_network_new_head(old, outputs, 11, &same, err));
    must(nw_network_new_head(old, outputs, 12, &other, err));
    assert_string_equal(nw_model_digest(model), nw_model_digest(same));
    assert_string_not_equal(nw_model_digest(model), nw_model_digest(other));
    assert_int_equal(nw_model_output_count(model), 1);
    assert_string_equal(nw_model_output_name(model, 0), "logits");
    check_logits(old, model);
    nw_head head;
    must(nw_head_detect(model, NULL, &head, err));
    assert_int_equal(head.count, outputs);
    assert_int_equal(head.activated, 0);
    /* All other weights are the old ones, and nothing is left over. */
    size_t fresh = 0;
    for (size_t i = 0; i < model->graph->value_count; i++) {
        const nw_value *value = &model->graph->values[i];
        int before = nw_graph_find(old->graph, value->name);
        if (value->data && (before < 0 || old->graph->values[before].data != value->data)) fresh++;
    }
    assert_int_equal(fresh, 2);
    nw_model_unref(model);
    nw_model_unref(same);
    nw_model_unref(other);
}

static void built_networks_get_heads(void **state)
{
    (void)state;
    for (size_t i = 0; i < nw_network_count(); i++) {
        nw_network_options options = network_options(nw_network_at(i)->name);
        nw_model *old = network_build(&options);
        check_head(old, 5);
        /* The same head as a network that is built with so many outputs. */
        nw_model *model = NULL, *built = NULL;
        options.outputs = 5;
        options.seed = 11;
        must(nw_network_new_head(old, 5, 11, &model, err));
        built = network_build(&options);
        const char *names[2] = {"fc.weight", "fc.bias"};
        for (int k = 0; k < 2 && nw_graph_find(built->graph, names[k]) >= 0; k++) {
            const nw_tensor *a = model->graph->values[nw_graph_find(model->graph, names[k])].data;
            const nw_tensor *b = built->graph->values[nw_graph_find(built->graph, names[k])].data;
            assert_true(nw_shape_equal(&a->shape, &b->shape));
            assert_memory_equal(a->data, b->data, (size_t)a->count * 4);
        }
        nw_model_unref(model);
        nw_model_unref(built);
        nw_model_unref(old);
    }
}

static void goldens_get_heads(void **state)
{
    (void)state;
    int seen = 0;
    DIR *dir = opendir(GOLDENS);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!nw_path_ends(entry->d_name, ".onnx")) continue;
        char path[1024];
        snprintf(path, sizeof path, GOLDENS "/%s", entry->d_name);
        nw_model *old = NULL;
        must(nw_model_load(path, NULL, &old, err));
        check_head(old, 1);
        check_head(old, 7);
        nw_model_unref(old);
        seen++;
    }
    closedir(dir);
    assert_true(seen >= 10);
}

/* What ends in `type`: a feature map [N, 6, 8, 8] and its mean. */
static ow begin(void)
{
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 2, 8, 8});
    net_conv(&m, "x", "a", 2, 6, 3, 1, 1);
    ow_node(&m, "Relu", "", "a", "map");
    ow_node(&m, "GlobalAveragePool", "", "map", "mean");
    ow_node(&m, "Flatten", "", "mean", "flat");
    net_weights(&m, "w", 2, (int64_t[]){6, 3}, 1, 0);
    net_weights(&m, "b", 1, (int64_t[]){3}, 1, 0);
    return m;
}

static void many_endings_are_known(void **state)
{
    (void)state;
    for (int ending = 0; ending < 6; ending++) {
        ow m = begin();
        switch (ending) {
        case 0:
            ow_node(&m, "Gemm", "head", "flat w b", "z");
            ow_node(&m, "Softmax", "", "z", "y");
            break;
        case 1:
            ow_node(&m, "MatMul", "head", "flat w", "z");
            ow_node(&m, "Add", "", "b z", "zb");
            ow_node(&m, "Sigmoid", "", "zb", "y");
            break;
        case 2: ow_node(&m, "MatMul", "head", "flat w", "y"); break;
        case 3:
            net_conv(&m, "map", "z", 6, 3, 1, 1, 1);
            ow_node(&m, "Relu", "", "z", "zr");
            ow_node(&m, "GlobalAveragePool", "", "zr", "zm");
            ow_node(&m, "Flatten", "", "zm", "y");
            break;
        case 4:
            net_conv(&m, "mean", "z", 6, 3, 1, 1, 1);
            ow_node(&m, "Flatten", "", "z", "y");
            break;
        default: /* [N, 1, 6]: one row of features an image, in three dimensions */
            ow_ints(&m, "shape", 3, (int64_t[]){0, 1, 6});
            break;
        }
        if (ending == 5) {
            ow_node(&m, "Reshape", "", "flat shape", "row");
            ow_node(&m, "MatMul", "head", "row w", "y");
        }
        ow_output(&m, "y");
        ow_output(&m, "map");
        ow_metadata(&m, "narrows.classes", "[\"a\",\"b\",\"c\"]");
        ow_metadata(&m, "narrows.head", "\"softmax\"");
        ow_metadata(&m, "narrows.input", "{}");
        ow_metadata(&m, "narrows.bottleneck", ending % 2 ? "\"map\"" : "\"z\"");
        nw_model *old = net_load(&m), *model = NULL;
        check_head(old, 4);
        must(nw_network_new_head(old, 4, 1, &model, err));
        assert_null(nw_model_metadata(model, "narrows.classes"));
        assert_null(nw_model_metadata(model, "narrows.head"));
        assert_string_equal(nw_model_metadata(model, "narrows.input"), "{}");
        assert_int_equal(nw_model_metadata(model, "narrows.bottleneck") != NULL, ending % 2);
        nw_model_unref(model);
        nw_model_unref(old);
    }
}

static void refused(ow *m, const char *word)
{
    ow_output(m, "y");
    nw_model *old = net_load(m), *model = NULL;
    nw_error err = {0};
    assert_int_equal(nw_network_new_head(old, 4, 1, &model, &err), NW_UNSUPPORTED);
    if (!strstr(err.message, word)) fail_msg("'%s' says nothing of '%s'", err.message, word);
    assert_null(model);
    nw_model_unref(old);
}

static void other_endings_are_named(void **state)
{
    (void)state;
    ow m = begin();
    ow_node(&m, "Identity", "", "flat", "y");
    refused(&m, "(GlobalAveragePool)");
    m = begin();
    ow_node(&m, "Gemm", "head", "flat w b", "z");
    ow_node(&m, "Tanh", "bound", "z", "y");
    refused(&m, "'bound' (Tanh)");
    /* A ReLU may follow a convolution, but means something else here. */
    m = begin();
    ow_node(&m, "Gemm", "head", "flat w b", "z");
    ow_node(&m, "Relu", "bound", "z", "y");
    refused(&m, "'bound' (Relu)");
    /* Positions one by one: rows of six numbers. */
    m = begin();
    ow_ints(&m, "shape", 3, (int64_t[]){0, -1, 6});
    ow_node(&m, "Reshape", "", "map shape", "rows");
    ow_node(&m, "MatMul", "head", "rows w", "y");
    refused(&m, "64 positions");
    m = begin();
    ow_node(&m, "Flatten", "", "x", "y");
    refused(&m, "no layer with weights");

    nw_network_options options = network_options("resnet18");
    nw_model *old = network_build(&options), *model = NULL;
    nw_error err;
    assert_int_equal(nw_network_new_head(old, 0, 1, &model, &err), NW_BAD_INPUT);
    assert_int_equal(nw_network_new_head(old, INT64_MAX, 1, &model, &err), NW_BAD_INPUT);
    nw_model_unref(old);
}

/* Weights depend on their names alone: a network that is resized is the one built for that size. */
static void resized_as_if_built(void **state)
{
    (void)state;
    for (size_t i = 0; i < nw_network_count(); i++) {
        nw_network_options options = network_options(nw_network_at(i)->name);
        nw_model *old = network_build(&options), *model = NULL;
        int64_t odd[3] = {options.size[0] + 1, options.size[1] + 13, options.size[2] + 9};
        memcpy(options.size, odd, (size_t)nw_network_at(i)->dims * sizeof *odd);
        nw_model *built = network_build(&options);
        must(nw_network_resize(old, odd, &model, err));
        assert_string_equal(nw_model_digest(model), nw_model_digest(built));
        assert_string_equal(nw_model_metadata(model, "narrows.bottleneck"),
                            nw_model_metadata(old, "narrows.bottleneck"));
        size_t count, same;
        float *a = network_run(model, 2, &count), *b = network_run(built, 2, &same);
        assert_int_equal(count, same);
        assert_memory_equal(a, b, count * sizeof *a);
        nw_free(a);
        nw_free(b);
        nw_model_unref(old);
        nw_model_unref(model);
        nw_model_unref(built);
    }
}

static void not_resized(nw_model *old, const int64_t *size, nw_status wanted, const char *word)
{
    nw_model *model = NULL;
    nw_error err = {0};
    assert_int_equal(nw_network_resize(old, size, &model, &err), wanted);
    if (!strstr(err.message, word)) fail_msg("'%s' says nothing of '%s'", err.message, word);
    assert_null(model);
}

/* A matrix over all positions, and a Reshape that takes what is too much for more images. */
static void layers_of_one_size_are_named(void **state)
{
    (void)state;
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 1, 4, 4});
    net_weights(&m, "w", 2, (int64_t[]){16, 3}, 1, 0);
    ow_ints(&m, "shape", 2, (int64_t[]){-1, 16});
    ow_node(&m, "Reshape", "row", "x shape", "r");
    ow_node(&m, "MatMul", "head", "r w", "y");
    ow_output(&m, "y");
    nw_model *old = net_load(&m);
    not_resized(old, (int64_t[]){5, 4}, NW_UNSUPPORTED, "'row'");
    not_resized(old, (int64_t[]){4, 8}, NW_UNSUPPORTED, "gives [2, 3] for images of [4, 8]");
    not_resized(old, (int64_t[]){0, 4}, NW_BAD_INPUT, "not 0");
    not_resized(old, (int64_t[]){4, INT64_MAX}, NW_BAD_INPUT, "from 1 to 65536");
    nw_model_unref(old);
    /* A size that the file leaves open can be fixed; a second output is of another size then. */
    nw_model *model = NULL;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 2, -1, -1});
    net_conv(&m, "x", "map", 2, 6, 3, 1, 1);
    ow_node(&m, "GlobalAveragePool", "", "map", "y");
    ow_output(&m, "y");
    ow_output(&m, "map");
    old = net_load(&m);
    must(nw_network_resize(old, (int64_t[]){7, 9}, &model, err));
    assert_memory_equal(nw_model_input_dims(model, 0), ((int64_t[]){-1, 2, 7, 9}), 4 * sizeof(int64_t));
    assert_false(model->graph->values[model->graph->outputs[1]].has_shape);
    nw_model_unref(model);
    nw_model_unref(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_networks_get_heads), cmocka_unit_test(goldens_get_heads),
        cmocka_unit_test(many_endings_are_known),   cmocka_unit_test(other_endings_are_named),
        cmocka_unit_test(resized_as_if_built),      cmocka_unit_test(layers_of_one_size_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
