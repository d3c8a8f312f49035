/* The inside of a dataset.
 *
 * Opening goes list (table.c, folder.c: rows) -> files (find.c) -> sources and items (items.c) -> labels
 * (labels.c)
 * -> splits (split.c). Loading goes source -> block of preprocessed slices (decode.c, cache.c) ->
 * augmentation (load.c). */
#ifndef NW_DATASET_DATASET_H
#define NW_DATASET_DATASET_H

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <narrows/dataset.h>
#include <pthread.h>
#include <stdbool.h>

/* Strings that live as long as the dataset. */
typedef struct nw_strings {
    char **list;
    size_t count, capacity;
} nw_strings;

/* printf into a string that `strings` keeps; NULL where memory is out. */
char *nw_strings_add(nw_strings *strings, const char *format, ...) __attribute__((format(printf, 2, 3)));
void nw_strings_clear(nw_strings *strings);

/* A line of the list. */
typedef struct nw_row {
    const char *file;   /* as the list has it, or below the folder */
    const char *path;   /* to open */
    const char **cells; /* [label_columns] */
    const char *group;  /* "": the file itself */
    const char *key;    /* groups are told apart by it */
    const char *bag;    /* "": the file itself */
    int split;          /* nw_split, or -1 */
    int orient;         /* nw_orient, or -1 */
    int64_t slice;      /* -1: all */
    double weight;
    size_t line;
} nw_row;

/* nw_block in one of two kinds: as the preprocessing has it, and with a wider window, for a window that
 * moves. */
typedef enum nw_block_kind { NW_BLOCK_EXACT, NW_BLOCK_WIDE, NW_BLOCK_KINDS } nw_block_kind;

/* The items of a source, preprocessed, before mean and std: [items][nw_dataset_size]. */
typedef struct nw_block {
    float *values;
    size_t bytes;
    size_t users;            /* loads that read it now */
    struct nw_source *owner; /* NULL: no longer found, to be freed by its last user */
    nw_block_kind kind;
    bool as_is; /* tensors that go to the model untouched */
} nw_block;

/* A file. Its items follow each other. */
typedef struct nw_source {
    const char *path, *name;
    bool picture; /* by its ending; its pixels have no HU */
    int64_t slices;
    nw_orient orient;
    size_t group;
    size_t first, count; /* items */
    nw_block *blocks[NW_BLOCK_KINDS];
} nw_source;

typedef struct nw_group {
    const char *name;
    uint64_t hash; /* of the name */
    size_t items, line;
    int split; /* -1: not yet */
    int stratum;
} nw_group;

enum { NW_RECENT = 4, NW_STRIPES = 64 };

/* Working memory of a load; kept for the next one. */
typedef struct nw_scratch {
    struct nw_scratch *next;
    float *planes; /* an image or volume, then what nw_change_blur needs */
} nw_scratch;

struct nw_dataset {
    nw_dataset_options options; /* texts within are not used after opening */
    nw_preprocess pre;
    nw_lung_view lungs; /* of the options */
    nw_strings strings;
    nw_bytes text;        /* of the CSV, which cells point into */
    const char **columns; /* [label_columns] */
    size_t label_columns;
    bool has_split, has_group;

    nw_row *rows;
    size_t row_count, row_capacity;
    const char **cells; /* of all rows */

    nw_task task;
    const char **classes;
    size_t class_count, outputs;

    nw_source *sources;
    size_t source_count, source_capacity;
    nw_group *groups;
    size_t group_count, group_capacity;
    nw_sample *items;
    size_t *item_source, *item_row;
    uint64_t *item_key;
    size_t item_count;
    float *targets; /* [items][outputs] */
    size_t *split_items[NW_SPLITS], split_count[NW_SPLITS];
    nw_bag *bags[NW_SPLITS];
    size_t bag_count[NW_SPLITS];
    size_t *bag_items[NW_SPLITS];
    char digest[65];
    nw_strings notes, warnings;

    /* Cache; all of it under `lock`. */
    bool locked; /* the mutexes were made */
    pthread_mutex_t lock, stripes[NW_STRIPES];
    size_t cached, limit;
    uint64_t reads;
    nw_block *recent[NW_RECENT]; /* blocks beyond the limit */
    size_t next_recent;
    nw_scratch *scratch;
};

/* open.c: an empty one, and all that follows from the rows once their paths are known. */
nw_status nw_dataset_new(const nw_dataset_options *options, nw_dataset **out, nw_error *err);
nw_status nw_dataset_build(nw_dataset *data, const char *source, nw_error *err);
/* table.c, folder.c: rows of a list; of a CSV that is in data->text, without their paths. */
nw_status nw_dataset_parse(nw_dataset *data, const char *name, nw_error *err);
nw_status nw_dataset_table(nw_dataset *data, const char *path, nw_error *err);
nw_status nw_dataset_folder(nw_dataset *data, const char *path, nw_error *err);
nw_status nw_dataset_add_row(nw_dataset *data, const nw_row *row, nw_error *err);
/* find.c: fills the paths of rows. `place` is the folder where relative paths begin, "" or with its '/'. */
nw_status nw_dataset_find(nw_dataset *data, const char *source, const char *place, nw_error *err);
/* straddle.c: the keys of the rows, and groups in several splits. */
nw_status nw_dataset_straddle(nw_dataset *data, const char *source, nw_error *err);
/* items.c */
nw_status nw_dataset_items(nw_dataset *data, const char *source, nw_error *err);
/* infer.c: the task and the classes; labels.c: targets. */
nw_status nw_dataset_infer(nw_dataset *data, const char *source, nw_error *err);
nw_status nw_dataset_targets(nw_dataset *data, const char *source, nw_error *err);
/* split.c: a split for every group, and the lists of the splits. */
nw_status nw_dataset_deal(nw_dataset *data, const char *source, nw_error *err);
/* bags.c: bags, and what cannot be trained on or is doubtful. */
nw_status nw_dataset_make_bags(nw_dataset *data, const char *source, nw_error *err);
nw_status nw_dataset_check(nw_dataset *data, const char *source, nw_error *err);

/* The place of a row in errors: "labels.csv line 3", or the file's name. */
const char *nw_row_place(const char *source, const nw_row *row, char text[512]);
/* Next label of a cell "a; b|c": a copy of it, trimmed, in text[size]; *cell moves on. False at the end. */
bool nw_label_next(const char **cell, const char **label, size_t *length);
/* A number that fills the text; finite. */
bool nw_label_number(const char *text, double *value);

/* cache.c: the block of a source, read where it is not there; to be released after use. */
nw_status nw_block_get(nw_dataset *data, nw_source *source, nw_block_kind kind, nw_block **out,
                       nw_error *err);
void nw_block_release(nw_dataset *data, nw_block *block);
void nw_cache_clear(nw_dataset *data);
/* Numbers of a sample: channels x depth x height x width. */
size_t nw_dataset_size(const nw_dataset *data);
/* decode.c: reads and preprocesses all items of a source into block->values[count][nw_dataset_size], by its
 * kind. */
nw_status nw_source_decode(const nw_dataset *data, const nw_source *source, nw_block *block, nw_error *err);

/* How far the window of NW_BLOCK_WIDE reaches beyond that of the model at either end, HU. */
enum { NW_WIDE_HU = 500 };

#endif
