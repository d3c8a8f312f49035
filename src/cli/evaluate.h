/* The evaluate command, in its parts: options and methods (cmd_evaluate.c), one image after the other
 * (evaluate_run.c), and what came out as table, JSON and CSV (evaluate_report.c). */
#ifndef CLI_EVALUATE_H
#define CLI_EVALUATE_H

#include "job.h"
#include "methods.h"
#include "terminal.h"

typedef struct evaluate_arguments {
    cli_common common;
    cli_model_options model;
    cli_image_options image;
    cli_method_options method;
    const char *masks, *csv;
    int at; /* AT_... */
    double tolerance;
    int64_t resamples;
} evaluate_arguments;

enum { AT_INPUT, AT_IMAGE };

/* The control that needs no model: the image itself as the map. */
#define EVALUATE_BRIGHTNESS "brightness"

typedef struct evaluate_method {
    char *label;  /* as it was asked for: "gradcam@TENSOR" */
    bool control; /* `use` is empty */
    cli_method use;
    char *provenance; /* of its first map */
} evaluate_method;

/* What a method got on an image. */
typedef struct evaluate_result {
    nw_localisation found;
    double bits; /* total; 0 for methods that do not count them */
} evaluate_result;

/* An image (a slice of a scan) that was measured, or left out. */
typedef struct evaluate_case {
    char *name;
    int64_t slice;
    double answer;            /* the model's, for the target: logit or quantity; NaN: it was not asked */
    evaluate_result *results; /* [method_count]; NULL: left out */
    char *reason;             /* why */
} evaluate_case;

typedef struct evaluate {
    const evaluate_arguments *a;
    cli_job job;
    evaluate_method methods[CLI_METHODS];
    size_t method_count;
    evaluate_case *cases;
    size_t case_count, capacity, measured, failed;
    nw_status failure; /* of the last image that failed */
} evaluate;

/* evaluate_run.c. Images without a mask and bad ones are left out; fails where nothing is left, or when
 * interrupted. */
nw_status evaluate_images(evaluate *e, nw_error *err);

/* evaluate_report.c */
nw_status evaluate_report(const evaluate *e, nw_error *err);

#endif
