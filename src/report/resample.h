/* Resizing of grey images and maps for display. */
#ifndef NW_REPORT_RESAMPLE_H
#define NW_REPORT_RESAMPLE_H

#include "base/error.h"

#include <stdint.h>

/* src[rows][columns] -> dst[height][width], half-pixel centres, edges repeated: Catmull-Rom where the size
 * grows, a triangle as wide as two source steps where it shrinks. Clamped to the range of src. */
nw_status nw_display_resize(const float *src, int64_t rows, int64_t columns, float *dst, int height,
                            int width, nw_error *err);

#endif
