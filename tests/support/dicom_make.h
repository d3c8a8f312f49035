/* DICOM files made byte by byte: explicit little endian, elements in the order of their tags. */
#ifndef NW_TEST_DICOM_MAKE_H
#define NW_TEST_DICOM_MAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct dicom_bytes {
    unsigned char *data;
    size_t size, capacity;
} dicom_bytes;

static inline void dicom_put(dicom_bytes *b, const void *data, size_t size)
{
    if (b->size + size > b->capacity) {
        b->capacity = 2 * (b->size + size) + 4096;
        b->data = realloc(b->data, b->capacity);
        if (!b->data) abort();
    }
    if (size) memcpy(b->data + b->size, data, size);
    b->size += size;
}

static inline void dicom_number(dicom_bytes *b, uint32_t value, int bytes)
{
    unsigned char le[4] = {(unsigned char)value, (unsigned char)(value >> 8), (unsigned char)(value >> 16),
                           (unsigned char)(value >> 24)};
    dicom_put(b, le, (size_t)bytes);
}

static inline void dicom_tag(dicom_bytes *b, uint32_t tag)
{
    dicom_number(b, tag >> 16, 2);
    dicom_number(b, tag & 0xffff, 2);
}

/* With a length of 16 or 32 bits, as the VR has it. */
static inline void dicom_head(dicom_bytes *b, uint32_t tag, const char *vr, uint32_t length)
{
    dicom_tag(b, tag);
    dicom_put(b, vr, 2);
    bool wide = strcmp(vr, "OB") == 0 || strcmp(vr, "OW") == 0 || strcmp(vr, "SQ") == 0;
    if (wide) dicom_number(b, 0, 2);
    dicom_number(b, length, wide ? 4 : 2);
}

static inline void dicom_text(dicom_bytes *b, uint32_t tag, const char *vr, const char *text)
{
    size_t length = strlen(text);
    dicom_head(b, tag, vr, (uint32_t)(length + (length & 1)));
    dicom_put(b, text, length);
    if (length & 1) dicom_put(b, strcmp(vr, "UI") == 0 ? "" : " ", 1);
}

static inline void dicom_us(dicom_bytes *b, uint32_t tag, int value)
{
    dicom_head(b, tag, "US", 2);
    dicom_number(b, (uint32_t)value & 0xffff, 2);
}

static inline void dicom_reals(dicom_bytes *b, uint32_t tag, const double *values, int count)
{
    char text[256] = "";
    for (int i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.9g", i ? "\\" : "", values[i]);
    dicom_text(b, tag, "DS", text);
}

static inline void dicom_begin(dicom_bytes *b, uint32_t sequence)
{
    dicom_head(b, sequence, "SQ", 0xffffffffU);
}

static inline void dicom_item(dicom_bytes *b)
{
    dicom_tag(b, 0xfffee000U);
    dicom_number(b, 0xffffffffU, 4);
}

static inline void dicom_item_end(dicom_bytes *b)
{
    dicom_tag(b, 0xfffee00dU);
    dicom_number(b, 0, 4);
}

static inline void dicom_end(dicom_bytes *b)
{
    dicom_tag(b, 0xfffee0ddU);
    dicom_number(b, 0, 4);
}

static inline void dicom_meta(dicom_bytes *b, const char *transfer_syntax)
{
    static const unsigned char preamble[128];
    dicom_put(b, preamble, sizeof preamble);
    dicom_put(b, "DICM", 4);
    size_t length = strlen(transfer_syntax);
    dicom_head(b, 0x00020000, "UL", 4);
    dicom_number(b, (uint32_t)(8 + length + (length & 1)), 4);
    dicom_text(b, 0x00020010, "UI", transfer_syntax);
}

/* One image; zero members take the defaults of dicom_image_default. */
typedef struct dicom_image {
    const char *series, *study, *modality, *type, *photometric, *sop;
    int series_number, acquisition, instance;
    bool placed;
    double position[3], orientation[6], spacing[2], thickness;
    int rows, columns, samples, allocated, stored, high, is_signed;
    double slope, inter;
    bool padded, padded_range;
    int padding, padding_limit;
    const void *pixels;
    /* Multi-frame: places of the frames in functional groups. */
    int frames;
    double (*positions)[3];
} dicom_image;

static inline dicom_image dicom_image_default(void)
{
    static int turn;
    static char uids[64][32];
    char *sop = uids[turn % 64];
    snprintf(sop, 32, "1.2.3.%d", 1000 + (turn * 7919) % 9000);
    turn++;
    return (dicom_image){.series = "1.2.3.4",
                         .study = "1.2.3",
                         .modality = "CT",
                         .type = "ORIGINAL\\PRIMARY\\AXIAL",
                         .photometric = "MONOCHROME2",
                         .sop = sop,
                         .placed = true,
                         .orientation = {1, 0, 0, 0, 1, 0},
                         .spacing = {1, 1},
                         .rows = 8,
                         .columns = 8,
                         .samples = 1,
                         .allocated = 16,
                         .stored = 16,
                         .high = 15,
                         .is_signed = 1,
                         .slope = 1};
}

static inline void dicom_groups(dicom_bytes *b, const dicom_image *image)
{
    dicom_begin(b, 0x52009229);
    dicom_item(b);
    dicom_begin(b, 0x00209116);
    dicom_item(b);
    dicom_reals(b, 0x00200037, image->orientation, 6);
    dicom_item_end(b);
    dicom_end(b);
    dicom_begin(b, 0x00289110);
    dicom_item(b);
    dicom_reals(b, 0x00280030, image->spacing, 2);
    dicom_item_end(b);
    dicom_end(b);
    dicom_begin(b, 0x00289145);
    dicom_item(b);
    dicom_reals(b, 0x00281052, &image->inter, 1);
    dicom_reals(b, 0x00281053, &image->slope, 1);
    dicom_item_end(b);
    dicom_end(b);
    dicom_item_end(b);
    dicom_end(b);
    dicom_begin(b, 0x52009230);
    for (int f = 0; f < image->frames; f++) {
        dicom_item(b);
        dicom_begin(b, 0x00209113);
        dicom_item(b);
        dicom_reals(b, 0x00200032, image->positions[f], 3);
        dicom_item_end(b);
        dicom_end(b);
        dicom_item_end(b);
    }
    dicom_end(b);
}

static inline dicom_bytes dicom_make(const dicom_image *image)
{
    dicom_bytes b = {0};
    char number[32];
    dicom_meta(&b, "1.2.840.10008.1.2.1");
    dicom_text(&b, 0x00080008, "CS", image->type);
    dicom_text(&b, 0x00080018, "UI", image->sop);
    dicom_text(&b, 0x00080060, "CS", image->modality);
    dicom_text(&b, 0x0008103e, "LO", "SECRETSERIES");
    dicom_text(&b, 0x00100010, "PN", "SECRET^NAME");
    dicom_text(&b, 0x00100020, "LO", "SECRETID");
    if (image->thickness > 0) dicom_reals(&b, 0x00180050, &image->thickness, 1);
    dicom_text(&b, 0x0020000d, "UI", image->study);
    dicom_text(&b, 0x0020000e, "UI", image->series);
    snprintf(number, sizeof number, "%d", image->series_number);
    dicom_text(&b, 0x00200011, "IS", number);
    snprintf(number, sizeof number, "%d", image->acquisition);
    dicom_text(&b, 0x00200012, "IS", number);
    snprintf(number, sizeof number, "%d", image->instance);
    dicom_text(&b, 0x00200013, "IS", number);
    bool own = image->placed && !image->frames;
    if (own) dicom_reals(&b, 0x00200032, image->position, 3);
    if (own) dicom_reals(&b, 0x00200037, image->orientation, 6);
    dicom_us(&b, 0x00280002, image->samples);
    dicom_text(&b, 0x00280004, "CS", image->photometric);
    if (image->samples > 1) dicom_us(&b, 0x00280006, 0);
    if (image->frames) {
        snprintf(number, sizeof number, "%d", image->frames);
        dicom_text(&b, 0x00280008, "IS", number);
    }
    dicom_us(&b, 0x00280010, image->rows);
    dicom_us(&b, 0x00280011, image->columns);
    if (own) dicom_reals(&b, 0x00280030, image->spacing, 2);
    dicom_us(&b, 0x00280100, image->allocated);
    dicom_us(&b, 0x00280101, image->stored);
    dicom_us(&b, 0x00280102, image->high);
    dicom_us(&b, 0x00280103, image->is_signed);
    if (image->padded) dicom_us(&b, 0x00280120, image->padding);
    if (image->padded_range) dicom_us(&b, 0x00280121, image->padding_limit);
    if (own) dicom_reals(&b, 0x00281052, &image->inter, 1);
    if (own) dicom_reals(&b, 0x00281053, &image->slope, 1);
    if (image->frames) dicom_groups(&b, image);
    size_t size = (size_t)image->rows * (size_t)image->columns * (size_t)image->samples *
                  (size_t)(image->allocated / 8) * (size_t)(image->frames ? image->frames : 1);
    dicom_head(&b, 0x7fe00010, "OW", (uint32_t)(size + (size & 1)));
    dicom_put(&b, image->pixels, size);
    if (size & 1) dicom_put(&b, "", 1);
    return b;
}

#endif
