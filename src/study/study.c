#include "study/study_internal.h"

#include "base/file.h"
#include "base/memory.h"
#include "explain/explainer.h"

#include <math.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROW_KEY(NAME, key, text)  [NW_SLICE_##NAME] = key,
#define ROW_TEXT(NAME, key, text) [NW_SLICE_##NAME] = text,

const char *nw_slice_state_key(nw_slice_state state)
{
    static const char *const keys[] = {NW_SLICE_LIST(ROW_KEY)};
    return (unsigned)state < sizeof keys / sizeof keys[0] ? keys[state] : "";
}

const char *nw_slice_state_text(nw_slice_state state)
{
    static const char *const texts[] = {NW_SLICE_LIST(ROW_TEXT)};
    return (unsigned)state < sizeof texts / sizeof texts[0] ? texts[state] : "";
}

double nw_study_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void nw_bytes_digest(const void *data, size_t size, char hex[65])
{
    struct sha256_ctx sha;
    uint8_t sum[SHA256_DIGEST_SIZE];
    sha256_init(&sha);
    sha256_update(&sha, size, data);
    sha256_digest(&sha, sizeof sum, sum);
    for (size_t i = 0; i < sizeof sum; i++) snprintf(hex + 2 * i, 3, "%02x", sum[i]);
}

void nw_study_options_init(nw_study_options *options, const nw_healthy *healthy)
{
    *options = (nw_study_options){.repeats = 1, .least_lung_cm2 = 0.5, .sweep = 13, .sweep_octaves = 3};
    nw_lesion_options_init(&options->lesion, healthy);
}

void nw_study_free(nw_study *s)
{
    if (!s) return;
    for (size_t i = 0; s->slices && i < s->slice_count; i++) nw_free((void *)(uintptr_t)s->slices[i].logits);
    for (size_t i = 0; i < s->class_count; i++) nw_free((void *)(uintptr_t)s->classes[i]);
    for (size_t i = 0; i < s->warning_count; i++) nw_free(s->warnings[i]);
    nw_free((void *)(uintptr_t)s->classes);
    nw_free((void *)(uintptr_t)s->model_name);
    nw_free((void *)(uintptr_t)s->model_digest);
    nw_free((void *)(uintptr_t)s->layer);
    nw_free(s->slices);
    nw_free(s->map);
    nw_free(s->truth);
    nw_lungs_free(s->lungs);
    nw_lesions_free(s->lesions);
    nw_free(s->sweep);
    nw_free(s->runs);
    nw_free(s->run_thresholds);
    nw_free(s->warnings);
    nw_free(s->provenance);
    nw_free(s->settings);
    nw_free(s);
}

nw_status nw_study_warn(nw_study *study, const char *sentence, nw_error *err)
{
    char **list = nw_realloc(study->warnings, study->warning_count + 1, sizeof *list);
    if (list) study->warnings = list;
    char *copy = list ? nw_strdup(sentence) : NULL;
    if (!copy) return nw_no_memory(err, strlen(sentence), "a warning");
    study->warnings[study->warning_count++] = copy;
    return NW_OK;
}

double *nw_study_gate(const nw_study *study)
{
    double *gate = nw_calloc(study->slice_count, sizeof *gate);
    for (size_t i = 0; gate && i < study->slice_count; i++) {
        double p = study->slices[i].probability;
        gate[i] = isnan(p) ? 0 : p;
    }
    return gate;
}

/* ---- A new study --------------------------------------------------------------------------------------- */

static nw_status check(const nw_study_maker *m, const nw_volume_info *info, const nw_lungs *lungs,
                       nw_error *err)
{
    const nw_study_options *o = m->options;
    const nw_explainer *e = m->explainer;
    if (info->kind != NW_KIND_SCAN)
        return nw_fail(err, NW_USAGE,
                       "%s: a study needs a scan with a geometry in mm, not a picture or tensor",
                       nw_volume_path(m->study->scan));
    if (strcmp(e->method->info.unit, "bits per pixel") != 0 || e->input_shape.rank != 4)
        return nw_fail(err, NW_USAGE, "method %s gives no bits per pixel: volumes need a method that does",
                       e->method->info.name);
    if (e->options.target < 0 && e->head.count > 1)
        return nw_fail(err, NW_USAGE, "a study needs a target class that is the same for all slices");
    if (e->options.target < 0 && e->head.kind == NW_HEAD_SIGMOID)
        return nw_fail(err, NW_USAGE, "a study needs a target: class 0 or 1 of the one-logit head");
    if (o->repeats < 1 || o->repeats > 1000)
        return nw_fail(err, NW_USAGE, "a study needs 1 to 1000 repeats, not %d", o->repeats);
    if (o->sweep < 0 || o->sweep > 1000 || o->sweep_octaves < 0 || !(o->least_lung_cm2 >= 0))
        return nw_fail(err, NW_USAGE, "the sweep or the least area of lung is out of its range");
    if (o->first < 0 || o->step < 0 || (o->end && o->end <= o->first) || o->first >= info->slices)
        return nw_fail(err, NW_USAGE, "%s: there are no slices %lld to %lld", nw_volume_path(m->study->scan),
                       (long long)o->first, (long long)o->end);
    const int64_t *a = lungs->grid.dims, *b = info->dims;
    if (a[0] != b[0] || a[1] != b[1] || a[2] != b[2])
        return nw_fail(err, NW_USAGE, "the lungs are not on the grid of the scan");
    return NW_OK;
}

static nw_status read_classes(nw_study *s, nw_model *model, nw_error *err)
{
    const char *text = nw_model_metadata(model, "narrows.classes");
    json_t *array = text ? json_loads(text, 0, NULL) : NULL, *item;
    const char **names = NULL;
    size_t i;
    if (json_array_size(array)) names = nw_calloc(json_array_size(array), sizeof *names);
    json_array_foreach(array, i, item)
    {
        if (!names || !json_is_string(item)) break;
        names[i] = nw_strdup(json_string_value(item));
        if (!names[i]) break;
        s->class_count++;
    }
    bool good = s->class_count == json_array_size(array);
    json_decref(array);
    s->classes = names;
    if (s->target >= 0 && (size_t)s->target < s->class_count) s->target_name = s->classes[s->target];
    return good ? NW_OK
                : nw_fail(err, NW_BAD_MODEL, "%s: metadata 'narrows.classes' is not a list of names",
                          nw_model_path(model));
}

static nw_status begin(nw_study_maker *m, const nw_lungs *lungs, nw_error *err)
{
    nw_study *s = m->study;
    const nw_volume_info *info = nw_volume_get_info(s->scan);
    nw_explainer *e = m->explainer;
    NW_TRY(check(m, info, lungs, err));
    NW_TRY(nw_grid_of_volume(s->scan, &s->grid, &s->hu, err));
    size_t voxels = (size_t)(info->dims[0] * info->dims[1] * info->dims[2]);
    s->slice_count = (size_t)info->slices;
    s->output_count = (size_t)e->head.count;
    s->head = e->head.kind;
    s->target = e->options.target < 0 ? 0 : e->options.target;
    s->method = e->method->info.name;
    s->layer = nw_strdup(e->layer);
    s->model_name = nw_strdup(nw_path_base(nw_model_path(e->model)));
    s->model_digest = nw_strdup(nw_model_digest(e->model));
    s->slices = nw_calloc(s->slice_count, sizeof *s->slices);
    s->map = nw_calloc(voxels, sizeof *s->map);
    s->run_count = (size_t)m->options->repeats;
    s->runs = nw_calloc(s->run_count, sizeof *s->runs);
    s->run_thresholds = nw_calloc(s->run_count, sizeof *s->run_thresholds);
    m->pixels = nw_calloc((size_t)(e->input_shape.dims[1] * e->input_shape.dims[2]),
                          (size_t)e->input_shape.dims[3] * sizeof *m->pixels);
    m->plane = nw_calloc((size_t)(info->rows * info->columns), sizeof *m->plane);
    m->logits = nw_calloc(s->output_count, sizeof *m->logits);
    m->probabilities = nw_calloc(s->output_count, sizeof *m->probabilities);
    if (!s->layer || !s->model_name || !s->model_digest || !s->slices || !s->map || !s->runs ||
        !s->run_thresholds || !m->pixels || !m->plane || !m->logits || !m->probabilities)
        return nw_no_memory(err, voxels * sizeof *s->map, "a study's map");
    m->gated = !m->options->ungated && s->head != NW_HEAD_REGRESSION;
    s->gate = m->gated ? m->options->lesion.gate : NAN;
    nw_grid one = s->grid;
    one.dims[0] = one.dims[1] = one.dims[2] = 1;
    const float bit = 1;
    float density;
    NW_TRY(nw_density_from_bits(&one, NW_BITS_PER_SLICE, &bit, &density, err));
    s->density_factor = (double)density;
    return read_classes(s, e->model, err);
}

static nw_status warn_lungs(nw_study *s, nw_error *err)
{
    for (int i = 0; nw_lung_warning_key(i); i++)
        if (s->lungs->warnings & 1u << i) NW_TRY(nw_study_warn(s, nw_lung_warning_text(i), err));
    return NW_OK;
}

static nw_status make(nw_study_maker *m, nw_lungs *lungs, nw_error *err)
{
    nw_study *s = m->study;
    NW_TRY(begin(m, lungs, err));
    s->lungs = lungs; /* taken back by the caller where something fails */
    NW_TRY(warn_lungs(s, err));
    NW_TRY(nw_study_explain(m, err));
    NW_TRY(nw_study_measure(m, err));
    return nw_study_describe(m, err);
}

nw_status nw_study_run(nw_explainer *explainer, const nw_preprocess *preprocess, const nw_volume *scan,
                       nw_lungs *lungs, const nw_study_options *options, const nw_progress *progress,
                       nw_study **out, nw_error *err)
{
    nw_study *s = nw_calloc(1, sizeof *s);
    if (!s) return nw_no_memory(err, sizeof *s, "a study");
    s->scan = scan;
    s->max_slice = -1;
    s->mean_probability = s->max_probability = NAN;
    nw_study_maker m = {.explainer = explainer,
                        .preprocess = preprocess,
                        .options = options,
                        .progress = progress,
                        .study = s};
    nw_status status = make(&m, lungs, err);
    nw_free(m.pixels);
    nw_free(m.plane);
    nw_free(m.logits);
    nw_free(m.probabilities);
    if (status != NW_OK) {
        s->lungs = NULL;
        nw_study_free(s);
        return status;
    }
    *out = s;
    return NW_OK;
}
