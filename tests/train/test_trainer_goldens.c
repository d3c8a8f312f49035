/* The losses of the first twenty steps are PyTorch's, as recorded. */
#include "training_golden.h"

static void losses_are_pytorchs(void **state)
{
    (void)state;
    json_t *root = golden_open("train/training.json");
    golden_compare(root);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(losses_are_pytorchs)};
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
