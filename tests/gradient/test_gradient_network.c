/* Whole graphs, evaluated forward and backward in double. The first is Captum's BasicModel_ConvNet_One_Conv,
 * whose numbers can be worked out by hand: a 3 x 3 convolution of ones, 1 to 2 channels, bias -50 and -75,
 * ReLU, a linear layer of rows (1, 1, 1, 1, 1, -1, -1, -1), ReLU; x = 0..15. */
#include "support/net.h"

#include "ops/evaluate.h"
#include "ops/specialise.h"

static nw_graph *one_conv(void)
{
    static const double ones[18] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
                        bias[] = {-50, -75};
    double linear[32];
    for (int i = 0; i < 32; i++) linear[i] = i % 8 < 5 ? 1 : -1;
    nw_graph *graph = net_new();
    net_input(graph, "x", "1x1x4x4");
    net_constant(graph, "w", "2x1x3x3", ones);
    net_constant(graph, "b", "2", bias);
    net_constant(graph, "fc", "4x8", linear);
    net_node(graph, "Conv", "x w b", "conv1", "");
    net_node(graph, "Relu", "conv1", "relu1", "");
    net_node(graph, "Flatten", "relu1", "flat", "");
    net_node(graph, "Gemm", "flat fc", "fc1", "transB=1");
    net_node(graph, "Relu", "fc1", "out", "");
    net_finish(graph, "out");
    nw_error err = {0};
    if (nw_graph_specialise(graph, &err) != NW_OK) fail_msg("%s", err.message);
    return graph;
}

static void expect(const double *got, const double *want, int n)
{
    assert_non_null(got);
    for (int i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= 1e-12)) fail_msg("[%d] is %.17g, expected %.17g", i, got[i], want[i]);
}

static void captum_one_conv(void **state)
{
    (void)state;
    double x[16];
    for (int i = 0; i < 16; i++) x[i] = i;
    nw_graph *graph = one_conv();
    nw_evaluation *e;
    assert_int_equal(nw_graph_evaluate(graph, (const double *const[]){x}, &e, NULL), NW_OK);
    expect(nw_evaluation_value(e, "conv1", NULL), (const double[]){-5, 4, 31, 40, -30, -21, 6, 15}, 8);
    expect(nw_evaluation_value(e, "relu1", NULL), (const double[]){0, 4, 31, 40, 0, 0, 6, 15}, 8);
    expect(nw_evaluation_value(e, "out", NULL), (const double[]){54, 54, 54, 54}, 4);

    nw_evaluation_diff_output(e, "out")[0] = 1;
    assert_non_null(nw_evaluation_diff(e, "b")); /* of a constant: only on request */
    for (int repeat = 0; repeat < 2; repeat++) { /* a second backward starts afresh */
        nw_evaluation_backward(e);
        expect(nw_evaluation_diff(e, "relu1"), (const double[]){1, 1, 1, 1, 1, -1, -1, -1}, 8);
        expect(nw_evaluation_diff(e, "conv1"), (const double[]){0, 1, 1, 1, 0, 0, -1, -1}, 8);
        const double saliency[] = {0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0};
        expect(nw_evaluation_diff(e, "x"), saliency, 16);
        expect(nw_evaluation_diff(e, "b"), (const double[]){3, -2}, 2);
    }

    /* Grad-CAM: each channel weighted by the mean of its gradient, 1 and -0.5 at relu1 ... */
    const double *diff = nw_evaluation_diff(e, "relu1"), *conv = nw_evaluation_value(e, "relu1", NULL);
    double cam[4];
    for (int i = 0; i < 4; i++) {
        double mean0 = (diff[0] + diff[1] + diff[2] + diff[3]) / 4,
               mean1 = (diff[4] + diff[5] + diff[6] + diff[7]) / 4;
        cam[i] = mean0 * conv[i] + mean1 * conv[4 + i];
    }
    expect(cam, (const double[]){0, 4, 28, 32.5}, 4);
    /* ... and 0.75 and -0.5 at conv1, before the ReLU. */
    diff = nw_evaluation_diff(e, "conv1");
    conv = nw_evaluation_value(e, "conv1", NULL);
    for (int i = 0; i < 4; i++) {
        double mean0 = (diff[0] + diff[1] + diff[2] + diff[3]) / 4,
               mean1 = (diff[4] + diff[5] + diff[6] + diff[7]) / 4;
        cam[i] = mean0 * conv[i] + mean1 * conv[4 + i];
    }
    expect(cam, (const double[]){11.25, 13.5, 20.25, 22.5}, 4);
    nw_evaluation_free(e);
    nw_graph_free(graph);
}

/* One value read by two nodes, and read again as an output: the contributions add up. */
static void fan_out(void **state)
{
    (void)state;
    nw_graph *graph = net_new();
    net_input(graph, "x", "1x2x4x4");
    net_node(graph, "AveragePool", "x", "a", "kernel_shape=[2,2] strides=[2,2]");
    net_node(graph, "MaxPool", "a", "m", "kernel_shape=[2,2]");
    net_node(graph, "Add", "a m", "s", "");
    net_node(graph, "Softmax", "s", "p", "axis=1");
    net_finish(graph, "p a");
    assert_int_equal(nw_graph_specialise(graph, NULL), NW_OK);
    nw_evaluation *e;
    double x[32], loss[2];
    for (int i = 0; i < 32; i++) x[i] = sin(i * 1.7);
    assert_int_equal(nw_graph_evaluate(graph, (const double *const[]){x}, &e, NULL), NW_OK);
    double *dp = nw_evaluation_diff_output(e, "p"), *da = nw_evaluation_diff_output(e, "a");
    for (int i = 0; i < 8; i++) dp[i] = cos(i), da[i] = 0.3 * i;
    nw_evaluation_backward(e);
    double *in = nw_evaluation_value(e, "x", NULL);
    const double *p = nw_evaluation_value(e, "p", NULL), *a = nw_evaluation_value(e, "a", NULL);
    for (int k = 0; k < 32; k++) {
        for (int side = 0; side < 2; side++) {
            in[k] = x[k] + (side ? 1e-5 : -1e-5);
            nw_evaluation_forward(e);
            loss[side] = 0;
            for (int i = 0; i < 8; i++) loss[side] += dp[i] * p[i] + da[i] * a[i];
        }
        in[k] = x[k];
        double want = (loss[1] - loss[0]) / 2e-5, got = nw_evaluation_diff(e, "x")[k];
        if (!(fabs(want - got) <= 1e-9)) fail_msg("[%d] is %.12g, by differences %.12g", k, got, want);
    }
    nw_evaluation_free(e);
    nw_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(captum_one_conv), cmocka_unit_test(fan_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
