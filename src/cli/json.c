#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

json_t *cli_json_shape(const nw_shape *shape)
{
    json_t *array = json_array();
    if (shape->rank < 0) {
        json_decref(array);
        return json_null();
    }
    for (int i = 0; i < shape->rank; i++)
        json_array_append_new(array, shape->dims[i] < 0 ? json_null() : json_integer(shape->dims[i]));
    return array;
}

json_t *cli_json_numbers(const float *values, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, isfinite(values[i]) ? json_real((double)values[i]) : json_null());
    return array;
}

json_t *cli_json_text(const char *text)
{
    if (!text) return json_null();
    json_t *json = json_string(text);
    if (json) return json;
    char *copy = cli_printf("%s", text);
    for (char *p = copy; *p; p++)
        if ((unsigned char)*p >= 0x80) *p = '?';
    json = json_string(copy);
    free(copy);
    return json;
}

nw_status cli_json_print(json_t *json, nw_error *err)
{
    char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(json);
    if (!text) return cli_fail(err, NW_NO_MEMORY, "out of memory for the JSON of the result");
    puts(text);
    free(text);
    return NW_OK;
}
