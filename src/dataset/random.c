#include "dataset/random.h"

nw_stream nw_stream_start(uint64_t seed, nw_purpose purpose, uint64_t epoch, uint64_t key)
{
    return (nw_stream){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                       .counter = {0, (uint32_t)purpose << 28 | ((uint32_t)epoch & 0xfffffffU), (uint32_t)key,
                                   (uint32_t)(key >> 32)},
                       .used = 2 * NW_RNG_LANES};
}

uint64_t nw_stream_next(nw_stream *stream)
{
    if (stream->used == 2 * NW_RNG_LANES) {
        nw_rng_words(stream->key, stream->counter, stream->words);
        stream->counter[0] += NW_RNG_LANES;
        stream->used = 0;
    }
    unsigned lane = stream->used / 2, pair = 2 * (stream->used % 2);
    stream->used++;
    return (uint64_t)stream->words[pair][lane] << 32 | stream->words[pair + 1][lane];
}

double nw_stream_unit(nw_stream *stream)
{
    return (double)(nw_stream_next(stream) >> 11) * 0x1p-53;
}

size_t nw_stream_below(nw_stream *stream, size_t n)
{
    return (size_t)(nw_stream_unit(stream) * (double)n);
}

void nw_stream_shuffle(nw_stream *stream, size_t *list, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = nw_stream_below(stream, i), kept = list[i - 1];
        list[i - 1] = list[j];
        list[j] = kept;
    }
}

uint64_t nw_hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3U;
    return hash;
}
