/* The parts of an explanation that need no run: losses, upsampling, heads and bottleneck candidates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "explain/explainer.h"
#include "support/onnx_writer.h"

#include <math.h>
#include <unistd.h>

static void losses_have_their_derivatives(void **state)
{
    (void)state;
    static const double points[][3] = {{.3, -1.2, 2}, {0, 0, 0}, {30, -40, 5}, {-800, 900, 700}};
    for (nw_loss kind = NW_LOSS_CROSS_ENTROPY; kind <= NW_LOSS_VALUE; kind++)
        for (nw_head_kind head = NW_HEAD_SOFTMAX; head <= NW_HEAD_REGRESSION; head++)
            for (int64_t target = 0; target < 2; target++)
                for (size_t p = 0; p < sizeof points / sizeof points[0]; p++) {
                    if (kind == NW_LOSS_CROSS_ENTROPY && head == NW_HEAD_SIGMOID) continue;
                    int64_t n = head == NW_HEAD_SIGMOID ? 1 : 3;
                    nw_loss_spec spec = {kind, head, target, .7};
                    double x[3], diff[3], other[3];
                    for (int i = 0; i < 3; i++) x[i] = points[p][i];
                    double loss = nw_loss_eval(&spec, x, n, 2.5, diff);
                    assert_true(isfinite(loss));
                    for (int64_t i = 0; i < n; i++) {
                        const double h = 1e-5;
                        x[i] += h;
                        double up = nw_loss_eval(&spec, x, n, 2.5, other);
                        x[i] -= 2 * h;
                        double expected = (up - nw_loss_eval(&spec, x, n, 2.5, other)) / (2 * h);
                        x[i] += h;
                        assert_true(fabs(expected - diff[i]) < 1e-5 * fmax(1, fabs(diff[i])));
                    }
                }
}

static void losses_are_what_they_say(void **state)
{
    (void)state;
    double x[2] = {1, 3}, diff[2];
    double ce = log(exp(1) + exp(3)) - 1;
    assert_true(
        fabs(nw_loss_eval(&(nw_loss_spec){NW_LOSS_CROSS_ENTROPY, NW_HEAD_SOFTMAX, 0, 0}, x, 2, 1, diff) -
             ce) < 1e-12);
    nw_loss_spec binary = {NW_LOSS_BINARY, NW_HEAD_SIGMOID, 0, 0};
    assert_true(fabs(nw_loss_eval(&binary, x, 1, 1, diff) + log(1 - 1 / (1 + exp(-1)))) < 1e-12);
    binary.target = 1;
    assert_true(fabs(nw_loss_eval(&binary, x, 1, 1, diff) + log(1 / (1 + exp(-1)))) < 1e-12);
    assert_true(nw_loss_eval(&(nw_loss_spec){NW_LOSS_RAISE, NW_HEAD_REGRESSION, 1, 0}, x, 2, 10, diff) ==
                -30);
    assert_true(nw_loss_eval(&(nw_loss_spec){NW_LOSS_LOWER, NW_HEAD_REGRESSION, 1, 0}, x, 2, 10, diff) == 30);
    assert_true(nw_loss_eval(&(nw_loss_spec){NW_LOSS_VALUE, NW_HEAD_REGRESSION, 1, 5}, x, 2, 1, diff) == 4);
    nw_loss loss;
    double value = 0;
    nw_error err;
    assert_int_equal(nw_loss_parse("keep", &loss, &value, &err), NW_OK);
    assert_int_equal(loss, NW_LOSS_KEEP);
    assert_int_equal(nw_loss_parse("-0.25", &loss, &value, &err), NW_OK);
    assert_true(loss == NW_LOSS_VALUE && value == -.25);
    static const char *const wrong[] = {"", "value", "rise", "1x", "nan", "inf"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(nw_loss_parse(wrong[i], &loss, &value, &err), NW_USAGE);
}

/* A ramp by skimage 0.19's resize (order 1) and by PyTorch's interpolate (bilinear). */
static void upsampling_is_that_of_the_references(void **state)
{
    (void)state;
    static const double skimage[8] = {.25, .25, .75, 1.25, 1.75, 2.25, 2.75, 2.75};
    static const double torch[8] = {0, .25, .75, 1.25, 1.75, 2.25, 2.75, 3};
    float src[16], dst[64];
    nw_error err;
    for (int i = 0; i < 16; i++) src[i] = (float)(i % 4 + 10 * (i / 4));
    for (int mirror = 0; mirror < 2; mirror++) {
        const double *axis = mirror ? skimage : torch;
        assert_int_equal(nw_upsample(src, (int64_t[]){4, 4}, 2, mirror, dst, (int64_t[]){8, 8}, &err), NW_OK);
        for (int i = 0; i < 64; i++)
            assert_true(fabs((double)dst[i] - axis[i % 8] - 10 * axis[i / 8]) < 1e-5);
    }
    /* Three axes, odd sizes: a linear function comes back inside the border. */
    float volume[2 * 3 * 4], big[5 * 9 * 10];
    for (int i = 0; i < 24; i++) volume[i] = (float)(100 * (i / 12) + 10 * (i / 4 % 3) + i % 4);
    assert_int_equal(nw_upsample(volume, (int64_t[]){2, 3, 4}, 3, true, big, (int64_t[]){5, 9, 10}, &err),
                     NW_OK);
    for (int z = 0; z < 5; z++)
        for (int y = 0; y < 9; y++)
            for (int x = 0; x < 10; x++) {
                double c[3] = {(z + .5) * 2 / 5 - .5, (y + .5) * 3 / 9 - .5, (x + .5) * 4 / 10 - .5};
                if (c[0] < 0 || c[0] > 1 || c[1] < 0 || c[1] > 2 || c[2] < 0 || c[2] > 3) continue;
                double expected = 100 * c[0] + 10 * c[1] + c[2];
                assert_true(fabs((double)big[(z * 9 + y) * 10 + x] - expected) < 1e-4);
            }
}

/* Convolution, ReLU "a", convolution, ReLU "b", mean, and the ending. */
static nw_model *ending(const char *const *ops, int64_t outputs, const char *metadata)
{
    char path[] = "/tmp/narrows-parts-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    static const float weights[64];
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 1, 16, 16});
    ow_floats(&m, "w1", 4, (int64_t[]){2, 1, 1, 1}, weights);
    ow_floats(&m, "w2", 4, (int64_t[]){2, 2, 1, 1}, weights);
    ow_floats(&m, "w3", 2, (int64_t[]){2, outputs}, weights);
    ow_node(&m, "Conv", "conv1", "x w1", "c1");
    ow_node(&m, "Relu", "relu1", "c1", "a");
    ow_node(&m, "Conv", "conv2", "a w2", "c2");
    ow_node(&m, "Add", "add", "c2 a", "s");
    ow_node(&m, "Relu", "relu2", "s", "b");
    ow_node(&m, "GlobalAveragePool", "pool", "b", "p");
    ow_node(&m, "Flatten", "flatten", "p", "f");
    ow_node(&m, "Gemm", "fc", "f w3", "logits");
    const char *last = "logits";
    static const char *const names[] = {"e0", "e1", "e2"};
    for (int i = 0; ops[i]; i++) {
        ow_node(&m, ops[i], "", last, names[i]);
        last = names[i];
    }
    ow_output(&m, last);
    if (metadata) ow_metadata(&m, "narrows.head", metadata);
    ow_end(&m);
    ow_save(&m, path);
    ow_free(&m);
    nw_model *model = NULL;
    nw_error err;
    if (nw_model_load(path, NULL, &model, &err) != NW_OK) fail_msg("%s", err.message);
    unlink(path);
    return model;
}

static void heads_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *ops[4];
        int64_t outputs;
        const char *metadata;
        nw_head_kind kind;
        int activated;
        const char *logits;
    } cases[] = {
        {{NULL}, 3, NULL, NW_HEAD_SOFTMAX, 0, "logits"},
        {{NULL}, 1, NULL, NW_HEAD_SIGMOID, 0, "logits"},
        {{"Softmax", NULL}, 3, NULL, NW_HEAD_SOFTMAX, 1, "logits"},
        {{"LogSoftmax", "Identity", NULL}, 3, NULL, NW_HEAD_SOFTMAX, 1, "logits"},
        {{"Sigmoid", NULL}, 1, NULL, NW_HEAD_SIGMOID, 1, "logits"},
        {{"Identity", "Sigmoid", "Flatten", NULL}, 3, NULL, NW_HEAD_MULTILABEL, 1, "e0"},
        {{"Identity", NULL}, 3, NULL, NW_HEAD_SOFTMAX, 0, "e0"},
        {{NULL}, 1, "regression", NW_HEAD_REGRESSION, 0, "logits"},
        {{NULL}, 3, "\"multilabel\"", NW_HEAD_MULTILABEL, 0, "logits"},
        {{"Sigmoid", NULL}, 1, "regression", NW_HEAD_REGRESSION, 0, "e0"},
        {{"Softmax", NULL}, 2, "softmax", NW_HEAD_SOFTMAX, 1, "logits"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nw_model *model = ending(cases[i].ops, cases[i].outputs, cases[i].metadata);
        nw_inspection *in = NULL;
        nw_error err;
        if (nw_inspect(model, NULL, 0, &in, &err) != NW_OK) fail_msg("%s", err.message);
        assert_int_equal(in->head.kind, cases[i].kind);
        assert_int_equal(in->head.activated, cases[i].activated);
        assert_int_equal(in->head.count, cases[i].outputs);
        assert_string_equal(in->head.logits, cases[i].logits);
        assert_true(in->head.reason[0]);
        nw_head head;
        assert_int_equal(nw_head_detect(model, NULL, &head, &err), NW_OK);
        assert_int_equal(head.kind, cases[i].kind);
        nw_inspection_free(in);
        nw_model_unref(model);
    }
    nw_error err;
    nw_head head;
    nw_model *model = ending((const char *const[]){NULL}, 3, "soft");
    assert_int_equal(nw_head_detect(model, NULL, &head, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "soft"));
    nw_model_unref(model);
    model = ending((const char *const[]){NULL}, 3, NULL);
    assert_int_equal(nw_head_detect(model, "logitz", &head, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "'logits'"));
    nw_model_unref(model);
}

static void candidates_cut_the_graph(void **state)
{
    (void)state;
    nw_model *model = ending((const char *const[]){NULL}, 3, NULL);
    nw_inspection *in = NULL;
    nw_error err;
    if (nw_inspect(model, NULL, 0, &in, &err) != NW_OK) fail_msg("%s", err.message);
    /* c2 is not one: the sum goes around it. Nor is what has one position. */
    static const char *const names[] = {"c1", "a", "s", "b"};
    assert_int_equal(in->bottleneck_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(in->bottlenecks[i].name, names[i]);
        assert_int_equal(in->bottlenecks[i].recommended, i == 3);
        assert_true(in->bottlenecks[i].resolution == 1);
    }
    assert_int_equal(in->layer_count, 8);
    assert_int_equal(in->parameters, 2 + 4 + 6);
    assert_int_equal(in->multiply_adds, 256 * 2 + 256 * 4 + 6);
    nw_inspection_free(in);
    nw_model_unref(model);
}

/* By brute force: a value cuts the graph where no path is left without it. */
static bool reaches(const nw_graph *graph, int from, int to, int without)
{
    if (from == without) return false;
    if (from == to) return true;
    for (size_t n = 0; n < graph->node_count; n++)
        for (int i = 0; i < graph->nodes[n].input_count; i++)
            for (int o = 0; graph->nodes[n].inputs[i] == from && o < graph->nodes[n].output_count; o++)
                if (reaches(graph, graph->nodes[n].outputs[o], to, without)) return true;
    return false;
}

static void cuts_by_brute_force(void **state)
{
    (void)state;
    unsigned random = 12345;
    nw_error err;
    for (int t = 0; t < 300; t++) {
        nw_graph *graph;
        int values[12], count = 1;
        assert_int_equal(nw_graph_new("random", &graph, &err), NW_OK);
        assert_int_equal(nw_graph_value(graph, "v0", &values[0], &err), NW_OK);
        nw_graph_add_input(graph, values[0], &err);
        while (count < 11) {
            char name[8];
            random = random * 1664525u + 1013904223u;
            int fan = 1 + (int)(random >> 30) / 2, in[2], near = count < 3 ? count : 3;
            for (int i = 0; i < fan; i++) {
                random = random * 1664525u + 1013904223u;
                in[i] = values[count - 1 - (int)((random >> 16) % (unsigned)near)];
            }
            snprintf(name, sizeof name, "v%d", count);
            nw_node *node;
            assert_int_equal(nw_graph_value(graph, name, &values[count], &err), NW_OK);
            assert_int_equal(
                nw_graph_add_node(graph, "Add", "", 13, name, fan, in, 1, &values[count], &node, &err),
                NW_OK);
            count++;
        }
        nw_graph_add_output(graph, values[10], &err);
        assert_int_equal(nw_graph_finish(graph, &err), NW_OK);
        bool live[16], cut[16];
        for (int i = 0; i < 16; i++) live[i] = true;
        assert_int_equal(nw_graph_cuts(graph, live, values[10], cut, &err), NW_OK);
        for (int i = 0; i < 11; i++)
            assert_int_equal(cut[values[i]], !reaches(graph, values[0], values[10], values[i]));
        nw_graph_free(graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_have_their_derivatives),
        cmocka_unit_test(losses_are_what_they_say),
        cmocka_unit_test(upsampling_is_that_of_the_references),
        cmocka_unit_test(heads_are_told_apart),
        cmocka_unit_test(candidates_cut_the_graph),
        cmocka_unit_test(cuts_by_brute_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
