/* NIfTI headers: checked before anything is believed, and written back.
 *
 * libnifti2 gives the header structures, byte swapping, sizes of data types and the quaternion algebra (pure
 * functions of memory). Its file functions are not used: they choose files by their names, print to stderr
 * whatever the debug level, believe dimensions before the length of the file is known, inflate without a
 * limit, and write under the final name.
 */
#ifndef NW_IMAGE_NIFTI_HEADER_H
#define NW_IMAGE_NIFTI_HEADER_H

#include "base/error.h"

#include <nifti2_io.h>
#include <stdbool.h>
#include <stddef.h>

enum { NW_NIFTI1_SIZE = 348, NW_NIFTI2_SIZE = 540 };

typedef struct nw_nifti_header {
    nifti_2_header h;    /* native byte order; NIfTI-1 and Analyze are widened without loss */
    int version;         /* 1, 2; 0: Analyze 7.5 */
    bool swapped;        /* the file has the other byte order */
    bool single;         /* header and voxels in one file */
    double origin[3];    /* Analyze: SPM's origin field, voxels from 1; 0: not set */
    int64_t voxels;      /* of one volume */
    int64_t volumes;     /* product of dimensions 4 to 7 */
    size_t sample_size;  /* bytes */
    size_t offset;       /* of the first voxel in its file */
    const char *stored;  /* "int16" */
    double slope, inter; /* value = slope * sample + inter */
    double affine[4][4]; /* voxel -> mm, RAS */
} nw_nifti_header;

/* Whether the bytes look like one of the headers that nw_nifti_header_read knows (either byte order). */
bool nw_nifti_header_looks(const unsigned char *data, size_t size);

/* Reads and checks a header from the first bytes of a file; data[size], at least NW_NIFTI2_SIZE of them
 * unless the file is shorter. NW_BAD_INPUT. */
nw_status nw_nifti_header_read(const unsigned char *data, size_t size, const char *name, nw_nifti_header *out,
                               nw_error *err);

/* The bytes of a single-file header of one volume in the same geometry, extension flag included, for samples of a
 * type (NIFTI_TYPE_FLOAT32, _UINT8, _INT32). Returns their number: 352 or 544. */
size_t nw_nifti_header_make(const nw_nifti_header *geometry, int type, const char *description,
                            unsigned char bytes[NW_NIFTI2_SIZE + 4]);

#endif
