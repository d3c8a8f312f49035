/* The manifest of a study, and knowing a finished one by it. */
#include "folder.h"
#include "json.h"
#include "quantify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* As its list says; "" where it does not. */
static const char *orient_of(const nw_input *input)
{
    return input->orient < 0 ? "" : nw_orient_name((nw_orient)input->orient);
}

static bool has_all_files(const char *folder)
{
    bool all = true;
    for (size_t i = 0; all && quantify_files[i]; i++) {
        char *path = cli_printf("%s/%s", folder, quantify_files[i]);
        all = access(path, R_OK) == 0;
        free(path);
    }
    return all;
}

/* The first status with the exit code that was recorded. */
static nw_status status_of(json_int_t code)
{
#define SAME(name, number, text)                                                                             \
    if (code == (number) && code != 0) return NW_##name;
    NW_STATUS_LIST(SAME)
#undef SAME
    return NW_FAILED;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

quantify_state quantify_look(const quantify *q, const nw_input *input, const char *folder, nw_status *status,
                             nw_error *err)
{
    struct stat st;
    quantify_state state = QUANTIFY_OPEN;
    char *path = cli_printf("%s/manifest.json", folder);
    bool there = stat(path, &st) == 0;
    json_t *root = there ? json_load_file(path, 0, NULL) : NULL;
    free(path);
    const char *digest = json_string_value(json_object_get(root, "settings_digest"));
    const char *turned = json_string_value(json_object_get(json_object_get(root, "scan"), "orient"));
    bool same_turn = strcmp(turned ? turned : "", orient_of(input)) == 0;
    if (digest && strcmp(digest, q->digest) == 0 && same_turn) {
        bool fresh = is_later(&st.st_mtim, &q->since);
        const char *word = json_string_value(json_object_get(root, "status"));
        const char *why = json_string_value(json_object_get(root, "error"));
        if (word && strcmp(word, "ok") == 0 && (fresh || !q->a->restart) && has_all_files(folder)) {
            state = QUANTIFY_FINISHED;
        } else if (word && strcmp(word, "failed") == 0 && fresh) {
            state = QUANTIFY_FAILED;
            *status = cli_fail(err, status_of(json_integer_value(json_object_get(root, "exit_code"))),
                               "%s (in another process)", why ? why : folder);
        }
    }
    json_decref(root);
    return state;
}

static void record_model(nw_manifest *m, const quantify *q, const nw_input *input)
{
    const nw_head *head = nw_explainer_head(q->method.explainer);
    char json[4096];
    nw_manifest_text(m, "model.file", cli_base_name(nw_model_path(q->job.model)));
    nw_manifest_text(m, "model.digest", nw_model_digest(q->job.model));
    nw_manifest_text(m, "model.head", nw_head_name(head->kind));
    nw_manifest_text(m, "model.explained_tensor", head->logits);
    nw_manifest_text(m, "method", q->method.info->name);
    nw_manifest_text(m, "layer", nw_explainer_layer(q->method.explainer));
    nw_manifest_text(m, "instruction_set", nw_explainer_isa(q->method.explainer));
    nw_preprocess pre = cli_job_pre(&q->job, input);
    nw_preprocess_json(&pre, json, sizeof json);
    nw_manifest_json(m, "preprocessing", json);
    nw_manifest_integer(m, "seed", q->a->method.seed);
    nw_manifest_text(m, "precision", nw_precision_name((nw_precision)q->a->method.precision));
    nw_manifest_integer(m, "threads", q->a->method.threads);
}

static void record_seconds(nw_manifest *m, const nw_study *s, double all)
{
    const struct {
        const char *path;
        double value;
    } times[] = {{"seconds.reading", s->seconds.reading},
                 {"seconds.lungs", s->seconds.lungs},
                 {"seconds.prediction", s->seconds.prediction},
                 {"seconds.features", s->seconds.features},
                 {"seconds.bottleneck", s->seconds.bottleneck},
                 {"seconds.mapping", s->seconds.mapping},
                 {"seconds.lesions", s->seconds.lesions},
                 {"seconds.repeats", s->seconds.repeats},
                 {"seconds.writing", s->seconds.writing},
                 {"seconds.report", s->seconds.report},
                 {"seconds.all", all}};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        nw_manifest_number(m, times[i].path, times[i].value);
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        nw_manifest_number(m, "peak_memory_mib", (double)usage.ru_maxrss / 1024);
}

static void record_scan(nw_manifest *m, const nw_study *s)
{
    const nw_volume_info *info = nw_volume_get_info(s->scan);
    nw_manifest_text(m, "scan.digest", nw_volume_digest(s->scan));
    nw_manifest_text(m, "scan.format", info->format);
    nw_manifest_integer(m, "scan.slices", info->slices);
    nw_manifest_integer(m, "scan.rows", info->rows);
    nw_manifest_integer(m, "scan.columns", info->columns);
    nw_manifest_integer(m, "explained_slices", (int64_t)s->explained);
    for (size_t i = 0; i < s->warning_count; i++) {
        char path[48];
        snprintf(path, sizeof path, "warnings.%zu", i);
        nw_manifest_text(m, path, s->warnings[i]);
    }
    if (s->provenance) nw_manifest_json(m, "maps", s->provenance);
}

nw_status quantify_record(const quantify *q, const nw_input *input, const nw_study *study, nw_status result,
                          const char *message, double seconds, const char *folder, nw_error *err)
{
    nw_manifest *m;
    nw_status status = nw_manifest_new("quantify", &m, err);
    if (status != NW_OK) return status;
    nw_manifest_text(m, "status", result == NW_OK ? "ok" : "failed");
    nw_manifest_integer(m, "exit_code", nw_status_exit_code(result));
    if (message) nw_manifest_text(m, "error", message);
    nw_manifest_text(m, "study", input->name);
    nw_manifest_text(m, "scan.file", cli_base_name(input->path));
    if (input->label) nw_manifest_text(m, "label", input->label);
    if (*orient_of(input)) nw_manifest_text(m, "scan.orient", orient_of(input));
    nw_manifest_text(m, "settings_digest", q->digest);
    nw_manifest_json(m, "settings", q->settings_text);
    record_model(m, q, input);
    if (study) {
        record_scan(m, study);
        size_t files = 0;
        char path[48];
        for (; quantify_files[files]; files++) {
            snprintf(path, sizeof path, "files.%zu", files);
            nw_manifest_text(m, path, quantify_files[files]);
        }
        snprintf(path, sizeof path, "files.%zu", files);
        if (study->truth) nw_manifest_text(m, path, quantify_truth_file);
        record_seconds(m, study, seconds);
    }
    char *path = cli_printf("%s/manifest.json", folder);
    status = nw_manifest_write(m, path, err);
    free(path);
    nw_manifest_free(m);
    return status;
}
