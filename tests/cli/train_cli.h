/* Pictures to train on, for tests of `narrows train`: noise, with a bright square on the left or on the
 * right. */
#ifndef NW_TESTS_CLI_TRAIN_CLI_H
#define NW_TESTS_CLI_TRAIN_CLI_H

#include "cli.h"

#include <narrows/narrows.h>

enum { CLI_TRAIN_SIDE = 32 };

static inline const char *in_folder(const char *name)
{
    static char paths[4][256];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", cli_folder, name);
    return path;
}

static inline void train_picture(const char *name, unsigned key, bool right, int side)
{
    unsigned char pixels[CLI_TRAIN_SIDE * CLI_TRAIN_SIDE];
    int top = 4 + (int)(key % 5), left = right ? 18 : 3;
    for (int r = 0; r < CLI_TRAIN_SIDE; r++)
        for (int c = 0; c < CLI_TRAIN_SIDE; c++) {
            unsigned z = (unsigned)(r * CLI_TRAIN_SIDE + c) * 2654435761U + key * 40503U;
            bool bright = r >= top && r < top + side && c >= left && c < left + side;
            pixels[r * CLI_TRAIN_SIDE + c] = (unsigned char)((bright ? 150 : 40) + (z ^ z >> 15) % 64U);
        }
    if (nw_png_write(in_folder(name), CLI_TRAIN_SIDE, CLI_TRAIN_SIDE, 1, pixels, NULL) != NW_OK) abort();
}

/* $T/LIST of `count` pictures $T/p000.png ...; columns file, label (left, right), side, split, patient. */
static inline void train_list(const char *list, int count)
{
    FILE *f = fopen(in_folder(list), "w");
    if (!f) abort();
    fputs("file,label,side,split,patient\n", f);
    for (int i = 0; i < count; i++) {
        char name[32];
        bool right = (i / 4 + i) % 2;
        int side = 4 + (i * 5 + i / 4) % 8;
        snprintf(name, sizeof name, "p%03d.png", i);
        train_picture(name, (unsigned)i, right, side);
        fprintf(f, "%s,%s,%d,%s,q%d\n", name, right ? "right" : "left", side,
                i % 4 == 0   ? "val"
                : i % 4 == 2 ? "test"
                             : "train",
                i);
    }
    fclose(f);
}

static inline void train_text(const char *name, const char *text)
{
    temp_write(cli_folder, name, text, strlen(text));
}

/* Of a model in the folder. */
static inline void file_digest(const char *name, char digest[65])
{
    nw_model *model;
    nw_error err;
    if (nw_model_load(in_folder(name), NULL, &model, &err) != NW_OK) fail_msg("%s", err.message);
    snprintf(digest, 65, "%s", nw_model_digest(model));
    nw_model_unref(model);
}

/* A file of the folder; free. */
static inline char *text_of(const char *name)
{
    FILE *f = fopen(in_folder(name), "rb");
    if (!f) fail_msg("%s is not there", name);
    char *text = calloc(1, 1 << 20);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    text[n] = 0;
    fclose(f);
    return text;
}

static inline void expect_metadata(const char *name, const char *key, const char *wanted)
{
    nw_model *model;
    nw_error err;
    if (nw_model_load(in_folder(name), NULL, &model, &err) != NW_OK) fail_msg("%s", err.message);
    const char *text = nw_model_metadata(model, key);
    if (!text || !strstr(text, wanted))
        fail_msg("%s: %s is %s, without %s", name, key, text ? text : "not there", wanted);
    nw_model_unref(model);
}

/* By onnx.checker, where it is there. */
static inline void expect_valid_onnx(const char *name)
{
    char command[1024];
    snprintf(command, sizeof command, "/usr/bin/python3 '%s/scripts/check_onnx.py' '%s'", NW_TEST_SOURCE,
             in_folder(name));
    int result = system(command);
    if (WIFEXITED(result) && (WEXITSTATUS(result) == 77 || WEXITSTATUS(result) == 127))
        print_message("no onnx for /usr/bin/python3: the file was not checked by it\n");
    else
        assert_int_equal(result, 0);
}

/* Field `column` (from 0) of a line without quotes. */
static inline double field(const char *line, int column)
{
    for (; column > 0; column--) {
        line = strchr(line, ',');
        assert_non_null(line);
        line++;
    }
    return strtod(line, NULL);
}

#define TRAIN_SMALL                                                                                          \
    "--arch resnet18 --width 0.125 --size 32 --batch 8 --warmup 0 --rate 0.01 --threads 1 --draws 20 "

#endif
