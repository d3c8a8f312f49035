/* Connected components of a binary volume, kept as runs along the first axis: memory is linear in the number
 * of runs, and nothing of the size of the volume is needed.
 */
#ifndef NW_LESION_COMPONENTS_H
#define NW_LESION_COMPONENTS_H

#include "base/error.h"

#include <stdint.h>

typedef struct nw_run {
    int32_t begin, end; /* voxels [begin, end) of the row */
    int32_t component;  /* 0 .. count - 1, in the order of their first voxels */
} nw_run;

typedef struct nw_components {
    int64_t n[3];
    int64_t *first; /* [n[1] * n[2] + 1]: runs of row y + n[1] z are first[row] .. first[row + 1] - 1 */
    nw_run *runs;
    int64_t run_count;
    int32_t count;
    int64_t *voxels; /* [count] */
} nw_components;

/* How voxels touch: in a slice of the first two axes (4), by faces (6), by faces, edges and corners (26). */
typedef enum nw_touch { NW_TOUCH_4 = 4, NW_TOUCH_6 = 6, NW_TOUCH_26 = 26 } nw_touch;

/* Components of the voxels of src[n[2]][n[1]][n[0]] that equal `value`. NW_NO_MEMORY, or NW_BAD_INPUT above
 * 2^31 runs. Free with nw_components_free, also after a failure. */
nw_status nw_components_find(const uint8_t *src, const int64_t n[3], uint8_t value, nw_touch touch,
                             nw_components *out, nw_error *err);
/* The same of those voxels of `outer` whose values[n[2]][n[1]][n[0]] are `least` or more. */
nw_status nw_components_within(const nw_components *outer, const float *values, double least, nw_touch touch,
                               nw_components *out, nw_error *err);
void nw_components_free(nw_components *c);

/* Sets the voxels of every component whose entry in values[count] is not `keep`. */
void nw_components_paint(const nw_components *c, const uint8_t *values, uint8_t keep, uint8_t *dst);

/* y and z of the row that holds a run, for loops over all runs: start with row = 0 and call before each. */
static inline int64_t nw_components_row(const nw_components *c, int64_t run, int64_t row)
{
    while (c->first[row + 1] <= run) row++;
    return row;
}

#endif
