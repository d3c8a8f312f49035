/* Where the gradient at the input of the ResNet-18 classifiers is anybody's.
 *
 * Where the picture is flat, the windows of the max-pool hold values that are equal but for rounding, and
 * rounding decides which of them gets the gradient: PyTorch's own answers in single and double precision, and
 * with batch-norm folded or not, differ there by half of the largest value. */
#ifndef TESTS_GOLDEN_UNDECIDED_H
#define TESTS_GOLDEN_UNDECIDED_H

#include "tensor/tensor.h"

#include <string.h>

enum { SIDE = 224, CONV = 112, POOL = 56 }; /* 7 x 7, stride 2, padding 3; then 3 x 3, stride 2, padding 1 */

/* Whether the two largest of a window of the max-pool are closer than rounding can tell, and count. */
static inline bool undecided(const double *plane, int oy, int ox)
{
    double first = 0, second = 0;
    for (int k = 0; k < 9; k++) {
        int y = 2 * oy - 1 + k / 3, x = 2 * ox - 1 + k % 3;
        if (y < 0 || y >= CONV || x < 0 || x >= CONV) continue;
        double v = plane[y * CONV + x];
        if (v > first)
            second = first, first = v;
        else if (v > second)
            second = v;
    }
    return first > 0 && second >= first * (1 - 1e-5);
}

/* Pixels that an undecided window sees; the share of them is returned. */
static inline double mask_undecided(const double *relu, const nw_shape *shape, bool mask[SIDE * SIDE])
{
    int masked = 0;
    assert_int_equal(shape->dims[2], CONV);
    memset(mask, 0, SIDE * SIDE * sizeof *mask);
    for (int64_t c = 0; c < shape->dims[1]; c++)
        for (int i = 0; i < POOL * POOL; i++)
            if (undecided(relu + c * CONV * CONV, i / POOL, i % POOL))
                for (int k = 0; k < 11 * 11; k++) {
                    int y = 4 * (i / POOL) - 5 + k / 11, x = 4 * (i % POOL) - 5 + k % 11;
                    if (y >= 0 && y < SIDE && x >= 0 && x < SIDE) mask[y * SIDE + x] = true;
                }
    for (int i = 0; i < SIDE * SIDE; i++) masked += mask[i];
    return (double)masked / (SIDE * SIDE);
}

#endif
