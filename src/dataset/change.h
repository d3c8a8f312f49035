/* One drawn change of an image, and doing it. */
#ifndef NW_DATASET_CHANGE_H
#define NW_DATASET_CHANGE_H

#include <narrows/augment.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct nw_change {
    double low_hu, high_hu;             /* added to the ends of the window */
    bool flip_h, flip_v;                /* done first */
    double degrees;                     /* then turned counter-clockwise about the middle, in pixels */
    double scale;                       /* then enlarged about the middle */
    double right, down;                 /* then moved, in pixels */
    double gamma, contrast, brightness; /* v^gamma; times contrast about the mean; added */
    double blur;                        /* deviation in pixels */
    double noise;                       /* deviation */
    uint64_t noise_seed;
    double cut_height, cut_width, cut_depth, cut_top, cut_front,
        cut_left; /* sides as shares of the image's; place as a share of what is left */
} nw_change;

nw_change nw_change_draw(const nw_augment *policy, uint64_t seed, uint64_t epoch, uint64_t image,
                         int64_t rows, int64_t columns);

/* The shape of an image, or of a volume: [channels][depth][rows][columns]. What is done in a plane is done
 * alike in all of a volume's. */
typedef struct nw_planes {
    int channels;
    int64_t depth; /* 1: an image */
    int64_t rows, columns;
} nw_planes;

static inline size_t nw_planes_count(const nw_planes *shape)
{
    return (size_t)shape->channels * (size_t)(shape->depth * shape->rows * shape->columns);
}

/* warp.c: flips, turn, scale and shift as one bilinear resampling, edges repeated; false where there is
 * nothing to do, dst is not touched then. */
bool nw_change_warp(const nw_change *change, const nw_planes *shape, const float *src, float *dst);
/* smooth.c: Gaussian in place, edges repeated; work: rows x columns + rows + columns + 512 numbers. */
void nw_change_blur(double sigma, const nw_planes *shape, float *values, float *work);
enum { NW_BLUR_LINE = 512 };
/* change.c: everything but the window, dst from src (not the same array). */
void nw_change_apply(const nw_change *change, const nw_planes *shape, const float *src, float *dst,
                     float *work);

#endif
