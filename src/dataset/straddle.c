/* Groups that the list has in more than one split. */
#include "base/strmap.h"
#include "dataset/dataset.h"

#include <string.h>

/* What a group was seen in. */
typedef struct seen {
    const char *name;
    size_t first; /* row */
    size_t other; /* first row in another split; 0: none, since row 0 is never another one */
    int most;     /* test before val before train */
} seen;

static nw_status look(nw_dataset *d, nw_strmap *names, seen *groups, size_t *count, nw_error *err)
{
    for (size_t i = 0; i < d->row_count; i++) {
        nw_row *row = &d->rows[i];
        int found = nw_strmap_get(names, row->key);
        if (found < 0) {
            found = (int)(*count)++;
            groups[found] = (seen){.name = row->key, .first = i, .most = row->split};
            if (!nw_strmap_set(names, row->key, found)) return nw_no_memory(err, 64, "groups");
        }
        seen *g = &groups[found];
        if (!g->other && row->split != d->rows[g->first].split) g->other = i;
        if (row->split > g->most) g->most = row->split;
    }
    return NW_OK;
}

static nw_status refuse(const nw_dataset *d, const char *source, const seen *group, size_t straddling,
                        size_t count, nw_error *err)
{
    const nw_row *a = &d->rows[group->first], *b = &d->rows[group->other];
    char places[600];
    if (a->line)
        snprintf(places, sizeof places, "%.500s lines %zu and %zu", source, a->line, b->line);
    else
        snprintf(places, sizeof places, "%.500s", b->path);
    return nw_fail(err, NW_BAD_INPUT,
                   "%s: group '%.100s' is in split %s and in %s (%zu of %zu groups are in several); "
                   "leave such groups "
                   "out of the training, allow them, or let the splits be dealt anew",
                   places, group->name, nw_split_name((nw_split)a->split), nw_split_name((nw_split)b->split),
                   straddling, count);
}

/* Rows of a group in a lower split than its highest go. */
static void drop(nw_dataset *d, const nw_strmap *names, const seen *groups)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->row_count; i++) {
        nw_row *row = &d->rows[i];
        if (row->split == groups[nw_strmap_get(names, row->key)].most)
            d->rows[kept++] = *row;
        else
            nw_free(row->cells);
    }
    nw_strings_add(&d->warnings,
                   "%zu images are left out: their groups are in the validation or test split too",
                   d->row_count - kept);
    d->row_count = kept;
}

static nw_status allow(nw_dataset *d, const nw_strmap *names, const seen *groups, size_t straddling,
                       nw_error *err)
{
    for (size_t i = 0; i < d->row_count; i++) {
        nw_row *row = &d->rows[i];
        const seen *g = &groups[nw_strmap_get(names, row->key)];
        if (!g->other || row->split == g->most) continue;
        row->key = nw_strings_add(&d->strings, "%s\n%s", nw_split_name((nw_split)row->split), row->key);
        if (!row->key) return nw_no_memory(err, 64, "groups");
    }
    nw_strings_add(&d->warnings,
                   "%zu groups are in several splits: results on the validation and test split are too good",
                   straddling);
    return NW_OK;
}

static nw_status judge(nw_dataset *d, const char *source, const nw_strmap *names, const seen *groups,
                       size_t count, nw_error *err)
{
    size_t straddling = 0;
    const seen *first = NULL;
    for (size_t g = 0; g < count; g++)
        if (groups[g].other && !straddling++) first = &groups[g];
    if (!straddling) return NW_OK;
    if (d->options.straddle == NW_STRADDLE_DROP)
        drop(d, names, groups);
    else if (d->options.straddle == NW_STRADDLE_ALLOW)
        return allow(d, names, groups, straddling, err);
    else
        return refuse(d, source, first, straddling, count, err);
    return NW_OK;
}

nw_status nw_dataset_straddle(nw_dataset *data, const char *source, nw_error *err)
{
    for (size_t i = 0; i < data->row_count; i++) {
        nw_row *row = &data->rows[i];
        row->key = *row->group ? row->group : row->file;
    }
    if (!data->has_split) return NW_OK;
    nw_strmap names = {0};
    seen *groups = nw_calloc(data->row_count, sizeof *groups);
    size_t count = 0;
    nw_status status = groups ? look(data, &names, groups, &count, err)
                              : nw_no_memory(err, data->row_count * sizeof *groups, source);
    if (status == NW_OK) status = judge(data, source, &names, groups, count, err);
    nw_strmap_clear(&names);
    nw_free(groups);
    return status;
}
