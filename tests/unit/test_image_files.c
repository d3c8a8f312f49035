/* PNG, JPEG and .npy: what encoders wrote is read back; damage is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/temp_folder.h"

#include <math.h>
#include <narrows/image.h>
#include <spng.h>
#include <turbojpeg.h>

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

static nw_volume *read_ok(const char *path)
{
    nw_error err;
    nw_volume *v = NULL;
    if (nw_volume_read(path, NULL, &v, &err) != NW_OK) fail_msg("%s", err.message);
    return v;
}

static void refused(const char *path, const nw_read_options *options, nw_status wanted, const char *words)
{
    nw_error err;
    nw_volume *v = NULL;
    nw_status status = nw_volume_read(path, options, &v, &err);
    if (status != wanted) fail_msg("%s: status %d: %s", path, status, status ? err.message : "read");
    assert_null(v);
    if (!strstr(err.message, words) || !strstr(err.message, path))
        fail_msg("'%s' lacks '%s'", err.message, words);
}

/* A 3 x 2 PNG of any type; samples[2][3 * channels] as bytes on the wire. */
static const char *make_png(int type, int depth, const void *rows, size_t size, const struct spng_plte *plte)
{
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    struct spng_ihdr ihdr = {
        .width = 3, .height = 2, .bit_depth = (uint8_t)depth, .color_type = (uint8_t)type};
    struct spng_plte palette = {0};
    if (plte) palette = *plte;
    assert_int_equal(spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1), 0);
    assert_int_equal(spng_set_ihdr(ctx, &ihdr), 0);
    if (plte) assert_int_equal(spng_set_plte(ctx, &palette), 0);
    assert_int_equal(spng_encode_image(ctx, rows, size, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE), 0);
    int code = 0;
    size_t length;
    void *png = spng_get_png_buffer(ctx, &length, &code);
    const char *path = temp_write(folder, "made.png", png, length);
    free(png);
    spng_ctx_free(ctx);
    return path;
}

static void holds(const char *path, int64_t channels, double full, const float *expected)
{
    nw_volume *v = read_ok(path);
    const nw_volume_info *info = nw_volume_get_info(v);
    float got[18];
    assert_int_equal(info->kind, NW_KIND_PICTURE);
    assert_int_equal(info->channels, channels);
    assert_int_equal(info->rows, 2);
    assert_int_equal(info->columns, 3);
    assert_true(info->full_scale == full);
    assert_int_equal(nw_volume_slice(v, 0, got, NULL), NW_OK);
    assert_memory_equal(got, expected, (size_t)(6 * channels) * sizeof(float));
    nw_volume_free(v);
}

static void every_type_of_png(void **state)
{
    (void)state;
    static const float grey[6] = {0, 1, 2, 100, 200, 255};
    const uint8_t g8[6] = {0, 1, 2, 100, 200, 255};
    holds(make_png(SPNG_COLOR_TYPE_GRAYSCALE, 8, g8, 6, NULL), 1, 255, grey);
    const uint8_t ga8[12] = {0, 9, 1, 0, 2, 255, 100, 1, 200, 2, 255, 3};
    holds(make_png(SPNG_COLOR_TYPE_GRAYSCALE_ALPHA, 8, ga8, 12, NULL), 1, 255, grey);
    static const float wide[6] = {0, 1, 256, 40000, 65534, 65535};
    const uint16_t g16[6] = {0, 1, 256, 40000, 65534, 65535};
    holds(make_png(SPNG_COLOR_TYPE_GRAYSCALE, 16, g16, 12, NULL), 1, 65535, wide);
    const uint16_t ga16[12] = {0, 7, 1, 7, 256, 7, 40000, 7, 65534, 7, 65535, 7};
    holds(make_png(SPNG_COLOR_TYPE_GRAYSCALE_ALPHA, 16, ga16, 24, NULL), 1, 65535, wide);
    const uint8_t g1[2] = {0x40, 0xa0}; /* 0 1 0 / 1 0 1 */
    static const float bits[6] = {0, 255, 0, 255, 0, 255};
    holds(make_png(SPNG_COLOR_TYPE_GRAYSCALE, 1, g1, 2, NULL), 1, 255, bits);
    const uint8_t g4[4] = {0x0f, 0x10, 0x20, 0x30}; /* 0 15 1 / 2 0 3, times 17 */
    static const float nibbles[6] = {0, 255, 17, 34, 0, 51};
    holds(make_png(SPNG_COLOR_TYPE_GRAYSCALE, 4, g4, 4, NULL), 1, 255, nibbles);

    static const float planes[18] = {1, 4, 7, 10, 13, 16, 2, 5, 8, 11, 14, 17, 3, 6, 9, 12, 15, 18};
    uint8_t rgb[18], rgba[24];
    for (uint8_t i = 0; i < 18; i++) rgb[i] = (uint8_t)(i + 1);
    holds(make_png(SPNG_COLOR_TYPE_TRUECOLOR, 8, rgb, 18, NULL), 3, 255, planes);
    for (int p = 0; p < 6; p++) {
        memcpy(rgba + 4 * p, rgb + 3 * p, 3);
        rgba[4 * p + 3] = (uint8_t)(40 * p);
    }
    holds(make_png(SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8, rgba, 24, NULL), 3, 255, planes);
    uint16_t rgb16[18];
    float planes16[18];
    for (int i = 0; i < 18; i++) rgb16[i] = (uint16_t)(1000 * (i + 1)), planes16[i] = 1000 * planes[i];
    holds(make_png(SPNG_COLOR_TYPE_TRUECOLOR, 16, rgb16, 36, NULL), 3, 65535, planes16);
    struct spng_plte plte = {.n_entries = 6};
    for (int p = 0; p < 6; p++)
        plte.entries[p].red = rgb[3 * p], plte.entries[p].green = rgb[3 * p + 1],
        plte.entries[p].blue = rgb[3 * p + 2];
    const uint8_t index[6] = {0, 1, 2, 3, 4, 5};
    holds(make_png(SPNG_COLOR_TYPE_INDEXED, 8, index, 6, &plte), 3, 255, planes);
}

static void written_png_is_read_back(void **state)
{
    (void)state;
    uint8_t src[24];
    for (int i = 0; i < 24; i++) src[i] = (uint8_t)(11 * i);
    char path[128];
    nw_error err;
    snprintf(path, sizeof path, "%s/out.png", folder);
    for (int channels = 1; channels <= 4; channels++) {
        nw_status status = nw_png_write(path, 3, 2, channels, src, &err);
        assert_int_equal(status, channels == 2 ? NW_USAGE : NW_OK);
        if (channels == 2) continue;
        nw_volume *v = read_ok(path);
        int kept = channels == 1 ? 1 : 3;
        float got[18];
        assert_int_equal(nw_volume_get_info(v)->channels, kept);
        nw_volume_slice(v, 0, got, NULL);
        for (int c = 0; c < kept; c++)
            for (int i = 0; i < 6; i++) assert_true(got[6 * c + i] == (float)src[channels * i + c]);
        nw_volume_free(v);
    }
    assert_int_equal(nw_png_write(path, 0, 2, 1, src, &err), NW_USAGE);
    int before = temp_count(folder);
    snprintf(path, sizeof path, "%s/none/out.png", folder);
    assert_int_equal(nw_png_write(path, 3, 2, 1, src, &err), NW_IO);
    assert_int_equal(temp_count(folder), before);
}

/* Every byte beside every other, and pictures of one line, one column and one pixel, by libspng. */
static void written_noise_is_read_back(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {301, 230}};
    char path[128];
    nw_error err;
    snprintf(path, sizeof path, "%s/noise.png", folder);
    for (size_t k = 0; k < 4; k++)
        for (int channels = 1; channels <= 4; channels += 1 + (channels == 1)) {
            size_t count = (size_t)(sizes[k][0] * sizes[k][1] * channels), bytes = 0;
            uint8_t *src = malloc(count), *got = malloc(count);
            uint32_t random = 7;
            for (size_t i = 0; i < count; i++) src[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
            assert_int_equal(nw_png_write(path, sizes[k][0], sizes[k][1], channels, src, &err), NW_OK);
            FILE *file = fopen(path, "rb");
            spng_ctx *ctx = spng_ctx_new(0);
            assert_int_equal(spng_set_crc_action(ctx, SPNG_CRC_ERROR, SPNG_CRC_ERROR), 0);
            assert_int_equal(spng_set_png_file(ctx, file), 0);
            struct spng_ihdr ihdr;
            assert_int_equal(spng_get_ihdr(ctx, &ihdr), 0);
            assert_int_equal(ihdr.width, sizes[k][0]);
            assert_int_equal(ihdr.height, sizes[k][1]);
            assert_int_equal(spng_decoded_image_size(ctx, SPNG_FMT_PNG, &bytes), 0);
            assert_int_equal(bytes, count);
            assert_int_equal(spng_decode_image(ctx, got, count, SPNG_FMT_PNG, 0), 0);
            assert_int_equal(spng_decode_chunks(ctx), 0); /* to the end */
            assert_memory_equal(got, src, count);
            spng_ctx_free(ctx);
            fclose(file);
            free(src);
            free(got);
        }
}

static unsigned char *make_jpeg(int colour, unsigned long *size)
{
    enum { W = 61, H = 47 };
    unsigned char pixels[3 * W * H], *jpeg = NULL;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < 3; c++)
                pixels[3 * (y * W + x) + c] = (unsigned char)(c == 0 ? 4 * x : c == 1 ? 5 * y : 80);
    tjhandle tj = tjInitCompress();
    *size = 0;
    int result =
        tjCompress2(tj, pixels, W, 0, H, TJPF_RGB, &jpeg, size, colour ? TJSAMP_444 : TJSAMP_GRAY, 95, 0);
    assert_int_equal(result, 0);
    tjDestroy(tj);
    return jpeg;
}

static void jpeg_grey_and_colour(void **state)
{
    (void)state;
    for (int colour = 0; colour < 2; colour++) {
        unsigned long size;
        unsigned char *jpeg = make_jpeg(colour, &size);
        nw_volume *v = read_ok(temp_write(folder, "made.jpg", jpeg, size));
        const nw_volume_info *info = nw_volume_get_info(v);
        assert_int_equal(info->channels, colour ? 3 : 1);
        assert_int_equal(info->rows, 47);
        assert_int_equal(info->columns, 61);
        float got[3 * 47 * 61];
        nw_volume_slice(v, 0, got, NULL);
        /* red rises along x, green along y: planes in the order R, G, B, rows first */
        double r = colour ? (double)got[20 * 61 + 50] : 0,
               g = colour ? (double)got[47 * 61 + 40 * 61 + 3] : 0;
        if (colour)
            assert_true(fabs(r - 200) < 8 && fabs(g - 200) < 8);
        else
            assert_true(fabs((double)got[20 * 61 + 50] - (0.299 * 200 + 0.587 * 100 + 0.114 * 80)) < 5);
        nw_volume_free(v);
        for (unsigned long tenth = 0; tenth < 10; tenth++) {
            refused(temp_write(folder, "cut.jpg", jpeg, size * tenth / 10), NULL, NW_BAD_INPUT, "");
        }
        refused(temp_write(folder, "cut.jpg", jpeg, size - 40), NULL, NW_BAD_INPUT, "JPEG");
        tjFree(jpeg);
    }
}

static void png_damage(void **state)
{
    (void)state;
    uint8_t noise[64 * 64];
    uint32_t seed = 1;
    for (int i = 0; i < 64 * 64; i++) noise[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    char path[128];
    snprintf(path, sizeof path, "%s/noise.png", folder);
    assert_int_equal(nw_png_write(path, 64, 64, 1, noise, NULL), NW_OK);
    unsigned char png[8192];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(png, 1, sizeof png, f);
    fclose(f);
    for (size_t tenth = 0; tenth < 10; tenth++)
        refused(temp_write(folder, "cut.png", png, size * tenth / 10), NULL, NW_BAD_INPUT, "");
    png[size / 2] ^= 4;
    refused(temp_write(folder, "cut.png", png, size), NULL, NW_BAD_INPUT, "damaged PNG");
    refused(path, &(nw_read_options){.max_bytes = 8000}, NW_BAD_INPUT, "limit");
}

static const char *make_npy(int version, const char *header, const void *data, size_t size)
{
    unsigned char bytes[1024] = "\x93NUMPY";
    size_t length = strlen(header), at = version == 1 ? 10 : 12;
    bytes[6] = (unsigned char)version;
    bytes[8] = (unsigned char)length;
    memcpy(bytes + at, header, length);
    if (size) memcpy(bytes + at + length, data, size);
    return temp_write(folder, "made.npy", bytes, at + length + size);
}

static void npy_types_orders_and_versions(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        unsigned char data[48];
        size_t size;
        int version;
    } cases[] = {
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }\n", {0, 1, 2, 3, 4, 5}, 6, 1},
        {"{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", {0, 3, 1, 4, 2, 5}, 6, 2},
        {"{\"shape\":(2L,3L),\"descr\":\"|i1\",\"fortran_order\":False}", {0, 1, 2, 3, 4, 5}, 6, 3},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }\n",
         {0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0},
         12,
         1},
        {"{'descr': '>u2', 'fortran_order': False, 'shape': (2, 3), }\n",
         {0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5},
         12,
         1},
        {"{'descr': '>u4', 'fortran_order': False, 'shape': (2, 3), }\n",
         {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5},
         24,
         1},
        {"{'descr': '<u8', 'fortran_order': False, 'shape': (2, 3), }\n",
         {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
          3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0},
         48,
         1},
        {"{'descr': '>f4', 'fortran_order': True, 'shape': (2, 3), }\n", /* 0, 3, 1, 4, 2, 5 */
         {0, 0, 0, 0, 0x40, 0x40, 0, 0, 0x3f, 0x80, 0, 0, 0x40, 0x80, 0, 0, 0x40, 0, 0, 0, 0x40, 0xa0, 0, 0},
         24,
         1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nw_volume *v = read_ok(make_npy(cases[i].version, cases[i].header, cases[i].data, cases[i].size));
        const nw_volume_info *info = nw_volume_get_info(v);
        float got[6];
        assert_int_equal(info->kind, NW_KIND_TENSOR);
        assert_int_equal(info->rows, 2);
        assert_int_equal(info->columns, 3);
        nw_volume_slice(v, 0, got, NULL);
        for (int k = 0; k < 6; k++) assert_true(got[k] == (float)k);
        nw_volume_free(v);
    }
    const double doubles[2] = {-1.5, 2e10};
    nw_volume *v =
        read_ok(make_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }", doubles, 16));
    float got[2];
    nw_volume_slice(v, 0, got, NULL);
    assert_true(got[0] == -1.5F && got[1] == 2e10F);
    nw_volume_free(v);
    v = read_ok(make_npy(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (1, 2), }", "\0\2", 2));
    nw_volume_slice(v, 0, got, NULL);
    assert_true(got[0] == 0 && got[1] == 1);
    nw_volume_free(v);
}

static void npy_damage(void **state)
{
    (void)state;
    static const struct {
        const char *header, *words;
        size_t size;
    } cases[] = {
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }", "'<f2' are not read", 12},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3), }", "'<c8' are not read", 48},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", "'|O' are not read", 48},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
         "promises 24 bytes of elements, the file has 23", 23},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", "the file has 25", 25},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", "rank 1", 24},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,2,3), }", "rank 5", 24},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", "empty", 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", "overflows", 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 4), }", "damaged", 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }", "damaged", 24},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2, 3), }", "damaged", 24},
        {"{'descr': '<f4', 'shape': (2, 3), }", "damaged", 24},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }", "damaged", 24},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), ", "damaged", 24},
        {"", "damaged", 24},
    };
    static const unsigned char zeros[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(make_npy(1, cases[i].header, zeros, cases[i].size), NULL, NW_BAD_INPUT, cases[i].words);
    refused(make_npy(4, cases[0].header, zeros, 24), NULL, NW_BAD_INPUT, "version 4");
    unsigned char whole[200] =
        "\x93NUMPY\1\0\x3b\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    size_t size = 10 + 59 + 24;
    nw_volume_free(read_ok(temp_write(folder, "cut.npy", whole, size)));
    for (size_t tenth = 0; tenth < 10; tenth++)
        refused(temp_write(folder, "cut.npy", whole, size * tenth / 10), NULL, NW_BAD_INPUT, "");
    const float holes[6] = {0, 0, 0, 0, INFINITY, 0};
    const char *path = make_npy(1, cases[3].header, holes, 24);
    refused(path, NULL, NW_BAD_INPUT, "row 1, column 1 is inf");
    const uint64_t large = UINT64_MAX;
    refused(make_npy(1, "{'descr': '<u8', 'fortran_order': False, 'shape': (1, 1), }", &large, 8), NULL,
            NW_BAD_INPUT, "element 0 is above");
}

static void written_npy_is_read_back(void **state)
{
    (void)state;
    char path[128];
    nw_error err;
    nw_tensor *tensor;
    float src[24];
    for (int i = 0; i < 24; i++) src[i] = (float)i / 7;
    snprintf(path, sizeof path, "%s/out.npy", folder);
    const int64_t dims[3] = {2, 3, 4};
    for (int rank = 1; rank <= 3; rank++) {
        assert_int_equal(nw_npy_write(path, rank, dims, src, &err), NW_OK);
        assert_int_equal(nw_npy_read(path, 0, &tensor, &err), NW_OK);
        assert_int_equal(nw_tensor_dtype(tensor), NW_F32);
        assert_int_equal(nw_tensor_rank(tensor), rank);
        assert_memory_equal(nw_tensor_dims(tensor), dims, (size_t)rank * sizeof *dims);
        assert_memory_equal(nw_tensor_data(tensor), src, (size_t)nw_tensor_count(tensor) * sizeof *src);
        nw_tensor_unref(tensor);
    }
    int before = temp_count(folder);
    src[3] = NAN;
    assert_int_equal(nw_npy_write(path, 3, dims, src, &err), NW_NOT_FINITE);
    src[3] = 0;
    snprintf(path, sizeof path, "%s/none/out.npy", folder);
    assert_int_equal(nw_npy_write(path, 3, dims, src, &err), NW_IO);
    assert_int_equal(temp_count(folder), before);
}

static void other_files(void **state)
{
    (void)state;
    refused(temp_write(folder, "e.png", "", 0), NULL, NW_BAD_INPUT, "empty");
    refused(temp_write(folder, "t.png", "just text, no image at all", 26), NULL, NW_BAD_INPUT,
            "PNG, JPEG, .npy");
    refused(folder, NULL, NW_BAD_INPUT, "no DICOM image in the folder");
    unsigned char dicom[132] = {0};
    memcpy(dicom + 128, "DICM", 4);
    refused(temp_write(folder, "d.dcm", dicom, 132), NULL, NW_BAD_INPUT, "DICOM");
    refused(folder, NULL, NW_BAD_INPUT, "DICOM");
    refused("/nonexistent/x.png", NULL, NW_IO, "No such file");
    const uint8_t grey[1] = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/digest.png", folder);
    assert_int_equal(nw_png_write(path, 1, 1, 1, grey, NULL), NW_OK);
    refused(path, &(nw_read_options){.max_bytes = 10}, NW_BAD_INPUT, "larger than the limit of 10");
    nw_volume *v = read_ok(
        temp_write(folder, "abc.npy",
                   "\x93NUMPY\1\0\x3b\0{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3), }abc", 72));
    assert_string_equal(nw_volume_digest(v), /* sha256sum */
                        "cc7bb8e4d2e775b9d0dc19415171521a71d941749aad5a85c9718ce48c141288");
    nw_volume_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_of_png),
        cmocka_unit_test(written_png_is_read_back),
        cmocka_unit_test(written_noise_is_read_back),
        cmocka_unit_test(png_damage),
        cmocka_unit_test(jpeg_grey_and_colour),
        cmocka_unit_test(npy_types_orders_and_versions),
        cmocka_unit_test(npy_damage),
        cmocka_unit_test(written_npy_is_read_back),
        cmocka_unit_test(other_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
