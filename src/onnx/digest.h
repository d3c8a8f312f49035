/* SHA-256 of a model, whose first bytes another thread may hash while it is read. */
#ifndef NW_ONNX_DIGEST_H
#define NW_ONNX_DIGEST_H

#include <nettle/sha2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct nw_digest {
    struct sha256_ctx sha;
    pthread_mutex_t lock;
    bool begun; /* the first bytes are in */
    const uint8_t *bytes;
    size_t size;
} nw_digest;

/* Begins with these bytes, which must stay as they are until they are hashed: by nw_digest_hash, which one
 * other thread may call meanwhile, or by what is called next. */
void nw_digest_start(nw_digest *digest, const void *bytes, size_t size);
void nw_digest_hash(nw_digest *digest);
void nw_digest_add(nw_digest *digest, const void *bytes, size_t size);
/* Hexadecimal and a zero. Must follow a start, also where the text is not wanted. */
void nw_digest_finish(nw_digest *digest, char text[65]);

#endif
