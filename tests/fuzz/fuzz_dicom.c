/* The DICOM reader over arbitrary bytes, through a file in memory: the first byte chooses options, the others
 * are the file. What is read is taken apart into slices. */
#include "base/memory.h"
#include "image/volume.h"

#include <narrows/scan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* DCMTK asks for as many bytes as an element claims, and reads them later or never: asking alone costs
 * nothing, and not to get them is one more path. */
const char *__asan_default_options(void)
{
    return "max_allocation_size_mb=512:allocator_may_return_null=1";
}

static void use(const nw_volume *v)
{
    const nw_volume_info *info = nw_volume_get_info(v);
    float *slice = nw_calloc((size_t)(info->rows * info->columns * info->channels), sizeof *slice);
    if (slice)
        for (int64_t s = 0; s < info->slices && s < 4; s++)
            if (nw_volume_slice(v, info->slices - 1 - s, slice, NULL) != NW_OK) abort();
    nw_free(slice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    static int file = -1;
    char path[64];
    if (file < 0) file = (int)syscall(SYS_memfd_create, "fuzz", 0);
    if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, data + 1, size - 1, 0) != (ssize_t)size - 1)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    nw_read_options options = {.max_bytes = 1 << 22, .replace_non_finite = 1};
    options.volume = data[0] & 3;
    options.accept_gaps = data[0] >> 2 & 1;
    options.keep_padding = data[0] >> 3 & 1;
    options.as_stored = data[0] >> 4 & 1;
    nw_error err = {0};
    nw_volume *v = NULL;
    nw_status status = nw_volume_read(path, &options, &v, &err);
    if (status != NW_OK && (!err.message[0] || strchr(err.message, '\n'))) abort();
    if (status == NW_OK) use(v);
    nw_volume_free(v);
    return 0;
}
