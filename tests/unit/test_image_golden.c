/* Preprocessing of real slices against what PyTorch's preprocessing gave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <narrows/image.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIDE = 224 };

/* Largest difference between our input tensor and the recorded one. */
static double difference(const char *image, const char *golden, const char *json)
{
    nw_error err;
    nw_preprocess pre = {0};
    nw_volume *v = NULL;
    nw_tensor *expected = NULL;
    const int64_t dims[4] = {-1, 1, SIDE, SIDE};
    if (nw_preprocess_parse(json, "test", &pre, &err) || nw_preprocess_fit(&pre, 4, dims, &err) ||
        nw_volume_read(image, NULL, &v, &err) || nw_npy_read(golden, 0, &expected, &err))
        fail_msg("%s", err.message);
    assert_int_equal(nw_tensor_count(expected), SIDE * SIDE);
    float *ours = malloc(SIDE * SIDE * sizeof *ours);
    if (nw_preprocess_apply(&pre, v, 0, ours, &err)) fail_msg("%s", err.message);
    const float *theirs = nw_tensor_data_const(expected);
    double worst = 0;
    for (int i = 0; i < SIDE * SIDE; i++) worst = fmax(worst, fabs((double)ours[i] - (double)theirs[i]));
    /* The recorded tensor itself goes in untouched, whatever the model wants done to pictures. */
    nw_volume_free(v);
    if (nw_volume_read(golden, NULL, &v, &err) || nw_preprocess_apply(&pre, v, 0, ours, &err))
        fail_msg("%s", err.message);
    assert_memory_equal(ours, theirs, SIDE * SIDE * sizeof *ours);
    free(ours);
    nw_volume_free(v);
    nw_tensor_unref(expected);
    return worst;
}

static void need_shared(void)
{
    if (access(NW_TEST_SHARED "/golden/ct-severity-resnet18s", R_OK) == 0) return;
    print_message("no shared data: ");
    skip();
}

static void check(const char *folder, const char *model, int n, const char *const *files, const char *json)
{
    for (int i = 0; i < n; i++) {
        char image[512], golden[512];
        snprintf(image, sizeof image, NW_TEST_SHARED "/data/%s/%s", folder, files[i]);
        snprintf(golden, sizeof golden, NW_TEST_SHARED "/golden/%s/slice%d.input.npy", model, i);
        double worst = difference(image, golden, json);
        print_message("%s: largest difference %.2g\n", files[i], worst);
        assert_true(worst <= 1e-5);
    }
}

static void jpeg_slices_of_the_severity_model(void **state)
{
    (void)state;
    need_shared();
    static const char *const files[] = {"11.jpg", "3.jpg"};
    check("ct-lesion-slices/images", "ct-severity-resnet18s", 2, files,
          "{\"modality\": \"CT\", \"mean\": [0.5], \"std\": [0.25], \"orient\": \"transpose\"}");
}

static void png_slices_of_the_covid_model(void **state)
{
    (void)state;
    need_shared();
    static const char *const files[] = {"covid_256.png", "covid_258.png", "non_026.png"};
    check("ct-covid-labels", "covid-ct-resnet18s", 3, files,
          "{\"size\": [224, 224], \"channels\": 1, \"mean\": 0.5, \"std\": 0.25}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(jpeg_slices_of_the_severity_model),
                                       cmocka_unit_test(png_slices_of_the_covid_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
