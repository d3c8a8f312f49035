/* Results that are not finite are never written. */
#ifndef NW_IMAGE_FINITE_H
#define NW_IMAGE_FINITE_H

#include "base/error.h"

/* NW_NOT_FINITE that names the first bad value of src[count]. */
nw_status nw_check_finite(const float *src, size_t count, const char *name, nw_error *err);

#endif
