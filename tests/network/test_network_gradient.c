/* The form that is trained, run: every architecture's gradient along a random direction in all parameters at
 * once against the difference of two runs, in double; single precision against double; and the running
 * statistics against what they are of. */
#include "network.h"

enum { BATCH = 3, OUTPUTS = 3 };

static const float momentum = 0.75F;

/* A program of the whole trained form, and its loss: a fixed sum over the logits. */
typedef struct trained {
    nw_program *program;
    nw_training_net *net;
    nw_precision precision;
} trained;

static double get(const void *data, nw_precision precision, int64_t i)
{
    return precision == NW_PRECISION_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void set(void *data, nw_precision precision, int64_t i, double value)
{
    if (precision == NW_PRECISION_F64)
        ((double *)data)[i] = value;
    else
        ((float *)data)[i] = (float)value;
}

static int64_t elements(const nw_shape *shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++) n *= shape->dims[i];
    return n;
}

static trained compile(nw_training_net *net, nw_precision precision)
{
    trained t = {.net = net, .precision = precision};
    size_t outputs = 1 + net->running_count;
    const char **names = malloc(outputs * sizeof *names);
    names[0] = "logits";
    for (size_t i = 0; i < net->running_count; i++) names[1 + i] = net->updated[i];
    nw_program_options options = {.outputs = names,
                                  .output_count = outputs,
                                  .diffs = (const char *const *)net->parameters,
                                  .diff_count = net->parameter_count,
                                  .variables = (const char *const *)net->parameters,
                                  .variable_count = net->parameter_count,
                                  .batch = BATCH,
                                  .precision = precision};
    must(nw_program_compile(net->model, &options, &t.program, err));
    free(names);
    nw_shape shape;
    void *x = nw_program_input(t.program, "input", &shape);
    for (int64_t i = 0; i < elements(&shape); i++) set(x, precision, i, (double)network_hashed((uint32_t)i));
    return t;
}

static double weight_of(int64_t i)
{
    return (double)network_hashed(77 + (uint32_t)i);
}

static double loss(trained *t)
{
    must(nw_program_run(t->program, err));
    const void *logits = nw_program_output(t->program, "logits", NULL);
    double sum = 0;
    for (int64_t i = 0; i < BATCH * OUTPUTS; i++) sum += weight_of(i) * get(logits, t->precision, i);
    return sum;
}

/* Adds `step` times the direction to every parameter. The direction is as large as the parameter is. */
static double direction(size_t parameter, int64_t i, double scale)
{
    return scale * (double)network_hashed((uint32_t)(parameter * 65537) + (uint32_t)i);
}

static double scale_of(const trained *t, size_t k)
{
    int value = nw_graph_find(t->net->base->graph, t->net->parameters[k]);
    const nw_tensor *data = t->net->base->graph->values[value].data;
    double squares = 0;
    for (int64_t i = 0; i < data->count; i++) squares += nw_tensor_get(data, i) * nw_tensor_get(data, i);
    return sqrt(squares / (double)data->count);
}

static void move(trained *t, double step)
{
    for (size_t k = 0; k < t->net->parameter_count; k++) {
        nw_shape shape;
        void *data = nw_program_input(t->program, t->net->parameters[k], &shape);
        double scale = scale_of(t, k);
        for (int64_t i = 0; i < elements(&shape); i++)
            set(data, t->precision, i, get(data, t->precision, i) + step * direction(k, i, scale));
    }
}

static void backward(trained *t)
{
    void *diff = nw_program_diff_output(t->program, "logits");
    for (int64_t i = 0; i < BATCH * OUTPUTS; i++) set(diff, t->precision, i, weight_of(i));
    must(nw_program_backward(t->program, err));
}

static double along(const trained *t)
{
    double sum = 0;
    for (size_t k = 0; k < t->net->parameter_count; k++) {
        nw_shape shape;
        const void *diff = nw_program_diff(t->program, t->net->parameters[k], &shape);
        if (!diff) fail_msg("no gradient reaches '%s'", t->net->parameters[k]);
        double scale = scale_of(t, k);
        for (int64_t i = 0; i < elements(&shape); i++)
            sum += get(diff, t->precision, i) * direction(k, i, scale);
    }
    return sum;
}

/* The gradients of two programs: the norm of the difference over the norm. */
static double distance(const trained *a, const trained *b)
{
    double difference = 0, norm = 0;
    for (size_t k = 0; k < a->net->parameter_count; k++) {
        nw_shape shape;
        const void *x = nw_program_diff(a->program, a->net->parameters[k], &shape);
        const void *y = nw_program_diff(b->program, b->net->parameters[k], NULL);
        for (int64_t i = 0; i < elements(&shape); i++) {
            double u = get(x, a->precision, i), v = get(y, b->precision, i);
            difference += (u - v) * (u - v);
            norm += u * u;
        }
    }
    return sqrt(difference / norm);
}

/* The first batch-norm's next statistics, from its input as the inference form computes it. */
static void check_statistics(const trained *t)
{
    const nw_graph *graph = t->net->model->graph;
    int value = nw_graph_find(graph, t->net->updated[0]);
    const nw_node *node = &graph->nodes[graph->values[value].producer];
    const char *input = graph->values[node->inputs[0]].name;
    nw_program *program = NULL;
    nw_shape shape;
    must(nw_program_compile(
        t->net->base,
        &(nw_program_options){
            .outputs = &input, .output_count = 1, .batch = BATCH, .precision = NW_PRECISION_F64},
        &program, err));
    double *x = nw_program_input(program, "input", &shape);
    for (int64_t i = 0; i < elements(&shape); i++) x[i] = (double)network_hashed((uint32_t)i);
    must(nw_program_run(program, err));
    const double *y = nw_program_output(program, input, &shape);
    int64_t channels = shape.dims[1], positions = elements(&shape) / (BATCH * channels);
    const void *means = nw_program_output(t->program, t->net->updated[0], NULL);
    const void *variances = nw_program_output(t->program, t->net->updated[1], NULL);
    const nw_tensor *start[2];
    for (int k = 0; k < 2; k++) start[k] = graph->values[nw_graph_find(graph, t->net->running[k])].data;
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0, squares = 0, n = (double)(BATCH * positions);
        for (int64_t b = 0; b < BATCH; b++)
            for (int64_t p = 0; p < positions; p++) sum += y[(b * channels + c) * positions + p];
        for (int64_t b = 0; b < BATCH; b++)
            for (int64_t p = 0; p < positions; p++)
                squares += pow(y[(b * channels + c) * positions + p] - sum / n, 2);
        double kept = (double)momentum, fresh = 1 - kept;
        double mean = kept * nw_tensor_get(start[0], c) + fresh * sum / n;
        double variance = kept * nw_tensor_get(start[1], c) + fresh * squares / n;
        assert_true(fabs(get(means, t->precision, c) - mean) <= 1e-6 * sqrt(variance));
        assert_true(fabs(get(variances, t->precision, c) - variance) <= 1e-6 * variance);
    }
    nw_program_free(program);
}

static void gradients_are_right(void **state)
{
    const nw_network_info *info = *state;
    nw_network_options options = network_options(info->name);
    options.width = 0.125;
    for (int i = 0; i < info->dims; i++) options.size[i] = info->dims == 3 ? 24 : 64;
    /* A fresh network has shifts of zero: its ReLUs hang on the kink where a channel is dead. */
    nw_model *model = network_unsettle(network_build(&options));
    nw_training_net net;
    must(nw_training_net_new(model, momentum, &net, err));

    trained exact = compile(&net, NW_PRECISION_F64), single = compile(&net, NW_PRECISION_F32);
    double at_start = loss(&exact);
    backward(&exact);
    check_statistics(&exact);
    double slope = along(&exact), apart = fabs(loss(&single) - at_start) / (fabs(at_start) + fabs(slope));
    backward(&single);
    double away = distance(&exact, &single);
    check_statistics(&single);
    /* A ReLU that changes sides changes the gradient, and single precision lets some. How much that is, the
     * exact gradient shows a little way off: as far as the rounding of single precision in some tens of
     * layers. */
    trained near = compile(&net, NW_PRECISION_F64);
    move(&near, 1e-6);
    loss(&near);
    backward(&near);
    double expected = distance(&near, &exact);
    /* So short that no ReLU changes sides on the way, and long enough for fifteen digits. */
    const double step = 1e-9;
    move(&exact, step);
    double up = loss(&exact);
    move(&exact, -2 * step);
    double found = (up - loss(&exact)) / (2 * step);
    print_message("    slope %.6g, by difference %.6g; single precision: loss %.1e, gradient %.1e (%.1e)\n",
                  slope, found, apart, away, expected);
    assert_true(fabs(found - slope) <= 1e-4 * fabs(slope));
    assert_true(apart <= 1e-4);
    assert_true(away <= 1e-4 + expected);
    nw_program_free(near.program);
    nw_program_free(exact.program);
    nw_program_free(single.program);
    nw_training_net_clear(&net);
    nw_model_unref(model);
}

int main(void)
{
    enum { MOST = 64 };
    struct CMUnitTest tests[MOST];
    size_t count = 0;
    for (; count < nw_network_count() && count < MOST; count++) {
        /* cmocka hands the state on as it is. */
        void *info = (void *)(uintptr_t)nw_network_at(count);
        tests[count] = (struct CMUnitTest){
            .name = nw_network_at(count)->name, .test_func = gradients_are_right, .initial_state = info};
    }
    return _cmocka_run_group_tests("gradients of networks", tests, count, NULL, NULL);
}
