/* Networks that Narrows has written, in ONNX Runtime: what ships elsewhere computes the same. Needs node and
 * the package onnxruntime-node (npm install onnxruntime-node; NW_NODE_MODULES names the folder node_modules).
 */
#include "network.h"

#include <sys/wait.h>

enum { BATCH = 2, MOST_LOGITS = 64 };

static void write_floats(const char *path, const float *data, size_t count)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(data, sizeof *data, count, out), count);
    assert_int_equal(fclose(out), 0);
}

static void agrees(void **state)
{
    const nw_network_info *info = *state;
    nw_network_options options = network_options(info->name);
    for (int i = 0; i < info->dims; i++) options.size[i] = 48;
    nw_model *model = network_unsettle(network_build(&options)), *other = NULL;
    must(nw_network_new_head(model, 5, 3, &other, err));
    char folder[64], path[3][128], dims[128] = "2 1", command[1024];
    static const char *const names[3] = {"model.onnx", "input.f32", "logits.f32"};
    temp_folder(folder);
    for (int i = 0; i < 3; i++) snprintf(path[i], sizeof path[i], "%s/%s", folder, names[i]);
    must(nw_model_save(other, path[0], err));
    size_t n = BATCH, count;
    for (int i = 0; i < info->dims; i++) {
        n *= (size_t)options.size[i];
        snprintf(dims + strlen(dims), sizeof dims - strlen(dims), " %d", (int)options.size[i]);
    }
    float *x = malloc(n * sizeof *x), found[MOST_LOGITS];
    for (size_t i = 0; i < n; i++) x[i] = network_hashed((uint32_t)i);
    write_floats(path[1], x, n);
    free(x);
    float *logits = network_run(other, BATCH, &count);
    nw_model_unref(other);
    nw_model_unref(model);

    snprintf(command, sizeof command, "node '%s/tests/network/run_onnxruntime.js' '%s' '%s' '%s' %s",
             NW_TEST_SOURCE, path[0], path[1], path[2], dims);
    int result = system(command);
    FILE *in = fopen(path[2], "rb");
    size_t got = in ? fread(found, sizeof *found, MOST_LOGITS, in) : 0;
    if (in) fclose(in);
    temp_remove(folder);
    if (WIFEXITED(result) && (WEXITSTATUS(result) == 77 || WEXITSTATUS(result) == 127)) {
        nw_free(logits);
        print_message("no node with onnxruntime-node: ");
        skip();
    }
    assert_int_equal(result, 0);
    assert_int_equal(got, count);
    float largest = 0, worst = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmaxf(largest, fabsf(logits[i]));
        worst = fmaxf(worst, fabsf(logits[i] - found[i]));
    }
    nw_free(logits);
    print_message("    largest logit %.4g, difference %.1e of it\n", (double)largest,
                  (double)(worst / largest));
    assert_true(worst <= 1e-4F * largest);
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
            .name = nw_network_at(count)->name, .test_func = agrees, .initial_state = info};
    }
    return _cmocka_run_group_tests("networks and ONNX Runtime", tests, count, NULL, NULL);
}
