/* A PNG of 8 bits a sample: the frame is ours, the compression libdeflate's, which takes half the time of
 * zlib's fastest level for files a little smaller. */
#include "base/memory.h"
#include "image/volume.h"

#include <libdeflate.h>
#include <string.h>

enum { SIGNATURE = 8, FRAME = 12 /* of a chunk: length, type, checksum */, HEADER = 13, LEVEL = 1 };
enum { FILTER_AVERAGE = 3, PIECE = 1 << 30 /* bytes of a chunk, at most */ };

static void put_u32(unsigned char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* Frames the `size` bytes that are there behind room for length and type; returns where the next one begins.
 */
static unsigned char *end_chunk(unsigned char *chunk, const char type[4], size_t size)
{
    put_u32(chunk, (uint32_t)size);
    memcpy(chunk + 4, type, 4);
    put_u32(chunk + 8 + size, libdeflate_crc32(0, chunk + 4, 4 + size));
    return chunk + FRAME + size;
}

/* Differences to the mean of the neighbours above and to the left, of which pictures have small ones: the
 * fewest bytes of the simple filters, and so the least time to compress them. */
static void filter(const uint8_t *src, size_t row, size_t height, size_t channels, uint8_t *dst)
{
    for (size_t y = 0; y < height; y++, src += row) {
        const uint8_t *above = y ? src - row : src;
        *dst++ = FILTER_AVERAGE;
        for (size_t i = 0; i < channels; i++) dst[i] = (uint8_t)(src[i] - (y ? above[i] / 2 : 0));
        if (y == 0)
            for (size_t i = channels; i < row; i++) dst[i] = (uint8_t)(src[i] - src[i - channels] / 2);
        else
            for (size_t i = channels; i < row; i++)
                dst[i] = (uint8_t)(src[i] - (src[i - channels] + above[i]) / 2);
        dst += row;
    }
}

typedef struct picture {
    uint32_t width, height;
    int channels;
} picture;

/* The file, of which `bound` bytes of compressed data may be made, in `png`; its size, or 0. */
static size_t encode(const picture *p, const uint8_t *filtered, size_t bytes, size_t bound,
                     struct libdeflate_compressor *compressor, unsigned char *packed, unsigned char *png)
{
    static const unsigned char signature[SIGNATURE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const unsigned char colour_types[5] = {0, 0, 0, 2, 6};
    size_t size = libdeflate_zlib_compress(compressor, filtered, bytes, packed, bound);
    if (!size) return 0;
    memcpy(png, signature, SIGNATURE);
    unsigned char *chunk = png + SIGNATURE, *header = chunk + 8;
    memset(header, 0, HEADER); /* no other compression, filter or order of lines */
    put_u32(header, p->width);
    put_u32(header + 4, p->height);
    header[8] = 8;
    header[9] = colour_types[p->channels];
    chunk = end_chunk(chunk, "IHDR", HEADER);
    for (size_t at = 0; at < size; at += PIECE) {
        size_t piece = size - at < PIECE ? size - at : PIECE;
        memcpy(chunk + 8, packed + at, piece);
        chunk = end_chunk(chunk, "IDAT", piece);
    }
    chunk = end_chunk(chunk, "IEND", 0);
    return (size_t)(chunk - png);
}

nw_status nw_png_write(const char *path, int64_t width, int64_t height, int channels, const uint8_t *src,
                       nw_error *err)
{
    if (width < 1 || height < 1 || width > INT32_MAX || height > INT32_MAX)
        return nw_fail(err, NW_USAGE, "%s: cannot write a PNG of %lld x %lld pixels", path, (long long)width,
                       (long long)height);
    if (channels != 1 && channels != 3 && channels != 4)
        return nw_fail(err, NW_USAGE, "%s: a PNG has 1, 3 or 4 channels, not %d", path, channels);
    size_t row = (size_t)width * (size_t)channels, bytes;
    if (!nw_mul_size(row + 1, (size_t)height, &bytes) || bytes > SIZE_MAX / 4)
        return nw_no_memory(err, SIZE_MAX, path);
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(LEVEL);
    size_t bound = compressor ? libdeflate_zlib_compress_bound(compressor, bytes) : 0;
    size_t frames = SIGNATURE + FRAME * (3 + bound / PIECE) + HEADER;
    uint8_t *filtered = nw_alloc_aligned(bytes, 1);
    unsigned char *packed = nw_alloc_aligned(bound, 1), *png = nw_alloc_aligned(frames + bound, 1);
    nw_status status = NW_OK;
    if (!compressor || !filtered || !packed || !png) {
        status = nw_no_memory(err, bytes + 2 * bound, path);
    } else {
        filter(src, row, (size_t)height, (size_t)channels, filtered);
        const picture p = {(uint32_t)width, (uint32_t)height, channels};
        size_t size = encode(&p, filtered, bytes, bound, compressor, packed, png);
        status = size ? nw_file_write(path, png, size, err)
                      : nw_fail(err, NW_FAILED, "%s: cannot make the PNG", path);
    }
    libdeflate_free_compressor(compressor);
    nw_free(filtered);
    nw_free(packed);
    nw_free(png);
    return status;
}
