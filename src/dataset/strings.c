#include "dataset/dataset.h"

#include <stdarg.h>
#include <stdio.h>

char *nw_strings_add(nw_strings *strings, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : nw_calloc((size_t)length + 1, 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    if (text && NW_GROW(strings->list, strings->capacity, strings->count))
        return strings->list[strings->count++] = text;
    nw_free(text);
    return NULL;
}

void nw_strings_clear(nw_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++) nw_free(strings->list[i]);
    nw_free(strings->list);
    *strings = (nw_strings){0};
}
