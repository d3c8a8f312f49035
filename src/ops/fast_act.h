/* An activation applied to a row in place. */
#ifndef NW_OPS_FAST_ACT_H
#define NW_OPS_FAST_ACT_H

#include "graph/act.h"

#include <stdint.h>

static inline void nw_act_row(const nw_act *act, float *x, int64_t n)
{
    float alpha = act->alpha, beta = act->beta;
    switch (act->kind) {
    case NW_ACT_NONE: break;
    case NW_ACT_RELU:
        for (int64_t i = 0; i < n; i++) x[i] = x[i] < 0 ? 0 : x[i];
        break;
    case NW_ACT_LEAKY:
        for (int64_t i = 0; i < n; i++) x[i] = x[i] < 0 ? alpha * x[i] : x[i];
        break;
    case NW_ACT_CLIP:
        for (int64_t i = 0; i < n; i++) x[i] = x[i] < alpha ? alpha : x[i] > beta ? beta : x[i];
        break;
    }
}

#endif
