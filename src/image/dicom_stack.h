/* From the places of images to a stack of slices at even distances: plain geometry, no files. */
#ifndef NW_IMAGE_DICOM_STACK_H
#define NW_IMAGE_DICOM_STACK_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* One image of a series. */
typedef struct nw_dicom_image {
    size_t file; /* which file, and which frame of it */
    int64_t frame;
    const char *sop_uid;   /* of the file */
    double position[3];    /* mm, LPS */
    double orientation[6]; /* cosines of a row and of a column */
    double thickness;      /* mm; 0: unknown */
    int64_t temporal, acquisition, instance;
    double u, v, z; /* filled: mm along rows, columns, normal */
} nw_dicom_image;

typedef struct nw_dicom_grid {
    int rows, columns; /* of an image */
    double spacing[2]; /* mm between rows, between columns */
} nw_dicom_grid;

typedef struct nw_dicom_stack {
    nw_dicom_image *images; /* [count], by growing z; the caller's array, reordered */
    int64_t count;          /* images that are used: one a position */
    int64_t positions, volumes;
    double axes[3][3]; /* cosines of rows, columns and normal, LPS */
    double origin[3];  /* u, v, z of the first voxel of the result, mm */
    int64_t dims[3];   /* of the result: columns, rows, slices */
    double step;       /* mm between slices of the result */
    double tilt;       /* degrees between the line of positions and the normal */
    bool shifted;      /* images have to be moved within their plane onto a common grid */
    bool between;      /* slices have to be interpolated between images */
    int64_t copies;    /* images left out: of the same instance twice */
} nw_dicom_stack;

enum { NW_DICOM_WARNING = 512 };

/* Sorts images[count] and says how a volume is made of them. `volume` of several images at each position;
 * `accept`: gaps and uneven distances are interpolated, of several images at some positions the first is
 * taken. Appends to warning[NW_DICOM_WARNING] what a reader should know, sentences separated by "; ".
 * NW_BAD_INPUT says what does not fit; `what` names the series. */
nw_status nw_dicom_stack_plan(nw_dicom_image *images, int64_t count, const nw_dicom_grid *grid,
                              int64_t volume, bool accept, const char *what, nw_dicom_stack *out,
                              char *warning, nw_error *err);

/* Voxel of the result -> mm, RAS. */
void nw_dicom_stack_affine(const nw_dicom_stack *stack, const nw_dicom_grid *grid, double affine[4][4]);

void nw_dicom_warn(char *warning, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
