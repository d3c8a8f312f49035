/* The images of a step: read, augmented, and their targets. */
#include "base/parallel.h"
#include "dataset/random.h"
#include "train/mixup.h"
#include "train/trainer.h"

#include <string.h>

typedef struct item {
    size_t sample;
    uint64_t
        draw; /* what the augmentation is drawn for: the epoch, and how often the image came before in it */
} item;

enum { EPOCH_BITS = 16, REPEATS = 1 << 12 }; /* dataset/random.h counts epochs below 2^28 */

/* Slice j of the `per` that a step takes of a study of `count`: drawn from the j-th part of the stack. */
static size_t drawn_slice(const nw_trainer *t, size_t study, uint64_t draw, size_t j, size_t per,
                          size_t count)
{
    nw_stream stream = nw_stream_start(t->s.o.seed, NW_PURPOSE_SLICES, draw, (uint64_t)study * per + j);
    double at = ((double)j + nw_stream_unit(&stream)) * (double)count / (double)per;
    size_t slice = (size_t)at;
    return slice < count ? slice : count - 1;
}

static item item_of(const nw_trainer *t, int64_t at, size_t i)
{
    size_t per = (size_t)t->per_row, row = i / per, place = (size_t)(at * t->rows) + row;
    uint64_t draw = (uint64_t)t->epoch | (uint64_t)(t->repeats[place] % REPEATS) << EPOCH_BITS;
    if (!t->s.pooling) return (item){t->order[place], draw};
    const nw_bag *bag = nw_dataset_bag(t->data, NW_SPLIT_TRAIN, t->order[place]);
    return (item){bag->items[drawn_slice(t, t->order[place], draw, i % per, per, bag->count)], draw};
}

typedef struct load_context {
    nw_trainer *t;
    int64_t at;
    nw_status *status; /* [images of a step] */
    nw_error *errors;
} load_context;

static void load(void *context, size_t begin, size_t end)
{
    const load_context *c = context;
    nw_trainer *t = c->t;
    for (size_t i = begin; i < end; i++) {
        item one = item_of(t, c->at, i);
        c->status[i] = nw_dataset_load(t->data, NW_SPLIT_TRAIN, one.sample, &t->s.o.augment, t->s.o.seed,
                                       one.draw, t->input + (int64_t)i * t->image, &c->errors[i]);
    }
}

static void set_targets(nw_trainer *t, int64_t at)
{
    double s = t->s.o.smoothing;
    int64_t k = t->outputs;
    for (int64_t row = 0; row < t->rows; row++) {
        size_t place = t->order[at * t->rows + row];
        const nw_sample *sample = nw_dataset_sample(
            t->data, NW_SPLIT_TRAIN,
            t->s.pooling ? nw_dataset_bag(t->data, NW_SPLIT_TRAIN, place)->items[0] : place);
        float *target = t->targets + row * k;
        t->weights[row] = sample->weight;
        for (int64_t i = 0; i < k; i++) {
            double value = (double)sample->target[i];
            if (nw_dataset_task(t->data) == NW_TASK_REGRESSION)
                value = t->s.transform->forward(value);
            else if (nw_dataset_task(t->data) == NW_TASK_CLASSES)
                value = value * (1 - s) + s / (double)k; /* Szegedy et al., CVPR 2016, section 7 */
            else
                value = value * (1 - s) + s / 2;
            target[i] = (float)value;
        }
    }
}

nw_status nw_train_batch(nw_trainer *t, int64_t at, nw_error *err)
{
    size_t images = (size_t)(t->rows * t->per_row);
    load_context c = {.t = t, .at = at, .status = t->load_status, .errors = t->load_errors};
    int before = nw_threads_set(t->s.o.threads);
    nw_parallel(images, 1, load, &c);
    nw_threads_set(before);
    for (size_t i = 0; i < images; i++)
        if (c.status[i] != NW_OK) {
            if (err) *err = c.errors[i];
            return c.status[i];
        }
    set_targets(t, at);
    if (t->s.o.mixup > 0)
        return nw_mixup(t->input, t->targets, t->rows, t->per_row * t->image, t->outputs, t->s.o.mixup,
                        t->s.o.seed, (uint64_t)t->step, t->mixing, NULL, err);
    return NW_OK;
}
