#include "base/memory.h"
#include "image/finite.h"
#include "image/gzip.h"
#include "image/volume.h"

#include <string.h>

/* The header and the voxels are little-endian as all that Narrows writes; its hosts are. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a big-endian host needs a swap on writing");

static nw_status write_file(const char *path, const nw_volume *geometry, int type, const void *src,
                            size_t bytes, const char *description, nw_error *err)
{
    unsigned char head[NW_NIFTI2_SIZE + 4];
    size_t head_size = nw_nifti_header_make(&geometry->header, type, description, head);
    nw_output out;
    NW_TRY(nw_output_open(path, &out, err));
    nw_status status = NW_OK;
    if (nw_path_ends(path, ".gz")) {
        status = nw_gzip_write(&out, NW_GZIP_RUNS, head, head_size, src, bytes, err);
    } else {
        nw_output_write(&out, head, head_size);
        nw_output_write(&out, src, bytes);
    }
    if (status != NW_OK) {
        nw_output_discard(&out);
        return status;
    }
    return nw_output_commit(&out, err);
}

/* As many voxels are in memory. */
static nw_status count_of(const char *path, const nw_volume *geometry, size_t *count, nw_error *err)
{
    const int64_t *dims = geometry->info.dims;
    if (geometry->info.kind != NW_KIND_SCAN)
        return nw_fail(err, NW_USAGE, "%s: a picture or tensor has no geometry for NIfTI; write .npy", path);
    *count = (size_t)(dims[0] * dims[1] * dims[2]);
    return NW_OK;
}

nw_status nw_nifti_write(const char *path, const nw_volume *geometry, const float *src,
                         const char *description, nw_error *err)
{
    size_t count = 0;
    NW_TRY(count_of(path, geometry, &count, err));
    NW_TRY(nw_check_finite(src, count, path, err));
    return write_file(path, geometry, NIFTI_TYPE_FLOAT32, src, count * sizeof *src, description, err);
}

nw_status nw_nifti_write_labels(const char *path, const nw_volume *geometry, nw_dtype type, const void *src,
                                const char *description, nw_error *err)
{
    size_t count = 0;
    NW_TRY(count_of(path, geometry, &count, err));
    if (type != NW_U8 && type != NW_I32) return nw_fail(err, NW_USAGE, "%s: labels are uint8 or int32", path);
    return write_file(path, geometry, type == NW_U8 ? NIFTI_TYPE_UINT8 : NIFTI_TYPE_INT32, src,
                      count * (type == NW_U8 ? 1 : 4), description, err);
}
