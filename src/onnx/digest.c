#include "onnx/digest.h"

#include <stdio.h>

static void *hash(void *context)
{
    nw_digest *digest = context;
    sha256_update(&digest->sha, digest->size, digest->bytes);
    return NULL;
}

void nw_digest_start(nw_digest *digest, const void *bytes, size_t size)
{
    sha256_init(&digest->sha);
    digest->bytes = bytes;
    digest->size = size;
    digest->running = pthread_create(&digest->thread, NULL, hash, digest) == 0;
    if (!digest->running) hash(digest);
}

static void join(nw_digest *digest)
{
    if (digest->running) pthread_join(digest->thread, NULL);
    digest->running = false;
}

void nw_digest_add(nw_digest *digest, const void *bytes, size_t size)
{
    join(digest);
    sha256_update(&digest->sha, size, bytes);
}

void nw_digest_finish(nw_digest *digest, char text[65])
{
    uint8_t sum[SHA256_DIGEST_SIZE];
    join(digest);
    sha256_digest(&digest->sha, sizeof sum, sum);
    for (size_t i = 0; i < sizeof sum; i++) snprintf(text + 2 * i, 3, "%02x", sum[i]);
}
