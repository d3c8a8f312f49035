/* Explanations of tiny networks: what must hold for any of them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "explain/TEMPLATE.c"
#include "support/onnx_writer.h"

#include <math.h>
#include <unistd.h>

enum { SIDE = 12, CHANNELS = 3, POSITIONS = SIDE * SIDE, N = CHANNELS * POSITIONS, OUTPUTS = 3 };

typedef struct tail {
    const char *ops[3]; /* after the last layer, ended by NULL */
    bool fixed_reshape; /* Reshape to [1, N] in place of Flatten: no batch passes it */
    bool deep;          /* Conv3d on [1, 1, 4, 6, 6] */
    int64_t outputs;
    const char *head, *bottleneck;
} tail;

/* Convolution "conv", ReLU "layer", convolution beside it "side", "sum", linear, tail. */
static nw_model *network(const tail *t)
{
    char path[] = "/tmp/narrows-explain-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    static float w1[CHANNELS * 27], w2[CHANNELS * CHANNELS], w3[N * OUTPUTS];
    nw_rng_normals(100, 0, 0, 0, 0, w1, CHANNELS * 27);
    nw_rng_normals(100, 0, 0, 1, 0, w2, CHANNELS * CHANNELS);
    nw_rng_normals(100, 0, 0, 2, 0, w3, N * OUTPUTS);
    for (int i = 0; i < N * OUTPUTS; i++) w3[i] *= .05F;
    ow m;
    ow_begin(&m, 13);
    if (t->deep)
        ow_input(&m, "x", 5, (int64_t[]){-1, 1, 4, 6, 6});
    else
        ow_input(&m, "x", 4, (int64_t[]){-1, 1, SIDE, SIDE});
    int rank = t->deep ? 5 : 4;
    ow_floats(&m, "w1", rank, t->deep ? (int64_t[]){CHANNELS, 1, 3, 3, 3} : (int64_t[]){CHANNELS, 1, 3, 3},
              w1);
    ow_floats(&m, "w2", rank, (int64_t[]){CHANNELS, CHANNELS, 1, 1, 1}, w2);
    ow_floats(&m, "w3", 2, (int64_t[]){N, t->outputs}, w3);
    ow_ints(&m, "flat", 2, (int64_t[]){1, N});
    ow_node(&m, "Conv", "conv", "x w1", "c");
    ow_attr_ints(&m, "pads", t->deep ? 6 : 4, (int64_t[]){1, 1, 1, 1, 1, 1});
    ow_node(&m, "Relu", "relu", "c", "layer");
    ow_node(&m, "Conv", "side", "layer w2", "side");
    ow_node(&m, "Add", "add", "side layer", "sum");
    if (t->fixed_reshape)
        ow_node(&m, "Reshape", "reshape", "sum flat", "f");
    else
        ow_node(&m, "Flatten", "flatten", "sum", "f");
    ow_node(&m, "Gemm", "fc", "f w3", "logits");
    const char *last = "logits";
    static const char *const names[] = {"e0", "e1", "e2"};
    for (int i = 0; t->ops[i]; i++) {
        ow_node(&m, t->ops[i], "", last, names[i]);
        last = names[i];
    }
    ow_output(&m, last);
    if (t->head) ow_metadata(&m, "narrows.head", t->head);
    if (t->bottleneck) ow_metadata(&m, "narrows.bottleneck", t->bottleneck);
    ow_end(&m);
    ow_save(&m, path);
    ow_free(&m);
    nw_model *model = NULL;
    nw_error err;
    if (nw_model_load(path, NULL, &model, &err) != NW_OK) fail_msg("%s", err.message);
    unlink(path);
    return model;
}

static void image(uint64_t i, float *dst)
{
    nw_rng_normals(200, i, 0, 0, 0, dst, POSITIONS);
}

static nw_stats *collect(nw_model *model)
{
    nw_collector *c = NULL;
    nw_error err;
    if (nw_collector_new(model, "layer", NULL, NULL, NW_PRECISION_F32, 1, &c, &err) != NW_OK)
        fail_msg("%s", err.message);
    float x[POSITIONS];
    for (uint64_t i = 0; i < 20; i++) {
        image(i, x);
        assert_int_equal(nw_collector_add(c, x, &err), NW_OK);
    }
    /* Through a file, as the command line has it. */
    char path[] = "/tmp/narrows-explain-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    nw_stats *stats = NULL;
    assert_int_equal(nw_stats_save(nw_collector_stats(c), path, 0, &err), NW_OK);
    nw_collector_free(c);
    assert_int_equal(nw_stats_load(path, nw_model_digest(model), "layer", &stats, &err), NW_OK);
    assert_null(nw_stats_warning(stats));
    unlink(path);
    return stats;
}

static nw_explain_options defaults(nw_stats *stats)
{
    nw_explain_options options;
    nw_explain_options_init(&options);
    options.layer = "layer";
    options.stats = stats;
    options.beta = 1;
    options.samples = 4;
    return options;
}

static nw_map *explain(nw_model *model, const char *method, const nw_explain_options *options, uint64_t key)
{
    nw_explainer *e = NULL;
    nw_map *map = NULL;
    nw_error err;
    float x[POSITIONS];
    if (nw_explainer_new(model, method, options, NULL, &e, &err) != NW_OK) fail_msg("%s", err.message);
    image(3, x);
    if (nw_explainer_run(e, x, key, NULL, &map, &err) != NW_OK) fail_msg("%s", err.message);
    nw_explainer_free(e);
    return map;
}

static bool same(const nw_map *a, const nw_map *b)
{
    return memcmp(a->values, b->values, POSITIONS * sizeof(float)) == 0;
}

static void the_address_of_the_noise_decides(void **state)
{
    (void)state;
    nw_model *model = network(&(tail){.outputs = OUTPUTS});
    nw_stats *stats = collect(model);
    nw_explain_options options = defaults(stats);
    nw_map *first = explain(model, "iba", &options, 0), *again = explain(model, "iba", &options, 0);
    assert_true(same(first, again));
    nw_map_free(again);
    again = explain(model, "iba", &options, 1);
    assert_false(same(first, again));
    nw_map_free(again);
    options.seed = 1;
    again = explain(model, "iba", &options, 0);
    assert_false(same(first, again));
    nw_map_free(again);
    options.seed = 0;
    for (options.batch = 1; options.batch < 5; options.batch++) {
        again = explain(model, "iba", &options, 0);
        for (int i = 0; i < POSITIONS; i++)
            assert_true(fabs((double)(again->values[i] - first->values[i])) <
                        1e-4 * (1e-3 + (double)first->values[i]));
        nw_map_free(again);
    }
    nw_map_free(first);
    nw_stats_free(stats);
    nw_model_unref(model);
}

/* samples where alpha = 5 - t is 0, elsewhere by 1 / cosh^2 (alpha / 2), an even number or one; four tenths
 * from alpha = -4 on. */
static void a_schedule_by_the_slope(void **state)
{
    (void)state;
    static const struct {
        int samples, steps;
        nw_readout readout;
        int counts[12];
    } cases[] = {
        {4, 10, NW_READOUT_LAST_FORWARD, {1, 1, 1, 2, 4, 4, 4, 2, 1, 1}},
        {6, 10, NW_READOUT_LAST_FORWARD, {1, 1, 1, 2, 4, 6, 4, 2, 1, 1}},
        {1, 3, NW_READOUT_LAST_FORWARD, {1, 1, 1}},
        {3, 10, NW_READOUT_LAST_FORWARD, {1, 1, 1, 1, 2, 2, 2, 1, 1, 1}},
        {7, 10, NW_READOUT_LAST_FORWARD, {1, 1, 1, 2, 6, 6, 6, 2, 1, 1}},
        {8, 10, NW_READOUT_LAST_FORWARD, {1, 1, 1, 4, 6, 8, 6, 4, 1, 1}},
        {10, 12, NW_READOUT_AFTER, {1, 1, 2, 4, 8, 10, 8, 4, 2, 4, 4, 4}},
    };
    nw_model *model = network(&(tail){.outputs = OUTPUTS});
    nw_stats *stats = collect(model);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nw_explain_options options = defaults(stats);
        options.schedule = NW_SCHEDULE_SLOPE;
        options.noise = NW_NOISE_ANTITHETIC;
        options.samples = cases[i].samples;
        options.steps = cases[i].steps;
        options.readout = cases[i].readout;
        nw_map *map = explain(model, "iba", &options, 0), *again = explain(model, "iba", &options, 0);
        assert_true(same(map, again));
        nw_map_free(again);
        json_t *provenance = json_loads(map->provenance, 0, NULL);
        const json_t *counts = json_object_get(
            json_object_get(json_object_get(provenance, "parameters"), "samples_by_step"), "value");
        assert_int_equal(json_array_size(counts), cases[i].steps);
        for (int t = 0; t < cases[i].steps; t++)
            assert_int_equal(json_integer_value(json_array_get(counts, (size_t)t)), cases[i].counts[t]);
        json_decref(provenance);
        for (options.batch = 1; options.batch < 5; options.batch++) {
            again = explain(model, "iba", &options, 0);
            for (int k = 0; k < POSITIONS; k++)
                assert_true(fabs((double)(again->values[k] - map->values[k])) <
                            1e-4 * (1e-3 + (double)map->values[k]));
            nw_map_free(again);
        }
        nw_map_free(map);
    }
    nw_stats_free(stats);
    nw_model_unref(model);
}

static void maps_are_consistent(void **state)
{
    (void)state;
    for (int deep = 0; deep < 2; deep++) {
        nw_model *model = network(&(tail){.outputs = OUTPUTS, .deep = deep});
        nw_stats *stats = collect(model);
        nw_explain_options options = defaults(stats);
        nw_map *map = explain(model, "iba", &options, 0);
        assert_int_equal(map->shape.rank, deep ? 3 : 2);
        double sum = 0, capacity = 0;
        for (int i = 0; i < POSITIONS; i++) sum += (double)map->values[i];
        for (int i = 0; i < N; i++) capacity += (double)map->capacity[i];
        assert_true(map->total_bits > 0);
        assert_true(fabs(sum - map->total_bits) < 1e-5 * sum);
        assert_true(fabs(capacity - map->total_bits) < 1e-5 * sum);
        assert_true(map->bits[map->steps - 1] == map->total_bits ||
                    fabs(map->bits[map->steps - 1] - map->total_bits) < 1e-9 * sum);
        assert_int_equal(map->steps, 10);
        double p = 0;
        for (size_t i = 0; i < map->output_count; i++) p += (double)map->probabilities[i];
        assert_true(fabs(p - 1) < 1e-6);
        for (size_t i = 0; i < map->output_count; i++)
            assert_true(map->logits[i] <= map->logits[map->target]);
        json_t *provenance = json_loads(map->provenance, 0, NULL),
               *parameters = json_object_get(provenance, "parameters");
        static const char *const keys[] = {"layer",
                                           "target",
                                           "loss",
                                           "beta",
                                           "beta_over",
                                           "sigma",
                                           "steps",
                                           "rate",
                                           "samples",
                                           "seed",
                                           "min_std",
                                           "initial_alpha",
                                           "active_threshold",
                                           "relu",
                                           "readout",
                                           "loss_weight"};
        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
            assert_non_null(json_object_get(json_object_get(parameters, keys[i]), "value"));
            assert_non_null(
                json_string_value(json_object_get(json_object_get(parameters, keys[i]), "meaning")));
        }
        json_decref(provenance);
        nw_map_free(map);
        nw_stats_free(stats);
        nw_model_unref(model);
    }
}

static void beta_closes_the_bottleneck(void **state)
{
    (void)state;
    nw_model *model = network(&(tail){.outputs = OUTPUTS});
    nw_stats *stats = collect(model);
    nw_explain_options options = defaults(stats);
    double last = INFINITY;
    static const double betas[] = {0, .01, 1, 1000};
    for (int i = 0; i < 4; i++) {
        options.beta = betas[i];
        options.steps = 30;
        nw_map *map = explain(model, "iba", &options, 0);
        assert_true(map->total_bits < last);
        last = map->total_bits;
        if (i == 0) assert_true(map->total_bits > .3 * map->bits[0]);
        if (i == 3) assert_true(map->total_bits < 1e-3 * map->bits[0]);
        nw_map_free(map);
    }
    /* One step: the capacity before any update. Read after it: another. beta over the sum is beta times
     * neurons over the mean. */
    options.beta = 2;
    options.steps = 1;
    nw_map *before = explain(model, "iba", &options, 0);
    options.readout = NW_READOUT_AFTER;
    nw_map *after = explain(model, "iba", &options, 0);
    assert_true(before->total_bits == before->bits[0] ||
                fabs(before->total_bits / before->bits[0] - 1) < 1e-12);
    assert_true(after->total_bits < .9 * before->total_bits);
    options.readout = NW_READOUT_LAST_FORWARD;
    options.steps = 5;
    nw_map *mean = explain(model, "iba", &options, 0);
    options.beta_over = NW_BETA_OVER_SUM;
    options.beta = 2. / N;
    nw_map *sum = explain(model, "iba", &options, 0);
    assert_true(fabs(mean->total_bits - sum->total_bits) < 1e-6 * sum->total_bits);
    nw_map *maps[] = {before, after, mean, sum};
    for (int i = 0; i < 4; i++) nw_map_free(maps[i]);
    nw_stats_free(stats);
    nw_model_unref(model);
}

/* A graph that ends in probabilities is explained at its logits. */
static void probabilities_are_cut_off(void **state)
{
    (void)state;
    static const tail pairs[][2] = {
        {{.outputs = 3}, {.outputs = 3, .ops = {"Softmax", NULL}}},
        {{.outputs = 1}, {.outputs = 1, .ops = {"Sigmoid", NULL}}},
        {{.outputs = 3, .head = "multilabel"}, {.outputs = 3, .ops = {"Sigmoid", NULL}}}};
    for (int i = 0; i < 3; i++) {
        nw_map *maps[4];
        for (int k = 0; k < 2; k++) {
            nw_model *model = network(&pairs[i][k]);
            nw_stats *stats = collect(model);
            nw_explain_options options = defaults(stats);
            maps[k] = explain(model, "iba", &options, 0);
            maps[2 + k] = explain(model, "gradcam", &options, 0);
            nw_stats_free(stats);
            nw_model_unref(model);
        }
        assert_true(same(maps[0], maps[1]));
        assert_true(same(maps[2], maps[3]));
        assert_int_equal(maps[0]->head, maps[1]->head);
        assert_int_equal(maps[0]->loss, i == 0 ? NW_LOSS_CROSS_ENTROPY : NW_LOSS_BINARY);
        for (int k = 0; k < 4; k++) nw_map_free(maps[k]);
    }
}

static void many_samples_run_in_equal_pieces(void **state)
{
    (void)state;
    static const int pairs[][2] = {{1, 1}, {10, 10}, {20, 20}, {21, 11}, {50, 17}, {100, 20}};
    nw_model *model = network(&(tail){.outputs = OUTPUTS});
    nw_stats *stats = collect(model);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        nw_explain_options options = defaults(stats);
        options.samples = pairs[i][0];
        options.schedule = NW_SCHEDULE_EVEN;
        nw_explainer *e = NULL;
        nw_error err;
        assert_int_equal(nw_explainer_new(model, "iba", &options, NULL, &e, &err), NW_OK);
        assert_int_equal(nw_explainer_batch(e), pairs[i][1]);
        nw_explainer_free(e);
    }
    nw_stats_free(stats);
    nw_model_unref(model);
}

static void metadata_name_the_layer(void **state)
{
    (void)state;
    nw_model *good = network(&(tail){.outputs = OUTPUTS, .bottleneck = "\"sum\""});
    nw_model *bad = network(&(tail){.outputs = OUTPUTS, .bottleneck = "side"});
    nw_collector *c = NULL;
    nw_error err;
    assert_int_equal(nw_collector_new(good, NULL, NULL, NULL, NW_PRECISION_F32, 1, &c, &err), NW_OK);
    assert_string_equal(nw_collector_layer(c), "sum");
    nw_collector_free(c);
    assert_int_equal(nw_collector_new(bad, NULL, NULL, NULL, NW_PRECISION_F32, 1, &c, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "narrows.bottleneck"));
    assert_int_equal(nw_collector_new(bad, "layer", NULL, NULL, NW_PRECISION_F32, 1, &c, &err), NW_OK);
    nw_collector_free(c);
    nw_model_unref(good);
    nw_model_unref(bad);
}

static void one_by_one_where_no_batch_passes(void **state)
{
    (void)state;
    nw_map *maps[2];
    for (int k = 0; k < 2; k++) {
        nw_model *model = network(&(tail){.outputs = OUTPUTS, .fixed_reshape = k});
        nw_stats *stats = collect(model);
        nw_explain_options options = defaults(stats);
        nw_explainer *e = NULL;
        nw_error err;
        options.schedule = NW_SCHEDULE_EVEN;
        if (nw_explainer_new(model, "iba", &options, NULL, &e, &err) != NW_OK) fail_msg("%s", err.message);
        assert_int_equal(nw_explainer_batch(e), k ? 1 : 4);
        nw_explainer_free(e);
        maps[k] = explain(model, "iba", &options, 0);
        if (k) {
            options.batch = 2; /* asked for, and impossible */
            assert_int_not_equal(nw_explainer_new(model, "iba", &options, NULL, &e, &err), NW_OK);
        }
        nw_stats_free(stats);
        nw_model_unref(model);
    }
    for (int i = 0; i < POSITIONS; i++)
        assert_true(fabs((double)(maps[0]->values[i] - maps[1]->values[i])) <
                    1e-4 * (1e-3 + (double)maps[0]->values[i]));
    nw_map_free(maps[0]);
    nw_map_free(maps[1]);
}

static void losses_steer(void **state)
{
    (void)state;
    nw_model *model = network(&(tail){.outputs = 1, .head = "regression"});
    nw_stats *stats = collect(model);
    nw_explain_options options = defaults(stats);
    options.beta = .1;
    nw_map *automatic = explain(model, "iba", &options, 0);
    assert_int_equal(automatic->loss, NW_LOSS_RAISE);
    assert_null(automatic->probabilities);
    options.loss = NW_LOSS_RAISE;
    nw_map *raise = explain(model, "iba", &options, 0);
    assert_true(same(automatic, raise));
    options.loss = NW_LOSS_LOWER;
    nw_map *lower = explain(model, "iba", &options, 0);
    options.loss = NW_LOSS_KEEP;
    nw_map *keep = explain(model, "iba", &options, 0);
    options.loss = NW_LOSS_VALUE;
    options.loss_value = (double)keep->logits[0];
    nw_map *value = explain(model, "iba", &options, 0);
    assert_false(same(raise, lower));
    assert_false(same(raise, keep));
    assert_true(same(keep, value));
    /* Raising ends above, lowering below: model_loss is -f and f. */
    assert_true(-raise->model_loss[9] > lower->model_loss[9]);
    nw_map *maps[] = {automatic, raise, lower, keep, value};
    for (int i = 0; i < 5; i++) nw_map_free(maps[i]);
    nw_stats_free(stats);
    nw_model_unref(model);
}

static void the_template_runs(void **state)
{
    (void)state;
    nw_model *model = network(&(tail){.outputs = OUTPUTS});
    nw_explainer *e = NULL;
    nw_error err;
    nw_map *map = NULL;
    float x[POSITIONS];
    image(0, x);
    if (nw_explainer_make(model, &nw_method_template, NULL, NULL, &e, &err) != NW_OK)
        fail_msg("%s", err.message);
    assert_string_equal(nw_explainer_layer(e), "sum");
    if (nw_explainer_run(e, x, 0, NULL, &map, &err) != NW_OK) fail_msg("%s", err.message);
    const float *features = nw_program_output(nw_explainer_program(e, 0), "sum", NULL);
    for (int i = 0; i < POSITIONS; i++) {
        double mean = 0;
        for (int c = 0; c < CHANNELS; c++) mean += (double)features[c * POSITIONS + i] / CHANNELS;
        assert_true(fabs(mean - (double)map->values[i]) < 1e-5);
    }
    nw_map_free(map);
    nw_explainer_free(e);
    nw_model_unref(model);
}

static int stop_at_three(void *user, const char *what, double done, double total)
{
    (void)what;
    assert_true(total == 10);
    ++*(int *)user;
    return done >= 3;
}

static void progress_can_cancel(void **state)
{
    (void)state;
    nw_model *model = network(&(tail){.outputs = OUTPUTS});
    nw_stats *stats = collect(model);
    nw_explain_options options = defaults(stats);
    nw_explainer *e = NULL;
    nw_map *map = NULL;
    nw_error err;
    float x[POSITIONS];
    int calls = 0;
    image(0, x);
    assert_int_equal(nw_explainer_new(model, "iba", &options, NULL, &e, &err), NW_OK);
    nw_progress progress = {stop_at_three, &calls};
    assert_int_equal(nw_explainer_run(e, x, 0, &progress, &map, &err), NW_CANCELLED);
    assert_int_equal(calls, 4);
    assert_null(map);
    nw_explainer_free(e);
    nw_stats_free(stats);
    nw_model_unref(model);
}

static void refused(nw_model *model, const char *method, const nw_explain_options *options,
                    const nw_shape *shape, nw_status status, const char *word)
{
    nw_explainer *e = NULL;
    nw_error err = {0};
    nw_status got = nw_explainer_new(model, method, options, shape, &e, &err);
    if (got != status || !strstr(err.message, word))
        fail_msg("%d, not %d; '%s' in: %s", got, status, word, err.message);
    assert_null(e);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    nw_model *model = network(&(tail){.outputs = OUTPUTS}), *one = network(&(tail){.outputs = 1});
    nw_stats *stats = collect(model), *other = collect(one), *flat = NULL;
    nw_error err;
    const nw_explain_options good = defaults(stats);
    nw_explain_options o = good;
    refused(model, "ibis", &o, NULL, NW_USAGE, "iba, gradcam");
    o.layer = "layr";
    refused(model, "iba", &o, NULL, NW_BAD_INPUT, "'layer'");
    o.layer = "side"; /* of the sum there is another path */
    refused(model, "iba", &o, NULL, NW_BAD_INPUT, "around it");
    o.layer = "f";
    refused(model, "iba", &o, NULL, NW_BAD_INPUT, "no feature map");
    refused(model, "gradcam", &o, NULL, NW_BAD_INPUT, "no feature map");
    o.layer = "x";
    refused(model, "iba", &o, NULL, NW_BAD_INPUT, "'x'");
    o = good;
    o.output = "logit";
    refused(model, "iba", &o, NULL, NW_BAD_INPUT, "'logits'");
    o = good;
    o.target = OUTPUTS;
    refused(model, "iba", &o, NULL, NW_BAD_INPUT, "target 3");
    o.target = 2;
    refused(one, "gradcam", &o, NULL, NW_BAD_INPUT, "target 2");
    o = good;
    o.stats = NULL;
    refused(model, "iba", &o, NULL, NW_USAGE, "statistics");
    o.stats = other;
    refused(model, "iba", &o, NULL, NW_BAD_INPUT, "another model");
    nw_shape shape = {3, {CHANNELS, SIDE, SIDE + 1}};
    assert_int_equal(nw_stats_new(&shape, &flat, &err), NW_OK);
    o.stats = flat;
    refused(model, "iba", &o, NULL, NW_BAD_INPUT, "[3, 12, 13]");
    nw_stats_free(flat);
    shape.dims[2] = SIDE;
    assert_int_equal(nw_stats_new(&shape, &flat, &err), NW_OK);
    o.stats = flat; /* of no image: no neuron was ever active */
    refused(model, "iba", &o, NULL, NW_BAD_INPUT, "active");
    o = good;
    o.loss = NW_LOSS_CROSS_ENTROPY;
    refused(one, "gradcam", &o, NULL, NW_USAGE, "cross-entropy");
    o = good;
    o.sigma = 8;
    refused(model, "iba", &o, NULL, NW_BAD_INPUT, "sigma 8");
    nw_shape input = {4, {1, 1, SIDE, SIDE + 4}};
    refused(model, "iba", &good, &input, NW_BAD_INPUT, "[1, 1, 12, 16]");
    input = (nw_shape){4, {2, 1, SIDE, SIDE}};
    refused(model, "iba", &good, &input, NW_BAD_INPUT, "[2, 1, 12, 12]");
#define ODD(field, wrong)                                                                                    \
    do {                                                                                                     \
        o = good;                                                                                            \
        o.field = wrong;                                                                                     \
        refused(model, "iba", &o, NULL, NW_USAGE, "");                                                       \
    } while (0)
    ODD(beta, -1);
    ODD(beta, (double)NAN);
    ODD(sigma, -1);
    ODD(sigma, (double)NAN);
    ODD(rate, 0);
    ODD(steps, 0);
    ODD(steps, 1 << 20);
    ODD(samples, 0);
    ODD(samples, 1 << 20);
    ODD(early_samples, 2); /* the schedule by the slope has its own */
    ODD(early_steps, 3);   /* of none */
    ODD(min_std, 0);
    ODD(initial_alpha, 1000);
    ODD(active_threshold, 1);
    ODD(batch, -1);
    ODD(target, -2);
    ODD(loss_weight, (double)INFINITY);
    nw_stats_free(stats);
    nw_stats_free(other);
    nw_stats_free(flat);
    nw_model_unref(model);
    nw_model_unref(one);
}

static void not_finite_is_found(void **state)
{
    (void)state;
    nw_model *model = network(&(tail){.outputs = OUTPUTS});
    nw_stats *stats = collect(model);
    nw_explain_options options = defaults(stats);
    nw_explainer *e = NULL;
    nw_map *map = NULL;
    nw_error err;
    float x[POSITIONS];
    image(0, x);
    options.loss = NW_LOSS_KEEP;
    options.loss_weight = 1e308;
    options.min_std = 1e30;
    assert_int_equal(nw_explainer_new(model, "iba", &options, NULL, &e, &err), NW_OK);
    assert_int_equal(nw_explainer_run(e, x, 0, NULL, &map, &err), NW_NOT_FINITE);
    assert_non_null(strstr(err.message, "step 1"));
    x[5] = NAN;
    assert_int_equal(nw_explainer_run(e, x, 0, NULL, &map, &err), NW_NOT_FINITE);
    assert_non_null(strstr(err.message, "image"));
    for (int i = 0; i < POSITIONS; i++) x[i] = 3e38F;
    assert_int_equal(nw_explainer_run(e, x, 0, NULL, &map, &err), NW_NOT_FINITE);
    assert_null(map);
    nw_explainer_free(e);
    nw_stats_free(stats);
    nw_model_unref(model);
}

static void statistics_are_those_of_the_layer(void **state)
{
    (void)state;
    nw_model *model = network(&(tail){.outputs = OUTPUTS});
    nw_error err;
    nw_collector *c = NULL, *wide = NULL;
    assert_int_equal(nw_collector_new(model, NULL, NULL, NULL, NW_PRECISION_F32, 2, &c, &err), NW_OK);
    assert_string_equal(nw_collector_layer(c), "layer"); /* the last activation; the sum is none */
    assert_int_equal(nw_collector_new(model, "layer", NULL, NULL, NW_PRECISION_F64, 1, &wide, &err), NW_OK);
    float x[POSITIONS];
    for (uint64_t i = 0; i < 6; i++) {
        image(i, x);
        assert_int_equal(nw_collector_add(c, x, &err), NW_OK);
        assert_int_equal(nw_collector_add(wide, x, &err), NW_OK);
    }
    for (int i = 0; i < N; i++) {
        assert_true(fabs((double)(nw_stats_std(nw_collector_stats(c))[i] -
                                  nw_stats_std(nw_collector_stats(wide))[i])) < 1e-5);
        assert_true(fabs((double)(nw_stats_mean(nw_collector_stats(c))[i] -
                                  nw_stats_mean(nw_collector_stats(wide))[i])) < 1e-5);
    }
    assert_string_equal(nw_stats_get_facts(nw_collector_stats(c))->model_digest, nw_model_digest(model));
    x[0] = NAN;
    assert_int_equal(nw_collector_add(c, x, &err), NW_NOT_FINITE);
    assert_int_equal(nw_stats_count(nw_collector_stats(c)), 6);
    nw_collector_free(c);
    nw_collector_free(wide);
    nw_model_unref(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_address_of_the_noise_decides),
        cmocka_unit_test(a_schedule_by_the_slope),
        cmocka_unit_test(maps_are_consistent),
        cmocka_unit_test(beta_closes_the_bottleneck),
        cmocka_unit_test(probabilities_are_cut_off),
        cmocka_unit_test(one_by_one_where_no_batch_passes),
        cmocka_unit_test(many_samples_run_in_equal_pieces),
        cmocka_unit_test(metadata_name_the_layer),
        cmocka_unit_test(losses_steer),
        cmocka_unit_test(the_template_runs),
        cmocka_unit_test(progress_can_cancel),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(not_finite_is_found),
        cmocka_unit_test(statistics_are_those_of_the_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
