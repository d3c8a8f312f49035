/* The losses of the first twenty steps are those of the PyTorch that is installed, on networks that the
 * program has just written; and they are the recorded ones. */
#include "training_golden.h"

#include <sys/wait.h>

static void losses_are_pytorchs(void **state)
{
    (void)state;
    char command[2048];
    snprintf(command, sizeof command,
             "/usr/bin/python3 '%s/scripts/make_training_goldens.py' '%s' '%s' >/dev/null", NW_TEST_SOURCE,
             NW_TEST_CLI, data_path("training.json"));
    int result = system(command);
    if (WIFEXITED(result) && (WEXITSTATUS(result) == 77 || WEXITSTATUS(result) == 127)) {
        print_message("no PyTorch or onnx for /usr/bin/python3: ");
        skip();
    }
    assert_int_equal(result, 0);
    json_error_t problem;
    json_t *fresh = json_load_file(data_path("training.json"), 0, &problem);
    if (!fresh) fail_msg("%s", problem.text);
    golden_compare(fresh);
    json_t *recorded = golden_open("train/training.json"), *c;
    size_t i;
    json_array_foreach(json_object_get(recorded, "cases"), i, c)
    {
        size_t n, m;
        double *a = golden_list(json_object_get(c, "losses"), &n);
        double *b =
            golden_list(json_object_get(json_array_get(json_object_get(fresh, "cases"), i), "losses"), &m);
        assert_int_equal(n, m);
        for (size_t k = 0; k < n; k++) assert_true(fabs(a[k] - b[k]) <= 1e-4 * fmax(a[k], 0.1));
        free(a);
        free(b);
    }
    json_decref(recorded);
    json_decref(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(losses_are_pytorchs)};
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
