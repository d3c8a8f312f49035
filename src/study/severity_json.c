/* severity.json: docs/study-files.md. Nothing in it depends on the time or the machine's load, so that the
 * same study gives the same bytes. */
#include "study/study_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char disclaimer[] =
    "Research software, not a medical device: not for diagnosis, and no replacement of a reader.";

static json_t *triple(const double v[3])
{
    return json_pack("[f, f, f]", v[0], v[1], v[2]);
}

static json_t *voxel(const int64_t v[3])
{
    return json_pack("[I, I, I]", (json_int_t)v[0], (json_int_t)v[1], (json_int_t)v[2]);
}

static json_t *scan_json(const nw_study *s)
{
    const nw_volume_info *info = nw_volume_get_info(s->scan);
    json_t *affine = json_array();
    for (int r = 0; r < 4; r++)
        json_array_append_new(affine, json_pack("[f, f, f, f]", info->affine[r][0], info->affine[r][1],
                                                info->affine[r][2], info->affine[r][3]));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:f}", "format", info->format, "digest",
                     nw_volume_digest(s->scan), "voxels", voxel(info->dims), "spacing_mm",
                     triple(info->spacing), "affine", affine, "slices", (json_int_t)info->slices, "voxel_ml",
                     nw_grid_voxel_ml(&s->grid));
}

static json_t *model_json(const nw_study *s)
{
    return json_pack("{s:o, s:s, s:s, s:I, s:o, s:s, s:s}", "file", nw_json_text(s->model_name), "digest",
                     s->model_digest, "head", nw_head_name(s->head), "target", (json_int_t)s->target,
                     "target_name", nw_json_text(s->target_name), "method", s->method, "layer", s->layer);
}

static json_t *prediction_json(const nw_study *s)
{
    return json_pack("{s:o, s:o, s:o, s:I, s:o}", "gate", nw_json_number(s->gate), "max_probability",
                     nw_json_number(s->max_probability), "mean_probability",
                     nw_json_number(s->mean_probability), "explained_slices", (json_int_t)s->explained,
                     "max_slice", s->max_slice < 0 ? json_null() : json_integer(s->max_slice));
}

static json_t *lungs_json(const nw_study *s)
{
    const nw_lungs *l = s->lungs;
    json_t *warnings = json_array(), *sides = json_object();
    for (int i = 0; nw_lung_warning_key(i); i++)
        if (l->warnings & 1u << i) json_array_append_new(warnings, json_string(nw_lung_warning_key(i)));
    for (int k = 0; k < NW_SIDES; k++)
        json_object_set_new(sides, k ? nw_side_name((nw_side)k) : "both",
                            json_pack("{s:f, s:o}", "volume_ml", l->volume_ml[k], "mean_hu",
                                      l->has_hu ? nw_json_number(l->mean_hu[k]) : json_null()));
    return json_pack("{s:s, s:o, s:f, s:o}", "method", l->method, "sides", sides, "filled_ml", l->filled_ml,
                     "warnings", warnings);
}

static json_t *part_json(const nw_part *p)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "volume_ml", p->volume_ml, "involved_ml", p->involved_ml,
                     "involved_share", p->share, "bits", p->bits);
}

static json_t *scored(json_t *part, int score)
{
    json_object_set_new(part, "score", json_integer(score));
    return part;
}

static json_t *severity_json(const nw_study *s)
{
    const nw_severity *v = &s->severity;
    json_t *sides = json_object(), *zones = json_array(),
           *lobes = s->lungs->lobes ? json_array() : json_null();
    for (int k = 0; k < NW_SIDES; k++)
        json_object_set_new(sides, k ? nw_side_name((nw_side)k) : "both", part_json(&v->sides[k]));
    for (int k = 1; k < NW_SIDES; k++)
        for (int z = 0; z < NW_ZONES; z++) {
            json_t *part = scored(part_json(&v->zones[k][z]), v->zones[k][z].score);
            json_object_set_new(part, "side", json_string(nw_side_name((nw_side)k)));
            json_object_set_new(part, "zone", json_string(nw_zone_name((nw_zone)z)));
            json_array_append_new(zones, part);
        }
    for (int l = 1; s->lungs->lobes && l <= NW_LOBES; l++) {
        json_t *part = scored(part_json(&v->lobes[l]), v->lobes[l].score);
        json_object_set_new(part, "lobe", json_string(nw_lobe_name((nw_lobe)l)));
        json_array_append_new(lobes, part);
    }
    return json_pack("{s:i, s:i, s:f, s:f, s:i, s:o, s:f, s:f, s:o, s:o, s:o}", "grade", v->grade,
                     "worst_grade", v->worst_grade, "involved_share", v->sides[0].share, "involved_ml",
                     v->sides[0].involved_ml, "zone_score", v->zone_score, "lobe_score",
                     v->lobe_score < 0 ? json_null() : json_integer(v->lobe_score), "bits", v->sides[0].bits,
                     "bits_per_litre", v->bits_per_litre, "sides", sides, "zones", zones, "lobes", lobes);
}

static json_t *interval_json(const nw_interval *i)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "mean", i->mean, "deviation", i->deviation, "low", i->low,
                     "high", i->high);
}

static json_t *intervals_json(const nw_study *s)
{
    const nw_severity_interval *v = &s->interval;
    json_t *votes = json_array(), *runs = json_array();
    if (s->run_count < 2) {
        json_decref(votes);
        json_decref(runs);
        return json_null();
    }
    for (int g = 0; g < 5; g++) json_array_append_new(votes, json_integer(v->grade_votes[g]));
    for (size_t r = 0; r < s->run_count; r++)
        json_array_append_new(
            runs, json_pack("{s:f, s:f, s:f, s:i, s:i, s:f, s:f}", "threshold_bits_per_ml",
                            s->run_thresholds[r], "involved_share", s->runs[r].sides[0].share, "involved_ml",
                            s->runs[r].sides[0].involved_ml, "grade", s->runs[r].grade, "zone_score",
                            s->runs[r].zone_score, "bits", s->runs[r].sides[0].bits, "bits_per_litre",
                            s->runs[r].bits_per_litre));
    return json_pack("{s:I, s:{s:o, s:o, s:o}, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "runs",
                     (json_int_t)s->run_count, "involved_share", "both", interval_json(&v->share[0]), "right",
                     interval_json(&v->share[NW_SIDE_RIGHT]), "left", interval_json(&v->share[NW_SIDE_LEFT]),
                     "involved_ml", interval_json(&v->involved_ml), "bits", interval_json(&v->bits),
                     "bits_per_litre", interval_json(&v->bits_per_litre), "grade", interval_json(&v->grade),
                     "zone_score", interval_json(&v->zone_score), "lobe_score",
                     s->lungs->lobes ? interval_json(&v->lobe_score) : json_null(), "grade_votes", votes,
                     "each", runs);
}

static json_t *threshold_json(const nw_study *s)
{
    const nw_lesion_options *o = &s->lesion_options;
    return json_pack(
        "{s:s, s:f, s:o, s:I, s:f, s:f, s:o, s:f}", "rule", nw_threshold_rule_name(s->lesions->rule),
        "bits_per_ml", s->lesions->threshold, "quantile",
        s->lesions->rule == NW_THRESHOLD_HEALTHY ? json_real(o->quantile) : json_null(), "healthy_scans",
        (json_int_t)s->healthy_scans, "healthy_litres", s->healthy_litres, "min_ml", s->lesions->min_ml, "hu",
        o->low_hu == 0 && o->high_hu == 0 ? json_null() : json_pack("[f, f]", o->low_hu, o->high_hu),
        "smooth_mm", o->smooth_mm);
}

static json_t *sweep_json(const nw_study *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->sweep_count; i++) {
        const nw_sweep_point *p = &s->sweep[i];
        json_array_append_new(
            list, json_pack("{s:f, s:f, s:f, s:f, s:f, s:I, s:i, s:i, s:o}", "bits_per_ml", p->threshold,
                            "involved_share", p->share[0], "right_share", p->share[NW_SIDE_RIGHT],
                            "left_share", p->share[NW_SIDE_LEFT], "involved_ml", p->involved_ml, "lesions",
                            (json_int_t)p->lesions, "grade", p->grade, "zone_score", p->zone_score,
                            "lobe_score", p->lobe_score < 0 ? json_null() : json_integer(p->lobe_score)));
    }
    return list;
}

static json_t *lesions_json(const nw_study *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->lesions->count; i++) {
        const nw_lesion *l = &s->lesions->items[i];
        json_array_append_new(
            list,
            json_pack("{s:i, s:f, s:I, s:s, s:s, s:o, s:f, s:f, s:f, s:o, s:o, s:o, s:[o, o], s:[o, o]}",
                      "label", l->label, "volume_ml", l->volume_ml, "voxels", (json_int_t)l->voxels, "side",
                      nw_side_name(l->side), "zone", nw_zone_name(l->zone), "lobe",
                      s->lungs->lobes ? json_string(nw_lobe_name(l->lobe)) : json_null(), "bits", l->bits,
                      "max_bits_per_ml", l->max_density, "mean_bits_per_ml", l->mean_density, "mean_hu",
                      nw_json_number(l->mean_hu), "centroid_mm", triple(l->centroid_mm), "centroid_voxel",
                      triple(l->centroid_voxel), "box_mm", triple(l->box_mm[0]), triple(l->box_mm[1]),
                      "box_voxel", voxel(l->box_voxel[0]), voxel(l->box_voxel[1])));
    }
    return list;
}

static json_t *truth_json(const nw_study *s)
{
    const nw_agreement *a = &s->agreement;
    if (!s->truth) return json_null();
    return json_pack("{s:f, s:f, s:f, s:o, s:f, s:f, s:i, s:I, s:I}", "truth_ml", a->truth_ml, "found_ml",
                     a->found_ml, "both_ml", a->both_ml, "dice", nw_json_number(a->dice), "outside_lungs_ml",
                     a->outside_ml, "truth_share", a->truth_share, "truth_grade", a->truth_grade, "lesions",
                     (json_int_t)a->lesions, "touched", (json_int_t)a->touched);
}

static json_t *slices_json(const nw_study *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->slice_count; i++) {
        const nw_study_slice *k = &s->slices[i];
        json_t *logits = k->logits ? json_array() : json_null();
        for (size_t c = 0; k->logits && c < s->output_count; c++)
            json_array_append_new(logits, json_real((double)k->logits[c]));
        json_array_append_new(list, json_pack("{s:I, s:f, s:f, s:s, s:b, s:o, s:o, s:o, s:f, s:f}", "index",
                                              (json_int_t)k->index, "position_mm", k->position_mm, "lung_ml",
                                              k->lung_ml, "state", nw_slice_state_key(k->state), "gated",
                                              k->gated, "probability", nw_json_number(k->probability),
                                              "score", nw_json_number(k->score), "logits", logits, "bits",
                                              k->total_bits, "lung_bits", k->lung_bits));
        if (!s->truth) continue;
        json_t *slice = json_array_get(list, i);
        json_object_set_new(slice, "found_ml", json_real(k->found_ml));
        json_object_set_new(slice, "truth_ml", json_real(k->truth_ml));
        json_object_set_new(slice, "both_ml", json_real(k->both_ml));
    }
    return list;
}

static json_t *definitions_json(void)
{
    json_t *all = json_object();
    for (size_t i = 0; i < nw_definition_count(); i++) {
        const nw_definition *d = nw_definition_list(i);
        json_object_set_new(all, d->key,
                            json_pack("{s:s, s:s, s:s, s:s}", "title", d->title, "unit", d->unit, "text",
                                      d->text, "source", d->source));
    }
    return all;
}

static json_t *warnings_json(const nw_study *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->warning_count; i++) json_array_append_new(list, nw_json_text(s->warnings[i]));
    return list;
}

char *nw_study_severity_json(const nw_study *s, const char *name)
{
    json_t *root = json_object();
    const struct {
        const char *key;
        json_t *value;
    } parts[] = {
        {"schema", json_string("narrows.severity")},
        {"schema_version", json_integer(NW_SEVERITY_VERSION)},
        {"disclaimer", json_string(disclaimer)},
        {"study", nw_json_text(name)},
        {"scan", scan_json(s)},
        {"model", model_json(s)},
        {"prediction", prediction_json(s)},
        {"lungs", lungs_json(s)},
        {"threshold", threshold_json(s)},
        {"severity", severity_json(s)},
        {"interval", intervals_json(s)},
        {"sweep", sweep_json(s)},
        {"lesion_count", json_integer((json_int_t)s->lesions->count)},
        {"lesions_ml", json_real(s->lesions->volume_ml)},
        {"dropped",
         json_pack("{s:I, s:f}", "count", (json_int_t)s->lesions->dropped, "ml", s->lesions->dropped_ml)},
        {"lesions", lesions_json(s)},
        {"truth", truth_json(s)},
        {"slices", slices_json(s)},
        {"warnings", warnings_json(s)},
        {"settings", json_loads(s->settings, 0, NULL)},
        {"maps", s->provenance ? json_loads(s->provenance, 0, NULL) : json_null()},
        {"definitions", definitions_json()},
    };
    int bad = !root;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        bad |= json_object_set_new(root, parts[i].key, parts[i].value);
    char *text = bad ? NULL : json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
    json_decref(root);
    return text;
}
