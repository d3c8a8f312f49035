#include "image/dicom_stack.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Distances, mm and shares of the distance between slices. Positions are decimal text, often rounded to 0.01
 * mm. */
static const double SAME = 0.005;   /* mm: the same place */
static const double ROUNDED = 0.01; /* share: uneven by rounding, not worth a word */
static const double UNEVEN = 0.1;   /* share: said, but treated as even */
static const double SHIFT = 0.05;   /* share of a pixel: not moved within the plane */

void nw_dicom_warn(char *warning, const char *format, ...)
{
    size_t length = strlen(warning);
    va_list args;
    if (length && length + 2 < NW_DICOM_WARNING) length += (size_t)sprintf(warning + length, "; ");
    va_start(args, format);
    vsnprintf(warning + length, NW_DICOM_WARNING - length, format, args);
    va_end(args);
}

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* Makes the cosines of the first image orthonormal; false where they are too far from it. */
static bool frame_axes(const double orientation[6], double axes[3][3])
{
    const double *row = orientation, *column = orientation + 3;
    double rows = sqrt(dot(row, row)), columns = sqrt(dot(column, column));
    if (!(fabs(rows - 1) < 0.01) || !(fabs(columns - 1) < 0.01)) return false;
    double cosine = dot(row, column) / (rows * columns);
    if (fabs(cosine) > 0.01) return false;
    for (int a = 0; a < 3; a++) axes[0][a] = row[a] / rows;
    double overlap = dot(axes[0], column);
    for (int a = 0; a < 3; a++) axes[1][a] = column[a] - overlap * axes[0][a];
    double length = sqrt(dot(axes[1], axes[1]));
    for (int a = 0; a < 3; a++) axes[1][a] /= length;
    for (int a = 0; a < 3; a++)
        axes[2][a] =
            axes[0][(a + 1) % 3] * axes[1][(a + 2) % 3] - axes[0][(a + 2) % 3] * axes[1][(a + 1) % 3];
    return true;
}

static int by_number(double a, double b)
{
    return (a > b) - (a < b);
}

static int in_time(const nw_dicom_image *x, const nw_dicom_image *y)
{
    int order = (x->temporal > y->temporal) - (x->temporal < y->temporal);
    if (!order) order = (x->acquisition > y->acquisition) - (x->acquisition < y->acquisition);
    if (!order) order = (x->instance > y->instance) - (x->instance < y->instance);
    if (!order) order = strcmp(x->sop_uid, y->sop_uid);
    return order ? order : (x->frame > y->frame) - (x->frame < y->frame);
}

static int by_place(const void *a, const void *b)
{
    const nw_dicom_image *x = a, *y = b;
    int order = by_number(x->z, y->z);
    return order ? order : in_time(x, y);
}

static int by_time(const void *a, const void *b)
{
    return in_time(a, b);
}

/* Takes copies of one instance out; images[*count] stays sorted by place. */
static nw_status drop_copies(nw_dicom_image *images, int64_t *count, nw_dicom_stack *out)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < *count; i++) {
        bool copy = false;
        for (int64_t k = kept - 1; k >= 0 && !copy && images[i].z - images[k].z < SAME; k--)
            copy = images[i].sop_uid[0] && images[i].frame == images[k].frame &&
                   strcmp(images[i].sop_uid, images[k].sop_uid) == 0;
        if (!copy) images[kept++] = images[i];
    }
    out->copies = *count - kept;
    *count = kept;
    return NW_OK;
}

/* One image a position: all of images[0 .. *count) where there is one each, else those of `volume`. */
static nw_status one_each(nw_dicom_image *images, int64_t *count, int64_t volume, bool accept,
                          const char *what, nw_dicom_stack *out, char *warning, nw_error *err)
{
    int64_t positions = 0, least = INT64_MAX, most = 0;
    for (int64_t i = 0, end; i < *count; i = end) {
        for (end = i + 1; end < *count && images[end].z - images[end - 1].z < SAME; end++) continue;
        qsort(images + i, (size_t)(end - i), sizeof *images, by_time);
        if (end - i < least) least = end - i;
        if (end - i > most) most = end - i;
        positions++;
    }
    out->positions = positions;
    out->volumes = least == most ? most : 1;
    if (least != most && !accept)
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s: %lld to %lld different images at the same position, so it is not one stack; accept "
            "gaps to take the first of each",
            what, (long long)least, (long long)most);
    if (volume < 0 || volume >= out->volumes)
        return nw_fail(err, NW_BAD_INPUT, "%s: there is no volume %lld, the series has 0 to %lld", what,
                       (long long)volume, (long long)out->volumes - 1);
    int64_t kept = 0;
    for (int64_t i = 0, end; i < *count; i = end) {
        for (end = i + 1; end < *count && images[end].z - images[end - 1].z < SAME; end++) continue;
        double z = images[i].z;
        images[kept] = images[i + (least == most ? volume : 0)];
        images[kept++].z = z;
    }
    if (least != most)
        nw_dicom_warn(warning, "up to %lld images at the same position, the first of each is taken",
                      (long long)most);
    else if (most > 1)
        nw_dicom_warn(warning, "%lld images at each position, volume %lld of 0 to %lld is taken",
                      (long long)most, (long long)volume, (long long)most - 1);
    *count = kept;
    return NW_OK;
}

static int real_order(const void *a, const void *b)
{
    return by_number(*(const double *)a, *(const double *)b);
}

/* The distance of slices: even, or that of a grid to interpolate onto. */
static nw_status space(const nw_dicom_image *images, int64_t count, bool accept, const char *what,
                       nw_dicom_stack *out, char *warning, nw_error *err)
{
    out->dims[2] = count;
    if (count == 1) {
        out->step = images[0].thickness > 0 ? images[0].thickness : 1;
        nw_dicom_warn(warning, images[0].thickness > 0
                                   ? "a single slice, as thick as its header says"
                                   : "a single slice of unknown thickness, taken as 1 mm");
        return NW_OK;
    }
    double *gaps = nw_calloc((size_t)count - 1, sizeof *gaps);
    if (!gaps) return nw_no_memory(err, (size_t)count * sizeof *gaps, what);
    for (int64_t i = 0; i + 1 < count; i++) gaps[i] = images[i + 1].z - images[i].z;
    qsort(gaps, (size_t)count - 1, sizeof *gaps, real_order);
    double median = gaps[(count - 2) / 2], least = gaps[0], most = gaps[count - 2];
    nw_free(gaps);
    double range = images[count - 1].z - images[0].z, mean = range / (double)(count - 1), worst = 0;
    for (int64_t i = 0; i < count; i++) {
        double off = fabs(images[i].z - images[0].z - (double)i * mean);
        if (off > worst) worst = off;
    }
    out->step = mean;
    if (worst <= ROUNDED * mean + SAME) return NW_OK;
    if (worst <= UNEVEN * mean) {
        nw_dicom_warn(warning, "slices lie up to %.3g mm off even distances of %.4g mm and are taken as even",
                      worst, mean);
        return NW_OK;
    }
    int64_t missing = 0, first = -1;
    double irregular = 0;
    for (int64_t i = 0; i + 1 < count; i++) {
        double steps = (images[i + 1].z - images[i].z) / median, whole = fmax(round(steps), 1);
        irregular = fmax(irregular, fabs(steps - whole));
        if (whole > 1 && first < 0) first = i;
        if (whole > 1) missing += whole - 1 < 1e6 ? (int64_t)whole - 1 : 1000000;
    }
    char problem[256];
    if (missing && irregular <= UNEVEN)
        snprintf(problem, sizeof problem,
                 "%lld slices are missing (the first gap is %.4g mm after slice %lld of %lld)",
                 (long long)missing, images[first + 1].z - images[first].z, (long long)first + 1,
                 (long long)count);
    else
        snprintf(problem, sizeof problem, "the distance between slices goes from %.4g to %.4g mm", least,
                 most);
    if (!accept)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: %s, so volumes would be wrong; accept gaps to interpolate between slices", what,
                       problem);
    double slices = floor(range / median + 0.5 * UNEVEN) + 1;
    if (slices > 16.0 * (double)count + 64)
        return nw_fail(err, NW_BAD_INPUT, "%s: %s, too much to interpolate", what, problem);
    out->step = median;
    out->dims[2] = (int64_t)slices;
    out->between = true;
    nw_dicom_warn(warning, "%s: slices every %.4g mm were interpolated", problem, median);
    return NW_OK;
}

/* Where images lie in their planes: on one grid, or shifted against each other (gantry tilt). */
static nw_status shift(const nw_dicom_image *images, int64_t count, const nw_dicom_grid *grid,
                       const char *what, nw_dicom_stack *out, char *warning, nw_error *err)
{
    double low[2] = {images[0].u, images[0].v}, high[2] = {low[0], low[1]};
    for (int64_t i = 1; i < count; i++) {
        low[0] = fmin(low[0], images[i].u), high[0] = fmax(high[0], images[i].u);
        low[1] = fmin(low[1], images[i].v), high[1] = fmax(high[1], images[i].v);
    }
    const double step[2] = {grid->spacing[1], grid->spacing[0]};
    const int pixels[2] = {grid->columns, grid->rows};
    out->origin[2] = images[0].z;
    for (int a = 0; a < 2; a++) {
        double extra = (high[a] - low[a]) / step[a];
        if (extra > SHIFT) out->shifted = true;
        if (!(extra < 4.0 * pixels[a]))
            return nw_fail(err, NW_BAD_INPUT, "%s: its images lie beside, not above each other", what);
    }
    const nw_dicom_image *last = &images[count - 1];
    if (out->shifted && count > 1)
        out->tilt = atan2(hypot(last->u - images[0].u, last->v - images[0].v), last->z - images[0].z) * 180 /
                    acos(-1);
    for (int a = 0; a < 2; a++) {
        double extra = out->shifted ? ceil((high[a] - low[a]) / step[a] - SHIFT) : 0;
        out->origin[a] = out->shifted ? low[a] : a ? images[0].v : images[0].u;
        out->dims[a] = pixels[a] + (int64_t)fmax(extra, 0);
    }
    if (out->shifted)
        nw_dicom_warn(
            warning,
            "slices are shifted in their plane (tilt of the gantry, %.1f degrees) and were moved onto a "
            "straight grid by linear interpolation",
            out->tilt);
    return NW_OK;
}

nw_status nw_dicom_stack_plan(nw_dicom_image *images, int64_t count, const nw_dicom_grid *grid,
                              int64_t volume, bool accept, const char *what, nw_dicom_stack *out,
                              char *warning, nw_error *err)
{
    nw_dicom_stack s = {.images = images};
    if (!(grid->spacing[0] > 0.001) || !(grid->spacing[1] > 0.001) || !(grid->spacing[0] < 1000) ||
        !(grid->spacing[1] < 1000))
        return nw_fail(err, NW_BAD_INPUT, "%s: a pixel of %g x %g mm cannot be", what, grid->spacing[0],
                       grid->spacing[1]);
    if (!frame_axes(images[0].orientation, s.axes))
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: the orientation in its header is not one of rows and columns at "
                       "right angles",
                       what);
    for (int64_t i = 0; i < count; i++) {
        for (int a = 0; a < 6; a++)
            if (fabs(images[i].orientation[a] - images[0].orientation[a]) > 1e-3)
                return nw_fail(err, NW_BAD_INPUT, "%s: its images are turned against each other", what);
        images[i].u = dot(images[i].position, s.axes[0]);
        images[i].v = dot(images[i].position, s.axes[1]);
        images[i].z = dot(images[i].position, s.axes[2]);
    }
    qsort(images, (size_t)count, sizeof *images, by_place);
    NW_TRY(drop_copies(images, &count, &s));
    if (s.copies) nw_dicom_warn(warning, "%lld copies of images were left out", (long long)s.copies);
    NW_TRY(one_each(images, &count, volume, accept, what, &s, warning, err));
    NW_TRY(space(images, count, accept, what, &s, warning, err));
    NW_TRY(shift(images, count, grid, what, &s, warning, err));
    s.count = count;
    *out = s;
    return NW_OK;
}

void nw_dicom_stack_affine(const nw_dicom_stack *stack, const nw_dicom_grid *grid, double affine[4][4])
{
    const double steps[3] = {grid->spacing[1], grid->spacing[0], stack->step};
    for (int r = 0; r < 3; r++) {
        double sign = r < 2 ? -1 : 1; /* LPS to RAS */
        affine[r][3] = 0;
        for (int a = 0; a < 3; a++) {
            affine[r][a] = sign * stack->axes[a][r] * steps[a];
            affine[r][3] += sign * stack->axes[a][r] * stack->origin[a];
        }
    }
    affine[3][0] = affine[3][1] = affine[3][2] = 0;
    affine[3][3] = 1;
}
