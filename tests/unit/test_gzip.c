/* What is written as gzip, read by zlib's own reader and by gzip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "image/gzip.h"
#include "support/temp_folder.h"

#include <zlib.h>

static char folder[64];

static int setup(void **state)
{
    (void)state;
    temp_folder(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_remove(folder);
    return 0;
}

static nw_bytes write_one(const char *name, nw_gzip_for look, const void *head, size_t head_size,
                          const void *body, size_t size)
{
    char path[128];
    nw_error err;
    nw_output out;
    nw_bytes file;
    snprintf(path, sizeof path, "%s/%s.gz", folder, name);
    assert_int_equal(nw_output_open(path, &out, &err), NW_OK);
    if (nw_gzip_write(&out, look, head, head_size, body, size, &err)) fail_msg("%s", err.message);
    assert_int_equal(nw_output_commit(&out, &err), NW_OK);
    assert_int_equal(nw_file_read(path, SIZE_MAX, &file, &err), NW_OK);
    return file;
}

/* One member and nothing behind it: not every reader goes on after the first. */
static void check_one_member(const nw_bytes *file, const unsigned char *head, size_t head_size,
                             const unsigned char *body, size_t size)
{
    z_stream z = {.next_in = file->data, .avail_in = (uInt)file->size};
    unsigned char *all = malloc(head_size + size + 1);
    assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
    z.next_out = all;
    z.avail_out = (uInt)(head_size + size + 1);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END); /* the checksum and the size hold, too */
    assert_int_equal(z.avail_in, 0);
    assert_int_equal(z.total_out, head_size + size);
    inflateEnd(&z);
    assert_memory_equal(all, head, head_size);
    if (size) assert_memory_equal(all + head_size, body, size);
    free(all);
}

/* Zeros, noise, a text that repeats, and floats with runs of zeros between. */
static void fill(unsigned char *body, size_t size, int kind)
{
    uint32_t seed = 7;
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525u + 1013904223u;
        unsigned char noise = (unsigned char)(seed >> 24);
        body[i] = kind == 0   ? 0
                  : kind == 1 ? noise
                  : kind == 2 ? (unsigned char)"forty slices of lung, "[i % 22]
                              : (unsigned char)(i / 5000 % 3 ? 0 : noise);
    }
}

static void sizes_and_threads(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 33 * (1 << 18) + 12345};
    unsigned char head[352], *body = malloc(sizes[5]);
    for (size_t i = 0; i < sizeof head; i++) head[i] = (unsigned char)(i * 7);
    for (int kind = 0; kind < 4; kind++) {
        fill(body, sizes[5], kind);
        for (size_t s = 0; s < 6; s++)
            for (int look = NW_GZIP_RUNS; look <= NW_GZIP_MATCHES; look++) {
                int before = nw_threads_set(1);
                nw_bytes one = write_one("one", (nw_gzip_for)look, head, sizeof head, body, sizes[s]);
                nw_threads_set(3);
                nw_bytes three = write_one("three", (nw_gzip_for)look, head, sizeof head, body, sizes[s]);
                nw_threads_set(before);
                check_one_member(&one, head, sizeof head, body, sizes[s]);
                assert_int_equal(one.size, three.size);
                assert_memory_equal(one.data, three.data, one.size);
                /* zeros vanish, and noise costs next to nothing */
                if (kind == 0 && sizes[s] > 1) assert_true(one.size < sizes[s] / 200);
                if (kind == 1) assert_true(one.size < sizes[s] + sizes[s] / 1000 + 500);
                /* matches reach into the block before */
                if (kind == 2 && look == NW_GZIP_MATCHES && sizes[s] > 1)
                    assert_true(one.size < sizes[s] / 100);
                nw_free(one.data);
                nw_free(three.data);
            }
    }
    char command[160];
    snprintf(command, sizeof command, "gzip -t '%s/three.gz'", folder);
    assert_int_equal(system(command), 0);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sizes_and_threads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
