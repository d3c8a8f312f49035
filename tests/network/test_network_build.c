/* The architectures: their parameters by name and shape, what they start with, and where a bottleneck goes.
 */
#include "network.h"

#include <nettle/sha2.h>

enum { MOST = 2048 };

static const nw_tensor *data_of(const nw_model *model, const char *name)
{
    int value = nw_graph_find(model->graph, name);
    if (value < 0 || !model->graph->values[value].data) fail_msg("no parameter '%s'", name);
    return model->graph->values[value].data;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "NAME AxBxC" for each float initializer, sorted by name. */
static size_t list_parameters(const nw_model *model, char **lines, int64_t *numbers)
{
    size_t count = 0;
    *numbers = 0;
    for (size_t i = 0; i < model->graph->value_count; i++) {
        const nw_value *value = &model->graph->values[i];
        if (!value->data || value->dtype != NW_F32) continue;
        assert_true(count < MOST);
        char *line = malloc(256);
        int used = snprintf(line, 256, "%s ", value->name);
        for (int d = 0; d < value->shape.rank; d++)
            used += snprintf(line + used, 256 - (size_t)used, "%s%lld", d ? "x" : "",
                             (long long)value->shape.dims[d]);
        *numbers += value->data->count;
        lines[count++] = line;
    }
    /* A blank sorts before all that names are made of, so this is the order of the names. */
    qsort(lines, count, sizeof *lines, by_text);
    return count;
}

/* parameters.txt comes from torchvision and from ResNeSt as written down in scripts/goldens. */
static void parameters_are_those_of_pytorch(void **state)
{
    (void)state;
    FILE *in = fopen(NW_TEST_SOURCE "/tests/network/parameters.txt", "r");
    assert_non_null(in);
    char line[256], name[32], wanted[65];
    size_t networks = 0, wanted_count;
    long long wanted_numbers;
    while (fgets(line, sizeof line, in)) {
        if (line[0] == '#') continue;
        assert_int_equal(sscanf(line, "%31s %zu %lld %64s", name, &wanted_count, &wanted_numbers, wanted), 4);
        nw_network_options options = {
            .arch = name, .channels = 3, .size = {64, 64}, .outputs = 1000, .seed = networks++};
        if (strstr(name, "3d")) memcpy(options.size, (int64_t[]){16, 64, 64}, sizeof options.size);
        nw_model *model = network_build(&options);
        char *lines[MOST], text[65];
        int64_t numbers;
        size_t count = list_parameters(model, lines, &numbers);
        struct sha256_ctx sha;
        uint8_t sum[SHA256_DIGEST_SIZE];
        sha256_init(&sha);
        for (size_t i = 0; i < count; i++) {
            sha256_update(&sha, strlen(lines[i]), (const uint8_t *)lines[i]);
            sha256_update(&sha, 1, (const uint8_t *)"\n");
            free(lines[i]);
        }
        sha256_digest(&sha, sizeof sum, sum);
        for (int i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", sum[i]);
        print_message("    %s: %zu, %lld numbers\n", name, count, (long long)numbers);
        assert_int_equal(count, wanted_count);
        assert_int_equal(numbers, wanted_numbers);
        assert_string_equal(text, wanted);
        nw_model_unref(model);
    }
    fclose(in);
    assert_int_equal(networks, nw_network_count());
}

/* Mean and variance of n numbers; of n independent ones they miss the truth by so much at most, but for one
 * time in a million: five standard errors (of the variance: sqrt(kurtosis - 1 / n)). */
static void check_moments(const nw_tensor *t, double variance, double kurtosis)
{
    const float *x = t->data;
    double n = (double)t->count, sum = 0, squares = 0;
    for (int64_t i = 0; i < t->count; i++) sum += (double)x[i];
    double mean = sum / n;
    for (int64_t i = 0; i < t->count; i++) squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    assert_true(fabs(mean) <= 5 * sqrt(variance / n));
    assert_true(fabs(squares / n / variance - 1) <= 5 * sqrt((kurtosis - 1) / n));
}

static void weights_start_as_documented(void **state)
{
    (void)state;
    nw_network_options options = {
        .arch = "resnet18", .channels = 1, .size = {64, 64}, .outputs = 40, .seed = 5};
    nw_model *model = network_build(&options);
    const nw_tensor *w = data_of(model, "layer2.0.conv1.weight"); /* 128x64x3x3 */
    check_moments(w, 2.0 / (128 * 9), 3);
    check_moments(data_of(model, "conv1.weight"), 2.0 / (64 * 49), 3);
    check_moments(data_of(model, "layer3.0.downsample.0.weight"), 2.0 / 256, 3);
    const nw_tensor *fc = data_of(model, "fc.weight"); /* 40x512 */
    double bound = 1 / sqrt(512), largest = 0;
    check_moments(fc, bound * bound / 3, 1.8);
    for (int64_t i = 0; i < fc->count; i++) largest = fmax(largest, fabs((double)((float *)fc->data)[i]));
    assert_true(largest <= bound && largest > 0.999 * bound);
    for (int64_t i = 0; i < 40; i++)
        assert_true(fabs((double)((float *)data_of(model, "fc.bias")->data)[i]) <= bound);
    static const struct {
        const char *name;
        float value;
    } constants[] = {{"bn1.weight", 1},
                     {"bn1.bias", 0},
                     {"bn1.running_mean", 0},
                     {"bn1.running_var", 1},
                     {"layer4.1.bn2.weight", 1}};
    for (size_t k = 0; k < sizeof constants / sizeof *constants; k++) {
        const nw_tensor *t = data_of(model, constants[k].name);
        for (int64_t i = 0; i < t->count; i++) assert_true(((float *)t->data)[i] == constants[k].value);
    }
    nw_model_unref(model);
}

static bool same_data(const nw_tensor *a, const nw_tensor *b)
{
    return nw_shape_equal(&a->shape, &b->shape) && memcmp(a->data, b->data, (size_t)a->count * 4) == 0;
}

/* Neither on the other parameters, nor on the input, nor on how many outputs there are. */
static void parameters_depend_on_seed_and_name(void **state)
{
    (void)state;
    nw_network_options options = network_options("resnet18");
    nw_model *small = network_build(&options), *same = network_build(&options);
    assert_string_equal(nw_model_digest(small), nw_model_digest(same));
    options.seed++;
    nw_model *other = network_build(&options);
    options.seed--;
    options.arch = "resnet34";
    options.outputs = 9;
    options.size[0] = 48;
    nw_model *large = network_build(&options);
    static const char *const names[] = {"conv1.weight", "layer1.0.conv1.weight", "layer4.1.conv2.weight"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(same_data(data_of(small, names[i]), data_of(large, names[i])));
        assert_false(same_data(data_of(small, names[i]), data_of(other, names[i])));
    }
    assert_false(same_data(data_of(small, "layer1.0.conv1.weight"), data_of(small, "layer1.0.conv2.weight")));
    /* Another seed, as another name, gives numbers that have nothing to do with these: correlation within
     * five standard errors. */
    const char *pairs[2] = {"layer3.1.conv1.weight", "layer3.1.conv2.weight"};
    for (int k = 0; k < 2; k++) {
        const nw_tensor *a = data_of(small, pairs[0]), *b = data_of(k ? small : other, pairs[k]);
        double ab = 0, aa = 0, bb = 0;
        for (int64_t i = 0; i < a->count; i++) {
            double x = (double)((float *)a->data)[i], y = (double)((float *)b->data)[i];
            ab += x * y, aa += x * x, bb += y * y;
        }
        assert_true(fabs(ab / sqrt(aa * bb)) <= 5 / sqrt((double)a->count));
    }
    nw_model_unref(small);
    nw_model_unref(same);
    nw_model_unref(other);
    nw_model_unref(large);
}

/* Without the last norms of the branches, a residual network is its shortcuts: the blocks without a
 * downsample add nothing. */
static void zero_residuals_make_identities(void **state)
{
    (void)state;
    static const char *const archs[] = {"resnet18", "resnet50", "resnest50", "resnet18_3d"};
    for (size_t k = 0; k < sizeof archs / sizeof *archs; k++) {
        nw_network_options options = network_options(archs[k]);
        options.zero_residual = 1;
        nw_model *model = network_build(&options);
        nw_program *program = NULL;
        const char *outputs[] = {"layer2.0", "layer2"};
        must(nw_program_compile(model, &(nw_program_options){.outputs = outputs, .output_count = 2}, &program,
                                err));
        nw_shape shape;
        float *x = nw_program_input(program, "input", &shape);
        int64_t n = nw_tensor_count(data_of(model, "fc.bias")), m = 1;
        for (int i = 0; i < 1024; i++) x[i] = network_hashed((uint32_t)i);
        must(nw_program_run(program, err));
        const float *first = nw_program_output(program, outputs[0], &shape);
        const float *last = nw_program_output(program, outputs[1], NULL);
        for (int i = 0; i < shape.rank; i++) m *= shape.dims[i];
        double sum = 0;
        for (int64_t i = 0; i < m; i++) {
            sum += (double)first[i];
            assert_true(first[i] == last[i]);
        }
        assert_true(n == 3 && sum > 0);
        nw_program_free(program);
        nw_model_unref(model);
    }
}

/* The table names what the rule for any network recommends, and models carry it. */
static void bottlenecks_are_those_recommended(void **state)
{
    (void)state;
    for (size_t k = 0; k < nw_network_count(); k++) {
        const nw_network_info *info = nw_network_at(k);
        nw_network_options options = network_options(info->name);
        for (int i = 0; i < info->dims; i++) options.size[i] = 96;
        nw_model *model = network_build(&options);
        char quoted[128];
        snprintf(quoted, sizeof quoted, "\"%s\"", info->bottleneck);
        assert_string_equal(nw_model_metadata(model, "narrows.bottleneck"), quoted);
        must(nw_model_annotate(model, "narrows.bottleneck", "\"\"", err));
        nw_inspection *inspection = NULL;
        must(nw_inspect(model, NULL, 0, &inspection, err));
        const char *recommended = NULL;
        for (size_t i = 0; i < inspection->bottleneck_count; i++)
            if (inspection->bottlenecks[i].recommended) recommended = inspection->bottlenecks[i].name;
        assert_non_null(recommended);
        assert_string_equal(recommended, info->bottleneck);
        assert_int_equal(inspection->head.count, 3);
        assert_int_equal(inspection->inputs[0].shape.rank, 2 + info->dims);
        nw_inspection_free(inspection);
        nw_model_unref(model);
    }
}

static void widths_are_multiples_of_eight(void **state)
{
    (void)state;
    for (size_t k = 0; k < nw_network_count(); k++) {
        nw_network_options options = network_options(nw_network_at(k)->name);
        options.width = 0.3;
        nw_model *model = network_build(&options);
        for (size_t n = 0; n < model->graph->node_count; n++) {
            const nw_node *node = &model->graph->nodes[n];
            /* Squeeze-and-excitation has few numbers in between. */
            if (strcmp(node->op_type, "Conv") != 0 || strstr(node->name, ".fc1")) continue;
            assert_int_equal(model->graph->values[node->inputs[1]].shape.dims[0] % 8, 0);
        }
        size_t count;
        float *logits = network_run(model, 3, &count);
        assert_int_equal(count, 9);
        for (size_t i = 0; i < count; i++) assert_true(isfinite(logits[i]));
        nw_free(logits);
        nw_model_unref(model);
    }
    nw_network_options options = network_options("resnet18");
    options.width = 0.001;
    nw_model *model = network_build(&options);
    assert_int_equal(data_of(model, "layer4.1.conv2.weight")->shape.dims[0], 8);
    nw_model_unref(model);
    options.width = 0.3; /* 19.2, 38.4, 76.8, 153.6 */
    model = network_build(&options);
    static const int64_t wanted[] = {16, 40, 80, 152};
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "layer%d.1.conv2.weight", i + 1);
        assert_int_equal(data_of(model, name)->shape.dims[0], wanted[i]);
    }
    nw_model_unref(model);
}

static void refused(nw_network_options options, const char *word)
{
    nw_model *model = NULL;
    nw_error err = {0};
    nw_status status = nw_network_build(&options, &model, &err);
    if (status == NW_OK) fail_msg("'%s' was expected", word);
    if (!strstr(err.message, word)) fail_msg("'%s' says nothing of '%s'", err.message, word);
    assert_null(model);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    nw_network_options good = network_options("resnet18"), o = good;
    o.arch = "resnet19";
    refused(o, "there are resnet18, resnet34");
    o.arch = NULL;
    refused(o, "there is no network");
#define BAD(field, value, word) (o = good, o.field = (value), refused(o, word))
    BAD(width, -1, "width");
    BAD(width, (double)NAN, "width");
    BAD(width, 17, "width");
    BAD(channels, 0, "channels");
    BAD(channels, INT64_MAX, "channels");
    BAD(outputs, 0, "outputs");
    BAD(outputs, INT64_MAX, "outputs");
    BAD(size[1], 0, "sizes");
    BAD(size[0], INT64_MAX, "sizes");
    BAD(size[2], 3, "two dimensions");
#undef BAD
    /* Pooling without padding leaves nothing of so small an image. */
    o = network_options("densenet121");
    o.size[0] = o.size[1] = 8;
    refused(o, "densenet121");
    assert_null(nw_network_at(nw_network_count()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_those_of_pytorch),
        cmocka_unit_test(weights_start_as_documented),
        cmocka_unit_test(parameters_depend_on_seed_and_name),
        cmocka_unit_test(zero_residuals_make_identities),
        cmocka_unit_test(bottlenecks_are_those_recommended),
        cmocka_unit_test(widths_are_multiples_of_eight),
        cmocka_unit_test(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
