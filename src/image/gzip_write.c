/* gzip (RFC 1952) by zlib, in blocks that threads deflate side by side, as pigz does: each but the last ends
 * with a sync flush, that is at a whole byte, so that they follow one another in one stream. */
#include "image/gzip.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <string.h>
#include <zlib.h>

enum {
    BLOCK = 1 << 18, /* bytes that one thread takes at a time: shorter ones cost more headers */
    BATCH = 32,      /* blocks in memory before they are written */
    WINDOW = 1 << 15 /* how far back deflate looks (RFC 1951) */
};

typedef struct block {
    size_t size;       /* of `data`, deflated */
    unsigned long crc; /* of the bytes before */
    bool failed;
} block;

typedef struct batch {
    const unsigned char *body;
    size_t size;  /* of the body */
    size_t first; /* number of the first block */
    nw_gzip_for look;
    block blocks[BATCH];
    unsigned char *data; /* [BATCH][room] */
    size_t room;
} batch;

/* Level 4 leaves scans as small as the default does, in a third of its time. The digits of a float repeat by
 * chance only: looking for matches takes maps four times as long, and spares 2 % of their bytes. */
static int begin(z_stream *z, nw_gzip_for look)
{
    int strategy = look == NW_GZIP_RUNS ? Z_RLE : Z_DEFAULT_STRATEGY;
    memset(z, 0, sizeof *z);
    return deflateInit2(z, 4, Z_DEFLATED, -MAX_WBITS, 8, strategy);
}

/* size < 4 GiB; `before`: bytes in front of src that matches may point to. False where zlib fails. */
static bool deflate_block(nw_gzip_for look, const unsigned char *src, size_t size, size_t before, bool last,
                          unsigned char *dst, size_t room, size_t *written)
{
    z_stream z;
    if (begin(&z, look) != Z_OK) return false;
    bool good = true;
    if (look == NW_GZIP_MATCHES && before) {
        uInt n = before < WINDOW ? (uInt)before : WINDOW;
        good = deflateSetDictionary(&z, src - n, n) == Z_OK;
    }
    z.next_in = (z_const Bytef *)(uintptr_t)src;
    z.avail_in = (uInt)size;
    z.next_out = dst;
    z.avail_out = (uInt)room;
    int result = good ? deflate(&z, last ? Z_FINISH : Z_SYNC_FLUSH) : Z_STREAM_ERROR;
    *written = room - z.avail_out;
    deflateEnd(&z);
    return last ? result == Z_STREAM_END : result == Z_OK && z.avail_in == 0 && z.avail_out > 0;
}

static void deflate_blocks(void *context, size_t from, size_t end)
{
    batch *b = context;
    for (size_t i = from; i < end; i++) {
        size_t at = (b->first + i) * BLOCK, size = b->size - at < BLOCK ? b->size - at : BLOCK;
        const unsigned char *src = b->body + at;
        block *k = &b->blocks[i];
        k->crc = crc32_z(crc32_z(0, NULL, 0), src, size);
        k->failed = !deflate_block(b->look, src, size, at, at + size == b->size, b->data + i * b->room,
                                   b->room, &k->size);
    }
}

static void put_u32(unsigned char *dst, uint64_t value)
{
    for (int i = 0; i < 4; i++) dst[i] = (unsigned char)(value >> 8 * i);
}

static nw_status write_body(nw_output *out, batch *b, unsigned long *crc, nw_error *err)
{
    size_t count = b->size ? (b->size - 1) / BLOCK + 1 : 1;
    for (b->first = 0; b->first < count; b->first += BATCH) {
        size_t n = count - b->first < BATCH ? count - b->first : BATCH;
        nw_parallel(n, 1, deflate_blocks, b);
        for (size_t i = 0; i < n; i++) {
            size_t at = (b->first + i) * BLOCK, size = b->size - at < BLOCK ? b->size - at : BLOCK;
            if (b->blocks[i].failed) return nw_fail(err, NW_FAILED, "%s: zlib failed", out->path);
            nw_output_write(out, b->data + i * b->room, b->blocks[i].size);
            *crc = crc32_combine(*crc, b->blocks[i].crc, (z_off_t)size);
        }
    }
    return NW_OK;
}

/* The head is a block of its own. */
static nw_status write_all(nw_output *out, batch *b, const unsigned char *head, size_t head_size,
                           nw_error *err)
{
    static const unsigned char magic[10] = {0x1f, 0x8b, Z_DEFLATED, [9] = 3}; /* no name, no time, Unix */
    unsigned char tail[8];
    unsigned long crc = crc32_z(crc32_z(0, NULL, 0), head, head_size);
    size_t size;
    if (!deflate_block(b->look, head, head_size, 0, false, b->data, b->room, &size))
        return nw_fail(err, NW_FAILED, "%s: zlib failed", out->path);
    nw_output_write(out, magic, sizeof magic);
    nw_output_write(out, b->data, size);
    NW_TRY(write_body(out, b, &crc, err));
    put_u32(tail, crc);
    put_u32(tail + 4, (uint64_t)head_size + b->size);
    nw_output_write(out, tail, sizeof tail);
    return NW_OK;
}

nw_status nw_gzip_write(nw_output *out, nw_gzip_for look, const void *head, size_t head_size,
                        const void *body, size_t body_size, nw_error *err)
{
    z_stream z;
    if (head_size > BLOCK) return nw_fail(err, NW_USAGE, "%s: a head of %zu bytes", out->path, head_size);
    if (begin(&z, look) != Z_OK) return nw_no_memory(err, 1 << 18, out->path);
    /* zlib's bound counts the end of a stream; a sync flush takes 5 bytes at most. */
    batch b = {.body = body, .size = body_size, .look = look, .room = deflateBound(&z, BLOCK) + 64};
    deflateEnd(&z);
    b.data = nw_alloc_aligned(BATCH, b.room);
    if (!b.data) return nw_no_memory(err, BATCH * b.room, out->path);
    nw_status status = write_all(out, &b, head, head_size, err);
    nw_free(b.data);
    return status;
}
