#include "image/dicom_walk.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW = 1 << 16, FEW_ITEMS = 1000 };

static const uint32_t UNDEFINED = 0xffffffffU;
static const uint32_t ITEM = 0xfffee000U, ITEM_END = 0xfffee00dU, SEQUENCE_END = 0xfffee0ddU;
static const uint32_t PIXELS = 0x7fe00010U;
static const char DEFLATED[] = "1.2.840.10008.1.2.1.99";

typedef enum walked { DONE, LOST, DEEP, CUT } walked;

typedef struct walker {
    FILE *file;
    const unsigned char *memory;
    uint64_t size, at;
    uint64_t from, filled; /* what of the file the window holds */
    bool big;              /* byte order of the data set */
    unsigned char window[WINDOW];
} walker;

/* `count` (at most 16) bytes at w->at, which moves on; NULL at the end. */
static const unsigned char *take(walker *w, size_t count)
{
    if (w->at > w->size || w->size - w->at < count) return NULL;
    const unsigned char *bytes;
    if (w->memory) {
        bytes = w->memory + w->at;
    } else {
        if (w->at < w->from || w->at + count > w->from + w->filled) {
            if (fseeko(w->file, (off_t)w->at, SEEK_SET) != 0) return NULL;
            w->from = w->at;
            w->filled = fread(w->window, 1, WINDOW, w->file);
            if (w->filled < count) return NULL;
        }
        bytes = w->window + (w->at - w->from);
    }
    w->at += count;
    return bytes;
}

static uint32_t number(const unsigned char *b, int bytes, bool big)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint32_t)b[i] << 8 * (big ? bytes - 1 - i : i);
    return value;
}

typedef struct element {
    uint32_t tag, length;
    char vr[3]; /* "" where implicit, and of item tags */
} element;

static bool one_of(const char *vr, const char *list)
{
    for (; *list; list += 2)
        if (memcmp(vr, list, 2) == 0) return true;
    return false;
}

static bool read_element(walker *w, bool explicit_vr, element *out)
{
    const unsigned char *b = take(w, 8);
    if (!b) return false;
    out->tag = number(b, 2, w->big) << 16 | number(b + 2, 2, w->big);
    out->vr[0] = out->vr[1] = out->vr[2] = 0;
    if (!explicit_vr || out->tag >> 16 == 0xfffe) {
        out->length = number(b + 4, 4, w->big);
        return true;
    }
    memcpy(out->vr, b + 4, 2);
    if (one_of(out->vr, "AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS")) {
        out->length = number(b + 6, 2, w->big);
        return true;
    }
    /* OB OD OF OL OV OW SQ SV UC UN UR UT UV, and what is unknown, which DCMTK takes for one of these. */
    if (out->vr[0] < 'A' || out->vr[0] > 'Z' || out->vr[1] < 'A' || out->vr[1] > 'Z') return false;
    b = take(w, 4);
    if (!b) return false;
    out->length = number(b, 4, w->big);
    return true;
}

/* Skips `length` bytes within `end`. */
static bool skip(walker *w, uint64_t end, uint32_t length)
{
    if (length == UNDEFINED || w->at > end || end - w->at < length) return false;
    w->at += length;
    return true;
}

static walked items(walker *w, uint64_t end, bool delimited, bool explicit_vr, int depth);

/* Elements up to `end`, or up to the end of the item where it is delimited. */
static walked elements(walker *w, uint64_t end, bool delimited, bool explicit_vr, int depth)
{
    while (w->at < end) {
        element e;
        if (!read_element(w, explicit_vr, &e)) return LOST;
        if (e.tag == ITEM_END) return delimited && e.length == 0 ? DONE : LOST;
        if (e.tag >> 16 == 0xfffe) return LOST;
        uint64_t start = w->at;
        bool open = e.length == UNDEFINED;
        if (!open && w->size - start < e.length) return CUT; /* DCMTK would ask for memory first */
        if (!open && (end < start || end - start < e.length)) return LOST;
        if (e.tag == PIXELS && open) { /* fragments lie flat */
            do {
                if (!read_element(w, explicit_vr, &e) || (e.tag != ITEM && e.tag != SEQUENCE_END) ||
                    !skip(w, end, e.length))
                    return LOST;
            } while (e.tag == ITEM);
            continue;
        }
        bool sequence = open || memcmp(e.vr, "SQ", 2) == 0;
        if (!sequence && !explicit_vr && e.tag != PIXELS && e.length >= 8) {
            const unsigned char *b = take(w, 4);
            sequence = b && (number(b, 2, w->big) << 16 | number(b + 2, 2, w->big)) == ITEM;
            w->at = start;
        }
        if (sequence) {
            /* Within UN of undefined length everything is implicit little endian (PS3.5, 6.2.2, note 2). */
            bool inner = explicit_vr && memcmp(e.vr, "UN", 2) != 0;
            if (explicit_vr && !inner && w->big) return LOST;
            walked result = items(w, open ? end : start + e.length, open, inner, depth + 1);
            if (result != DONE) return result;
        } else if (!skip(w, end, e.length)) {
            return LOST;
        }
    }
    return delimited || w->at != end ? LOST : DONE;
}

static walked items(walker *w, uint64_t end, bool delimited, bool explicit_vr, int depth)
{
    if (depth > NW_DICOM_DEPTH) return DEEP;
    while (w->at < end) {
        element e;
        if (!read_element(w, explicit_vr, &e)) return LOST;
        if (e.tag == SEQUENCE_END) return delimited && e.length == 0 ? DONE : LOST;
        if (e.tag != ITEM) return LOST;
        bool open = e.length == UNDEFINED;
        if (!open && (w->at > end || end - w->at < e.length)) return LOST;
        walked result = elements(w, open ? end : w->at + e.length, open, explicit_vr, depth);
        if (result != DONE) return result;
    }
    return delimited ? LOST : DONE;
}

/* The header (PS3.10): always explicit little endian. False where it cannot be followed. */
static bool header(walker *w, nw_dicom_outline *out)
{
    const unsigned char *magic;
    w->at = 128;
    magic = take(w, 4);
    if (!magic || memcmp(magic, "DICM", 4) != 0) w->at = 0;
    for (;;) {
        uint64_t start = w->at;
        const unsigned char *b = take(w, 2);
        w->at = start;
        out->dataset = start;
        if (!b || number(b, 2, false) != 2) return true;
        element e;
        if (!read_element(w, true, &e) || e.length > w->size) return false;
        uint64_t value = w->at;
        if (e.tag == 0x00020010 && e.length < NW_DICOM_UID) {
            for (uint32_t i = 0; i < e.length; i++) {
                b = take(w, 1);
                if (!b) return false;
                out->transfer_syntax[i] = *b > 32 && *b < 127 ? (char)*b : 0;
            }
            out->transfer_syntax[e.length] = 0;
        }
        w->at = value;
        if (!skip(w, w->size, e.length)) return false;
    }
}

/* Item tags in either byte order, wherever they lie; stops above `limit`. */
static size_t count_item_tags(walker *w, size_t limit)
{
    size_t count = 0;
    uint32_t last = 0;
    w->at = 0;
    for (const unsigned char *b; count <= limit && (b = take(w, 1));) {
        last = last << 8 | *b;
        if (last == 0xfeff00e0U || last == ITEM) count++;
    }
    return count;
}

/* Whether the UID of deflated data sets stands anywhere: DCMTK might find it where the walk did not, and
 * would inflate without a limit. */
static bool mentions_deflated(walker *w)
{
    size_t matched = 0;
    w->at = 0;
    for (const unsigned char *b; DEFLATED[matched] && (b = take(w, 1));)
        matched = *b == (unsigned char)DEFLATED[matched] ? matched + 1 : *b == (unsigned char)DEFLATED[0];
    return !DEFLATED[matched];
}

static nw_status walk(walker *w, const char *name, nw_dicom_outline *out, nw_error *err)
{
    walked result = LOST;
    bool explicit_vr = true;
    if (w->memory || header(w, out)) {
        const char *uid = out->transfer_syntax;
        if (strcmp(uid, DEFLATED) == 0) return NW_OK;
        w->big = strcmp(uid, "1.2.840.10008.1.2.2") == 0;
        if (strcmp(uid, "1.2.840.10008.1.2") == 0) {
            explicit_vr = false;
        } else if (!*uid && !w->memory) {
            element first;
            explicit_vr = read_element(w, true, &first);
            w->at = out->dataset;
        }
        result = elements(w, w->size, false, explicit_vr, 0);
    }
    bool sure = result == DONE && out->transfer_syntax[0];
    if (!sure && !w->memory && mentions_deflated(w)) result = CUT;
    /* In memory DCMTK takes values in at once, as long as their lengths say: there they must be followed. */
    if (result == LOST && !w->memory && count_item_tags(w, FEW_ITEMS) <= FEW_ITEMS) result = DONE;
    if (w->file && ferror(w->file)) return nw_fail(err, NW_IO, "%s: cannot be read", name);
    if (result == CUT)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: a damaged DICOM file: it is cut off, or its header cannot be followed", name);
    if (result == DEEP)
        return nw_fail(err, NW_BAD_INPUT, "%s: sequences are nested deeper than %d levels", name,
                       NW_DICOM_DEPTH);
    if (result == LOST)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: a damaged DICOM file: its elements cannot be followed to the end", name);
    return NW_OK;
}

nw_status nw_dicom_walk(FILE *file, const unsigned char *memory, size_t size, const char *name,
                        nw_dicom_outline *out, nw_error *err)
{
    memset(out, 0, sizeof *out);
    walker *w = malloc(sizeof *w);
    if (!w) return nw_no_memory(err, sizeof *w, name);
    w->file = file;
    w->memory = memory;
    w->size = size;
    w->at = w->from = w->filled = 0;
    w->big = false;
    if (file) {
        off_t end = fseeko(file, 0, SEEK_END) == 0 ? ftello(file) : -1;
        w->size = end < 0 ? 0 : (uint64_t)end;
    }
    nw_status status = walk(w, name, out, err);
    free(w);
    return status;
}
