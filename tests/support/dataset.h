/* Lists of small images for tests of datasets. */
#ifndef NW_TEST_DATASET_H
#define NW_TEST_DATASET_H

#include "support/temp_folder.h"

#include <narrows/dataset.h>
#include <stdarg.h>

static char data_folder[64];

static inline int data_setup(void **state)
{
    (void)state;
    temp_folder(data_folder);
    return 0;
}

static inline int data_teardown(void **state)
{
    (void)state;
    temp_remove(data_folder);
    return 0;
}

/* FOLDER/name, in one of four turning buffers. */
static inline const char *data_path(const char *name)
{
    static char path[4][512];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, 512, "%s/%s", data_folder, name);
    return p;
}

/* A grey picture whose values depend on `key` and the place. */
static inline void data_picture(const char *name, int rows, int columns, unsigned key)
{
    unsigned char *pixels = malloc((size_t)(rows * columns));
    if (!pixels) abort();
    for (int i = 0; i < rows * columns; i++) {
        unsigned z = (unsigned)i * 2654435761U + key * 40503U;
        pixels[i] = (unsigned char)((z ^ z >> 15) % 251U);
    }
    if (nw_png_write(data_path(name), columns, rows, 1, pixels, NULL) != NW_OK) abort();
    free(pixels);
}

/* Writes the text as FOLDER/list.csv. */
static inline const char *data_list(const char *text)
{
    return temp_write(data_folder, "list.csv", text, strlen(text));
}

static inline nw_dataset_options data_options(void)
{
    return (nw_dataset_options){.pre = {.channels = 1, .height = 12, .width = 16}};
}

static inline nw_dataset *data_open(const char *path, const nw_dataset_options *options)
{
    nw_error err;
    nw_dataset *data;
    if (nw_dataset_open(path, options, &data, &err) != NW_OK) fail_msg("%s", err.message);
    return data;
}

/* Opening fails with that status and all of the words, separated by '~'. */
static inline void data_refused(const char *path, const nw_dataset_options *options, nw_status status,
                                const char *words)
{
    nw_error err = {0};
    nw_dataset *data = NULL;
    nw_status found = nw_dataset_open(path, options, &data, &err);
    if (found != status) fail_msg("status %d instead of %d: %s", (int)found, (int)status, err.message);
    assert_null(data);
    char copy[512];
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok(copy, "~"); word; word = strtok(NULL, "~"))
        if (!strstr(err.message, word)) fail_msg("'%s' lacks '%s'", err.message, word);
}

static inline int data_said(const nw_dataset *data, const char *words)
{
    for (size_t i = 0; nw_dataset_note(data, i); i++)
        if (strstr(nw_dataset_note(data, i), words)) return 1;
    for (size_t i = 0; nw_dataset_warning(data, i); i++)
        if (strstr(nw_dataset_warning(data, i), words)) return 1;
    return 0;
}

#endif
