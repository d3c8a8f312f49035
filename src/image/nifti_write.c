#include "base/memory.h"
#include "image/finite.h"
#include "image/gzip.h"
#include "image/volume.h"

#include <string.h>

/* The header and the voxels are little-endian as all that Narrows writes; its hosts are. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a big-endian host needs a swap on writing");

nw_status nw_nifti_write(const char *path, const nw_volume *geometry, const float *src,
                         const char *description, nw_error *err)
{
    if (geometry->info.kind != NW_KIND_SCAN)
        return nw_fail(err, NW_USAGE, "%s: a picture or tensor has no geometry for NIfTI; write .npy", path);
    const int64_t *dims = geometry->info.dims;
    size_t count = (size_t)(dims[0] * dims[1] * dims[2]); /* as many voxels are in memory */
    NW_TRY(nw_check_finite(src, count, path, err));
    unsigned char head[NW_NIFTI2_SIZE + 4];
    size_t head_size = nw_nifti_header_float32(&geometry->header, description, head);
    nw_output out;
    NW_TRY(nw_output_open(path, &out, err));
    nw_status status = NW_OK;
    if (nw_path_ends(path, ".gz")) {
        status = nw_gzip_write(&out, head, head_size, src, count * sizeof *src, err);
    } else {
        nw_output_write(&out, head, head_size);
        nw_output_write(&out, src, count * sizeof *src);
    }
    if (status != NW_OK) {
        nw_output_discard(&out);
        return status;
    }
    return nw_output_commit(&out, err);
}
