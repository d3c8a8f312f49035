/* Opening a DICOM file, and the samples of its frames whatever their coding. */
#include "image/dicom_file.h"

#include "base/memory.h"
#include "image/dicom_dcmtk.h"
#include "image/dicom_facts.h"
#include "image/dicom_inflate.h"
#include "image/dicom_j2k.h"
#include "image/dicom_jpeg.h"
#include "image/dicom_walk.h"

#include <errno.h>
#include <string.h>

struct nw_dicom {
    nw_dcmtk *dcmtk;
    char *name;
    unsigned char *scratch; /* a frame as it is coded */
    size_t scratch_size;
    bool coded_signed; /* what the last JPEG 2000 frame says of itself */
};

bool nw_dicom_looks(const unsigned char *data, size_t size)
{
    if (size >= 132 && memcmp(data + 128, "DICM", 4) == 0) return true;
    /* Without a header: group 2 or 8 in either byte order, a plausible element, and a VR or a short value. */
    if (size < 8) return false;
    bool little = (data[0] == 2 || data[0] == 8) && data[1] == 0 && data[3] == 0;
    bool big = data[0] == 0 && data[1] == 8 && data[2] == 0;
    if (!little && !big) return false;
    bool vr = data[4] >= 'A' && data[4] <= 'Z' && data[5] >= 'A' && data[5] <= 'Z';
    return vr || (little && data[5] == 0 && data[6] == 0 && data[7] == 0);
}

static nw_status open_file(FILE *stream, const char *path, size_t limit, nw_dcmtk **out,
                           nw_dicom_outline *outline, nw_error *err)
{
    char why[NW_DCMTK_TEXT] = "";
    NW_TRY(nw_dicom_walk(stream, NULL, 0, path, outline, err));
    if (nw_dicom_coding_of(outline->transfer_syntax) == NW_DICOM_DEFLATED) {
        nw_bytes plain;
        nw_dicom_outline inner;
        NW_TRY(nw_dicom_inflate(stream, outline->dataset, limit, path, &plain, err));
        nw_status status = nw_dicom_walk(NULL, plain.data, plain.size, path, &inner, err);
        if (status == NW_OK) *out = nw_dcmtk_open(NULL, plain.data, plain.size, why);
        nw_free(plain.data);
        if (status != NW_OK) return status;
    } else {
        *out = nw_dcmtk_open(path, NULL, 0, why);
    }
    return *out ? NW_OK : nw_fail(err, NW_BAD_INPUT, "%s: damaged DICOM file (%s)", path, why);
}

nw_status nw_dicom_open(const char *path, size_t limit, nw_dicom **out, nw_dicom_facts *facts, nw_error *err)
{
    nw_dicom_outline outline = {0};
    FILE *stream = fopen(path, "rb");
    if (!stream) return nw_fail(err, NW_IO, "%s: cannot open: %s", path, strerror(errno));
    unsigned char head[132];
    size_t got = fread(head, 1, sizeof head, stream);
    nw_status status = NW_OK;
    nw_dicom *file = nw_calloc(1, sizeof *file);
    if (file) file->name = nw_strdup(path);
    if (!file || !file->name)
        status = nw_no_memory(err, sizeof *file, path);
    else if (!nw_dicom_looks(head, got))
        status = nw_fail(err, NW_BAD_INPUT, "%s: not a DICOM file", path);
    if (status == NW_OK) status = open_file(stream, path, limit, &file->dcmtk, &outline, err);
    fclose(stream);
    if (status == NW_OK) status = nw_dicom_facts_read(file->dcmtk, outline.transfer_syntax, path, facts, err);
    if (status != NW_OK) {
        nw_dicom_close(file);
        return status;
    }
    *out = file;
    return NW_OK;
}

void nw_dicom_close(nw_dicom *file)
{
    if (!file) return;
    if (file->dcmtk) nw_dcmtk_close(file->dcmtk);
    nw_free(file->scratch);
    nw_free(file->name);
    nw_free(file);
}

size_t nw_dicom_sample_size(const nw_dicom_facts *facts)
{
    return facts->bits_allocated <= 8 ? 1 : (size_t)facts->bits_allocated / 8;
}

size_t nw_dicom_frame_samples(const nw_dicom_facts *facts)
{
    return (size_t)facts->rows * (size_t)facts->columns * (size_t)facts->samples;
}

bool nw_dicom_frame_is_signed(const nw_dicom *file, const nw_dicom_facts *facts)
{
    return facts->is_signed || file->coded_signed;
}

static bool subsampled(const nw_dicom_facts *facts)
{
    return facts->samples == 3 && strcmp(facts->photometric, "YBR_FULL_422") == 0;
}

static nw_status reserve(nw_dicom *file, size_t size, nw_error *err)
{
    if (size <= file->scratch_size) return NW_OK;
    unsigned char *larger = nw_realloc(file->scratch, size, 1);
    if (!larger) return nw_no_memory(err, size, file->name);
    file->scratch = larger;
    file->scratch_size = size;
    return NW_OK;
}

static void swap(unsigned char *data, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++)
        for (size_t a = 0; a < size / 2; a++) {
            unsigned char byte = data[i * size + a];
            data[i * size + a] = data[i * size + size - 1 - a];
            data[i * size + size - 1 - a] = byte;
        }
}

static nw_status native_frame(nw_dicom *file, const nw_dicom_facts *facts, int64_t frame, unsigned char *dst,
                              nw_error *err)
{
    size_t samples = nw_dicom_frame_samples(facts), bits = (size_t)facts->bits_allocated;
    if (subsampled(facts)) samples = samples / 3 * 2;
    /* Below 2^66 bits a frame and 2^20 frames: in bytes it fits, but for the bits of a frame. */
    uint64_t first_bit = (uint64_t)frame * samples * bits, last_bit = first_bit + (uint64_t)samples * bits;
    uint64_t first = first_bit / 8, end = (last_bit + 7) / 8;
    int words = 0;
    uint32_t have = nw_dcmtk_native_size(file->dcmtk, &words);
    if (end > have)
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s: frame %lld ends at byte %llu of the pixels, the file has %u; it is cut off, or the "
            "header wrong",
            file->name, (long long)frame + 1, (unsigned long long)end, have);
    /* DCMTK swaps words, for which it wants to start at an even byte. */
    uint64_t from = first & ~1ULL, to = end + (end & 1) > have ? end : end + (end & 1);
    NW_TRY(reserve(file, (size_t)(to - from), err));
    char why[NW_DCMTK_TEXT] = "";
    if (!nw_dcmtk_native(file->dcmtk, (uint32_t)from, (uint32_t)(to - from), file->scratch, why))
        return nw_fail(err, NW_BAD_INPUT, "%s: the pixels cannot be read (%s)", file->name, why);
    unsigned char *src = file->scratch + (first - from);
    bool big = strcmp(facts->transfer_syntax, "1.2.840.10008.1.2.2") == 0;
    if (bits == 1) {
        for (size_t i = 0; i < samples; i++) {
            uint64_t bit = first_bit - 8 * first + i;
            dst[i] = src[bit / 8] >> bit % 8 & 1;
        }
        return NW_OK;
    }
    size_t size = bits / 8;
    /* Words are swapped by DCMTK; 32 bits are two words, the low one first in either order (PS3.5, 8.1.1). */
    if (big && !words) swap(src, samples, size);
    if (subsampled(facts)) {
        size_t pixels = (size_t)facts->rows * (size_t)facts->columns;
        for (size_t i = 0; i < pixels; i++) { /* Y1 Y2 Cb Cr */
            const unsigned char *pair = src + i / 2 * 4 * size;
            memcpy(dst + 3 * i * size, pair + i % 2 * size, size);
            memcpy(dst + (3 * i + 1) * size, pair + 2 * size, 2 * size);
        }
        return NW_OK;
    }
    memcpy(dst, src, samples * size);
    return NW_OK;
}

/* [samples][rows][columns] to [rows][columns][samples]. */
static nw_status interleave(nw_dicom *file, const nw_dicom_facts *facts, unsigned char *dst, nw_error *err)
{
    size_t size = nw_dicom_sample_size(facts), samples = (size_t)facts->samples;
    size_t pixels = (size_t)facts->rows * (size_t)facts->columns;
    NW_TRY(reserve(file, pixels * samples * size, err));
    memcpy(file->scratch, dst, pixels * samples * size);
    for (size_t c = 0; c < samples; c++)
        for (size_t i = 0; i < pixels; i++)
            memcpy(dst + (i * samples + c) * size, file->scratch + (c * pixels + i) * size, size);
    return NW_OK;
}

static nw_status dcmtk_frame(nw_dicom *file, const nw_dicom_facts *facts, int64_t frame, unsigned char *dst,
                             nw_error *err)
{
    char why[NW_DCMTK_TEXT] = "";
    size_t size = nw_dicom_frame_samples(facts) * nw_dicom_sample_size(facts), even = size + (size & 1);
    if (facts->bits_allocated == 1)
        return nw_fail(err, NW_BAD_INPUT, "%s: compressed single bits are not read", file->name);
    if (even > UINT32_MAX) return nw_no_memory(err, even, file->name);
    NW_TRY(reserve(file, even, err));
    memset(file->scratch, 0, even);
    /* JPEG proper: 4.50 to 4.70. */
    const char *tail = strstr(facts->transfer_syntax, ".2.4.");
    bool jpeg = tail && tail[5] >= '5' && tail[5] <= '7';
    if (!nw_dcmtk_decode(file->dcmtk, (uint32_t)frame, facts->frame_count, jpeg ? nw_dicom_jpeg_sane : NULL,
                         file->scratch, (uint32_t)even, why))
        return nw_fail(err, NW_BAD_INPUT, "%s: frame %lld: damaged %s data (%s)", file->name,
                       (long long)frame + 1, nw_dicom_transfer_name(facts->transfer_syntax), why);
    memcpy(dst, file->scratch, size);
    return NW_OK;
}

static nw_status j2k_frame(nw_dicom *file, const nw_dicom_facts *facts, int64_t frame, unsigned char *dst,
                           nw_error *err)
{
    char why[NW_DCMTK_TEXT] = "";
    unsigned char *bytes = NULL;
    size_t size = 0;
    nw_status status = NW_OK;
    if (!nw_dcmtk_fragments(file->dcmtk, (uint32_t)frame, facts->frame_count, &bytes, &size, why))
        status = nw_fail(err, NW_BAD_INPUT, "%s: frame %lld: its fragments cannot be found (%s)", file->name,
                         (long long)frame + 1, why);
    if (status == NW_OK) status = nw_dicom_j2k(bytes, size, facts, dst, &file->coded_signed, file->name, err);
    nw_dcmtk_release(bytes);
    return status;
}

nw_status nw_dicom_samples(nw_dicom *file, const nw_dicom_facts *facts, int64_t frame, void *dst,
                           nw_error *err)
{
    if (!facts->has_pixels)
        return nw_fail(err, NW_BAD_INPUT, "%s: a DICOM file without an image%s", file->name,
                       facts->has_float_pixels ? "; floating-point pixels are not read" : "");
    if (frame < 0 || frame >= facts->frame_count)
        return nw_fail(err, NW_BAD_INPUT, "%s: there is no frame %lld, the file has %lld", file->name,
                       (long long)frame + 1, (long long)facts->frame_count);
    switch (nw_dicom_coding_of(facts->transfer_syntax)) {
    case NW_DICOM_NATIVE:
    case NW_DICOM_DEFLATED: {
        NW_TRY(native_frame(file, facts, frame, dst, err));
        return facts->planar && !subsampled(facts) ? interleave(file, facts, dst, err) : NW_OK;
    }
    case NW_DICOM_DCMTK: {
        NW_TRY(dcmtk_frame(file, facts, frame, dst, err));
        bool rle = strcmp(facts->transfer_syntax, "1.2.840.10008.1.2.5") == 0;
        return rle && facts->planar ? interleave(file, facts, dst, err) : NW_OK;
    }
    case NW_DICOM_J2K: return j2k_frame(file, facts, frame, dst, err);
    default:
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: the transfer syntax %s (%s) is not read; convert the file to an uncompressed one",
                       file->name, facts->transfer_syntax, nw_dicom_transfer_name(facts->transfer_syntax));
    }
}
