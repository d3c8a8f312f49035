#include "train/transform.h"

#include <math.h>
#include <narrows/train.h>
#include <stddef.h>
#include <string.h>

static double same(double x)
{
    return x;
}

/* A network may give numbers that no transformed one has. */
static double square(double y)
{
    return y > 0 ? y * y : 0;
}

static double expm1_positive(double y)
{
    return y > 0 ? expm1(y) : 0;
}

static const nw_train_transform table[] = {
    {"none", -INFINITY, same, same},
    {"sqrt", 0, sqrt, square}, /* for shares and areas, whose small values matter */
    {"log1p", 0, log1p, expm1_positive},
};

const nw_train_transform *nw_train_transform_list(unsigned long i)
{
    return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

const nw_train_transform *nw_train_transform_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0) return &table[i];
    return NULL;
}

double nw_train_value(const char *transform, double given)
{
    const nw_train_transform *t = nw_train_transform_find(transform);
    return t ? t->back(given) : (double)NAN;
}
