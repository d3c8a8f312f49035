/* Each kind of label is learned, to a degree that no constant reaches, on pictures that the training has not
 * seen. */
#include "train.h"

#include <math.h>

typedef struct outcome {
    nw_measures measures;
    nw_predictions *predictions;
} outcome;

/* Trains to the end, and measures the network that is kept on the test split. */
static outcome learn(nw_dataset *data, const nw_train_options *options)
{
    outcome o;
    nw_trainer *trainer = train_trainer(data, options);
    nw_train_record last = train_run(trainer);
    assert_int_equal(last.epoch, options->epochs);
    assert_int_equal(last.step, options->epochs * nw_trainer_steps(trainer));
    nw_model *model = train_result(trainer);
    must(nw_predict_split(model, data, NW_SPLIT_TEST, options, NULL, &o.predictions, err));
    must(nw_measure(data, NW_SPLIT_TEST, o.predictions, options, &o.measures, err));
    nw_model_unref(model);
    nw_trainer_free(trainer);
    return o;
}

static void two_classes(void **state)
{
    (void)state;
    nw_dataset *data = train_data(train_sides(64));
    assert_int_equal(nw_dataset_outputs(data), 2);
    nw_train_options options = train_few(6);
    outcome o = learn(data, &options);
    assert_int_equal(o.measures.rows, 16);
    assert_true(o.measures.auroc.score.value == 1);
    assert_true(o.measures.accuracy.score.value >= 0.9);
    assert_true(o.measures.loss < 0.4);
    /* Probabilities are the softmax of the logits, and of the first class and the second in this order. */
    for (size_t i = 0; i < nw_predictions_count(o.predictions); i++) {
        const double *p = nw_predictions_values(o.predictions, i);
        const float *l = nw_predictions_logits(o.predictions, i);
        assert_true(fabs(p[0] + p[1] - 1) < 1e-12);
        assert_true(fabs(log(p[1] / p[0]) - ((double)l[1] - (double)l[0])) < 1e-6);
    }
    nw_predictions_free(o.predictions);
    nw_dataset_free(data);
}

static void one_logit_with_sgd(void **state)
{
    (void)state;
    nw_dataset_options how = train_data_options();
    how.task_given = 1;
    how.task = NW_TASK_BINARY;
    nw_dataset *data = data_open(train_sides(64), &how);
    assert_int_equal(nw_dataset_outputs(data), 1);
    nw_train_options options = train_few(8);
    options.optimiser = "sgd";
    options.rate = 0.05;
    outcome o = learn(data, &options);
    assert_true(o.measures.auroc.score.value == 1);
    assert_true(o.measures.loss < 0.4);
    for (size_t i = 0; i < nw_predictions_count(o.predictions); i++) {
        double p = nw_predictions_values(o.predictions, i)[0];
        double l = (double)nw_predictions_logits(o.predictions, i)[0];
        assert_true(fabs(p - 1 / (1 + exp(-l))) < 1e-12);
        bool right = strcmp(nw_predictions_sample(o.predictions, i)->label, "right") == 0;
        assert_int_equal(p > 0.5, right); /* the event is the second class */
    }
    nw_predictions_free(o.predictions);
    nw_dataset_free(data);
}

static void several_labels(void **state)
{
    (void)state;
    static train_list list;
    list.used = 0;
    train_add(&list, "file,label,split\n");
    for (int i = 0; i < 96; i++) {
        char name[32];
        int k = (i * 7 / 4) % 4;
        snprintf(name, sizeof name, "m%03d.png", i);
        train_picture(name, (unsigned)i, k & 1 ? 10 : 0, k & 2 ? 10 : 0);
        train_add(&list, "%s,%s,%s\n", name,
                  k == 3   ? "left;right"
                  : k == 1 ? "left"
                  : k == 2 ? "right"
                           : "",
                  train_split(i));
    }
    nw_dataset_options how = train_data_options();
    how.task_given = 1;
    how.task = NW_TASK_MULTILABEL;
    nw_dataset *data = data_open(data_list(list.text), &how);
    assert_int_equal(nw_dataset_outputs(data), 2);
    nw_train_options options = train_few(8);
    outcome o = learn(data, &options);
    assert_true(o.measures.auroc.score.value > 0.97); /* the mean of both: either alone gives 0.75 */
    assert_true(o.measures.loss < 0.5);
    nw_predictions_free(o.predictions);
    nw_dataset_free(data);
}

/* The number is the area of the square: its root, the side, is what the network gives. */
static void a_number_by_its_root(void **state)
{
    (void)state;
    static train_list list;
    list.used = 0;
    train_add(&list, "file,label,split\n");
    for (int i = 0; i < 96; i++) {
        char name[32];
        int side = (i * 5 + i / 4) % 13;
        snprintf(name, sizeof name, "n%03d.png", i);
        train_picture(name, (unsigned)i, side, 0);
        train_add(&list, "%s,%d,%s\n", name, side * side, train_split(i));
    }
    nw_dataset_options how = train_data_options();
    how.task_given = 1;
    how.task = NW_TASK_REGRESSION;
    nw_dataset *data = data_open(data_list(list.text), &how);
    nw_train_options options = train_few(25);
    options.transform = "sqrt";
    outcome o = learn(data, &options);
    assert_true(o.measures.spearman.score.value > 0.9);
    assert_true(o.measures.r2.score.value > 0.7); /* a constant has 0 at most */
    for (size_t i = 0; i < nw_predictions_count(o.predictions); i++) {
        double v = nw_predictions_values(o.predictions, i)[0];
        double l = (double)nw_predictions_logits(o.predictions, i)[0];
        assert_true(fabs(v - l * l) < 1e-9 * (1 + v) || (l < 0 && v == 0));
    }
    nw_predictions_free(o.predictions);
    nw_dataset_free(data);
}

/* A positive study has the square in one picture of four; labels are of studies. */
static void studies_by_their_best_slices(void **state)
{
    (void)state;
    static train_list list;
    list.used = 0;
    train_add(&list, "file,label,split,bag,group\n");
    for (int i = 0; i < 48; i++)
        for (int k = 0; k < 4; k++) {
            char name[32];
            bool positive = (i / 4 + i) % 2;
            snprintf(name, sizeof name, "b%02d-%d.png", i, k);
            train_picture(name, (unsigned)(4 * i + k), 0, positive && k == i % 4 ? 10 : 0);
            train_add(&list, "%s,%s,%s,s%02d,s%02d\n", name, positive ? "ill" : "healthy", train_split(i), i,
                      i);
        }
    nw_dataset_options how = train_data_options();
    how.per_study = 1;
    how.task_given = 1;
    how.task = NW_TASK_BINARY;
    const char *classes[] = {"healthy", "ill"};
    how.classes = classes;
    how.class_count = 2;
    nw_dataset *data = data_open(data_list(list.text), &how);
    assert_int_equal(nw_dataset_bag_count(data, NW_SPLIT_TRAIN), 24);
    static const char *const poolings[] = {"top", "log-sum-exp", "noisy-or"};
    for (size_t i = 0; i < sizeof poolings / sizeof *poolings; i++) {
        nw_train_options options = train_few(10);
        options.batch = 16;
        options.bag_slices = 4;
        options.pooling = poolings[i];
        options.pooling_parameter = i == 0 ? 1 : 0;
        outcome o = learn(data, &options);
        assert_int_equal(nw_predictions_count(o.predictions), 12); /* a row a study */
        if (!(o.measures.auroc.score.value > 0.97))
            fail_msg("%s: AUROC %g", poolings[i], o.measures.auroc.score.value);
        nw_predictions_free(o.predictions);
    }
    nw_dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_classes),
        cmocka_unit_test(one_logit_with_sgd),
        cmocka_unit_test(several_labels),
        cmocka_unit_test(a_number_by_its_root),
        cmocka_unit_test(studies_by_their_best_slices),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
