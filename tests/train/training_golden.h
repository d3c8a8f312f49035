/* Trainings whose losses PyTorch has computed (scripts/make_training_goldens.py), run again here. */
#ifndef NW_TESTS_TRAIN_TRAINING_GOLDEN_H
#define NW_TESTS_TRAIN_TRAINING_GOLDEN_H

#include "train.h"

#include "support/json_golden.h"

#include <math.h>

/* As hashed() of the script. */
static inline float train_hashed(uint32_t i)
{
    uint32_t u = i * 2654435761U + 40503U;
    u = (u ^ u >> 15) * 2246822519U;
    u = (u ^ u >> 13) * 3266489917U;
    return ((float)((u ^ u >> 16) >> 24) - 127.5F) / 64;
}

static inline const char *golden_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text) fail_msg("the golden has no text '%s'", key);
    return text;
}

/* The script's images, as tensors that go in as they are. */
static inline nw_dataset *golden_images(int count, int side)
{
    static train_list list;
    float *x = malloc((size_t)(side * side) * sizeof *x);
    assert_non_null(x);
    list.used = 0;
    train_add(&list, "file,label,split\n");
    for (int n = 0; n < count; n++) {
        char name[32];
        snprintf(name, sizeof name, "%d-%d.npy", side, n);
        for (int i = 0; i < side * side; i++) {
            bool left = i % side < side / 2, odd = n % 2;
            float noise = train_hashed((uint32_t)(n * side * side + i)) * (float)(n / 2 % 4 + 1) / 2;
            x[i] = noise + (left == odd ? 0.5F : -0.5F);
        }
        must(nw_npy_write(data_path(name), 3, (int64_t[]){1, side, side}, x, err));
        train_add(&list, "%s,%d,train\n", name, n % 2);
    }
    free(x);
    nw_dataset_options how = {.pre = {.channels = 1, .height = side, .width = side}};
    how.task_given = 1;
    how.task = NW_TASK_CLASSES;
    return data_open(data_list(list.text), &how);
}

static inline nw_train_options golden_options(const json_t *c, size_t steps)
{
    nw_train_options o;
    nw_train_options_init(&o);
    o.epochs = (int64_t)steps;
    o.batch = (int64_t)golden_number(c, "images");
    o.optimiser = golden_text(c, "optimiser");
    o.rate = golden_number(c, "rate");
    o.weight_decay = golden_number(c, "weight_decay");
    if (json_object_get(c, "momentum")) o.momentum = golden_number(c, "momentum");
    o.smoothing = golden_number(c, "smoothing");
    o.schedule = "constant";
    o.warmup = 0;
    o.threads = 1;
    return o;
}

/* The largest difference, relative to the loss or to 0.1 where it is smaller. */
static inline double golden_difference(const json_t *c, const double *losses, size_t steps)
{
    nw_network_options network = {.arch = golden_text(c, "arch"),
                                  .width = golden_number(c, "width"),
                                  .channels = 1,
                                  .outputs = 2,
                                  .seed = (uint64_t)golden_number(c, "seed")};
    network.size[0] = network.size[1] = (int64_t)golden_number(c, "size");
    nw_train_options options = golden_options(c, steps);
    nw_dataset *data = golden_images((int)options.batch, (int)network.size[0]);
    nw_model *model = NULL;
    nw_trainer *trainer = NULL;
    must(nw_network_build(&network, &model, err));
    must(nw_trainer_new(data, model, &options, &trainer, err));
    assert_int_equal(nw_trainer_steps(trainer), 1); /* an epoch is a step */
    double most = 0;
    for (size_t i = 0; i < steps; i++) {
        double difference = fabs(train_epoch(trainer).loss - losses[i]) / fmax(losses[i], 0.1);
        most = fmax(most, difference);
    }
    nw_trainer_free(trainer);
    nw_model_unref(model);
    nw_dataset_free(data);
    return most;
}

/* Every case of the file within 1e-3. */
static inline void golden_compare(const json_t *root)
{
    size_t i, steps;
    json_t *c;
    assert_true(json_array_size(json_object_get(root, "cases")) >= 3);
    json_array_foreach(json_object_get(root, "cases"), i, c)
    {
        double *losses = golden_list(json_object_get(c, "losses"), &steps);
        assert_int_equal(steps, 20);
        double most = golden_difference(c, losses, steps);
        print_message("    %s, %s: largest difference %.1e\n", golden_text(c, "arch"),
                      golden_text(c, "optimiser"), most);
        if (!(most <= 1e-3)) fail_msg("%s: the losses differ by %g", golden_text(c, "arch"), most);
        free(losses);
    }
}

#endif
