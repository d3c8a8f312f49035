/* What healthy lungs need, as JSON. */
#include "lesion/healthy.h"

#include "base/file.h"
#include "base/memory.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char schema[] = "narrows.healthy";
enum { VERSION = 1, MOST_BYTES = 1 << 20 };

static json_t *to_json(const nw_healthy *h)
{
    json_t *bins = json_array();
    for (int i = 0; i < NW_HEALTHY_BINS; i++) {
        if (h->ml[i] <= 0) continue;
        if (json_array_append_new(bins, json_pack("[i, f]", i, h->ml[i])) != 0) {
            json_decref(bins);
            return NULL;
        }
    }
    return json_pack("{s:s, s:i, s:s, s:s?, s:s?, s:I, s:f, s:f, s:f, s:{s:i, s:i, s:i}, s:o}", "schema",
                     schema, "schema_version", VERSION, "unit", "bits per mL", "model_sha256",
                     h->model_digest, "settings", h->settings, "scans", (json_int_t)h->scans, "lung_ml",
                     h->total_ml, "bits", h->bits, "largest", h->largest, "bins", "lowest_decade",
                     NW_HEALTHY_LOWEST, "per_decade", NW_HEALTHY_PER_DECADE, "decades", NW_HEALTHY_DECADES,
                     "ml", bins);
}

static char *to_text(const nw_healthy *healthy, size_t layout)
{
    json_t *root = to_json(healthy);
    char *text = root ? json_dumps(root, layout | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(root);
    return text;
}

char *nw_healthy_dump(const nw_healthy *healthy)
{
    return to_text(healthy, JSON_COMPACT);
}

nw_status nw_healthy_save(const nw_healthy *healthy, const char *path, nw_error *err)
{
    char *text = to_text(healthy, JSON_INDENT(1));
    if (!text) return nw_no_memory(err, MOST_BYTES, path);
    nw_status status = nw_file_write(path, text, strlen(text), err);
    free(text);
    return status;
}

static bool number(const json_t *root, const char *key, double *out)
{
    const json_t *v = json_object_get(root, key);
    if (!json_is_number(v)) return false;
    *out = json_number_value(v);
    return isfinite(*out) && *out >= 0;
}

static nw_status from_json(const json_t *root, const char *path, nw_healthy *h, nw_error *err)
{
    const json_t *bins = json_object_get(root, "bins"), *ml = json_object_get(root, "ml");
    const char *name = json_string_value(json_object_get(root, "schema"));
    if (!name || strcmp(name, schema) != 0)
        return nw_fail(err, NW_BAD_INPUT, "%s: these are not numbers of healthy lungs (schema \"%s\")", path,
                       schema);
    if (json_integer_value(json_object_get(root, "schema_version")) != VERSION)
        return nw_fail(err, NW_BAD_INPUT, "%s: schema_version is not %d; make the file anew", path, VERSION);
    if (json_integer_value(json_object_get(bins, "lowest_decade")) != NW_HEALTHY_LOWEST ||
        json_integer_value(json_object_get(bins, "per_decade")) != NW_HEALTHY_PER_DECADE ||
        json_integer_value(json_object_get(bins, "decades")) != NW_HEALTHY_DECADES)
        return nw_fail(err, NW_BAD_INPUT, "%s: 'bins' are not those of this version; make the file anew",
                       path);
    h->scans = json_integer_value(json_object_get(root, "scans"));
    if (h->scans < 1 || !number(root, "lung_ml", &h->total_ml) || !number(root, "bits", &h->bits) ||
        !number(root, "largest", &h->largest) || !json_is_array(ml))
        return nw_fail(err, NW_BAD_INPUT, "%s: 'scans', 'lung_ml', 'bits', 'largest' and 'ml' must be there",
                       path);
    size_t index;
    json_t *pair;
    double sum = 0;
    json_array_foreach(ml, index, pair)
    {
        json_int_t bin =
            json_is_integer(json_array_get(pair, 0)) ? json_integer_value(json_array_get(pair, 0)) : -1;
        double value = json_number_value(json_array_get(pair, 1));
        if (bin < 0 || bin >= NW_HEALTHY_BINS || !(value > 0) || !isfinite(value) || h->ml[bin] > 0)
            return nw_fail(err, NW_BAD_INPUT, "%s: entry %zu of 'ml' is no [bin, mL]", path, index);
        h->ml[bin] = value;
        sum += value;
    }
    if (!(fabs(sum - h->total_ml) <= 1e-6 * h->total_ml))
        return nw_fail(err, NW_BAD_INPUT, "%s: the bins add up to %g mL, but 'lung_ml' is %g", path, sum,
                       h->total_ml);
    return nw_healthy_set_facts(h, json_string_value(json_object_get(root, "model_sha256")),
                                json_string_value(json_object_get(root, "settings")), err);
}

static nw_status parse(const char *text, size_t size, const char *path, const char *model_digest,
                       const char *settings, nw_healthy **out, nw_error *err)
{
    json_error_t problem;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    if (!root)
        return nw_fail(err, NW_BAD_INPUT, "%s, line %d: not JSON: %s", path, problem.line, problem.text);
    nw_healthy *h = NULL;
    nw_status status = nw_healthy_new(&h, err);
    if (status == NW_OK) status = from_json(root, path, h, err);
    json_decref(root);
    if (status == NW_OK && model_digest && h->model_digest && strcmp(model_digest, h->model_digest) != 0)
        status = nw_fail(
            err, NW_BAD_INPUT,
            "%s: these numbers of healthy lungs belong to another model (its SHA-256 starts with %.12s)",
            path, h->model_digest);
    if (status == NW_OK && settings && h->settings && strcmp(settings, h->settings) != 0)
        status = nw_fail(err, NW_BAD_INPUT,
                         "%s: these numbers of healthy lungs were made with other settings of the map (%s)",
                         path, h->settings);
    if (status != NW_OK) {
        nw_healthy_free(h);
        return status;
    }
    *out = h;
    return NW_OK;
}

nw_status nw_healthy_parse(const char *text, const char *where, const char *model_digest,
                           const char *settings, nw_healthy **out, nw_error *err)
{
    return parse(text, strlen(text), where, model_digest, settings, out, err);
}

nw_status nw_healthy_load(const char *path, const char *model_digest, const char *settings, nw_healthy **out,
                          nw_error *err)
{
    nw_bytes bytes;
    NW_TRY(nw_file_read(path, MOST_BYTES, &bytes, err));
    nw_status status = parse((const char *)bytes.data, bytes.size, path, model_digest, settings, out, err);
    nw_free(bytes.data);
    return status;
}
