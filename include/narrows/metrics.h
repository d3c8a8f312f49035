/* Metrics of a classifier or a regression over many samples, each with its 95 % interval (docs/metrics.md).
 *
 * Scores are any numbers of which higher means more likely; NaN or infinity is NW_NOT_FINITE and names the
 * sample. What cannot be measured (an ROC curve of one class, say) is undefined and says why.
 *
 * Samples of one patient are not independent. Where groups are given, an interval is that of a percentile
 * bootstrap over whole groups (the cluster bootstrap; Davison and Hinkley, Bootstrap Methods and their
 * Application, 1997, section 3.8): patients are drawn with replacement, each with all its samples. The same
 * seed, draws and groups resample in the same way, so that intervals of several metrics are paired. Resamples
 * in which the metric is undefined are left out and counted in undefined_draws. Nothing depends on the number
 * of threads.
 */
#ifndef NARROWS_METRICS_H
#define NARROWS_METRICS_H

#include <narrows/evaluate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero-initialise. NULL wherever it is taken: all zero. */
typedef struct nw_metric_options {
    const int64_t *groups; /* [count] which group a sample belongs to (any numbers); NULL: each its own */
    int draws;             /* 1 to 1000000; 0: 2000 */
    uint64_t seed;
} nw_metric_options;

/* ---- Two classes: scores[count], labels[count] (0 or not) ------------------------------------------------
 */

/* Area under the ROC curve: the chance that a positive sample has a higher score than a negative one, equal
 * scores counting one half. Without groups the interval is value +- 1.96 standard errors within 0 .. 1, by
 * DeLong, DeLong and Clarke-Pearson (Biometrics 44:837, 1988), computed as Sun and Xu do (IEEE Signal Process
 * Lett 21:1389, 2014); it is 0 .. 1 where a class has one sample. With groups it is a bootstrap. Undefined
 * where a class is missing. */
NW_API nw_status nw_metric_auroc(const double *scores, const uint8_t *labels, size_t count,
                                 const nw_metric_options *options, nw_estimate *out, nw_error *err);

/* The area and DeLong's variance of it (0 where undefined, or where a class has one sample). */
NW_API nw_status nw_metric_delong(const double *scores, const uint8_t *labels, size_t count, nw_score *auroc,
                                  double *variance, nw_error *err);

/* Average precision: sum over thresholds, from the highest, of (recall_n - recall_(n-1)) precision_n, without
 * interpolation, equal scores sharing a threshold (scikit-learn's average_precision_score). Its value for
 * scores that know nothing is the share of positives. Bootstrap. Undefined without a positive sample. */
NW_API nw_status nw_metric_average_precision(const double *scores, const uint8_t *labels, size_t count,
                                             const nw_metric_options *options, nw_estimate *out,
                                             nw_error *err);

/* The share of positive samples with a score above the threshold that is the lowest score of a negative
 * sample with at least `specificity` (above 0, at most 1) of the negative ones at or below it. *threshold may
 * be NULL. Bootstrap, each resample with its own threshold. Undefined where a class is missing. */
NW_API nw_status nw_metric_sensitivity(const double *scores, const uint8_t *labels, size_t count,
                                       double specificity, const nw_metric_options *options, nw_estimate *out,
                                       double *threshold, nw_error *err);

/* The ROC curve: (0, 0), a point for each distinct score from the highest (positive: at or above it), and at
 * last (1, 1). false_positive and true_positive hold count + 1 values; *points of them are used. NW_BAD_INPUT
 * where a class is missing. */
NW_API nw_status nw_metric_roc_curve(const double *scores, const uint8_t *labels, size_t count,
                                     double *false_positive, double *true_positive, size_t *points,
                                     nw_error *err);

/* ---- Classes: predicted[count] and truth[count] ----------------------------------------------------------
 */

/* The share that is right. Without groups Wilson's interval (JASA 22:209, 1927), with groups a bootstrap. */
NW_API nw_status nw_metric_accuracy(const int32_t *predicted, const int32_t *truth, size_t count,
                                    const nw_metric_options *options, nw_estimate *out, nw_error *err);
/* Wilson's 95 % interval of hits out of `of` > 0. */
NW_API nw_status nw_metric_wilson(int64_t hits, int64_t of, double *low, double *high, nw_error *err);

/* The mean over the classes of the area under the ROC curve of that class against the rest (Provost and
 * Domingos, 2000, without weights; scikit-learn's roc_auc_score with ovr, macro). scores[count][classes];
 * truth 0 .. classes - 1. Bootstrap. Undefined where a class is missing: with rare ones look at
 * undefined_draws. */
NW_API nw_status nw_metric_macro_auroc(const double *scores, const int32_t *truth, size_t count,
                                       size_t classes, const nw_metric_options *options, nw_estimate *out,
                                       nw_error *err);

/* Several labels, each of which a sample has or not: the mean over labels of their AUROC and of their average
 * precision (the "macro" averages of multi-label tasks). scores and has (0 or not): [count][classes]. Labels
 * that all samples have, or none, are left out; undefined where none is left. Bootstrap, in which all labels
 * are resampled together; with rare ones look at undefined_draws. */
NW_API nw_status nw_metric_labels_auroc(const double *scores, const uint8_t *has, size_t count,
                                        size_t classes, const nw_metric_options *options, nw_estimate *out,
                                        nw_error *err);
NW_API nw_status nw_metric_labels_precision(const double *scores, const uint8_t *has, size_t count,
                                            size_t classes, const nw_metric_options *options,
                                            nw_estimate *out, nw_error *err);

/* ---- Probabilities ----------------------------------------------------------------------------------------
 */

/* Brier's score (Mon Weather Rev 78:1, 1950). classes 1: mean (p - label)^2 of probabilities[count], truth 0
 * or 1. Else the mean of sum_c (p_c - [truth = c])^2, which is twice as much for two classes. Bootstrap.
 * NW_BAD_INPUT for what is outside 0 .. 1. */
NW_API nw_status nw_metric_brier(const double *probabilities, const int32_t *truth, size_t count,
                                 size_t classes, const nw_metric_options *options, nw_estimate *out,
                                 nw_error *err);

enum { NW_CALIBRATION_BINS = 15, NW_CALIBRATION_MOST_BINS = 1000 };

typedef struct nw_calibration_bin {
    double low, high;          /* of the bin; adaptive: the least and the largest probability in it */
    size_t count;              /* samples; the following are 0 where there are none */
    double probability, share; /* mean probability, and share of events */
} nw_calibration_bin;

/* Expected calibration error: sum over bins of (samples in it / all) |mean probability - share of events|
 * (Naeini et al., AAAI 2015; Guo et al., ICML 2017). probabilities[count] of events[count] (0 or not): that
 * of the positive class, or the highest of several and whether that class is right. `bins` 1 to
 * NW_CALIBRATION_MOST_BINS; 0: 15. Bins are ((b - 1) / bins, b / bins], 0 belongs to the first. Adaptive:
 * bins with the same number of samples (Nixon et al., CVPR workshops 2019); equal probabilities stay
 * together, in the bin of their mean rank. into[bins] may be NULL. Bootstrap; the error is biased upwards
 * where bins hold few samples, and so is its interval, which need not contain the value. */
NW_API nw_status nw_metric_calibration(const double *probabilities, const uint8_t *events, size_t count,
                                       int bins, int adaptive, const nw_metric_options *options,
                                       nw_estimate *out, nw_calibration_bin *into, nw_error *err);

/* ---- Regression: predicted[count] and truth[count], all by bootstrap --------------------------------------
 */

/* Correlation of the values (Pearson) and of their ranks (Spearman, equal values sharing their mean rank).
 * Undefined for fewer than two samples and where all values of one are equal. */
NW_API nw_status nw_metric_pearson(const double *predicted, const double *truth, size_t count,
                                   const nw_metric_options *options, nw_estimate *out, nw_error *err);
NW_API nw_status nw_metric_spearman(const double *predicted, const double *truth, size_t count,
                                    const nw_metric_options *options, nw_estimate *out, nw_error *err);
/* Mean absolute error, in the unit of the truth. */
NW_API nw_status nw_metric_mae(const double *predicted, const double *truth, size_t count,
                               const nw_metric_options *options, nw_estimate *out, nw_error *err);
/* Coefficient of determination, 1 - sum (truth - predicted)^2 / sum (truth - mean truth)^2; below 0 for what
 * is worse than the mean. Undefined where all of the truth is equal. */
NW_API nw_status nw_metric_r2(const double *predicted, const double *truth, size_t count,
                              const nw_metric_options *options, nw_estimate *out, nw_error *err);

/* ---- Over the epochs of a training ------------------------------------------------------------------------
 */

enum { NW_EPOCH_METRICS = 16 };

/* What is known after an epoch. The names of the metrics are kept once, beside the list of epochs. */
typedef struct nw_epoch {
    int64_t epoch, step; /* from 1; steps since the beginning */
    double rate;         /* of learning, at the last step */
    double train_loss;
    double validation_loss; /* NaN: not validated after this epoch; the metrics are not looked at then */
    nw_estimate metrics[NW_EPOCH_METRICS];
    double seconds, images_per_second;
} nw_epoch;

#ifdef __cplusplus
}
#endif
#endif
