/* The main job through the program: what is written, and that it fits together. */
#include "cli.h"
#include "support/nifti_make.h"

#include <jansson.h>
#include <narrows/narrows.h>

static json_t *load(const char *name)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s", cli_folder, name);
    json_t *root = json_load_file(path, 0, &error);
    if (!root) fail_msg("%s: %s", path, error.text);
    return root;
}

static json_t *at(json_t *root, const char *key, size_t i, const char *then)
{
    json_t *value = json_array_get(json_object_get(root, key), i);
    return then ? json_object_get(value, then) : value;
}

static void make_stats(void)
{
    if (exists("demo.stats")) return;
    expect_success("stats " MODEL " " COHORT " -o $T/demo.stats");
    assert_non_null(strstr(cli_out, "40 samples"));
    assert_true(exists("demo.stats") && !exists("demo.stats.partial"));
}

static nw_tensor *read_npy(const char *name)
{
    char path[512];
    nw_error err;
    nw_tensor *t;
    snprintf(path, sizeof path, "%s/%s", cli_folder, name);
    if (nw_npy_read(path, 0, &t, &err) != NW_OK) fail_msg("%s", err.message);
    return t;
}

/* Map, picture and manifest and nothing else; the map sums up to the bits that the manifest tells. */
static void a_picture_is_explained(void **state)
{
    (void)state;
    make_stats();
    expect_success("explain " MODEL " " IMAGE " --method iba,gradcam --stats $T/demo.stats -o $T/a --json");
    json_t *printed = json_loads(cli_out, 0, NULL);
    assert_non_null(printed);
    char folder[96];
    snprintf(folder, sizeof folder, "%s/a", cli_folder);
    assert_int_equal(temp_count(folder), 5);
    assert_true(exists("a/image.iba.npy") && exists("a/image.iba.png") && exists("a/image.gradcam.npy") &&
                exists("a/image.gradcam.png") && exists("a/manifest.json"));
    json_t *root = load("a/manifest.json");
    assert_true(json_equal(root, printed));
    assert_string_equal(json_string_value(json_object_get(root, "status")), "ok");
    assert_int_equal(json_integer_value(json_object_get(root, "schema_version")), NW_MANIFEST_VERSION);

    nw_tensor *map = read_npy("a/image.iba.npy");
    assert_int_equal(nw_tensor_rank(map), 2);
    assert_int_equal(nw_tensor_dims(map)[0], 192);
    assert_int_equal(nw_tensor_dims(map)[1], 192);
    assert_int_equal(nw_tensor_dtype(map), NW_F32);
    double sum = 0;
    const float *values = nw_tensor_data_const(map);
    for (int64_t i = 0; i < nw_tensor_count(map); i++) {
        assert_true(values[i] >= 0);
        sum += (double)values[i];
    }
    json_t *result = json_array_get(at(root, "images", 0, "results"), 0);
    double bits = json_number_value(json_object_get(result, "total_bits"));
    assert_true(bits > 0);
    if (fabs(sum - bits) > 0.02 * bits) fail_msg("the map sums up to %g, the layer to %g bits", sum, bits);
    assert_int_equal(json_array_size(json_object_get(json_object_get(result, "steps"), "bits")), 10);
    /* This picture has a lesion, and the classifier sees it. */
    assert_int_equal(json_integer_value(json_object_get(result, "target")), 1);
    nw_tensor_unref(map);
    json_decref(root);
    json_decref(printed);
}

/* --trace: every run of a step once, in order within its part, none of them while another of that part runs;
 * what the loop runs backward it runs one time less than forward. --profile: the shares of the table make a
 * whole. */
static void the_time_is_told(void **state)
{
    (void)state;
    make_stats();
    expect_success(
        "explain " MODEL " " IMAGE
        " --stats $T/demo.stats --steps 4 --samples 10 --no-picture --profile --trace $T/trace.json -o $T/p");
    json_t *root = load("trace.json"), *event;
    size_t i, forward = 0, backward = 0, noise = 0, of_part[5] = {0};
    double last[5] = {0};
    json_array_foreach(json_object_get(root, "traceEvents"), i, event)
    {
        if (strcmp(json_string_value(json_object_get(event, "ph")), "X") != 0) continue;
        size_t part = (size_t)json_integer_value(json_object_get(event, "tid"));
        double start = json_number_value(json_object_get(event, "ts")),
               taken = json_number_value(json_object_get(event, "dur"));
        assert_true(part >= 1 && part <= 4 && taken >= 0 && start >= last[part] - 1e-3);
        last[part] = start + taken;
        of_part[part]++;
        const char *name = json_string_value(json_object_get(event, "name"));
        forward += part % 2 == 0 && strcmp(name, "conv") == 0;
        backward += part % 2 == 0 && strcmp(name, "conv backward") == 0;
        noise += strcmp(name, "noise") == 0;
    }
    for (int part = 1; part <= 4; part++) assert_true(of_part[part] > 0);
    assert_true(forward > 0 && backward > 0 && noise >= 4);
    /* Samples by the slope: 1, 1, 2 and one that goes forward alone. Two go at once: four runs and three. */
    assert_int_equal(forward / 4 * 3, backward);
    json_decref(root);

    double share = 0, seconds, percent;
    for (const char *line = strstr(cli_err, "% limit"); line && (line = strchr(line, '\n')); line++)
        if (sscanf(line, " %lf %lf", &seconds, &percent) == 2) share += percent;
    if (fabs(share - 100) > 2) fail_msg("the shares make %g %%", share);
}

/* Defaults of the options are those of the library. */
static void defaults_are_the_librarys(void **state)
{
    (void)state;
    make_stats();
    expect_success("explain " MODEL " " IMAGE " --stats $T/demo.stats --no-picture -o $T/b");
    json_t *root = load("b/manifest.json");
    json_t *parameters = at(root, "methods", 0, "parameters");
    assert_non_null(parameters);
    nw_explain_options o;
    nw_explain_options_init(&o);
    const struct {
        const char *name;
        double value;
    } defaults[] = {{"beta", o.beta},       {"sigma", o.sigma},
                    {"steps", o.steps},     {"rate", o.rate},
                    {"samples", o.samples}, {"seed", (double)o.seed},
                    {"min_std", o.min_std}, {"loss_weight", o.loss_weight}};
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        json_t *p = json_object_get(parameters, defaults[i].name);
        json_t *value = json_object_get(p, "value");
        /* 64-bit seeds are texts, since JSON's numbers are not exact there. */
        double got = json_is_string(value) ? atof(json_string_value(value)) : json_number_value(value);
        if (!value || got != defaults[i].value) fail_msg("%s is not %g", defaults[i].name, defaults[i].value);
    }
    const struct {
        const char *name, *value;
    } words[] = {{"noise", o.noise == NW_NOISE_ANTITHETIC ? "antithetic" : "independent"},
                 {"schedule", o.schedule == NW_SCHEDULE_SLOPE ? "slope" : "even"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_string_equal(
            json_string_value(json_object_get(json_object_get(parameters, words[i].name), "value")),
            words[i].value);
    json_decref(root);
}

/* An image has the same map alone and after others, with one thread and with two; another seed gives another.
 */
static void maps_repeat(void **state)
{
    (void)state;
    make_stats();
    expect_success("explain " MODEL " " DEMO "healthy.png " IMAGE
                   " --stats $T/demo.stats --no-picture -o $T/c "
                   "--threads 1");
    expect_success("explain " MODEL " " IMAGE " --stats $T/demo.stats --no-picture -o $T/d --threads 2");
    expect_success("explain " MODEL " " IMAGE " --stats $T/demo.stats --no-picture -o $T/e --seed 1");
    nw_tensor *a = read_npy("c/image.iba.npy"), *b = read_npy("d/image.iba.npy"),
              *c = read_npy("e/image.iba.npy");
    size_t bytes = (size_t)nw_tensor_count(a) * sizeof(float);
    assert_memory_equal(nw_tensor_data(a), nw_tensor_data(b), bytes);
    assert_int_not_equal(memcmp(nw_tensor_data(a), nw_tensor_data(c), bytes), 0);
    nw_tensor_unref(a);
    nw_tensor_unref(b);
    nw_tensor_unref(c);
}

/* A small oblique scan with three kinds of spacing: the map has its dimensions and affine, and only the
 * chosen slice holds bits. */
static void a_scan_keeps_its_geometry(void **state)
{
    (void)state;
    enum { I = 20, J = 28, K = 3 };
    make_stats();
    static int16_t samples[K][J][I];
    for (int k = 0; k < K; k++)
        for (int j = 0; j < J; j++)
            for (int i = 0; i < I; i++) samples[k][j][i] = (int16_t)(-1000 + 40 * ((i * j + 7 * k) % 25));
    nifti_1_header h = nifti_header_of(I, J, K, 1, DT_INT16);
    const float x[4] = {-1.5f, 0.1f, 0.2f, 30}, y[4] = {0.1f, -2.0f, 0.3f, -20},
                z[4] = {0.05f, 0.2f, 5.0f, 7};
    memcpy(h.srow_x, x, sizeof x);
    memcpy(h.srow_y, y, sizeof y);
    memcpy(h.srow_z, z, sizeof z);
    h.pixdim[1] = 1.5f, h.pixdim[2] = 2, h.pixdim[3] = 5;
    static nifti_made made;
    nifti_make(&made, h, samples, (size_t)I * J * K, false);
    temp_write(cli_folder, "scan.nii", made.bytes, made.size);
    expect_success("explain " MODEL " $T/scan.nii --window -1000,0 --slices 1 --stats $T/demo.stats -o $T/f");
    assert_true(exists("f/scan.iba.nii.gz") && exists("f/scan.iba.png") && exists("f/manifest.json"));
    char path[128], source[128];
    nw_volume *map, *scan;
    nw_error err;
    snprintf(path, sizeof path, "%s/f/scan.iba.nii.gz", cli_folder);
    snprintf(source, sizeof source, "%s/scan.nii", cli_folder);
    if (nw_volume_read(path, NULL, &map, &err) != NW_OK) fail_msg("%s", err.message);
    assert_int_equal(nw_volume_read(source, NULL, &scan, &err), NW_OK);
    const nw_volume_info *a = nw_volume_get_info(map), *b = nw_volume_get_info(scan);
    assert_memory_equal(a->dims, b->dims, sizeof a->dims);
    for (int r = 0; r < 4; r++)
        for (int c = 0; c < 4; c++) assert_true(fabs(a->affine[r][c] - b->affine[r][c]) < 1e-6);
    float slice[I * J];
    for (int s = 0; s < K; s++) {
        double sum = 0;
        assert_int_equal(nw_volume_slice(map, s, slice, &err), NW_OK);
        for (int i = 0; i < I * J; i++) sum += (double)slice[i];
        assert_true(s == 1 ? sum > 0 : sum == 0);
    }
    nw_volume_free(map);
    nw_volume_free(scan);
}

/* One bad image among good ones: the good ones are done, the run says so and fails. */
static void a_bad_image_does_not_stop_the_others(void **state)
{
    (void)state;
    make_stats();
    temp_write(cli_folder, "bad.png", "not a picture", 13);
    assert_int_equal(
        narrows("explain " MODEL " $T/bad.png " IMAGE " --stats $T/demo.stats --no-picture -o $T/g"), 4);
    assert_non_null(strstr(cli_err, "bad.png"));
    assert_non_null(strstr(cli_err, "1 of 2 images failed"));
    assert_true(exists("g/image.iba.npy") && !exists("g/bad.iba.npy"));
    json_t *root = load("g/manifest.json");
    assert_string_equal(json_string_value(at(root, "images", 0, "status")), "failed");
    assert_string_equal(json_string_value(at(root, "images", 1, "status")), "ok");
    assert_int_equal(json_integer_value(json_object_get(root, "exit_code")), 4);
    json_decref(root);
}

static void predictions_come_in_three_forms(void **state)
{
    (void)state;
    expect_success("predict " MODEL " " IMAGE " " DEMO "healthy.png --json");
    json_t *root = json_loads(cli_out, 0, NULL), *list = json_object_get(root, "predictions"), *p;
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "class")), "lesion");
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "class")), "healthy");
    size_t i;
    double sum = 0, first = 0;
    p = json_object_get(json_array_get(list, 0), "probabilities");
    for (i = 0; i < json_array_size(p); i++) sum += json_number_value(json_array_get(p, i));
    assert_true(fabs(sum - 1) < 1e-5);
    first = json_number_value(json_array_get(p, 1));
    json_decref(root);
    expect_success("predict " MODEL " " IMAGE " --csv");
    char *line = strchr(cli_out, '\n');
    int slice, predicted;
    double p0, p1;
    assert_int_equal(sscanf(line + 1, "image,%d,%d,%lf,%lf", &slice, &predicted, &p0, &p1), 4);
    assert_true(slice == 0 && predicted == 1 && fabs(p1 - first) < 1e-6);
    expect_success("predict " MODEL " " IMAGE);
    assert_non_null(strstr(cli_out, "1 lesion"));
}

static void a_model_is_inspected(void **state)
{
    (void)state;
    expect_success("inspect " MODEL " --json");
    json_t *root = json_loads(cli_out, 0, NULL), *list = json_object_get(root, "bottlenecks"), *b;
    assert_true(json_array_size(list) > 0);
    size_t i;
    int recommended = 0;
    json_array_foreach(list, i, b)
    {
        assert_true(json_is_string(json_object_get(b, "name")) && json_is_array(json_object_get(b, "shape")));
        assert_true(json_is_boolean(json_object_get(b, "recommended")));
        assert_true(json_string_length(json_object_get(b, "reason")) > 0);
        recommended += json_is_true(json_object_get(b, "recommended"));
    }
    assert_int_equal(recommended, 1);
    json_decref(root);
    expect_success("inspect " MODEL);
    assert_non_null(strstr(cli_out, "softmax"));
}

/* SIGINT in the middle: exit code 130, whole files, a manifest that says so. */
static void ctrl_c_leaves_whole_files(void **state)
{
    (void)state;
    make_stats();
    assert_int_equal(
        narrows("explain " MODEL " " COHORT " --stats $T/demo.stats -o $T/h --steps 200 --samples 20 & p=$!; "
                "for i in $(seq 600); do [ -e $T/h/02.iba.png ] && break; sleep 0.05; done; sleep 0.1; "
                "kill -INT $p; wait $p"),
        130);
    assert_non_null(strstr(cli_err, "interrupted"));
    json_t *root = load("h/manifest.json");
    assert_string_equal(json_string_value(json_object_get(root, "status")), "interrupted");
    char folder[96];
    snprintf(folder, sizeof folder, "%s/h", cli_folder);
    int done = 0;
    for (size_t i = 0; i < json_array_size(json_object_get(root, "images")); i++)
        done += strcmp(json_string_value(at(root, "images", i, "status")), "ok") == 0;
    assert_true(done >= 2 && done < 40);
    assert_int_equal(temp_count(folder), 2 * done + 1);
    json_decref(root);
}

/* Interrupted statistics go on to the same bits as those of one run. */
static void statistics_resume(void **state)
{
    (void)state;
    make_stats();
    int code = narrows("stats " MODEL " " COHORT " -o $T/again.stats --precision f32 & p=$!; sleep 0.15; "
                       "kill -INT $p; wait $p");
    if (code == 0) return; /* too fast to be caught */
    assert_int_equal(code, 130);
    assert_false(exists("again.stats"));
    expect_success("stats " MODEL " " COHORT " -o $T/again.stats");
    assert_false(exists("again.stats.partial"));
    char line[256];
    snprintf(line, sizeof line, "cmp %s/demo.stats %s/again.stats", cli_folder, cli_folder);
    assert_int_equal(system(line), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_explained),
        cmocka_unit_test(the_time_is_told),
        cmocka_unit_test(defaults_are_the_librarys),
        cmocka_unit_test(maps_repeat),
        cmocka_unit_test(a_scan_keeps_its_geometry),
        cmocka_unit_test(a_bad_image_does_not_stop_the_others),
        cmocka_unit_test(predictions_come_in_three_forms),
        cmocka_unit_test(a_model_is_inspected),
        cmocka_unit_test(ctrl_c_leaves_whole_files),
        cmocka_unit_test(statistics_resume),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
