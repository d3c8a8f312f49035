/* Lists of inputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/temp_folder.h"

#include <narrows/image.h>

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[4][512];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, 512, "%s/%s", folder, name);
    return p;
}

static void touch(const char *name)
{
    temp_write(folder, name, "x", 1);
}

static int setup(void **state)
{
    (void)state;
    temp_folder(folder);
    static const char *const folders[] = {"a", "b", "b/deep", "empty", "pair"};
    for (int i = 0; i < 5; i++)
        if (mkdir(in_folder(folders[i]), 0777) != 0) return -1;
    static const char *const files[] = {"a/x.png",       "a/z.JPG", "a/y.nii.gz",   "a/readme.md",
                                        "a/.hidden.png", "b/x.png", "b/deep/w.npy", "pair/p.hdr",
                                        "pair/p.img",    "b/x.jpg"};
    for (int i = 0; i < 10; i++) touch(files[i]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_remove(folder);
    return 0;
}

static nw_input_list *list_of(const nw_list_options *options, int count, ...)
{
    const char *paths[8];
    va_list args;
    va_start(args, count);
    for (int i = 0; i < count; i++) paths[i] = va_arg(args, const char *);
    va_end(args);
    nw_error err;
    nw_input_list *list;
    if (nw_input_list_new(paths, (size_t)count, options, &list, &err)) fail_msg("%s", err.message);
    return list;
}

static void refused(const char *path, const nw_list_options *options, nw_status status, const char *words)
{
    nw_error err;
    nw_input_list *list = NULL;
    assert_int_equal(nw_input_list_new(&path, 1, options, &list, &err), status);
    assert_null(list);
    if (!strstr(err.message, words)) fail_msg("'%s' lacks '%s'", err.message, words);
}

static void is(const nw_input_list *list, size_t i, const char *path, const char *name, const char *label)
{
    const nw_input *input = nw_input_list_get(list, i);
    assert_string_equal(input->path, in_folder(path));
    assert_string_equal(input->name, name);
    if (label)
        assert_string_equal(input->label, label);
    else
        assert_null(input->label);
}

static void folders_are_sorted_and_searched_for_images(void **state)
{
    (void)state;
    nw_input_list *list = list_of(NULL, 1, in_folder("a"));
    assert_int_equal(nw_input_list_count(list), 3);
    is(list, 0, "a/x.png", "x", NULL);
    is(list, 1, "a/y.nii.gz", "y", NULL);
    is(list, 2, "a/z.JPG", "z", NULL);
    nw_input_list_free(list);
    list = list_of(&(nw_list_options){.recursive = 1}, 1, in_folder("b/"));
    assert_int_equal(nw_input_list_count(list), 3);
    is(list, 0, "b/deep/w.npy", "w", NULL);
    nw_input_list_free(list);
    list = list_of(NULL, 1, in_folder("pair"));
    assert_int_equal(nw_input_list_count(list), 1);
    is(list, 0, "pair/p.hdr", "p", NULL);
    nw_input_list_free(list);
    refused(in_folder("empty"), NULL, NW_BAD_INPUT, "looked for .png");
    refused(in_folder("none"), NULL, NW_IO, "No such file");
}

static void names_are_never_the_same(void **state)
{
    (void)state;
    nw_input_list *list = list_of(NULL, 2, in_folder("a/x.png"), in_folder("b/x.png"));
    is(list, 0, "a/x.png", "a_x", NULL);
    is(list, 1, "b/x.png", "b_x", NULL);
    nw_input_list_free(list);
    list = list_of(NULL, 2, in_folder("b/x.png"), in_folder("b/x.jpg"));
    is(list, 0, "b/x.png", "x_png", NULL);
    is(list, 1, "b/x.jpg", "x_jpg", NULL);
    nw_input_list_free(list);
    list = list_of(NULL, 5, in_folder("a/x.png"), in_folder("b/x.png"), in_folder("b/x.jpg"),
                   in_folder("a/x.png"), in_folder("b/deep/w.npy"));
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(nw_input_list_get(list, i)->name, nw_input_list_get(list, j)->name);
    for (size_t i = 0; i < 5; i++) assert_null(strchr(nw_input_list_get(list, i)->name, '/'));
    nw_input_list_free(list);
}

static void text_lists(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf# slices\r\n\r\na/x.png\r\n  b/x.png  \nb/deep/w.npy";
    nw_input_list *list = list_of(NULL, 1, temp_write(folder, "list.txt", text, sizeof text - 1));
    assert_int_equal(nw_input_list_count(list), 3);
    is(list, 1, "b/x.png", "b_x", NULL);
    is(list, 2, "b/deep/w.npy", "w", NULL);
    nw_input_list_free(list);
    refused(temp_write(folder, "list.txt", "a/x.png\na/q.png\n", 16), NULL, NW_IO, "list.txt line 2");
    refused(temp_write(folder, "list.txt", "a\n", 2), NULL, NW_BAD_INPUT, "is a folder");
    refused(temp_write(folder, "list.txt", "# none\n", 7), NULL, NW_BAD_INPUT, "names no file");
    refused(temp_write(folder, "list.txt", "a\0b", 3), NULL, NW_BAD_INPUT, "zero bytes");
}

static void csv_lists(void **state)
{
    (void)state;
    touch("a/odd, \"name\".png");
    static const char text[] = "id,Label,file\r\n1,yes,a/x.png\r\n\r\n2,\"no, \"\"really\"\"\",\"a/odd, "
                               "\"\"name\"\".png\"\r\n3,\"two\nlines\",b/x.png\n4,,b/deep/w.npy";
    nw_input_list *list = list_of(NULL, 1, temp_write(folder, "list.csv", text, sizeof text - 1));
    assert_int_equal(nw_input_list_count(list), 4);
    is(list, 0, "a/x.png", "a_x", "yes");
    is(list, 1, "a/odd, \"name\".png", "odd, \"name\"", "no, \"really\"");
    is(list, 2, "b/x.png", "b_x", "two\nlines");
    is(list, 3, "b/deep/w.npy", "w", "");
    nw_input_list_free(list);
    list = list_of(&(nw_list_options){.label_column = "id"}, 1, in_folder("list.csv"));
    is(list, 3, "b/deep/w.npy", "w", "4");
    nw_input_list_free(list);
    refused(in_folder("list.csv"), &(nw_list_options){.label_column = "grade"}, NW_BAD_INPUT,
            "no column 'grade'");
    list = list_of(NULL, 1, temp_write(folder, "first.csv", "image\na/x.png\n", 14));
    is(list, 0, "a/x.png", "x", NULL);
    nw_input_list_free(list);
    refused(temp_write(folder, "bad.csv", "file\n\"a/x.png\n", 14), NULL, NW_BAD_INPUT, "line 2: a quote");
    refused(temp_write(folder, "bad.csv", "file\n\"a\"b\n", 10), NULL, NW_BAD_INPUT,
            "follows a closing quote");
    refused(temp_write(folder, "bad.csv", "id,file\n\n1\n", 11), NULL, NW_BAD_INPUT, "line 3: no file");
    refused(temp_write(folder, "bad.csv", "file\n", 5), NULL, NW_BAD_INPUT, "names no file");
}

/* An orientation belongs to the file of its line; without a word there is none. */
static void orientations(void **state)
{
    (void)state;
    static const char text[] = "file,orient,label\na/x.png,rot90,1\nb/x.png,,0\nb/deep/w.npy,Flip-H,1\n"
                               "a/x.png,none\n";
    nw_input_list *list = list_of(NULL, 1, temp_write(folder, "turned.csv", text, sizeof text - 1));
    static const int wanted[] = {NW_ORIENT_ROT90, -1, NW_ORIENT_FLIP_H, NW_ORIENT_NONE};
    assert_int_equal(nw_input_list_count(list), 4);
    for (size_t i = 0; i < 4; i++) assert_int_equal(nw_input_list_get(list, i)->orient, wanted[i]);
    nw_input_list_free(list);
    list = list_of(NULL, 2, in_folder("a/x.png"), temp_write(folder, "list.txt", "a/x.png\n", 8));
    for (size_t i = 0; i < 2; i++) assert_int_equal(nw_input_list_get(list, i)->orient, -1);
    nw_input_list_free(list);
    /* More fields than the header has names for: not an orientation. */
    list = list_of(NULL, 1, temp_write(folder, "more.csv", "file,label\na/x.png,1,sideways\n", 29));
    assert_int_equal(nw_input_list_get(list, 0)->orient, -1);
    nw_input_list_free(list);
    static const char wrong[] = "file,orient\na/x.png,none\nb/x.png,left\n";
    refused(temp_write(folder, "wrong.csv", wrong, sizeof wrong - 1), NULL, NW_BAD_INPUT,
            "wrong.csv line 3: orientation 'left': none, transpose");
}

/* A list may name a folder with a DICOM series: one input, with its label. */
static void a_list_names_a_series(void **state)
{
    (void)state;
    const char *series = NW_TEST_SHARED "/data/ct-dicom-series/LIDC-IDRI-0001";
    char text[1024];
    if (access(series, R_OK) != 0) skip(); /* no real series here */
    int n = snprintf(text, sizeof text, "file,label,orient\n%s,3,rot180\n", series);
    nw_input_list *list = list_of(NULL, 1, temp_write(folder, "series.csv", text, (size_t)n));
    assert_int_equal(nw_input_list_count(list), 1);
    assert_string_equal(nw_input_list_get(list, 0)->path, series);
    assert_string_equal(nw_input_list_get(list, 0)->name, "LIDC-IDRI-0001");
    assert_string_equal(nw_input_list_get(list, 0)->label, "3");
    assert_int_equal(nw_input_list_get(list, 0)->orient, NW_ORIENT_ROT180);
    nw_input_list_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_sorted_and_searched_for_images),
        cmocka_unit_test(names_are_never_the_same),
        cmocka_unit_test(text_lists),
        cmocka_unit_test(csv_lists),
        cmocka_unit_test(orientations),
        cmocka_unit_test(a_list_names_a_series),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
