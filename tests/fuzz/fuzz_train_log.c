/* The reader of a training's log over arbitrary bytes. */
#include "base/memory.h"
#include "train/log.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const metrics[] = {"auroc", "f1"};
    if (size < 1) return 0;
    size_t count = data[0] & 1 ? 2 : 0, epochs, good = 0;
    nw_bytes bytes = {nw_calloc(size, 1), size - 1};
    if (!bytes.data) return 0;
    memcpy(bytes.data, data + 1, size - 1);
    nw_epoch *read;
    nw_error err = {0};
    nw_status status = nw_train_log_parse(&bytes, "fuzz.csv", metrics, count, &read, &epochs, &good, &err);
    if (status != NW_OK && !err.message[0]) abort();
    if (status == NW_OK && (good > size - 1 || (epochs && !read))) abort();
    for (size_t i = 0; status == NW_OK && i < epochs; i++)
        if (read[i].epoch != (int64_t)i + 1 || read[i].step < 0) abort();
    if (status == NW_OK) nw_free(read);
    nw_free(bytes.data);
    return 0;
}
