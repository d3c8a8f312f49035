/* What a training says and leaves behind. */
#include "folder.h"
#include "json.h"
#include "terminal.h"
#include "train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say_split(const train *t, nw_split split)
{
    size_t n = nw_dataset_count(t->data, split);
    if (!n) return;
    char classes[512] = "";
    size_t used = 0;
    for (size_t c = 0; nw_dataset_task(t->data) != NW_TASK_REGRESSION &&
                       c < nw_dataset_class_count(t->data) && used < sizeof classes;
         c++)
        used += (size_t)snprintf(classes + used, sizeof classes - used, "%s%zu %s", c ? ", " : ": ",
                                 nw_dataset_members(t->data, split, c), nw_dataset_class_name(t->data, c));
    cli_note("%-5s %zu %s of %zu groups%s", nw_split_name(split), n, t->pre.depth ? "scans" : "images",
             nw_dataset_split_groups(t->data, split), classes);
}

void train_say_data(const train *t)
{
    for (size_t i = 0; nw_dataset_note(t->data, i); i++) cli_note("%s", nw_dataset_note(t->data, i));
    for (size_t i = 0; nw_dataset_warning(t->data, i); i++) cli_warn("%s", nw_dataset_warning(t->data, i));
    for (int s = 0; s < NW_SPLITS; s++) say_split(t, (nw_split)s);
    char memory[CLI_AMOUNT], parameters[CLI_AMOUNT];
    cli_note("%s: %s parameters; %lld steps an epoch, %sB of activations and gradients",
             t->a->from ? t->a->from : t->a->arch,
             cli_amount((double)nw_trainer_parameters(t->trainer), parameters),
             (long long)nw_trainer_steps(t->trainer),
             cli_amount((double)nw_trainer_memory(t->trainer), memory));
}

void train_say_epoch(const train *t, const nw_train_record *e)
{
    char score[96] = "";
    if (e->validated)
        snprintf(score, sizeof score, "  val loss %.4f  %s %.4f%s", e->validation.loss, e->score_name,
                 e->score, e->best ? " *" : "");
    cli_note("epoch %3lld/%lld  loss %.4f%s  rate %.2e  %.0f s, %.1f %s/s", (long long)e->epoch,
             (long long)t->options.epochs, e->loss, score, e->rate, e->seconds, e->images / e->seconds,
             t->pre.depth ? "scans" : "images");
}

static json_t *measures_json(const nw_measures *m)
{
    const char *name;
    const nw_estimate *e;
    json_t *j = json_pack("{s:I, s:I, s:f}", "rows", (json_int_t)m->rows, "groups", (json_int_t)m->groups,
                          "loss", m->loss);
    for (size_t i = 0; (e = nw_measures_at(m, i, &name, NULL)) != NULL; i++)
        if (!e->score.undefined)
            json_object_set_new(
                j, name,
                json_pack("{s:f, s:f, s:f}", "value", e->score.value, "low", e->low, "high", e->high));
    return j;
}

static void print_measures(const nw_measures *m)
{
    const char *title;
    const nw_estimate *e;
    cli_table *table = cli_table_new("test|>value|>95 % interval");
    for (size_t i = 0; (e = nw_measures_at(m, i, NULL, &title)) != NULL; i++) {
        if (e->score.undefined) continue;
        cli_table_cell(table, "%s", title);
        cli_table_cell(table, "%.4f", e->score.value);
        cli_table_cell(table, "%.4f to %.4f", e->low, e->high);
    }
    cli_table_print(table);
}

/* A cell of a CSV file, quoted where it must be. */
static void cell(FILE *file, const char *text)
{
    if (!strpbrk(text, ",\"\n\r")) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (const char *p = text; *p; p++) {
        if (*p == '"') fputc('"', file);
        fputc(*p, file);
    }
    fputc('"', file);
}

static nw_status write_predictions(const train *t, const nw_predictions *p, nw_error *err)
{
    char *path = cli_printf("%s/test.csv", t->folder), *temporary = cli_printf("%s.tmp", path);
    FILE *file = fopen(temporary, "w");
    bool good = file != NULL;
    if (file) {
        size_t k = nw_dataset_outputs(t->data);
        bool number = nw_dataset_task(t->data) == NW_TASK_REGRESSION;
        bool studies = nw_dataset_per_study(t->data);
        fputs(studies ? "study,images,group,label" : "file,slice,group,label", file);
        for (size_t c = 0; c < k; c++) {
            const char *name = nw_dataset_class_name(t->data, k == 1 && !number ? 1 : c);
            char *title = cli_printf(number ? "predicted %s" : "probability of %s", name);
            fputc(',', file);
            cell(file, title);
            free(title);
        }
        for (size_t c = 0; c < k; c++) fprintf(file, ",logit %zu", c);
        fputc('\n', file);
        for (size_t i = 0; i < nw_predictions_count(p); i++) {
            const nw_sample *s = nw_predictions_sample(p, i);
            const nw_bag *bag = studies ? nw_dataset_bag(t->data, NW_SPLIT_TEST, s->bag) : NULL;
            cell(file, bag ? bag->name : s->name);
            fputc(',', file);
            if (bag || s->slice >= 0)
                fprintf(file, "%lld", bag ? (long long)bag->count : (long long)s->slice);
            fputc(',', file);
            cell(file, s->group_name);
            fputc(',', file);
            cell(file, s->label ? s->label : "");
            for (size_t c = 0; c < k; c++) fprintf(file, ",%.7g", nw_predictions_values(p, i)[c]);
            for (size_t c = 0; c < k; c++) fprintf(file, ",%.7g", (double)nw_predictions_logits(p, i)[c]);
            fputc('\n', file);
        }
        good = !ferror(file);
        good &= fclose(file) == 0;
        good = good && rename(temporary, path) == 0;
        if (!good) remove(temporary);
    }
    nw_status status = good ? NW_OK : cli_fail(err, NW_IO, "%s: cannot be written", path);
    free(path);
    free(temporary);
    return status;
}

static nw_status write_json(const train *t, json_t *json, const char *name, nw_error *err)
{
    char *path = cli_printf("%s/%s", t->folder, name), *temporary = cli_printf("%s.tmp", path);
    bool good =
        json_dump_file(json, temporary, JSON_INDENT(2) | JSON_SORT_KEYS) == 0 && rename(temporary, path) == 0;
    if (!good) remove(temporary);
    nw_status status = good ? NW_OK : cli_fail(err, NW_IO, "%s: cannot be written", path);
    free(path);
    free(temporary);
    return status;
}

static nw_status facts_of(const train *t, json_t **out, nw_error *err)
{
    char *text;
    nw_status status = nw_trainer_facts(t->trainer, &text, err);
    if (status != NW_OK) return status;
    *out = json_loads(text, 0, NULL);
    nw_train_text_free(text);
    return *out ? NW_OK : cli_fail(err, NW_FAILED, "the facts of the training are no JSON");
}

static nw_status finish(const train *t, const char *digest, const nw_measures *measures, nw_error *err)
{
    json_t *facts;
    nw_status status = facts_of(t, &facts, err);
    if (status != NW_OK) return status;
    json_t *j =
        json_pack("{s:o, s:s, s:o, s:o}", "model", cli_json_text(cli_base_name(t->a->output)), "model_digest",
                  digest, "training", facts, "test", measures ? measures_json(measures) : json_null());
    status = write_json(t, j, "metrics.json", err);
    if (status == NW_OK && t->a->common.json) return cli_json_print(j, err);
    json_decref(j);
    if (status == NW_OK && measures) print_measures(measures);
    return status;
}

static int advance(void *user, const char *what, double done, double total)
{
    (void)user;
    (void)total;
    cli_progress_at(done, what);
    return cli_interrupted();
}

static nw_status predict_test(train *t, nw_model *model, nw_predictions **out, nw_error *err)
{
    nw_progress progress = {.call = advance};
    cli_progress_start("testing", (double)nw_dataset_count(t->data, NW_SPLIT_TEST), 0);
    nw_status status = nw_predict_split(model, t->data, NW_SPLIT_TEST, &t->options, &progress, out, err);
    cli_progress_end();
    if (status == NW_CANCELLED) cli_note("%s is done; the same command makes up for the test", t->a->output);
    return status;
}

nw_status train_test(train *t, nw_error *err)
{
    nw_model *model;
    nw_status status = nw_model_load(t->a->output, NULL, &model, err);
    if (status != NW_OK) return status;
    nw_predictions *p = NULL;
    nw_measures measures;
    bool test = nw_dataset_count(t->data, NW_SPLIT_TEST) > 0;
    if (test) status = predict_test(t, model, &p, err);
    if (test && status == NW_OK) status = nw_measure(t->data, NW_SPLIT_TEST, p, &t->options, &measures, err);
    if (test && status == NW_OK) status = write_predictions(t, p, err);
    char *page = cli_printf("%s/training.html", t->folder);
    if (status == NW_OK && nw_trainer_epochs_done(t->trainer) > 0)
        status = nw_trainer_page(t->trainer, cli_base_name(t->a->output), p, page, err);
    free(page);
    if (status == NW_OK) status = finish(t, nw_model_digest(model), test ? &measures : NULL, err);
    nw_predictions_free(p);
    nw_model_unref(model);
    return status;
}
