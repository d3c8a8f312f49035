/* The explain command, in its parts: options (explain_options.c), what they mean (cmd_explain.c), one input
 * after the other (explain_run.c), the record (explain_record.c), and the picture (explain_picture.c). */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include "job.h"
#include "methods.h"
#include "terminal.h"

typedef struct explain_arguments {
    cli_common common;
    cli_model_options model;
    cli_image_options image;
    cli_method_options method;
    const char *folder;
    const char *beside;
    double high;
    int no_picture, upright, colormap;
} explain_arguments;

extern const cli_option explain_options[];

/* The picture of an input: its most informative slice so far. */
typedef struct explain_view {
    int64_t slice;
    double sum;   /* of the map */
    float *map;   /* [rows][columns] */
    nw_map *from; /* what it was made of */
} explain_view;

typedef struct explain_method {
    cli_method use;
    bool recorded; /* its parameters are in the manifest */

    /* The current input. */
    float *values; /* of all slices, in the order of the file */
    double total;  /* sum of them */
    explain_view view;
} explain_method;

typedef struct explain {
    const explain_arguments *a;
    cli_job job;
    explain_method methods[CLI_METHODS];
    size_t method_count;
    nw_manifest *manifest;
    size_t done, failed; /* inputs */
    cli_table *table;
} explain;

/* explain_run.c: all inputs. Bad ones are said and passed over; the last failure is returned. */
nw_status explain_inputs(explain *e, nw_error *err);

/* explain_record.c */
nw_status explain_record_start(explain *e, nw_error *err);
void explain_record_method(explain *e, size_t method, const nw_map *map);
void explain_record_input(explain *e, size_t index, const nw_input *input, const nw_volume *volume);
/* slice -1: of the whole scan. */
void explain_record_slice(explain *e, size_t index, size_t result, const nw_map *map, int64_t slice,
                          uint64_t key, double sum);
void explain_record_file(explain *e, size_t index, const char *method, const char *kind, const char *path);
void explain_record_end(explain *e, size_t index, nw_status status, const char *message);
void explain_record_finish(explain *e, nw_status status);

/* explain_picture.c: the overlay of the method's view. */
nw_status explain_picture(const explain *e, const explain_method *method, const nw_input *input,
                          const nw_volume *volume, const char *path, nw_error *err);

#endif
