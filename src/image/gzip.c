#include "image/gzip.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

bool nw_gzip_looks(const nw_bytes *file)
{
    return file->size >= 2 && file->data[0] == 0x1f && file->data[1] == 0x8b;
}

typedef struct reader {
    z_stream z;
    const unsigned char *next; /* not yet given to z */
    size_t left;
    bool ended;
} reader;

static nw_status start(reader *r, const nw_bytes *file, const char *name, nw_error *err)
{
    memset(r, 0, sizeof *r);
    r->next = file->data;
    r->left = file->size;
    if (inflateInit2(&r->z, 16 + MAX_WBITS) != Z_OK) return nw_no_memory(err, 65536, name);
    return NW_OK;
}

/* Inflates up to `size` bytes; *got is less only at the end of the stream. */
static nw_status take(reader *r, const char *name, unsigned char *dst, size_t size, size_t *got,
                      nw_error *err)
{
    size_t done = 0;
    while (done < size && !r->ended) {
        if (r->z.avail_in == 0 && r->left) {
            uInt n = r->left > INT_MAX ? INT_MAX : (uInt)r->left;
            r->z.next_in = (z_const Bytef *)(uintptr_t)r->next;
            r->z.avail_in = n;
            r->next += n;
            r->left -= n;
        }
        size_t wanted = size - done;
        uInt n = wanted > INT_MAX ? INT_MAX : (uInt)wanted;
        r->z.next_out = dst + done;
        r->z.avail_out = n;
        int result = inflate(&r->z, Z_NO_FLUSH);
        done += n - r->z.avail_out;
        if (result == Z_STREAM_END) {
            /* Members may follow one another; anything else behind the last one is ignored, as gzip does. */
            if (r->z.avail_in >= 2 && r->z.next_in[0] == 0x1f && r->z.next_in[1] == 0x8b)
                inflateReset(&r->z);
            else
                r->ended = true;
        } else if (result == Z_BUF_ERROR && r->z.avail_in == 0 && r->left == 0) {
            return nw_fail(err, NW_BAD_INPUT, "%s: the gzip stream is cut off; copy the file again", name);
        } else if (result == Z_MEM_ERROR) {
            return nw_no_memory(err, 65536, name);
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            return nw_fail(err, NW_BAD_INPUT, "%s: the gzip stream is damaged (%s)", name,
                           r->z.msg ? r->z.msg : "bad data");
        }
    }
    *got = done;
    return NW_OK;
}

nw_status nw_gzip_peek(const nw_bytes *file, const char *name, unsigned char *dst, size_t size, size_t *got,
                       nw_error *err)
{
    reader r;
    NW_TRY(start(&r, file, name, err));
    nw_status status = take(&r, name, dst, size, got, err);
    inflateEnd(&r.z);
    return status;
}

static nw_status discard(reader *r, const char *name, size_t size, size_t *got, nw_error *err)
{
    unsigned char sink[16384];
    size_t done = 0;
    while (done < size) {
        size_t n = size - done < sizeof sink ? size - done : sizeof sink, some;
        NW_TRY(take(r, name, sink, n, &some, err));
        done += some;
        if (some < n) break;
    }
    *got = done;
    return NW_OK;
}

static nw_status extract(reader *r, const char *name, size_t skip, unsigned char *dst, size_t size,
                         size_t rest, nw_error *err)
{
    size_t skipped, got = 0;
    NW_TRY(discard(r, name, skip, &skipped, err));
    if (skipped == skip) NW_TRY(take(r, name, dst, size, &got, err));
    if (got < size || skipped < skip)
        return nw_fail(err, NW_BAD_INPUT, "%s: %zu bytes when inflated, the header promises %zu", name,
                       skipped + got, skip + size);
    return discard(r, name, rest, &got, err);
}

nw_status nw_gzip_extract(const nw_bytes *file, const char *name, size_t skip, unsigned char *dst,
                          size_t size, size_t rest, nw_error *err)
{
    reader r;
    NW_TRY(start(&r, file, name, err));
    nw_status status = extract(&r, name, skip, dst, size, rest, err);
    inflateEnd(&r.z);
    return status;
}
