/* One DICOM image without a place in the body: an X-ray, a photograph, a screen. */
#include "image/dicom_series.h"
#include "image/dicom_values.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

/* PS3.3, C.7.6.3.1.2: full range, 8 bits. In place: rgb[3][pixels]. */
static void to_rgb(float *planes, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++) {
        float y = planes[i], cb = planes[pixels + i] - 128, cr = planes[2 * pixels + i] - 128;
        planes[i] = y + 1.402F * cr;
        planes[pixels + i] = y - 0.344136F * cb - 0.714136F * cr;
        planes[2 * pixels + i] = y + 1.772F * cb;
    }
    for (size_t i = 0; i < 3 * pixels; i++) planes[i] = fminf(fmaxf(roundf(planes[i]), 0), 255);
}

static nw_status check(const nw_dicom_facts *facts, const char *path, nw_error *err)
{
    static const char *const read[] = {"MONOCHROME1",  "MONOCHROME2", "RGB",    "YBR_FULL",
                                       "YBR_FULL_422", "YBR_RCT",     "YBR_ICT"};
    bool known = false;
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        if (strcmp(facts->photometric, read[i]) == 0 && (facts->samples == 3) == (i >= 2)) known = true;
    if (!known)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: photometric interpretation '%s' with %d samples per pixel is not read", path,
                       facts->photometric, facts->samples);
    if (facts->bits_allocated != 8 && facts->bits_allocated != 16)
        return nw_fail(err, NW_BAD_INPUT, "%s: samples of %d bits are not read as an image, 8 and 16 are",
                       path, facts->bits_allocated);
    if (strncmp(facts->photometric, "YBR_FULL", 8) == 0 && facts->bits_stored != 8)
        return nw_fail(err, NW_BAD_INPUT, "%s: YBR colours of %d bits are not read, 8 are", path,
                       facts->bits_stored);
    return NW_OK;
}

static nw_status read_values(nw_dicom *file, const nw_dicom_facts *facts, const nw_read_limits *limits,
                             nw_volume *v, nw_error *err)
{
    size_t count = nw_dicom_frame_samples(facts), channels = (size_t)facts->samples,
           pixels = count / channels;
    void *samples = nw_alloc_aligned(count, 4);
    float *values = nw_alloc_aligned(count, sizeof *values);
    nw_status status = NW_OK;
    if (!samples || !values) status = nw_no_memory(err, count * 8, v->path);
    if (status == NW_OK) status = nw_dicom_samples(file, facts, limits->options.volume, samples, err);
    if (status == NW_OK) {
        bool is_signed = nw_dicom_frame_is_signed(file, facts);
        float full = (float)v->info.full_scale, low = is_signed ? -(full + 1) / 2 : 0;
        v->info.padded = nw_dicom_values(facts, is_signed, 1, 0, channels > 1 || limits->options.keep_padding,
                                         samples, count, values);
        bool inverted = strcmp(facts->photometric, "MONOCHROME1") == 0;
        for (size_t i = 0; i < count; i++) {
            float value = isnan(values[i]) ? 0 : inverted ? full - (values[i] - low) : values[i] - low;
            v->voxels[i % channels * pixels + i / channels] = value;
        }
        if (strncmp(facts->photometric, "YBR_FULL", 8) == 0) to_rgb(v->voxels, pixels);
    }
    nw_free(samples);
    nw_free(values);
    return status;
}

nw_status nw_dicom_picture_read(const nw_dicom_entry *entry, const nw_read_limits *limits, nw_volume **out,
                                nw_error *err)
{
    nw_dicom *file = NULL;
    nw_dicom_facts facts = {0};
    nw_volume *v = NULL;
    int64_t frame = limits->options.volume;
    NW_TRY(nw_dicom_open(entry->path, limits->max_bytes, &file, &facts, err));
    nw_status status = NW_OK;
    if (!facts.has_pixels)
        status = nw_fail(err, NW_IO, "%s: the file changed while it was read", entry->path);
    if (status == NW_OK) status = check(&facts, entry->path, err);
    if (status == NW_OK && (frame < 0 || frame >= facts.frame_count))
        status = nw_fail(err, NW_BAD_INPUT, "%s: there is no volume %lld, the file has 0 to %lld",
                         entry->path, (long long)frame, (long long)facts.frame_count - 1);
    if (status == NW_OK)
        status = nw_volume_new_planar(NW_KIND_PICTURE, entry->path, 1, facts.samples, facts.rows,
                                      facts.columns, limits, &v, err);
    if (status == NW_OK) {
        v->info.format = "DICOM";
        v->info.stored = facts.bits_allocated == 8 ? "uint8" : "uint16";
        v->info.bits = facts.bits_stored;
        v->info.full_scale = (double)((1 << facts.bits_stored) - 1);
        v->info.volumes = facts.frame_count;
        v->info.volume = frame;
        status = read_values(file, &facts, limits, v, err);
    }
    nw_dicom_close(file);
    nw_dicom_facts_free(&facts);
    if (status != NW_OK) {
        nw_volume_free(v);
        return status;
    }
    *out = v;
    return NW_OK;
}
