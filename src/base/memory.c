#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *nw_calloc(size_t count, size_t size)
{
    return calloc(count ? count : 1, size ? size : 1);
}

void *nw_alloc_aligned(size_t count, size_t size)
{
    size_t bytes;
    if (!nw_mul_size(count, size, &bytes) || bytes > SIZE_MAX - NW_ALIGNMENT) return NULL;
    /* aligned_alloc wants a multiple of the alignment. */
    bytes = (bytes + NW_ALIGNMENT) / NW_ALIGNMENT * NW_ALIGNMENT;
    return aligned_alloc(NW_ALIGNMENT, bytes);
}

void *nw_calloc_aligned(size_t count, size_t size, void **block)
{
    size_t bytes;
    *block = NULL;
    if (!nw_mul_size(count, size, &bytes) || bytes > SIZE_MAX - NW_ALIGNMENT) return NULL;
    *block = calloc(bytes + NW_ALIGNMENT, 1);
    if (!*block) return NULL;
    uintptr_t over = (uintptr_t)*block % NW_ALIGNMENT;
    return (unsigned char *)*block + (over ? NW_ALIGNMENT - over : 0);
}

void *nw_realloc(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (!nw_mul_size(count, size, &bytes)) return NULL;
    return realloc(block, bytes ? bytes : 1);
}

void nw_free(void *block)
{
    free(block);
}

char *nw_strndup(const char *text, size_t length)
{
    char *copy = nw_calloc(length + 1, 1);
    if (copy) memcpy(copy, text, length);
    return copy;
}

char *nw_strdup(const char *text)
{
    return nw_strndup(text, strlen(text));
}

char *nw_strdup_printf(const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *text = length < 0 ? NULL : nw_calloc((size_t)length + 1, 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

bool nw_grow(void **block, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity) return true;
    size_t wanted = *capacity ? *capacity : 8;
    while (wanted <= count)
        if (!nw_mul_size(wanted, 2, &wanted)) return false;
    void *grown = nw_realloc(*block, wanted, size);
    if (!grown) return false;
    *block = grown;
    *capacity = wanted;
    return true;
}
