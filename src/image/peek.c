/* The facts of an image without its pixels, where that is cheap. */
#include "base/memory.h"
#include "image/gzip.h"
#include "image/volume.h"

#include <stdio.h>
#include <sys/stat.h>

/* The header of NIfTI is within the first 540 bytes; deflated it is surely within these. */
enum { PEEK = 16384 };

nw_status nw_volume_peek(const char *path, nw_volume_info *info, nw_error *err)
{
    struct stat st;
    if (nw_path_ends(path, ".nii") || nw_path_ends(path, ".nii.gz")) {
        unsigned char bytes[PEEK + 1] = {0};
        FILE *f = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
        nw_bytes first = {bytes, f ? fread(bytes, 1, PEEK, f) : 0};
        if (f) fclose(f);
        if (first.size > 0) return nw_nifti_peek(&first, path, info, err);
    }
    nw_volume *volume;
    NW_TRY(nw_volume_read(path, NULL, &volume, err));
    *info = *nw_volume_get_info(volume);
    nw_volume_free(volume);
    return NW_OK;
}
