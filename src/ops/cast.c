/* Cast and CastLike between the numeric types. Real numbers lose their fraction when they become integers. As
 * in the loader, floating-point types of any width are float32 here, uint32 and uint64 are int64. */
#include "ops/op.h"

#include <math.h>

/* TensorProto.DataType of onnx.proto. */
static bool from_onnx(int64_t type, nw_dtype *out)
{
    static const struct {
        int type;
        nw_dtype dtype;
    } types[] = {{1, NW_F32},  {2, NW_U8},   {3, NW_I8},   {4, NW_U16},  {5, NW_I16},
                 {6, NW_I32},  {7, NW_I64},  {9, NW_BOOL}, {10, NW_F32}, {11, NW_F32},
                 {12, NW_I64}, {13, NW_I64}, {16, NW_F32}}; /* float16, double, uint32, uint64, bfloat16 */
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == type) {
            *out = types[i].dtype;
            return true;
        }
    return false;
}

static nw_status infer(nw_infer *cx, nw_dtype dtype)
{
    const nw_value *x = nw_infer_in(cx, 0);
    nw_tensor *data;
    NW_TRY(nw_infer_out(cx, 0, dtype, &x->shape));
    /* Integers stay exact; other constants are left to the general folder. */
    if (!x->data || x->dtype != NW_I64 || dtype != NW_I64) return NW_OK;
    NW_TRY(nw_tensor_convert(x->data, dtype, &data, cx->err));
    return nw_infer_constant(cx, 0, data);
}

static nw_status cast_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 1, 1, 1, 1));
    int64_t to = nw_node_int(cx->node, "to", 0);
    nw_dtype dtype;
    if (!from_onnx(to, &dtype))
        return nw_infer_fail(cx, NW_UNSUPPORTED, "casts to ONNX type %lld; see the types in `narrows ops`",
                             (long long)to);
    return infer(cx, dtype);
}

static nw_status cast_like_infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 2, 2, 1, 1));
    return infer(cx, nw_infer_in(cx, 1)->dtype);
}

static bool is_real(const nw_graph *graph, int value)
{
    nw_dtype dtype = graph->values[value].dtype;
    return dtype == NW_F32 || dtype == NW_F64;
}

static void forward(const nw_ref *call)
{
    int64_t n = nw_count(nw_out_shape(call->graph, call->node, 0));
    bool boolean = call->graph->values[call->node->outputs[0]].dtype == NW_BOOL;
    bool real = is_real(call->graph, call->node->outputs[0]);
    for (int64_t i = 0; i < n; i++) {
        double x = call->src[0][i];
        call->dst[0][i] = boolean ? x != 0 : real ? x : trunc(x);
    }
}

/* From real to real: the identity. */
static void backward(const nw_ref *call)
{
    int64_t n = nw_count(nw_out_shape(call->graph, call->node, 0));
    if (!call->diff_src[0] || !call->diff_dst[0] || !is_real(call->graph, call->node->outputs[0])) return;
    for (int64_t i = 0; i < n; i++) call->diff_src[0][i] += call->diff_dst[0][i];
}

const nw_op nw_op_Cast = {.type = "Cast",
                          .since = 6,
                          .limits = "numbers; floating-point types are all computed alike",
                          .infer = cast_infer,
                          .forward = forward,
                          .backward = backward};
const nw_op nw_op_CastLike = {.type = "CastLike",
                              .since = 15,
                              .limits = "",
                              .infer = cast_like_infer,
                              .forward = forward,
                              .backward = backward};
