/* The model's answer for one image. */
#ifndef CLI_PREDICT_H
#define CLI_PREDICT_H

#include "job.h"

/* Probabilities from logits by the head's kind: `count` values (one for a one-logit head, of class 1); false
 * for a regression, which has none. */
bool cli_probabilities(nw_head_kind head, const float *logits, size_t count, float *probabilities);
/* The class that is predicted: the largest logit; for one logit 0 or 1; for a regression 0. */
int64_t cli_predicted(nw_head_kind head, const float *logits, size_t count);
/* The probability of a class, also for one logit; NaN for a regression. */
double cli_probability_of(nw_head_kind head, const float *probabilities, size_t count, int64_t target);

#endif
