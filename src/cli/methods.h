/* What explain and evaluate share: methods of explanation, from options (method_options.def) to explainers.
 */
#ifndef CLI_METHODS_H
#define CLI_METHODS_H

#include "estimate.h"

typedef struct cli_method_options {
    const char *names, *target, *output, *stats, *loss, *trace;
    cli_list layers, stats_from;
    int64_t stats_limit;
    double beta, sigma, rate, min_std, initial_alpha, active_threshold, loss_weight;
    int beta_over, relu, readout, noise, schedule;
    int64_t steps, samples, early_samples, early_steps, seed;
    int precision, profile;
    int64_t threads, batch;
} cli_method_options;

enum { CLI_METHODS = 16 };

typedef struct cli_method {
    const nw_method_info *info;
    const char *layer; /* that was asked for, or NULL */
    nw_explainer *explainer;
    nw_stats *stats;         /* from a file, or NULL */
    cli_estimated estimated; /* else from images */
    const char *stats_file;
} cli_method;

/* The method of that name; NW_USAGE with those there are, and with `more` (may be NULL) that the command has
 * besides. */
nw_status cli_method_find(const char *name, const char *more, const nw_method_info **out, nw_error *err);
/* The layer that --layer names for a method: [M=]TENSOR; NULL where there is none, or none to choose. */
const char *cli_method_layer(const cli_method_options *options, const nw_method_info *info);
/* Whether the options have what the method needs. */
nw_status cli_method_check(const cli_method_options *options, const cli_method *method, nw_error *err);
/* Makes the explainer, with statistics where the method needs them. The job has its images. */
nw_status cli_method_prepare(cli_job *job, const cli_method_options *options, cli_method *method,
                             nw_error *err);
/* Also for one that was not prepared. */
void cli_method_free(cli_method *method);

#endif
