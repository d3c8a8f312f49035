#include "image/finite.h"

#include <math.h>

nw_status nw_check_finite(const float *src, size_t count, const char *name, nw_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(src[i]))
            return nw_fail(err, NW_NOT_FINITE, "%s: value %zu of %zu to be written is %g", name, i, count,
                           (double)src[i]);
    return NW_OK;
}
