/* The head of a classifier with few classes: oneDNN takes some 27 ms to generate the code of its first
 * matrix product, half as long as a small network takes for all the rest until its first map. Here it is a
 * loop. */
#include "ops/fast_matmul_small.h"

#include "base/memory.h"
#include "base/simd.h"

enum { MOST_WEIGHTS = 8192, MOST_ROWS = 4, LANES = 8 };

typedef struct small {
    nw_matmul_desc mm;
    nw_buffer *src, *weights, *bias, *dst;
} small;

bool nw_small_matmul_fits(const nw_matmul_desc *mm)
{
    bool few = mm->m <= MOST_ROWS && mm->weights_strides[2] == 1 && mm->dst_strides[2] == 1;
    return mm->batch == 1 && (mm->k * mm->n <= MOST_WEIGHTS || few);
}

/* Both next to each other in memory. */
NW_SIMD static float dot(const float *restrict x, const float *restrict y, int64_t n)
{
    float sums[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int64_t l = 0; l < LANES; l++) sums[l] += x[i + l] * y[i + l];
    for (; i < n; i++) sum += x[i] * y[i];
    for (int l = 0; l < LANES; l++) sum += sums[l];
    return sum;
}

NW_SIMD static void add_scaled(float *restrict dst, float scale, const float *restrict row, int64_t n)
{
    for (int64_t j = 0; j < n; j++) dst[j] += scale * row[j];
}

static float dot_apart(const float *x, int64_t x_step, const float *y, int64_t y_step, int64_t n)
{
    float sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i * x_step] * y[i * y_step];
    return sum;
}

/* Rows of the weights lie as those of the result do: each is read once for all. */
static void add_rows(const small *s)
{
    const nw_matmul_desc *mm = &s->mm;
    const float *src = s->src->data, *weights = s->weights->data, *bias = s->bias ? s->bias->data : NULL;
    float *dst = s->dst->data;
    for (int64_t i = 0; i < mm->m; i++)
        for (int64_t j = 0; j < mm->n; j++) dst[i * mm->dst_strides[1] + j] = bias ? bias[j] : 0;
    for (int64_t k = 0; k < mm->k; k++)
        for (int64_t i = 0; i < mm->m; i++) {
            float scale = src[i * mm->src_strides[1] + k * mm->src_strides[2]];
            if (scale != 0) /* not a number is not */
                add_scaled(dst + i * mm->dst_strides[1], scale, weights + k * mm->weights_strides[1], mm->n);
        }
}

static void multiply_row(const nw_matmul_desc *mm, const float *src, const float *weights, const float *bias,
                         float *dst)
{
    int64_t down = mm->weights_strides[1], across = mm->weights_strides[2], step = mm->dst_strides[2];
    for (int64_t j = 0; j < mm->n; j++) {
        const float *column = weights + j * across;
        float sum = mm->src_strides[2] == 1 && down == 1
                        ? dot(src, column, mm->k)
                        : dot_apart(src, mm->src_strides[2], column, down, mm->k);
        dst[j * step] = sum + (bias ? bias[j] : 0);
    }
}

static nw_status run(void *state, nw_error *err)
{
    (void)err;
    const small *s = state;
    if (s->mm.weights_strides[2] == 1 && s->mm.dst_strides[2] == 1) {
        add_rows(s);
        return NW_OK;
    }
    for (int64_t i = 0; i < s->mm.m; i++)
        multiply_row(&s->mm, (const float *)s->src->data + i * s->mm.src_strides[1], s->weights->data,
                     s->bias ? s->bias->data : NULL, (float *)s->dst->data + i * s->mm.dst_strides[1]);
    return NW_OK;
}

nw_status nw_small_matmul_step(nw_plan *plan, const nw_matmul_desc *mm, nw_buffer *src, nw_buffer *weights,
                               nw_buffer *bias, nw_buffer *dst, nw_error *err)
{
    small *s = nw_calloc(1, sizeof *s);
    if (!s) return nw_no_memory(err, sizeof *s, "a step");
    *s = (small){*mm, src, weights, bias, dst};
    nw_step step = {.kind = "matmul",
                    .impl = "narrows",
                    .flops = 2.0 * (double)mm->m * (double)mm->n * (double)mm->k,
                    .state = s,
                    .run = run,
                    .reads = {src, weights, bias},
                    .writes = {dst}};
    return nw_plan_step(plan, &step, err);
}
