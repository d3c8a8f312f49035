#include "base/memory.h"
#include "image/gzip.h"
#include "image/volume.h"
#include "phantom/study.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a big-endian host needs a swap on writing");

enum { HEAD = NW_NIFTI1_SIZE + 4 };

static const void *part_data(const nw_phantom *p, nw_phantom_part part, size_t *size)
{
    size_t voxels = (size_t)(p->info.dims[0] * p->info.dims[1] * p->info.dims[2]);
    *size = part == NW_PHANTOM_CT ? 2 * voxels : voxels;
    return part == NW_PHANTOM_CT ? (const void *)p->hu : (const void *)p->masks[part];
}

static void make_header(const nw_phantom *p, nw_phantom_part part, unsigned char bytes[HEAD])
{
    static const char *const words[] = {"Narrows phantom, HU", "right lung 1, left lung 2",
                                        "zones: right 1-3, left 4-6, from above",
                                        "ground glass 1, consolidation 2"};
    const nw_phantom_info *info = &p->info;
    nifti_1_header h = {.sizeof_hdr = NW_NIFTI1_SIZE, .regular = 'r'};
    h.dim[0] = 3;
    for (int a = 0; a < 7; a++) h.dim[a + 1] = a < 3 ? (short)info->dims[a] : 1;
    bool ct = part == NW_PHANTOM_CT;
    h.datatype = ct ? NIFTI_TYPE_INT16 : NIFTI_TYPE_UINT8;
    h.bitpix = ct ? 16 : 8;
    /* The affine is the turn by 180 degrees around the patient's long axis: quaternion (0, 0, 0, 1). */
    h.pixdim[0] = 1;
    for (int a = 0; a < 3; a++) h.pixdim[a + 1] = (float)info->spacing[a];
    h.vox_offset = HEAD;
    h.scl_slope = 1;
    h.xyzt_units = NIFTI_UNITS_MM;
    h.qform_code = h.sform_code = NIFTI_XFORM_SCANNER_ANAT;
    h.quatern_d = 1;
    h.qoffset_x = (float)info->affine[0][3];
    h.qoffset_y = (float)info->affine[1][3];
    h.qoffset_z = (float)info->affine[2][3];
    for (int c = 0; c < 4; c++) {
        h.srow_x[c] = (float)info->affine[0][c];
        h.srow_y[c] = (float)info->affine[1][c];
        h.srow_z[c] = (float)info->affine[2][c];
    }
    strncpy(h.descrip, words[part], sizeof h.descrip - 1);
    memcpy(h.magic, "n+1", 4);
    memset(bytes, 0, HEAD);
    memcpy(bytes, &h, sizeof h);
}

nw_status nw_phantom_write(const nw_phantom *p, nw_phantom_part part, const char *path, nw_error *err)
{
    if ((unsigned)part >= NW_PHANTOM_PARTS)
        return nw_fail(err, NW_USAGE, "%s: a phantom has no part number %d", path, (int)part);
    unsigned char head[HEAD];
    size_t size;
    const void *data = part_data(p, part, &size);
    make_header(p, part, head);
    nw_output out;
    NW_TRY(nw_output_open(path, &out, err));
    nw_status status = NW_OK;
    if (nw_path_ends(path, ".gz")) {
        status = nw_gzip_write(&out, NW_GZIP_MATCHES, head, HEAD, data, size, err);
    } else {
        nw_output_write(&out, head, HEAD);
        nw_output_write(&out, data, size);
    }
    if (status != NW_OK) {
        nw_output_discard(&out);
        return status;
    }
    return nw_output_commit(&out, err);
}

nw_status nw_phantom_volume(const nw_phantom *p, nw_phantom_part part, nw_volume **out, nw_error *err)
{
    if ((unsigned)part >= NW_PHANTOM_PARTS)
        return nw_fail(err, NW_USAGE, "a phantom has no part number %d", (int)part);
    size_t size;
    const void *data = part_data(p, part, &size);
    nw_bytes file = {.data = nw_alloc_aligned(HEAD + size, 1), .size = HEAD + size};
    if (!file.data) return nw_no_memory(err, file.size, "a phantom");
    make_header(p, part, file.data);
    memcpy(file.data + HEAD, data, size);
    nw_read_options options = {.max_bytes = SIZE_MAX};
    nw_read_limits limits = nw_read_limits_from(&options);
    nw_status status = nw_nifti_decode(&file, NULL, "phantom", &limits, out, err);
    nw_free(file.data);
    return status;
}
