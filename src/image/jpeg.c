/* JPEG, by TurboJPEG. */
#include "base/memory.h"
#include "image/volume.h"

#include <limits.h>
#include <string.h>
#include <turbojpeg.h>

static nw_status failed(tjhandle tj, const char *name, nw_error *err)
{
    return nw_fail(err, NW_BAD_INPUT, "%s: damaged or unusual JPEG: %s", name, tjGetErrorStr2(tj));
}

static nw_status decode(tjhandle tj, const nw_bytes *file, const char *name, const nw_read_limits *limits,
                        nw_volume **out, nw_error *err)
{
    int width, height, subsampling, colour;
    if (file->size > LONG_MAX || tjDecompressHeader3(tj, file->data, (unsigned long)file->size, &width,
                                                     &height, &subsampling, &colour) != 0)
        return failed(tj, name, err);
    if (colour == TJCS_CMYK || colour == TJCS_YCCK)
        return nw_fail(err, NW_BAD_INPUT, "%s: a CMYK JPEG; convert it to grey or RGB", name);
    /* A block of 64 pixels takes at least one bit, with arithmetic coding a small part of one. */
    if ((int64_t)width * height / (64 * 8 * 16) > (int64_t)file->size)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: the header promises %d x %d pixels, the file is too short for them", name, height,
                       width);
    int64_t channels = colour == TJCS_GRAY ? 1 : 3;
    nw_volume *v = NULL;
    NW_TRY(nw_volume_new_planar(NW_KIND_PICTURE, name, 1, channels, height, width, limits, &v, err));
    size_t pixels = (size_t)width * (size_t)height;
    unsigned char *samples = nw_alloc_aligned(pixels, (size_t)channels);
    if (!samples) {
        nw_volume_free(v);
        return nw_no_memory(err, pixels * (size_t)channels, name);
    }
    /* The slow, exact IDCT and smooth upsampling, as Pillow decodes. A warning (the file ends early, say)
     * leaves a picture that is grey from there on: it is refused. */
    int result = tjDecompress2(tj, file->data, (unsigned long)file->size, samples, width, 0, height,
                               channels == 1 ? TJPF_GRAY : TJPF_RGB, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS);
    nw_status status = result == 0 ? NW_OK : failed(tj, name, err);
    for (size_t i = 0; status == NW_OK && i < pixels; i++)
        for (size_t c = 0; c < (size_t)channels; c++)
            v->voxels[c * pixels + i] = (float)samples[i * (size_t)channels + c];
    nw_free(samples);
    if (status != NW_OK) {
        nw_volume_free(v);
        return status;
    }
    v->info.format = "JPEG";
    v->info.stored = "uint8";
    v->info.bits = 8;
    v->info.full_scale = 255;
    *out = v;
    return NW_OK;
}

nw_status nw_jpeg_decode(const nw_bytes *file, const char *name, const nw_read_limits *limits,
                         nw_volume **out, nw_error *err)
{
    tjhandle tj = tjInitDecompress();
    if (!tj) return nw_no_memory(err, 65536, name);
    nw_status status = decode(tj, file, name, limits, out, err);
    tjDestroy(tj);
    return status;
}
