/* A chest CT while its lungs are found: one byte a voxel along the patient's axes (see nw_view), and one step
 * a file. In order: nw_chest_air, nw_chest_airways, nw_chest_gas,
 * nw_chest_lungs, nw_chest_edge, nw_chest_fill.
 */
#ifndef NW_LESION_CHEST_H
#define NW_LESION_CHEST_H

#include "lesion/grid.h"

#include <stdbool.h>

enum {
    NW_CODE_TISSUE,  /* everything denser than the threshold */
    NW_CODE_RIGHT,   /* as nw_side */
    NW_CODE_LEFT,    /* */
    NW_CODE_AIR,     /* below the threshold, within the body, not yet known what */
    NW_CODE_OUTSIDE, /* air around the body */
    NW_CODE_AIRWAY,  /* trachea and main bronchi */
    NW_CODE_GAS,     /* other air: bowel, stomach, what lies on or in the table */
    NW_CODE_WORK     /* marks of a step of its own; gone when it ends */
};

typedef struct nw_chest {
    nw_view view;
    const float *hu;  /* the caller's array; NULL for masks */
    uint8_t *code;    /* [n[2]][n[1]][n[0]] */
    double threshold; /* HU */
    bool smooth;      /* values are noisy and are read through a 3x3 binomial kernel within the slice */
    double middle;    /* x of the body's middle, in voxels */
    bool has_airway;
    unsigned warnings;
} nw_chest;

static inline float nw_chest_hu(const nw_chest *c, int64_t x, int64_t y, int64_t z)
{
    return c->hu[nw_view_index(&c->view, x, y, z)];
}
static inline int64_t nw_chest_at(const nw_chest *c, int64_t x, int64_t y, int64_t z)
{
    return x + c->view.n[0] * (y + c->view.n[1] * z);
}

/* One slice of HU, dst[n[1]][n[0]], smoothed where the values are noisy; work: as large. */
void nw_chest_slice(const nw_chest *c, int64_t z, float *dst, float *work);
/* dst[ny][nx] = src through a 3x3 binomial kernel. */
void nw_chest_soften(const float *src, float *dst, int64_t nx, int64_t ny);

/* TISSUE, AIR, OUTSIDE; `middle` and `smooth`. Air that reaches the edge of a slice and is as dark as air or
 * padding is outside, slice by slice, so that an open mouth does not let the outside into the lungs. */
nw_status nw_chest_air(nw_chest *c, nw_error *err);

/* AIRWAY: finds the trachea from the top and grows it down to the bronchi, as dark as can be without leaking
 * into the lungs. */
nw_status nw_chest_airways(nw_chest *c, nw_error *err);

/* GAS of stomach and bowel that may touch the lungs. */
nw_status nw_chest_gas(nw_chest *c, nw_error *err);

/* RIGHT, LEFT and GAS of what is AIR. */
nw_status nw_chest_lungs(nw_chest *c, nw_error *err);
/* Parts a lung mask that spans both sides along the brightest line near the middle: voxels of `code` become
 * RIGHT or LEFT. hu may be NULL: then along the middle where it is thinnest. */
nw_status nw_chest_part(nw_chest *c, uint8_t code, nw_error *err);

/* Moves the lungs' edges to half way between lung and what is around, in the slice. */
nw_status nw_chest_edge(nw_chest *c, nw_error *err);

/* Closes each lung: small gaps by a ball, dense parts at the chest wall by the wall's shape, then holes. */
nw_status nw_chest_fill(nw_chest *c, double closing_mm, double gap_mm, nw_error *err);

/* The box that holds the voxels of a code; false where there are none. */
typedef struct nw_box {
    int64_t low[3], high[3]; /* voxels [low, high) */
} nw_box;
bool nw_chest_box(const nw_chest *c, uint8_t code, nw_box *box);

/* Dense parts at the chest wall (lungs_wall.c), and towards the middle (lungs_dense.c). Voxels of TISSUE
 * become `side`. */
nw_status nw_chest_wall(nw_chest *c, uint8_t side, double gap_mm, nw_error *err);
nw_status nw_chest_dense(nw_chest *c, uint8_t side, nw_error *err);
/* Dense parts that bulge from heart, diaphragm or wall into either lung (lungs_bulge.c). */
nw_status nw_chest_bulges(nw_chest *c, nw_error *err);

#endif
