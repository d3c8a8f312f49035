/* MatMul as numpy.matmul: the last two dimensions are matrices, those before are broadcast; a vector is a row
 * on the left and a column on the right, and its 1 is taken away again. */
#include "ops/fast.h"

typedef struct matmul {
    int64_t m, n, k;
    nw_shape batch;                                   /* of the result */
    int64_t a_step[NW_MAX_RANK], b_step[NW_MAX_RANK]; /* in elements along the batch's dimensions */
} matmul;

static nw_shape batch_of(const nw_shape *shape)
{
    nw_shape batch = *shape;
    batch.rank = shape->rank > 2 ? shape->rank - 2 : 0;
    return batch;
}

/* Fails (false) where the shapes do not fit; dst may be NULL. */
static bool read_matmul(const nw_shape *a, const nw_shape *b, matmul *out, nw_shape *dst)
{
    matmul g = {0};
    nw_shape a_batch = batch_of(a), b_batch = batch_of(b);
    if (a->rank < 1 || b->rank < 1 || !nw_broadcast(&a_batch, &b_batch, &g.batch)) return false;
    g.m = a->rank > 1 ? a->dims[a->rank - 2] : 1;
    g.k = a->dims[a->rank - 1];
    g.n = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    if (b->dims[b->rank > 1 ? b->rank - 2 : 0] != g.k) return false;
    int64_t a_stride = g.m * g.k, b_stride = g.k * g.n;
    for (int i = g.batch.rank - 1, ia = a_batch.rank - 1, ib = b_batch.rank - 1; i >= 0; i--, ia--, ib--) {
        if (ia >= 0 && a_batch.dims[ia] != 1) g.a_step[i] = a_stride;
        if (ib >= 0 && b_batch.dims[ib] != 1) g.b_step[i] = b_stride;
        if (ia >= 0) a_stride *= a_batch.dims[ia];
        if (ib >= 0) b_stride *= b_batch.dims[ib];
    }
    if (dst) {
        *dst = g.batch;
        if (a->rank > 1) dst->dims[dst->rank++] = g.m;
        if (b->rank > 1) dst->dims[dst->rank++] = g.n;
    }
    *out = g;
    return true;
}

static nw_status infer(nw_infer *cx)
{
    NW_TRY(nw_infer_arity(cx, 2, 2, 1, 1));
    const nw_value *a = nw_infer_in(cx, 0), *b = nw_infer_in(cx, 1);
    matmul g;
    nw_shape dst;
    if (!read_matmul(&a->shape, &b->shape, &g, &dst)) {
        char left[NW_SHAPE_TEXT], right[NW_SHAPE_TEXT];
        return nw_infer_fail(cx, NW_BAD_MODEL, "shapes %s of '%s' and %s of '%s' cannot be multiplied",
                             nw_shape_text(&a->shape, left, sizeof left), a->name,
                             nw_shape_text(&b->shape, right, sizeof right), b->name);
    }
    return nw_infer_out(cx, 0, a->dtype, &dst);
}

/* Offsets of matrix number i of the batch. */
static void offsets(const matmul *g, int64_t i, int64_t *a, int64_t *b)
{
    *a = *b = 0;
    for (int d = g->batch.rank - 1; d >= 0; d--) {
        int64_t index = i % g->batch.dims[d];
        i /= g->batch.dims[d];
        *a += index * g->a_step[d];
        *b += index * g->b_step[d];
    }
}

static void forward(const nw_ref *call)
{
    matmul g;
    if (!read_matmul(nw_in_shape(call->graph, call->node, 0), nw_in_shape(call->graph, call->node, 1), &g,
                     NULL))
        return;
    for (int64_t p = 0, batch = nw_count(&g.batch); p < batch; p++) {
        int64_t at, bt;
        offsets(&g, p, &at, &bt);
        const double *a = call->src[0] + at, *b = call->src[1] + bt;
        double *dst = call->dst[0] + p * g.m * g.n;
        for (int64_t i = 0; i < g.m; i++) {
            for (int64_t j = 0; j < g.n; j++) dst[i * g.n + j] = 0;
            for (int64_t k = 0; k < g.k; k++)
                for (int64_t j = 0; j < g.n; j++) dst[i * g.n + j] += a[i * g.k + k] * b[k * g.n + j];
        }
    }
}

static void backward(const nw_ref *call)
{
    matmul g;
    if (!call->diff_dst[0]) return;
    if (!read_matmul(nw_in_shape(call->graph, call->node, 0), nw_in_shape(call->graph, call->node, 1), &g,
                     NULL))
        return;
    for (int64_t p = 0, batch = nw_count(&g.batch); p < batch; p++) {
        int64_t at, bt;
        offsets(&g, p, &at, &bt);
        const double *diff_dst = call->diff_dst[0] + p * g.m * g.n;
        for (int64_t i = 0; i < g.m; i++) {
            for (int64_t k = 0; k < g.k; k++) {
                double sum = 0, a = call->src[0][at + i * g.k + k];
                for (int64_t j = 0; j < g.n; j++) {
                    double dy = diff_dst[i * g.n + j];
                    sum += dy * call->src[1][bt + k * g.n + j];
                    if (call->diff_src[1]) call->diff_src[1][bt + k * g.n + j] += a * dy;
                }
                if (call->diff_src[0]) call->diff_src[0][at + i * g.k + k] += sum;
            }
        }
    }
}

const nw_op nw_op_MatMul = {
    .type = "MatMul",
    .since = 1,
    .limits = "",
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .compile = nw_fast_matmul,
};
