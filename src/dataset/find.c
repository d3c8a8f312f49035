/* Where the files of a list are. */
#include "dataset/dataset.h"
#include "image/input_names.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH = 16, MOST_FILES = 4 << 20 };

/* The files below a folder, sorted by their names without ending. */
typedef struct entry {
    char *path;
    const char *base;
    size_t stem; /* characters of base without the ending */
} entry;

typedef struct entries {
    entry *list;
    size_t count, capacity;
} entries;

static void clear(entries *e)
{
    for (size_t i = 0; i < e->count; i++) nw_free(e->list[i].path);
    nw_free(e->list);
}

static int compare_stems(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int by_stem(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = compare_stems(x->base, x->stem, y->base, y->stem);
    return order ? order : strcmp(x->path, y->path);
}

static size_t stem_length(const char *base)
{
    return strlen(base) - nw_input_ending(base);
}

static nw_status gather(entries *e, const char *folder, int depth, nw_error *err)
{
    DIR *dir = depth < DEPTH ? opendir(*folder ? folder : ".") : NULL;
    if (!dir) return NW_OK; /* what cannot be searched has nothing to find */
    nw_status status = NW_OK;
    for (struct dirent *d; status == NW_OK && (d = readdir(dir));) {
        struct stat st;
        if (d->d_name[0] == '.') continue;
        char *path = nw_strdup_printf("%s%s", folder, d->d_name);
        if (!path) {
            status = nw_no_memory(err, strlen(folder), folder);
        } else if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            char *below = nw_strdup_printf("%s/", path);
            status = below ? gather(e, below, depth + 1, err) : nw_no_memory(err, strlen(path), path);
            nw_free(below);
            nw_free(path);
        } else if (nw_input_ending(path) && e->count < MOST_FILES) {
            if (NW_GROW(e->list, e->capacity, e->count)) {
                const char *base = nw_path_base(path);
                e->list[e->count++] = (entry){path, base, stem_length(base)};
            } else {
                nw_free(path);
                status = nw_no_memory(err, sizeof(entry), folder);
            }
        } else {
            nw_free(path);
        }
    }
    closedir(dir);
    return status;
}

/* The one file of that name below the folder, or the one with that name and another ending: *other is set. */
static nw_status search(const entries *e, const char *where, const nw_row *row, const char *source,
                        bool *other, const char **found, nw_error *err)
{
    const char *base = nw_path_base(row->file);
    size_t stem = stem_length(base), low = 0, high = e->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_stems(e->list[middle].base, e->list[middle].stem, base, stem) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const char *same = NULL, *alike = NULL;
    size_t same_count = 0, alike_count = 0;
    for (; low < e->count && compare_stems(e->list[low].base, e->list[low].stem, base, stem) == 0; low++) {
        bool equal = strcmp(e->list[low].base, base) == 0;
        *(equal ? &same : &alike) = e->list[low].path;
        *(equal ? &same_count : &alike_count) += 1;
    }
    char place[512];
    nw_row_place(source, row, place);
    if (same_count > 1 || (!same_count && alike_count > 1))
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: %s is not there, and several files below %s have its name (%s)", place, row->path,
                       where, same_count ? same : alike);
    if (!same_count && !alike_count)
        return nw_fail(err, NW_IO,
                       "%s: %s: no such file, nor one of its name below %s; is the root of the paths right?",
                       place, row->path, where);
    *other = !same_count;
    *found = same_count ? same : alike;
    return NW_OK;
}

nw_status nw_dataset_find(nw_dataset *data, const char *source, const char *place, nw_error *err)
{
    entries below = {0};
    bool gathered = false;
    size_t moved = 0, renamed = 0;
    nw_status status = NW_OK;
    for (size_t i = 0; status == NW_OK && i < data->row_count; i++) {
        nw_row *row = &data->rows[i];
        /* Rows of slices name the same file again and again. */
        if (i && strcmp(row->file, row[-1].file) == 0) {
            row->path = row[-1].path;
            continue;
        }
        row->path =
            row->file[0] == '/' ? row->file : nw_strings_add(&data->strings, "%s%s", place, row->file);
        struct stat st;
        if (!row->path) {
            status = nw_no_memory(err, strlen(row->file), source);
        } else if (stat(row->path, &st) != 0) {
            char at[512];
            if (errno != ENOENT || row->file[0] == '/') {
                status = nw_fail(err, NW_IO, "%s: %s: cannot open: %s", nw_row_place(source, row, at),
                                 row->path, strerror(errno));
                break;
            }
            if (!gathered) {
                status = gather(&below, place, 0, err);
                if (below.count) qsort(below.list, below.count, sizeof *below.list, by_stem);
                gathered = true;
            }
            bool other = false;
            const char *found = NULL;
            if (status == NW_OK)
                status = search(&below, *place ? place : "here", row, source, &other, &found, err);
            if (status != NW_OK) break;
            moved++;
            renamed += other;
            row->path = nw_strings_add(&data->strings, "%s", found);
            if (!row->path) status = nw_no_memory(err, strlen(found), source);
        }
    }
    clear(&below);
    if (status == NW_OK && moved)
        nw_strings_add(&data->notes,
                       "%zu files were not where the list has them and were found below %s by their names",
                       moved, *place ? place : "it");
    if (status == NW_OK && renamed)
        nw_strings_add(&data->warnings, "%zu files have another ending than in the list (%s is one)", renamed,
                       data->rows[0].path);
    return status;
}
