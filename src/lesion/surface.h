/* A smooth surface through what is known of one. */
#ifndef NW_LESION_SURFACE_H
#define NW_LESION_SURFACE_H

#include "base/error.h"

#include <stdint.h>

enum { NW_SURFACE_NONE, NW_SURFACE_KNOWN, NW_SURFACE_ASKED };

/* Heights u[rows][columns] on a cylinder (columns close to a ring): the thin plate that minimises
 *     sum over KNOWN of (u - f)^2 + length^4 sum of (u_cc^2 + 2 u_cr^2 + u_rr^2),
 * second differences in mm with steps hc and hr, those counting whose cells are not NONE. f holds heights
 * where KNOWN and a guess where ASKED, and receives u in both. Changes shorter than `length` mm are taken for
 * noise. */
nw_status nw_surface_fit(float *f, const uint8_t *kind, int64_t rows, int64_t columns, double hr, double hc,
                         double length, nw_error *err);

#endif
