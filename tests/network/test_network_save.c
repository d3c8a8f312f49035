/* Models that are written: what is read again is the same graph, and computes the same bits. */
#include "network.h"

#include "base/file.h"

#include <dirent.h>

#define GOLDENS NW_TEST_SOURCE "/tests/golden/data/torch"

/* -- sameness -- */

static const char *name_of(const nw_graph *graph, int value)
{
    return value < 0 ? "" : graph->values[value].name;
}

static void same_tensor(const nw_tensor *a, const nw_tensor *b)
{
    assert_int_equal(a->dtype, b->dtype);
    assert_true(nw_shape_equal(&a->shape, &b->shape));
    assert_memory_equal(a->data, b->data, (size_t)a->count * nw_dtype_size(a->dtype));
}

static void same_attr(const nw_attr *a, const nw_attr *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->kind, b->kind);
    assert_memory_equal(&a->f, &b->f, sizeof a->f);
    assert_int_equal(a->i, b->i);
    assert_int_equal(a->count, b->count);
    if (a->s) assert_string_equal(a->s, b->s);
    if (a->t) same_tensor(a->t, b->t);
    if (a->floats) assert_memory_equal(a->floats, b->floats, a->count * sizeof *a->floats);
    if (a->ints) assert_memory_equal(a->ints, b->ints, a->count * sizeof *a->ints);
    for (size_t i = 0; a->strings && i < a->count; i++) assert_string_equal(a->strings[i], b->strings[i]);
}

static void same_node(const nw_graph *ga, const nw_node *a, const nw_graph *gb, const nw_node *b)
{
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->op_type, b->op_type);
    assert_string_equal(a->domain, b->domain);
    assert_int_equal(a->opset, b->opset);
    assert_int_equal(a->input_count, b->input_count);
    assert_int_equal(a->output_count, b->output_count);
    assert_int_equal(a->attr_count, b->attr_count);
    for (int i = 0; i < a->input_count; i++)
        assert_string_equal(name_of(ga, a->inputs[i]), name_of(gb, b->inputs[i]));
    for (int i = 0; i < a->output_count; i++)
        assert_string_equal(name_of(ga, a->outputs[i]), name_of(gb, b->outputs[i]));
    for (size_t i = 0; i < a->attr_count; i++) same_attr(&a->attrs[i], &b->attrs[i]);
}

static void same_value(const nw_value *a, const nw_value *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->dtype, b->dtype);
    assert_int_equal(a->has_shape, b->has_shape);
    if (a->has_shape) assert_true(nw_shape_equal(&a->shape, &b->shape));
    for (int i = 0; a->has_shape && i < a->shape.rank; i++) {
        assert_int_equal(!a->symbols[i], !b->symbols[i]);
        if (a->symbols[i]) assert_string_equal(a->symbols[i], b->symbols[i]);
    }
}

static void same_model(const nw_model *a, const nw_model *b)
{
    const nw_graph *ga = a->graph, *gb = b->graph;
    assert_int_equal(ga->node_count, gb->node_count);
    assert_int_equal(ga->input_count, gb->input_count);
    assert_int_equal(ga->output_count, gb->output_count);
    assert_int_equal(ga->value_count, gb->value_count);
    for (size_t i = 0; i < ga->node_count; i++) same_node(ga, &ga->nodes[i], gb, &gb->nodes[i]);
    for (size_t i = 0; i < ga->input_count; i++)
        same_value(&ga->values[ga->inputs[i]], &gb->values[gb->inputs[i]]);
    for (size_t i = 0; i < ga->output_count; i++)
        same_value(&ga->values[ga->outputs[i]], &gb->values[gb->outputs[i]]);
    for (size_t i = 0; i < ga->value_count; i++) {
        int other = nw_graph_find(gb, ga->values[i].name);
        assert_true(other >= 0);
        assert_int_equal(!ga->values[i].data, !gb->values[other].data);
        if (ga->values[i].data) same_tensor(ga->values[i].data, gb->values[other].data);
    }
    assert_int_equal(a->metadata_count, b->metadata_count);
    for (size_t i = 0; i < a->metadata_count; i++) {
        const char *key = nw_model_metadata_key(a, i);
        assert_string_equal(nw_model_metadata(a, key), nw_model_metadata(b, key));
    }
}

/* Saves and loads again, in a folder of the test's own. */
static nw_model *again(const nw_model *model, const char *folder)
{
    char path[128];
    nw_model *copy = NULL;
    snprintf(path, sizeof path, "%s/saved.onnx", folder);
    must(nw_model_save(model, path, err));
    must(nw_model_load(path, NULL, &copy, err));
    return copy;
}

static void goldens_survive(void **state)
{
    (void)state;
    char folder[64];
    temp_folder(folder);
    int seen = 0;
    DIR *dir = opendir(GOLDENS);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!nw_path_ends(entry->d_name, ".onnx")) continue;
        char path[1024];
        snprintf(path, sizeof path, GOLDENS "/%s", entry->d_name);
        nw_model *model = NULL;
        must(nw_model_load(path, NULL, &model, err));
        must(nw_model_annotate(model, "narrows.classes", "[\"a\", \"b\"]", err));
        nw_model *copy = again(model, folder);
        same_model(model, copy);
        assert_string_equal(nw_model_digest(model), nw_model_digest(copy));
        network_same_logits(model, copy);
        nw_model_unref(copy);
        nw_model_unref(model);
        seen++;
    }
    closedir(dir);
    assert_true(seen >= 10);
    temp_remove(folder);
}

static void built_models_survive(void **state)
{
    (void)state;
    char folder[64];
    temp_folder(folder);
    for (size_t i = 0; i < nw_network_count(); i++) {
        nw_network_options options = network_options(nw_network_at(i)->name);
        nw_model *model = network_build(&options), *copy = again(model, folder);
        same_model(model, copy);
        /* The digest is that of the file, and of none but it. */
        assert_int_equal(strlen(nw_model_digest(model)), 64);
        assert_string_equal(nw_model_digest(model), nw_model_digest(copy));
        must(nw_model_annotate(model, "narrows.head", "\"softmax\"", err));
        assert_string_not_equal(nw_model_digest(model), nw_model_digest(copy));
        network_same_logits(model, copy);
        nw_model_unref(copy);
        nw_model_unref(model);
    }
    temp_remove(folder);
}

static void failures_leave_nothing(void **state)
{
    (void)state;
    char folder[64], path[128];
    temp_folder(folder);
    nw_network_options options = network_options("resnet18");
    nw_model *model = network_build(&options);
    nw_error err;
    snprintf(path, sizeof path, "%s/none/model.onnx", folder);
    assert_int_equal(nw_model_save(model, path, &err), NW_IO);
    assert_non_null(strstr(err.message, path));
    /* A full disk. */
    assert_int_equal(nw_model_save(model, "/dev/full", &err), NW_IO);
    assert_non_null(strstr(err.message, "/dev/full"));
    assert_int_equal(temp_count(folder), 0);
    /* A node that means another version than the others has no place in a file. */
    model->graph->nodes[3].opset = 9;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    assert_int_equal(nw_model_save(model, path, &err), NW_UNSUPPORTED);
    assert_non_null(strstr(err.message, model->graph->nodes[3].name));
    assert_int_equal(temp_count(folder), 0);
    nw_model_unref(model);
    temp_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goldens_survive),
        cmocka_unit_test(built_models_survive),
        cmocka_unit_test(failures_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
