/* The study's own settings as JSON. */
#include "study/study_internal.h"

#include "base/memory.h"
#include "explain/explainer.h"

#include <math.h>
#include <stdlib.h>

json_t *nw_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *nw_json_text(const char *text)
{
    if (!text) return json_null();
    json_t *json = json_string(text);
    if (json) return json;
    char *copy = nw_strdup(text);
    for (char *p = copy; p && *p; p++)
        if ((unsigned char)*p >= 0x80) *p = '?';
    json = copy ? json_string(copy) : NULL;
    nw_free(copy);
    return json;
}

nw_status nw_study_describe(nw_study_maker *m, nw_error *err)
{
    nw_study *s = m->study;
    const nw_study_options *o = m->options;
    const nw_lesion_options *l = &s->lesion_options;
    char pre[4096];
    nw_preprocess_json(m->preprocess, pre, sizeof pre);
    json_t *own = json_pack("{s:o, s:b, s:i, s:[I, I, I], s:f, s:i, s:f}", "gate", nw_json_number(s->gate),
                            "explain_all", o->explain_all != 0, "repeats", o->repeats, "slices",
                            (json_int_t)o->first, (json_int_t)(o->end ? o->end : (int64_t)s->slice_count),
                            (json_int_t)(o->step > 1 ? o->step : 1), "least_lung_cm2", o->least_lung_cm2,
                            "sweep_points", o->sweep, "sweep_octaves", o->sweep_octaves);
    json_t *lesion = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:f, s:f}", "threshold_rule", nw_threshold_rule_name(l->rule),
        "threshold_bits_per_ml", l->rule == NW_THRESHOLD_FIXED ? nw_json_number(l->threshold) : json_null(),
        "quantile", l->rule == NW_THRESHOLD_HEALTHY ? nw_json_number(l->quantile) : json_null(), "share",
        l->rule == NW_THRESHOLD_SHARE ? nw_json_number(l->share) : json_null(), "hu",
        l->low_hu == 0 && l->high_hu == 0 ? json_null() : json_pack("[f, f]", l->low_hu, l->high_hu),
        "smooth_mm", l->smooth_mm, "min_ml", l->min_ml);
    json_t *root = json_object();
    int bad = !root;
    bad |= json_object_set_new(root, "study", own);
    bad |= json_object_set_new(root, "lesions", lesion);
    bad |= json_object_set_new(root, "preprocessing", json_loads(pre, 0, NULL));
    if (o->settings) {
        json_t *given = json_loads(o->settings, 0, NULL);
        if (!json_is_object(given)) {
            json_decref(given);
            json_decref(root);
            return nw_fail(err, NW_USAGE, "the settings of a study are not a JSON object");
        }
        bad |= json_object_update(root, given);
        json_decref(given);
    }
    char *text = bad ? NULL : json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
    json_decref(root);
    s->settings = text ? nw_strdup(text) : NULL;
    free(text);
    return s->settings ? NW_OK : nw_no_memory(err, 1024, "the settings of a study");
}

char *nw_study_map_settings(const nw_explainer *e, const nw_preprocess *preprocess,
                            const nw_lesion_options *options)
{
    const nw_explain_options *o = &e->options;
    char pre[4096];
    nw_preprocess_json(preprocess, pre, sizeof pre);
    json_t *root =
        json_pack("{s:s, s:s, s:I, s:s, s:f, s:f, s:f, s:s, s:f, s:i, s:f, s:i, s:i, s:i, s:f, s:f, s:f, s:b, s:s, "
                  "s:s, s:f, s:o}",
                  "method", e->method->info.name, "layer", e->layer, "target", (json_int_t)o->target, "loss",
                  nw_loss_name(o->loss), "loss_weight", o->loss_weight, "loss_value", o->loss_value, "beta",
                  o->beta, "beta_over", o->beta_over == NW_BETA_OVER_MEAN ? "mean" : "sum", "sigma", o->sigma,
                  "steps", o->steps, "rate", o->rate, "samples", o->samples, "early_samples",
                  o->early_samples, "early_steps", o->early_steps, "min_std", o->min_std,
                  "initial_alpha", o->initial_alpha, "active_threshold", o->active_threshold, "relu",
                  o->relu != 0, "noise", o->noise == NW_NOISE_ANTITHETIC ? "antithetic" : "independent",
                  "readout", o->readout == NW_READOUT_AFTER ? "after" : "last-forward", "smooth_mm",
                  options->smooth_mm, "preprocessing", json_loads(pre, 0, NULL));
    /* Files from before there was a schedule say nothing of it. */
    bool sloped = o->schedule == NW_SCHEDULE_SLOPE;
    if (root && sloped && json_object_set_new(root, "schedule", json_string("slope"))) {
        json_decref(root);
        root = NULL;
    }
    char *text = root ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(root);
    return text;
}
