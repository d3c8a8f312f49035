/* What the machine can do at most, as the measure of a profile. */
#include "backend/backend.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/record.h"

#include <narrows/program.h>
#include <string.h>

enum { CHANNELS = 512, SIDE = 32, ROUNDS = 6, COPY = 32 << 20 };

/* The best of a few rounds: others may be using the machine. */
static double best(double seconds, double least)
{
    return least == 0 || seconds < least ? seconds : least;
}

static nw_status measure_kernel(nw_backend *backend, nw_kernel *kernel, double *seconds, nw_error *err)
{
    static const nw_slot slots[] = {NW_SLOT_SRC, NW_SLOT_WEIGHTS, NW_SLOT_DST, NW_SLOT_SCRATCH};
    (void)backend;
    void *data[4] = {NULL};
    nw_status status = NW_OK;
    for (int i = 0; i < 4 && status == NW_OK; i++) {
        size_t bytes = nw_kernel_bytes(kernel, slots[i]);
        if (!bytes) continue;
        data[i] = nw_alloc_aligned(bytes, 1);
        if (!data[i])
            status = nw_no_memory(err, bytes, "measuring the machine");
        else
            memset(data[i], 0, bytes);
        nw_kernel_set(kernel, slots[i], data[i]);
    }
    for (int i = 0; i < ROUNDS && status == NW_OK; i++) {
        double start = nw_clock();
        status = nw_kernel_run(kernel, err);
        *seconds = best(nw_clock() - start, *seconds);
    }
    for (int i = 0; i < 4; i++) nw_free(data[i]);
    return status;
}

static nw_status measure_flops(bool bf16, double *out, nw_error *err)
{
    nw_conv_desc conv = {.src = {.rank = 4, .dims = {1, CHANNELS, SIDE, SIDE}},
                         .weights = {.rank = 4, .dims = {CHANNELS, CHANNELS, 1, 1}},
                         .dst = {.rank = 4, .dims = {1, CHANNELS, SIDE, SIDE}},
                         .groups = 1,
                         .strides = {1, 1},
                         .dilations = {1, 1},
                         .bf16 = bf16};
    nw_layout src = {.dtype = bf16 ? NW_BF16 : NW_F32}, dst = src;
    nw_backend *backend;
    NW_TRY(nw_backend_new(&backend, err));
    nw_kernel *kernel;
    nw_status status = nw_conv_forward(backend, &conv, &src, &dst, &kernel, err);
    double seconds = 0;
    if (status == NW_OK) {
        status = measure_kernel(backend, kernel, &seconds, err);
        nw_kernel_free(kernel);
    }
    nw_backend_free(backend);
    if (status == NW_OK) *out = 2.0 * CHANNELS * CHANNELS * SIDE * SIDE / seconds;
    return status == NW_UNSUPPORTED && bf16 ? measure_flops(false, out, err) : status;
}

typedef struct copy {
    unsigned char *src, *dst;
} copy;

static void copy_part(void *context, size_t begin, size_t end)
{
    const copy *c = context;
    memcpy(c->dst + begin, c->src + begin, end - begin);
}

static nw_status measure_bytes(double *out, nw_error *err)
{
    copy c = {nw_alloc_aligned(2, COPY), NULL};
    if (!c.src) return nw_no_memory(err, 2 * COPY, "measuring the machine");
    c.dst = c.src + COPY;
    memset(c.src, 1, 2 * (size_t)COPY);
    double seconds = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double start = nw_clock();
        nw_parallel(COPY, COPY / 64, copy_part, &c);
        seconds = best(nw_clock() - start, seconds);
    }
    nw_free(c.src);
    *out = 2.0 * COPY / seconds;
    return NW_OK;
}

nw_status nw_machine_measure(nw_precision precision, int threads, nw_machine_limits *out, nw_error *err)
{
    if (threads < 0) return nw_fail(err, NW_USAGE, "the number of threads must not be negative");
    int before = nw_threads_set(threads);
    nw_status status = measure_flops(precision == NW_PRECISION_BF16, &out->flops, err);
    if (status == NW_OK) status = measure_bytes(&out->bytes, err);
    nw_threads_set(before);
    return status;
}
