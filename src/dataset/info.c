/* What a dataset holds, and the names of tasks and splits. */
#include "dataset/dataset.h"

#include <math.h>

#include <string.h>
#include <strings.h>

static const char *const tasks[] = {
#define TASK_NAME(NAME, name, text) name,
    NW_TASK_LIST(TASK_NAME)
#undef TASK_NAME
};
static const char *const splits[NW_SPLITS] = {"train", "val", "test"};

const char *nw_task_name(nw_task task)
{
    return (unsigned)task < sizeof tasks / sizeof *tasks ? tasks[task] : "unknown";
}

nw_status nw_task_parse(const char *name, nw_task *task, nw_error *err)
{
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(name, tasks[i]) == 0) {
            *task = (nw_task)i;
            return NW_OK;
        }
    return nw_fail(err, NW_USAGE, "task '%s'; classes, binary, multilabel and regression are known", name);
}

const char *nw_split_name(nw_split split)
{
    return (unsigned)split < NW_SPLITS ? splits[split] : "unknown";
}

nw_status nw_split_parse(const char *name, nw_split *split, nw_error *err)
{
    static const struct {
        const char *name;
        nw_split split;
    } words[] = {{"train", NW_SPLIT_TRAIN}, {"training", NW_SPLIT_TRAIN}, {"val", NW_SPLIT_VAL},
                 {"valid", NW_SPLIT_VAL},   {"validation", NW_SPLIT_VAL}, {"test", NW_SPLIT_TEST},
                 {"testing", NW_SPLIT_TEST}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(name, words[i].name) == 0) {
            *split = words[i].split;
            return NW_OK;
        }
    return nw_fail(err, NW_USAGE, "split '%s'; train, val and test are known", name);
}

nw_task nw_dataset_task(const nw_dataset *data)
{
    return data->task;
}

int nw_dataset_per_study(const nw_dataset *data)
{
    return data->options.per_study != 0;
}

size_t nw_dataset_outputs(const nw_dataset *data)
{
    return data->outputs;
}

size_t nw_dataset_class_count(const nw_dataset *data)
{
    return data->class_count;
}

const char *nw_dataset_class_name(const nw_dataset *data, size_t i)
{
    return i < data->class_count ? data->classes[i] : NULL;
}

const nw_preprocess *nw_dataset_preprocess(const nw_dataset *data)
{
    return &data->pre;
}

const nw_lung_view *nw_dataset_lungs(const nw_dataset *data)
{
    return data->lungs.crop || data->lungs.fill ? &data->lungs : NULL;
}

nw_status nw_dataset_normalise(nw_dataset *data, const double *mean, const double *std, nw_error *err)
{
    int channels = data->pre.channels;
    for (int c = 0; c < channels; c++)
        if (!isfinite(mean[c]) || !isfinite(std[c]) || !(std[c] > 0))
            return nw_fail(err, NW_USAGE, "mean %g and deviation %g of channel %d cannot be", mean[c], std[c],
                           c);
    data->pre.mean_count = data->pre.std_count = channels;
    for (int c = 0; c < channels; c++) {
        data->pre.mean[c] = mean[c];
        data->pre.std[c] = std[c];
    }
    return NW_OK;
}

size_t nw_dataset_group_count(const nw_dataset *data)
{
    return data->group_count;
}

size_t nw_dataset_split_groups(const nw_dataset *data, nw_split split)
{
    size_t count = 0;
    for (size_t g = 0; g < data->group_count; g++) count += data->groups[g].split == (int)split;
    return count;
}

size_t nw_dataset_members(const nw_dataset *data, nw_split split, size_t class_index)
{
    size_t count = 0;
    if ((unsigned)split >= NW_SPLITS || class_index >= data->class_count) return 0;
    for (size_t i = 0; i < data->split_count[split]; i++) {
        const nw_sample *item = &data->items[data->split_items[split][i]];
        if (data->task == NW_TASK_MULTILABEL)
            count += item->target[class_index] > 0;
        else
            count += item->class_index == (int)class_index;
    }
    return count;
}

const char *nw_dataset_note(const nw_dataset *data, size_t i)
{
    return i < data->notes.count ? data->notes.list[i] : NULL;
}

const char *nw_dataset_warning(const nw_dataset *data, size_t i)
{
    return i < data->warnings.count ? data->warnings.list[i] : NULL;
}

const char *nw_dataset_digest(const nw_dataset *data)
{
    return data->digest;
}

size_t nw_dataset_count(const nw_dataset *data, nw_split split)
{
    return (unsigned)split < NW_SPLITS ? data->split_count[split] : 0;
}

const nw_sample *nw_dataset_sample(const nw_dataset *data, nw_split split, size_t i)
{
    return &data->items[data->split_items[split][i]];
}

size_t nw_dataset_bag_count(const nw_dataset *data, nw_split split)
{
    return (unsigned)split < NW_SPLITS ? data->bag_count[split] : 0;
}

const nw_bag *nw_dataset_bag(const nw_dataset *data, nw_split split, size_t i)
{
    return &data->bags[split][i];
}
