/* The reference path on a real classifier, against PyTorch: logits and the gradients of logit 1 at layer2 and
 * at the input; what undecided windows of the max-pool see is left out there (undecided.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "golden/undecided.h"
#include "graph/model.h"
#include "ops/evaluate.h"
#include "ops/specialise.h"

#include <math.h>
#include <narrows/narrows.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GOLDEN NW_TEST_SHARED "/golden/covid-ct-resnet18s/"

static nw_tensor *golden(const char *name)
{
    char path[1024];
    nw_tensor *tensor;
    nw_error err = {0};
    snprintf(path, sizeof path, GOLDEN "%s.npy", name);
    if (nw_npy_read(path, 1 << 26, &tensor, &err) != NW_OK) fail_msg("%s", err.message);
    return tensor;
}

/* The largest distance where mask (may be NULL) is false, as a share of the largest value. */
static double distance(const double *got, const char *name, const bool *mask)
{
    nw_tensor *want = golden(name);
    double most = 0, far = 0;
    for (int64_t i = 0; i < nw_tensor_count(want); i++) {
        double w = (double)((const float *)nw_tensor_data_const(want))[i];
        most = fmax(most, fabs(w));
        if (!mask || !mask[i]) far = fmax(far, fabs(got[i] - w));
    }
    nw_tensor_unref(want);
    assert_true(most > 0);
    return far / most;
}

static nw_graph *load(void)
{
    nw_model *model;
    nw_graph *graph = NULL;
    nw_error err = {0};
    if (nw_model_load(NW_TEST_SHARED "/models/covid-ct-resnet18s.onnx", NULL, &model, &err) != NW_OK ||
        nw_graph_clone(model->graph, &graph, &err) != NW_OK)
        fail_msg("%s", err.message);
    nw_model_unref(model);
    graph->values[graph->inputs[0]].shape.dims[0] = 1;
    if (nw_graph_specialise(graph, &err) != NW_OK) fail_msg("%s", err.message);
    return graph;
}

static void covid_classifier(void **state)
{
    (void)state;
    static const char layer[] = "/layer2/layer2.1/relu_1/Relu_output_0";
    if (access(GOLDEN "slice0.input.npy", R_OK) != 0) {
        print_message("no shared golden data: skipped\n");
        skip();
    }
    nw_graph *graph = load();
    nw_evaluation *e;
    assert_int_equal(nw_evaluation_new(graph, &e, NULL), NW_OK);
    for (int slice = 0; slice < 3; slice++) {
        char name[64];
        snprintf(name, sizeof name, "slice%d.input", slice);
        nw_tensor *input = golden(name);
        double *x = nw_evaluation_value(e, "input", NULL);
        for (int64_t i = 0; i < nw_tensor_count(input); i++)
            x[i] = (double)((const float *)nw_tensor_data_const(input))[i];
        nw_tensor_unref(input);
        nw_evaluation_forward(e);
        nw_evaluation_diff_output(e, "logits")[1] = 1;
        nw_evaluation_backward(e);
        bool mask[SIDE * SIDE];
        nw_shape shape;
        const double *relu = nw_evaluation_value(e, "/relu/Relu_output_0", &shape);
        assert_true(mask_undecided(relu, &shape, mask) < 0.6);
        const struct {
            const char *name;
            const double *got;
            const bool *mask;
        } rows[] = {{"logits", nw_evaluation_value(e, "logits", NULL), NULL},
                    {"layer2", nw_evaluation_value(e, layer, NULL), NULL},
                    {"layer2.grad", nw_evaluation_diff(e, layer), NULL},
                    {"input.grad", nw_evaluation_diff(e, "input"), mask}};
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            snprintf(name, sizeof name, "slice%d.%s", slice, rows[i].name);
            double far = distance(rows[i].got, name, rows[i].mask);
            if (!(far <= 2e-6)) fail_msg("%s is %.3g of its largest value away", name, far);
        }
    }
    nw_evaluation_free(e);
    nw_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(covid_classifier)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
