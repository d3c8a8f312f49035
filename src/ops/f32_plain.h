/* Sums over channels and taps in float32 with AVX-512, with weights as ONNX has them. */
#ifndef NW_OPS_F32_PLAIN_H
#define NW_OPS_F32_PLAIN_H

#include <stdint.h>

enum {
    NW_PLAIN_OUTPUTS = 4, /* that are computed at once */
    NW_PLAIN_VECTORS = 6  /* of 16 pixels, at most */
};

/* dst[o][p] = sum over channels c and taps t of weights[o][c][t] * src[c * src_step + taps[t] + p], for
 * NW_PLAIN_OUTPUTS outputs and 16 pixels a vector. To be called where nw_f32_available says so. */
typedef struct nw_f32_plain {
    const float *src;
    int64_t channels, src_step;
    const int64_t *taps; /* floats from the pixel of a result to the one that it reads */
    int64_t tap_count;
    const float *weights; /* [NW_PLAIN_OUTPUTS][channels][tap_count] */
    float *dst;
    int64_t dst_step; /* floats from one output to the next */
} nw_f32_plain;
void nw_f32_plain_multiply(const nw_f32_plain *p, int vectors);

#endif
