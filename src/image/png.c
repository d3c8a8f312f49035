/* PNG, read by libspng (png_write.c writes). */
#include "base/memory.h"
#include "image/volume.h"

#include <spng.h>
#include <stdlib.h>
#include <string.h>

static nw_status failed(int code, const char *name, nw_error *err)
{
    if (code == SPNG_EMEM) return nw_no_memory(err, 0, name);
    return nw_fail(err, NW_BAD_INPUT, "%s: damaged PNG: %s", name, spng_strerror(code));
}

/* One sample in the byte order of this machine. */
static float sample(const unsigned char *data, size_t i, bool wide)
{
    if (!wide) return (float)data[i];
    uint16_t value;
    memcpy(&value, data + 2 * i, sizeof value);
    return (float)value;
}

static nw_status decode(spng_ctx *ctx, const nw_bytes *file, const char *name, const nw_read_limits *limits,
                        nw_volume **out, nw_error *err)
{
    struct spng_ihdr ihdr;
    /* Text and profiles are of no use here; they must not fill the memory either. */
    int code = spng_set_chunk_limits(ctx, (size_t)1 << 26, (size_t)1 << 26);
    if (!code) code = spng_set_png_buffer(ctx, file->data, file->size);
    if (!code) code = spng_get_ihdr(ctx, &ihdr);
    if (code) return failed(code, name, err);
    int format = SPNG_FMT_PNG;
    size_t stored = 1, channels = 1; /* samples a pixel as decoded, and those kept */
    bool wide = ihdr.bit_depth == 16;
    switch (ihdr.color_type) {
    case SPNG_COLOR_TYPE_GRAYSCALE:
        if (!wide) format = SPNG_FMT_G8;
        break;
    case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA: stored = 2; break;
    case SPNG_COLOR_TYPE_INDEXED: format = SPNG_FMT_RGB8; /* fall through */
    case SPNG_COLOR_TYPE_TRUECOLOR: stored = channels = 3; break;
    default: stored = 4, channels = 3;
    }
    size_t pixels = (size_t)ihdr.width * ihdr.height, size; /* each below 2^31 */
    if ((uint64_t)pixels / 8 / 1032 > file->size)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: the header promises %u x %u pixels, the file is too short for them", name,
                       ihdr.height, ihdr.width);
    nw_volume *v = NULL;
    NW_TRY(nw_volume_new_planar(NW_KIND_PICTURE, name, 1, (int64_t)channels, ihdr.height, ihdr.width, limits,
                                &v, err));
    code = spng_decoded_image_size(ctx, format, &size);
    unsigned char *samples = NULL;
    if (!code && size != pixels * stored * (wide && format == SPNG_FMT_PNG ? 2 : 1)) code = SPNG_EINTERNAL;
    if (!code && !(samples = nw_alloc_aligned(size, 1))) code = SPNG_EMEM;
    if (!code) code = spng_decode_image(ctx, samples, size, format, 0);
    for (size_t i = 0; !code && i < pixels; i++)
        for (size_t c = 0; c < channels; c++)
            v->voxels[c * pixels + i] = sample(samples, i * stored + c, wide);
    nw_free(samples);
    if (code) {
        nw_volume_free(v);
        return failed(code, name, err);
    }
    v->info.format = "PNG";
    v->info.stored = wide ? "uint16" : "uint8";
    v->info.bits = ihdr.bit_depth;
    v->info.full_scale = wide ? 65535 : 255; /* fewer bits than 8 are spread over 0..255 */
    *out = v;
    return NW_OK;
}

nw_status nw_png_decode(const nw_bytes *file, const char *name, const nw_read_limits *limits, nw_volume **out,
                        nw_error *err)
{
    spng_ctx *ctx = spng_ctx_new(0);
    if (!ctx) return nw_no_memory(err, 65536, name);
    nw_status status = decode(ctx, file, name, limits, out, err);
    spng_ctx_free(ctx);
    return status;
}
