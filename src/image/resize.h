/* Bilinear resizing with half-pixel centres: pixel i covers [i, i + 1), values sit at i + 1/2. */
#ifndef NW_IMAGE_RESIZE_H
#define NW_IMAGE_RESIZE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* dst[dst_rows][dst_columns] from src[src_rows][src_columns]; edges are repeated. Without antialiasing two
 * taps a direction, as torch.nn.functional.interpolate(mode="bilinear", align_corners=False); with it, when
 * shrinking, a triangle as wide as the step, as its antialias=True and Pillow do. */
nw_status nw_resize_bilinear(const float *src, int64_t src_rows, int64_t src_columns, float *dst,
                             int64_t dst_rows, int64_t dst_columns, bool antialias, nw_error *err);

/* Of a density, spread over more places or gathered into fewer: values that were resized follow the ratio of
 * the counts, and the total is that of src. */
void nw_resize_keep_total(const float *src, int64_t src_count, float *dst, int64_t dst_count);

#endif
