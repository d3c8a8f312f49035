/* A training to report on: made-up epochs, and results that the library measures on made-up scores. */
#ifndef NW_TESTS_REPORT_TRAINING_CASE_H
#define NW_TESTS_REPORT_TRAINING_CASE_H

#include <math.h>
#include <narrows/report.h>
#include <stdlib.h>

enum { CASE_EPOCHS = 40, CASE_SAMPLES = 160, CASE_RESULTS = 7 };

typedef struct training_case {
    nw_training_page page;
    nw_epoch epochs[CASE_EPOCHS];
    nw_training_result results[CASE_RESULTS];
    double scores[CASE_SAMPLES], probabilities[CASE_SAMPLES], x[CASE_SAMPLES + 1], y[CASE_SAMPLES + 1];
    uint8_t labels[CASE_SAMPLES];
    nw_calibration_bin bins[NW_CALIBRATION_BINS];
    int64_t counts[3][2];
    nw_training_split splits[3];
} training_case;

static inline double training_noise(uint32_t i)
{
    uint32_t u = i * 2654435761u;
    u = (u ^ u >> 15) * 2246822519u;
    u = (u ^ u >> 13) * 3266489917u;
    return (double)(u >> 8) * 0x1p-23 - 1;
}

static inline void training_results(training_case *c)
{
    size_t points;
    nw_error err;
    for (uint32_t i = 0; i < CASE_SAMPLES; i++) {
        double spread = training_noise(3 * i) + training_noise(3 * i + 1) + training_noise(3 * i + 2);
        c->labels[i] = i % 5 < 2;
        c->scores[i] = 1.4 * spread + (c->labels[i] ? 1.1 : -1.1);
        c->probabilities[i] = 1 / (1 + exp(-1.8 * c->scores[i]));
    }
    const double *s = c->scores, *p = c->probabilities;
    const uint8_t *l = c->labels;
    nw_training_result *r = c->results;
    const nw_metric_options few = {.draws = 200};
    static const char *const names[CASE_RESULTS] = {"AUROC",
                                                    "Average precision",
                                                    "Sensitivity at 90 % specificity",
                                                    "Expected calibration error",
                                                    "The same, adaptive bins",
                                                    "AUROC of one class",
                                                    "Mean absolute error"};
    for (int i = 0; i < CASE_RESULTS; i++) r[i].name = names[i];
    unsigned bad = nw_metric_auroc(s, l, CASE_SAMPLES, NULL, &r[0].estimate, &err) |
                   nw_metric_average_precision(s, l, CASE_SAMPLES, &few, &r[1].estimate, &err) |
                   nw_metric_sensitivity(s, l, CASE_SAMPLES, 0.9, &few, &r[2].estimate, NULL, &err) |
                   nw_metric_calibration(p, l, CASE_SAMPLES, 0, 0, &few, &r[3].estimate, c->bins, &err) |
                   nw_metric_calibration(p, l, CASE_SAMPLES, 0, 1, &few, &r[4].estimate, NULL, &err) |
                   nw_metric_auroc(s, l, 1, NULL, &r[5].estimate, &err) |
                   nw_metric_roc_curve(s, l, CASE_SAMPLES, c->x, c->y, &points, &err);
    if (bad) abort();
    r[6].estimate = (nw_estimate){
        .score.value = 1234.5, .low = 0.00123, .high = 20000, .count = 160, .undefined_draws = 3};
    c->page.roc_count = points;
}

static inline training_case *training_case_new(void)
{
    training_case *c = calloc(1, sizeof *c);
    if (!c) abort();
    training_results(c);
    for (uint32_t i = 0; i < CASE_EPOCHS; i++) {
        double x = (double)(i + 1) / CASE_EPOCHS, noise = training_noise(1000 + i);
        double auroc = 0.55 + 0.37 * (1 - exp(-4 * x)) + 0.02 * noise, half = 0.05 + 0.03 * (1 - x);
        c->epochs[i] = (nw_epoch){.epoch = i + 1,
                                  .step = 25 * (int64_t)(i + 1),
                                  .rate = 1e-3 * (i < 4 ? (i + 1) / 4. : (1 + cos(3.14159 * x)) / 2),
                                  .train_loss = 0.7 * exp(-3 * x) + 0.04 + 0.01 * noise,
                                  .validation_loss = i == 10 ? NAN : 0.35 + 0.4 * exp(-5 * x) + 0.1 * x * x,
                                  .seconds = 31.5 + noise,
                                  .images_per_second = 12.7};
        c->epochs[i].metrics[1] = (nw_estimate){
            .score.value = auroc, .low = auroc - half, .high = fmin(1, auroc + half), .count = 80};
        if (i == 20) c->epochs[i].metrics[1].score = (nw_score){.undefined = "one class"};
    }
    static const char *const classes[] = {"healthy", "covid"}, *const splits[] = {"train", "val", "test"};
    static const char *const notes[] = {"19 images of the list are grey already", "<b>\"&' is text</b>"};
    static const nw_page_fact facts[] = {{"network", "resnet18"}, {"task", "binary"}, {"seed", "1"}};
    static const nw_page_fact settings[] = {
        {"optimiser", "adamw, decay 0.01"},
        {"schedule", "cosine, 100 steps of warm-up"},
        {"augmentation", "flip,rotate:10,scale:0.9..1.1,shift:0.05,brightness:0.1,contrast:0.1,noise:0.02"},
        {"loss", "sigmoid"}};
    static const nw_page_fact files[] = {{"model.onnx", "model.onnx"}, {"log.csv", "log.csv"}};
    for (int s = 0; s < 3; s++) {
        for (int k = 0; k < 2; k++) c->counts[s][k] = (s == 0 ? 420 : 80) + 17 * k;
        c->splits[s] = (nw_training_split){splits[s], c->counts[s], s == 2 ? 0 : 200 - 60 * s};
    }
    size_t points = c->page.roc_count;
    c->page = (nw_training_page){.name = "covid-against-healthy",
                                 .facts = facts,
                                 .fact_count = 3,
                                 .warnings = notes,
                                 .warning_count = 2,
                                 .epochs = c->epochs,
                                 .epoch_count = CASE_EPOCHS,
                                 .metric = "AUROC",
                                 .metric_index = 1,
                                 .best_epoch = 26,
                                 .results = c->results,
                                 .result_count = CASE_RESULTS,
                                 .results_of = "test split: 160 scans of 80 patients",
                                 .false_positive = c->x,
                                 .true_positive = c->y,
                                 .roc_count = points,
                                 .bins = c->bins,
                                 .bin_count = NW_CALIBRATION_BINS,
                                 .classes = classes,
                                 .class_count = 2,
                                 .splits = c->splits,
                                 .split_count = 3,
                                 .settings = settings,
                                 .setting_count = 4,
                                 .files = files,
                                 .file_count = 2};
    return c;
}

#endif
