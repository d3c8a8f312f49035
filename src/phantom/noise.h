/* Smooth random fields: values on a periodic lattice, interpolated. One lattice serves a whole study; its
 * users look at it in places and scales of their own. */
#ifndef NW_PHANTOM_NOISE_H
#define NW_PHANTOM_NOISE_H

#include <stddef.h>
#include <stdint.h>

enum { NW_LATTICE = 32 }; /* values along each axis, then they repeat */

typedef struct nw_lattice {
    float v[NW_LATTICE][NW_LATTICE][NW_LATTICE];
} nw_lattice;

/* Where a user looks: a point p in mm is at (p + shift) / cell on the lattice. */
typedef struct nw_field {
    float cell; /* mm between lattice points */
    float shift[3];
} nw_field;

void nw_lattice_fill(nw_lattice *lattice, uint64_t seed, uint64_t study);
/* Of zero mean and a standard deviation of about 1 (0.6 half way between lattice points). */
float nw_field_at(const nw_lattice *lattice, const nw_field *field, float x, float y, float z);
/* dst[i] = the field at (x + i dx, y, z). */
void nw_field_row(const nw_lattice *lattice, const nw_field *field, float x, float dx, float y, float z,
                  size_t n, float *dst);

#endif
