/* The learning rate at a step, in closed form: a run that goes on from a checkpoint needs no state.
 *
 * With a warm-up of W steps, the rate at step s < W is rate (s + 1) / W; the rule then sees t = s - W of
 * T = steps - W:
 *
 *     constant   rate
 *     cosine     low + (rate - low) (1 + cos(pi t / T)) / 2, low = rate * least  (Loshchilov and Hutter, ICLR
 *                2017, equation 5, without restarts; torch's CosineAnnealingLR)
 *     step       rate * factor^floor(t / every)  (torch's StepLR)
 *     one-cycle  by cosines from rate / 25 up to rate over the share `rise` of the steps, then down to
 *                rate / 250000 (Smith and Topin, 2018; torch's OneCycleLR with its defaults). It warms up by
 *                itself: W is 0.
 */
#ifndef NW_TRAIN_SCHEDULE_H
#define NW_TRAIN_SCHEDULE_H

#include "base/error.h"

#include <stdint.h>

typedef struct nw_schedule {
    const char *name;      /* NULL: "constant" */
    double rate;           /* the highest, > 0 */
    int64_t steps, warmup; /* steps >= 1 of the whole training, 0 <= warmup < steps */
    double least;          /* cosine: where it ends, as a share of the rate, 0 .. 1 */
    int64_t every;         /* step: steps between cuts, >= 1 */
    double factor;         /* step: in (0, 1] */
    double rise;           /* one-cycle: in (0, 1); 0: 0.3 */
} nw_schedule;

/* Names of the rules; NULL beyond the last. */
const char *nw_schedule_name(size_t i);

/* NW_USAGE that says what cannot be. */
nw_status nw_schedule_check(const nw_schedule *schedule, nw_error *err);

/* For a schedule that was checked. A step before the first counts as the first, one beyond the last as the
 * last. */
double nw_schedule_rate(const nw_schedule *schedule, int64_t step);

#endif
