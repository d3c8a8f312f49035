/* NIfTI-1, NIfTI-2 and Analyze 7.5: one volume of a file, as float32. */
#include "base/memory.h"
#include "image/gzip.h"
#include "image/volume.h"

#include <math.h>
#include <string.h>

/* deflate cannot shrink further than this, so a small file that declares a giant volume is refused at once.
 */
enum { DEFLATE_LIMIT = 1032 };

/* Bytes of samples in their file, in the order of this machine. */
static nw_status samples_of(const nw_bytes *file, const char *name, const nw_nifti_header *h, int64_t volume,
                            unsigned char **out, nw_error *err)
{
    size_t size, skip, total;
    if (!nw_mul_size((size_t)h->voxels, h->sample_size, &size) || !nw_mul_size((size_t)volume, size, &skip) ||
        !nw_mul_size((size_t)h->volumes, size, &total) || __builtin_add_overflow(skip, h->offset, &skip) ||
        __builtin_add_overflow(total, h->offset, &total))
        return nw_fail(err, NW_BAD_INPUT, "%s: the dimensions of the header overflow", name);
    bool zipped = nw_gzip_looks(file);
    if (zipped ? total / DEFLATE_LIMIT > file->size : total > file->size)
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s: the header promises %zu bytes, the file has %zu%s; it is cut off, or the header wrong", name,
            total, file->size, zipped ? " of gzip, which cannot hold as many" : "");
    unsigned char *data = nw_alloc_aligned(size, 1);
    if (!data) return nw_no_memory(err, size, name);
    nw_status status = NW_OK;
    if (zipped)
        status = nw_gzip_extract(file, name, skip, data, size, total - skip - size + 65536, err);
    else
        memcpy(data, file->data + skip, size);
    if (status != NW_OK) {
        nw_free(data);
        return status;
    }
    if (h->swapped && h->sample_size > 1) nifti_swap_Nbytes(h->voxels, (int)h->sample_size, data);
    *out = data;
    return NW_OK;
}

#define SCALE(type)                                                                                          \
    for (int64_t i = 0; i < h->voxels; i++) {                                                                \
        type sample;                                                                                         \
        memcpy(&sample, data + (size_t)i * sizeof sample, sizeof sample);                                    \
        dst[i] = (float)(h->slope * (double)sample + h->inter);                                              \
    }                                                                                                        \
    break

static void scale(const nw_nifti_header *h, const unsigned char *data, float *dst)
{
    switch (h->h.datatype) {
    case NIFTI_TYPE_UINT8: SCALE(uint8_t);
    case NIFTI_TYPE_INT8: SCALE(int8_t);
    case NIFTI_TYPE_UINT16: SCALE(uint16_t);
    case NIFTI_TYPE_INT16: SCALE(int16_t);
    case NIFTI_TYPE_UINT32: SCALE(uint32_t);
    case NIFTI_TYPE_INT32: SCALE(int32_t);
    case NIFTI_TYPE_UINT64: SCALE(uint64_t);
    case NIFTI_TYPE_INT64: SCALE(int64_t);
    case NIFTI_TYPE_FLOAT32: SCALE(float);
    default: SCALE(double); /* nw_nifti_header_read lets nothing else through */
    }
}

static nw_status read_header(const nw_bytes *file, const char *name, nw_nifti_header *h, nw_error *err)
{
    unsigned char head[NW_NIFTI2_SIZE];
    size_t size = file->size < sizeof head ? file->size : sizeof head;
    if (nw_gzip_looks(file))
        NW_TRY(nw_gzip_peek(file, name, head, sizeof head, &size, err));
    else
        memcpy(head, file->data, size);
    return nw_nifti_header_read(head, size, name, h, err);
}

static void fill_info(nw_volume *v)
{
    static const char *const formats[3] = {"Analyze 7.5", "NIfTI-1", "NIfTI-2"};
    const nw_nifti_header *h = &v->header;
    nw_volume_info *info = &v->info;
    info->kind = NW_KIND_SCAN;
    info->format = formats[h->version];
    info->stored = h->stored;
    info->bits = 8 * (int)h->sample_size;
    info->channels = 1;
    info->volumes = h->volumes;
    memcpy(info->affine, h->affine, sizeof info->affine);
    for (int a = 0; a < 3; a++) {
        info->dims[a] = h->h.dim[a + 1];
        info->spacing[a] = sqrt(h->affine[0][a] * h->affine[0][a] + h->affine[1][a] * h->affine[1][a] +
                                h->affine[2][a] * h->affine[2][a]);
    }
}

nw_status nw_nifti_decode(const nw_bytes *header, const nw_bytes *image, const char *name,
                          const nw_read_limits *limits, nw_volume **out, nw_error *err)
{
    nw_nifti_header h;
    NW_TRY(read_header(header, name, &h, err));
    if (h.single != (image == NULL))
        return nw_fail(err, NW_BAD_INPUT,
                       h.single
                           ? "%s: the header is of a single file (.nii), not of a .hdr/.img pair; rename it"
                           : "%s: a header alone; the voxels are wanted in an .img file beside a .hdr",
                       name);
    int64_t volume = limits->options.volume;
    if (volume < 0 || volume >= h.volumes)
        return nw_fail(err, NW_BAD_INPUT, "%s: there is no volume %lld, the file has 0 to %lld", name,
                       (long long)volume, (long long)h.volumes - 1);
    if ((uint64_t)h.voxels > limits->max_bytes / sizeof(float) ||
        (uint64_t)h.voxels > limits->max_bytes / h.sample_size)
        return nw_fail(err, NW_BAD_INPUT, "%s: %lld voxels need more than the limit of %zu bytes", name,
                       (long long)h.voxels, limits->max_bytes);
    unsigned char *samples = NULL;
    NW_TRY(samples_of(image ? image : header, name, &h, volume, &samples, err));
    nw_volume *v = nw_calloc(1, sizeof *v);
    if (v) v->voxels = nw_alloc_aligned((size_t)h.voxels, sizeof(float));
    if (!v || !v->voxels) {
        nw_free(samples);
        nw_volume_free(v);
        return nw_no_memory(err, (size_t)h.voxels * sizeof(float), name);
    }
    scale(&h, samples, v->voxels);
    nw_free(samples);
    v->header = h;
    v->info.volume = volume;
    fill_info(v);
    nw_volume_orient_scan(v, &limits->options);
    *out = v;
    return NW_OK;
}

nw_status nw_nifti_peek(const nw_bytes *first, const char *name, nw_volume_info *info, nw_error *err)
{
    nw_volume v = {0};
    nw_read_options options = {0};
    NW_TRY(read_header(first, name, &v.header, err));
    fill_info(&v);
    nw_volume_orient_scan(&v, &options);
    *info = v.info;
    return NW_OK;
}
