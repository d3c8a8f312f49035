/* Labelled lists over arbitrary bytes: CSV, columns, labels, tasks, splits, studies, orders. Files are not
 * opened: every row is taken for a picture that is there. The first two bytes choose options. */
#include "dataset/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const nw_dataset *d, nw_error *err)
{
    size_t total = 0, indices[64];
    for (int s = 0; s < NW_SPLITS; s++) {
        size_t count = nw_dataset_count(d, (nw_split)s), in_bags = 0;
        total += count;
        for (size_t i = 0; i < count; i++) {
            const nw_sample *item = nw_dataset_sample(d, (nw_split)s, i);
            if (item->group >= d->group_count || d->groups[item->group].split != s) abort();
            if (item->bag >= nw_dataset_bag_count(d, (nw_split)s)) abort();
            for (size_t o = 0; o < nw_dataset_outputs(d); o++)
                if (!isfinite(item->target[o])) abort();
        }
        for (size_t b = 0; b < nw_dataset_bag_count(d, (nw_split)s); b++)
            in_bags += nw_dataset_bag(d, (nw_split)s, b)->count;
        if (in_bags != count) abort();
        for (int balance = 0; balance < 2; balance++)
            if (nw_dataset_order(d, (nw_split)s, balance, 1, 2, indices, 64, err) == NW_OK)
                for (int i = 0; i < 64; i++)
                    if (indices[i] >= count) abort();
    }
    if (total != d->item_count || strlen(nw_dataset_digest(d)) != 64) abort();
}

static nw_status build(nw_dataset *d, nw_error *err)
{
    NW_TRY(nw_dataset_parse(d, "fuzz", err));
    for (size_t i = 0; i < d->row_count; i++) {
        d->rows[i].path = nw_strings_add(&d->strings, "%s.png", d->rows[i].file);
        if (!d->rows[i].path) return nw_no_memory(err, 1, "fuzz");
    }
    return nw_dataset_build(d, "fuzz", err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    nw_dataset_options o = {.pre = {.channels = 1, .height = 8, .width = 8}};
    o.task_given = data[0] & 1;
    o.task = (nw_task)(data[0] >> 1 & 3);
    o.straddle = (nw_straddle)((data[0] >> 3 & 3) % 3);
    o.per_study = data[0] >> 5 & 1;
    if (data[0] & 64) o.label_column = "a,b";
    if (data[0] & 128) o.split_column = "";
    o.folds = data[1] & 1 ? 3 : 0;
    o.val_share = data[1] & 2 ? 0.3 : 0;
    o.test_share = data[1] & 4 && !o.folds ? 0.3 : 0;
    if (data[1] & 8) o.group_column = "";
    if (data[1] & 16) o.bag_column = "b";
    static const char *const classes[] = {"x", "y", "1"};
    if (data[1] & 32) o.classes = classes, o.class_count = 3;
    nw_error err = {0};
    nw_dataset *d;
    if (nw_dataset_new(&o, &d, &err) != NW_OK) abort();
    d->text.size = size - 2;
    d->text.data = nw_calloc(size - 1, 1);
    if (!d->text.data) abort();
    memcpy(d->text.data, data + 2, size - 2);
    if (build(d, &err) == NW_OK)
        check(d, &err);
    else if (!err.message[0])
        abort();
    nw_dataset_free(d);
    return 0;
}
