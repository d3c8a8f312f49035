/* Where the lungs come from, and what is explained in them: for quantify and stats. */
#include "mask.h"
#include "quantify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        nw_status status_ = (call);                                                                          \
        if (status_ != NW_OK) return status_;                                                                \
    } while (0)

static bool ends(const char *text, const char *ending)
{
    size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcmp(text + n - m, ending) == 0;
}

static nw_status open_network(const cli_lung_options *options, const cli_image_options *image,
                              cli_lungs *lungs, nw_error *err)
{
    cli_model_options model = {.metadata = options->metadata};
    lungs->has_network = true;
    TRY(cli_job_open(options->lungs, &model, &lungs->network, err));
    /* Its own facts say how images become its input, not the options for the classifier. */
    static const cli_image_options none = {.orient = -1, .channels = CLI_UNSET};
    (void)image;
    TRY(cli_job_prepare(&lungs->network, &none, err));
    TRY(cli_job_needs_slices(&lungs->network, "--lungs", err));
    lungs->source.kind = NW_LUNGS_NETWORK;
    lungs->source.model = lungs->network.model;
    lungs->source.preprocess = &lungs->network.pre;
    return NW_OK;
}

nw_status cli_lungs_open(const cli_lung_options *options, const cli_image_options *image, int threads,
                         cli_lungs *lungs, nw_error *err)
{
    nw_status status = nw_labels_map_parse(options->labels, &lungs->source.labels, err);
    if (status != NW_OK) {
        nw_error why = *err;
        return cli_fail(err, status, "--lung-labels: %s", why.message);
    }
    lungs->source.threads = threads;
    lungs->source.kind = NW_LUNGS_AUTO;
    if (strcmp(options->lungs, "auto") == 0) return NW_OK;
    lungs->source.kind = NW_LUNGS_WHOLE;
    if (strcmp(options->lungs, "none") == 0) return NW_OK;
    if (ends(options->lungs, ".onnx")) return open_network(options, image, lungs, err);
    lungs->source.kind = NW_LUNGS_FILE;
    lungs->from = options->lungs;
    struct stat st;
    if (!strchr(lungs->from, '{') && stat(lungs->from, &st) != 0)
        return cli_fail(err, NW_IO, "--lungs: %s: there is no such file; or auto, or none", lungs->from);
    return NW_OK;
}

void cli_lungs_free(cli_lungs *lungs)
{
    if (lungs->has_network) cli_job_free(&lungs->network);
}

nw_status cli_lungs_find(cli_lungs *lungs, const nw_input *input, const nw_volume *scan,
                         const nw_progress *progress, nw_lungs **out, nw_error *err)
{
    nw_lung_source source = lungs->source;
    char *path = NULL;
    if (source.kind == NW_LUNGS_FILE) {
        char *filled = cli_mask_fill(lungs->from, input->path, input->name);
        path = cli_mask_path(filled, input->name);
        nw_status status =
            path ? NW_OK
                 : cli_fail(err, NW_BAD_INPUT, "%s: there is no mask of the lungs: %s has no %s.nii.gz",
                            input->name, filled, input->name);
        free(filled);
        TRY(status);
        source.path = path;
    }
    nw_status status = nw_lung_source_run(&source, scan, progress, out, err);
    free(path);
    return status;
}

nw_status cli_fixed_target(const cli_job *job, const char *target, const char *output, const char **fixed,
                           nw_error *err)
{
    nw_head head;
    *fixed = target;
    if (strcmp(target, "predicted") != 0) return NW_OK;
    TRY(nw_head_detect(job->model, output, &head, err));
    size_t classes = head.count > 0 ? (size_t)head.count : job->class_count;
    if (head.kind == NW_HEAD_REGRESSION && classes <= 1)
        *fixed = "0";
    else if (head.kind == NW_HEAD_SIGMOID || classes == 2)
        *fixed = "1";
    else if (classes == 1)
        *fixed = "0";
    else
        return cli_fail(
            err, NW_USAGE,
            "--target: which of the %zu outputs is the finding? All slices are explained for the same one",
            classes);
    return NW_OK;
}
