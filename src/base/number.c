#include "base/number.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *point_of_locale(void)
{
    const char *point = localeconv()->decimal_point;
    return point && *point ? point : ".";
}

char *nw_number_text(double value, int digits, char *text)
{
    const char *point = point_of_locale();
    snprintf(text, NW_NUMBER_TEXT, "%.*g", digits < 17 ? digits : 17, value);
    char *at = strcmp(point, ".") != 0 ? strstr(text, point) : NULL;
    if (at) {
        *at = '.';
        memmove(at + 1, at + strlen(point), strlen(at + strlen(point)) + 1);
    }
    return text;
}

bool nw_number_parse(const char *text, double *out)
{
    char copy[128];
    const char *point = point_of_locale();
    size_t n = 0;
    /* Digits, a sign, a point, an exponent: strtod takes more (hexadecimal, nan, spaces), which is refused.
     */
    for (const char *p = text; *p; p++) {
        if (!isdigit((unsigned char)*p) && !strchr("+-.eE", *p)) return false;
        if (n + strlen(point) >= sizeof copy) return false;
        if (*p == '.') {
            memcpy(copy + n, point, strlen(point));
            n += strlen(point);
        } else {
            copy[n++] = *p;
        }
    }
    copy[n] = 0;
    char *end;
    double value = strtod(copy, &end);
    if (!n || *end || !isfinite(value)) return false;
    *out = value;
    return true;
}
