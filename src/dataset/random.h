/* Random numbers of datasets: a function of (seed, purpose, epoch, key), as words of Philox one after
 * another. */
#ifndef NW_DATASET_RANDOM_H
#define NW_DATASET_RANDOM_H

#include "base/rng.h"

typedef enum nw_purpose {
    NW_PURPOSE_DEAL,
    NW_PURPOSE_ORDER,
    NW_PURPOSE_AUGMENT,
    NW_PURPOSE_SLICES
} nw_purpose;

typedef struct nw_stream {
    uint32_t key[2], counter[4];
    uint32_t words[4][NW_RNG_LANES];
    unsigned used; /* pairs of words */
} nw_stream;

/* Epochs count below 2^28. */
nw_stream nw_stream_start(uint64_t seed, nw_purpose purpose, uint64_t epoch, uint64_t key);
uint64_t nw_stream_next(nw_stream *stream);
/* 0 <= u < 1, and a whole number below n > 0. */
double nw_stream_unit(nw_stream *stream);
size_t nw_stream_below(nw_stream *stream, size_t n);
/* Swaps list[count] into a random order. */
void nw_stream_shuffle(nw_stream *stream, size_t *list, size_t count);

/* FNV-1a, 64 bits. */
uint64_t nw_hash_text(const char *text);

#endif
