/* The inside of nw_predictions. */
#ifndef NW_TRAIN_PREDICTIONS_H
#define NW_TRAIN_PREDICTIONS_H

#include "train/trainer.h"

struct nw_predictions {
    size_t count, outputs;
    float *logits;  /* [count][outputs] */
    double *values; /* [count][outputs] */
    const nw_sample **samples;
};

#endif
