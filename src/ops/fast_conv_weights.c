/* The gradient of a convolution's weights: one kernel for one thread a part of the batch, and the parts added
 * up in their order. The parts follow from the shapes alone, so the result does not depend on the number of
 * threads (a kernel of oneDNN's own threads would add up as many partial sums as there are). */
#include "ops/fast_conv.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <stdio.h>
#include <string.h>

enum { PARTS = 8, FEW_PARTS = 4, MANY_WEIGHTS = 1 << 20, CHUNK = 8192 };

typedef struct part {
    nw_backend *backend;
    nw_kernel *kernel;
    size_t src_offset, diff_offset; /* bytes */
} part;

typedef struct conv_weights {
    int count;
    part parts[PARTS];
    nw_kernel *unpack; /* NULL: the kernels' layout is the plain one */
    nw_buffer *src, *diff_dst, *weights, *bias;
    nw_buffer *packed, *biases, *scratch, *unpack_scratch; /* of all parts, one behind the other */
    size_t packed_bytes, bias_bytes, scratch_bytes;        /* of one */
} conv_weights;

static size_t aligned(size_t bytes)
{
    return (bytes + NW_ALIGNMENT - 1) / NW_ALIGNMENT * NW_ALIGNMENT;
}

static void destroy(void *state)
{
    conv_weights *s = state;
    for (int i = 0; i < s->count; i++) {
        nw_kernel_free(s->parts[i].kernel);
        nw_backend_free(s->parts[i].backend);
    }
    nw_kernel_free(s->unpack);
    nw_free(s);
}

static void *at(const nw_buffer *buffer, size_t offset)
{
    return (unsigned char *)buffer->data + offset;
}

static nw_status bind(void *state, nw_error *err)
{
    (void)err;
    conv_weights *s = state;
    for (int i = 0; i < s->count; i++) {
        nw_kernel *k = s->parts[i].kernel;
        nw_kernel_set(k, NW_SLOT_SRC, at(s->src, s->parts[i].src_offset));
        nw_kernel_set(k, NW_SLOT_DIFF_DST, at(s->diff_dst, s->parts[i].diff_offset));
        nw_kernel_set(k, NW_SLOT_DIFF_WEIGHTS, at(s->packed, (size_t)i * s->packed_bytes));
        if (s->bias) nw_kernel_set(k, NW_SLOT_DIFF_BIAS, at(s->biases, (size_t)i * s->bias_bytes));
        if (s->scratch) nw_kernel_set(k, NW_SLOT_SCRATCH, at(s->scratch, (size_t)i * s->scratch_bytes));
    }
    if (s->unpack) {
        nw_kernel_set(s->unpack, NW_SLOT_SRC, s->packed->data);
        nw_kernel_set(s->unpack, NW_SLOT_DST, s->weights->data);
        if (s->unpack_scratch) nw_kernel_set(s->unpack, NW_SLOT_SCRATCH, s->unpack_scratch->data);
    }
    return NW_OK;
}

typedef struct parts_run {
    const conv_weights *s;
    nw_status status[PARTS];
    nw_error errors[PARTS];
} parts_run;

static void run_parts(void *context, size_t begin, size_t end)
{
    parts_run *r = context;
    for (size_t i = begin; i < end; i++) r->status[i] = nw_kernel_run(r->s->parts[i].kernel, &r->errors[i]);
}

typedef struct parts_sum {
    const float *src;
    size_t stride; /* floats from one part to the next */
    int count;
    float *dst;
} parts_sum;

static void add_parts(void *context, size_t begin, size_t end)
{
    const parts_sum *sum = context;
    if (sum->dst != sum->src) memcpy(sum->dst + begin, sum->src + begin, (end - begin) * sizeof *sum->dst);
    for (int k = 1; k < sum->count; k++) {
        const float *src = sum->src + (size_t)k * sum->stride;
        for (size_t i = begin; i < end; i++) sum->dst[i] += src[i];
    }
}

static nw_status run(void *state, nw_error *err)
{
    const conv_weights *s = state;
    parts_run r = {.s = s};
    nw_parallel((size_t)s->count, 1, run_parts, &r);
    for (int i = 0; i < s->count; i++)
        if (r.status[i] != NW_OK) {
            if (err) *err = r.errors[i];
            return r.status[i];
        }
    size_t floats = nw_kernel_bytes(s->parts[0].kernel, NW_SLOT_DIFF_WEIGHTS) / sizeof(float);
    parts_sum sum = {.src = s->packed->data,
                     .stride = s->packed_bytes / sizeof(float),
                     .count = s->count,
                     .dst = s->unpack ? s->packed->data : s->weights->data};
    nw_parallel(floats, CHUNK, add_parts, &sum);
    if (s->bias) {
        sum = (parts_sum){.src = s->biases->data,
                          .stride = s->bias_bytes / sizeof(float),
                          .count = s->count,
                          .dst = s->bias->data};
        nw_parallel((size_t)nw_count(&s->bias->layout.shape), CHUNK, add_parts, &sum);
    }
    return s->unpack ? nw_kernel_run(s->unpack, err) : NW_OK;
}

/* The kernel of images [begin, end) of the batch. */
static nw_status make_part(const nw_conv_desc *whole, const nw_layout *src, const nw_layout *diff_dst,
                           int64_t begin, int64_t end, part *out, nw_error *err)
{
    nw_conv_desc conv = *whole;
    nw_layout part_src = *src, part_dst = *diff_dst;
    conv.src.dims[0] = conv.dst.dims[0] = end - begin;
    part_src.shape = conv.src;
    part_dst.shape = conv.dst;
    size_t images = (size_t)(end - begin);
    out->src_offset =
        (size_t)begin * ((size_t)nw_layout_count(&part_src) / images) * nw_dtype_size(src->dtype);
    out->diff_offset =
        (size_t)begin * ((size_t)nw_layout_count(&part_dst) / images) * nw_dtype_size(diff_dst->dtype);
    NW_TRY(nw_backend_new(&out->backend, err));
    int before = nw_threads_set(1);
    nw_status status = nw_conv_backward_weights(out->backend, &conv, &part_src, &part_dst, &out->kernel, err);
    nw_threads_set(before);
    if (status == NW_OK) return NW_OK;
    nw_backend_free(out->backend);
    out->backend = NULL;
    return status;
}

static nw_status make_parts(conv_weights *s, const nw_conv_desc *conv, const nw_layout *src,
                            const nw_layout *diff_dst, nw_error *err)
{
    int64_t batch = conv->src.dims[0], most = nw_count(&conv->weights) > MANY_WEIGHTS ? FEW_PARTS : PARTS;
    int parts = (int)(batch < most ? batch : most);
    for (int i = 0; i < parts; i++) {
        NW_TRY(make_part(conv, src, diff_dst, batch * i / parts, batch * (i + 1) / parts, &s->parts[i], err));
        s->count++;
    }
    return NW_OK;
}

/* The layouts that oneDNN is fast with: those of the values, else both blocked, else both plain. */
static nw_status choose(const nw_plan *plan, const nw_conv_desc *conv, nw_layout *src, nw_layout *diff_dst,
                        nw_error *err)
{
    int block = nw_plan_block(plan);
    nw_dtype dtype = conv->bf16 ? NW_BF16 : NW_F32;
    const nw_layout tries[3][2] = {
        {nw_layout_blocked(dtype, &conv->src, src->axis, src->block),
         nw_layout_blocked(dtype, &conv->dst, diff_dst->axis, diff_dst->block)},
        {nw_layout_blocked(dtype, &conv->src, 1, block), nw_layout_blocked(dtype, &conv->dst, 1, block)},
        {nw_layout_plain(dtype, &conv->src), nw_layout_plain(dtype, &conv->dst)}};
    nw_status status = NW_UNSUPPORTED;
    for (int i = 0; i < 3; i++) {
        part p = {.backend = NULL};
        nw_status s = make_part(conv, &tries[i][0], &tries[i][1], 0, 1, &p, err);
        bool slow = s == NW_OK && strstr(nw_kernel_impl(p.kernel), " ref");
        nw_kernel_free(p.kernel);
        nw_backend_free(p.backend);
        if (s != NW_OK || (slow && status == NW_OK)) continue;
        *src = tries[i][0];
        *diff_dst = tries[i][1];
        status = NW_OK;
        if (!slow) break;
    }
    return status;
}

static nw_status buffers(nw_plan *plan, conv_weights *s, const nw_layout *weights_layout, int weights,
                         int bias, nw_error *err)
{
    const nw_kernel *first = s->parts[0].kernel;
    size_t count = (size_t)s->count;
    s->packed_bytes = aligned(nw_kernel_bytes(first, NW_SLOT_DIFF_WEIGHTS));
    for (int i = 0; i < s->count; i++) {
        size_t bytes = aligned(nw_kernel_bytes(s->parts[i].kernel, NW_SLOT_SCRATCH));
        if (bytes > s->scratch_bytes) s->scratch_bytes = bytes;
    }
    NW_TRY(nw_weights_reorder(nw_plan_backend(plan), first, NW_SLOT_DIFF_WEIGHTS, &s->unpack, err));
    NW_TRY(nw_plan_scratch(plan, count * s->packed_bytes, &s->packed, err));
    if (s->scratch_bytes) NW_TRY(nw_plan_scratch(plan, count * s->scratch_bytes, &s->scratch, err));
    size_t unpack = s->unpack ? nw_kernel_bytes(s->unpack, NW_SLOT_SCRATCH) : 0;
    if (unpack) NW_TRY(nw_plan_scratch(plan, unpack, &s->unpack_scratch, err));
    NW_TRY(nw_plan_diff_src(plan, weights, weights_layout, &s->weights, err));
    if (bias < 0) return NW_OK;
    s->bias_bytes = aligned(nw_kernel_bytes(first, NW_SLOT_DIFF_BIAS));
    NW_TRY(nw_plan_scratch(plan, count * s->bias_bytes, &s->biases, err));
    return nw_plan_diff_src(plan, bias, NULL, &s->bias, err);
}

static nw_status add_step(nw_plan *plan, conv_weights *s, double flops, nw_error *err)
{
    nw_step step = {.kind = "conv weights",
                    .flops = flops,
                    .state = s,
                    .run = run,
                    .bind = bind,
                    .destroy = destroy,
                    .reads = {s->src, s->diff_dst},
                    .writes = {s->weights, s->packed}};
    nw_buffer *more[] = {s->bias, s->biases, s->scratch, s->unpack_scratch};
    int writes = 2;
    for (int i = 0; i < 4; i++)
        if (more[i]) step.writes[writes++] = more[i];
    snprintf(step.impl, sizeof step.impl, "%s", nw_kernel_impl(s->parts[0].kernel));
    return nw_plan_step(plan, &step, err);
}

/* oneDNN 2.6 leaves weights unwritten, or writes beyond them, in bfloat16 where strides go along a stack of
 * few slices (3 -> 2, say). */
static bool wrong_in_bf16(const nw_conv_desc *conv)
{
    bool strides = false;
    for (int i = 0; i < conv->weights.rank - 2; i++) strides |= conv->strides[i] > 1;
    return strides && conv->weights.rank == 5;
}

nw_status nw_fast_conv_weights(nw_plan *plan, const nw_conv_desc *conv, int src, int weights, int bias,
                               nw_buffer *diff_dst, nw_error *err)
{
    conv_weights *s = nw_calloc(1, sizeof *s);
    if (!s) return nw_no_memory(err, sizeof *s, "a step");
    nw_conv_desc own = *conv;
    own.bias = bias >= 0;
    if (wrong_in_bf16(&own)) own.bf16 = false;
    nw_layout src_layout = *nw_plan_layout(plan, src), diff_layout = diff_dst->layout;
    nw_layout plain = nw_layout_plain(NW_F32, &conv->weights);
    nw_status status = choose(plan, &own, &src_layout, &diff_layout, err);
    if (status == NW_OK) status = make_parts(s, &own, &src_layout, &diff_layout, err);
    if (status == NW_OK) status = nw_plan_src(plan, src, &src_layout, &s->src, err);
    if (status == NW_OK) status = nw_plan_as(plan, diff_dst, &diff_layout, &s->diff_dst, err);
    if (status == NW_OK) status = buffers(plan, s, &plain, weights, bias, err);
    if (status != NW_OK) {
        destroy(s);
        return status;
    }
    double flops =
        2.0 * (double)nw_count(&conv->dst) * (double)nw_span(&conv->weights, 1, conv->weights.rank);
    return add_step(plan, s, flops, err);
}
