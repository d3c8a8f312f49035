/* In which order images are learned from. */
#include "dataset/dataset.h"
#include "dataset/random.h"

#include <string.h>

/* A permutation of members[count], begun again with another one whenever it is through. */
typedef struct deck {
    size_t *members;
    size_t count, capacity, at;
} deck;

static size_t draw(deck *d, nw_stream *s)
{
    if (d->at == 0) nw_stream_shuffle(s, d->members, d->count);
    size_t drawn = d->members[d->at++];
    if (d->at == d->count) d->at = 0;
    return drawn;
}

static nw_status add(deck *d, size_t member, nw_error *err)
{
    if (!NW_GROW(d->members, d->capacity, d->count)) return nw_no_memory(err, sizeof member, "an order");
    d->members[d->count++] = member;
    return NW_OK;
}

/* Item that stands for unit i: itself, or the first of bag i. */
static const nw_sample *item_of(const nw_dataset *data, nw_split split, bool bags, size_t i)
{
    return nw_dataset_sample(data, split, bags ? data->bags[split][i].items[0] : i);
}

/* One deck for all, or one for each class; of several labels one for each and one for none of them. */
static nw_status fill(const nw_dataset *data, nw_split split, bool bags, bool balance, deck *decks,
                      nw_error *err)
{
    size_t units = bags ? data->bag_count[split] : data->split_count[split];
    for (size_t i = 0; i < units; i++) {
        const nw_sample *item = item_of(data, split, bags, i);
        if (!balance) {
            NW_TRY(add(&decks[0], i, err));
        } else if (data->task == NW_TASK_MULTILABEL) {
            bool any = false;
            for (size_t c = 0; c < data->class_count; c++)
                if (item->target[c] > 0) {
                    NW_TRY(add(&decks[c], i, err));
                    any = true;
                }
            if (!any) NW_TRY(add(&decks[data->class_count], i, err));
        } else {
            NW_TRY(add(&decks[item->class_index], i, err));
        }
    }
    return NW_OK;
}

static nw_status deal(deck *decks, size_t count, nw_stream *s, size_t *indices, size_t wanted, nw_error *err)
{
    deck turns = {0};
    nw_status status = NW_OK;
    for (size_t c = 0; status == NW_OK && c < count; c++)
        if (decks[c].count) status = add(&turns, c, err);
    for (size_t i = 0; status == NW_OK && i < wanted; i++) indices[i] = draw(&decks[draw(&turns, s)], s);
    nw_free(turns.members);
    return status;
}

static nw_status order(const nw_dataset *data, nw_split split, bool bags, int balance, uint64_t seed,
                       uint64_t epoch, size_t *indices, size_t count, nw_error *err)
{
    if ((unsigned)split >= NW_SPLITS || !data->split_count[split])
        return nw_fail(err, NW_USAGE, "there is no image in the %s split", nw_split_name(split));
    if (balance && data->task == NW_TASK_REGRESSION)
        return nw_fail(err, NW_USAGE, "numbers have no classes that could come equally often");
    size_t decks = balance ? data->class_count + 1 : 1;
    deck *list = nw_calloc(decks, sizeof *list);
    if (!list) return nw_no_memory(err, decks * sizeof *list, "an order");
    nw_stream stream = nw_stream_start(seed, NW_PURPOSE_ORDER, epoch, (uint64_t)split);
    nw_status status = fill(data, split, bags, balance != 0, list, err);
    if (status == NW_OK) status = deal(list, decks, &stream, indices, count, err);
    for (size_t c = 0; c < decks; c++) nw_free(list[c].members);
    nw_free(list);
    return status;
}

nw_status nw_dataset_order(const nw_dataset *data, nw_split split, int balance, uint64_t seed, uint64_t epoch,
                           size_t *indices, size_t count, nw_error *err)
{
    return order(data, split, false, balance, seed, epoch, indices, count, err);
}

nw_status nw_dataset_bag_order(const nw_dataset *data, nw_split split, int balance, uint64_t seed,
                               uint64_t epoch, size_t *indices, size_t count, nw_error *err)
{
    return order(data, split, true, balance, seed, epoch, indices, count, err);
}
