/* Every architecture at full width against PyTorch's, on the same weights. */
#include "network.h"

#include <sys/wait.h>

static void agrees_with_pytorch(void **state)
{
    const nw_network_info *info = *state;
    nw_network_options options = {
        .arch = info->name, .channels = 3, .size = {96, 80}, .outputs = 7, .seed = 20};
    if (info->dims == 3) memcpy(options.size, (int64_t[]){12, 48, 40}, sizeof options.size);
    nw_model *model = network_unsettle(network_build(&options));
    char folder[64], path[128], numbers[128], command[1024];
    temp_folder(folder);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    snprintf(numbers, sizeof numbers, "%s/logits.f32", folder);
    must(nw_model_save(model, path, err));
    size_t count;
    float *logits = network_run(model, 2, &count);
    FILE *out = fopen(numbers, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(logits, sizeof *logits, count, out), count);
    assert_int_equal(fclose(out), 0);
    nw_free(logits);
    nw_model_unref(model);
    snprintf(command, sizeof command, "/usr/bin/python3 '%s/scripts/check_network.py' '%s' '%s' '%s'",
             NW_TEST_SOURCE, info->name, path, numbers);
    int result = system(command);
    temp_remove(folder);
    if (WIFEXITED(result) && (WEXITSTATUS(result) == 77 || WEXITSTATUS(result) == 127)) {
        print_message("no PyTorch, torchvision or onnx for /usr/bin/python3: ");
        skip();
    }
    assert_int_equal(result, 0);
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
            .name = nw_network_at(count)->name, .test_func = agrees_with_pytorch, .initial_state = info};
    }
    return _cmocka_run_group_tests("networks and PyTorch", tests, count, NULL, NULL);
}
