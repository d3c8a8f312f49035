/* What is written passes ONNX's own checker, shapes included. */
#include "network.h"

#include "base/file.h"
#include "support/network.h"

#include <dirent.h>
#include <sys/wait.h>

#define GOLDENS NW_TEST_SOURCE "/tests/golden/data/torch"

static char folder[64];
static int files;

static int setup(void **state)
{
    (void)state;
    temp_folder(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_remove(folder);
    return 0;
}

static void save(const nw_model *model)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%03d.onnx", folder, files++);
    must(nw_model_save(model, path, err));
}

static void check(int expected)
{
    char command[1024];
    snprintf(command, sizeof command, "/usr/bin/python3 '%s/scripts/check_onnx.py' '%s'/*.onnx%s",
             NW_TEST_SOURCE, folder, expected ? " 2>/dev/null" : "");
    int result = system(command);
    if (WIFEXITED(result) && (WEXITSTATUS(result) == 77 || WEXITSTATUS(result) == 127)) {
        print_message("no onnx for /usr/bin/python3: ");
        skip();
    }
    assert_int_equal(WIFEXITED(result) ? WEXITSTATUS(result) : -1, expected);
}

/* Built, with a new head, in the form that is trained; and every golden, read and written. */
static void files_are_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < nw_network_count(); i++) {
        nw_network_options options = network_options(nw_network_at(i)->name);
        nw_model *model = network_build(&options), *other = NULL;
        nw_training_net net;
        must(nw_network_new_head(model, 4, 1, &other, err));
        must(nw_training_net_new(model, 0.9F, &net, err));
        save(model);
        save(other);
        save(net.base);
        save(net.model);
        nw_training_net_clear(&net);
        nw_model_unref(other);
        nw_model_unref(model);
    }
    DIR *dir = opendir(GOLDENS);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!nw_path_ends(entry->d_name, ".onnx")) continue;
        char path[1024];
        snprintf(path, sizeof path, GOLDENS "/%s", entry->d_name);
        nw_model *model = NULL, *other = NULL;
        nw_training_net net;
        must(nw_model_load(path, NULL, &model, err));
        must(nw_network_new_head(model, 4, 1, &other, err));
        must(nw_training_net_new(model, 0.9F, &net, err));
        save(model);
        save(other);
        save(net.base);
        nw_training_net_clear(&net);
        nw_model_unref(other);
        nw_model_unref(model);
    }
    closedir(dir);
    assert_true(files > 4 * 9 + 3 * 10);
    check(0);
}

/* A model in double precision is single precision after loading, and says so in every place. */
static void double_precision_is_valid(void **state)
{
    (void)state;
    ow m;
    ow_begin(&m, 13);
    const double w[2] = {1.5, -2};
    ow_value_info(&m, 11, "x", OW_DOUBLE, 2, (int64_t[]){-1, 2});
    ow_tensor(&m, "w", OW_DOUBLE, 1, (int64_t[]){2}, w, sizeof w);
    ow_node(&m, "Mul", "", "x w", "a");
    ow_node(&m, "Cast", "", "a", "b");
    ow_attr_int(&m, "to", OW_DOUBLE);
    ow_node(&m, "Add", "", "b w", "y");
    ow_value_info(&m, 12, "y", OW_DOUBLE, 2, (int64_t[]){-1, 2});
    nw_model *model = net_load(&m);
    save(model);
    nw_model_unref(model);
    check(0);
}

/* The check can fail. */
static void a_wrong_file_is_found(void **state)
{
    (void)state;
    nw_network_options options = network_options("resnet18");
    nw_model *model = network_build(&options);
    model->graph->values[model->graph->outputs[0]].shape.dims[1] = 5;
    save(model);
    nw_model_unref(model);
    check(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_valid),
        cmocka_unit_test(double_precision_is_valid),
        cmocka_unit_test(a_wrong_file_is_found),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
