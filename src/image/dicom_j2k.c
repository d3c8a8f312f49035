#include "image/dicom_j2k.h"

#include <openjpeg.h>
#include <string.h>

typedef struct source {
    const unsigned char *bytes;
    size_t size, at;
} source;

static OPJ_SIZE_T read_bytes(void *dst, OPJ_SIZE_T count, void *user)
{
    source *s = user;
    size_t left = s->size - s->at;
    if (!left) return (OPJ_SIZE_T)-1;
    if (count > left) count = left;
    memcpy(dst, s->bytes + s->at, count);
    s->at += count;
    return count;
}

static OPJ_OFF_T skip_bytes(OPJ_OFF_T count, void *user)
{
    source *s = user;
    if (count < 0 || (uint64_t)count > s->size - s->at) return -1;
    s->at += (size_t)count;
    return count;
}

static OPJ_BOOL seek_bytes(OPJ_OFF_T at, void *user)
{
    source *s = user;
    if (at < 0 || (uint64_t)at > s->size) return OPJ_FALSE;
    s->at = (size_t)at;
    return OPJ_TRUE;
}

/* The first message of the decoder, without its end of line. */
static void keep_message(const char *message, void *user)
{
    char *kept = user;
    if (*kept) return;
    size_t length = strcspn(message, "\n");
    if (length > 127) length = 127;
    memcpy(kept, message, length);
    kept[length] = 0;
}

static nw_status check(const opj_image_t *image, const nw_dicom_facts *facts, const char *name, nw_error *err)
{
    if (image->numcomps != (OPJ_UINT32)facts->samples)
        return nw_fail(err, NW_BAD_INPUT, "%s: the JPEG 2000 frame has %u components, the header %d samples",
                       name, image->numcomps, facts->samples);
    for (OPJ_UINT32 c = 0; c < image->numcomps; c++) {
        const opj_image_comp_t *comp = &image->comps[c];
        if (comp->dx != 1 || comp->dy != 1 || comp->w != (OPJ_UINT32)facts->columns ||
            comp->h != (OPJ_UINT32)facts->rows)
            return nw_fail(err, NW_BAD_INPUT,
                           "%s: the JPEG 2000 frame has %u x %u pixels, the header %d x %d", name, comp->h,
                           comp->w, facts->rows, facts->columns);
        if (comp->prec < 1 || comp->prec > (OPJ_UINT32)facts->bits_allocated || comp->prec > 31)
            return nw_fail(err, NW_BAD_INPUT, "%s: the JPEG 2000 frame has %u bits, the header allocates %d",
                           name, comp->prec, facts->bits_allocated);
    }
    return NW_OK;
}

static void copy(const opj_image_t *image, const nw_dicom_facts *facts, void *dst)
{
    size_t pixels = (size_t)facts->rows * (size_t)facts->columns, samples = image->numcomps;
    for (size_t c = 0; c < samples; c++) {
        const opj_image_comp_t *comp = &image->comps[c];
        /* A codestream that calls signed samples unsigned (some encoders did) is believed less than the
         * header. */
        uint32_t sign = facts->is_signed && !comp->sgnd ? 1U << (comp->prec - 1) : 0;
        for (size_t i = 0; i < pixels; i++) {
            uint32_t value = ((uint32_t)comp->data[i] ^ sign) - sign;
            size_t at = i * samples + c;
            if (facts->bits_allocated <= 8)
                ((uint8_t *)dst)[at] = (uint8_t)value;
            else if (facts->bits_allocated <= 16)
                ((uint16_t *)dst)[at] = (uint16_t)value;
            else
                ((uint32_t *)dst)[at] = value;
        }
    }
}

static nw_status decode(opj_codec_t *codec, opj_stream_t *stream, const nw_dicom_facts *facts, void *dst,
                        bool *is_signed, const char *name, nw_error *err)
{
    char message[128] = "";
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    opj_set_error_handler(codec, keep_message, message);
    opj_image_t *image = NULL;
    nw_status status = NW_OK;
    bool done = opj_setup_decoder(codec, &parameters) && opj_read_header(stream, codec, &image);
    if (done) status = check(image, facts, name, err);
    if (done && status == NW_OK) done = opj_decode(codec, stream, image) && opj_end_decompress(codec, stream);
    if (!done)
        status = nw_fail(err, NW_BAD_INPUT, "%s: damaged JPEG 2000 frame (%s)", name,
                         message[0] ? message : "it cannot be decoded");
    for (OPJ_UINT32 c = 0; status == NW_OK && c < image->numcomps; c++)
        if (!image->comps[c].data) status = nw_fail(err, NW_BAD_INPUT, "%s: an empty JPEG 2000 frame", name);
    if (status == NW_OK) status = check(image, facts, name, err);
    if (status == NW_OK) {
        copy(image, facts, dst);
        *is_signed = image->comps[0].sgnd != 0;
    }
    opj_image_destroy(image);
    return status;
}

nw_status nw_dicom_j2k(const unsigned char *bytes, size_t size, const nw_dicom_facts *facts, void *dst,
                       bool *is_signed, const char *name, nw_error *err)
{
    bool boxed = size >= 12 && memcmp(bytes, "\0\0\0\x0cjP  \r\n\x87\n", 12) == 0;
    source s = {bytes, size, 0};
    opj_stream_t *stream = opj_stream_create(1 << 16, OPJ_TRUE);
    opj_codec_t *codec = opj_create_decompress(boxed ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
    nw_status status = NW_NO_MEMORY;
    if (stream && codec) {
        opj_stream_set_user_data(stream, &s, NULL);
        opj_stream_set_user_data_length(stream, size);
        opj_stream_set_read_function(stream, read_bytes);
        opj_stream_set_skip_function(stream, skip_bytes);
        opj_stream_set_seek_function(stream, seek_bytes);
        status = decode(codec, stream, facts, dst, is_signed, name, err);
    } else {
        nw_no_memory(err, size, name);
    }
    opj_destroy_codec(codec);
    opj_stream_destroy(stream);
    return status;
}
