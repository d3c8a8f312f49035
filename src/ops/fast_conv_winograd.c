/* 3x3 convolutions of stride 1 by minimal filtering (Lavin & Gray, CVPR 2016), oneDNN's, which chooses the
 * tiles: F(2x2, 3x3) takes 16 multiplications for 4 results where the direct way takes 36, F(4x4, 3x3), on
 * layers that are large for one image, 36 for 16 where it takes 144. What they add to the rounding is small
 * beside single precision's own over so many terms (tests/unit/test_winograd.c).
 *
 * oneDNN has it without groups, and with several threads it sums in another order than with one. In a blocked
 * layout the channels of a group of one image lie together, so a convolution is made of jobs: one image and
 * one group each, by a kernel that was made for one thread, and where threads would have none or uneven
 * shares, a part of the outputs, if that has the same bits (fast_conv_parts.c). Threads share the jobs, so
 * that results do not depend on how many there are. The gradient with respect to the source is a convolution
 * too, with filters turned round and the channels exchanged; as such its filters are transformed once and not
 * at every run. */
#include "ops/fast_conv_winograd.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "base/simd.h"
#include "ops/fast_act.h"
#include "ops/fast_conv_tiles.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    MOST_GROUPS = 4,
    MOST_LANES = 32,
    MOST_PIECES = 32, /* groups times parts */
    LEAST_CHANNELS = 32,
    LEAST_SIDE = 12,
    LARGE_SIDE = 32,
    CHUNK = 16384
};

/* What does jobs one after the other, beside other lanes. */
typedef struct lane {
    nw_backend *backend;
    nw_kernel *kernel;
    nw_buffer *scratch;
} lane;

struct nw_winograd {
    nw_conv_desc conv; /* of all images and groups, as it is computed: mirrored where it is a gradient */
    int64_t parts;     /* in which the outputs of a group are computed */
    bool finish;       /* what is added, and the activation, come in a pass of our own */
    int lane_count;
    lane lanes[MOST_LANES];
    nw_tensor *packed[MOST_PIECES];
    nw_buffer *filters[MOST_PIECES], *src, *bias, *add, *dst;
    nw_tile_conv *tiles; /* all of it is there instead, where oneDNN has no such kernels */
};

void nw_winograd_free(nw_winograd *w)
{
    if (!w) return;
    for (int i = 0; i < w->lane_count; i++) {
        nw_kernel_free(w->lanes[i].kernel);
        nw_backend_free(w->lanes[i].backend);
    }
    for (int i = 0; i < MOST_PIECES; i++) nw_tensor_unref(w->packed[i]);
    nw_tile_conv_free(w->tiles);
    nw_free(w);
}

nw_layout nw_winograd_layout(const nw_winograd *w, bool of_dst)
{
    return nw_layout_blocked(NW_F32, of_dst ? &w->conv.dst : &w->conv.src, 1, nw_backend_block());
}

/* Where it pays: enough channels for the products, and maps that tiles of 4x4 do not overlap by too much. */
static bool fits(const nw_conv_desc *conv)
{
    const int64_t *w = conv->weights.dims;
    bool three = conv->src.rank == 4 && w[2] == 3 && w[3] == 3;
    for (int i = 0; three && i < 2; i++)
        three = conv->strides[i] == 1 && conv->dilations[i] == 1 && conv->pads_begin[i] == 1 &&
                conv->pads_end[i] == 1 && conv->src.dims[2 + i] >= LEAST_SIDE;
    if (!three || conv->bf16 || nw_backend_block() != 16 || conv->groups > MOST_GROUPS) return false;
    int64_t in = w[1], out = w[0] / conv->groups;
    return in % 16 == 0 && out % 16 == 0 && in >= LEAST_CHANNELS && out >= LEAST_CHANNELS;
}

bool nw_winograd_beats_bf16(const nw_conv_desc *conv)
{
    return fits(conv) && conv->src.dims[2] >= LARGE_SIDE && conv->src.dims[3] >= LARGE_SIDE;
}

/* -- the filters -- */

/* Filters of some outputs of one group. */
typedef struct piece {
    int64_t groups, group, parts, part;
    bool mirrored; /* turned round, with inputs and outputs exchanged */
} piece;

static nw_status filters_of(const nw_tensor *all, const piece *p, nw_tensor **out, nw_error *err)
{
    int64_t outputs = all->shape.dims[0] / p->groups, inputs = all->shape.dims[1];
    int64_t rows = (p->mirrored ? inputs : outputs) / p->parts, first = p->part * rows;
    int64_t columns = p->mirrored ? outputs : inputs;
    nw_shape shape = {.rank = 4, .dims = {rows, columns, 3, 3}};
    NW_TRY(nw_tensor_new_uninitialised(NW_F32, &shape, out, err));
    const float *src = (const float *)all->data + p->group * outputs * inputs * 9;
    float *dst = (*out)->data;
    if (!p->mirrored) {
        memcpy(dst, src + first * inputs * 9, (size_t)(rows * inputs * 9) * sizeof *dst);
        return NW_OK;
    }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t o = 0; o < outputs; o++)
            for (int k = 0; k < 9; k++)
                dst[(i * outputs + o) * 9 + k] = src[(o * inputs + first + i) * 9 + 8 - k];
    return NW_OK;
}

/* Made once for all programs of a model, by way of the cache of tensors made from others. */
static nw_status remembered_filters(nw_plan *plan, nw_tensor *all, const piece *p, nw_tensor **out,
                                    nw_error *err)
{
    nw_tensor *from[NW_FOLD_FROM] = {all}, *made[NW_FOLD_MADE] = {NULL};
    if (p->groups == 1 && p->parts == 1 && !p->mirrored) {
        *out = nw_tensor_ref(all);
        return NW_OK;
    }
    /* Tells the pieces of a tensor apart. */
    int64_t piece_number = (p->groups * MOST_PIECES + p->group) * MOST_PIECES + p->parts;
    float key = (float)((piece_number * MOST_PIECES + p->part) * 2 + p->mirrored);
    if (!nw_weights_folded(nw_plan_weights(plan), from, key, made)) {
        NW_TRY(filters_of(all, p, &made[0], err));
        made[1] = nw_tensor_ref(made[0]);
        nw_weights_remember(nw_plan_weights(plan), from, key, made);
    }
    nw_tensor_unref(made[1]);
    *out = made[0];
    return NW_OK;
}

static nw_status pack(nw_plan *plan, nw_winograd *w, nw_tensor *weights, bool mirrored, nw_error *err)
{
    for (int64_t i = 0; i < w->conv.groups * w->parts; i++) {
        const piece p = {w->conv.groups, i / w->parts, w->parts, i % w->parts, mirrored};
        nw_tensor *plain;
        NW_TRY(remembered_filters(plan, weights, &p, &plain, err));
        nw_status status = nw_weights_pack(nw_plan_weights(plan), nw_plan_backend(plan), w->lanes[0].kernel,
                                           plain, &w->packed[i], err);
        nw_tensor_unref(plain);
        NW_TRY(status);
    }
    return NW_OK;
}

/* -- the kernel -- */

static nw_conv_desc mirror(const nw_conv_desc *conv)
{
    nw_conv_desc m = *conv;
    m.src = conv->dst;
    m.dst = conv->src;
    m.weights.dims[0] = conv->src.dims[1];
    m.weights.dims[1] = conv->dst.dims[1] / conv->groups;
    m.bias = m.add = false;
    m.act.kind = NW_ACT_NONE;
    return m;
}

/* Every part transforms the source anew, about a fifth of the work of the whole; threads without a job do
 * nothing. */
static int64_t parts_of(const nw_conv_desc *conv)
{
    int threads = nw_threads() < MOST_LANES ? nw_threads() : MOST_LANES;
    int64_t jobs = conv->groups * conv->src.dims[0], outputs = conv->dst.dims[1] / conv->groups, best = 1;
    double least = INFINITY;
    for (int64_t parts = 1; conv->groups * parts <= MOST_PIECES && outputs % (16 * parts) == 0 &&
                            outputs / parts >= LEAST_CHANNELS;
         parts *= 2) {
        double rounds = (double)((jobs * parts + threads - 1) / threads);
        double cost = rounds * (0.2 + 0.8 / (double)parts);
        if (cost < least) best = parts;
        least = fmin(cost, least);
    }
    return best;
}

/* The convolution of one job. */
static nw_conv_desc job_of(nw_winograd *w)
{
    nw_conv_desc one = w->conv;
    one.winograd = true;
    one.groups = 1;
    one.weights.dims[0] /= w->conv.groups * w->parts;
    one.src.dims[0] = one.dst.dims[0] = 1;
    one.src.dims[1] /= w->conv.groups;
    one.dst.dims[1] /= w->conv.groups * w->parts;
    one.add = false;
    w->finish = w->conv.add || (one.act.kind != NW_ACT_NONE && one.act.kind != NW_ACT_RELU);
    if (w->finish) one.act.kind = NW_ACT_NONE;
    return one;
}

static nw_status choose_parts(nw_plan *plan, nw_winograd *w, nw_error *err)
{
    int64_t parts = parts_of(&w->conv);
    bool same = false;
    w->parts = 1;
    if (parts == 1) return NW_OK;
    nw_conv_desc whole = job_of(w);
    NW_TRY(nw_winograd_parts_agree(nw_plan_weights(plan), &whole, parts, &same, err));
    if (same) w->parts = parts;
    return NW_OK;
}

static int64_t jobs_of(const nw_winograd *w)
{
    return w->conv.groups * w->parts * w->conv.src.dims[0];
}

static nw_status make_lanes(nw_winograd *w, nw_error *err)
{
    nw_conv_desc one = job_of(w);
    nw_layout src = nw_layout_blocked(NW_F32, &one.src, 1, 16),
              dst = nw_layout_blocked(NW_F32, &one.dst, 1, 16);
    int64_t jobs = jobs_of(w);
    int threads = nw_threads(), most = threads < MOST_LANES ? threads : MOST_LANES;
    int count = jobs < most ? (int)jobs : most;
    nw_status status = NW_OK;
    int before = nw_threads_set(1);
    for (int i = 0; i < count && status == NW_OK; i++) {
        lane *l = &w->lanes[w->lane_count];
        status = nw_backend_new(&l->backend, err);
        if (status != NW_OK) break;
        w->lane_count++;
        status = nw_conv_forward(l->backend, &one, &src, &dst, &l->kernel, err);
    }
    nw_threads_set(before);
    return status;
}

nw_status nw_winograd_make(nw_plan *plan, const nw_conv_desc *conv, nw_tensor *weights, bool mirrored,
                           nw_winograd **out, nw_error *err)
{
    *out = NULL;
    bool tiles = nw_tile_conv_fits(conv);
    if ((weights && weights->dtype != NW_F32) || !(tiles || (weights && fits(conv)))) return NW_OK;
    nw_winograd *w = nw_calloc(1, sizeof *w);
    if (!w) return nw_no_memory(err, sizeof *w, "a step");
    w->conv = mirrored ? mirror(conv) : *conv;
    nw_status status;
    if (tiles) {
        status = nw_tile_conv_make(plan, &w->conv, weights, mirrored, &w->tiles, err);
        if (status == NW_OK && !w->tiles) status = NW_UNSUPPORTED;
    } else {
        status = choose_parts(plan, w, err);
        if (status == NW_OK) status = make_lanes(w, err);
        if (status == NW_OK) status = pack(plan, w, weights, mirrored, err);
    }
    if (status != NW_OK) {
        nw_winograd_free(w);
        return status == NW_UNSUPPORTED ? NW_OK : status;
    }
    *out = w;
    return NW_OK;
}

/* -- the step -- */

typedef struct finish {
    const float *add;
    float *dst;
    const nw_act *act;
} finish;

NW_SIMD static void add_row(float *restrict x, const float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] += y[i];
}

static void finish_part(void *context, size_t begin, size_t end)
{
    const finish *f = context;
    if (f->add) add_row(f->dst + begin, f->add + begin, end - begin);
    nw_act_row(f->act, f->dst + begin, (int64_t)(end - begin));
}

typedef struct lanes_run {
    const nw_winograd *w;
    nw_status status[MOST_LANES];
    nw_error errors[MOST_LANES];
} lanes_run;

/* Jobs are numbered piece by piece, so that a lane has few filters to load. */
static nw_status run_jobs(const nw_winograd *w, const lane *l, int64_t begin, int64_t end, nw_error *err)
{
    const nw_conv_desc *c = &w->conv;
    int64_t images = c->src.dims[0], pieces = c->groups * w->parts, outputs = c->dst.dims[1] / pieces;
    int64_t in = c->src.dims[1] / c->groups * c->src.dims[2] * c->src.dims[3];
    int64_t out = outputs * c->dst.dims[2] * c->dst.dims[3];
    for (int64_t job = begin; job < end; job++) {
        int64_t at = job / images, image = job % images, group = at / w->parts;
        nw_kernel_set(l->kernel, NW_SLOT_WEIGHTS, w->filters[at]->data);
        if (w->bias) nw_kernel_set(l->kernel, NW_SLOT_BIAS, (float *)w->bias->data + at * outputs);
        nw_kernel_set(l->kernel, NW_SLOT_SRC, (float *)w->src->data + (image * c->groups + group) * in);
        nw_kernel_set(l->kernel, NW_SLOT_DST, (float *)w->dst->data + (image * pieces + at) * out);
        NW_TRY(nw_kernel_run(l->kernel, err));
    }
    return NW_OK;
}

static void run_lanes(void *context, size_t begin, size_t end)
{
    lanes_run *r = context;
    int64_t jobs = jobs_of(r->w), lanes = r->w->lane_count;
    int before = nw_threads_set(1); /* of oneDNN, where there is one lane only */
    for (size_t i = begin; i < end; i++)
        r->status[i] = run_jobs(r->w, &r->w->lanes[i], jobs * (int64_t)i / lanes,
                                jobs * (int64_t)(i + 1) / lanes, &r->errors[i]);
    nw_threads_set(before);
}

static nw_status run(void *state, nw_error *err)
{
    const nw_winograd *w = state;
    lanes_run r;
    r.w = w;
    nw_parallel((size_t)w->lane_count, 1, run_lanes, &r);
    for (int i = 0; i < w->lane_count; i++)
        if (r.status[i] != NW_OK) {
            if (err) *err = r.errors[i];
            return r.status[i];
        }
    if (!w->finish) return NW_OK;
    finish f = {w->add ? w->add->data : NULL, w->dst->data, &w->conv.act};
    nw_parallel(w->dst->bytes / sizeof(float), CHUNK, finish_part, &f);
    return NW_OK;
}

static nw_status bind(void *state, nw_error *err)
{
    (void)err;
    nw_winograd *w = state;
    for (int i = 0; i < w->lane_count; i++)
        if (w->lanes[i].scratch)
            nw_kernel_set(w->lanes[i].kernel, NW_SLOT_SCRATCH, w->lanes[i].scratch->data);
    return NW_OK;
}

static void destroy(void *state)
{
    nw_winograd_free(state);
}

nw_status nw_winograd_step(nw_plan *plan, nw_winograd *w, nw_buffer *src, nw_buffer *weights, nw_buffer *bias,
                           nw_buffer *add, nw_buffer *dst, nw_error *err)
{
    if (w->tiles) {
        nw_tile_conv *tiles = w->tiles;
        w->tiles = NULL;
        nw_winograd_free(w);
        return nw_tile_conv_step(plan, tiles, src, weights, bias, add, dst, err);
    }
    w->src = src;
    w->bias = bias;
    w->add = add;
    w->dst = dst;
    nw_status status = NW_OK;
    size_t scratch = nw_kernel_bytes(w->lanes[0].kernel, NW_SLOT_SCRATCH);
    for (int i = 0; i < w->lane_count && scratch && status == NW_OK; i++)
        status = nw_plan_scratch(plan, scratch, &w->lanes[i].scratch, err);
    int pieces = (int)(w->conv.groups * w->parts);
    for (int i = 0; i < pieces && status == NW_OK; i++) {
        nw_layout layout = nw_layout_plain(NW_F32, &w->packed[i]->shape);
        status = nw_plan_constant(plan, &layout, w->packed[i]->data, nw_tensor_ref(w->packed[i]),
                                  &w->filters[i], err);
    }
    if (status != NW_OK) {
        nw_winograd_free(w);
        return status;
    }
    nw_step step = {.kind = "conv",
                    .flops = 2.0 * (double)nw_count(&w->conv.dst) * (double)nw_span(&w->conv.weights, 1, 4),
                    .state = w,
                    .run = run,
                    .bind = bind,
                    .destroy = destroy};
    snprintf(step.impl, sizeof step.impl, "%s", nw_kernel_impl(w->lanes[0].kernel));
    nw_buffer *touched[] = {src, bias, add};
    int reads = 0;
    for (size_t i = 0; i < sizeof touched / sizeof touched[0]; i++)
        if (touched[i]) step.reads[reads++] = touched[i];
    step.writes[0] = dst;
    NW_TRY(nw_plan_step(plan, &step, err));
    NW_TRY(nw_plan_touches(plan, w->filters, pieces, false, err));
    for (int i = 0; i < w->lane_count && scratch; i++)
        NW_TRY(nw_plan_touches(plan, &w->lanes[i].scratch, 1, true, err));
    return NW_OK;
}
