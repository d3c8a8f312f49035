/* What a regression network is to give for a number, and the way back. */
#ifndef NW_TRAIN_TRANSFORM_H
#define NW_TRAIN_TRANSFORM_H

typedef struct nw_train_transform {
    const char *name;
    double least; /* of the numbers it can take */
    double (*forward)(double x);
    double (*back)(double y);
} nw_train_transform;

/* NULL for a name that there is not, or beyond the last. */
const nw_train_transform *nw_train_transform_find(const char *name);
const nw_train_transform *nw_train_transform_list(unsigned long i);

#endif
