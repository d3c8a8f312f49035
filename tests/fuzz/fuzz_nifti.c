/* The readers of image files over arbitrary bytes: NIfTI and Analyze, alone and as a pair, gzipped or not;
 * PNG, JPEG and .npy by their first bytes. What is read is taken apart into slices and written as a header
 * again. */
#include "base/memory.h"
#include "image/volume.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(nw_volume *v)
{
    const nw_volume_info *info = nw_volume_get_info(v);
    float *slice = nw_calloc((size_t)(info->rows * info->columns * info->channels), sizeof *slice);
    if (slice)
        for (int64_t s = 0; s < info->slices && s < 4; s++)
            if (nw_volume_slice(v, info->slices - 1 - s, slice, NULL) != NW_OK) abort();
    nw_free(slice);
    if (info->kind == NW_KIND_SCAN) {
        /* What we write, we must read as the same geometry. */
        unsigned char bytes[NW_NIFTI2_SIZE + 4];
        nw_nifti_header again;
        size_t length = nw_nifti_header_make(&v->header, NIFTI_TYPE_FLOAT32, "fuzz", bytes);
        nw_error err;
        if (nw_nifti_header_read(bytes, length, "written", &again, &err) != NW_OK) abort();
        if (again.voxels != v->header.voxels) abort();
    }
    nw_volume_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    nw_read_options options = {.max_bytes = 1 << 20, .replace_non_finite = 1};
    options.volume = data[0] >> 4 & 3;
    options.slice_axis = data[0] >> 2 & 3;
    options.as_stored = data[0] & 1;
    nw_read_limits limits = nw_read_limits_from(&options);
    bool pair = data[0] & 2;
    data++;
    size--;
    nw_error err;
    nw_volume *v = NULL;
    nw_bytes file = {(unsigned char *)(uintptr_t)data, size};
    nw_status status;
    if (size >= 8 && memcmp(data, "\x89PNG", 4) == 0) {
        status = nw_png_decode(&file, "fuzz", &limits, &v, &err);
    } else if (size >= 2 && memcmp(data, "\xff\xd8", 2) == 0) {
        status = nw_jpeg_decode(&file, "fuzz", &limits, &v, &err);
    } else if (size >= 6 && memcmp(data, "\x93NUMPY", 6) == 0) {
        status = nw_npy_decode(&file, "fuzz", &limits, &v, &err);
    } else {
        size_t head = size < NW_NIFTI1_SIZE ? size : NW_NIFTI1_SIZE;
        nw_bytes first = {file.data, pair ? head : size}, second = {file.data + head, size - head};
        status = nw_nifti_decode(&first, pair ? &second : NULL, "fuzz", &limits, &v, &err);
    }
    if (status != NW_OK && !err.message[0]) abort();
    if (status == NW_OK && nw_volume_check_finite(v, "fuzz", &limits, &err) != NW_OK) abort();
    if (status == NW_OK) use(v);
    return 0;
}
