/* The network that is kept, and what it says about itself. */
#include "base/memory.h"
#include "train/trainer.h"

#include <jansson.h>
#include <string.h>

static json_t *settings(const nw_train_settings *s)
{
    const nw_train_options *o = &s->o;
    char augment[512];
    nw_augment_text(&o->augment, augment, sizeof augment);
    json_t *j =
        json_pack("{s:I, s:I, s:s, s:s, s:f, s:f, s:s, s:f, s:f, s:f, s:f, s:f, s:b, s:s, s:I, s:s}",
                  "epochs", (json_int_t)o->epochs, "batch", (json_int_t)o->batch, "loss", o->loss,
                  "optimiser", o->optimiser, "rate", o->rate, "weight_decay", o->weight_decay, "schedule",
                  o->schedule, "warmup_epochs", o->warmup, "label_smoothing", o->smoothing, "mixup", o->mixup,
                  "clip_norm", o->clip, "moving_average", o->average, "balance", o->balance != 0, "augment",
                  augment, "seed", (json_int_t)o->seed, "precision", nw_precision_name(o->precision));
    if (j && strcmp(o->optimiser, "sgd") == 0) json_object_set_new(j, "momentum", json_real(o->momentum));
    if (j && o->loss_parameter != 0) json_object_set_new(j, "loss_parameter", json_real(o->loss_parameter));
    if (j && strcmp(o->transform, "none") != 0)
        json_object_set_new(j, "transform", json_string(o->transform));
    if (j && s->pooling)
        json_object_update_new(j, json_pack("{s:s, s:f, s:I}", "pooling", o->pooling, "pooling_parameter",
                                            o->pooling_parameter, "bag_slices", (json_int_t)o->bag_slices));
    return j;
}

static json_t *facts(const nw_trainer *t)
{
    const nw_dataset *data = t->data;
    json_t *j = json_pack("{s:i, s:s, s:s, s:o}", "format", 1, "start_digest", nw_model_digest(t->net.base),
                          "data_digest", nw_dataset_digest(data), "settings", settings(&t->s));
    for (int s = 0; j && s < NW_SPLITS; s++) {
        char key[32];
        snprintf(key, sizeof key, "%s_images", nw_split_name((nw_split)s));
        json_object_set_new(j, key, json_integer((json_int_t)nw_dataset_count(data, (nw_split)s)));
    }
    return j;
}

static nw_status dump(json_t *j, char **out, nw_error *err)
{
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(j);
    if (!text) return nw_no_memory(err, 1024, "the facts of a training");
    char *copy = nw_strdup(text);
    free(text);
    if (!copy) return nw_no_memory(err, 1024, "the facts of a training");
    *out = copy;
    return NW_OK;
}

/* How images become inputs is no part of narrows.training, since narrows.input has it. */
nw_status nw_trainer_describe(nw_trainer *t, nw_error *err)
{
    char input[2048];
    json_t *j = facts(t);
    if (j && nw_preprocess_json(nw_dataset_preprocess(t->data), input, sizeof input) < sizeof input)
        json_object_set_new(j, "input", json_loads(input, 0, NULL));
    if (j && nw_dataset_lungs(t->data)) {
        nw_lung_view_json(nw_dataset_lungs(t->data), input, sizeof input);
        json_object_set_new(j, "lungs", json_loads(input, 0, NULL));
    }
    return dump(j, &t->facts, err);
}

nw_status nw_trainer_facts(const nw_trainer *t, char **out, nw_error *err)
{
    json_t *j = facts(t);
    if (j) {
        json_object_set_new(j, "epochs_done", json_integer((json_int_t)t->epoch));
        json_object_set_new(j, "steps_done", json_integer((json_int_t)t->step));
        json_object_set_new(j, "parameters", json_integer((json_int_t)nw_trainer_parameters(t)));
        bool best = !t->s.o.keep_last && t->best_epoch > 0;
        json_object_set_new(j, "kept_epoch", json_integer((json_int_t)(best ? t->best_epoch : t->epoch)));
        if (best) json_object_set_new(j, "validation_score", json_real(t->best_score));
    }
    return dump(j, out, err);
}

void nw_train_text_free(char *text)
{
    nw_free(text);
}

static nw_status annotate_json(nw_model *model, const char *key, json_t *value, nw_error *err)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    if (!text) return nw_no_memory(err, 256, "metadata");
    nw_status status = nw_model_annotate(model, key, text, err);
    free(text);
    return status;
}

/* Where the network it began with has such a fact and this training has not, the old one must not stay. */
static nw_status annotate_lungs(const nw_trainer *t, nw_model *model, nw_error *err)
{
    static const nw_lung_view whole = {.crop = 0};
    const nw_lung_view *view = nw_dataset_lungs(t->data);
    char text[128];
    if (!view && !nw_model_metadata(model, "narrows.lungs")) return NW_OK;
    nw_lung_view_json(view ? view : &whole, text, sizeof text);
    return nw_model_annotate(model, "narrows.lungs", text, err);
}

static nw_status describe(const nw_trainer *t, nw_model *model, nw_error *err)
{
    static const char *const heads[] = {[NW_TASK_CLASSES] = "softmax",
                                        [NW_TASK_BINARY] = "sigmoid",
                                        [NW_TASK_MULTILABEL] = "multilabel",
                                        [NW_TASK_REGRESSION] = "regression"};
    char input[2048];
    if (nw_preprocess_json(nw_dataset_preprocess(t->data), input, sizeof input) >= sizeof input)
        return nw_fail(err, NW_FAILED, "the preprocessing does not fit its text");
    NW_TRY(nw_model_annotate(model, "narrows.input", input, err));
    NW_TRY(annotate_json(model, "narrows.head", json_string(heads[nw_dataset_task(t->data)]), err));
    json_t *classes = json_array();
    for (size_t i = 0; classes && i < nw_dataset_class_count(t->data); i++)
        json_array_append_new(classes, json_string(nw_dataset_class_name(t->data, i)));
    NW_TRY(annotate_json(model, "narrows.classes", classes, err));
    if (strcmp(t->s.transform->name, "none") != 0)
        NW_TRY(annotate_json(model, "narrows.transform", json_string(t->s.transform->name), err));
    NW_TRY(annotate_lungs(t, model, err));
    char *training;
    NW_TRY(nw_trainer_facts(t, &training, err));
    nw_status status = nw_model_annotate(model, "narrows.training", training, err);
    nw_free(training);
    return status;
}

nw_status nw_trainer_network(nw_trainer *t, float *const *arrays, nw_model **out, nw_error *err)
{
    return nw_network_with_values(t->net.base, t->names, (const float *const *)arrays, t->count, out, err);
}

nw_status nw_trainer_model(nw_trainer *t, nw_model **out, nw_error *err)
{
    bool best = !t->s.o.keep_last && t->best.count;
    nw_model *model;
    NW_TRY(nw_trainer_network(t, best ? t->best.arrays : nw_trainer_current(t), &model, err));
    nw_status status = describe(t, model, err);
    if (status != NW_OK) {
        nw_model_unref(model);
        return status;
    }
    *out = model;
    return NW_OK;
}
