/* The chest wall as seen from the middle of the chest. */
#ifndef NW_LESION_WALL_H
#define NW_LESION_WALL_H

#include "lesion/chest.h"

#include <math.h>

enum { NW_WALL_ANGLES = 256 };
enum { NW_WALL_BEHIND_MM = 45 }; /* lung that is so far from the rest along a ray is another part */

/* Where a line ends: the ring closes, the lung ends there, or only the scan does. */
typedef enum nw_line_end { END_RING, END_LUNG, END_SCAN } nw_line_end;

typedef struct nw_wall {
    int64_t rows, z0, per_row; /* row r holds slices z0 + r per_row and up */
    double h;                  /* mm from row to row */
    double cx, cy;             /* middle of the chest, in voxels */
    float *outer, *inner;      /* [rows][NW_WALL_ANGLES] mm; 0 where there is no lung */
    float *surface;            /* the same for the wall; 0 where there is none */
    uint8_t *dip;
    nw_line_end low, high; /* of the lung */
} nw_wall;

static inline int64_t nw_wall_angle(double x, double y)
{
    double turn = atan2(y, x) / (2 * M_PI);
    int64_t a = (int64_t)floor((turn < 0 ? turn + 1 : turn) * NW_WALL_ANGLES);
    return a >= NW_WALL_ANGLES ? NW_WALL_ANGLES - 1 : a;
}

/* Sets `outer` and `inner`, which are zero, from the lung's voxels within its box. */
void nw_wall_see(const nw_chest *c, uint8_t side, const nw_box *box, nw_wall *w);

/* What lies between the lung and the wall in its dips becomes `side`, but for fat and bone, and for dips that
 * are made of bone: there ribs and their cartilage dent the lung. */
nw_status nw_wall_fill(nw_chest *c, uint8_t side, const nw_box *box, const nw_wall *w, nw_error *err);

#endif
