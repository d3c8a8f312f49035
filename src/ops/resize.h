/* The geometry of Resize and Upsample, axis by axis. */
#ifndef NW_OPS_RESIZE_H
#define NW_OPS_RESIZE_H

#include "ops/op.h"

typedef enum nw_resize_coordinates {
    NW_RESIZE_HALF_PIXEL,
    NW_RESIZE_PYTORCH_HALF_PIXEL,
    NW_RESIZE_ALIGN_CORNERS,
    NW_RESIZE_ASYMMETRIC,
    NW_RESIZE_HALF_PIXEL_SYMMETRIC,
    NW_RESIZE_TF_HALF_PIXEL_FOR_NN
} nw_resize_coordinates;

typedef enum nw_resize_rounding {
    NW_RESIZE_ROUND_PREFER_FLOOR,
    NW_RESIZE_ROUND_PREFER_CEIL,
    NW_RESIZE_FLOOR,
    NW_RESIZE_CEIL
} nw_resize_rounding;

typedef struct nw_resize {
    bool linear; /* or the nearest element */
    nw_resize_coordinates coordinates;
    nw_resize_rounding rounding;
    nw_shape shape; /* of the result */
    struct nw_resize_axis {
        int64_t src, dst; /* elements */
        double scale;     /* as given, or dst / src */
        bool exact;       /* the sizes were given: scale is that ratio */
    } axis[NW_MAX_RANK];
} nw_resize;

/* Position i of the result along an axis is (1 - weight) src[low] + weight src[high]. */
typedef struct nw_resize_tap {
    int64_t low, high;
    double weight;
} nw_resize_tap;

nw_status nw_resize_read(nw_infer *cx, nw_resize *out);
nw_resize_tap nw_resize_at(const nw_resize *resize, int axis, int64_t i);

#endif
