/* Which split every group is in. Groups are never parted. */
#include "dataset/dataset.h"
#include "dataset/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 4, MOST_PARTS = 1000 };

/* Kinds of groups that every split should have its share of: the class most of its images have, the rarest of
 * its labels, or the quarter that the mean of its numbers is in. */
typedef struct strata {
    double *sums; /* [groups][outputs + 1] */
    size_t width;
    int count;
} strata;

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double mean_of(const nw_dataset *d, const strata *s, size_t g)
{
    return d->groups[g].items ? s->sums[g * s->width] / (double)d->groups[g].items : 0;
}

static nw_status quarters(nw_dataset *d, strata *s, nw_error *err)
{
    double *means = nw_calloc(d->group_count, sizeof *means);
    if (!means) return nw_no_memory(err, d->group_count * sizeof *means, "groups");
    for (size_t g = 0; g < d->group_count; g++) means[g] = mean_of(d, s, g);
    qsort(means, d->group_count, sizeof *means, by_number);
    s->count = BINS;
    for (size_t g = 0; g < d->group_count; g++) {
        double mean = mean_of(d, s, g);
        int bin = 0;
        while (bin < BINS - 1 && mean >= means[(size_t)(bin + 1) * d->group_count / BINS]) bin++;
        d->groups[g].stratum = bin;
    }
    nw_free(means);
    return NW_OK;
}

static nw_status stratify(nw_dataset *d, strata *s, nw_error *err)
{
    s->width = d->class_count + 1;
    s->sums = nw_calloc(d->group_count * s->width, sizeof *s->sums);
    double *totals = nw_calloc(s->width, sizeof *totals);
    nw_status status = NW_OK;
    if (!s->sums || !totals) {
        status = nw_no_memory(err, d->group_count * s->width * sizeof(double), "groups");
    } else {
        for (size_t i = 0; i < d->item_count; i++) {
            const nw_sample *item = &d->items[i];
            double *sum = s->sums + item->group * s->width;
            if (item->class_index >= 0)
                sum[item->class_index] += 1;
            else
                for (size_t o = 0; o < d->outputs; o++) sum[o] += (double)item->target[o];
        }
        for (size_t g = 0; g < d->group_count; g++)
            for (size_t c = 0; c < d->class_count; c++) totals[c] += s->sums[g * s->width + c];
        s->count = (int)d->class_count + 1;
        for (size_t g = 0; g < d->group_count; g++) {
            const double *sum = s->sums + g * s->width;
            size_t best = d->class_count;
            for (size_t c = 0; c < d->class_count; c++) {
                if (sum[c] <= 0) continue;
                bool better = best == d->class_count ||
                              (d->task == NW_TASK_MULTILABEL ? totals[c] < totals[best] : sum[c] > sum[best]);
                if (better) best = c;
            }
            d->groups[g].stratum = (int)best;
        }
        if (d->task == NW_TASK_REGRESSION) status = quarters(d, s, err);
    }
    nw_free(totals);
    return status;
}

typedef struct turn {
    uint64_t draw;
    size_t group;
    const char *name;
} turn;

static int by_draw(const void *a, const void *b)
{
    const turn *x = a, *y = b;
    if (x->draw != y->draw) return x->draw < y->draw ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Deals the groups with part[g] < 0 to parts with these shares: in an order that (seed, group) gives, each to
 * the part that lacks most of its stratum, then most in all. */
static nw_status deal(nw_dataset *d, const double *shares, int parts, int *part, nw_error *err)
{
    strata s = {0};
    turn *turns = nw_calloc(d->group_count, sizeof *turns);
    double *have = NULL;
    nw_status status =
        turns ? stratify(d, &s, err) : nw_no_memory(err, d->group_count * sizeof *turns, "groups");
    size_t width = (size_t)parts + 1, count = 0; /* the last one counts all */
    if (status == NW_OK) {
        have = nw_calloc(((size_t)s.count + 1) * width, sizeof *have);
        if (!have) status = nw_no_memory(err, (size_t)s.count * width * sizeof *have, "groups");
    }
    for (size_t g = 0; status == NW_OK && g < d->group_count; g++) {
        if (part[g] >= 0) continue;
        nw_stream stream = nw_stream_start(d->options.seed, NW_PURPOSE_DEAL, 0, d->groups[g].hash);
        turns[count++] = (turn){nw_stream_next(&stream), g, d->groups[g].name};
    }
    if (count) qsort(turns, count, sizeof *turns, by_draw);
    for (size_t i = 0; i < count; i++) {
        const nw_group *group = &d->groups[turns[i].group];
        double *own = have + (size_t)group->stratum * width, *all = have + (size_t)s.count * width;
        double size = (double)group->items, most = -INFINITY, most_all = -INFINITY;
        int best = 0;
        for (int p = 0; p < parts; p++) {
            double lack = shares[p] * (own[parts] + size) - own[p],
                   lack_all = shares[p] * (all[parts] + size) - all[p];
            bool tie = fabs(lack - most) < 1e-9 * size;
            if (shares[p] > 0 && (tie ? lack_all > most_all : lack > most)) {
                most = lack;
                most_all = lack_all;
                best = p;
            }
        }
        part[turns[i].group] = best;
        own[best] += size;
        own[parts] += size;
        all[best] += size;
        all[parts] += size;
    }
    /* A part that was asked for and got nothing takes the last group of a part that can spare it. */
    for (int p = 0; p < parts && count; p++) {
        if (shares[p] <= 0 || have[(size_t)s.count * width + (size_t)p] > 0) continue;
        for (size_t i = count; i-- > 0;) {
            int from = part[turns[i].group];
            size_t left = 0;
            for (size_t k = 0; k < count; k++) left += part[turns[k].group] == from;
            if (left < 2) continue;
            part[turns[i].group] = p;
            have[(size_t)s.count * width + (size_t)p] += 1;
            break;
        }
    }
    nw_free(have);
    nw_free(s.sums);
    nw_free(turns);
    return status;
}

/* Parts the training groups: some of them go to `split`. */
static nw_status part_off(nw_dataset *d, double share, nw_split split, nw_error *err)
{
    int *part = nw_calloc(d->group_count, sizeof *part);
    if (!part) return nw_no_memory(err, d->group_count * sizeof *part, "groups");
    for (size_t g = 0; g < d->group_count; g++) part[g] = d->groups[g].split == NW_SPLIT_TRAIN ? -1 : 0;
    const double shares[2] = {1 - share, share};
    nw_status status = deal(d, shares, 2, part, err);
    for (size_t g = 0; status == NW_OK && g < d->group_count; g++)
        if (part[g] == 1) d->groups[g].split = (int)split;
    nw_free(part);
    return status;
}

static nw_status deal_folds(nw_dataset *d, const char *source, nw_error *err)
{
    int folds = d->options.folds;
    if ((size_t)folds > d->group_count)
        return nw_fail(err, NW_BAD_INPUT, "%s: %zu groups cannot be %d folds", source, d->group_count, folds);
    int *part = nw_calloc(d->group_count, sizeof *part);
    if (!part) return nw_no_memory(err, d->group_count * sizeof *part, source);
    double shares[MOST_PARTS];
    for (int p = 0; p < folds; p++) shares[p] = 1.0 / folds;
    for (size_t g = 0; g < d->group_count; g++) part[g] = -1;
    nw_status status = deal(d, shares, folds, part, err);
    for (size_t g = 0; status == NW_OK && g < d->group_count; g++)
        d->groups[g].split = part[g] == d->options.fold ? NW_SPLIT_TEST : NW_SPLIT_TRAIN;
    nw_free(part);
    return status;
}

static size_t groups_in(const nw_dataset *d, nw_split split)
{
    size_t count = 0;
    for (size_t g = 0; g < d->group_count; g++)
        count += d->groups[g].split == (int)split && d->groups[g].items;
    return count;
}

static nw_status deal_shares(nw_dataset *d, const char *source, nw_error *err)
{
    const nw_dataset_options *o = &d->options;
    double test = groups_in(d, NW_SPLIT_TEST) ? 0 : o->test_share,
           val = groups_in(d, NW_SPLIT_VAL) ? 0 : o->val_share;
    size_t train = groups_in(d, NW_SPLIT_TRAIN), wanted = (size_t)(test > 0) + (size_t)(val > 0);
    if (wanted && train <= wanted)
        return nw_fail(err, NW_BAD_INPUT, "%s: %zu groups cannot be parted into %zu splits", source, train,
                       wanted + 1);
    if (test > 0) NW_TRY(part_off(d, test, NW_SPLIT_TEST, err));
    /* Its share is of all that was there before the test was taken. */
    if (val > 0) NW_TRY(part_off(d, val / (1 - test), NW_SPLIT_VAL, err));
    if (o->val_share > 0 && val == 0)
        nw_strings_add(&d->notes, "the validation split is the list's own; the share of %g was not used",
                       o->val_share);
    if (o->test_share > 0 && test == 0)
        nw_strings_add(&d->notes, "the test split is the list's own; the share of %g was not used",
                       o->test_share);
    return NW_OK;
}

/* The items of each split, in their order. */
static nw_status collect(nw_dataset *d, nw_error *err)
{
    for (size_t i = 0; i < d->item_count; i++) d->split_count[d->groups[d->items[i].group].split]++;
    for (int s = 0; s < NW_SPLITS; s++) {
        d->split_items[s] = nw_calloc(d->split_count[s], sizeof *d->split_items[s]);
        if (!d->split_items[s]) return nw_no_memory(err, d->split_count[s] * sizeof(size_t), "splits");
        d->split_count[s] = 0;
    }
    for (size_t i = 0; i < d->item_count; i++) {
        int s = d->groups[d->items[i].group].split;
        d->split_items[s][d->split_count[s]++] = i;
    }
    return NW_OK;
}

nw_status nw_dataset_deal(nw_dataset *data, const char *source, nw_error *err)
{
    if (data->options.folds && data->has_split)
        return nw_fail(
            err, NW_USAGE,
            "%s: has splits of its own, so folds would mix its test into the training; take no split column "
            "(\"\") to ignore them",
            source);
    for (size_t g = 0; g < data->group_count; g++)
        if (data->groups[g].split < 0) data->groups[g].split = NW_SPLIT_TRAIN;
    if (data->options.folds) {
        NW_TRY(deal_folds(data, source, err));
        if (data->options.val_share > 0) NW_TRY(part_off(data, data->options.val_share, NW_SPLIT_VAL, err));
    } else {
        NW_TRY(deal_shares(data, source, err));
    }
    return collect(data, err);
}
