/* The inside of what healthy lungs need. */
#ifndef NW_LESION_HEALTHY_H
#define NW_LESION_HEALTHY_H

#include "base/error.h"

#include <narrows/lesion.h>

/* Bin b of DECADES x PER_DECADE holds densities from 10^(LOWEST + b / PER_DECADE) bits per mL up to the next;
 * the bin before them all that is below, zero included; the last all that is above. */
enum {
    NW_HEALTHY_PER_DECADE = 64,
    NW_HEALTHY_DECADES = 14,
    NW_HEALTHY_LOWEST = -8,
    NW_HEALTHY_BINS = NW_HEALTHY_PER_DECADE * NW_HEALTHY_DECADES + 2
};

struct nw_healthy {
    double ml[NW_HEALTHY_BINS];
    double total_ml, bits, largest;
    int64_t scans;
    char *model_digest, *settings;
};

#endif
