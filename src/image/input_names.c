#include "image/input_names.h"

#include "base/file.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

size_t nw_input_ending(const char *path)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg",   ".npy",    ".nii",
                                          ".hdr", ".img", ".nii.gz", ".hdr.gz", ".img.gz", ".dcm"};
    for (size_t i = sizeof endings / sizeof *endings; i-- > 0;)
        if (nw_path_ends(path, endings[i])) return strlen(endings[i]);
    return 0;
}

typedef struct entry {
    const char *path;
    char **name;
    size_t index;
    int folders; /* in front of the name */
    bool ending; /* kept, '.' as '_' */
} entry;

static char *make_name(const entry *e)
{
    if (strcmp(e->path, "-") == 0) return nw_strdup("stdin");
    const char *start = nw_path_base(e->path);
    size_t ending = nw_input_ending(e->path);
    if (ending >= strlen(start)) ending = 0; /* ".png" */
    for (int f = 0; f < e->folders; f++) {
        const char *p = start;
        while (p > e->path && p[-1] == '/') p--;
        if (p == e->path) break;
        while (p > e->path && p[-1] != '/') p--;
        start = p;
    }
    char *name = nw_strndup(start, strlen(start) - (e->ending ? 0 : ending));
    if (!name) return NULL;
    char *write = name;
    for (char *read = name; *read; read++) {
        if (*read == '/' && write > name && write[-1] == '_' && read[-1] == '/') continue; /* a//b */
        *write++ = *read == '/' ? '_' : *read;
    }
    *write = 0;
    size_t length = strlen(name);
    if (e->ending)
        for (size_t i = length - ending; i < length; i++)
            if (name[i] == '.') name[i] = '_';
    return name;
}

static int by_name(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = strcmp(*x->name, *y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static size_t folder_length(const char *path)
{
    return (size_t)(nw_path_base(path) - path);
}

static bool same_folder(const entry *a, const entry *b)
{
    size_t n = folder_length(a->path);
    return n == folder_length(b->path) && memcmp(a->path, b->path, n) == 0;
}

/* Gives the entries of equal names that start at `from` more of their path; false when memory is out. */
static bool refine(entry *from, size_t count)
{
    bool together = true;
    for (size_t i = 1; i < count; i++) together = together && same_folder(&from[0], &from[i]);
    for (size_t i = 0; i < count; i++) {
        if (together)
            from[i].ending = true;
        else
            from[i].folders++;
        char *name = make_name(&from[i]);
        if (!name) return false;
        nw_free(*from[i].name);
        *from[i].name = name;
    }
    return true;
}

static bool taken(const entry *sorted, size_t count, const char *name)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(*sorted[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && strcmp(*sorted[low].name, name) == 0;
}

/* What is still the same is one file given twice, or a clash by chance: it gets a number. The new names are
 * kept aside, so that the order that `taken` searches stays. */
static bool number(entry *sorted, size_t count, char **fresh)
{
    for (size_t i = 0; i < count;) {
        size_t run = 1;
        while (i + run < count && strcmp(*sorted[i].name, *sorted[i + run].name) == 0) run++;
        size_t n = 2;
        for (size_t k = 1; k < run; k++) {
            for (;; n++) {
                char *name = nw_strdup_printf("%s_%zu", *sorted[i].name, n);
                if (!name) return false;
                if (!taken(sorted, count, name)) {
                    fresh[i + k] = name;
                    n++;
                    break;
                }
                nw_free(name);
            }
        }
        i += run;
    }
    return true;
}

static bool make_unique(entry *entries, size_t count, char **fresh)
{
    for (int round = 0; round < 10; round++) {
        bool changed = false;
        qsort(entries, count, sizeof *entries, by_name);
        for (size_t i = 0; i < count;) {
            size_t run = 1;
            while (i + run < count && strcmp(*entries[i].name, *entries[i + run].name) == 0) run++;
            if (run > 1 && !refine(entries + i, run)) return false;
            changed = changed || run > 1;
            i += run;
        }
        if (!changed) return true;
    }
    qsort(entries, count, sizeof *entries, by_name);
    if (!number(entries, count, fresh)) return false;
    for (size_t i = 0; i < count; i++)
        if (fresh[i]) {
            nw_free(*entries[i].name);
            *entries[i].name = fresh[i];
            fresh[i] = NULL;
        }
    return true;
}

nw_status nw_input_names(const char *const *paths, size_t count, char **names, nw_error *err)
{
    entry *entries = nw_calloc(count, sizeof *entries);
    char **fresh = nw_calloc(count, sizeof *fresh);
    bool ok = entries && fresh;
    for (size_t i = 0; ok && i < count; i++) {
        entries[i] = (entry){.path = paths[i], .name = &names[i], .index = i};
        names[i] = make_name(&entries[i]);
        ok = names[i] != NULL;
    }
    ok = ok && make_unique(entries, count, fresh);
    for (size_t i = 0; fresh && i < count; i++) nw_free(fresh[i]);
    nw_free(fresh);
    nw_free(entries);
    return ok ? NW_OK : nw_no_memory(err, count * sizeof *entries, "the list of inputs");
}
