/* Images: reading them, handing slices to a model, and writing maps in the geometry of what was read. */
#ifndef NARROWS_IMAGE_H
#define NARROWS_IMAGE_H

#include <narrows/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Volumes ------------------------------------------------------------------------------------------ */

/* An image as float32, in the file's own units: 0..255 or 0..65535 for pictures, scaled by slope and
 * intercept for scans (HU for CT), as stored for tensors. Immutable after reading. */
typedef struct nw_volume nw_volume;

typedef enum nw_volume_kind {
    NW_KIND_PICTURE, /* PNG, JPEG, DICOM without geometry: one slice, 1 or 3 channels; alpha is dropped, as
                        Pillow's convert() does */
    NW_KIND_SCAN,    /* NIfTI, Analyze, DICOM: one channel, geometry in mm */
    NW_KIND_TENSOR   /* .npy: [H,W], [C,H,W] or [N,C,H,W] (N slices), taken as it is */
} nw_volume_kind;

/* A slice is what a model sees at once: channels x rows x columns. For scans slices are taken along the voxel
 * axis nearest to inferior-superior, the first one lowest, and shown as radiologists see them: rows run from
 * anterior to posterior, columns from the patient's right to the left. Pictures and tensors are shown as
 * stored. */
typedef struct nw_volume_info {
    nw_volume_kind kind;
    const char *format; /* "PNG", "JPEG", "npy", "NIfTI-1", "NIfTI-2", "Analyze 7.5", "DICOM"; static */
    const char *stored; /* type of the samples in the file: "uint8", "int16", "float64"; static */
    int bits;           /* of a sample in the file */
    int64_t slices, channels, rows, columns;
    double slice_mm, row_mm, column_mm; /* distance between neighbours; 0: unknown */
    double full_scale;                  /* pictures: 255, 65535, or 2^bits - 1 of DICOM; 0 else */
    int64_t dims[3];     /* voxels along the file's i, j, k; pictures and tensors: columns, rows, slices */
    double spacing[3];   /* mm along i, j, k; 0: unknown */
    double affine[4][4]; /* voxel (i, j, k, 1) -> mm (right, anterior, superior, 1); identity if not a scan */
    int slice_axis;      /* 0, 1, 2: the axis of `dims` along which slices are taken */
    int64_t volumes;     /* 3-D volumes in the file: the product of dimensions 4 to 7 */
    int64_t volume;      /* the one that was read */
    int64_t replaced;    /* samples that were not finite and were replaced */
    int64_t padded;      /* samples that DICOM calls padding and that were replaced (docs/scans.md) */
} nw_volume_info;

/* Zero-initialise for the defaults. */
typedef struct nw_read_options {
    int64_t volume; /* of a file with 4 or more dimensions: which volume, dimension 4 fastest */
    int slice_axis; /* 0: nearest to inferior-superior; 1, 2, 3: along i, j, k */
    int as_stored;  /* non-zero: rows and columns in the order of the file, not as radiologists see them */
    int replace_non_finite; /* non-zero: NaN and infinite samples become `replacement` instead of an error */
    float replacement;
    size_t max_bytes;   /* largest file, and largest image as float32; 0: 4 GiB */
    const char *series; /* DICOM: which one of a folder (nw_scan_list_choose); NULL: by rule */
    int accept_gaps;    /* DICOM, non-zero: missing and uneven slices are interpolated instead of an error */
    int keep_padding;   /* DICOM, non-zero: padding keeps the value it has in the file */
} nw_read_options;

/* Reads PNG (1 to 16 bits; grey, palette, RGB, with or without alpha), JPEG (grey, colour), .npy, and
 * NIfTI-1, NIfTI-2 or Analyze 7.5 (.nii, .hdr/.img, each also gzipped; either byte order), and DICOM (a file,
 * or a folder: the series of scan.h), told apart by content; "-" is standard input (not for DICOM). NW_IO;
 * NW_BAD_INPUT for anything damaged, truncated, too large, or with a sample that is not finite (it is named).
 * options NULL: defaults. Free with nw_volume_free. */
NW_API nw_status nw_volume_read(const char *path, const nw_read_options *options, nw_volume **out,
                                nw_error *err);
/* A tensor-kind volume around a copy of src[slices][channels][rows][columns]; all finite. */
NW_API nw_status nw_volume_from_array(const float *src, int64_t slices, int64_t channels, int64_t rows,
                                      int64_t columns, nw_volume **out, nw_error *err);
NW_API void nw_volume_free(nw_volume *volume);
/* Valid as long as the volume. */
NW_API const nw_volume_info *nw_volume_get_info(const nw_volume *volume);
NW_API const char *nw_volume_path(const nw_volume *volume);
/* SHA-256 of the file in hexadecimal, as sha256sum has it (of a pair: the header file followed by the image
 * file); "" for a volume from an array. */
NW_API const char *nw_volume_digest(const nw_volume *volume);
/* The key of the random numbers of a slice, below 2^52. Of pictures and tensors: 32 bits of the digest and
 * the slice, so that an image has the same map alone and among others, under any name, and another map than
 * other images. Of scans: the slice, so that a scan has the same map however it is stored. */
NW_API uint64_t nw_volume_key(const nw_volume *volume, int64_t slice);

/* What to know before using it (uneven slices, a corrected tilt), sentences separated by "; ", or ""; valid
 * as long as the volume. */
NW_API const char *nw_volume_warning(const nw_volume *volume);

/* Copies one slice: dst[channels][rows][columns]. NW_USAGE where there is no such slice. */
NW_API nw_status nw_volume_slice(const nw_volume *volume, int64_t slice, float *dst, nw_error *err);
/* Puts src[rows][columns] where that slice's voxels are in dst[dims[2]][dims[1]][dims[0]]: the order of the
 * file, which the writers below take. */
NW_API nw_status nw_volume_put_slice(const nw_volume *volume, int64_t slice, const float *src, float *dst,
                                     nw_error *err);

/* ---- Writing: each file appears whole or not at all -----------------------------------------------------
 */

/* float32 NIfTI (gzipped where the name ends in .gz) in exactly the geometry of a scan: dimensions, spacing,
 * qform and sform with their codes. src[dims[2]][dims[1]][dims[0]]; description: up to 79 bytes, such as
 * "IBA, bits per voxel". NW_USAGE for a volume that is not a scan; NW_NOT_FINITE; NW_IO. */
NW_API nw_status nw_nifti_write(const char *path, const nw_volume *geometry, const float *src,
                                const char *description, nw_error *err);
/* The same of labels: uint8 (NW_U8) or int32 (NW_I32). */
NW_API nw_status nw_nifti_write_labels(const char *path, const nw_volume *geometry, nw_dtype type,
                                       const void *src, const char *description, nw_error *err);
/* float32 .npy, version 1, little-endian, C order; rank 1 to NW_MAX_RANK. NW_NOT_FINITE, NW_IO. */
NW_API nw_status nw_npy_write(const char *path, int rank, const int64_t *dims, const float *src,
                              nw_error *err);
/* Reads .npy as a tensor in C order; uint32 and uint64 become int64 (NW_BAD_INPUT where a value does not
 * fit), complex, text, float16 and object arrays are refused. max_bytes 0: 4 GiB. */
NW_API nw_status nw_npy_read(const char *path, size_t max_bytes, nw_tensor **out, nw_error *err);
/* 8-bit PNG of src[height][width][channels]; channels 1 grey, 3 RGB, 4 RGBA. */
NW_API nw_status nw_png_write(const char *path, int64_t width, int64_t height, int channels,
                              const uint8_t *src, nw_error *err);

/* ---- Lists of inputs ------------------------------------------------------------------------------------
 */

typedef struct nw_input_list nw_input_list;

typedef struct nw_input {
    const char *path;  /* to open */
    const char *name;  /* for outputs: the file name without its ending; with folders in front (joined by '_')
                          and then a number where two would be the same */
    const char *label; /* from the CSV column, or NULL */
    int orient;        /* nw_orient from the CSV column `orient`, for this file alone; -1: none is given */
} nw_input;

/* Zero-initialise for the defaults. */
typedef struct nw_list_options {
    int recursive;            /* non-zero: folders within folders too */
    const char *label_column; /* of CSV files; NULL: "label" where there is one */
} nw_list_options;

/* Each path is an image; a folder (its images in the order of their names; without any, the DICOM volume in
 * it or in the folders within it, as one input, or else its DICOM pictures); a .txt file with one path a line
 * ('#' starts a comment); or a .csv file with a header (column `file`, else `path`, else the first; column
 * `orient`, where there is one, holds names of nw_orient or nothing). Paths in
 * a list are relative to the list, and are files or folders with DICOM. Files are not opened, but must exist.
 * NW_BAD_INPUT where nothing is found; NW_IO. options NULL: defaults. */
NW_API nw_status nw_input_list_new(const char *const *paths, size_t count, const nw_list_options *options,
                                   nw_input_list **out, nw_error *err);
NW_API void nw_input_list_free(nw_input_list *list);
NW_API size_t nw_input_list_count(const nw_input_list *list);
/* Valid as long as the list. i < count. */
NW_API const nw_input *nw_input_list_get(const nw_input_list *list, size_t i);

/* ---- Preprocessing --------------------------------------------------------------------------------------
 */

/* What is done to a slice, rows x columns, before anything else. Rotations are counter-clockwise, as seen. */
#define NW_ORIENT_LIST(X)                                                                                    \
    X(NONE, "none")                                                                                          \
    X(TRANSPOSE, "transpose") /* rows become columns */                                                      \
    X(ROT90, "rot90")                                                                                        \
    X(ROT180, "rot180")                                                                                      \
    X(ROT270, "rot270")                                                                                      \
    X(FLIP_H, "flip-h")         /* left and right change places */                                           \
    X(FLIP_V, "flip-v")         /* top and bottom change places */                                           \
    X(TRANSVERSE, "transverse") /* transpose about the other diagonal */

typedef enum nw_orient {
#define NW_ORIENT_ENUM(NAME, name) NW_ORIENT_##NAME,
    NW_ORIENT_LIST(NW_ORIENT_ENUM)
#undef NW_ORIENT_ENUM
} nw_orient;

NW_API const char *nw_orient_name(nw_orient orient);
/* By its name, capitals or not. NW_BAD_INPUT, with all names, for another text. */
NW_API nw_status nw_orient_parse(const char *name, nw_orient *orient, nw_error *err);

/* How values become 0..1 before mean and std. */
typedef enum nw_scale {
    NW_SCALE_AUTO, /* pictures: by their full scale; tensors: none; scans: an error that asks for a window */
    NW_SCALE_WINDOW, /* (v - low) / (high - low), clamped to 0..1; in HU for CT */
    NW_SCALE_FACTOR, /* v / factor */
    NW_SCALE_FULL,   /* v / full scale of the picture */
    NW_SCALE_MINMAX, /* (v - min) / (max - min) of the slice; a constant slice gives 0 */
    NW_SCALE_ROBUST, /* the same from the slice's 2nd to its 98th percentile, clamped: for pictures that were
                        exported with different windows */
    NW_SCALE_NONE    /* as it is */
} nw_scale;

enum { NW_MAX_CHANNELS = 16, NW_MAX_DEPTH = 4096 };

/* From an image to a model's input, in this order: orientation, grey <-> RGB (grey is repeated; colour
 * becomes grey by Rec. 601 luma, rounded as Pillow's 'L' for 8-bit pictures), scale, resize, (v - mean) /
 * std. Zero-initialise for the defaults; a tensor (.npy) whose size is the model's goes in untouched. */
typedef struct nw_preprocess {
    char modality[16];     /* "CT", "CXR", ...: kept for the manifest */
    int channels;          /* of the model; 0: to be filled by nw_preprocess_fit */
    int64_t height, width; /* likewise */
    int64_t depth;         /* of a model of whole volumes, [N,C,D,H,W]; 0: it takes slices, [N,C,H,W] */
    nw_orient orient;
    nw_scale scale;
    double low, high; /* NW_SCALE_WINDOW */
    double factor;    /* NW_SCALE_FACTOR */
    int antialias;    /* non-zero: when shrinking, a triangle as wide as the step; else two taps always */
    int tensors_as_images;     /* non-zero: tensors are treated as pictures are (NW_SCALE_AUTO: none) */
    int mean_count, std_count; /* 0 (mean 0, std 1), 1 (for every channel) or channels */
    double mean[NW_MAX_CHANNELS], std[NW_MAX_CHANNELS];
    /* Top, bottom, left and right (bottom and right not included) of the part of the slice that is taken,
     * before anything else is done; all 0: the whole. Of one image, so it is no part of the JSON. */
    int64_t crop[4];
} nw_preprocess;

/* Reads JSON such as
 *   {"modality": "CT", "channels": 1, "size": [224, 224], "window": [-1350, 150], "mean": [0.5], "std":
 * [0.25], "orient": "transpose", "resize": "bilinear", "antialias": false} "scale" instead of "window":
 * "auto", "full", "minmax", "robust", "none", or the number to divide by; "window" may also be
 * {"center": -600, "width": 1500}; "size": [height, width], or [depth, height, width] of a model of whole
 * volumes; "tensors": "as-is" or "image". Keys that are absent keep what *pre holds, so facts can be laid
 * over one another; an unknown key or a wrong value is NW_BAD_INPUT and leaves *pre as it was. `where` names
 * the text's origin in errors. */
NW_API nw_status nw_preprocess_parse(const char *json, const char *where, nw_preprocess *pre, nw_error *err);
/* The same JSON on one line, as snprintf does: returns the length without the closing zero. 2048 bytes are
 * enough. */
NW_API size_t nw_preprocess_json(const nw_preprocess *pre, char *text, size_t size);
/* Fills channels, depth, height and width where they are 0 from a model's input [N,C,H,W] or [N,C,D,H,W] (-1:
 * dynamic), and checks everything: NW_BAD_INPUT where they disagree or something is still unknown. */
NW_API nw_status nw_preprocess_fit(nw_preprocess *pre, int rank, const int64_t *dims, nw_error *err);
/* The model's input for so many images: [batch,C,H,W], or with a depth [batch,C,D,H,W]. */
NW_API nw_shape nw_preprocess_shape(const nw_preprocess *pre, int64_t batch);

/* One slice of a volume as the model wants it: dst[channels][height][width]. NW_BAD_INPUT where it cannot be.
 */
NW_API nw_status nw_preprocess_apply(const nw_preprocess *pre, const nw_volume *volume, int64_t slice,
                                     float *dst, nw_error *err);
/* All of a volume for a model of whole ones: its slices as above, resized along the stack to the depth as
 * they were in the plane, dst[channels][depth][height][width]. NW_BAD_INPUT for a single slice. */
NW_API nw_status nw_preprocess_volume(const nw_preprocess *pre, const nw_volume *volume, float *dst,
                                      nw_error *err);
/* The slice in its own geometry and grey, scaled to 0..1 (and clamped) as for the model, for pictures under a
 * map: dst[rows][columns]. Where no scale is known, the slice's smallest and largest value are used. */
NW_API nw_status nw_preprocess_view(const nw_preprocess *pre, const nw_volume *volume, int64_t slice,
                                    float *dst, nw_error *err);

typedef enum nw_map_unit {
    NW_MAP_VALUE,  /* interpolated: value at a place */
    NW_MAP_DENSITY /* an amount a pixel, such as bits: the total is kept */
} nw_map_unit;

/* The way back for a map in the model's space, src[height][width], to the slice's pixels: dst[rows][columns],
 * by half-pixel bilinear interpolation (with antialiasing for a density that shrinks) and the inverse
 * orientation; 0 outside the crop. */
NW_API nw_status nw_preprocess_map_back(const nw_preprocess *pre, const nw_volume *volume, int64_t slice,
                                        nw_map_unit unit, const float *src, float *dst, nw_error *err);
/* The same of a map of a whole volume, src[depth][height][width], to all its slices:
 * dst[slices][rows][columns], first along the stack. */
NW_API nw_status nw_preprocess_volume_back(const nw_preprocess *pre, const nw_volume *volume,
                                           nw_map_unit unit, const float *src, float *dst, nw_error *err);

#ifdef __cplusplus
}
#endif
#endif
