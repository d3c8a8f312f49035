#include "image/dicom_inflate.h"

#include "base/memory.h"

#include <zlib.h>

enum { PIECE = 1 << 16 };

static nw_status grow(nw_bytes *out, size_t *capacity, size_t limit, const char *name, nw_error *err)
{
    if (*capacity >= limit)
        return nw_fail(err, NW_BAD_INPUT, "%s: the deflated data set is larger than the limit of %zu bytes",
                       name, limit);
    size_t next = *capacity ? *capacity : 4 * (size_t)PIECE;
    next = next > limit / 2 ? limit : 2 * next;
    unsigned char *larger = nw_realloc(out->data, next, 1);
    if (!larger) return nw_no_memory(err, next, name);
    out->data = larger;
    *capacity = next;
    return NW_OK;
}

static nw_status extract(z_stream *z, FILE *file, size_t limit, const char *name, nw_bytes *out,
                         nw_error *err)
{
    unsigned char piece[PIECE];
    size_t capacity = 0;
    for (;;) {
        if (z->avail_in == 0) {
            z->next_in = piece;
            z->avail_in = (uInt)fread(piece, 1, PIECE, file);
            if (z->avail_in == 0)
                return nw_fail(err, NW_BAD_INPUT, "%s: the deflated data set is cut off", name);
        }
        if (out->size == capacity) NW_TRY(grow(out, &capacity, limit, name, err));
        size_t room = capacity - out->size;
        z->next_out = out->data + out->size;
        z->avail_out = room > 1U << 30 ? 1U << 30 : (uInt)room;
        uInt before = z->avail_out;
        int result = inflate(z, Z_NO_FLUSH);
        out->size += before - z->avail_out;
        if (result == Z_STREAM_END) return NW_OK;
        if (result == Z_MEM_ERROR) return nw_no_memory(err, PIECE, name);
        if (result != Z_OK && result != Z_BUF_ERROR)
            return nw_fail(err, NW_BAD_INPUT, "%s: the deflated data set is damaged (%s)", name,
                           z->msg ? z->msg : "bad data");
    }
}

nw_status nw_dicom_inflate(FILE *file, uint64_t from, size_t limit, const char *name, nw_bytes *out,
                           nw_error *err)
{
    z_stream z = {0};
    *out = (nw_bytes){0};
    if (fseeko(file, (off_t)from, SEEK_SET) != 0) return nw_fail(err, NW_IO, "%s: cannot be read", name);
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return nw_no_memory(err, PIECE, name);
    nw_status status = extract(&z, file, limit, name, out, err);
    inflateEnd(&z);
    if (status != NW_OK) {
        nw_free(out->data);
        *out = (nw_bytes){0};
    }
    return status;
}
