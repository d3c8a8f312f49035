#include "image/sort.h"

#include <string.h>

enum { DIGIT = 8, VALUES = 1 << DIGIT };

/* Bits whose order as unsigned numbers is that of the floats. */
static uint32_t key(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000U ? ~bits : bits | 0x80000000U;
}

void nw_sort_floats(float *values, float *spare, int64_t count)
{
    float *from = values, *to = spare;
    for (int shift = 0; shift < 32; shift += DIGIT) { /* an even number of passes: the result is in values */
        int64_t start[VALUES] = {0}, sum = 0;
        for (int64_t i = 0; i < count; i++) start[key(from[i]) >> shift & (VALUES - 1)]++;
        for (int v = 0; v < VALUES; v++) {
            int64_t here = start[v];
            start[v] = sum;
            sum += here;
        }
        for (int64_t i = 0; i < count; i++) to[start[key(from[i]) >> shift & (VALUES - 1)]++] = from[i];
        float *kept = from;
        from = to;
        to = kept;
    }
}
