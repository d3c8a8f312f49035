/* The page of a training: what is known, in the order of a reader's questions. */
#include "base/memory.h"
#include "train/predictions.h"

#include <jansson.h>
#include <narrows/report.h>
#include <stdio.h>
#include <string.h>

enum { FACTS = 40, TEXT = 160 };

typedef struct page {
    nw_trainer *t;
    const nw_predictions *test;
    nw_training_page page;
    nw_page_fact facts[4], settings[FACTS], files[3];
    char texts[FACTS + 8][TEXT];
    size_t text_count;
    nw_training_result results[NW_EPOCH_METRICS];
    nw_training_split splits[NW_SPLITS];
    int64_t *counts; /* [NW_SPLITS][classes] */
    const char **classes;
    nw_calibration_bin bins[NW_CALIBRATION_BINS];
    double *scores, *false_positive, *true_positive;
    uint8_t *events;
    const char *warnings[16];
    char results_of[TEXT];
} page;

static const char *text(page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static const char *text(page *p, const char *format, ...)
{
    if (p->text_count == FACTS + 8) return "";
    char *to = p->texts[p->text_count++];
    va_list args;
    va_start(args, format);
    vsnprintf(to, TEXT, format, args);
    va_end(args);
    return to;
}

static void describe_data(page *p)
{
    const nw_dataset *data = p->t->data;
    size_t k = nw_dataset_class_count(data);
    bool classes = nw_dataset_task(data) != NW_TASK_REGRESSION;
    for (size_t c = 0; c < k; c++) p->classes[c] = classes ? nw_dataset_class_name(data, c) : "images";
    if (!classes) k = 1;
    p->page.classes = p->classes;
    p->page.class_count = k;
    for (int s = 0; s < NW_SPLITS; s++) {
        if (!nw_dataset_count(data, (nw_split)s)) continue;
        int64_t *counts = p->counts + (size_t)s * k;
        for (size_t c = 0; c < k; c++)
            counts[c] = (int64_t)(classes ? nw_dataset_members(data, (nw_split)s, c)
                                          : nw_dataset_count(data, (nw_split)s));
        p->splits[p->page.split_count++] = (nw_training_split){
            nw_split_name((nw_split)s), counts, (int64_t)nw_dataset_split_groups(data, (nw_split)s)};
    }
    p->page.splits = p->splits;
    while (p->page.warning_count < 16 && nw_dataset_warning(data, p->page.warning_count)) {
        p->warnings[p->page.warning_count] = nw_dataset_warning(data, p->page.warning_count);
        p->page.warning_count++;
    }
    p->page.warnings = p->warnings;
}

static void describe_settings(page *p, json_t *facts)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(facts, "settings"), key, value)
    {
        if (p->page.setting_count == FACTS) break;
        const char *shown = json_is_string(value)    ? json_string_value(value)
                            : json_is_integer(value) ? text(p, "%lld", (long long)json_integer_value(value))
                            : json_is_real(value)    ? text(p, "%g", json_real_value(value))
                                                     : (json_is_true(value) ? "yes" : "no");
        p->settings[p->page.setting_count++] = (nw_page_fact){key, shown};
    }
    p->page.settings = p->settings;
    p->facts[0] = (nw_page_fact){"Parameters", text(p, "%lld", (long long)nw_trainer_parameters(p->t))};
    p->facts[1] = (nw_page_fact){
        "Epochs", text(p, "%lld of %lld", (long long)p->t->epoch, (long long)p->t->s.o.epochs)};
    p->facts[2] = (nw_page_fact){"Task", nw_task_name(nw_dataset_task(p->t->data))};
    p->page.facts = p->facts;
    p->page.fact_count = 3;
}

/* ROC curve and reliability, of one logit or two classes. */
static nw_status describe_curves(page *p, nw_error *err)
{
    const nw_predictions *test = p->test;
    nw_task task = nw_dataset_task(p->t->data);
    size_t n = test->count, k = test->outputs, positive = 0;
    if (task == NW_TASK_REGRESSION || task == NW_TASK_MULTILABEL || k > 2) return NW_OK;
    p->scores = nw_calloc(n, sizeof *p->scores);
    p->events = nw_calloc(n, sizeof *p->events);
    p->false_positive = nw_calloc(n + 1, sizeof *p->false_positive);
    p->true_positive = nw_calloc(n + 1, sizeof *p->true_positive);
    if (!p->scores || !p->events || !p->false_positive || !p->true_positive)
        return nw_no_memory(err, n * sizeof *p->scores, "the page of a training");
    for (size_t i = 0; i < n; i++) {
        p->scores[i] = test->values[i * k + k - 1];
        p->events[i] = test->samples[i]->target[k - 1] > 0.5F;
        positive += p->events[i];
    }
    if (!positive || positive == n) return NW_OK;
    NW_TRY(nw_metric_roc_curve(p->scores, p->events, n, p->false_positive, p->true_positive,
                               &p->page.roc_count, err));
    p->page.false_positive = p->false_positive;
    p->page.true_positive = p->true_positive;
    nw_estimate ignored;
    nw_metric_options few = {.draws = 1};
    NW_TRY(
        nw_metric_calibration(p->scores, p->events, n, NW_CALIBRATION_BINS, 0, &few, &ignored, p->bins, err));
    p->page.bins = p->bins;
    p->page.bin_count = NW_CALIBRATION_BINS;
    return NW_OK;
}

static nw_status describe_test(page *p, nw_error *err)
{
    nw_measures m;
    const char *title;
    const nw_estimate *e;
    if (!p->test) return NW_OK;
    NW_TRY(nw_measure(p->t->data, NW_SPLIT_TEST, p->test, &p->t->s.o, &m, err));
    for (size_t i = 0; (e = nw_measures_at(&m, i, NULL, &title)) != NULL; i++)
        if (!e->score.undefined && p->page.result_count < NW_EPOCH_METRICS)
            p->results[p->page.result_count++] = (nw_training_result){title, *e};
    p->page.results = p->results;
    snprintf(p->results_of, sizeof p->results_of, "test split, %zu %s of %zu groups", m.rows,
             p->t->s.pooling                            ? "studies"
             : nw_dataset_preprocess(p->t->data)->depth ? "scans"
                                                        : "images",
             m.groups);
    p->page.results_of = p->results_of;
    return describe_curves(p, err);
}

static nw_status fill(page *p, const char *name, nw_error *err)
{
    const nw_trainer *t = p->t;
    size_t k = nw_dataset_class_count(t->data);
    p->classes = nw_calloc(k + 1, sizeof *p->classes);
    p->counts = nw_calloc(NW_SPLITS * (k + 1), sizeof *p->counts);
    if (!p->classes || !p->counts) return nw_no_memory(err, k * sizeof *p->counts, "the page of a training");
    p->page.name = name;
    p->page.epochs = nw_train_log_epochs(t->log, &p->page.epoch_count);
    p->page.best_epoch = t->s.o.keep_last ? t->epoch : t->best_epoch;
    if (nw_dataset_count(t->data, NW_SPLIT_VAL))
        p->page.metric =
            nw_dataset_task(t->data) == NW_TASK_REGRESSION ? "Spearman" : "AUROC"; /* the first column */
    describe_data(p);
    p->files[0] = (nw_page_fact){"log", "log.csv"};
    p->files[1] = (nw_page_fact){"predictions", "test.csv"};
    p->page.files = p->files;
    p->page.file_count = p->test ? 2 : 1;
    return describe_test(p, err);
}

nw_status nw_trainer_page(nw_trainer *t, const char *name, const nw_predictions *test, const char *path,
                          nw_error *err)
{
    if (!t->log) return nw_fail(err, NW_USAGE, "the page of a training needs its log");
    page *p = nw_calloc(1, sizeof *p);
    if (!p) return nw_no_memory(err, sizeof *p, "the page of a training");
    p->t = t;
    p->test = test;
    json_t *facts = json_loads(t->facts, 0, NULL);
    nw_status status = fill(p, name, err);
    if (status == NW_OK) {
        describe_settings(p, facts);
        status = nw_training_page_write(&p->page, path, err);
    }
    json_decref(facts);
    void *blocks[] = {
        p->counts, (void *)(uintptr_t)p->classes, p->scores, p->false_positive, p->true_positive, p->events};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) nw_free(blocks[i]);
    nw_free(p);
    return status;
}
