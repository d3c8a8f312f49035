/* The form in which a network is trained, and models with other values. */
#include "network.h"

#include "support/network.h"

static const nw_node *node_of(const nw_graph *graph, const char *output)
{
    int value = nw_graph_find(graph, output);
    assert_true(value >= 0);
    assert_true(graph->values[value].producer >= 0);
    return &graph->nodes[graph->values[value].producer];
}

static void every_parameter_is_listed_once(void **state)
{
    (void)state;
    for (size_t k = 0; k < nw_network_count(); k++) {
        nw_network_options options = network_options(nw_network_at(k)->name);
        nw_model *model = network_build(&options);
        nw_training_net net;
        must(nw_training_net_new(model, 0.75F, &net, err));
        size_t floats = 0, norms = 0;
        for (size_t i = 0; i < model->graph->value_count; i++) {
            const nw_value *value = &model->graph->values[i];
            floats += value->data && value->data->dtype == NW_F32;
        }
        assert_int_equal(net.parameter_count + net.running_count, floats);
        for (size_t i = 0; i < net.parameter_count; i++) {
            const char *name = net.parameters[i];
            const nw_value *value = &model->graph->values[nw_graph_find(model->graph, name)];
            assert_non_null(value->data);
            assert_int_equal(net.decay[i], value->shape.rank > 1);
            for (size_t j = 0; j < i; j++) assert_string_not_equal(name, net.parameters[j]);
        }
        for (size_t i = 0; i < net.running_count; i++) {
            const nw_node *node = node_of(net.model->graph, net.updated[i]);
            assert_string_equal(node->op_type, "BatchNormalization");
            assert_int_equal(nw_node_int(node, "training_mode", 0), 1);
            assert_true(nw_node_float(node, "momentum", 0) == 0.75F);
            assert_int_equal(node->output_count, 3);
            size_t place = i % 2;
            assert_string_equal(net.model->graph->values[node->inputs[3 + place]].name, net.running[i]);
            assert_string_equal(net.model->graph->values[node->outputs[1 + place]].name, net.updated[i]);
            char wanted[200];
            snprintf(wanted, sizeof wanted, "%s_running_%s", node->name, place ? "var" : "mean");
            assert_string_equal(net.updated[i], wanted);
            norms += place;
        }
        size_t left = 0;
        for (size_t n = 0; n < model->graph->node_count; n++)
            left += strcmp(model->graph->nodes[n].op_type, "BatchNormalization") == 0;
        assert_int_equal(norms, left);
        /* The model itself is as it was. */
        assert_int_equal(node_of(model->graph, "logits")->output_count, 1);
        network_same_logits(model, net.base);
        nw_training_net_clear(&net);
        nw_model_unref(model);
    }
}

static void values_are_exchanged(void **state)
{
    (void)state;
    nw_network_options options = network_options("resnet18");
    nw_model *model = network_build(&options), *other = NULL, *back = NULL;
    const nw_tensor *old = model->graph->values[nw_graph_find(model->graph, "fc.bias")].data;
    const float bias[3] = {1, 2, 3};
    const char *names[] = {"fc.bias"};
    must(nw_network_with_values(model, names, (const float *[]){bias}, 1, &other, err));
    assert_string_not_equal(nw_model_digest(model), nw_model_digest(other));
    size_t n;
    float *x = network_run(model, 2, &n), *y = network_run(other, 2, &n);
    assert_int_equal(n, 6);
    for (size_t i = 0; i < n; i++) {
        float wanted = x[i] - ((const float *)old->data)[i % 3] + bias[i % 3];
        assert_true(fabsf(y[i] - wanted) <= 1e-5F * (1 + fabsf(wanted)));
    }
    nw_free(x);
    nw_free(y);
    /* The others are shared, not copied; and the old values make the old model. */
    int conv = nw_graph_find(model->graph, "conv1.weight");
    assert_ptr_equal(model->graph->values[conv].data, other->graph->values[conv].data);
    must(nw_network_with_values(other, names, (const float *[]){old->data}, 1, &back, err));
    assert_string_equal(nw_model_digest(model), nw_model_digest(back));
    nw_model_unref(back);

    nw_error err;
    back = NULL;
    const float bad[3] = {0, NAN, 0};
    assert_int_equal(nw_network_with_values(model, names, (const float *[]){bad}, 1, &back, &err),
                     NW_NOT_FINITE);
    assert_non_null(strstr(err.message, "fc.bias"));
    names[0] = "layer2";
    assert_int_equal(nw_network_with_values(model, names, (const float *[]){bias}, 1, &back, &err),
                     NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "layer2"));
    assert_null(back);
    nw_model_unref(other);
    nw_model_unref(model);
}

/* A network as exporters leave them: an old opset, a Dropout, a prepared input, equal vectors made one. */
static ow foreign(const char *second_norm)
{
    ow m;
    ow_begin(&m, 11);
    ow_input(&m, "x", 4, (int64_t[]){-1, 4, 8, 8});
    const float mean[4] = {0.1F, 0.2F, 0.3F, 0.4F}, half[4] = {0.5F, 0.5F, 0.5F, 0.5F};
    ow_floats(&m, "mean", 4, (int64_t[]){1, 4, 1, 1}, mean);
    ow_floats(&m, "half", 1, (int64_t[]){4}, half);
    ow_node(&m, "Add", "", "x mean", "centred");
    net_conv(&m, "centred", "a", 4, 4, 3, 1, 1);
    ow_node(&m, "BatchNormalization", "norm1", "a half half half half", "b");
    ow_node(&m, "Identity", "", "half", "repeated");
    ow_node(&m, "BatchNormalization", "norm2", second_norm, "c");
    ow_node(&m, "Dropout", "drop", "c", "d");
    ow_attr_float(&m, "ratio", 0.5F);
    ow_node(&m, "GlobalAveragePool", "", "d", "e");
    ow_node(&m, "Flatten", "", "e", "f");
    net_weights(&m, "w", 2, (int64_t[]){4, 3}, 1, 0);
    net_weights(&m, "shift", 1, (int64_t[]){3}, 1, 0);
    ow_node(&m, "MatMul", "", "f w", "g");
    ow_node(&m, "Add", "", "g shift", "logits");
    ow_value_info(&m, 12, "logits", OW_FLOAT, 2, (int64_t[]){-1, 3});
    return m;
}

static void foreign_models_are_prepared(void **state)
{
    (void)state;
    ow m = foreign("b repeated half half repeated");
    nw_model *model = net_load(&m);
    nw_training_net net;
    must(nw_training_net_new(model, 0.9F, &net, err));
    static const struct {
        const char *name;
        bool decay;
    } wanted[] = {{"a.w", true},         {"a.b", false},    {"half_2", false}, {"half_3", false},
                  {"repeated_2", false}, {"half_6", false}, {"w", true},       {"shift", false}};
    assert_int_equal(net.parameter_count, sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < net.parameter_count; i++) {
        assert_string_equal(net.parameters[i], wanted[i].name);
        assert_int_equal(net.decay[i], wanted[i].decay);
    }
    assert_int_equal(net.running_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(node_of(net.model->graph, net.updated[i])->opset, 14);
        for (size_t j = 0; j < i; j++) assert_string_not_equal(net.running[i], net.running[j]);
    }
    assert_string_equal(node_of(net.base->graph, "d")->op_type, "Identity");
    network_same_logits(model, net.base);
    /* The form that is used can be written and read. */
    char folder[64], path[128];
    snprintf(path, sizeof path, "%s/base.onnx", temp_folder(folder));
    must(nw_model_save(net.base, path, err));
    nw_model *copy = NULL;
    must(nw_model_load(path, NULL, &copy, err));
    network_same_logits(model, copy);
    nw_model_unref(copy);
    temp_remove(folder);
    nw_training_net_clear(&net);
    nw_model_unref(model);
}

static void what_cannot_be_trained_is_refused(void **state)
{
    (void)state;
    nw_training_net net;
    nw_error err;
    ow m = foreign("b repeated a half repeated");
    nw_model *model = net_load(&m);
    assert_int_equal(nw_training_net_new(model, 0.9F, &net, &err), NW_UNSUPPORTED);
    assert_non_null(strstr(err.message, "norm2"));
    assert_int_equal(nw_training_net_new(model, 1, &net, &err), NW_BAD_INPUT);
    nw_model_unref(model);

    ow_begin(&m, 13);
    ow_input(&m, "x", 2, (int64_t[]){-1, 4});
    ow_node(&m, "Relu", "", "x", "y");
    ow_output(&m, "y");
    model = net_load(&m);
    assert_int_equal(nw_training_net_new(model, 0.9F, &net, &err), NW_UNSUPPORTED);
    assert_non_null(strstr(err.message, "no weights"));
    nw_model_unref(model);

    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 4, 8, 8});
    net_conv(&m, "x", "a", 4, 4, 3, 1, 1);
    ow_node(&m, "Dropout", "drop", "a", "b mask");
    ow_output(&m, "b");
    ow_output(&m, "mask");
    model = net_load(&m);
    assert_int_equal(nw_training_net_new(model, 0.9F, &net, &err), NW_UNSUPPORTED);
    assert_non_null(strstr(err.message, "drop"));
    nw_model_unref(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_parameter_is_listed_once),
        cmocka_unit_test(values_are_exchanged),
        cmocka_unit_test(foreign_models_are_prepared),
        cmocka_unit_test(what_cannot_be_trained_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
