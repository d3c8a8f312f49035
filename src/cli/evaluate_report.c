#include "evaluate.h"
#include "json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        nw_status status_ = (call);                                                                          \
        if (status_ != NW_OK) return status_;                                                                \
    } while (0)

enum { AUC, POINTING, DICE, MASS, MEANS, SPEARMAN = MEANS, MEASURES };

static const char *const names[MEASURES] = {"auc", "pointing", "dice", "mass", "spearman"};

static const nw_score *score_of(const nw_localisation *found, int measure)
{
    const nw_score *const scores[MEANS] = {&found->auc, &found->pointing, &found->dice, &found->mass};
    return scores[measure];
}

static nw_status mean_of(const evaluate *e, size_t method, int measure, double *room, nw_estimate *out,
                         nw_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < e->case_count; i++) {
        if (!e->cases[i].results) continue;
        const nw_score *score = score_of(&e->cases[i].results[method].found, measure);
        if (!score->undefined) room[n++] = score->value;
    }
    return nw_estimate_mean(room, n, (int)e->a->resamples, (uint64_t)e->a->method.seed, out, err);
}

static nw_status spearman_of(const evaluate *e, size_t method, double *room, nw_estimate *out, nw_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < e->case_count; i++) {
        if (!e->cases[i].results) continue;
        room[n] = e->cases[i].results[method].found.mean;
        room[e->measured + n++] = e->cases[i].results[method].found.share;
    }
    return nw_estimate_spearman(room, room + e->measured, n, (int)e->a->resamples,
                                (uint64_t)e->a->method.seed, out, err);
}

static nw_status estimate(const evaluate *e, nw_estimate *all, nw_error *err)
{
    double *room = cli_calloc(e->measured, 2 * sizeof *room);
    nw_status status = NW_OK;
    for (size_t m = 0; m < e->method_count && status == NW_OK; m++, all += MEASURES) {
        for (int k = 0; k < MEANS && status == NW_OK; k++) status = mean_of(e, m, k, room, &all[k], err);
        if (status == NW_OK) status = spearman_of(e, m, room, &all[SPEARMAN], err);
    }
    free(room);
    return status;
}

static void print_table(const evaluate *e, const nw_estimate *all)
{
    cli_table *table = cli_table_new(
        "method|>images|>pixel AUC|>pointing|>Dice at true area|>mass inside|>Spearman of mean with share");
    for (size_t m = 0; m < e->method_count; m++, all += MEASURES) {
        cli_table_cell(table, "%s", e->methods[m].label);
        cli_table_cell(table, "%zu", e->measured);
        for (int k = 0; k < MEASURES; k++) {
            if (all[k].score.undefined)
                cli_table_cell(table, "undefined");
            else if (all[k].count < e->measured)
                cli_table_cell(table, "%.3f [%.3f %.3f] n=%zu", all[k].score.value, all[k].low, all[k].high,
                               all[k].count);
            else
                cli_table_cell(table, "%.3f [%.3f %.3f]", all[k].score.value, all[k].low, all[k].high);
        }
    }
    cli_table_print(table);
    size_t left = e->case_count - e->measured;
    if (left) printf("%zu left out:\n", left);
    for (size_t i = 0; i < e->case_count; i++)
        if (!e->cases[i].results) printf("  %s: %s\n", e->cases[i].name, e->cases[i].reason);
}

/* Images without a value for the measure, by reason. */
static json_t *undefined_json(const evaluate *e, size_t method, int measure)
{
    json_t *object = json_object();
    for (size_t i = 0; i < e->case_count; i++) {
        if (!e->cases[i].results) continue;
        const nw_score *score = score_of(&e->cases[i].results[method].found, measure);
        if (!score->undefined) continue;
        json_int_t n = json_integer_value(json_object_get(object, score->undefined));
        json_object_set_new(object, score->undefined, json_integer(n + 1));
    }
    return object;
}

static json_t *estimate_json(const nw_estimate *x)
{
    if (x->score.undefined)
        return json_pack("{s:n, s:s, s:I}", "value", "undefined", x->score.undefined, "images",
                         (json_int_t)x->count);
    return json_pack("{s:f, s:[f,f], s:I}", "value", x->score.value, "interval95", x->low, x->high, "images",
                     (json_int_t)x->count);
}

static json_t *methods_json(const evaluate *e, const nw_estimate *all)
{
    json_t *array = json_array();
    for (size_t m = 0; m < e->method_count; m++, all += MEASURES) {
        const evaluate_method *method = &e->methods[m];
        json_t *object = json_object();
        json_object_set_new(object, "method", cli_json_text(method->label));
        if (!method->control) {
            json_object_set_new(object, "layer", cli_json_text(nw_explainer_layer(method->use.explainer)));
            json_object_set_new(object, "unit", cli_json_text(method->use.info->unit));
        }
        if (method->use.stats_file)
            json_object_set_new(object, "statistics", cli_json_text(method->use.stats_file));
        for (int k = 0; k < MEASURES; k++) {
            json_t *x = estimate_json(&all[k]);
            if (k < MEANS) json_object_set_new(x, "left_out", undefined_json(e, m, k));
            json_object_set_new(object, names[k], x);
        }
        json_t *provenance = method->provenance ? json_loads(method->provenance, 0, NULL) : NULL;
        json_t *parameters = json_object_get(provenance, "parameters");
        json_object_del(parameters, "image");
        if (parameters) json_object_set(object, "parameters", parameters);
        json_decref(provenance);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *left_out_json(const evaluate *e)
{
    json_t *array = json_array();
    for (size_t i = 0; i < e->case_count; i++)
        if (!e->cases[i].results)
            json_array_append_new(array, json_pack("{s:o, s:o}", "image", cli_json_text(e->cases[i].name),
                                                   "reason", cli_json_text(e->cases[i].reason)));
    return array;
}

static nw_status print_json(const evaluate *e, const nw_estimate *all, nw_error *err)
{
    char pre[4096];
    nw_preprocess_json(&e->job.pre, pre, sizeof pre);
    const evaluate_arguments *a = e->a;
    return cli_json_print(json_pack("{s:o, s:s, s:o, s:s, s:f, s:I, s:I, s:I, s:o, s:o}", "model",
                                    cli_json_text(nw_model_path(e->job.model)), "model_digest",
                                    nw_model_digest(e->job.model), "preprocessing", json_loads(pre, 0, NULL),
                                    "compared_at", a->at == AT_IMAGE ? "image" : "input", "tolerance_pixels",
                                    a->tolerance, "resamples", (json_int_t)a->resamples, "seed",
                                    (json_int_t)a->method.seed, "images", (json_int_t)e->measured, "left_out",
                                    left_out_json(e), "methods", methods_json(e, all)),
                          err);
}

/* Text that grows. */
typedef struct text {
    char *data;
    size_t size, capacity;
} text;

__attribute__((format(printf, 2, 3))) static void put(text *t, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t n = (size_t)vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (t->size + n + 1 > t->capacity) {
        size_t capacity = 2 * t->capacity + n + 4096;
        char *more = cli_calloc(capacity, 1);
        if (t->size) memcpy(more, t->data, t->size);
        free(t->data);
        t->data = more;
        t->capacity = capacity;
    }
    vsnprintf(t->data + t->size, n + 1, format, args);
    t->size += n;
    va_end(args);
}

/* A field of text, quoted as RFC 4180 has it. */
static void put_field(text *t, const char *value)
{
    put(t, "\"");
    for (; *value; value++) put(t, *value == '"' ? "\"\"" : "%c", *value);
    put(t, "\"");
}

/* The next field: a number, or nothing. */
static void put_number(text *t, bool there, double value)
{
    if (there)
        put(t, ",%.9g", value);
    else
        put(t, ",");
}

static nw_status write_csv(const evaluate *e, nw_error *err)
{
    static const char *const columns[] = {"auc", "pointing", "dice", "mass", "mean", "total_bits"};
    text t = {0};
    put(&t, "image,slice,answer,mask_share,left_out");
    for (size_t m = 0; m < e->method_count; m++)
        for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) {
            char *title = cli_printf("%s.%s", e->methods[m].label, columns[k]);
            put(&t, ",");
            put_field(&t, title);
            free(title);
        }
    put(&t, "\n");
    for (size_t i = 0; i < e->case_count; i++) {
        const evaluate_case *c = &e->cases[i];
        put_field(&t, c->name);
        put(&t, ",%lld", (long long)c->slice);
        put_number(&t, !isnan(c->answer), c->answer);
        put_number(&t, c->results, c->results ? c->results[0].found.share : 0);
        put(&t, ",");
        if (c->reason) put_field(&t, c->reason);
        for (size_t m = 0; m < e->method_count; m++) {
            const evaluate_result *r = c->results ? &c->results[m] : NULL;
            for (int k = 0; k < MEANS; k++) {
                const nw_score *score = r ? score_of(&r->found, k) : NULL;
                put_number(&t, score && !score->undefined, score ? score->value : 0);
            }
            put_number(&t, r, r ? r->found.mean : 0);
            put_number(&t, r && r->bits > 0, r ? r->bits : 0);
        }
        put(&t, "\n");
    }
    nw_status status = nw_text_write(e->a->csv, t.data, err);
    free(t.data);
    return status;
}

nw_status evaluate_report(const evaluate *e, nw_error *err)
{
    nw_estimate *all = cli_calloc(e->method_count * MEASURES, sizeof *all);
    nw_status status = estimate(e, all, err);
    if (status == NW_OK && e->a->csv) status = write_csv(e, err);
    if (status == NW_OK && e->a->common.json)
        status = print_json(e, all, err);
    else if (status == NW_OK)
        print_table(e, all);
    free(all);
    return status;
}
