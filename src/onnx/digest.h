/* SHA-256 on a thread of its own, so that hashing a model costs no time beside reading it. */
#ifndef NW_ONNX_DIGEST_H
#define NW_ONNX_DIGEST_H

#include <nettle/sha2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct nw_digest {
    struct sha256_ctx sha;
    pthread_t thread;
    bool running;
    const uint8_t *bytes;
    size_t size;
} nw_digest;

/* Begins with these bytes, which must stay as they are until the next call. */
void nw_digest_start(nw_digest *digest, const void *bytes, size_t size);
void nw_digest_add(nw_digest *digest, const void *bytes, size_t size);
/* Hexadecimal and a zero. Must follow a start, also where the text is not wanted: it ends the thread. */
void nw_digest_finish(nw_digest *digest, char text[65]);

#endif
