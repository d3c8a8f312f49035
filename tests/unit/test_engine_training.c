/* Weights that may change, and batch-norm in training mode: the fast path against the reference path, in the
 * networks of test_engine.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/network_cases.h"

#include <math.h>

enum { MOST = 96 };

/* Names of the network's weights, and of what batch-norm makes of its running statistics. */
typedef struct network {
    nw_model *model;
    const char *variables[MOST], *learned[MOST], *outputs[MOST]; /* learned: variables that have a gradient */
    size_t variable_count, learned_count, output_count;
} network;

static int added(nw_graph *graph, const char *name, const char *ending)
{
    char text[128];
    int value;
    nw_error err;
    snprintf(text, sizeof text, "%s.%s", name, ending);
    assert_int_equal(nw_graph_value(graph, text, &value, &err), NW_OK);
    return value;
}

/* Every batch-norm as it is in training. */
static void train(network *net)
{
    nw_graph *graph = net->model->graph;
    nw_error err;
    for (size_t n = 0; n < graph->node_count; n++) {
        nw_node *node = &graph->nodes[n];
        if (strcmp(node->op_type, "BatchNormalization") != 0) continue;
        nw_attr *attr;
        assert_int_equal(nw_node_add_attr(node, "training_mode", NW_ATTR_INT, &attr, &err), NW_OK);
        attr->i = 1;
        int *outputs = nw_calloc(3, sizeof *outputs);
        outputs[0] = node->outputs[0];
        outputs[1] = added(graph, node->name, "new.mean");
        outputs[2] = added(graph, node->name, "new.var");
        nw_free(node->outputs);
        node->outputs = outputs;
        node->output_count = 3;
    }
    for (size_t v = 0; v < graph->value_count; v++) {
        const char *name = graph->values[v].name;
        if (strstr(name, ".new.")) net->outputs[net->output_count++] = name;
        if (graph->values[v].data && graph->values[v].data->dtype == NW_F32 &&
            (strchr(name, '.') || strcmp(name, "w") == 0 || strcmp(name, "bias") == 0 ||
             strcmp(name, "w3") == 0))
            net->variables[net->variable_count++] = name;
        assert_true(net->output_count < MOST && net->variable_count < MOST);
    }
    for (size_t v = 0; v < net->variable_count; v++)
        if (!strstr(net->variables[v], ".mean") && !strstr(net->variables[v], ".var"))
            net->learned[net->learned_count++] = net->variables[v];
    net->outputs[net->output_count++] = "y";
}

static network open_network(const struct net_case *c, int64_t channels)
{
    network net = {0};
    ow m;
    ow_begin(&m, c->opset);
    ow_input(&m, "x", 4, (int64_t[]){-1, 3, SIZE, SIZE});
    net_conv(&m, "x", "a", 3, channels, 3, 1, 1);
    int64_t out = c->make(&m, channels);
    if (out)
        net_conv(&m, "b", "y", out, 20, 3, 1, 1);
    else
        ow_node(&m, "Identity", "", "b", "y");
    ow_output(&m, "y");
    net.model = net_load(&m);
    train(&net);
    return net;
}

static int64_t elements(const nw_shape *shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++) n *= shape->dims[i];
    return n;
}

static nw_program *compile(const network *net, nw_precision precision, int64_t batch, int threads)
{
    nw_program_options options = {.diffs = net->learned,
                                  .diff_count = net->learned_count,
                                  .variables = net->variables,
                                  .variable_count = net->variable_count,
                                  .outputs = net->outputs,
                                  .output_count = net->output_count,
                                  .batch = batch,
                                  .precision = precision,
                                  .threads = threads};
    nw_program *program = NULL;
    nw_error err = {0};
    if (nw_program_compile(net->model, &options, &program, &err) != NW_OK) fail_msg("%s", err.message);
    return program;
}

/* Two rounds with other weights in the second, so that nothing is left of the first. */
static void run(const network *net, nw_program *program, bool f64)
{
    for (int round = 0; round < 2; round++) {
        nw_shape shape;
        nw_error err;
        const char *ports[] = {"x", "y"};
        for (int p = 0; p < 2; p++) {
            void *data = nw_program_input(program, ports[p], &shape);
            if (p) {
                nw_program_output(program, "y", &shape);
                data = nw_program_diff_output(program, "y");
            }
            int64_t n = elements(&shape);
            float *values = malloc((size_t)n * sizeof *values);
            net_fill(values, (size_t)n, 11 + (uint64_t)p, 1);
            for (int64_t i = 0; i < n; i++)
                if (f64)
                    ((double *)data)[i] = (double)values[i];
                else
                    ((float *)data)[i] = values[i];
            free(values);
        }
        for (size_t v = 0; round && v < net->variable_count; v++) {
            void *data = nw_program_input(program, net->variables[v], &shape);
            for (int64_t i = 0; i < elements(&shape); i++) /* exact in both precisions */
                if (f64)
                    ((double *)data)[i] = (double)(float)(((double *)data)[i] * 1.25);
                else
                    ((float *)data)[i] = ((float *)data)[i] * 1.25F;
        }
        assert_int_equal(nw_program_run(program, &err), NW_OK);
        assert_int_equal(nw_program_backward(program, &err), NW_OK);
    }
}

static double largest(const double *b, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(b[i]));
    return most;
}

/* Largest difference over `size`. */
static double apart(const float *a, const double *b, int64_t n, double size)
{
    double diff = 0;
    for (int64_t i = 0; i < n; i++) diff = isfinite(a[i]) ? fmax(diff, fabs((double)a[i] - b[i])) : INFINITY;
    return size > 0 ? diff / size : diff;
}

static int compare(const char *name, const network *net, nw_program *fast, nw_program *slow, int64_t batch)
{
    int wrong = 0;
    double before = 0;
    for (size_t i = 0; i < net->output_count + net->learned_count; i++) {
        bool output = i < net->output_count;
        const char *tensor = output ? net->outputs[i] : net->learned[i - net->output_count];
        nw_shape shape = {0};
        const float *f =
            output ? nw_program_output(fast, tensor, &shape) : nw_program_diff(fast, tensor, &shape);
        const double *s =
            output ? nw_program_output(slow, tensor, NULL) : nw_program_diff(slow, tensor, NULL);
        assert_non_null(f);
        assert_non_null(s);
        /* A bias before batch-norm does nothing: its gradient is a sum that cancels, to be held against the
         * gradient of the weights beside it. */
        double size = largest(s, elements(&shape));
        if (strstr(tensor, ".b")) size = fmax(size, before);
        before = size;
        double d = apart(f, s, elements(&shape), size);
        if (d < 3e-5) continue;
        print_error("%s, batch %d: %s%s %g\n", name, (int)batch, output ? "" : "d ", tensor, d);
        wrong++;
    }
    return wrong;
}

static void fast_is_the_reference(void **state)
{
    (void)state;
    static const int64_t channels[] = {20, 32, 16}, batch[] = {3, 9, 2};
    int wrong = 0;
    for (size_t i = 0; i < NET_CASES; i++)
        for (int k = 0; k < 3; k++) {
            network net = open_network(&net_cases[i], channels[k]);
            nw_program *fast = compile(&net, NW_PRECISION_F32, batch[k], 0),
                       *slow = compile(&net, NW_PRECISION_F64, batch[k], 0);
            run(&net, fast, false);
            run(&net, slow, true);
            wrong += compare(net_cases[i].name, &net, fast, slow, batch[k]);
            nw_program_free(fast);
            nw_program_free(slow);
            nw_model_unref(net.model);
        }
    assert_int_equal(wrong, 0);
}

/* Batch 4, 256 channels, windows of 3x3 over a single pixel: the end of a residual network for 32x32. */
static network open_pixel(void)
{
    network net = {0};
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 256, 1, 1});
    net_conv(&m, "x", "a", 256, 256, 3, 1, 1);
    net_conv(&m, "a", "y", 256, 256, 3, 1, 1);
    ow_output(&m, "y");
    net.model = net_load(&m);
    train(&net);
    return net;
}

static void expect_same(const char *name, const network *net, int64_t batch)
{
    nw_program *programs[3];
    for (int t = 0; t < 3; t++) {
        programs[t] = compile(net, NW_PRECISION_F32, batch, t + 1);
        run(net, programs[t], false);
        for (size_t v = 0; t && v < net->learned_count; v++) {
            nw_shape shape;
            const void *one = nw_program_diff(programs[0], net->learned[v], &shape),
                       *more = nw_program_diff(programs[t], net->learned[v], NULL);
            if (memcmp(one, more, (size_t)elements(&shape) * sizeof(float)) != 0)
                fail_msg("%s: d %s differs between 1 and %d threads", name, net->learned[v], t + 1);
        }
    }
    for (int t = 0; t < 3; t++) nw_program_free(programs[t]);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    for (size_t i = 0; i < NET_CASES; i++) {
        network net = open_network(&net_cases[i], 32);
        expect_same(net_cases[i].name, &net, 9);
        nw_model_unref(net.model);
    }
}

static void threads_do_not_matter_on_a_pixel(void **state)
{
    (void)state;
    network net = open_pixel();
    for (int64_t batch = 1; batch <= 16; batch *= 2) expect_same("a pixel", &net, batch);
    nw_model_unref(net.model);
}

static void fast_means_fast(void **state)
{
    (void)state;
    static const char *const cases[] = {"norm_residual",
                                        "norm_two_branches",
                                        "norm_depthwise_swish",
                                        "norm_many_readers",
                                        "norm_leaky",
                                        "norm_vector",
                                        "conv_norm_relu",
                                        "classify",
                                        "split_attention",
                                        "squeeze_excite",
                                        "grouped"};
    for (size_t i = 0; i < NET_CASES; i++) {
        bool wanted = false;
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
            wanted |= strcmp(cases[k], net_cases[i].name) == 0;
        if (!wanted) continue;
        network net = open_network(&net_cases[i], 32);
        nw_program *program = compile(&net, NW_PRECISION_F32, 4, 0);
        for (size_t k = 0; k < nw_program_step_count(program); k++)
            if (strcmp(nw_program_step(program, k).impl, "reference") == 0)
                fail_msg("%s: %s by the reference path", net_cases[i].name, nw_program_step(program, k).kind);
        nw_program_free(program);
        nw_model_unref(net.model);
    }
}

static void variables_must_be_weights(void **state)
{
    (void)state;
    network net = open_network(&net_cases[0], 16);
    static const struct {
        const char *names[2];
        nw_status status;
        const char *words;
    } cases[] = {{{"a.w", "nobody"}, NW_BAD_INPUT, "'nobody' is not a constant"},
                 {{"a.w", "a"}, NW_BAD_INPUT, "'a' is not a constant"},
                 {{"a.w", "x"}, NW_BAD_INPUT, "'x' is not a constant"},
                 {{"a.w", "a.w"}, NW_BAD_INPUT, "'a.w' is not a constant"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nw_program_options options = {.variables = cases[i].names, .variable_count = 2};
        nw_program *program;
        nw_error err;
        assert_int_equal(nw_program_compile(net.model, &options, &program, &err), cases[i].status);
        if (!strstr(err.message, cases[i].words)) fail_msg("'%s' lacks '%s'", err.message, cases[i].words);
    }
    nw_model_unref(net.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_is_the_reference),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(threads_do_not_matter_on_a_pixel),
        cmocka_unit_test(fast_means_fast),
        cmocka_unit_test(variables_must_be_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
