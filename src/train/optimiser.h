/* First-order optimisers over a list of parameter arrays, with PyTorch's semantics.
 *
 * An optimiser is one file optimiser_NAME.c and one line of optimisers.def. Steps work element by element:
 * the numbers do not depend on the number of threads.
 */
#ifndef NW_TRAIN_OPTIMISER_H
#define NW_TRAIN_OPTIMISER_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct nw_optimiser_options {
    const char *name;             /* "sgd", "adamw" */
    double weight_decay;          /* for the parameters that decay; sgd: as an L2 term, adamw: decoupled */
    double momentum;              /* sgd: 0 .. 1 (exclusive) */
    bool nesterov;                /* sgd, with a momentum */
    double beta1, beta2, epsilon; /* adamw */
} nw_optimiser_options;

typedef struct nw_optimiser nw_optimiser;

/* The customary settings of that optimiser (sgd: momentum 0.9; adamw: 0.9, 0.999, 1e-8, decay 0.01). NW_USAGE
 * for a name that there is not. */
nw_status nw_optimiser_defaults(const char *name, nw_optimiser_options *out, nw_error *err);
/* NULL beyond the last. */
const char *nw_optimiser_name(size_t i);

/* For `count` arrays of sizes[i] >= 0 floats; decay[i]: whether weight_decay applies to array i (NULL: to
 * all). Nothing of the arguments is kept. NW_USAGE for settings that cannot be. */
nw_status nw_optimiser_new(const nw_optimiser_options *options, size_t count, const int64_t *sizes,
                           const bool *decay, nw_optimiser **out, nw_error *err);
void nw_optimiser_free(nw_optimiser *optimiser);

/* One step: params[i][sizes[i]] change in place. NW_NOT_FINITE names the array whose gradient holds NaN or
 * infinity; nothing was changed then. NW_NOT_FINITE, too, where an array would leave the range of numbers:
 * the step was done then and the training is lost. */
nw_status nw_optimiser_step(nw_optimiser *optimiser, float *const *params, const float *const *grads,
                            double lr, nw_error *err);

int64_t nw_optimiser_steps(const nw_optimiser *optimiser);

/* All that a checkpoint has to keep, by name ("steps", "sgd.momentum.3"): array i of
 * nw_optimiser_state_count. The arrays belong to the optimiser; writing into them restores a state (call
 * nw_optimiser_restored after). "steps" holds the number of steps as two floats, n mod 2^20 and n / 2^20,
 * both exact. */
size_t nw_optimiser_state_count(const nw_optimiser *optimiser);
void nw_optimiser_state(nw_optimiser *optimiser, size_t i, const char **name, float **data, int64_t *count);
/* NW_BAD_INPUT where what was written cannot be a state: not finite, a fraction of a step, a negative square.
 */
nw_status nw_optimiser_restored(nw_optimiser *optimiser, nw_error *err);

/* ---- For the optimisers ---------------------------------------------------------------------------------
 */

enum { NW_OPTIMISER_STATES = 2 };

typedef struct nw_optimiser_update {
    const nw_optimiser_options *options;
    double lr, decay; /* decay 0 where the array does not */
    int64_t step;     /* from 1 */
    float *param;
    const float *grad;
    float *state[NW_OPTIMISER_STATES]; /* zero before the first step */
} nw_optimiser_update;

typedef struct nw_optimiser_kind {
    const char *name;
    nw_optimiser_options defaults;
    const char *states[NW_OPTIMISER_STATES]; /* names of the arrays as large as the parameter; NULL: fewer */
    bool squares;                            /* the last of them may not be negative */
    bool (*needs_states)(const nw_optimiser_options *options);
    nw_status (*check)(const nw_optimiser_options *options, nw_error *err);
    /* Elements begin <= i < end; any cut gives the same numbers. */
    void (*update)(const nw_optimiser_update *u, size_t begin, size_t end);
} nw_optimiser_kind;

#endif
