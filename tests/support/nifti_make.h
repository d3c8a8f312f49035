/* NIfTI and Analyze files made in memory, byte by byte, for tests and the seeds of the fuzz target. */
#ifndef NW_TEST_NIFTI_MAKE_H
#define NW_TEST_NIFTI_MAKE_H

#include <nifti2_io.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

typedef struct nifti_made {
    unsigned char bytes[16384];
    size_t size;
} nifti_made;

/* The header of an i x j x k x t image of a data type, voxels at 352 with magic "n+1". */
static inline nifti_1_header nifti_header_of(int i, int j, int k, int t, int datatype)
{
    nifti_1_header h = {.sizeof_hdr = 348, .dim = {4, (short)i, (short)j, (short)k, (short)t, 1, 1, 1}};
    int size, swap;
    nifti_datatype_sizes(datatype, &size, &swap);
    h.datatype = (short)datatype;
    h.bitpix = (short)(8 * size);
    for (int a = 0; a < 8; a++) h.pixdim[a] = 1;
    h.vox_offset = 352;
    h.xyzt_units = NIFTI_UNITS_MM;
    h.sform_code = 1;
    h.srow_x[0] = h.srow_y[1] = h.srow_z[2] = 1;
    memcpy(h.magic, "n+1", 4);
    return h;
}

/* Header, four bytes of extension flag where `single`, and the samples; in the other byte order if `swapped`.
 */
static inline void nifti_make(nifti_made *out, nifti_1_header h, const void *samples, size_t count,
                              bool swapped)
{
    size_t size = (size_t)h.bitpix / 8, at = memcmp(h.magic, "n+1", 4) == 0 ? 352 : 348;
    memset(out, 0, sizeof *out);
    if (swapped) nifti_swap_as_nifti1(&h);
    memcpy(out->bytes, &h, sizeof h);
    if (count) memcpy(out->bytes + at, samples, count * size);
    if (swapped && size > 1) nifti_swap_Nbytes((int64_t)count, (int)size, out->bytes + at);
    out->size = at + count * size;
}

/* The same as NIfTI-2. */
static inline void nifti_make2(nifti_made *out, const nifti_1_header *n, const void *samples, size_t count,
                               bool swapped)
{
    nifti_2_header h = {.sizeof_hdr = 540, .datatype = n->datatype, .bitpix = n->bitpix, .vox_offset = 544};
    memcpy(h.magic, "n+2\0\r\n\032\n", 8);
    for (int a = 0; a < 8; a++) h.dim[a] = n->dim[a], h.pixdim[a] = (double)n->pixdim[a];
    h.scl_slope = (double)n->scl_slope;
    h.scl_inter = (double)n->scl_inter;
    h.qform_code = n->qform_code;
    h.sform_code = n->sform_code;
    h.quatern_b = (double)n->quatern_b, h.quatern_c = (double)n->quatern_c,
    h.quatern_d = (double)n->quatern_d;
    for (int a = 0; a < 4; a++) {
        h.srow_x[a] = (double)n->srow_x[a];
        h.srow_y[a] = (double)n->srow_y[a];
        h.srow_z[a] = (double)n->srow_z[a];
    }
    h.xyzt_units = n->xyzt_units;
    size_t size = (size_t)h.bitpix / 8;
    memset(out, 0, sizeof *out);
    if (swapped) nifti_swap_as_nifti2(&h);
    memcpy(out->bytes, &h, sizeof h);
    if (count) memcpy(out->bytes + 544, samples, count * size);
    if (swapped && size > 1) nifti_swap_Nbytes((int64_t)count, (int)size, out->bytes + 544);
    out->size = 544 + count * size;
}

/* gzip of a made file. */
static inline void nifti_zip(nifti_made *out, const nifti_made *in)
{
    z_stream z = {0};
    deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (Bytef *)(uintptr_t)in->bytes;
    z.avail_in = (uInt)in->size;
    z.next_out = out->bytes;
    z.avail_out = sizeof out->bytes;
    deflate(&z, Z_FINISH);
    out->size = z.total_out;
    deflateEnd(&z);
}

#endif
