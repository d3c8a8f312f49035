/* From rows to files and their slices. */
#include "base/strmap.h"
#include "dataset/dataset.h"
#include "dataset/random.h"
#include "image/volume.h"

#include <string.h>

typedef struct builder {
    nw_dataset *data;
    const char *list;
    nw_strmap sources, groups;
    size_t *row_source;
    size_t *rows; /* of all sources, one after another, each in the order of the list */
    size_t item_capacity, dropped, twice;
} builder;

static nw_status group_of(builder *b, const nw_row *row, size_t *out, nw_error *err)
{
    nw_dataset *d = b->data;
    const char *name = *row->group ? row->group : row->file;
    int index = nw_strmap_get(&b->groups, row->key);
    if (index < 0) {
        index = (int)d->group_count;
        if (!NW_GROW(d->groups, d->group_capacity, d->group_count) ||
            !nw_strmap_set(&b->groups, row->key, index))
            return nw_no_memory(err, sizeof(nw_group), b->list);
        d->groups[d->group_count++] =
            (nw_group){.name = name, .hash = nw_hash_text(row->key), .split = row->split, .line = row->line};
    }
    *out = (size_t)index;
    return NW_OK;
}

static nw_status new_source(builder *b, const nw_row *row, size_t group, nw_error *err)
{
    nw_dataset *d = b->data;
    if (!NW_GROW(d->sources, d->source_capacity, d->source_count))
        return nw_no_memory(err, sizeof(nw_source), b->list);
    nw_source s = {.path = row->path, .name = row->file, .group = group, .slices = 1};
    bool scan = false;
    s.orient = row->orient < 0 ? d->pre.orient : (nw_orient)row->orient;
    s.picture = nw_path_ends(row->path, ".png") || nw_path_ends(row->path, ".jpg") ||
                nw_path_ends(row->path, ".jpeg");
    if (!s.picture) {
        nw_volume_info info;
        nw_status status = nw_volume_peek(row->path, &info, err);
        char place[512];
        if (status != NW_OK)
            return row->line ? nw_fail_within(err, status, "%s", nw_row_place(b->list, row, place)) : status;
        s.slices = info.slices;
        s.picture = info.kind == NW_KIND_PICTURE;
        scan = info.kind == NW_KIND_SCAN;
        if (info.kind == NW_KIND_SCAN && d->pre.scale == NW_SCALE_AUTO)
            return nw_fail(err, NW_BAD_INPUT,
                           "%s: how values become 0..1 is not known for a scan; give the window, such as "
                           "-1350 to 150 HU",
                           row->path);
    }
    if (!scan && (d->options.lungs_crop || d->options.lungs_fill))
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s: lungs are found by their HU and millimetres, which this picture does not have; take scans "
            "(NIfTI, DICOM), or neither crop to the lungs nor fill outside them",
            row->path);
    d->sources[d->source_count++] = s;
    return NW_OK;
}

/* The file of every row, and its group. */
static nw_status assign(builder *b, nw_error *err)
{
    nw_dataset *d = b->data;
    for (size_t i = 0; i < d->row_count; i++) {
        const nw_row *row = &d->rows[i];
        size_t group = 0;
        NW_TRY(group_of(b, row, &group, err));
        int found = nw_strmap_get(&b->sources, row->path);
        if (found < 0) {
            NW_TRY(new_source(b, row, group, err));
            found = (int)d->source_count - 1;
            if (!nw_strmap_set(&b->sources, row->path, found)) return nw_no_memory(err, 64, b->list);
        }
        const nw_source *s = &d->sources[found];
        char place[512];
        if (s->group != group)
            return nw_fail(err, NW_BAD_INPUT,
                           "%s: %s is in group '%s' here and in '%s' before; one file is in one group",
                           nw_row_place(b->list, row, place), row->file, d->groups[group].name,
                           d->groups[s->group].name);
        nw_orient orient = row->orient < 0 ? d->pre.orient : (nw_orient)row->orient;
        if (s->orient != orient)
            return nw_fail(err, NW_BAD_INPUT, "%s: %s has orientation %s here and %s before",
                           nw_row_place(b->list, row, place), row->file, nw_orient_name(orient),
                           nw_orient_name(s->orient));
        b->row_source[i] = (size_t)found;
        d->sources[found].count++;
    }
    return NW_OK;
}

static nw_status add_item(builder *b, size_t source, size_t row_index, int64_t slice, nw_error *err)
{
    nw_dataset *d = b->data;
    const nw_row *row = &d->rows[row_index];
    size_t n = d->item_count;
    if (n == b->item_capacity) {
        size_t wanted = n ? 2 * n : 256;
        nw_sample *items = nw_realloc(d->items, wanted, sizeof *items);
        if (items) d->items = items;
        size_t *sources = nw_realloc(d->item_source, wanted, sizeof *sources);
        if (sources) d->item_source = sources;
        size_t *rows = nw_realloc(d->item_row, wanted, sizeof *rows);
        if (rows) d->item_row = rows;
        uint64_t *keys = nw_realloc(d->item_key, wanted, sizeof *keys);
        if (keys) d->item_key = keys;
        if (!items || !sources || !rows || !keys) return nw_no_memory(err, wanted * sizeof *items, b->list);
        b->item_capacity = wanted;
    }
    nw_source *s = &d->sources[source];
    d->items[n] = (nw_sample){.path = s->path,
                              .name = s->name,
                              .slice = slice,
                              .weight = (float)row->weight,
                              .group = s->group,
                              .group_name = d->groups[s->group].name,
                              .line = row->line};
    d->item_source[n] = source;
    d->item_row[n] = row_index;
    /* By the name in the list, so that a list that grows leaves the images that were there as they are. */
    d->item_key[n] = nw_hash_text(s->name) ^ ((uint64_t)slice + 1) * 0x9e3779b97f4a7c15U;
    d->item_count++;
    s->count++;
    d->groups[s->group].items++;
    return NW_OK;
}

static bool same_label(const nw_dataset *d, const nw_row *a, const nw_row *b)
{
    for (size_t i = 0; i < d->label_columns; i++)
        if (strcmp(a->cells[i], b->cells[i]) != 0) return false;
    return true;
}

/* The volume as one item. */
static nw_status whole(builder *b, size_t source, const size_t *rows, size_t count, nw_error *err)
{
    nw_dataset *d = b->data;
    nw_source *s = &d->sources[source];
    char place[512];
    for (size_t k = 0; k < count; k++) {
        const nw_row *row = &d->rows[rows[k]];
        if (row->slice >= 0)
            return nw_fail(err, NW_BAD_INPUT,
                           "%s: %s: a slice is named, but whole volumes are wanted; take no slice column",
                           nw_row_place(b->list, row, place), row->file);
        if (!same_label(d, &d->rows[rows[0]], row))
            return nw_fail(err, NW_BAD_INPUT, "%s: %s has label '%s' here and '%s' on line %zu",
                           nw_row_place(b->list, row, place), row->file, row->cells[0],
                           d->rows[rows[0]].cells[0], d->rows[rows[0]].line);
    }
    if (s->slices < 2)
        return nw_fail(err, NW_BAD_INPUT, "%s: %s is a single slice%s, whole volumes are wanted",
                       nw_row_place(b->list, &d->rows[rows[0]], place), s->path,
                       s->picture ? " (a picture)" : "");
    b->twice += count - 1;
    s->first = d->item_count;
    s->count = 0;
    return add_item(b, source, rows[0], -1, err);
}

static bool taken(const nw_dataset *d, const nw_source *s, int64_t slice)
{
    const nw_dataset_options *o = &d->options;
    if (s->picture) return true;
    double share = ((double)slice + 0.5) / (double)s->slices;
    if (o->slice_step > 1 && slice % o->slice_step != 0) return false;
    return o->slice_high == 0 || (share >= o->slice_low && share <= o->slice_high);
}

/* The slices that the rows of a source name, in the order of slices. */
static nw_status expand(builder *b, size_t source, const size_t *rows, size_t count, nw_error *err)
{
    nw_dataset *d = b->data;
    nw_source *s = &d->sources[source];
    char place[512];
    size_t *row_of = nw_calloc((size_t)s->slices, sizeof *row_of); /* 1 + index; 0: none */
    if (!row_of) return nw_no_memory(err, (size_t)s->slices * sizeof *row_of, b->list);
    nw_status status = NW_OK;
    for (size_t k = 0; status == NW_OK && k < count; k++) {
        const nw_row *row = &d->rows[rows[k]];
        if (row->slice >= s->slices)
            status = nw_fail(err, NW_BAD_INPUT, "%s: %s has no slice %lld, its slices are 0 to %lld",
                             nw_row_place(b->list, row, place), row->file, (long long)row->slice,
                             (long long)s->slices - 1);
        int64_t first = row->slice < 0 ? 0 : row->slice, last = row->slice < 0 ? s->slices - 1 : row->slice;
        for (int64_t z = first; status == NW_OK && z <= last; z++) {
            const nw_row *before = row_of[z] ? &d->rows[row_of[z] - 1] : NULL;
            if (before && !same_label(d, before, row))
                status =
                    nw_fail(err, NW_BAD_INPUT, "%s: %s, slice %lld, has label '%s' here and '%s' on line %zu",
                            nw_row_place(b->list, row, place), row->file, (long long)z, row->cells[0],
                            before->cells[0], before->line);
            else if (before)
                b->twice++;
            else
                row_of[z] = rows[k] + 1;
        }
    }
    s->first = d->item_count;
    s->count = 0;
    for (int64_t z = 0; status == NW_OK && z < s->slices; z++) {
        if (row_of[z] && taken(d, s, z))
            status = add_item(b, source, row_of[z] - 1, z, err);
        else if (row_of[z])
            b->dropped++;
    }
    nw_free(row_of);
    return status;
}

static nw_status expand_all(builder *b, nw_error *err)
{
    nw_dataset *d = b->data;
    size_t *start = nw_calloc(d->source_count + 1, sizeof *start);
    if (!start) return nw_no_memory(err, d->source_count * sizeof *start, b->list);
    for (size_t s = 0; s < d->source_count; s++) start[s + 1] = start[s] + d->sources[s].count;
    for (size_t i = 0; i < d->row_count; i++) b->rows[start[b->row_source[i]]++] = i;
    nw_status status = NW_OK;
    for (size_t s = 0; status == NW_OK && s < d->source_count; s++) {
        size_t begin = s ? start[s - 1] : 0;
        status = (d->pre.depth ? whole : expand)(b, s, b->rows + begin, start[s] - begin, err);
    }
    nw_free(start);
    return status;
}

nw_status nw_dataset_items(nw_dataset *data, const char *source, nw_error *err)
{
    builder b = {.data = data, .list = source};
    b.row_source = nw_calloc(data->row_count, sizeof *b.row_source);
    b.rows = nw_calloc(data->row_count, sizeof *b.rows);
    nw_status status = b.row_source && b.rows ? assign(&b, err)
                                              : nw_no_memory(err, data->row_count * sizeof(size_t), source);
    if (status == NW_OK) status = expand_all(&b, err);
    if (status == NW_OK && !data->item_count)
        status =
            nw_fail(err, NW_BAD_INPUT, "%s: no slice is left by the step and the share of the stack", source);
    if (status == NW_OK && b.dropped)
        nw_strings_add(&data->notes, "%zu slices are left out by the step and the share of the stack",
                       b.dropped);
    if (status == NW_OK && b.twice)
        nw_strings_add(&data->warnings, "%zu images are listed twice with the same label; each counts once",
                       b.twice);
    nw_strmap_clear(&b.sources);
    nw_strmap_clear(&b.groups);
    nw_free(b.row_source);
    nw_free(b.rows);
    return status;
}
