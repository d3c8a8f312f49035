/* Random numbers of a study: a function of (seed, study, part, index), so that a study is the same whoever
 * makes it, in any order and on any number of threads. */
#ifndef NW_PHANTOM_DRAW_H
#define NW_PHANTOM_DRAW_H

#include "base/rng.h"

#include <stdint.h>

/* Each part of a study draws from a sequence of its own: a change to one leaves the others as they are. The
 * numbers are part of the recipe; do not renumber. */
enum nw_draw_part {
    NW_PART_COHORT = 1,
    NW_PART_BODY = 2,
    NW_PART_LUNGS = 3,
    NW_PART_HEART = 4,
    NW_PART_BONES = 5,
    NW_PART_AIRWAYS = 6,
    NW_PART_LESIONS = 7,
    NW_PART_DISTRACTORS = 8,
    NW_PART_SCAN = 9,
    NW_PART_LATTICE = 10,
    NW_PART_SCAN_NOISE = 11,
    NW_PART_POINTS = 12,
    NW_PART_FIELD = 13,
    NW_PART_VESSELS = 16 /* and the following three: arteries and veins of either lung */
};

typedef struct nw_draw {
    uint64_t seed, study;
    uint32_t part, block, at;
    uint32_t words[4][NW_RNG_LANES];
} nw_draw;

nw_draw nw_draw_start(uint64_t seed, uint64_t study, uint32_t part);
uint32_t nw_draw_word(nw_draw *d);
/* In [0, 1). */
float nw_draw_uniform(nw_draw *d);
float nw_draw_range(nw_draw *d, float low, float high);
/* Integer in [0, n), n > 0. */
int nw_draw_below(nw_draw *d, int n);
int nw_draw_chance(nw_draw *d, float probability);
/* A normal that is drawn into [mean - 2 sd, mean + 2 sd]. */
float nw_draw_normal(nw_draw *d, float mean, float sd);

#endif
