/* Gemm and MatMul by oneDNN's matrix product; their gradients are two more of them, transposed. */
#include "base/memory.h"
#include "ops/fast.h"
#include "ops/fast_matmul_packed.h"
#include "ops/fast_matmul_parts.h"
#include "ops/fast_matmul_small.h"

#include <string.h>

/* dst[batch][m][n] = src[batch][m][k] weights[batch][k][n] + bias[n] */
typedef struct product {
    nw_matmul_desc mm;
    int bias; /* input of the node, or -1 */
} product;

static void swap_last(int64_t strides[3])
{
    int64_t t = strides[1];
    strides[1] = strides[2];
    strides[2] = t;
}

static bool describe_gemm(const nw_graph *graph, const nw_node *node, product *p)
{
    const nw_shape *a = nw_in_shape(graph, node, 0), *b = nw_in_shape(graph, node, 1);
    const nw_shape *dst = nw_out_shape(graph, node, 0);
    bool trans_a = nw_node_int(node, "transA", 0), trans_b = nw_node_int(node, "transB", 0);
    if (nw_node_float(node, "alpha", 1) != 1.0F) return false;
    p->mm = (nw_matmul_desc){.batch = 1,
                             .m = dst->dims[0],
                             .n = dst->dims[1],
                             .k = a->dims[!trans_a],
                             .src_strides = {0, a->dims[1], 1},
                             .weights_strides = {0, b->dims[1], 1}};
    if (trans_a) swap_last(p->mm.src_strides);
    if (trans_b) swap_last(p->mm.weights_strides);
    p->bias = -1;
    if (!nw_has_in(node, 2)) return true;
    const nw_shape *c = nw_in_shape(graph, node, 2);
    p->bias = 2;
    return nw_node_float(node, "beta", 1) == 1.0F && nw_count(c) == p->mm.n && c->rank > 0 &&
           c->dims[c->rank - 1] == p->mm.n;
}

/* Equal batches, or one matrix on the right for all of them, which then is one product with more rows. */
static bool describe_matmul(const nw_graph *graph, const nw_node *node, product *p)
{
    const nw_shape *a = nw_in_shape(graph, node, 0), *b = nw_in_shape(graph, node, 1);
    if (a->rank < 2 || b->rank < 2) return false;
    int64_t batch = nw_span(a, 0, a->rank - 2), m = a->dims[a->rank - 2], k = a->dims[a->rank - 1];
    int64_t n = b->dims[b->rank - 1];
    p->bias = -1;
    if (nw_span(b, 0, b->rank - 2) == 1 && a->rank >= b->rank) {
        p->mm = (nw_matmul_desc){.batch = 1,
                                 .m = batch * m,
                                 .n = n,
                                 .k = k,
                                 .src_strides = {0, k, 1},
                                 .weights_strides = {0, n, 1}};
        return true;
    }
    if (a->rank != b->rank || memcmp(a->dims, b->dims, (size_t)(a->rank - 2) * sizeof *a->dims) != 0)
        return false;
    p->mm = (nw_matmul_desc){.batch = batch,
                             .m = m,
                             .n = n,
                             .k = k,
                             .src_strides = {m * k, k, 1},
                             .weights_strides = {k * n, n, 1}};
    return true;
}

/* One product as a step; buffers are plain. */
static nw_status add(nw_plan *plan, const nw_matmul_desc *mm, nw_buffer *src, nw_buffer *weights,
                     nw_buffer *bias, nw_buffer *dst, nw_error *err)
{
    if (nw_small_matmul_fits(mm)) return nw_small_matmul_step(plan, mm, src, weights, bias, dst, err);
    return nw_matmul_parts_step(plan, mm, src, weights, bias, dst, err);
}

static nw_status plain_src(nw_plan *plan, const nw_node *node, int i, nw_buffer **out, nw_error *err)
{
    nw_layout layout = nw_layout_plain(NW_F32, nw_in_shape(nw_plan_graph(plan), node, i));
    return nw_plan_src(plan, node->inputs[i], &layout, out, err);
}

typedef struct columns {
    nw_buffer *src, *dst; /* [rows][count] and [count] */
    int64_t rows, count;
} columns;

static nw_status sum_columns(void *state, nw_error *err)
{
    (void)err;
    const columns *s = state;
    float *dst = s->dst->data;
    const float *src = s->src->data;
    for (int64_t k = 0; k < s->count; k++) {
        double sum = 0;
        for (int64_t i = 0; i < s->rows; i++) sum += (double)src[i * s->count + k];
        dst[k] = (float)sum;
    }
    return NW_OK;
}

/* d bias = the sum of d dst over its rows. */
static nw_status backward_bias(nw_plan *plan, int bias, const product *p, nw_buffer *d, nw_error *err)
{
    columns *s = nw_calloc(1, sizeof *s);
    if (!s) return nw_no_memory(err, sizeof *s, "a step");
    *s = (columns){.src = d, .rows = p->mm.m, .count = p->mm.n};
    nw_layout plain = nw_layout_plain(NW_F32, &nw_plan_graph(plan)->values[bias].shape);
    nw_status status = nw_plan_diff_src(plan, bias, &plain, &s->dst, err);
    if (status != NW_OK) {
        nw_free(s);
        return status;
    }
    nw_step step = {
        .kind = "sum", .impl = "narrows", .state = s, .run = sum_columns, .reads = {d}, .writes = {s->dst}};
    return nw_plan_step(plan, &step, err);
}

/* d src = d dst * weights^T, written with the strides of src; d weights = src^T * d dst. */
static nw_status backward(nw_plan *plan, const nw_node *node, const product *p, nw_error *err)
{
    const nw_graph *graph = nw_plan_graph(plan);
    nw_layout dst = nw_layout_plain(NW_F32, nw_out_shape(graph, node, 0));
    nw_buffer *d;
    NW_TRY(nw_plan_diff_dst(plan, node->outputs[0], &dst, &d, err));
    if (p->bias >= 0 && nw_plan_wants_diff(plan, node->inputs[p->bias]))
        NW_TRY(backward_bias(plan, node->inputs[p->bias], p, d, err));
    for (int i = 0; i < 2; i++) {
        if (!nw_plan_wants_diff(plan, node->inputs[i])) continue;
        nw_matmul_desc mm = {.batch = p->mm.batch};
        nw_buffer *partner, *out;
        nw_layout layout = nw_layout_plain(NW_F32, nw_in_shape(graph, node, i));
        NW_TRY(plain_src(plan, node, 1 - i, &partner, err));
        NW_TRY(nw_plan_diff_src(plan, node->inputs[i], &layout, &out, err));
        if (i == 0) {
            mm.m = p->mm.m, mm.k = p->mm.n, mm.n = p->mm.k;
            memcpy(mm.src_strides, p->mm.dst_strides, sizeof mm.src_strides);
            memcpy(mm.weights_strides, p->mm.weights_strides, sizeof mm.weights_strides);
            swap_last(mm.weights_strides);
            memcpy(mm.dst_strides, p->mm.src_strides, sizeof mm.dst_strides);
            NW_TRY(add(plan, &mm, d, partner, NULL, out, err));
        } else {
            mm.m = p->mm.k, mm.k = p->mm.m, mm.n = p->mm.n;
            memcpy(mm.src_strides, p->mm.src_strides, sizeof mm.src_strides);
            swap_last(mm.src_strides);
            memcpy(mm.weights_strides, p->mm.dst_strides, sizeof mm.weights_strides);
            memcpy(mm.dst_strides, p->mm.weights_strides, sizeof mm.dst_strides);
            NW_TRY(add(plan, &mm, partner, d, NULL, out, err));
        }
    }
    return NW_OK;
}

static nw_status forward(nw_plan *plan, const nw_node *node, const product *p, nw_error *err)
{
    nw_buffer *src, *weights, *bias = NULL, *dst;
    nw_layout layout = nw_layout_plain(NW_F32, nw_out_shape(nw_plan_graph(plan), node, 0));
    NW_TRY(plain_src(plan, node, 0, &src, err));
    if (p->bias >= 0) NW_TRY(plain_src(plan, node, p->bias, &bias, err));
    NW_TRY(nw_plan_dst(plan, node->outputs[0], &layout, &dst, err));
    nw_tensor *constant = nw_fast_constant(plan, node, 1);
    nw_kernel *packed;
    NW_TRY(nw_packed_matmul_kernel(plan, &p->mm, constant, &packed, err));
    if (packed) return nw_packed_matmul_step(plan, &p->mm, packed, constant, src, bias, dst, err);
    NW_TRY(plain_src(plan, node, 1, &weights, err));
    return add(plan, &p->mm, src, weights, bias, dst, err);
}

nw_status nw_fast_matmul(nw_plan *plan, const nw_node *node, bool *declined, nw_error *err)
{
    const nw_graph *graph = nw_plan_graph(plan);
    product p = {0};
    bool gemm = strcmp(node->op->type, "Gemm") == 0;
    if (graph->values[node->outputs[0]].dtype != NW_F32 ||
        !(gemm ? describe_gemm(graph, node, &p) : describe_matmul(graph, node, &p)) || !p.mm.batch ||
        !p.mm.m || !p.mm.n || !p.mm.k) {
        *declined = true;
        return NW_OK;
    }
    p.mm.bias = p.bias >= 0;
    p.mm.dst_strides[0] = p.mm.batch > 1 ? p.mm.m * p.mm.n : 0;
    p.mm.dst_strides[1] = p.mm.n;
    p.mm.dst_strides[2] = 1;
    if (nw_plan_phase(plan) == NW_PHASE_BACKWARD) return backward(plan, node, &p, err);
    return forward(plan, node, &p, err);
}
