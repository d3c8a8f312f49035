#include "base/strmap.h"

#include "base/memory.h"

#include <stdint.h>
#include <string.h>

static uint64_t hash(const char *key)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (; *key; key++) h = (h ^ (unsigned char)*key) * 1099511628211u;
    return h;
}

static struct nw_strmap_slot *find(struct nw_strmap_slot *slots, size_t capacity, const char *key)
{
    size_t i = (size_t)hash(key) & (capacity - 1);
    while (slots[i].key && strcmp(slots[i].key, key) != 0) i = (i + 1) & (capacity - 1);
    return &slots[i];
}

void nw_strmap_clear(nw_strmap *map)
{
    nw_free(map->slots);
    memset(map, 0, sizeof *map);
}

bool nw_strmap_set(nw_strmap *map, const char *key, int value)
{
    if (2 * (map->count + 1) > map->capacity) {
        size_t capacity = map->capacity ? 2 * map->capacity : 64;
        struct nw_strmap_slot *slots = nw_calloc(capacity, sizeof *slots);
        if (!slots) return false;
        for (size_t i = 0; i < map->capacity; i++)
            if (map->slots[i].key) *find(slots, capacity, map->slots[i].key) = map->slots[i];
        nw_free(map->slots);
        map->slots = slots;
        map->capacity = capacity;
    }
    struct nw_strmap_slot *slot = find(map->slots, map->capacity, key);
    if (!slot->key) map->count++;
    slot->key = key;
    slot->value = value;
    return true;
}

int nw_strmap_get(const nw_strmap *map, const char *key)
{
    if (!map->capacity) return -1;
    const struct nw_strmap_slot *slot = find(map->slots, map->capacity, key);
    return slot->key ? slot->value : -1;
}
