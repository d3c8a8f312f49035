/* DICOM files made to do harm: each gives one clear error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/dicom_make.h"
#include "support/temp_folder.h"

#include <narrows/scan.h>
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

/* As a file, and in its folder. Frees the bytes. */
static void refused(dicom_bytes *b, const nw_read_options *options, const char *word)
{
    nw_error err;
    nw_volume *v = NULL;
    const char *path = temp_write(folder, "bad", b->data, b->size);
    free(b->data);
    *b = (dicom_bytes){0};
    const char *paths[2] = {path, folder};
    for (int i = 0; i < 2; i++) {
        err.message[0] = 0;
        assert_int_equal(nw_volume_read(paths[i], options, &v, &err), NW_BAD_INPUT);
        assert_null(strchr(err.message, '\n'));
        if (i == 0 && !strstr(err.message, word)) fail_msg("'%s' lacks '%s'", err.message, word);
        assert_memory_equal(err.message, folder, strlen(folder));
    }
}

static dicom_image small(const void *pixels)
{
    dicom_image image = dicom_image_default();
    image.pixels = pixels;
    return image;
}

/* Sequences within sequences, which DCMTK enters by recursion. */
static void nested(void **state)
{
    (void)state;
    enum { LEVELS = 60000 };
    dicom_bytes b = {0};
    for (int closed = 0; closed < 2; closed++) {
        dicom_meta(&b, "1.2.840.10008.1.2.1");
        for (int i = 0; i < LEVELS; i++) {
            dicom_begin(&b, 0x00081140);
            dicom_item(&b);
        }
        for (int i = 0; closed && i < LEVELS; i++) {
            dicom_item_end(&b);
            dicom_end(&b);
        }
        refused(&b, NULL, "nested deeper than 64");
    }
    /* Implicit, and as unknown VR. */
    dicom_meta(&b, "1.2.840.10008.1.2");
    for (int i = 0; i < LEVELS; i++) {
        dicom_tag(&b, 0x00081140);
        dicom_number(&b, 0xffffffffU, 4);
        dicom_item(&b);
    }
    refused(&b, NULL, "nested deeper than 64");
    dicom_meta(&b, "1.2.840.10008.1.2.1");
    dicom_tag(&b, 0x00091001);
    dicom_put(&b, "UN\0\0\xff\xff\xff\xff", 8);
    for (int i = 0; i < LEVELS; i++) {
        dicom_item(&b);
        dicom_tag(&b, 0x00091001);
        dicom_number(&b, 0xffffffffU, 4);
    }
    refused(&b, NULL, "nested deeper than 64");
    /* Behind something that the standard does not know, where it could be anything. */
    dicom_meta(&b, "1.2.840.10008.1.2.1");
    dicom_tag(&b, 0x00080005);
    dicom_put(&b, "??\2\0  ", 6);
    for (int i = 0; i < LEVELS; i++) {
        dicom_begin(&b, 0x00081140);
        dicom_item(&b);
    }
    refused(&b, NULL, "cannot be followed");
}

/* A few KB that inflate to a GB: an element of zeros that goes on. */
static void inflated(void **state)
{
    (void)state;
    static unsigned char zeros[1 << 16], squeezed[1 << 16];
    z_stream z = {0};
    dicom_bytes plain = {0}, b = {0};
    dicom_head(&plain, 0x7fe00010, "OW", 0x7ffffffe);
    dicom_meta(&b, "1.2.840.10008.1.2.1.99");
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    for (int i = 0; i < 2000; i++) {
        z.next_in = i ? zeros : plain.data;
        z.avail_in = i ? sizeof zeros : (uInt)plain.size;
        do {
            z.next_out = squeezed;
            z.avail_out = sizeof squeezed;
            deflate(&z, i == 1999 ? Z_FINISH : Z_NO_FLUSH);
            dicom_put(&b, squeezed, sizeof squeezed - z.avail_out);
        } while (z.avail_out == 0);
    }
    deflateEnd(&z);
    free(plain.data);
    assert_true(b.size < 1 << 18);
    refused(&b, NULL, "cut off"); /* 131 MB of 2 GB */
    dicom_meta(&b, "1.2.840.10008.1.2.1.99");
    dicom_put(&b, "\xff\xff\xff\xff", 4);
    refused(&b, NULL, "deflated data set is damaged");
    dicom_meta(&b, "1.2.840.10008.1.2.1.99");
    refused(&b, NULL, "cut off");
}

/* A good file, cut everywhere: an error or, where only padding is gone, nothing else. */
static void cut(void **state)
{
    (void)state;
    uint16_t pixels[64] = {0};
    dicom_image image = small(pixels);
    dicom_bytes whole = dicom_make(&image);
    for (size_t size = 140; size < whole.size; size += 3) {
        dicom_bytes b = {0};
        dicom_put(&b, whole.data, size);
        refused(&b, NULL, "");
    }
    free(whole.data);
}

static void dimensions(void **state)
{
    (void)state;
    uint16_t pixels[64] = {0};
    dicom_image image = small(pixels);
    dicom_bytes b = dicom_make(&image);
    unsigned char *rows = NULL;
    for (size_t i = 0; i + 10 < b.size && !rows; i++)
        if (memcmp(b.data + i, "\x28\0\x10\0US", 6) == 0) rows = b.data + i + 8;
    assert_non_null(rows);
    memcpy(rows, "\xff\xff", 2);
    memcpy(rows + 10, "\xff\xff", 2); /* columns */
    refused(&b, &(nw_read_options){.max_bytes = (size_t)1 << 35}, "cut off, or the header wrong");
    image = small(pixels);
    image.stored = 17;
    b = dicom_make(&image);
    refused(&b, NULL, "17 bits stored");
    image = small(pixels);
    image.slope = 0;
    b = dicom_make(&image);
    refused(&b, NULL, "slope is 0");
    image = small(pixels);
    image.spacing[0] = 0;
    b = dicom_make(&image);
    refused(&b, NULL, "cannot be");
    image = small(pixels);
    image.orientation[3] = 1;
    b = dicom_make(&image);
    refused(&b, NULL, "right angles");
    double positions[4][3] = {{0}};
    image = small(pixels);
    image.frames = 4; /* of one, and 64 pixels are too few */
    image.rows = image.columns = 4;
    image.positions = positions;
    b = dicom_make(&image);
    refused(&b, &(nw_read_options){.volume = 4}, "there is no volume 4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nested, setup, teardown),
        cmocka_unit_test_setup_teardown(inflated, setup, teardown),
        cmocka_unit_test_setup_teardown(cut, setup, teardown),
        cmocka_unit_test_setup_teardown(dimensions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
