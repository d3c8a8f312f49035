/* Preprocessing as JSON: the value of the metadata key `narrows.input`, a sidecar file, or the manifest. */
#include "base/memory.h"
#include "image/orient.h"
#include "image/volume.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a parser of one key is given and may fail with. */
typedef struct context {
    const char *where, *key;
    nw_error *err;
} context;

static nw_status wrong(const context *c, const char *wanted)
{
    return nw_fail(c->err, NW_BAD_INPUT, "%s: \"%s\" must be %s", c->where, c->key, wanted);
}

static bool number(const json_t *value, double *out)
{
    if (!json_is_number(value)) return false;
    *out = json_number_value(value);
    return isfinite(*out);
}

static nw_status parse_modality(const json_t *value, nw_preprocess *pre, const context *c)
{
    size_t length = json_string_length(value);
    if (!json_is_string(value) || length >= sizeof pre->modality ||
        strlen(json_string_value(value)) != length)
        return wrong(c, "a text of up to 15 bytes, such as \"CT\"");
    memset(pre->modality, 0, sizeof pre->modality);
    memcpy(pre->modality, json_string_value(value), length);
    return NW_OK;
}

static nw_status parse_channels(const json_t *value, nw_preprocess *pre, const context *c)
{
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < 1 || n > NW_MAX_CHANNELS)
        return wrong(c, "a whole number from 1 to 16");
    pre->channels = (int)n;
    return NW_OK;
}

static nw_status parse_size(const json_t *value, nw_preprocess *pre, const context *c)
{
    json_int_t size[3] = {0};
    size_t count = json_array_size(value);
    for (size_t i = 0; i < 3; i++) {
        const json_t *item = json_array_get(value, i);
        size[i] = json_integer_value(item);
        if (count < 2 || count > 3 || (i < count && (!json_is_integer(item) || size[i] < 1)) ||
            size[i] > 65535)
            return wrong(c, "[height, width] or [depth, height, width] with whole numbers from 1 to 65535");
    }
    pre->depth = count == 3 ? size[0] : 0;
    pre->height = size[count - 2];
    pre->width = size[count - 1];
    return NW_OK;
}

static nw_status parse_window(const json_t *value, nw_preprocess *pre, const context *c)
{
    static const char *const wanted =
        "[low, high] with low < high, or {\"center\": C, \"width\": W} with W > 0";
    double a, b;
    if (json_is_array(value)) {
        if (json_array_size(value) != 2 || !number(json_array_get(value, 0), &a) ||
            !number(json_array_get(value, 1), &b))
            return wrong(c, wanted);
    } else {
        double centre, width;
        if (!json_is_object(value) || json_object_size(value) != 2 ||
            !number(json_object_get(value, "center"), &centre) ||
            !number(json_object_get(value, "width"), &width))
            return wrong(c, wanted);
        a = centre - width / 2;
        b = centre + width / 2;
    }
    if (!(a < b)) return wrong(c, wanted);
    pre->low = a;
    pre->high = b;
    pre->scale = NW_SCALE_WINDOW;
    return NW_OK;
}

static const struct {
    const char *name;
    nw_scale scale;
} scales[] = {{"auto", NW_SCALE_AUTO},
              {"full", NW_SCALE_FULL},
              {"minmax", NW_SCALE_MINMAX},
              {"robust", NW_SCALE_ROBUST},
              {"none", NW_SCALE_NONE}};

static nw_status parse_scale(const json_t *value, nw_preprocess *pre, const context *c)
{
    double factor;
    if (number(value, &factor) && factor != 0) {
        pre->factor = factor;
        pre->scale = NW_SCALE_FACTOR;
        return NW_OK;
    }
    for (size_t i = 0; json_is_string(value) && i < sizeof scales / sizeof *scales; i++)
        if (strcmp(json_string_value(value), scales[i].name) == 0) {
            pre->scale = scales[i].scale;
            return NW_OK;
        }
    return wrong(c, "\"auto\", \"full\", \"minmax\", \"robust\", \"none\" or the number to divide by");
}

static nw_status parse_list(const json_t *value, double out[NW_MAX_CHANNELS], int *count, const context *c)
{
    double list[NW_MAX_CHANNELS];
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    bool is_std = strcmp(c->key, "std") == 0;
    for (size_t i = 0; i < n; i++)
        if (n > NW_MAX_CHANNELS ||
            !number(json_is_array(value) ? json_array_get(value, i) : value, &list[i]) ||
            (is_std && list[i] == 0))
            return wrong(c, is_std ? "a number other than 0, or a list of one a channel"
                                   : "a number, or a list of one a channel");
    if (n == 0) return wrong(c, "a number, or a list of one a channel");
    memcpy(out, list, n * sizeof *out);
    *count = (int)n;
    return NW_OK;
}

static nw_status parse_mean(const json_t *value, nw_preprocess *pre, const context *c)
{
    return parse_list(value, pre->mean, &pre->mean_count, c);
}

static nw_status parse_std(const json_t *value, nw_preprocess *pre, const context *c)
{
    return parse_list(value, pre->std, &pre->std_count, c);
}

static nw_status parse_orient(const json_t *value, nw_preprocess *pre, const context *c)
{
    for (int o = 0; json_is_string(value) && o <= NW_ORIENT_TRANSVERSE; o++)
        if (strcmp(json_string_value(value), nw_orient_name((nw_orient)o)) == 0) {
            pre->orient = (nw_orient)o;
            return NW_OK;
        }
    return wrong(c, "\"none\", \"transpose\", \"rot90\", \"rot180\", \"rot270\", \"flip-h\", \"flip-v\" or "
                    "\"transverse\"");
}

static nw_status parse_resize(const json_t *value, nw_preprocess *pre, const context *c)
{
    (void)pre;
    if (json_is_string(value) && strcmp(json_string_value(value), "bilinear") == 0) return NW_OK;
    return wrong(c, "\"bilinear\"");
}

static nw_status parse_antialias(const json_t *value, nw_preprocess *pre, const context *c)
{
    if (!json_is_boolean(value)) return wrong(c, "true or false");
    pre->antialias = json_is_true(value);
    return NW_OK;
}

static nw_status parse_tensors(const json_t *value, nw_preprocess *pre, const context *c)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    if (strcmp(text, "as-is") != 0 && strcmp(text, "image") != 0) return wrong(c, "\"as-is\" or \"image\"");
    pre->tensors_as_images = text[0] == 'i';
    return NW_OK;
}

static const struct {
    const char *key;
    nw_status (*parse)(const json_t *value, nw_preprocess *pre, const context *c);
} keys[] = {{"modality", parse_modality}, {"channels", parse_channels},
            {"size", parse_size},         {"window", parse_window},
            {"scale", parse_scale},       {"mean", parse_mean},
            {"std", parse_std},           {"orient", parse_orient},
            {"resize", parse_resize},     {"antialias", parse_antialias},
            {"tensors", parse_tensors}};

static nw_status parse_object(json_t *root, const char *where, nw_preprocess *pre, nw_error *err)
{
    if (!json_is_object(root)) return nw_fail(err, NW_BAD_INPUT, "%s: a JSON object is wanted", where);
    if (json_object_get(root, "window") && json_object_get(root, "scale"))
        return nw_fail(err, NW_BAD_INPUT, "%s: \"window\" and \"scale\" exclude each other", where);
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        context c = {where, key, err};
        size_t k = 0;
        while (k < sizeof keys / sizeof *keys && strcmp(keys[k].key, key) != 0) k++;
        if (k == sizeof keys / sizeof *keys)
            return nw_fail(
                err, NW_BAD_INPUT,
                "%s: unknown key \"%s\"; known are modality, channels, size, window, scale, mean, std, "
                "orient, resize, antialias, tensors",
                where, key);
        NW_TRY(keys[k].parse(value, pre, &c));
    }
    return NW_OK;
}

nw_status nw_preprocess_parse(const char *json, const char *where, nw_preprocess *pre, nw_error *err)
{
    json_error_t parse_error;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &parse_error);
    if (!root)
        return nw_fail(err, NW_BAD_INPUT, "%s: line %d, column %d: %s", where, parse_error.line,
                       parse_error.column, parse_error.text);
    nw_preprocess parsed = *pre;
    nw_status status = parse_object(root, where, &parsed, err);
    json_decref(root);
    if (status == NW_OK) *pre = parsed;
    return status;
}

static json_t *list_of(const double *values, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) json_array_append_new(list, json_real(values[i]));
    return list;
}

static json_t *scale_of(const nw_preprocess *pre)
{
    if (pre->scale == NW_SCALE_FACTOR) return json_real(pre->factor);
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
        if (scales[i].scale == pre->scale) return json_string(scales[i].name);
    return json_string("auto");
}

size_t nw_preprocess_json(const nw_preprocess *pre, char *text, size_t size)
{
    json_t *root = json_object();
    if (pre->modality[0])
        json_object_set_new(root, "modality", json_stringn(pre->modality, strnlen(pre->modality, 15)));
    if (pre->channels) json_object_set_new(root, "channels", json_integer(pre->channels));
    if (pre->height && pre->width) {
        json_t *dims = json_pack("[I,I]", (json_int_t)pre->height, (json_int_t)pre->width);
        if (pre->depth) json_array_insert_new(dims, 0, json_integer((json_int_t)pre->depth));
        json_object_set_new(root, "size", dims);
    }
    if (pre->scale == NW_SCALE_WINDOW)
        json_object_set_new(root, "window", json_pack("[f,f]", pre->low, pre->high));
    else
        json_object_set_new(root, "scale", scale_of(pre));
    if (pre->mean_count) json_object_set_new(root, "mean", list_of(pre->mean, pre->mean_count));
    if (pre->std_count) json_object_set_new(root, "std", list_of(pre->std, pre->std_count));
    json_object_set_new(root, "orient", json_string(nw_orient_name(pre->orient)));
    json_object_set_new(root, "resize", json_string("bilinear"));
    json_object_set_new(root, "antialias", json_boolean(pre->antialias));
    json_object_set_new(root, "tensors", json_string(pre->tensors_as_images ? "image" : "as-is"));
    char *dump = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(root);
    size_t length = dump ? strlen(dump) : 0;
    if (size) {
        size_t kept = length < size ? length : size - 1;
        if (kept) memcpy(text, dump, kept);
        text[kept] = 0;
    }
    free(dump);
    return length;
}
