/* The inside of a tensor, and conversions. */
#ifndef NW_TENSOR_TENSOR_H
#define NW_TENSOR_TENSOR_H

#include "base/error.h"

#include <narrows/tensor.h>
#include <stdatomic.h>
#include <stdbool.h>

struct nw_tensor {
    atomic_int references;
    nw_dtype dtype;
    nw_shape shape;
    int64_t count;
    void *data; /* aligned to NW_ALIGNMENT */
};

/* Elements of a shape; false where the product overflows or a dimension is negative. */
bool nw_shape_count(const nw_shape *shape, int64_t *count);
bool nw_shape_equal(const nw_shape *a, const nw_shape *b);
/* "[1, 64, 28, 28]"; text[size] is cut where too small. Returns text. */
char *nw_shape_text(const nw_shape *shape, char *text, size_t size);
enum { NW_SHAPE_TEXT = 192 };

/* As nw_tensor_new, without zeroing. */
nw_status nw_tensor_new_uninitialised(nw_dtype dtype, const nw_shape *shape, nw_tensor **out, nw_error *err);

/* Element i as a double, and back; conversion to integers truncates and saturates, NaN gives 0. */
double nw_tensor_get(const nw_tensor *tensor, int64_t i);
void nw_tensor_set(nw_tensor *tensor, int64_t i, double value);
/* Element i of an integer tensor without rounding. */
int64_t nw_tensor_get_i64(const nw_tensor *tensor, int64_t i);
/* A new tensor of another type (or another reference where the type is the same). */
nw_status nw_tensor_convert(nw_tensor *tensor, nw_dtype dtype, nw_tensor **out, nw_error *err);
/* A new tensor that holds the same elements under another shape of the same count. */
nw_status nw_tensor_reshape(nw_tensor *tensor, const nw_shape *shape, nw_tensor **out, nw_error *err);

/* bfloat16 is the upper half of a float32; from it to the nearest, ties to even, NaN kept. */
static inline float nw_bf16_to_f32(uint16_t half)
{
    union {
        uint32_t bits;
        float value;
    } u = {(uint32_t)half << 16};
    return u.value;
}
static inline uint16_t nw_bf16_from_f32(float value)
{
    union {
        float value;
        uint32_t bits;
    } u = {value};
    if (value != value) return (uint16_t)(u.bits >> 16 | 0x40);
    return (uint16_t)((u.bits + 0x7fff + (u.bits >> 16 & 1)) >> 16);
}

#endif
