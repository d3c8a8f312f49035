/* Products of 8-bit integers, by the instructions that sum four of them at once (AVX512_VNNI).
 *
 * A float is written as q * scale with a whole number q of -127 to 127. The source has a scale for each pixel
 * (over the channels of a group), the weights have one for each output. A sum over channels is then one of
 * whole numbers, exact in 32 bits, times both scales: four times as many products a second as in single
 * precision, for a rounding of the factors of half a step, 1/254 of the largest of a pixel. */
#ifndef NW_OPS_INT8_TILE_H
#define NW_OPS_INT8_TILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    NW_INT8_LEVELS = 127,
    NW_INT8_BLOCK = 16,  /* channels that lie together: [N][C / 16][H][W][16] */
    NW_INT8_PIXELS = 8,  /* that are made into numbers at once */
    NW_INT8_FOUR = 4,    /* factors that an instruction sums */
    NW_INT8_VECTORS = 4, /* of 16 outputs, at most, of a strip */
    NW_INT8_STRIP = NW_INT8_BLOCK * NW_INT8_VECTORS,
    NW_INT8_OFFSET = 128,      /* added to weights: the instruction takes one factor without a sign */
    NW_INT8_MOST_SUM = 1 << 16 /* channels of a group; 255 * 127 * so many is below 2^31 */
};

/* A weight in steps of its scale, rounded, as the byte that is multiplied; some byte for a NaN, whose scale
 * is none. Below 2^22 a number added to 1.5 * 2^23 stands, whole, in its lowest bits. */
static inline uint32_t nw_int8_weight(float steps)
{
    float sum = steps + 12582912.0F;
    uint32_t bits;
    memcpy(&bits, &sum, sizeof bits);
    return (bits + NW_INT8_OFFSET) & 255;
}

/* Whether this processor has them. The others are to be called only where it does. */
bool nw_int8_available(void);

/* Pixels in a row as 8-bit numbers. */
typedef struct nw_int8_source {
    int8_t *values;      /* [pixels][channels of all groups] */
    float *scales;       /* [pixels] */
    int32_t *correction; /* [pixels]: -128 times the sum of the values, for the offset of the weights */
} nw_int8_source;

/* From floats, [channels / 16][...][16] with `block` floats from one 16 to the next, of up to NW_INT8_PIXELS
 * pixels side by side; values of pixels are `step` bytes apart. A pixel with a NaN or an infinity gets a
 * scale that is none, and makes every sum with it a NaN. made, where not NULL, lies as src does: src is a
 * gradient, and goes on only where the ReLU behind it made something above zero. */
void nw_int8_quantise(const float *src, const float *made, int64_t channels, int64_t block, int pixels,
                      int64_t step, const nw_int8_source *dst);

/* Sums over the channels of one tap of a window, for `pixels` results in a row and up to four vectors of 16
 * outputs. */
typedef struct nw_int8_strip {
    const int8_t *values;      /* of the first pixel that is read, at the group */
    const float *scales;       /* of it */
    const int32_t *correction; /* of it */
    int64_t value_step, step;  /* bytes, and pixels, from what one result reads to what the next one does */
    const uint8_t *weights;    /* [channels / 4][16 vectors][4], offset */
    int64_t channels;          /* a multiple of 4 */
    float *dst;                /* of the first result, [vectors][...][16] */
    int64_t dst_step, block;   /* floats from one result to the next, and from one vector to the next */
    int64_t pixels;
    bool first, last; /* first: dst is written, else added to; last: finished as below */
    /* [16 vectors] each; bias and add may be NULL; add lies as dst does. dst = dst * weight_scales + bias +
     * add, and no less than zero where relu is set. */
    const float *weight_scales, *bias, *add;
    bool relu;
} nw_int8_strip;
void nw_int8_multiply(const nw_int8_strip *strip, int vectors);
/* The same where there is one tap and nothing to add: dst = sums * scales * weight_scales. */
void nw_int8_products(const nw_int8_strip *strip, int vectors);

#endif
