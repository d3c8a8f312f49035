/* Operators that move data: gradients and adjoints (they are linear), known numbers, exact integers,
 * refusals. */
#include "support/op_check.h"

static const op_case cases[] = {
    {"Identity", 16, "", "2x3"},
    {"Reshape", 14, "", "2x3x4 {0,-1}"},
    {"Reshape", 5, "", "2x3x4 {4,3,2}"},
    {"Flatten", 13, "axis=2", "2x3x4"},
    {"Flatten", 9, "", "2x3x4"},
    {"Flatten", 13, "axis=-3", "2x3x4"},
    {"Squeeze", 11, "axes=[0,-2]", "1x3x1x2"},
    {"Squeeze", 13, "", "1x3x1x2"},
    {"Squeeze", 13, "", "1x3x1x2 {2}"},
    {"Unsqueeze", 11, "axes=[0,3]", "3x2"},
    {"Unsqueeze", 13, "", "3x2 {-1}"},
    {"Transpose", 13, "", "2x3x4"},
    {"Transpose", 13, "perm=[1,2,0]", "2x3x4"},
    {"Concat", 13, "axis=1", "2x3x2 2x1x2 2x2x2"},
    {"Concat", 13, "axis=-1", "2x3"},
    {"Split", 2, "axis=1 split=[1,3]", "2x4x2", 2},
    {"Split", 11, "axis=-1", "2x4", 2},
    {"Split", 13, "axis=1", "2x4 {3,1}", 2},
    {"Split", 18, "axis=1 num_outputs=3", "2x7", 3},
    {"Slice", 9, "starts=[1,-3] ends=[9,-1] axes=[0,1]", "3x5"},
    {"Slice", 13, "", "4x5 {1} {-1} {1}"},
    {"Slice", 13, "", "4x5 {-1,4} {-9223372036854775807,0} {0,1} {-2,-1}"},
    {"Slice", 13, "", "4x5 {0,0} {9223372036854775807,5} - {2,9223372036854775807}"},
    {"Gather", 13, "axis=1", "2x4x3 {3,0,-4,3}"},
    {"Gather", 11, "", "3x2 =1"},
    {"Gather", 11, "axis=-1", "3x4 #4:2x3"},
    {"GatherElements", 13, "axis=1", "3x4 #4:2x3"},
    {"GatherElements", 11, "axis=-2", "3x2 #3:5x2"},
    {"Expand", 13, "", "3x1 {2,1,4}"},
    {"Expand", 13, "", "2x3x4 {1}"},
    {"Tile", 13, "", "2x3 {2,3}"},
    {"Pad", 2, "pads=[1,0,0,2] value=3.5", "2x3"},
    {"Pad", 13, "", "2x3 {1,-1,0,2} =0.5"},
    {"Pad", 11, "mode=reflect", "3x4 {2,1,1,3}"},
    {"Pad", 13, "mode=edge", "3x4 {2,1,1,3}"},
    {"Pad", 19, "mode=wrap", "3x4 {2,1,4,3}"},
    {"Pad", 18, "", "2x3x4 {1,2,0,1} - {2,-3}"},
    {"Cast", 13, "to=1", "2x3"},
    {"CastLike", 15, "", "2x3 2"},
    {"DepthToSpace", 13, "blocksize=2", "1x8x2x3"},
    {"DepthToSpace", 11, "blocksize=2 mode=CRD", "1x8x2x3"},
    {"SpaceToDepth", 13, "blocksize=2", "2x1x4x6"},
};

static void gradients(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        op_check_gradient(&cases[i]);
        op_check_adjoint(&cases[i], 0);
    }
}

#define VALUES(type, opset, attrs, inputs, ...)                                                              \
    do {                                                                                                     \
        const double want[] = __VA_ARGS__;                                                                   \
        op_check_values(&(op_case){type, opset, attrs, inputs},                                              \
                        (const double *const[]){x, NULL, NULL, NULL, NULL}, 0, want,                         \
                        (int64_t)(sizeof want / sizeof *want), 0);                                           \
    } while (0)

static void values(void **state)
{
    (void)state;
    const double x[24] = {0, 1, 2, 3, 4, 5, 6, 7}; /* as many as the largest input needs */
    VALUES("Transpose", 13, "", "2x3", {0, 3, 1, 4, 2, 5});
    VALUES("Slice", 13, "", "6 {-2} {-9223372036854775807} {0} {-3}", {4, 1});
    VALUES("Slice", 13, "", "2x4 {1} {9223372036854775807} {1} {2}", {1, 3, 5, 7});
    VALUES("Slice", 9, "starts=[0] ends=[-1]", "2x3", {0, 1, 2});
    VALUES("Gather", 13, "axis=1", "2x3 {2,-3}", {2, 0, 5, 3});
    VALUES("Expand", 13, "", "2x1 {1,3}", {0, 0, 0, 1, 1, 1});
    VALUES("Tile", 13, "", "2x2 {1,2}", {0, 1, 0, 1, 2, 3, 2, 3});
    VALUES("Pad", 13, "mode=reflect", "3 {5,3}", {1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1});
    VALUES("Pad", 13, "mode=edge", "3 {2,1}", {0, 0, 0, 1, 2, 2});
    VALUES("Pad", 19, "mode=wrap", "3 {2,1}", {1, 2, 0, 1, 2, 0});
    VALUES("Pad", 13, "", "4 {-1,2} =0.5", {1, 2, 3, 0.5, 0.5});
    VALUES("Concat", 13, "axis=0", "3 {7.0,9.0}", {0, 1, 2, 7, 9});
    VALUES("DepthToSpace", 13, "blocksize=2", "1x8x1x1", {0, 2, 4, 6, 1, 3, 5, 7});
    VALUES("DepthToSpace", 13, "blocksize=2 mode=CRD", "1x8x1x1", {0, 1, 2, 3, 4, 5, 6, 7});
    VALUES("SpaceToDepth", 13, "blocksize=2", "1x1x2x4", {0, 2, 1, 3, 4, 6, 5, 7});
    VALUES("Shape", 15, "start=-2", "2x3x4", {3, 4});
    VALUES("Shape", 13, "", "2x3x4", {2, 3, 4});
    VALUES("Size", 13, "", "2x3x4", {24});
    VALUES("Range", 11, "", "=10 =3 =-3", {10, 7, 4});
    VALUES("Range", 11, "", "=0.0 =1.0 =0.25", {0, 0.25, 0.5, 0.75});
    VALUES("ConstantOfShape", 9, "", "{2,2}", {0, 0, 0, 0});
    VALUES("Constant", 13, "value_ints=[3,4]", "", {3, 4});
    VALUES("Constant", 13, "value_float=2.5", "", {2.5});
    VALUES("Cast", 13, "to=9", "3", {0, 1, 1});
    const double real[] = {-1.5, 2.9};
    op_check_values(&(op_case){"Cast", 13, "to=6", "2"}, (const double *const[]){real}, 0,
                    (const double[]){-1, 2}, 2, 0);
}

/* Constant int64 keep every bit: 2^53 + 1 is no double. */
static void integers_stay_exact(void **state)
{
    (void)state;
    const op_case moved[] = {
        {"Identity", 13, "", "{9007199254740993,9223372036854775807}"},
        {"Unsqueeze", 13, "", "{9007199254740993,9223372036854775807} {0}"},
        {"Reshape", 13, "", "{9007199254740993,9223372036854775807} {1,2}"},
        {"Slice", 13, "", "{9223372036854775807,1,9007199254740993} {-1} {-99} {0} {-2}"},
        {"Gather", 13, "", "{9223372036854775807,9007199254740993} {1,0}"},
        {"Concat", 13, "axis=0", "{9007199254740993} {9223372036854775807}"},
        {"Split", 13, "", "{9007199254740993,9223372036854775807} {2}"},
        {"Pad", 13, "", "{7,9007199254740993} {-1,1} =9223372036854775807"},
        {"Cast", 13, "to=7", "{9007199254740993,9223372036854775807}"},
    };
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
        op_run run;
        op_open_or_fail(&moved[i], 1, &run);
        nw_tensor *data = run.graph->values[run.node->outputs[0]].data;
        if (!data) OP_FAIL(&moved[i], "is not folded");
        if (nw_tensor_get_i64(data, 0) != 9007199254740993 || nw_tensor_get_i64(data, 1) != INT64_MAX)
            OP_FAIL(&moved[i], "%lld, %lld", (long long)nw_tensor_get_i64(data, 0),
                    (long long)nw_tensor_get_i64(data, 1));
        op_run_free(&run);
    }
}

static void refusals(void **state)
{
    (void)state;
    const struct {
        op_case c;
        nw_status status;
        const char *words;
    } refused[] = {
        {{"Reshape", 14, "", "2x3 {4,-1}"}, NW_BAD_MODEL, "cannot take the shape [4, -1]"},
        {{"Reshape", 14, "", "2x3 {-1,-1}"}, NW_BAD_MODEL, "more than one -1"},
        {{"Reshape", 14, "", "2x3 {4611686018427387904,4}"}, NW_BAD_MODEL, "cannot take"},
        {{"Reshape", 14, "", "2x3 {-2,3}"}, NW_BAD_MODEL, "cannot take"},
        {{"Reshape", 14, "", "2x3 #3:2"}, NW_UNSUPPORTED, "must be known"},
        {{"Squeeze", 13, "", "2x3 {0}"}, NW_BAD_MODEL, "2 elements"},
        {{"Unsqueeze", 13, "", "2x3 {0,0}"}, NW_BAD_MODEL, "twice"},
        {{"Unsqueeze", 13, "", "2x3 {0,1,2,3,4,5,6}"}, NW_UNSUPPORTED, "9 dimensions"},
        {{"Unsqueeze", 13, "", "2x3"}, NW_BAD_MODEL, "no axes"},
        {{"Transpose", 13, "perm=[0,0]", "2x3"}, NW_BAD_MODEL, "twice"},
        {{"Transpose", 13, "perm=[0]", "2x3"}, NW_BAD_MODEL, "1 elements"},
        {{"Concat", 13, "axis=0", "2x3 2x4"}, NW_BAD_MODEL, "along axis 0"},
        {{"Concat", 13, "axis=0", "2x3 #2:2x3"}, NW_BAD_MODEL, "int64"},
        {{"Split", 13, "", "5 {2,2}", 2}, NW_BAD_MODEL, "add up to 4"},
        {{"Split", 13, "", "5 {-1,6}", 2}, NW_BAD_MODEL, "negative"},
        {{"Split", 13, "", "5", 2}, NW_BAD_MODEL, "2 equal parts"},
        {{"Split", 18, "num_outputs=3", "5", 2}, NW_BAD_MODEL, "num_outputs is 3"},
        {{"Slice", 13, "", "5 {0} {1} {0} {0}"}, NW_BAD_MODEL, "step"},
        {{"Slice", 13, "", "5 {0} {1,2}"}, NW_BAD_MODEL, "differ in length"},
        {{"Slice", 13, "", "5 {0,1} {1,2} {0,0}"}, NW_BAD_MODEL, "twice"},
        {{"Slice", 13, "", "5 {0,1} {1,2}"}, NW_BAD_MODEL, "differ in length"},
        {{"Gather", 13, "", "5 {5}"}, NW_BAD_MODEL, "index 5"},
        {{"Gather", 13, "", "5 2"}, NW_BAD_MODEL, "float32"},
        {{"GatherElements", 13, "", "2x3 #2:2x4"}, NW_BAD_MODEL, "do not fit"},
        {{"Expand", 13, "", "2x3 {2,2}"}, NW_BAD_MODEL, "[2, 2]"},
        {{"Expand", 13, "", "1 {-1}"}, NW_BAD_MODEL, "impossible"},
        {{"Expand", 13, "", "1 {4611686018427387904,4}"}, NW_BAD_MODEL, "impossible"},
        {{"Tile", 13, "", "2x3 {4611686018427387904,2}"}, NW_BAD_MODEL, "repeats"},
        {{"Tile", 13, "", "2x3 {2}"}, NW_BAD_MODEL, "1 repeats"},
        {{"Pad", 13, "", "2x3 {1,1}"}, NW_BAD_MODEL, "expected 4"},
        {{"Pad", 13, "", "3 {-2,-2}"}, NW_BAD_MODEL, "axis 0 of 3"},
        {{"Pad", 13, "", "3 {0,9223372036854775807}"}, NW_BAD_MODEL, "axis 0 of 3"},
        {{"Pad", 13, "mode=odd", "3 {0,0}"}, NW_BAD_MODEL, "'odd'"},
        {{"DepthToSpace", 13, "blocksize=3", "1x8x2x2"}, NW_BAD_MODEL, "8 channels"},
        {{"DepthToSpace", 13, "blocksize=0", "1x8x2x2"}, NW_BAD_MODEL, "blocksize"},
        {{"DepthToSpace", 13, "blocksize=2 mode=X", "1x8x2x2"}, NW_BAD_MODEL, "'X'"},
        {{"SpaceToDepth", 13, "blocksize=2", "1x1x3x2"}, NW_BAD_MODEL, "3 x 2"},
        {{"Range", 11, "", "=0 =5 =0"}, NW_BAD_MODEL, "step"},
        {{"Range", 11, "", "=0 =9223372036854775807 =1"}, NW_UNSUPPORTED, "too large"},
        {{"Range", 11, "", "=0 #5:() =1"}, NW_UNSUPPORTED, "not constant"},
        {{"ConstantOfShape", 9, "", "{1048576,1048576}"}, NW_UNSUPPORTED, "too large"},
        {{"Constant", 13, "value_string=x", ""}, NW_UNSUPPORTED, "no value"},
        {{"Cast", 13, "to=8", "2"}, NW_UNSUPPORTED, "type 8"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        op_check_refused(&refused[i].c, refused[i].status, refused[i].words);
}

/* An index that is outside and comes with the data gives NaN, and no gradient. */
static void index_outside(void **state)
{
    (void)state;
    const char *const types[] = {"Gather", "GatherElements"};
    for (int i = 0; i < 2; i++) {
        op_run run;
        op_open_or_fail(&(op_case){types[i], 13, "", "3 #3:2"}, 1, &run);
        run.src[1][0] = 3;
        run.src[1][1] = -3;
        op_run_forward(&run);
        assert_true(isnan(run.dst[0][0]));
        assert_true(run.dst[0][1] == run.src[0][0]);
        op_run_backward(&run);
        assert_true(run.diff_src[0][0] == run.diff_dst[0][1] && run.diff_src[0][2] == 0);
        op_run_free(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients), cmocka_unit_test(values),
                                       cmocka_unit_test(integers_stay_exact), cmocka_unit_test(refusals),
                                       cmocka_unit_test(index_outside)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
