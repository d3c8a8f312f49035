/* Policies as text. */
#include "base/error.h"

#include <math.h>
#include <narrows/augment.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct setting {
    const char *name;
    size_t offset;
    double usual, most;
    double presets[3];
} setting;

static const setting settings[] = {
#define SETTING(field, name, usual, most, light, ct, cxr, text)                                              \
    {name, offsetof(nw_augment, field), usual, most, {light, ct, cxr}},
    NW_AUGMENT_LIST(SETTING)
#undef SETTING
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static const char *const presets[] = {"none", "light", "ct", "cxr"};
enum { PRESETS = sizeof presets / sizeof *presets };

const char *nw_augment_preset_name(size_t i)
{
    return i < PRESETS ? presets[i] : NULL;
}

static double *value_of(nw_augment *policy, const setting *s)
{
    return (double *)((char *)policy + s->offset);
}

static double value_in(const nw_augment *policy, const setting *s)
{
    return *(const double *)((const char *)policy + s->offset);
}

static nw_status check_one(const setting *s, double value, nw_error *err)
{
    if (value >= 0 && value <= s->most) return NW_OK;
    return nw_fail(err, NW_USAGE, "augmentation %s of %g: 0 to %g", s->name, value, s->most);
}

nw_status nw_augment_check(const nw_augment *policy, nw_error *err)
{
    for (size_t i = 0; i < SETTINGS; i++)
        NW_TRY(check_one(&settings[i], value_in(policy, &settings[i]), err));
    return NW_OK;
}

static nw_status unknown(const char *word, int length, nw_error *err)
{
    char names[512] = "none, light, ct, cxr";
    for (size_t i = 0; i < SETTINGS; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, ", %s", settings[i].name);
    }
    return nw_fail(err, NW_USAGE, "augmentation '%.*s' is not known; there are %s", length, word, names);
}

/* One word: a preset, NAME or NAME=NUMBER. */
static nw_status take(const char *word, size_t length, nw_augment *policy, nw_error *err)
{
    for (size_t p = 0; p < PRESETS; p++)
        if (strlen(presets[p]) == length && memcmp(presets[p], word, length) == 0) {
            *policy = (nw_augment){0};
            for (size_t i = 0; p > 0 && i < SETTINGS; i++)
                *value_of(policy, &settings[i]) = settings[i].presets[p - 1];
            return NW_OK;
        }
    const char *equals = memchr(word, '=', length);
    size_t name = equals ? (size_t)(equals - word) : length;
    for (size_t i = 0; i < SETTINGS; i++) {
        const setting *s = &settings[i];
        if (strlen(s->name) != name || memcmp(s->name, word, name) != 0) continue;
        double value = s->usual;
        char number[64] = "", *end = number;
        if (equals) {
            snprintf(number, sizeof number, "%.*s", (int)(length - name - 1 < 63 ? length - name - 1 : 63),
                     equals + 1);
            value = strtod(number, &end);
            if (end == number || *end)
                return nw_fail(err, NW_USAGE, "augmentation %s of '%s' is not a number", s->name, number);
        }
        NW_TRY(check_one(s, value, err));
        *value_of(policy, s) = value;
        return NW_OK;
    }
    return unknown(word, (int)(length < 100 ? length : 100), err);
}

nw_status nw_augment_parse(const char *text, nw_augment *policy, nw_error *err)
{
    nw_augment made = {0};
    while (*text) {
        text += strspn(text, ", ");
        size_t length = strcspn(text, ", ");
        if (length) NW_TRY(take(text, length, &made, err));
        text += length;
    }
    *policy = made;
    return NW_OK;
}

size_t nw_augment_text(const nw_augment *policy, char *text, size_t size)
{
    size_t used = 0;
    if (size) text[0] = 0;
    for (size_t i = 0; i < SETTINGS; i++) {
        double value = value_in(policy, &settings[i]);
        char number[40];
        if (value == 0) continue;
        /* As few digits as give the number back. */
        for (int digits = 6; digits <= 17; digits++) {
            snprintf(number, sizeof number, "%.*g", digits, value);
            if (strtod(number, NULL) == value) break;
        }
        used += (size_t)snprintf(used < size ? text + used : NULL, used < size ? size - used : 0, "%s%s=%s",
                                 used ? "," : "", settings[i].name, number);
    }
    if (!used) used = (size_t)snprintf(text, size, "none");
    return used;
}
