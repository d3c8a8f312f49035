/* What the measures share. */
#ifndef NW_EVALUATE_EVALUATE_H
#define NW_EVALUATE_EVALUATE_H

#include "base/error.h"

#include <narrows/evaluate.h>
#include <stdbool.h>

static inline nw_score nw_score_of(double value)
{
    return (nw_score){.value = value};
}

static inline nw_score nw_score_undefined(const char *why)
{
    return (nw_score){.undefined = why};
}

/* NW_NOT_FINITE where a value of the map is not, NW_USAGE where there is none. *inside: pixels of the mask.
 */
nw_status nw_check_map(const float *map, const uint8_t *mask, int64_t pixels, int64_t *inside, nw_error *err);
/* Why nothing can be measured against a mask of that size; NULL where it can. */
const char *nw_mask_undefined(int64_t inside, int64_t pixels);

/* A value and where it was. */
typedef struct nw_ranked {
    double value;
    int64_t at;
} nw_ranked;

/* order[count] sorted by value, the highest last. */
void nw_rank_sort(nw_ranked *order, size_t count);
/* The mean ranks (from 1) of values[count], with `order` as working space. */
void nw_rank_mean(const double *values, size_t count, nw_ranked *order, double *ranks);
/* Pearson's correlation of two lists of mean ranks; undefined as in nw_spearman. */
nw_score nw_rank_correlation(const double *a, const double *b, size_t count);

#endif
