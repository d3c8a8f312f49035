/* How good predictions are: the metrics that suit the task. */
#include "base/memory.h"
#include "train/predictions.h"

#include <math.h>
#include <string.h>

typedef struct measuring {
    const nw_dataset *data;
    const nw_predictions *p;
    size_t n, k;
    nw_metric_options options;
    double *scores;  /* [n] of one event */
    uint8_t *events; /* [n] */
    int32_t *truth;  /* [n] */
    nw_measures *out;
} measuring;

static nw_estimate none(const char *why)
{
    return (nw_estimate){.score = {.undefined = why}};
}

/* Score and truth of output c as an event of its own. */
static void event(measuring *m, size_t c)
{
    for (size_t i = 0; i < m->n; i++) {
        m->scores[i] = m->p->values[i * m->k + c];
        m->events[i] = m->p->samples[i]->target[c] > 0.5F;
    }
}

static nw_status ranking(measuring *m, nw_error *err)
{
    NW_TRY(nw_metric_auroc(m->scores, m->events, m->n, &m->options, &m->out->auroc, err));
    NW_TRY(nw_metric_average_precision(m->scores, m->events, m->n, &m->options, &m->out->average_precision,
                                       err));
    return nw_metric_sensitivity(m->scores, m->events, m->n, NW_SENSITIVITY_AT / 100.0, &m->options,
                                 &m->out->sensitivity, NULL, err);
}

/* One logit, or two classes: the second is the event. */
static nw_status two_classes(measuring *m, nw_error *err)
{
    int32_t *predicted = nw_calloc(m->n, sizeof *predicted);
    if (!predicted) return nw_no_memory(err, m->n * sizeof *predicted, "metrics");
    event(m, m->k - 1);
    for (size_t i = 0; i < m->n; i++) {
        predicted[i] = m->scores[i] > 0.5;
        m->truth[i] = m->events[i];
    }
    nw_status status = ranking(m, err);
    if (status == NW_OK)
        status = nw_metric_accuracy(predicted, m->truth, m->n, &m->options, &m->out->accuracy, err);
    if (status == NW_OK)
        status = nw_metric_calibration(m->scores, m->events, m->n, 0, 0, &m->options, &m->out->calibration,
                                       NULL, err);
    if (status == NW_OK)
        status = nw_metric_brier(m->scores, m->truth, m->n, 1, &m->options, &m->out->brier, err);
    nw_free(predicted);
    return status;
}

static nw_status several_classes(measuring *m, nw_error *err)
{
    int32_t *predicted = nw_calloc(m->n, sizeof *predicted);
    if (!predicted) return nw_no_memory(err, m->n * sizeof *predicted, "metrics");
    for (size_t i = 0; i < m->n; i++) {
        const double *v = m->p->values + i * m->k;
        for (size_t c = 1; c < m->k; c++)
            if (v[c] > v[predicted[i]]) predicted[i] = (int32_t)c;
        m->truth[i] = m->p->samples[i]->class_index;
        m->scores[i] = v[predicted[i]];
        m->events[i] = predicted[i] == m->truth[i];
    }
    nw_status status =
        nw_metric_macro_auroc(m->p->values, m->truth, m->n, m->k, &m->options, &m->out->auroc, err);
    if (status == NW_OK)
        status = nw_metric_accuracy(predicted, m->truth, m->n, &m->options, &m->out->accuracy, err);
    if (status == NW_OK)
        status = nw_metric_calibration(m->scores, m->events, m->n, 0, 0, &m->options, &m->out->calibration,
                                       NULL, err);
    if (status == NW_OK)
        status = nw_metric_brier(m->p->values, m->truth, m->n, m->k, &m->options, &m->out->brier, err);
    nw_free(predicted);
    return status;
}

static nw_status labels(measuring *m, nw_error *err)
{
    uint8_t *has = nw_calloc(m->n, m->k);
    if (!has) return nw_no_memory(err, m->n * m->k, "metrics");
    for (size_t i = 0; i < m->n; i++)
        for (size_t c = 0; c < m->k; c++) has[i * m->k + c] = m->p->samples[i]->target[c] > 0.5F;
    nw_status status =
        nw_metric_labels_auroc(m->p->values, has, m->n, m->k, &m->options, &m->out->auroc, err);
    if (status == NW_OK)
        status = nw_metric_labels_precision(m->p->values, has, m->n, m->k, &m->options,
                                            &m->out->average_precision, err);
    nw_free(has);
    return status;
}

/* The first number, where there are several. */
static nw_status numbers(measuring *m, nw_error *err)
{
    double *truth = nw_calloc(m->n, sizeof *truth);
    if (!truth) return nw_no_memory(err, m->n * sizeof *truth, "metrics");
    for (size_t i = 0; i < m->n; i++) {
        m->scores[i] = m->p->values[i * m->k];
        truth[i] = (double)m->p->samples[i]->target[0];
    }
    nw_status status = nw_metric_spearman(m->scores, truth, m->n, &m->options, &m->out->spearman, err);
    if (status == NW_OK)
        status = nw_metric_pearson(m->scores, truth, m->n, &m->options, &m->out->pearson, err);
    if (status == NW_OK) status = nw_metric_mae(m->scores, truth, m->n, &m->options, &m->out->mae, err);
    if (status == NW_OK) status = nw_metric_r2(m->scores, truth, m->n, &m->options, &m->out->r2, err);
    nw_free(truth);
    return status;
}

static nw_status loss_of(measuring *m, const nw_train_settings *s, nw_error *err)
{
    float *targets = nw_calloc(m->n * m->k, sizeof *targets);
    float *weights = nw_calloc(m->n, sizeof *weights);
    nw_status status =
        targets && weights ? NW_OK : nw_no_memory(err, m->n * m->k * sizeof *targets, "metrics");
    for (size_t i = 0; i < m->n && status == NW_OK; i++) {
        weights[i] = m->p->samples[i]->weight;
        for (size_t c = 0; c < m->k; c++)
            targets[i * m->k + c] = (float)s->transform->forward((double)m->p->samples[i]->target[c]);
    }
    if (status == NW_OK)
        status = s->loss->run(m->p->logits, targets, weights, (int64_t)m->n, (int64_t)m->k,
                              s->o.loss_parameter, NULL, &m->out->loss, err);
    nw_free(targets);
    nw_free(weights);
    return status;
}

/* Groups of the rows; a bootstrap over them where some hold several rows. */
static nw_status group(measuring *m, int64_t **out, nw_error *err)
{
    size_t all = nw_dataset_group_count(m->data);
    int64_t *groups = nw_calloc(m->n, sizeof *groups);
    uint8_t *seen = nw_calloc(all, sizeof *seen);
    if (!groups || !seen) {
        nw_free(groups);
        nw_free(seen);
        return nw_no_memory(err, m->n * sizeof *groups, "metrics");
    }
    for (size_t i = 0; i < m->n; i++) {
        size_t g = m->p->samples[i]->group;
        groups[i] = (int64_t)g;
        m->out->groups += !seen[g];
        seen[g] = 1;
    }
    nw_free(seen);
    *out = groups;
    if (m->out->groups < m->n) m->options.groups = groups;
    return NW_OK;
}

static nw_status by_task(measuring *m, nw_error *err)
{
    nw_measures *o = m->out;
    nw_task task = nw_dataset_task(m->data);
    o->auroc = o->average_precision = o->accuracy = o->sensitivity = o->calibration = o->brier =
        none("this task has no such metric");
    o->spearman = o->pearson = o->mae = o->r2 = none("only a regression has this metric");
    if (task == NW_TASK_REGRESSION) return numbers(m, err);
    if (task == NW_TASK_MULTILABEL) return labels(m, err);
    return m->k <= 2 ? two_classes(m, err) : several_classes(m, err);
}

nw_status nw_measure(const nw_dataset *data, nw_split split, const nw_predictions *predictions,
                     const nw_train_options *options, nw_measures *out, nw_error *err)
{
    (void)split;
    nw_train_settings s;
    NW_TRY(nw_train_settings_make(data, options, &s, err));
    nw_measures result = {.rows = predictions->count};
    measuring m = {.data = data,
                   .p = predictions,
                   .n = predictions->count,
                   .k = predictions->outputs,
                   .options = {.draws = s.o.draws, .seed = s.o.seed},
                   .out = &result};
    int64_t *groups = NULL;
    m.scores = nw_calloc(m.n, sizeof *m.scores);
    m.events = nw_calloc(m.n, sizeof *m.events);
    m.truth = nw_calloc(m.n, sizeof *m.truth);
    nw_status status =
        m.scores && m.events && m.truth ? NW_OK : nw_no_memory(err, m.n * sizeof *m.scores, "metrics");
    if (status == NW_OK) status = group(&m, &groups, err);
    if (status == NW_OK) status = loss_of(&m, &s, err);
    if (status == NW_OK) status = by_task(&m, err);
    nw_free(m.scores);
    nw_free(m.events);
    nw_free(m.truth);
    nw_free(groups);
    if (status == NW_OK) *out = result;
    return status;
}

/* X(field, name, title) */
#define MEASURES(X)                                                                                          \
    X(auroc, "auroc", "AUROC")                                                                               \
    X(average_precision, "average_precision", "AUPRC")                                                       \
    X(accuracy, "accuracy", "Accuracy")                                                                      \
    X(sensitivity, "sensitivity_at_90_specificity", "Sensitivity at 90 % specificity")                       \
    X(calibration, "calibration_error", "Calibration error")                                                 \
    X(brier, "brier", "Brier score")                                                                         \
    X(spearman, "spearman", "Spearman")                                                                      \
    X(pearson, "pearson", "Pearson")                                                                         \
    X(mae, "mean_absolute_error", "Mean absolute error")                                                     \
    X(r2, "r2", "R2")

const nw_estimate *nw_measures_at(const nw_measures *m, size_t i, const char **name, const char **title)
{
#define ROW(field, name, title) {name, title, offsetof(nw_measures, field)},
    static const struct {
        const char *name, *title;
        size_t offset;
    } rows[] = {MEASURES(ROW)};
    if (i >= sizeof rows / sizeof *rows) return NULL;
    if (name) *name = rows[i].name;
    if (title) *title = rows[i].title;
    return (const nw_estimate *)(const void *)((const char *)m + rows[i].offset);
}

double nw_measures_score(const nw_dataset *data, const nw_measures *measures, const char **name)
{
    bool regression = nw_dataset_task(data) == NW_TASK_REGRESSION;
    const nw_estimate *e = regression ? &measures->spearman : &measures->auroc;
    if (e->score.undefined) {
        *name = "minus loss";
        return -measures->loss;
    }
    *name = regression ? "Spearman" : "AUROC";
    return e->score.value;
}
