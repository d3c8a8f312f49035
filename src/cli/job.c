#include "job.h"
#include "json.h"
#include "terminal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        nw_status status_ = (call);                                                                          \
        if (status_ != NW_OK) return status_;                                                                \
    } while (0)

const char cli_orients[] = "none transpose rot90 rot180 rot270 flip-h flip-v transverse";

nw_status cli_numbers(const char *option, const char *text, int least, int most, double *values, int *count,
                      nw_error *err)
{
    int n = 0;
    for (const char *p = text;;) {
        char *end;
        double value = strtod(p, &end);
        if (end == p || !isfinite(value) || n == most || (*end && *end != ',')) break;
        values[n++] = value;
        if (!*end) {
            if (n < least) break;
            *count = n;
            return NW_OK;
        }
        p = end + 1;
    }
    if (least == most)
        return cli_fail(err, NW_USAGE, "--%s: '%s' is not %d numbers with commas between them", option, text,
                        least);
    return cli_fail(err, NW_USAGE, "--%s: '%s' is not %d to %d numbers with commas between them", option,
                    text, least, most);
}

static nw_status read_dimensions(const cli_list *dims, cli_job *job, nw_error *err)
{
    job->dimensions = cli_calloc(dims->count, sizeof *job->dimensions);
    for (size_t i = 0; i < dims->count; i++) {
        const char *equals = strrchr(dims->items[i], '=');
        char *end;
        long long value = equals ? strtoll(equals + 1, &end, 10) : 0;
        if (!equals || equals == dims->items[i] || end == equals + 1 || *end || value < 1)
            return cli_fail(err, NW_USAGE, "--dim: '%s' is not NAME=N with N at least 1", dims->items[i]);
        char *name = cli_printf("%.*s", (int)(equals - dims->items[i]), dims->items[i]);
        job->dimensions[job->dimension_count++] = (nw_dimension){name, value};
    }
    return NW_OK;
}

static nw_status read_classes(cli_job *job, nw_error *err)
{
    const char *text = nw_model_metadata(job->model, "narrows.classes");
    if (!text) return NW_OK;
    json_t *array = json_loads(text, 0, NULL), *item;
    size_t i;
    bool good = json_is_array(array);
    if (good) job->classes = cli_calloc(json_array_size(array), sizeof *job->classes);
    json_array_foreach(array, i, item)
    {
        if (!json_is_string(item)) good = false;
        if (good) job->classes[job->class_count++] = cli_printf("%s", json_string_value(item));
    }
    json_decref(array);
    if (good) return NW_OK;
    return cli_fail(err, NW_BAD_MODEL, "%s: metadata 'narrows.classes' is not a JSON array of names",
                    nw_model_path(job->model));
}

nw_status cli_job_open(const char *path, const cli_model_options *options, cli_job *job, nw_error *err)
{
    memset(job, 0, sizeof *job);
    TRY(read_dimensions(&options->dims, job, err));
    nw_load_options load = {.metadata_json = options->metadata};
    TRY(nw_model_load(path, &load, &job->model, err));
    return read_classes(job, err);
}

void cli_job_free(cli_job *job)
{
    for (size_t i = 0; i < job->class_count; i++) free(job->classes[i]);
    for (size_t i = 0; i < job->dimension_count; i++) free((char *)(uintptr_t)job->dimensions[i].name);
    free(job->classes);
    free(job->dimensions);
    free(job->pixels);
    nw_input_list_free(job->inputs);
    nw_model_unref(job->model);
    memset(job, 0, sizeof *job);
}

const char *cli_job_class(const cli_job *job, int64_t target)
{
    return target >= 0 && (size_t)target < job->class_count ? job->classes[target] : NULL;
}

nw_status cli_preprocess_options(const cli_image_options *o, nw_preprocess *pre, nw_error *err)
{
    double values[NW_MAX_CHANNELS];
    int n;
    if (o->window && o->scale) return cli_fail(err, NW_USAGE, "--window and --scale exclude each other");
    if (o->window) {
        TRY(cli_numbers("window", o->window, 2, 2, values, &n, err));
        if (!(values[0] < values[1]))
            return cli_fail(err, NW_USAGE, "--window: %g is not below %g", values[0], values[1]);
        pre->scale = NW_SCALE_WINDOW;
        pre->low = values[0];
        pre->high = values[1];
    }
    if (o->scale) {
        static const struct {
            const char *name;
            nw_scale scale;
        } scales[] = {{"auto", NW_SCALE_AUTO},
                      {"full", NW_SCALE_FULL},
                      {"minmax", NW_SCALE_MINMAX},
                      {"robust", NW_SCALE_ROBUST},
                      {"none", NW_SCALE_NONE}};
        size_t i = 0;
        while (i < 5 && strcmp(o->scale, scales[i].name) != 0) i++;
        if (i < 5) {
            pre->scale = scales[i].scale;
        } else {
            if (cli_numbers("scale", o->scale, 1, 1, values, &n, err) != NW_OK || !(values[0] > 0))
                return cli_fail(
                    err, NW_USAGE,
                    "--scale: '%s' is none of: auto full minmax robust none, nor a number above 0", o->scale);
            pre->scale = NW_SCALE_FACTOR;
            pre->factor = values[0];
        }
    }
    if (o->mean) TRY(cli_numbers("mean", o->mean, 1, NW_MAX_CHANNELS, pre->mean, &pre->mean_count, err));
    if (o->std) {
        TRY(cli_numbers("std", o->std, 1, NW_MAX_CHANNELS, pre->std, &pre->std_count, err));
        for (int i = 0; i < pre->std_count; i++)
            if (!(pre->std[i] > 0)) return cli_fail(err, NW_USAGE, "--std: %g is not above 0", pre->std[i]);
    }
    if (o->orient >= 0) pre->orient = (nw_orient)o->orient;
    if (o->antialias) pre->antialias = 1;
    if (o->channels != CLI_UNSET) pre->channels = (int)o->channels;
    if (o->size) {
        int many;
        TRY(cli_numbers("size", o->size, 1, 2, values, &many, err));
        double h = values[0], w = values[many - 1];
        if (h < 1 || w < 1 || h > 65536 || w > 65536 || h != floor(h) || w != floor(w))
            return cli_fail(err, NW_USAGE, "--size: '%s' is not rows,columns from 1 to 65536", o->size);
        pre->height = (int64_t)h;
        pre->width = (int64_t)w;
    }
    return NW_OK;
}

/* The dimensions of the model's input, dynamic ones from --dim where it names them by place. */
static void input_dims(const cli_job *job, int rank, int64_t *dims)
{
    const char *name = nw_model_input_name(job->model, 0);
    memcpy(dims, nw_model_input_dims(job->model, 0), (size_t)rank * sizeof *dims);
    for (int i = 0; i < rank; i++) {
        char *place = cli_printf("%s[%d]", name, i);
        for (size_t k = 0; k < job->dimension_count; k++)
            if (strcmp(job->dimensions[k].name, place) == 0) dims[i] = job->dimensions[k].value;
        free(place);
    }
}

size_t cli_job_numbers(const cli_job *job)
{
    size_t count = 1;
    for (int i = 0; i < job->input_shape.rank; i++) count *= (size_t)job->input_shape.dims[i];
    return count;
}

nw_status cli_job_needs_slices(const cli_job *job, const char *what, nw_error *err)
{
    if (!job->pre.depth) return NW_OK;
    return cli_fail(err, NW_UNSUPPORTED,
                    "%s: takes whole scans, each resized to %lld slices; %s is for networks that take slices",
                    nw_model_path(job->model), (long long)job->pre.depth, what);
}

nw_status cli_job_prepare(cli_job *job, const cli_image_options *options, nw_error *err)
{
    job->image = options;
    cli_slices ignored;
    TRY(cli_slices_of(options->slices, INT64_MAX, "", &ignored, err));
    const char *facts = nw_model_metadata(job->model, "narrows.input");
    if (facts) {
        char *where = cli_printf("%s: metadata 'narrows.input'", nw_model_path(job->model));
        nw_status status = nw_preprocess_parse(facts, where, &job->pre, err);
        free(where);
        if (status != NW_OK) return status;
    }
    const char *lungs = nw_model_metadata(job->model, "narrows.lungs");
    if (lungs) {
        char *where = cli_printf("%s: metadata 'narrows.lungs'", nw_model_path(job->model));
        nw_status status = nw_lung_view_parse(lungs, where, &job->lungs, err);
        free(where);
        if (status != NW_OK) return status;
    }
    TRY(cli_preprocess_options(options, &job->pre, err));
    if (nw_model_input_count(job->model) != 1)
        return cli_fail(err, NW_UNSUPPORTED,
                        "%s: has %zu inputs; a model with one image as its input is needed",
                        nw_model_path(job->model), nw_model_input_count(job->model));
    int rank = nw_model_input_rank(job->model, 0);
    int64_t dims[NW_MAX_RANK] = {-1, -1, -1, -1};
    if (rank > 0) input_dims(job, rank, dims);
    TRY(nw_preprocess_fit(&job->pre, rank, dims, err));
    if (job->pre.depth && options->slices)
        return cli_fail(err, NW_USAGE, "--slices: %s takes whole scans, each resized to %lld slices",
                        nw_model_path(job->model), (long long)job->pre.depth);
    job->input_shape = nw_preprocess_shape(&job->pre, 1);
    job->pixels = cli_calloc(cli_job_numbers(job), sizeof *job->pixels);
    return NW_OK;
}

nw_status cli_job_images(cli_job *job, const char *const *paths, size_t count,
                         const cli_image_options *options, nw_error *err)
{
    TRY(cli_job_prepare(job, options, err));
    nw_list_options list = {.recursive = options->recursive};
    return nw_input_list_new(paths, count, &list, &job->inputs, err);
}

nw_status cli_job_read(const cli_job *job, const char *path, nw_volume **out, nw_error *err)
{
    nw_read_options read = {.volume = job->image->volume,
                            .slice_axis = job->image->axis,
                            .series = job->image->series,
                            .accept_gaps = job->image->accept_gaps,
                            .keep_padding = job->image->keep_padding};
    TRY(nw_volume_read(path, &read, out, err));
    if (nw_volume_warning(*out)[0]) cli_warn("%s: %s", path, nw_volume_warning(*out));
    return NW_OK;
}

nw_preprocess cli_job_pre(const cli_job *job, const nw_input *input)
{
    nw_preprocess pre = job->pre;
    if (input->orient >= 0) pre.orient = (nw_orient)input->orient;
    return pre;
}

nw_status cli_job_see(const cli_job *job, const nw_input *input, const nw_volume *volume, cli_seen *seen,
                      nw_error *err)
{
    *seen = (cli_seen){.pre = cli_job_pre(job, input), .volume = volume};
    if (!job->lungs.crop && !job->lungs.fill) return NW_OK;
    if (nw_volume_get_info(volume)->kind != NW_KIND_SCAN)
        return cli_fail(
            err, NW_BAD_INPUT,
            "%s: the model was trained on the lungs of scans (narrows.lungs), which cannot be found in "
            "a picture; take a scan (NIfTI, DICOM)",
            nw_volume_path(volume));
    TRY(nw_lung_view_make(&job->lungs, volume, &seen->pre, &seen->own, err));
    if (seen->own) seen->volume = seen->own;
    return NW_OK;
}

void cli_seen_free(cli_seen *seen)
{
    nw_volume_free(seen->own);
    seen->own = NULL;
}

nw_status cli_job_fill(cli_job *job, const cli_seen *seen, int64_t slice, nw_error *err)
{
    if (seen->pre.depth) return nw_preprocess_volume(&seen->pre, seen->volume, job->pixels, err);
    return nw_preprocess_apply(&seen->pre, seen->volume, slice, job->pixels, err);
}

static nw_status bad_slices(const char *text, nw_error *err)
{
    return cli_fail(err, NW_USAGE, "--slices: '%s' is not A:B, A:B:STEP or a number, counted from 0", text);
}

nw_status cli_slices_of(const char *text, int64_t count, const char *name, cli_slices *out, nw_error *err)
{
    *out = (cli_slices){0, count, 1};
    if (!text) return NW_OK;
    long long part[3] = {0, count, 1};
    int parts = 0;
    for (const char *p = text;; p++) {
        char *end;
        long long value = strtoll(p, &end, 10);
        if (parts == 3 || (end == p && *p && *p != ':')) return bad_slices(text, err);
        if (end != p) {
            if (value < 0) return bad_slices(text, err);
            part[parts] = value;
        } else if (parts == 0 && !*p) {
            return bad_slices(text, err);
        }
        parts++;
        p = end;
        if (!*p) break;
        if (*p != ':') return bad_slices(text, err);
    }
    if (parts == 1) part[1] = part[0] == INT64_MAX ? part[0] : part[0] + 1;
    if (part[2] < 1 || part[0] >= part[1]) return bad_slices(text, err);
    if (part[0] >= count || (parts == 1 && part[1] > count))
        return cli_fail(err, NW_BAD_INPUT, "%s: there are %lld slices, none of --slices %s", name,
                        (long long)count, text);
    *out = (cli_slices){part[0], part[1] < count ? part[1] : count, part[2]};
    return NW_OK;
}

int64_t cli_slices_count(const cli_slices *s)
{
    return s->end > s->first ? (s->end - s->first - 1) / s->step + 1 : 0;
}

nw_status cli_job_slices(const cli_job *job, const nw_volume *volume, const char *name, cli_slices *out,
                         nw_error *err)
{
    *out = (cli_slices){0, 1, 1};
    if (job->pre.depth) return NW_OK;
    return cli_slices_of(job->image->slices, nw_volume_get_info(volume)->slices, name, out, err);
}
