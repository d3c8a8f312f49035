/* One chest: what is drawn for a study, and the shapes that follow. All of it is in mm in the patient's
 * frame of shape.h, and knows nothing of the grid that it is sampled on. z is 0 in the middle of the lungs.
 */
#ifndef NW_PHANTOM_CHEST_H
#define NW_PHANTOM_CHEST_H

#include "base/error.h"
#include "phantom/draw.h"
#include "phantom/noise.h"
#include "phantom/shape.h"

#include <narrows/phantom.h>
#include <stdbool.h>
#include <stdint.h>

enum { NW_ANGLES = 512 }; /* of the outlines of body.c, around the patient */

/* body.c: sizes of the trunk. */
typedef struct nw_trunk {
    float bottom, top, carina;    /* z of the lowest and highest lung, and of the division of the trachea */
    float half_width, half_depth; /* of the inner side of the rib cage where it is widest */
    float power;                  /* of the superellipse: 2 an ellipse, more: squarer */
    float fat, muscle;            /* thickness of the layers */
    float breast;                 /* 0 or more: thickness in front */
    float fat_hu, muscle_hu;
    nw_field streaks, tissue;
    float table; /* y of the table's surface under the back */
} nw_trunk;

/* Outlines at one height: radius in mm by angle from the back (index 0) over the left (NW_ANGLES / 4). One
 * more value closes the circle. */
typedef struct nw_outline {
    float cavity[NW_ANGLES + 1], muscle[NW_ANGLES + 1], skin[NW_ANGLES + 1];
    float upright[NW_ANGLES + 1]; /* cosine between the radius and the normal of the cavity */
    float least_cavity, most_skin;
} nw_outline;

/* lungs.c: a function that is negative within the lungs, about mm to the surface, on a grid. */
typedef struct nw_lung_grid {
    nw_point origin;
    float step;
    int nx, ny, nz;
    float *v; /* [nz][ny][nx] */
} nw_lung_grid;

typedef struct nw_lungs {
    nw_lung_grid grid;
    float dome[2]; /* z of the diaphragm's top: right, left */
    float dome_x[2], dome_y[2];
    float drop;              /* mm from the top of a dome to its rim */
    float junction;          /* half the gap between the lungs in front and behind, mm */
    float base_hu, gradient; /* HU in the middle; HU more a mm towards the back */
    nw_field shape, texture, fine;
    float fluid[2], fluid_level[2], fluid_top[2]; /* effusion: thickness (0: none), y and z where it ends */
} nw_lungs;

typedef struct nw_tube_list {
    nw_tube *v; /* nw_free */
    size_t count, capacity;
} nw_tube_list;

/* heart.c */
typedef struct nw_heart {
    nw_ellipsoid pericardium, muscle, atrium;
    nw_tube_list vessels; /* the great ones */
    nw_tube_list gullet;
    float blood_hu;
    nw_field fat, wobble;
} nw_heart;

/* airways.c: walls and lumina, tube by tube. */
typedef struct nw_airways {
    nw_tube_list outer, inner;
} nw_airways;

/* bones.c */
typedef struct nw_bones {
    float rib_spacing, rib_phase, rib_drop;
    float disc_spacing, disc_phase;
    float marrow_hu, cortex_hu;
    nw_field texture;
} nw_bones;

/* lesions.c */
typedef struct nw_lesion {
    nw_phantom_lesion_kind kind;
    nw_ellipsoid shape;
    float ragged, rim, soft; /* mm */
    float hu;
    nw_field coarse, fine, texture;
} nw_lesion;

enum { NW_MOST_LESIONS = 64 };

typedef struct nw_lesions {
    nw_lesion v[NW_MOST_LESIONS];
    int count;
} nw_lesions;

/* distractors.c */
enum { NW_MOST_SPOTS = 32 };

typedef struct nw_spot { /* nodules, scars, bullae: within the lungs only */
    nw_ellipsoid shape;
    float hu;
} nw_spot;

typedef struct nw_distractors {
    nw_spot spots[NW_MOST_SPOTS];
    int spot_count;
    nw_tube_list wires, tube, lumen;
    float dependent; /* HU more within some mm of the back wall */
    float breath;    /* mm that the chest moves while a slice is taken */
    unsigned kinds;  /* of nw_phantom_distractor, as bits */
} nw_distractors;

/* scan.c */
typedef struct nw_scan {
    nw_phantom_kernel kernel;
    float noise_hu, offset_hu;
    float low, high; /* HU beyond which values are cut off */
    bool circle;     /* nothing outside the circle of reconstruction */
    bool marker;     /* the planted one */
} nw_scan;

typedef struct nw_chest {
    uint64_t seed, study;
    bool positive;
    float target; /* share of the lungs that is to be involved */
    nw_lattice *lattice;
    nw_trunk trunk;
    nw_bones bones;
    nw_lungs lungs;
    nw_heart heart;
    nw_airways airways;
    nw_tube_list vessels; /* within the lungs */
    nw_lesions lesions;
    nw_distractors distractors;
    nw_scan scan;
} nw_chest;

/* deal.c: the label and what follows from it, so that small cohorts are balanced too. */
typedef struct nw_deal {
    bool positive;
    float target; /* share of the lungs to be involved */
    nw_phantom_split split;
} nw_deal;
nw_deal nw_deal_of(const nw_phantom_options *options, uint64_t study);

/* chest.c: draws and grows everything. */
nw_status nw_chest_make(nw_chest *chest, const nw_phantom_options *options, uint64_t study, nw_error *err);
void nw_chest_free(nw_chest *chest);

/* A field with a cell in mm and a place of its own on the lattice. */
nw_field nw_field_draw(nw_draw *d, float cell);

/* 0 at the lowest lung, 1 at the highest. */
static inline float nw_trunk_level(const nw_trunk *t, float z)
{
    return (z - t->bottom) / (t->top - t->bottom);
}

bool nw_tube_add(nw_tube_list *list, nw_tube tube);
void nw_tubes_paint(const nw_canvas *c, const nw_tube_list *list, float value);

/* body.c */
void nw_trunk_draw(nw_chest *chest);
void nw_outline_at(const nw_trunk *t, float z, nw_outline *out);
/* y of the middle of the vertebral bodies. */
float nw_trunk_spine_y(const nw_trunk *t, float z);
/* Half width and half depth of the cavity. */
void nw_trunk_cavity(const nw_trunk *t, float z, float *half_width, float *half_depth);
/* angle[n][n] (0..NW_ANGLES) and radius[n][n] of a grid's pixels belong to the outlines. */
void nw_body_paint(const nw_chest *chest, const nw_canvas *c, const nw_outline *o, const float *angle,
                   const float *radius);

/* bones.c */
void nw_bones_draw(nw_chest *chest);
void nw_bones_paint(const nw_chest *chest, const nw_canvas *c, const nw_outline *o, const float *angle,
                    const float *radius);

/* heart.c */
nw_status nw_heart_draw(nw_chest *chest, nw_error *err);
/* mm by which the heart's outline differs from its ellipsoid. */
float nw_heart_wobble(const nw_chest *chest, float x, float y, float z);
void nw_heart_paint(const nw_chest *chest, const nw_canvas *c);

/* lungs.c: the heart and the great vessels must be there. */
void nw_lungs_draw(nw_chest *chest);
nw_status nw_lungs_grow(nw_chest *chest, nw_error *err);
/* As the grid has it, without effusion. */
float nw_lungs_at(const nw_lungs *lungs, float x, float y, float z);
void nw_lungs_row(const nw_lungs *lungs, float x, float dx, float y, float z, size_t n, float *dst);
/* mm by which an effusion lifts the lung off the wall at that place. */
float nw_lungs_fluid(const nw_lungs *lungs, int side, float y, float z);
/* z of the diaphragm over (x, y). */
float nw_lungs_diaphragm(const nw_lungs *lungs, float x, float y);

/* A point within the lungs. side: 0 right, 1 left. */
typedef struct nw_lung_point {
    nw_point p;
    float depth; /* mm from the surface */
    int side;
} nw_lung_point;

/* Points spread evenly over both lungs; *out by nw_free. */
nw_status nw_lungs_sample(const nw_chest *chest, nw_draw *d, size_t tries, nw_lung_point **out, size_t *count,
                          nw_error *err);

/* tree.c: fills a volume with a tree that starts at `root` and ends near every one of the points, which are
 * reordered. leaf: radius of the last branches; they join so that radius^power adds up. */
typedef struct nw_tree {
    nw_point root;
    float leaf, power;
    float wander; /* how much branches bend, 0: straight */
} nw_tree;
nw_status nw_tree_grow(const nw_tree *tree, nw_draw *d, nw_point *points, size_t count, nw_tube_list *out,
                       nw_error *err);

/* airways.c, vessels.c */
nw_status nw_airways_draw(nw_chest *chest, nw_error *err);
nw_status nw_vessels_draw(nw_chest *chest, nw_error *err);

/* lesions.c */
nw_status nw_lesions_draw(nw_chest *chest, nw_error *err);
/* Signed distance to the lesion's ragged surface, negative inside. */
float nw_lesion_distance(const nw_lattice *lattice, const nw_lesion *lesion, float x, float y, float z);

/* What one row of one slab holds of the lungs' inside. */
typedef struct nw_lung_row {
    size_t n;
    float x, dx, y, z;
    const float *surface; /* the lungs' function, effusion included */
    float *hu;
    float *glass, *solid; /* 1 within ground glass, within consolidation (by the truth) */
    float *nearest;       /* distance of the lesion that `lesion` names */
    int16_t *lesion;      /* its index, -1: none */
    float *scratch[4];
} nw_lung_row;

/* Adds to what is there: HU, and the truth. */
void nw_lesions_row(const nw_chest *chest, nw_lung_row *row);

/* distractors.c */
nw_status nw_distractors_draw(nw_chest *chest, nw_error *err);
void nw_distractors_row(const nw_chest *chest, nw_lung_row *row);
void nw_distractors_paint(const nw_chest *chest, const nw_canvas *c);

/* scan.c */
void nw_scan_draw(nw_chest *chest, const nw_phantom_options *options);
/* Standard deviation in the middle of a slice. */
double nw_scan_noise_hu(const nw_scan *scan, double slice_mm);
/* Kernel, noise, window; src[n][n] is spent. */
typedef struct nw_scan_slice {
    int n;
    int64_t slice;
    float pixel, slice_mm;
    float *src, *scratch, *noise;
    int16_t *dst;
} nw_scan_slice;
void nw_scan_apply(const nw_chest *chest, const nw_scan_slice *s);

#endif
