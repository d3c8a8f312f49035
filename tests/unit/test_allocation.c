/* Running a program takes no memory, nor does augmenting an image that is in it. The linker sends the
 * library's calls of malloc and its kin here (not those inside oneDNN, which makes a short list of arguments
 * for each primitive). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/dataset.h"
#include "support/network.h"

static long allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}
void *__wrap_realloc(void *block, size_t size)
{
    allocations++;
    return __real_realloc(block, size);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    allocations++;
    return __real_aligned_alloc(alignment, size);
}

/* Convolutions, normalisation, pooling, a squeeze-and-excitation, and an operator without a fast path. */
static nw_model *network(void)
{
    ow m;
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 1, 24, 24});
    net_conv(&m, "x", "a", 1, 20, 3, 1, 1);
    net_norm(&m, "a", "b", 20);
    ow_node(&m, "Relu", "", "b", "c");
    ow_node(&m, "MaxPool", "", "c", "d");
    ow_attr_ints(&m, "kernel_shape", 2, (int64_t[]){2, 2});
    ow_attr_ints(&m, "strides", 2, (int64_t[]){2, 2});
    ow_node(&m, "GlobalAveragePool", "", "d", "e");
    net_conv(&m, "e", "f", 20, 20, 1, 1, 1);
    ow_node(&m, "Sigmoid", "", "f", "g");
    ow_node(&m, "Mul", "", "d g", "h");
    net_conv(&m, "h", "i", 20, 20, 3, 1, 1);
    ow_node(&m, "Add", "", "i h", "j");
    ow_node(&m, "Erf", "", "j", "k");
    ow_node(&m, "GlobalAveragePool", "", "k", "l");
    ow_node(&m, "Flatten", "", "l", "y");
    ow_output(&m, "y");
    return net_load(&m);
}

static void running_takes_no_memory(void **state)
{
    (void)state;
    nw_model *model = network();
    assert_true(allocations > 0); /* the counters work */
    const char *diffs[] = {"x", "d"};
    nw_error err;
    for (int precision = 0; precision < 2; precision++) {
        nw_program_options options = {
            .diffs = diffs, .diff_count = 2, .batch = 2, .precision = (nw_precision)precision};
        nw_program *program;
        assert_int_equal(nw_program_compile(model, &options, &program, &err), NW_OK);
        long before = allocations;
        for (int i = 0; i < 3; i++) {
            assert_int_equal(nw_program_run(program, &err), NW_OK);
            assert_int_equal(nw_program_backward(program, &err), NW_OK);
        }
        assert_int_equal(allocations, before);
        nw_program_free(program);
    }
    nw_model_unref(model);
}

static void loading_from_memory_takes_none(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    nw_augment policy;
    nw_error err;
    float pixels[12 * 16];
    data_picture("a.png", 20, 30, 1), data_picture("b.png", 20, 30, 2);
    nw_dataset *data = data_open(data_list("file,label\na.png,x\nb.png,y\n"), &o);
    assert_int_equal(nw_augment_parse("ct,flip-v,blur=3", &policy, &err), NW_OK);
    long before = 0;
    for (uint64_t epoch = 0; epoch < 5; epoch++) {
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(nw_dataset_load(data, NW_SPLIT_TRAIN, i, &policy, 1, epoch, pixels, &err),
                             NW_OK);
        if (epoch) assert_int_equal(allocations, before);
        before = allocations;
    }
    nw_dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_takes_no_memory),
        cmocka_unit_test_setup_teardown(loading_from_memory_takes_none, data_setup, data_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
