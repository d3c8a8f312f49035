/* Memory whose sizes are checked. All of it is released with nw_free. */
#ifndef NW_BASE_MEMORY_H
#define NW_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NW_ALIGNMENT = 64 }; /* bytes; a cache line, and the widest vector */

/* Zeroed, nw_free to release; NULL when count * size overflows or memory is out. Never NULL for a zero size.
 */
void *nw_calloc(size_t count, size_t size);
/* Not zeroed, aligned to NW_ALIGNMENT. */
void *nw_alloc_aligned(size_t count, size_t size);
/* Zeroed and aligned; what is to be released is *block. Large ones are pages that nobody has touched yet:
 * whoever needs one first brings it in, on its own thread. */
void *nw_calloc_aligned(size_t count, size_t size, void **block);
/* As realloc of count * size; the old block stays valid on failure. Only for blocks of nw_calloc/nw_realloc.
 */
void *nw_realloc(void *block, size_t count, size_t size);
void nw_free(void *block);
char *nw_strdup(const char *text);
char *nw_strndup(const char *text, size_t length);
/* printf into a new string; NULL when memory is out. */
char *nw_strdup_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Checked arithmetic: false on overflow, *out untouched then. */
static inline bool nw_mul_i64(int64_t a, int64_t b, int64_t *out)
{
    int64_t r;
    if (__builtin_mul_overflow(a, b, &r)) return false;
    *out = r;
    return true;
}

static inline bool nw_add_i64(int64_t a, int64_t b, int64_t *out)
{
    int64_t r;
    if (__builtin_add_overflow(a, b, &r)) return false;
    *out = r;
    return true;
}

static inline bool nw_mul_size(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_mul_overflow(a, b, &r)) return false;
    *out = r;
    return true;
}

/* Grows an array by doubling, so that `count + 1` elements fit. False when memory is out. */
bool nw_grow(void **block, size_t *capacity, size_t count, size_t size);
#define NW_GROW(array, capacity, count) nw_grow((void **)&(array), &(capacity), (count), sizeof *(array))

#endif
