/* JSON on stdout. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "cli.h"

#include <jansson.h>

json_t *cli_json_shape(const nw_shape *shape);
json_t *cli_json_numbers(const float *values, size_t count);
/* A string, also where the bytes are not UTF-8 (replaced by '?'); null for NULL. */
json_t *cli_json_text(const char *text);
/* Prints on stdout and releases. */
nw_status cli_json_print(json_t *json, nw_error *err);

#endif
