/* The eight ways to turn and mirror a picture. */
#ifndef NW_IMAGE_ORIENT_H
#define NW_IMAGE_ORIENT_H

#include <narrows/image.h>
#include <stdbool.h>

/* Rows and columns change places. */
bool nw_orient_swaps(nw_orient orient);

/* dst = src[rows][columns] turned; dst has columns x rows elements where nw_orient_swaps. */
void nw_orient_apply(nw_orient orient, int64_t rows, int64_t columns, const float *src, float *dst);
/* The way back: dst[rows][columns] from src as nw_orient_apply makes it. */
void nw_orient_undo(nw_orient orient, int64_t rows, int64_t columns, const float *src, float *dst);

#endif
