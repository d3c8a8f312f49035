/* DICOM as it comes from a scanner or an archive: a folder with the files of one or many series in any order.
 *
 * nw_volume_read (image.h) takes such a folder too and chooses the series by the rule below. What is read,
 * what is refused and why: docs/scans.md. */
#ifndef NARROWS_SCAN_H
#define NARROWS_SCAN_H

#include <narrows/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The series of a folder. Files of one DICOM series that cannot be one stack (a localizer among the slices,
 * another matrix, pixel size or orientation) are listed as series of their own. Immutable. */
typedef struct nw_scan_list nw_scan_list;

typedef enum nw_plane { NW_PLANE_NONE, NW_PLANE_AXIAL, NW_PLANE_CORONAL, NW_PLANE_SAGITTAL } nw_plane;

/* "axial", "coronal", "sagittal", or "none" where there is no geometry. */
NW_API const char *nw_plane_name(nw_plane plane);

typedef struct nw_series {
    size_t number;           /* its place in the list, from 1: by study, series number and UID */
    const char *uid;         /* SeriesInstanceUID */
    const char *study_uid;   /* StudyInstanceUID */
    const char *modality;    /* "CT", "MR", ... */
    const char *description; /* NULL unless it was asked for: people write names into it */
    int64_t files, images;   /* images: files or frames */
    int64_t slices;          /* positions along the normal; 0: no geometry */
    int64_t volumes;         /* images at each position */
    int64_t rows, columns;
    double row_mm, column_mm, slice_mm; /* distance between neighbours; 0: unknown */
    double tilt;                        /* degrees between the stack and the normal of its slices (gantry) */
    nw_plane plane;                     /* the nearest one */
    int localizer, derived; /* by ImageType; derived: secondary captures, reformats, projections */
    const char *transfer;   /* how the pixels are stored: "JPEG 2000"; static */
    int usable;             /* as a CT volume, with the default options */
    int mendable;           /* as usable, but only with accept_gaps */
    const char *reason;     /* why not, or ""; never NULL */
    const char *warning;    /* what to know before using it, or ""; never NULL */
} nw_series;

/* Zero-initialise for the defaults. */
typedef struct nw_scan_options {
    int describe; /* non-zero: series descriptions */
} nw_scan_options;

/* Looks at every file in `path` and the folders within it (hidden ones and links to folders are passed over),
 * or at one file. Pixels are not decoded. Files that are not DICOM, or without an image, are counted. NW_IO
 * where the folder cannot be read; NW_BAD_INPUT where no file has a DICOM image. options NULL: defaults. */
NW_API nw_status nw_scan_list_new(const char *path, const nw_scan_options *options, nw_scan_list **out,
                                  nw_error *err);
NW_API void nw_scan_list_free(nw_scan_list *list);
NW_API size_t nw_scan_list_count(const nw_scan_list *list);
/* Valid as long as the list. i < count. */
NW_API const nw_series *nw_scan_list_get(const nw_scan_list *list, size_t i);
/* Files passed over: not DICOM; DICOM without an image; and damaged, with the first one's error, or NULL
 * where there is none. */
NW_API size_t nw_scan_list_foreign(const nw_scan_list *list);
NW_API size_t nw_scan_list_without_image(const nw_scan_list *list);
NW_API size_t nw_scan_list_damaged(const nw_scan_list *list, const char **error);

/* Chooses a series: which NULL: of the CT series that are usable the one that is not derived, has the most
 * axial slices, then the thinnest. Otherwise `which` is a number from the list, a SeriesInstanceUID, or the
 * last parts of one that end no other; usable or not. NW_BAD_INPUT says what there is and why it is not
 * taken. */
NW_API nw_status nw_scan_list_choose(const nw_scan_list *list, const char *which, size_t *index,
                                     nw_error *err);
/* Reads a series as a volume (options as of nw_volume_read; `series` is not looked at). */
NW_API nw_status nw_scan_list_read(const nw_scan_list *list, size_t index, const nw_read_options *options,
                                   nw_volume **out, nw_error *err);

#ifdef __cplusplus
}
#endif
#endif
