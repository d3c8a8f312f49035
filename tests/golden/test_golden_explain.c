/* Grad-CAM on a real classifier against PyTorch; and IBA, the same bits from one and two threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recorded.h"

#include <math.h>

static void gradcam(void **state)
{
    (void)state;
    const char *folder = "covid-ct-resnet18s";
    nw_model *model = model_of(folder);
    nw_explain_options options;
    nw_explain_options_init(&options);
    options.target = 1;
    nw_explainer *e = explainer_of(model, "gradcam", &options);
    assert_string_equal(nw_explainer_layer(e), "/layer4/layer4.1/relu_1/Relu_output_0");
    for (int slice = 0; slice < 3; slice++) {
        nw_map *map = explain(e, folder, slice);
        nw_tensor *expected = load_of(folder, slice, "layer4.gradcam");
        const float *values = nw_tensor_data(expected);
        size_t n = (size_t)nw_tensor_count(expected);
        assert_int_equal(map->layer_shape.dims[1] * map->layer_shape.dims[2], n);
        double most = 0, worst = 0;
        for (size_t i = 0; i < n; i++) {
            most = fmax(most, (double)values[i]);
            worst = fmax(worst, fabs((double)(values[i] - map->layer_map[i])));
        }
        print_message("slice %d: Grad-CAM off by %.2g of its largest value\n", slice, worst / most);
        assert_true(worst < 1e-4 * most);
        assert_string_equal(map->unit, "relevance of logit");
        nw_tensor_unref(expected);
        nw_map_free(map);
    }
    nw_explainer_free(e);
    nw_model_unref(model);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    const char *folder = "covid-ct-resnet18s";
    nw_model *model = model_of(folder);
    nw_stats *stats = stats_of(folder);
    nw_map *maps[2];
    for (int i = 0; i < 2; i++) {
        nw_explain_options options;
        nw_explain_options_init(&options);
        options.stats = stats;
        options.samples = 4;
        options.threads = i + 1;
        nw_explainer *e = explainer_of(model, "iba", &options);
        maps[i] = explain(e, folder, 1);
        nw_explainer_free(e);
    }
    size_t pixels = (size_t)(maps[0]->shape.dims[0] * maps[0]->shape.dims[1]);
    assert_memory_equal(maps[0]->values, maps[1]->values, pixels * sizeof(float));
    assert_true(maps[0]->total_bits == maps[1]->total_bits);
    for (int i = 0; i < 2; i++) nw_map_free(maps[i]);
    nw_stats_free(stats);
    nw_model_unref(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradcam), cmocka_unit_test(threads_do_not_matter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
