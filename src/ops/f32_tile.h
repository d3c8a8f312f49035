/* Sums over channels in float32 with AVX-512, for layouts in blocks of 16 channels. */
#ifndef NW_OPS_F32_TILE_H
#define NW_OPS_F32_TILE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    NW_F32_BLOCK = 16,  /* channels that lie together: [N][C / 16][H][W][16] */
    NW_F32_VECTORS = 4, /* of 16 outputs, at most, of a strip */
    NW_F32_PIXELS = 6   /* that are computed at once, at most */
};

/* Whether this processor has the instructions. nw_f32_multiply is to be called only where it does. */
bool nw_f32_available(void);

/* `pixels` results in a row, of up to four vectors of 16 outputs. */
typedef struct nw_f32_strip {
    const float *src;            /* the first pixel, at the first channel */
    int64_t src_step, src_block; /* floats from one pixel to the next, and from one 16 channels to the next */
    const float *weights;        /* [channels][vectors][16] */
    int64_t channels;            /* a multiple of 16 */
    float *dst;                  /* of the first result, [vectors][...][16] */
    int64_t dst_step, dst_block; /* as those of src */
    int64_t pixels;
    bool first, last; /* first: dst is written, else added to; last: finished as below */
    /* bias [vectors][16] and add, which lies as dst does, may be NULL. dst = dst + bias + add, and no less
     * than zero where relu is set. */
    const float *bias, *add;
    bool relu;
} nw_f32_strip;
void nw_f32_multiply(const nw_f32_strip *strip, int vectors);

#endif
