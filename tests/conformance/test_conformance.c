/* ONNX's own cases, as far as cases.txt lists them, on every path that Narrows has. */
#include "onnx_case.h"

#include "ops/evaluate.h"
#include "ops/specialise.h"

#include <narrows/program.h>

/* -- the list -- */

typedef enum verdict { PASS, LOOSE, SKIP } verdict;

typedef struct entry {
    char name[160]; /* folder/case */
    verdict verdict;
    bool seen;
} entry;

static entry *entries;
static size_t entry_count, entry_capacity;

static const char *data_folder(void)
{
    return NW_TEST_ONNX_DATA;
}

static void read_list(void)
{
    static const char *const words[] = {"pass", "loose", "skip"};
    nw_bytes bytes;
    char *line, *next = NULL;
    assert_int_equal(nw_file_read(NW_TEST_SOURCE "/tests/conformance/cases.txt", 1 << 20, &bytes, NULL),
                     NW_OK);
    for (line = strtok_r((char *)bytes.data, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
        char word[16];
        int used = 0, v = 0;
        if (*line == '#') continue;
        assert_true(NW_GROW(entries, entry_capacity, entry_count));
        entry *e = &entries[entry_count++];
        *e = (entry){0};
        if (sscanf(line, "%159s %15s %n", e->name, word, &used) < 2) fail_msg("cases.txt: '%s'", line);
        while (v < 3 && strcmp(word, words[v]) != 0) v++;
        if (v == 3) fail_msg("cases.txt: '%s' is neither pass, loose nor skip", word);
        e->verdict = (verdict)v;
        if (v != PASS && !line[used]) fail_msg("cases.txt: %s needs a reason", e->name);
        for (size_t i = 0; i + 1 < entry_count; i++)
            if (strcmp(entries[i].name, e->name) == 0) fail_msg("cases.txt: %s is there twice", e->name);
    }
    nw_free(bytes.data);
}

static int setup(void **state)
{
    (void)state;
    read_list();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nw_free(entries);
    return 0;
}

static void need_data(void)
{
    if (access(data_folder(), F_OK) == 0) return;
    print_message("%s is absent (Debian's libonnx-testdata): skipped\n", data_folder());
    skip();
}

/* The cases on the disk that the rule of cases.txt includes, and the entries: each must have the other. */
static void list_is_complete(void **state)
{
    (void)state;
    static const char *const folders[] = {"node", "simple", "pytorch-operator", "pytorch-converted"};
    int wrong = 0;
    need_data();
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        char path[CASE_PATH], name[CASE_PATH];
        onnx_path(path, "%s/%s", data_folder(), folders[f]);
        DIR *folder = opendir(path);
        if (!folder) fail_msg("%s cannot be read", path);
        for (struct dirent *d; (d = readdir(folder));) {
            if (d->d_name[0] == '.') continue;
            onnx_path(path, "%s/%s/%s", data_folder(), folders[f], d->d_name);
            if (!onnx_case_counts(path)) continue;
            onnx_path(name, "%s/%s", folders[f], d->d_name);
            size_t i = 0;
            while (i < entry_count && strcmp(entries[i].name, name) != 0) i++;
            if (i < entry_count) {
                entries[i].seen = true;
            } else {
                print_error("%s: not listed\n", name);
                wrong++;
            }
        }
        closedir(folder);
    }
    for (size_t i = 0; i < entry_count; i++)
        if (!entries[i].seen) {
            print_error("%s: listed, but no case of that name counts\n", entries[i].name);
            wrong++;
        }
    assert_int_equal(wrong, 0);
}

/* -- the paths -- */

/* The case evaluated in double; both to be freed in any case. */
static nw_status evaluate(const onnx_case *c, nw_graph **graph, nw_evaluation **e, nw_error *err)
{
    double *inputs[CASE_TENSORS] = {NULL};
    NW_TRY(nw_graph_clone(c->model->graph, graph, err));
    for (int i = 0; i < c->input_count; i++) {
        const nw_tensor *tensor = c->inputs[i];
        nw_value *value = &(*graph)->values[(*graph)->inputs[i]];
        if (c->pinned[i]) {
            nw_graph_set_constant(*graph, (*graph)->inputs[i], c->inputs[i]);
            continue;
        }
        value->shape = tensor->shape;
        value->has_shape = true;
        assert_non_null(inputs[i] = nw_calloc((size_t)tensor->count, sizeof(double)));
        for (int64_t k = 0; k < tensor->count; k++) inputs[i][k] = nw_tensor_get(tensor, k);
    }
    nw_status status = nw_graph_specialise(*graph, err);
    if (status == NW_OK) status = nw_graph_evaluate(*graph, (const double *const *)inputs, e, err);
    for (int i = 0; i < CASE_TENSORS; i++) nw_free(inputs[i]);
    return status;
}

static nw_status run_reference(const onnx_case *c, double **outputs, nw_shape *shapes, nw_error *err)
{
    nw_graph *graph = NULL;
    nw_evaluation *e = NULL;
    nw_status status = evaluate(c, &graph, &e, err);
    for (int i = 0; status == NW_OK && i < c->output_count; i++) {
        const double *value = nw_evaluation_value(e, c->output_names[i], &shapes[i]);
        assert_non_null(value);
        size_t n = (size_t)nw_count(&shapes[i]);
        assert_non_null(outputs[i] = nw_calloc(n, sizeof(double)));
        memcpy(outputs[i], value, n * sizeof(double));
    }
    nw_evaluation_free(e);
    nw_graph_free(graph);
    return status;
}

/* A program of the whole graph, its free inputs named with their shapes, with gradients or without. */
static nw_status compile(const onnx_case *c, nw_precision precision, bool diffs, nw_program **out,
                         nw_error *err)
{
    const char *names[CASE_TENSORS];
    nw_shape shapes[CASE_TENSORS];
    nw_constant constants[CASE_TENSORS];
    nw_program_options options = {.inputs = names,
                                  .input_shapes = shapes,
                                  .outputs = c->output_names,
                                  .output_count = (size_t)c->output_count,
                                  .constants = constants,
                                  .precision = precision};
    for (int i = 0; i < c->input_count; i++) {
        if (c->pinned[i]) {
            constants[options.constant_count++] = (nw_constant){c->input_names[i], c->inputs[i]};
            continue;
        }
        names[options.input_count] = c->input_names[i];
        shapes[options.input_count++] = c->inputs[i]->shape;
    }
    options.diffs = names;
    options.diff_count = diffs ? options.input_count : 0;
    return nw_program_compile(c->model, &options, out, err);
}

static void put(void *data, nw_precision precision, int64_t i, double value)
{
    if (precision == NW_PRECISION_F64)
        ((double *)data)[i] = value;
    else
        ((float *)data)[i] = (float)value;
}

/* Writes the inputs. */
static void fill(const onnx_case *c, nw_precision precision, nw_program *program)
{
    for (int i = 0; i < c->input_count; i++) {
        if (c->pinned[i]) continue;
        void *to = nw_program_input(program, c->input_names[i], NULL);
        assert_non_null(to);
        for (int64_t k = 0; k < c->inputs[i]->count; k++)
            put(to, precision, k, nw_tensor_get(c->inputs[i], k));
    }
}

static double at(const void *data, nw_precision precision, int64_t i)
{
    return precision == NW_PRECISION_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static nw_status run_program(const onnx_case *c, nw_precision precision, double **outputs, nw_shape *shapes,
                             nw_error *err)
{
    nw_program *program = NULL;
    NW_TRY(compile(c, precision, false, &program, err));
    fill(c, precision, program);
    nw_status status = nw_program_run(program, err);
    for (int i = 0; status == NW_OK && i < c->output_count; i++) {
        const void *from = nw_program_output(program, c->output_names[i], &shapes[i]);
        assert_non_null(from);
        int64_t n = nw_count(&shapes[i]);
        assert_non_null(outputs[i] = nw_calloc((size_t)n, sizeof(double)));
        for (int64_t k = 0; k < n; k++) outputs[i][k] = at(from, precision, k);
    }
    nw_program_free(program);
    return status;
}

static nw_status run_double(const onnx_case *c, double **outputs, nw_shape *shapes, nw_error *err)
{
    return run_program(c, NW_PRECISION_F64, outputs, shapes, err);
}

static nw_status run_single(const onnx_case *c, double **outputs, nw_shape *shapes, nw_error *err)
{
    return run_program(c, NW_PRECISION_F32, outputs, shapes, err);
}

/* ONNX's tolerance is 1e-3 and 1e-7; only where cases.txt says `loose` is it needed. */
static void run_list(onnx_runner run, double rtol, double atol)
{
    int wrong = 0;
    need_data();
    for (size_t i = 0; i < entry_count; i++) {
        const entry *e = &entries[i];
        char folder[CASE_PATH];
        nw_error err = {0};
        onnx_path(folder, "%s/%s", data_folder(), e->name);
        bool loose = e->verdict != PASS; /* a skipped case must not even pass so */
        nw_status status = onnx_case_check(folder, run, loose ? 1e-3 : rtol, loose ? 1e-7 : atol, &err);
        if ((status == NW_OK) == (e->verdict != SKIP)) continue;
        wrong++;
        if (e->verdict == SKIP)
            print_error("%s: passes, though the list skips it\n", e->name);
        else
            print_error("%s: %s\n", e->name, err.message);
    }
    assert_int_equal(wrong, 0);
}

static void reference_path(void **state)
{
    (void)state;
    run_list(run_reference, 1e-5, 1e-6);
}

/* Gradients of a program against those of the reference path, for outputs weighted with numbers between -1
 * and 1: within `tolerance` of the largest. *flows: some gradient is not zero. */
static nw_status compare_gradients(const onnx_case *c, nw_precision precision, double tolerance, bool *flows,
                                   nw_error *err)
{
    nw_graph *graph = NULL;
    nw_evaluation *e = NULL;
    nw_program *program = NULL;
    bool any = false;
    for (int i = 0; i < c->input_count; i++) any |= !c->pinned[i];
    if (!any) return NW_OK;
    nw_status status = evaluate(c, &graph, &e, err);
    if (status == NW_OK) status = compile(c, precision, true, &program, err);
    if (status == NW_OK) fill(c, precision, program);
    if (status == NW_OK) status = nw_program_run(program, err);
    for (int i = 0; status == NW_OK && i < c->output_count; i++) {
        void *to = nw_program_diff_output(program, c->output_names[i]);
        double *reference = nw_evaluation_diff_output(e, c->output_names[i]);
        for (int64_t k = 0; to && reference && k < c->wanted[i]->count; k++)
            put(to, precision, k, reference[k] = (double)(float)cos(1.7 * (double)k + i));
    }
    if (status == NW_OK) nw_evaluation_backward(e);
    if (status == NW_OK) status = nw_program_backward(program, err);
    for (int i = 0; status == NW_OK && i < c->input_count; i++) {
        if (c->pinned[i]) continue;
        const void *got = nw_program_diff(program, c->input_names[i], NULL);
        const double *want = nw_evaluation_diff(e, c->input_names[i]);
        double largest = 0;
        for (int64_t k = 0; want && k < c->inputs[i]->count; k++) largest = fmax(largest, fabs(want[k]));
        if (!got) { /* none can reach it: then the reference's is zero */
            assert_true(largest == 0);
            continue;
        }
        *flows |= largest > 0;
        for (int64_t k = 0; status == NW_OK && k < c->inputs[i]->count; k++)
            if (!(fabs(at(got, precision, k) - (want ? want[k] : 0)) <= tolerance * largest))
                status = nw_fail(err, NW_CHECK, "gradient of '%s' [%lld] is %.9g, the reference path's %.9g",
                                 c->input_names[i], (long long)k, at(got, precision, k), want ? want[k] : 0);
    }
    nw_program_free(program);
    nw_evaluation_free(e);
    nw_graph_free(graph);
    return status;
}

static void check_gradients(nw_precision precision, double tolerance)
{
    int wrong = 0, flowing = 0;
    need_data();
    for (size_t i = 0; i < entry_count; i++) {
        char folder[CASE_PATH];
        onnx_case c;
        nw_error err = {0};
        if (entries[i].verdict == SKIP) continue;
        onnx_path(folder, "%s/%s", data_folder(), entries[i].name);
        assert_int_equal(onnx_case_open(folder, 0, &c, &err), NW_OK);
        bool flows = false;
        if (compare_gradients(&c, precision, tolerance, &flows, &err) != NW_OK) {
            print_error("%s: %s\n", entries[i].name, err.message);
            wrong++;
        }
        flowing += flows;
        onnx_case_close(&c);
    }
    assert_int_equal(wrong, 0);
    assert_true(flowing > 450);
}

static void gradients_in_double(void **state)
{
    (void)state;
    check_gradients(NW_PRECISION_F64, 1e-14);
}

static void gradients_in_single(void **state)
{
    (void)state;
    check_gradients(NW_PRECISION_F32, 1e-5);
}

static void program_in_double(void **state)
{
    (void)state;
    run_list(run_double, 1e-5, 1e-6);
}

static void program_in_single(void **state)
{
    (void)state;
    run_list(run_single, 1e-5, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_is_complete),    cmocka_unit_test(reference_path),
        cmocka_unit_test(program_in_double),   cmocka_unit_test(program_in_single),
        cmocka_unit_test(gradients_in_double), cmocka_unit_test(gradients_in_single)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
