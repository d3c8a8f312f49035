/* Sorts finite numbers, ascending, in the time of four passes: by radix. */
#ifndef NW_IMAGE_SORT_H
#define NW_IMAGE_SORT_H

#include "base/error.h"

#include <stdint.h>

/* `spare` has room for `count` numbers. */
void nw_sort_floats(float *values, float *spare, int64_t count);

#endif
