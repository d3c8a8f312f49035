/* A map from strings to integers, for names in a graph. Keys are not copied: they must outlive the map. */
#ifndef NW_BASE_STRMAP_H
#define NW_BASE_STRMAP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct nw_strmap {
    struct nw_strmap_slot {
        const char *key; /* NULL: free */
        int value;
    } * slots;
    size_t capacity, count; /* capacity is 0 or a power of two */
} nw_strmap;

/* Zero-initialise to make one. */
void nw_strmap_clear(nw_strmap *map);
/* Sets or replaces; false when memory is out. */
bool nw_strmap_set(nw_strmap *map, const char *key, int value);
/* The value, or -1 where there is none. */
int nw_strmap_get(const nw_strmap *map, const char *key);

#endif
