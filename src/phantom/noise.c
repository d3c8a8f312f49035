#include "phantom/noise.h"

#include "base/rng.h"
#include "phantom/draw.h"

#include <math.h>

enum { MASK = NW_LATTICE - 1 };

void nw_lattice_fill(nw_lattice *lattice, uint64_t seed, uint64_t study)
{
    nw_rng_normals(seed, study, NW_PART_LATTICE, 0, 0, &lattice->v[0][0][0],
                   (size_t)NW_LATTICE * NW_LATTICE * NW_LATTICE);
}

static inline float fade(float t)
{
    return t * t * (3 - 2 * t);
}

typedef struct cell {
    int low, high;
    float weight;
} cell;

static inline cell locate(float position)
{
    float base = floorf(position);
    int low = (int)base & MASK;
    return (cell){low, (low + 1) & MASK, fade(position - base)};
}

float nw_field_at(const nw_lattice *lattice, const nw_field *field, float x, float y, float z)
{
    float value;
    nw_field_row(lattice, field, x, 0, y, z, 1, &value);
    return value;
}

void nw_field_row(const nw_lattice *lattice, const nw_field *field, float x, float dx, float y, float z,
                  size_t n, float *dst)
{
    float scale = 1 / field->cell;
    cell cy = locate((y + field->shift[1]) * scale), cz = locate((z + field->shift[2]) * scale);
    const float *a = lattice->v[cz.low][cy.low], *b = lattice->v[cz.low][cy.high];
    const float *c = lattice->v[cz.high][cy.low], *d = lattice->v[cz.high][cy.high];
    float line[NW_LATTICE + 1];
    for (int i = 0; i < NW_LATTICE; i++) {
        float low = a[i] + cy.weight * (b[i] - a[i]), high = c[i] + cy.weight * (d[i] - c[i]);
        line[i] = low + cz.weight * (high - low);
    }
    line[NW_LATTICE] = line[0];
    float start = (x + field->shift[0]) * scale, step = dx * scale;
    for (size_t i = 0; i < n; i++) {
        float position = start + (float)i * step, base = floorf(position);
        int at = (int)base & MASK;
        dst[i] = line[at] + fade(position - base) * (line[at + 1] - line[at]);
    }
}
