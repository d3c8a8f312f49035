/* Gemm: alpha A' B' + beta C with A' [m, k] and B' [k, n] (each transposed on request) and C broadcast to
 * [m, n]. */
#include "ops/fast.h"

typedef struct gemm {
    int64_t m, n, k;
    int64_t a_row, a_column, b_row, b_column, c_row, c_column; /* strides; C's are 0 where broadcast */
    double alpha, beta;
} gemm;

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 2, 3, 1, 1));
    const nw_value *a = nw_infer_in(cx, 0), *b = nw_infer_in(cx, 1), *c = nw_infer_in(cx, 2);
    if (!c && cx->node->opset < 11)
        return nw_infer_fail(cx, NW_BAD_MODEL, "input 2 must not be omitted before opset 11");
    if (a->shape.rank != 2 || b->shape.rank != 2)
        return nw_infer_fail(cx, NW_BAD_MODEL, "inputs '%s' and '%s' have %d and %d dimensions; both need 2",
                             a->name, b->name, a->shape.rank, b->shape.rank);
    int ta = nw_node_int(cx->node, "transA", 0) != 0, tb = nw_node_int(cx->node, "transB", 0) != 0;
    if (a->shape.dims[!ta] != b->shape.dims[tb])
        return nw_infer_fail(cx, NW_BAD_MODEL, "'%s' has %lld columns and '%s' %lld rows; they must be equal",
                             a->name, (long long)a->shape.dims[!ta], b->name, (long long)b->shape.dims[tb]);
    nw_shape shape = {.rank = 2, .dims = {a->shape.dims[ta], b->shape.dims[!tb]}}, all;
    if (c && (!nw_broadcast(&c->shape, &shape, &all) || !nw_shape_equal(&all, &shape))) {
        char from[NW_SHAPE_TEXT], to[NW_SHAPE_TEXT];
        return nw_infer_fail(cx, NW_BAD_MODEL, "'%s' of shape %s cannot be broadcast to %s", c->name,
                             nw_shape_text(&c->shape, from, sizeof from),
                             nw_shape_text(&shape, to, sizeof to));
    }
    return nw_infer_out(cx, 0, a->dtype, &shape);
}

static gemm read_gemm(const nw_ref *call)
{
    const nw_shape *a = nw_in_shape(call->graph, call->node, 0), *b = nw_in_shape(call->graph, call->node, 1);
    const nw_shape *dst = nw_out_shape(call->graph, call->node, 0);
    bool ta = nw_node_int(call->node, "transA", 0) != 0, tb = nw_node_int(call->node, "transB", 0) != 0;
    gemm g = {.m = dst->dims[0],
              .n = dst->dims[1],
              .k = a->dims[!ta],
              .a_row = ta ? 1 : a->dims[1],
              .a_column = ta ? a->dims[1] : 1,
              .b_row = tb ? 1 : b->dims[1],
              .b_column = tb ? b->dims[1] : 1,
              .alpha = (double)nw_node_float(call->node, "alpha", 1),
              .beta = (double)nw_node_float(call->node, "beta", 1)};
    if (!nw_has_in(call->node, 2)) return g;
    const nw_shape *c = nw_in_shape(call->graph, call->node, 2);
    if (c->rank > 0 && c->dims[c->rank - 1] != 1) g.c_column = 1;
    if (c->rank > 1 && c->dims[0] != 1) g.c_row = c->dims[1];
    return g;
}

static void forward(const nw_ref *call)
{
    gemm g = read_gemm(call);
    bool has_c = nw_has_in(call->node, 2);
    for (int64_t i = 0; i < g.m; i++) {
        for (int64_t j = 0; j < g.n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < g.k; k++)
                sum +=
                    call->src[0][i * g.a_row + k * g.a_column] * call->src[1][k * g.b_row + j * g.b_column];
            call->dst[0][i * g.n + j] =
                g.alpha * sum + (has_c ? g.beta * call->src[2][i * g.c_row + j * g.c_column] : 0);
        }
    }
}

static void backward(const nw_ref *call)
{
    gemm g = read_gemm(call);
    double *da = call->diff_src[0], *db = call->diff_src[1];
    double *dc = nw_has_in(call->node, 2) ? call->diff_src[2] : NULL;
    if (!call->diff_dst[0]) return;
    for (int64_t i = 0; i < g.m; i++) {
        for (int64_t j = 0; j < g.n; j++) {
            double dy = call->diff_dst[0][i * g.n + j];
            for (int64_t k = 0; k < g.k; k++) {
                int64_t a = i * g.a_row + k * g.a_column, b = k * g.b_row + j * g.b_column;
                if (da) da[a] += g.alpha * dy * call->src[1][b];
                if (db) db[b] += g.alpha * dy * call->src[0][a];
            }
            if (dc) dc[i * g.c_row + j * g.c_column] += g.beta * dy;
        }
    }
}

const nw_op nw_op_Gemm = {
    .type = "Gemm",
    .since = 7,
    .limits = "",
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .compile = nw_fast_matmul,
};
