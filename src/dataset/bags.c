/* The images of one study, and what is wrong or doubtful with a whole list. */
#include "base/strmap.h"
#include "dataset/dataset.h"

#include <string.h>

static nw_status bags_of(nw_dataset *d, int split, nw_strmap *names, size_t *bag_of, nw_error *err)
{
    size_t count = d->split_count[split], found = 0;
    d->bags[split] = nw_calloc(count, sizeof *d->bags[split]);
    d->bag_items[split] = nw_calloc(count, sizeof *d->bag_items[split]);
    if (!d->bags[split] || !d->bag_items[split]) return nw_no_memory(err, count * sizeof(nw_bag), "studies");
    nw_bag *bags = d->bags[split];
    for (size_t i = 0; i < count; i++) {
        size_t item = d->split_items[split][i];
        const char *named = d->rows[d->item_row[item]].bag, *name = *named ? named : d->items[item].name;
        int bag = nw_strmap_get(names, name);
        if (bag < 0) {
            bag = (int)found++;
            bags[bag].name = name;
            if (!nw_strmap_set(names, name, bag)) return nw_no_memory(err, 64, "studies");
        }
        bag_of[i] = (size_t)bag;
        bags[bag].count++;
        d->items[item].bag = (size_t)bag;
    }
    size_t at = 0;
    for (size_t b = 0; b < found; b++) {
        bags[b].items = d->bag_items[split] + at;
        at += bags[b].count;
        bags[b].count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        nw_bag *bag = &bags[bag_of[i]];
        d->bag_items[split][(size_t)(bag->items - d->bag_items[split]) + bag->count++] = i;
    }
    d->bag_count[split] = found;
    return NW_OK;
}

static nw_status check_bags(const nw_dataset *d, int split, const char *source, nw_error *err)
{
    for (size_t b = 0; b < d->bag_count[split]; b++) {
        const nw_bag *bag = &d->bags[split][b];
        const nw_sample *first = nw_dataset_sample(d, (nw_split)split, bag->items[0]);
        for (size_t i = 1; i < bag->count; i++) {
            const nw_sample *other = nw_dataset_sample(d, (nw_split)split, bag->items[i]);
            char place[512];
            const nw_row *row = &d->rows[d->item_row[d->split_items[split][bag->items[i]]]];
            if (memcmp(first->target, other->target, d->outputs * sizeof *first->target) != 0)
                return nw_fail(
                    err, NW_BAD_INPUT,
                    "%s: %s has label '%s', another image of study '%s' has '%s'; labels of a study must be "
                    "the same where they belong to studies",
                    nw_row_place(source, row, place), other->name, other->label, bag->name, first->label);
        }
    }
    return NW_OK;
}

nw_status nw_dataset_make_bags(nw_dataset *data, const char *source, nw_error *err)
{
    size_t *bag_of = nw_calloc(data->item_count, sizeof *bag_of);
    nw_status status = bag_of ? NW_OK : nw_no_memory(err, data->item_count * sizeof *bag_of, source);
    for (int s = 0; s < NW_SPLITS && status == NW_OK; s++) {
        nw_strmap names = {0};
        status = bags_of(data, s, &names, bag_of, err);
        nw_strmap_clear(&names);
        if (status == NW_OK && data->options.per_study) status = check_bags(data, s, source, err);
    }
    nw_free(bag_of);
    return status;
}

static nw_status check_numbers(const nw_dataset *d, const char *source, nw_error *err)
{
    for (size_t o = 0; o < d->outputs; o++) {
        bool differ = false;
        for (size_t i = 1; i < d->split_count[0]; i++)
            differ |= nw_dataset_sample(d, NW_SPLIT_TRAIN, i)->target[o] !=
                      nw_dataset_sample(d, NW_SPLIT_TRAIN, 0)->target[o];
        if (!differ)
            return nw_fail(
                err, NW_BAD_INPUT,
                "%s: all numbers of '%s' in the training split are the same; there is nothing to learn",
                source, d->classes[o]);
    }
    return NW_OK;
}

static nw_status check_train(nw_dataset *d, const char *source, nw_error *err)
{
    size_t count = d->split_count[NW_SPLIT_TRAIN];
    if (!count) return NW_OK;
    if (d->task == NW_TASK_REGRESSION) return check_numbers(d, source, err);
    size_t present = 0, last = 0;
    for (size_t c = 0; c < d->class_count; c++) {
        size_t members = nw_dataset_members(d, NW_SPLIT_TRAIN, c);
        bool both = d->task != NW_TASK_MULTILABEL || members < count;
        if (members) last = c;
        present += members && both;
        if (!members)
            nw_strings_add(&d->warnings, "no image of '%s' is in the training split", d->classes[c]);
        else if (!both)
            nw_strings_add(&d->warnings, "every image of the training split has '%s'", d->classes[c]);
    }
    if (d->task == NW_TASK_MULTILABEL ? present == 0 : present < 2)
        return nw_fail(
            err, NW_BAD_INPUT,
            d->task == NW_TASK_MULTILABEL
                ? "%s: no label tells images of the training split apart (%s)"
                : "%s: all images of the training split are of one class (%s); there is nothing to learn",
            source, d->class_count ? d->classes[last] : "none");
    return NW_OK;
}

/* Resizing without antialiasing takes two slices for each of the network's, and passes over the others. */
static void tell_depth(nw_dataset *d)
{
    if (!d->pre.depth || !d->source_count) return;
    int64_t most = d->sources[0].slices, least = most;
    for (size_t i = 1; i < d->source_count; i++) {
        most = d->sources[i].slices > most ? d->sources[i].slices : most;
        least = d->sources[i].slices < least ? d->sources[i].slices : least;
    }
    if (least != d->pre.depth || most != d->pre.depth)
        nw_strings_add(&d->notes, "scans have %lld to %lld slices, each becomes %lld", (long long)least,
                       (long long)most, (long long)d->pre.depth);
    if (d->pre.antialias || most <= 2 * d->pre.depth) return;
    nw_strings_add(
        &d->warnings,
        "scans have up to %lld slices, of which a depth of %lld takes up to %lld; antialiasing takes "
        "them all",
        (long long)most, (long long)d->pre.depth, (long long)(2 * d->pre.depth));
}

nw_status nw_dataset_check(nw_dataset *data, const char *source, nw_error *err)
{
    NW_TRY(check_train(data, source, err));
    for (int s = NW_SPLIT_VAL; s < NW_SPLITS; s++) {
        if (!data->split_count[s] || data->task == NW_TASK_REGRESSION) continue;
        for (size_t c = 0; c < data->class_count; c++)
            if (!nw_dataset_members(data, (nw_split)s, c))
                nw_strings_add(&data->warnings, "no image of '%s' is in the %s split", data->classes[c],
                               nw_split_name((nw_split)s));
    }
    if (!data->has_group && data->source_count > 1)
        nw_strings_add(&data->warnings,
                       "there is no group column: images of one patient may be on both sides of a split");
    double total = 0;
    for (size_t i = 0; i < data->split_count[NW_SPLIT_TRAIN]; i++)
        total += (double)nw_dataset_sample(data, NW_SPLIT_TRAIN, i)->weight;
    if (data->split_count[NW_SPLIT_TRAIN] && total <= 0)
        return nw_fail(err, NW_BAD_INPUT, "%s: all weights of the training split are 0", source);
    tell_depth(data);
    size_t bytes = data->item_count * nw_dataset_size(data) * sizeof(float);
    if (bytes > data->limit)
        nw_strings_add(
            &data->warnings,
            "the images take %.1f GB, %.1f GB of memory are allowed for them: the others are read from their "
            "files every time",
            (double)bytes / 1e9, (double)data->limit / 1e9);
    return NW_OK;
}
