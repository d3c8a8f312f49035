/* The inside of a volume, and the readers that make one. */
#ifndef NW_IMAGE_VOLUME_H
#define NW_IMAGE_VOLUME_H

#include "base/error.h"
#include "base/file.h"
#include "image/nifti_header.h"

#include <narrows/image.h>
#include <stdbool.h>

struct nw_volume {
    nw_volume_info info;
    char *path;
    char *warning; /* NULL: none */
    char digest[65];
    float *voxels; /* scans: [dims[2]][dims[1]][dims[0]]; others: [slices][channels][rows][columns] */
    /* Scans: voxel of (slice, row, column) = origin + slice, row and column times these. */
    int64_t origin, slice_step, row_step, column_step;
    nw_nifti_header header; /* scans */
};

/* Read options with the defaults filled in. */
typedef struct nw_read_limits {
    nw_read_options options;
    size_t max_bytes;
} nw_read_limits;

nw_read_limits nw_read_limits_from(const nw_read_options *options);

/* Each reads from memory what is named `name` in errors. */
nw_status nw_png_decode(const nw_bytes *file, const char *name, const nw_read_limits *limits, nw_volume **out,
                        nw_error *err);
nw_status nw_jpeg_decode(const nw_bytes *file, const char *name, const nw_read_limits *limits,
                         nw_volume **out, nw_error *err);
nw_status nw_npy_decode(const nw_bytes *file, const char *name, const nw_read_limits *limits, nw_volume **out,
                        nw_error *err);
/* `image` is NULL for a single file; both may be gzipped. */
nw_status nw_nifti_decode(const nw_bytes *header, const nw_bytes *image, const char *name,
                          const nw_read_limits *limits, nw_volume **out, nw_error *err);

/* peek.c: the facts of what nw_volume_read would give; of NIfTI only the header is read, other formats are
 * read whole. */
nw_status nw_volume_peek(const char *path, nw_volume_info *info, nw_error *err);
/* The facts by the first bytes of a single file. */
nw_status nw_nifti_peek(const nw_bytes *first, const char *name, nw_volume_info *info, nw_error *err);

/* A picture or tensor with its voxels allocated, not yet set. Refuses sizes above the limit. */
nw_status nw_volume_new_planar(nw_volume_kind kind, const char *name, int64_t slices, int64_t channels,
                               int64_t rows, int64_t columns, const nw_read_limits *limits, nw_volume **out,
                               nw_error *err);

/* Names the first voxel that is not finite in an error, or replaces all of them, as the options say. */
nw_status nw_volume_check_finite(nw_volume *volume, const char *name, const nw_read_limits *limits,
                                 nw_error *err);

/* (v - mean) / std of one channel, the last step of the preprocessing; in double, rounded once. */
static inline void nw_preprocess_normalise(const nw_preprocess *pre, int channel, float *values,
                                           int64_t count)
{
    double mean = pre->mean_count == 0 ? 0 : pre->mean[pre->mean_count == 1 ? 0 : channel];
    double std = pre->std_count == 0 ? 1 : pre->std[pre->std_count == 1 ? 0 : channel];
    for (int64_t i = 0; i < count; i++) values[i] = (float)(((double)values[i] - mean) / std);
}

/* Whether a part of the slice is taken (preprocess.c). */
static inline bool nw_preprocess_crops(const nw_preprocess *pre)
{
    return pre->crop[1] > 0;
}

/* Chooses the slice axis and the steps of a scan from its affine (info.affine and info.dims are set). */
void nw_volume_orient_scan(nw_volume *volume, const nw_read_options *options);

#endif
