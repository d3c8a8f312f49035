#include "onnx/digest.h"

#include <stdio.h>

void nw_digest_start(nw_digest *digest, const void *bytes, size_t size)
{
    sha256_init(&digest->sha);
    pthread_mutex_init(&digest->lock, NULL);
    digest->bytes = bytes;
    digest->size = size;
    digest->begun = false;
}

void nw_digest_hash(nw_digest *digest)
{
    pthread_mutex_lock(&digest->lock);
    if (!digest->begun && digest->size) sha256_update(&digest->sha, digest->size, digest->bytes);
    digest->begun = true;
    pthread_mutex_unlock(&digest->lock);
}

void nw_digest_add(nw_digest *digest, const void *bytes, size_t size)
{
    nw_digest_hash(digest);
    sha256_update(&digest->sha, size, bytes);
}

void nw_digest_finish(nw_digest *digest, char text[65])
{
    uint8_t sum[SHA256_DIGEST_SIZE];
    nw_digest_hash(digest);
    pthread_mutex_destroy(&digest->lock);
    sha256_digest(&digest->sha, sizeof sum, sum);
    for (size_t i = 0; i < sizeof sum; i++) snprintf(text + 2 * i, 3, "%02x", sum[i]);
}
