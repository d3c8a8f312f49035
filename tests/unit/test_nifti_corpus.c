/* The NIfTI files beside the project, against what nibabel reads (scripts/make_nifti_reference.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <narrows/image.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/volume.h"

static void hex_digest(const void *data, size_t size, char text[65])
{
    struct sha256_ctx ctx;
    uint8_t bytes[32];
    sha256_init(&ctx);
    sha256_update(&ctx, size, data);
    sha256_digest(&ctx, 32, bytes);
    for (int i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void check_read(const char *path, char **field)
{
    nw_error err;
    nw_volume *v;
    int64_t dims[3], count = 1;
    char *text = field[2];
    for (int a = 0; a < 3; a++) count *= dims[a] = strtoll(text, &text, 10);
    nw_read_options options = {.volume = atoll(field[4])};
    bool holes = atoi(field[6]) > 0;
    if (holes) { /* refused, unless asked to replace */
        assert_int_equal(nw_volume_read(path, &options, &v, &err), NW_BAD_INPUT);
        assert_non_null(strstr(err.message, "voxel ("));
        options.replace_non_finite = 1;
    }
    nw_status status = nw_volume_read(path, &options, &v, &err);
    if (status != NW_OK) fail_msg("%s", err.message);
    const nw_volume_info *info = nw_volume_get_info(v);
    for (int a = 0; a < 3; a++) assert_int_equal(info->dims[a], dims[a]);
    assert_int_equal(info->volumes, atoll(field[3]));
    assert_int_equal(info->replaced, atoll(field[6]));
    text = field[5];
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 4; c++) {
            double expected = strtod(text, &text);
            if (fabs(info->affine[r][c] - expected) > 1e-5 * fmax(1, fabs(expected)))
                fail_msg("%s: affine[%d][%d] is %.9g, nibabel has %.9g", path, r, c, info->affine[r][c],
                         expected);
        }
    double sum = 0, expected = strtod(field[7], NULL), size = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += (double)v->voxels[i];
        size += fabs((double)v->voxels[i]);
    }
    if (fabs(sum - expected) > 1e-6 * size) fail_msg("%s: sum %.12g, nibabel has %.12g", path, sum, expected);
    char digest[65];
    hex_digest(v->voxels, (size_t)count * sizeof(float), digest);
    if (!holes) assert_string_equal(digest, field[8]);
    nw_volume_free(v);
}

static void corpus_reads_as_nibabel_says_or_is_refused(void **state)
{
    (void)state;
    if (access(NW_TEST_SHARED "/data/nifti-corpus", R_OK) != 0) {
        print_message("no shared data: ");
        skip();
    }
    FILE *reference = fopen(NW_TEST_SOURCE "/tests/data/nifti_reference.txt", "r");
    assert_non_null(reference);
    char line[2048], path[1024];
    int read = 0, refused = 0;
    while (fgets(line, sizeof line, reference)) {
        char *field[16] = {0}, *save = NULL;
        line[strcspn(line, "\n")] = 0;
        int n = 0;
        for (char *f = strtok_r(line, "\t", &save); f && n < 16; f = strtok_r(NULL, "\t", &save))
            field[n++] = f;
        snprintf(path, sizeof path, NW_TEST_SHARED "/data/nifti-corpus/%s", field[0]);
        if (strcmp(field[1], "read") == 0) {
            assert_int_equal(n, 9);
            check_read(path, field);
            read++;
        } else {
            nw_error err;
            nw_volume *v = NULL;
            if (nw_volume_read(path, NULL, &v, &err) != NW_BAD_INPUT) fail_msg("%s was not refused", path);
            assert_null(v);
            assert_non_null(strstr(err.message, field[0])); /* names the file */
            refused++;
        }
    }
    fclose(reference);
    assert_true(read >= 20 && refused >= 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(corpus_reads_as_nibabel_says_or_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
