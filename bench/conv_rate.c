/* How fast oneDNN's own convolutions are, forward and backward to the source, in layouts of its choice.
 *
 *     conv_rate [--bf16] [--threads N] [--seconds S] [--processor] < SHAPES
 *
 * A line a shape: images, groups, channels in and out, then height, width, kernel (2), stride (2), dilation
 * (2), zeros before (2) and behind (2). A line of the output a shape: seconds forward, seconds backward, FLOP
 * of either, the names of both. Each is the median of runs in a row after the first, at least three of them
 * and for at least S seconds (0.1); the buffers stay warm, as a loop's do. --processor:
 * seconds of the processor, not of the clock: for one thread on a busy machine. */
#include "backend/backend.h"
#include "base/memory.h"
#include "base/parallel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_RUNS = 1000, LEAST_RUNS = 3 };

typedef struct options {
    bool bf16;
    clockid_t clock;
    int threads;
    double seconds;
} options;

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void check(nw_status status, const nw_error *err)
{
    if (status == NW_OK) return;
    fprintf(stderr, "conv_rate: %s\n", err->message);
    exit(1);
}

/* Small numbers that are no power of two, in either type. */
static void *filled(size_t bytes)
{
    unsigned short *data = nw_alloc_aligned(bytes, 1);
    if (!data) exit(1);
    for (size_t i = 0; i < bytes / sizeof *data; i++) data[i] = (unsigned short)(0x3c00 + i % 97);
    return data;
}

static double median_seconds(nw_kernel *kernel, const options *o)
{
    nw_error err;
    void *data[NW_SLOT_COUNT] = {NULL};
    for (int slot = 0; slot < NW_SLOT_COUNT; slot++)
        if (nw_kernel_bytes(kernel, (nw_slot)slot)) {
            data[slot] = filled(nw_kernel_bytes(kernel, (nw_slot)slot));
            nw_kernel_set(kernel, (nw_slot)slot, data[slot]);
        }
    double runs[MOST_RUNS], end = 0;
    int count = -1;
    for (; count < MOST_RUNS && (count < LEAST_RUNS || now(o->clock) < end); count++) {
        double start = now(o->clock);
        check(nw_kernel_run(kernel, &err), &err);
        if (count >= 0)
            runs[count] = now(o->clock) - start;
        else
            end = now(o->clock) + o->seconds;
    }
    for (int slot = 0; slot < NW_SLOT_COUNT; slot++) nw_free(data[slot]);
    qsort(runs, (size_t)count, sizeof *runs, ascending);
    return runs[count / 2];
}

static int64_t output_side(int64_t n, int64_t kernel, int64_t stride, int64_t dilation, int64_t before,
                           int64_t behind)
{
    return (n + before + behind - dilation * (kernel - 1) - 1) / stride + 1;
}

static bool read_shape(nw_conv_desc *out)
{
    long long n, g, in, outs, v[12];
    if (scanf("%lld %lld %lld %lld", &n, &g, &in, &outs) != 4) return false;
    for (int i = 0; i < 12; i++)
        if (scanf("%lld", &v[i]) != 1) return false;
    nw_conv_desc conv = {.src = {.rank = 4, .dims = {n, in, v[0], v[1]}},
                         .weights = {.rank = 4, .dims = {outs, in / g, v[2], v[3]}},
                         .dst = {.rank = 4, .dims = {n, outs}},
                         .groups = g,
                         .strides = {v[4], v[5]},
                         .dilations = {v[6], v[7]},
                         .pads_begin = {v[8], v[9]},
                         .pads_end = {v[10], v[11]}};
    for (int i = 0; i < 2; i++)
        conv.dst.dims[2 + i] = output_side(v[i], v[2 + i], v[4 + i], v[6 + i], v[8 + i], v[10 + i]);
    *out = conv;
    return true;
}

static void measure(nw_backend *backend, nw_conv_desc *conv, const options *o)
{
    nw_error err;
    nw_kernel *forward, *backward;
    conv->bf16 = o->bf16;
    nw_layout src = {.dtype = o->bf16 ? NW_BF16 : NW_F32}, dst = src;
    check(nw_conv_forward(backend, conv, &src, &dst, &forward, &err), &err);
    nw_layout diff_src = nw_layout_blocked(NW_F32, &conv->src, src.axis, src.block);
    check(nw_conv_backward(backend, conv, &diff_src, &dst, &backward, &err), &err);
    double flops = 2.0 * (double)conv->dst.dims[0] * (double)conv->dst.dims[2] * (double)conv->dst.dims[3];
    for (int i = 0; i < 4; i++) flops *= (double)conv->weights.dims[i];
    printf("%.9f %.9f %.0f %s, %s\n", median_seconds(forward, o), median_seconds(backward, o), flops,
           nw_kernel_impl(forward), nw_kernel_impl(backward));
    nw_kernel_free(forward);
    nw_kernel_free(backward);
}

int main(int argc, char **argv)
{
    options o = {.clock = CLOCK_MONOTONIC, .seconds = 0.1};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--bf16") == 0) o.bf16 = true;
        if (strcmp(argv[i], "--processor") == 0) o.clock = CLOCK_PROCESS_CPUTIME_ID;
        if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc) o.threads = atoi(argv[++i]);
        if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) o.seconds = atof(argv[++i]);
    }
    nw_threads_set(o.threads);
    nw_error err;
    nw_backend *backend;
    check(nw_backend_new(&backend, &err), &err);
    nw_conv_desc conv;
    while (read_shape(&conv)) measure(backend, &conv, &o);
    nw_backend_free(backend);
    return 0;
}
