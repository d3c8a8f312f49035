/* Resize and Upsample: gradients, adjoints, and coordinates worked out by hand. */
#include "support/op_check.h"

static const op_case cases[] = {
    {"Resize", 10, "mode=linear", "1x2x3x4 {1.0,1.0,2.0,1.5}"},
    {"Resize", 10, "", "1x2x3x4 {1.0,1.0,0.7,1.5}"},
    {"Resize", 11, "mode=linear", "1x2x3x4 {} {1.0,1.0,2.0,1.5}"},
    {"Resize", 13, "mode=linear", "1x1x3x4 - - {1,1,5,7}"},
    {"Resize", 13, "mode=linear coordinate_transformation_mode=align_corners", "1x1x3x4 - - {1,1,5,2}"},
    {"Resize", 13, "mode=linear coordinate_transformation_mode=pytorch_half_pixel", "1x1x3x4 - - {1,1,1,2}"},
    {"Resize", 13, "mode=linear coordinate_transformation_mode=asymmetric", "1x1x3x4 - {1.0,1.0,0.5,2.0}"},
    {"Resize", 19, "mode=linear coordinate_transformation_mode=half_pixel_symmetric",
     "1x1x3x4 - {1.0,1.0,0.6,2.3}"},
    {"Resize", 18, "mode=linear axes=[2,3]", "1x1x3x4 - - {6,5}"},
    {"Resize", 13, "mode=linear", "1x1x2x3x2 - - {1,1,4,2,3}"},
    {"Resize", 13, "", "1x1x3x4 - - {1,1,5,7}"},
    {"Resize", 13, "nearest_mode=ceil", "1x1x3x4 - - {1,1,5,7}"},
    {"Resize", 11, "coordinate_transformation_mode=tf_half_pixel_for_nn nearest_mode=floor",
     "1x1x3x4 - - {1,1,2,7}"},
    {"Upsample", 9, "", "1x2x3x4 {1.0,1.0,2.0,3.0}"},
    {"Upsample", 9, "mode=linear", "1x2x3x4 {1.0,1.0,2.0,3.0}"},
};

static void gradients(void **state)
{
    (void)state;
    op_check_gradients(cases, sizeof cases / sizeof *cases);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) op_check_adjoint(&cases[i], 0);
}

#define VALUES(attrs, inputs, ...)                                                                           \
    do {                                                                                                     \
        const double want[] = __VA_ARGS__;                                                                   \
        op_check_values(&(op_case){"Resize", 13, attrs, inputs},                                             \
                        (const double *const[]){x, NULL, NULL, NULL}, 0, want,                               \
                        (int64_t)(sizeof want / sizeof *want), 1e-15);                                       \
    } while (0)

static void values(void **state)
{
    (void)state;
    const double x[] = {0, 1, 2, 3};
    VALUES("", "4 - - {8}", {0, 0, 1, 1, 2, 2, 3, 3});
    VALUES("coordinate_transformation_mode=asymmetric nearest_mode=floor", "3 - - {9}",
           {0, 0, 0, 1, 1, 1, 2, 2, 2});
    VALUES("mode=linear", "4 - - {8}", {0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3});
    VALUES("mode=linear", "4 - - {2}", {0.5, 2.5});
    VALUES("mode=linear coordinate_transformation_mode=align_corners", "4 - - {7}",
           {0, 0.5, 1, 1.5, 2, 2.5, 3});
    VALUES("mode=linear coordinate_transformation_mode=align_corners", "4 - - {1}", {0});
    VALUES("mode=linear coordinate_transformation_mode=pytorch_half_pixel", "4 - - {1}", {0});
    VALUES("mode=linear", "4 - - {1}", {1.5});
    VALUES("mode=linear coordinate_transformation_mode=asymmetric", "2 - {2.0}", {0, 0.5, 1, 1});
    /* (0 + 0.5) 4 / 2 - 0.5 = 0.5: between the two. */
    VALUES("nearest_mode=round_prefer_floor", "4 - - {2}", {0, 2});
    VALUES("nearest_mode=round_prefer_ceil", "4 - - {2}", {1, 3});
    /* Position 9 of 18 from 14 is 7, though 9 / (18 / 14) in double is a little less. */
    op_run run;
    op_open_or_fail(&(op_case){"Resize", 13, "coordinate_transformation_mode=asymmetric nearest_mode=floor",
                               "14 - - {18}"},
                    1, &run);
    op_run_forward(&run);
    assert_true(run.dst[0][9] == run.src[0][7]);
    op_run_free(&run);
    /* 10 x 0.7 is 7, though 0.7 in single precision is a little less. */
    op_open_or_fail(&(op_case){"Resize", 13, "", "10 - {0.7}"}, 1, &run);
    assert_int_equal(nw_out_shape(run.graph, run.node, 0)->dims[0], 7);
    op_run_free(&run);
}

static void refusals(void **state)
{
    (void)state;
    op_check_refused(&(op_case){"Resize", 13, "mode=cubic", "4 - - {8}"}, NW_UNSUPPORTED, "'cubic'");
    op_check_refused(
        &(op_case){"Resize", 13, "coordinate_transformation_mode=tf_crop_and_resize", "4 - - {8}"},
        NW_UNSUPPORTED, "tf_crop_and_resize");
    op_check_refused(&(op_case){"Resize", 18, "antialias=1", "4 - - {8}"}, NW_UNSUPPORTED, "antialias");
    op_check_refused(&(op_case){"Resize", 18, "keep_aspect_ratio_policy=not_larger", "4 - - {8}"},
                     NW_UNSUPPORTED, "keep_aspect_ratio_policy");
    op_check_refused(&(op_case){"Resize", 13, "", "4"}, NW_BAD_MODEL, "either scales or sizes");
    op_check_refused(&(op_case){"Resize", 13, "", "4 - {2.0} {8}"}, NW_BAD_MODEL, "either scales or sizes");
    op_check_refused(&(op_case){"Resize", 13, "", "4 - {2.0,2.0}"}, NW_BAD_MODEL, "2 scales");
    op_check_refused(&(op_case){"Resize", 13, "", "4 - {-2.0}"}, NW_BAD_MODEL, "axis 0");
    op_check_refused(&(op_case){"Resize", 13, "", "4 - - {-2}"}, NW_BAD_MODEL, "axis 0");
    op_check_refused(&(op_case){"Resize", 13, "", "4 - 1"}, NW_UNSUPPORTED, "not constant");
    op_check_refused(&(op_case){"Resize", 13, "", "1x1x1 - {1e12,1.0e12,1e12}"}, NW_BAD_MODEL, "impossible");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients), cmocka_unit_test(values),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
