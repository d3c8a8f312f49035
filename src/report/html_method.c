/* How the report was made. */
#include "base/memory.h"
#include "report/html_page.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 6 };

static void name_cell(nw_html *h, const char *name)
{
    nw_html_raw(h, "<tr><th scope=\"row\">");
    nw_html_text(h, name);
    nw_html_raw(h, "</th><td>");
}

static void end_row(nw_html *h, const char *meaning)
{
    nw_html_raw(h, "</td><td class=\"word\">");
    nw_html_text(h, meaning);
    nw_html_raw(h, "</td></tr>\n");
}

static void text_row(nw_html *h, const char *name, const char *value, const char *meaning)
{
    name_cell(h, name);
    nw_html_text(h, value ? value : "\xe2\x80\x93");
    end_row(h, meaning);
}

static void number_row(nw_html *h, const char *name, double value, int decimals, const char *unit,
                       const char *meaning)
{
    name_cell(h, name);
    nw_html_value(h, value, decimals, unit);
    end_row(h, meaning);
}

static void value_text(nw_html *h, const json_t *value)
{
    if (json_is_string(value)) {
        nw_html_text(h, json_string_value(value));
        return;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    nw_html_text(h, text ? text : "?");
    free(text);
}

/* An object of {"value", "meaning"} is one row, other objects are gone into. */
static void json_rows(nw_html *h, const char *prefix, const json_t *object, int depth)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        char *name = nw_strdup_printf("%s%s%s", prefix, *prefix ? "." : "", key);
        if (!name) nw_html_fail(h, NW_NO_MEMORY, "no memory for the settings");
        const json_t *meaning = json_object_get(value, "meaning"), *inner = json_object_get(value, "value");
        if (json_is_string(meaning) && inner) {
            name_cell(h, key);
            value_text(h, inner);
            end_row(h, json_string_value(meaning));
        } else if (json_is_object(value) && depth < DEEPEST) {
            if (name) json_rows(h, name, value, depth + 1);
        } else {
            name_cell(h, name);
            value_text(h, value);
            end_row(h, "");
        }
        nw_free(name);
    }
}

static void json_table(nw_html *h, const char *title, const char *text)
{
    if (!text) return;
    json_t *root = json_loads(text, 0, NULL);
    if (!json_is_object(root)) {
        nw_html_fail(h, NW_BAD_INPUT, "%s of the study are not a JSON object", title);
    } else {
        nw_html_format(h, "<h3>%s</h3>\n<div class=\"wide\"><table class=\"settings\"><tbody>\n", title);
        json_rows(h, "", root, 0);
        nw_html_raw(h, "</tbody></table></div>\n");
    }
    json_decref(root);
}

static void main_rows(nw_page *page)
{
    const nw_study *s = page->study;
    const nw_lesion_options *o = &s->lesion_options;
    nw_html *h = &page->html;
    char text[160];
    nw_html_raw(h, "<div class=\"wide\"><table class=\"settings\"><tbody>\n");
    text_row(h, "Model", s->model_name, "");
    text_row(h, "Digest", s->model_digest, "SHA-256 of the model");
    snprintf(text, sizeof text, "%lld", (long long)s->target);
    text_row(h, "Target", s->target_name ? s->target_name : text, "what the map explains");
    text_row(h, "Method", s->method, "");
    text_row(h, "Layer", s->layer, "where the information is limited");
    text_row(h, "Lungs", s->lungs->method, "how they were found");
    if (s->lungs->has_hu) {
        number_row(h, "Mean density of the lungs", s->lungs->mean_hu[0], 0, "HU", "");
        if (s->lungs->threshold_hu != 0)
            number_row(h, "Threshold of the lungs", s->lungs->threshold_hu, 0, "HU", "air is below");
    }
    if (!isnan(s->gate)) number_row(h, "Gate", s->gate, 2, NULL, "least probability of a slice with lesions");
    snprintf(text, sizeof text, "rule: %s", nw_threshold_rule_name(s->lesions->rule));
    number_row(h, "Threshold", s->lesions->threshold, 3, "bit/mL", text);
    if (s->lesions->rule == NW_THRESHOLD_HEALTHY) {
        snprintf(text, sizeof text, "of the density in healthy lungs (%lld scans)",
                 (long long)s->healthy_scans);
        number_row(h, "Quantile", o->quantile, 3, NULL, text);
        number_row(h, "Healthy lungs", s->healthy_litres, 1, "L", "behind the threshold");
    }
    if (s->lesions->rule == NW_THRESHOLD_SHARE)
        number_row(h, "Share", o->share, 2, NULL, "of the largest density in these lungs");
    if (o->low_hu != 0 || o->high_hu != 0) {
        number_row(h, "Least HU of lesions", o->low_hu, 0, "HU", "");
        number_row(h, "Greatest HU of lesions", o->high_hu, 0, "HU", "");
    }
    number_row(h, "Smoothing across slices", o->smooth_mm, 1, "mm", "deviation of a Gaussian; 0: none");
    number_row(h, "Smallest lesion", s->lesions->min_ml, 2, "mL", "");
    name_cell(h, "Explained slices");
    nw_html_integer(h, (int64_t)s->explained);
    end_row(h, "with a map of their own");
    name_cell(h, "Runs");
    nw_html_integer(h, (int64_t)s->run_count);
    end_row(h, "with other noise; the first is reported, all make the interval");
    nw_html_raw(h, "</tbody></table></div>\n");
}

static void times(nw_page *page)
{
    const nw_study_times *t = &page->study->seconds;
    const struct {
        const char *name;
        double seconds;
    } rows[] = {{"Reading", t->reading},   {"Lungs", t->lungs},           {"Prediction", t->prediction},
                {"Features", t->features}, {"Bottleneck", t->bottleneck}, {"Mapping back", t->mapping},
                {"Lesions", t->lesions},   {"Repeats", t->repeats},       {"Writing", t->writing}};
    nw_html *h = &page->html;
    nw_html_raw(h, "<h3>Time</h3>\n<div class=\"wide\"><table class=\"settings\"><tbody>\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        number_row(h, rows[i].name, rows[i].seconds, 2, "s", "");
    nw_html_raw(h, "</tbody></table></div>\n");
}

static void files(nw_page *page)
{
    const nw_page_options *o = page->options;
    nw_html *h = &page->html;
    if (!o->file_count) return;
    nw_html_raw(h, "<p class=\"files\">Beside this page:");
    for (size_t i = 0; i < o->file_count; i++) {
        nw_html_raw(h, " <a href=\"");
        nw_html_link(h, o->files[i].value);
        nw_html_raw(h, "\">");
        nw_html_text(h, o->files[i].name);
        nw_html_raw(h, "</a>");
    }
    nw_html_raw(h, "</p>\n");
}

void nw_page_method(nw_page *page)
{
    nw_html *h = &page->html;
    h->where = "method";
    nw_page_section(
        h, "method", "How this was made",
        "Noise limits how much information a layer of the network may pass on while the prediction stays; "
        "what still has to pass is the map, in bits. Where it reaches the threshold within the lungs, "
        "lung counts as involved.");
    files(page);
    nw_html_raw(h, "<details class=\"more\" id=\"settings\"><summary>Method and settings</summary>\n");
    main_rows(page);
    json_table(h, "Parameters of the map", page->study->provenance);
    json_table(h, "Settings of the study", page->study->settings);
    times(page);
    nw_html_raw(h, "</details>\n");
    nw_page_section_end(h);
}
