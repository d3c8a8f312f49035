/* Logits, an inner tensor and the gradients of one logit, against PyTorch in double precision, for the
 * architectures that scripts/make_goldens.py exports. A batch of three and batches of one must agree. */
#include "golden.h"

#define DATA NW_TEST_SOURCE "/tests/golden/data/torch"

enum { MAX_SAMPLES = 8 };

typedef struct golden_part {
    nw_tensor *values; /* every stride-th value of the whole array */
    int64_t stride, size;
    double largest, norm;
} golden_part;

typedef struct golden {
    const char *name, *inner;
    int64_t samples, target, seed;
    nw_shape shape; /* of one sample */
    nw_tensor *logits;
    golden_part inner_values, input_grad, inner_grad;
} golden;

static int64_t number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static golden_part read_part(const json_t *entry, const char *name, const char *key)
{
    char path[GOLDEN_PATH];
    golden_path(path, DATA "/%s.%s.npy", name, key);
    const json_t *facts = json_object_get(entry, key);
    golden_part part = {.values = golden_npy(path),
                        .stride = number(facts, "stride"),
                        .size = number(facts, "size"),
                        .largest = json_real_value(json_object_get(facts, "largest")),
                        .norm = json_real_value(json_object_get(facts, "norm"))};
    assert_int_equal(nw_tensor_count(part.values), (part.size + part.stride - 1) / part.stride);
    return part;
}

static golden read_golden(const json_t *entry)
{
    char path[GOLDEN_PATH];
    golden g = {.name = json_string_value(json_object_get(entry, "name")),
                .inner = json_string_value(json_object_get(entry, "inner_name")),
                .samples = number(entry, "samples"),
                .target = number(entry, "target"),
                .seed = number(entry, "seed")};
    assert_non_null(g.name);
    assert_non_null(g.inner);
    assert_in_range(g.samples, 1, MAX_SAMPLES);
    const json_t *shape = json_object_get(entry, "shape");
    g.shape.rank = (int)json_array_size(shape);
    for (int i = 0; i < g.shape.rank; i++)
        g.shape.dims[i] = json_integer_value(json_array_get(shape, (size_t)i));
    golden_path(path, DATA "/%s.logits.npy", g.name);
    g.logits = golden_npy(path);
    g.inner_values = read_part(entry, g.name, "inner");
    g.input_grad = read_part(entry, g.name, "input.grad");
    g.inner_grad = read_part(entry, g.name, "inner.grad");
    return g;
}

static void free_golden(golden *g)
{
    nw_tensor_unref(g->logits);
    nw_tensor_unref(g->inner_values.values);
    nw_tensor_unref(g->input_grad.values);
    nw_tensor_unref(g->inner_grad.values);
}

/* The same hash as hashed() in scripts/make_goldens.py. */
static double hashed(uint32_t i, uint32_t seed)
{
    uint32_t u = i * 2654435761U + seed * 40503U;
    u = (u ^ u >> 15) * 2246822519U;
    u = (u ^ u >> 13) * 3266489917U;
    return (((u ^ u >> 16) >> 24) - 127.5) / 64;
}

/* The kept values that lie in samples first .. first + batch - 1, against an array of those samples. */
static double compare_part(const golden *g, const char *what, const golden_part *part, const void *values,
                           const nw_shape *shape, nw_precision precision, int64_t first, int64_t batch)
{
    char text[256];
    snprintf(text, sizeof text, "%s: %s, batch %d", g->name, what, (int)batch);
    int64_t sample = part->size / g->samples;
    assert_non_null(values);
    assert_int_equal(golden_count(shape), sample * batch);
    const float *kept = nw_tensor_data_const(part->values);
    int64_t low = (first * sample + part->stride - 1) / part->stride;
    int64_t high = ((first + batch) * sample + part->stride - 1) / part->stride;
    double worst = golden_compare(text, values, precision, low * part->stride - first * sample, part->stride,
                                  kept + low, high - low, part->largest, 1e-4);
    if (batch == g->samples) {
        /* What lies between the kept values: no magnitude above theirs, and the same 2-norm. */
        double squares = 0, largest = 0;
        for (int64_t i = 0; i < part->size; i++) {
            double value = golden_value(values, precision, i);
            squares += value * value;
            largest = fmax(largest, fabs(value));
        }
        if (fabs(sqrt(squares) - part->norm) > 1e-4 * part->norm ||
            fabs(largest - part->largest) > 1e-4 * part->largest)
            fail_msg("%s: norm %.9g and largest %.9g, expected %.9g and %.9g", text, sqrt(squares), largest,
                     part->norm, part->largest);
    }
    return worst;
}

static void check(const golden *g, nw_model *model, nw_precision precision, int64_t first, int64_t batch)
{
    nw_error err;
    nw_program *program = NULL;
    const char *output = nw_model_output_name(model, 0), *input = nw_model_input_name(model, 0);
    const char *outputs[2] = {output, g->inner}, *diffs[2] = {input, g->inner};
    nw_program_options options = {.outputs = outputs,
                                  .output_count = 2,
                                  .diffs = diffs,
                                  .diff_count = 2,
                                  .batch = batch,
                                  .precision = precision};
    golden_ok(nw_program_compile(model, &options, &program, &err), err);

    /* Segmentation is run on every slice of a scan: nothing of it may go by the slow path. */
    for (size_t i = 0; precision == NW_PRECISION_F32 && strncmp(g->name, "unet", 4) == 0 &&
                       i < nw_program_step_count(program);
         i++)
        assert_string_not_equal(nw_program_step(program, i).impl, "reference");

    nw_shape shape;
    void *src = nw_program_input(program, input, &shape);
    int64_t sample = golden_count(&g->shape);
    assert_int_equal(golden_count(&shape), batch * sample);
    for (int64_t i = 0; i < batch * sample; i++)
        golden_set(src, precision, i, hashed((uint32_t)(first * sample + i), (uint32_t)g->seed));
    golden_ok(nw_program_run(program, &err), err);

    const float *logits = nw_tensor_data_const(g->logits);
    int64_t classes = nw_tensor_count(g->logits) / g->samples;
    const void *dst = nw_program_output(program, output, &shape);
    assert_int_equal(golden_count(&shape), batch * classes);
    double worst = golden_compare(g->name, dst, precision, 0, 1, logits + first * classes, batch * classes,
                                  golden_largest(logits, nw_tensor_count(g->logits)), 1e-4);
    const void *inner = nw_program_output(program, g->inner, &shape);
    double worst_inner = compare_part(g, g->inner, &g->inner_values, inner, &shape, precision, first, batch);

    void *diff = nw_program_diff_output(program, output);
    assert_non_null(diff);
    for (int64_t n = 0; n < batch; n++) golden_set(diff, precision, n * classes + g->target, 1);
    golden_ok(nw_program_backward(program, &err), err);
    const void *input_grad = nw_program_diff(program, input, &shape);
    double worst_input =
        compare_part(g, "d input", &g->input_grad, input_grad, &shape, precision, first, batch);
    const void *inner_grad = nw_program_diff(program, g->inner, &shape);
    double worst_grad =
        compare_part(g, "d inner", &g->inner_grad, inner_grad, &shape, precision, first, batch);
    print_message("    %s batch %d of %d: logits %.1e, inner %.1e, d input %.1e, d inner %.1e\n",
                  precision == NW_PRECISION_F64 ? "f64" : "f32", (int)batch, (int)g->samples, worst,
                  worst_inner, worst_input, worst_grad);
    nw_program_free(program);
}

static void network_agrees(void **state)
{
    golden g = read_golden(*state);
    char path[GOLDEN_PATH];
    golden_path(path, DATA "/%s.onnx", g.name);
    nw_model *model = golden_model(path);
    for (int p = 0; p < 2; p++) {
        nw_precision precision = p ? NW_PRECISION_F64 : NW_PRECISION_F32;
        check(&g, model, precision, 0, g.samples);
        check(&g, model, precision, g.samples - 1, 1);
    }
    nw_model_unref(model);
    free_golden(&g);
}

int main(int argc, char **argv)
{
    json_error_t why;
    json_t *index = json_load_file(DATA "/index.json", 0, &why);
    const json_t *networks = json_object_get(index, "networks");
    enum { MOST = 64 };
    struct CMUnitTest tests[MOST];
    size_t count = 0, i;
    json_t *entry;
    if (json_array_size(networks) < 10 || json_array_size(networks) > MOST) {
        fprintf(stderr, DATA "/index.json: %s\n", index ? "too few networks" : why.text);
        return 1;
    }
    json_array_foreach(networks, i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));
        /* With arguments: only the networks of these names. */
        bool wanted = argc == 1;
        for (int a = 1; a < argc; a++) wanted |= strcmp(argv[a], name) == 0;
        if (wanted)
            tests[count++] =
                (struct CMUnitTest){.name = name, .test_func = network_agrees, .initial_state = entry};
    }
    const int failed = _cmocka_run_group_tests("torch", tests, count, NULL, NULL);
    json_decref(index);
    return failed || count == 0;
}
