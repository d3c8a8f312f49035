/* Feature statistics through the program: inputs that fail, and outputs of odd shapes. */
#include "cli.h"
#include "support/network.h"

#include <narrows/narrows.h>

enum { SIDE = 8, PIXELS = SIDE * SIDE };

static const char *in_folder(const char *name)
{
    static char paths[4][256];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", cli_folder, name);
    return path;
}

static void save(ow *m, const char *name)
{
    ow_end(m);
    assert_int_equal(ow_save(m, in_folder(name)), 0);
    ow_free(m);
}

/* Slices of positive numbers; the one at `bad` is negative. */
static void volume(const char *name, int slices, int bad, uint64_t seed)
{
    nw_error err;
    float *x = malloc((size_t)slices * PIXELS * sizeof *x);
    net_fill(x, (size_t)slices * PIXELS, seed, 0.4F);
    for (int i = 0; i < slices * PIXELS; i++) x[i] += i / PIXELS == bad ? -0.5F : 0.5F;
    if (nw_npy_write(in_folder(name), 4, (int64_t[]){slices, 1, SIDE, SIDE}, x, &err))
        fail_msg("%s", err.message);
    free(x);
}

static void expect_same(const char *a, const char *b)
{
    nw_error err;
    nw_stats *x, *y;
    if (nw_stats_load(in_folder(a), NULL, NULL, &x, &err)) fail_msg("%s", err.message);
    if (nw_stats_load(in_folder(b), NULL, NULL, &y, &err)) fail_msg("%s", err.message);
    size_t n = 4 * PIXELS;
    assert_int_equal(nw_stats_count(x), nw_stats_count(y));
    assert_memory_equal(nw_stats_mean(x), nw_stats_mean(y), n * sizeof(float));
    assert_memory_equal(nw_stats_std(x), nw_stats_std(y), n * sizeof(float));
    assert_memory_equal(nw_stats_active(x), nw_stats_active(y), n * sizeof(float));
    nw_stats_free(x);
    nw_stats_free(y);
}

/* A volume that fails at its third slice counts with none of them: the statistics are those of the others,
 * to the bit. */
static void a_volume_counts_whole_or_not_at_all(void **state)
{
    (void)state;
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 1, SIDE, SIDE});
    ow_node(&m, "Sqrt", "", "x", "root"); /* NaN below zero */
    net_conv(&m, "root", "features", 1, 4, 3, 1, 1);
    ow_node(&m, "GlobalAveragePool", "", "features", "pool");
    ow_node(&m, "Flatten", "", "pool", "logits");
    ow_output(&m, "logits");
    save(&m, "sqrt.onnx");
    volume("a.npy", 3, -1, 1);
    volume("b.npy", 4, 2, 2);
    volume("c.npy", 1, 0, 3);
    volume("d.npy", 2, -1, 4);
    expect_success("stats $T/sqrt.onnx $T/a.npy $T/d.npy --layer features -o $T/good.stats");
    assert_int_equal(narrows("stats $T/sqrt.onnx $T/a.npy $T/b.npy $T/c.npy $T/d.npy --layer features "
                             "-o $T/some.stats"),
                     6);
    assert_non_null(strstr(cli_err, "2 images failed; the statistics are of the others"));
    assert_non_null(strstr(cli_err, "not finite"));
    assert_non_null(strstr(cli_out, "5 samples"));
    expect_same("good.stats", "some.stats");
}

/* One logit an image, as [N, 1]; squeezed to [N], which is a lone number for one image; or a mean over all
 * images, which is one number whatever their count. */
static void network(const char *name, const char *end)
{
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 1, SIDE, SIDE});
    net_conv(&m, "x", "features", 1, 4, 3, 1, 1);
    ow_node(&m, "Relu", "", "features", "relu");
    net_conv(&m, "relu", "one", 4, 1, 1, 1, 1);
    ow_node(&m, "GlobalAveragePool", "", "one", "pool");
    if (strcmp(end, "Flatten") == 0) {
        ow_node(&m, end, "", "pool", "logit");
    } else {
        ow_node(&m, end, "", "pool", "logit");
        if (strcmp(end, "ReduceMean") == 0) ow_attr_int(&m, "keepdims", 0);
    }
    ow_output(&m, "logit");
    save(&m, name);
}

static nw_tensor *map_of(const char *folder)
{
    nw_error err;
    nw_tensor *t;
    char name[64];
    snprintf(name, sizeof name, "%s/few.iba.npy", folder);
    if (nw_npy_read(in_folder(name), 0, &t, &err) != NW_OK) fail_msg("%s", err.message);
    return t;
}

static void expect_same_map(const char *one, const char *other)
{
    nw_tensor *a = map_of(one), *b = map_of(other);
    assert_memory_equal(a->data, b->data, PIXELS * sizeof(float));
    nw_tensor_unref(a);
    nw_tensor_unref(b);
}

static void a_lone_number_is_one_logit(void **state)
{
    (void)state;
    char flat[1 << 12];
    network("flat.onnx", "Flatten");
    network("squeezed.onnx", "Squeeze");
    network("mean.onnx", "ReduceMean");
    volume("few.npy", 3, -1, 5);
    expect_success("predict $T/flat.onnx $T/few.npy --csv");
    snprintf(flat, sizeof flat, "%s", cli_out);
    static const char *const others[] = {"squeezed", "mean"};
    char line[256];
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof line, "predict $T/%s.onnx $T/few.npy --csv", others[i]);
        expect_success(line);
        assert_string_equal(cli_out, flat);
    }
    static const char *const names[] = {"flat", "squeezed", "mean"};
    for (int i = 0; i < 3; i++) {
        snprintf(line, sizeof line, "stats $T/%s.onnx $T/few.npy --layer relu -o $T/%s.stats", names[i],
                 names[i]);
        expect_success(line);
        snprintf(line, sizeof line,
                 "explain $T/%s.onnx $T/few.npy --slices 1 --layer relu --stats $T/%s.stats --no-picture "
                 "--batch 1 -o $T/%s",
                 names[i], names[i], names[i]);
        expect_success(line);
    }
    /* A mean over the batch cannot do several samples at once: they go one by one by themselves. */
    expect_success("explain $T/mean.onnx $T/few.npy --slices 1 --layer relu --stats $T/mean.stats "
                   "--no-picture -o $T/alone");
    expect_same_map("flat", "squeezed");
    expect_same_map("flat", "mean");
    expect_same_map("flat", "alone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_volume_counts_whole_or_not_at_all),
        cmocka_unit_test(a_lone_number_is_one_logit),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
