/* Goldens kept as JSON in tests/golden/data, read or failed. */
#ifndef NW_TEST_JSON_GOLDEN_H
#define NW_TEST_JSON_GOLDEN_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static inline json_t *golden_open(const char *name)
{
    char path[1024];
    json_error_t problem;
    snprintf(path, sizeof path, "%s/tests/golden/data/%s", NW_TEST_SOURCE, name);
    json_t *json = json_load_file(path, 0, &problem);
    if (!json) fail_msg("%s: %s", path, problem.text);
    return json;
}

static inline double golden_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value)) fail_msg("the golden has no number '%s'", key);
    return json_number_value(value);
}

/* A list of numbers; free(). */
static inline double *golden_list(const json_t *list, size_t *count)
{
    if (!json_is_array(list)) fail_msg("the golden has no list where one should be");
    *count = json_array_size(list);
    double *values = calloc(*count + 1, sizeof *values);
    if (!values) abort();
    for (size_t i = 0; i < *count; i++) values[i] = json_number_value(json_array_get(list, i));
    return values;
}

#endif
