/* From a path to a volume: what it is, is told by its first bytes. */
#include "base/memory.h"
#include "image/dicom_series.h"
#include "image/gzip.h"
#include "image/volume.h"

#include <nettle/sha2.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

nw_read_limits nw_read_limits_from(const nw_read_options *options)
{
    nw_read_limits limits = {0};
    if (options) limits.options = *options;
    limits.max_bytes = limits.options.max_bytes ? limits.options.max_bytes : (size_t)4 << 30;
    return limits;
}

static void digest(const nw_bytes *first, const nw_bytes *second, char text[65])
{
    struct sha256_ctx ctx;
    uint8_t bytes[SHA256_DIGEST_SIZE];
    sha256_init(&ctx);
    sha256_update(&ctx, first->size, first->data);
    if (second) sha256_update(&ctx, second->size, second->data);
    sha256_digest(&ctx, sizeof bytes, bytes);
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    text[64] = 0;
}

static int starts(const nw_bytes *file, size_t at, const char *magic, size_t length)
{
    return file->size >= at + length && memcmp(file->data + at, magic, length) == 0;
}

static nw_status unknown(const nw_bytes *file, const char *name, nw_error *err)
{
    if (file->size == 0) return nw_fail(err, NW_BAD_INPUT, "%s: the file is empty", name);
    const char *found = "not an image that Narrows knows";
    if (starts(file, 0, "GIF8", 4))
        found = "a GIF";
    else if (starts(file, 0, "BM", 2))
        found = "a BMP";
    else if (starts(file, 0, "II*\0", 4) || starts(file, 0, "MM\0*", 4))
        found = "a TIFF";
    else if (starts(file, 0, "PK\3\4", 4))
        found = "a zip or .npz archive; save one array as .npy";
    else if (starts(file, 0, "\0\0\0\1\0\0\0", 7))
        found = "a FreeSurfer volume; convert it to NIfTI";
    return nw_fail(err, NW_BAD_INPUT, "%s: %s; PNG, JPEG, .npy, NIfTI, Analyze and DICOM are read", name,
                   found);
}

/* The other file of a pair, "x.hdr" for "x.img" or the reverse, gzipped like it or not; NULL where there is
 * none. */
static char *partner(const char *path, int *is_header)
{
    static const char *const endings[2][2] = {{".hdr", ".hdr.gz"}, {".img", ".img.gz"}};
    for (int side = 0; side < 2; side++)
        for (int zip = 0; zip < 2; zip++) {
            const char *ending = endings[side][zip];
            if (!nw_path_ends(path, ending)) continue;
            *is_header = side == 0;
            for (int other = 0; other < 2; other++) {
                char *candidate = nw_strdup_printf("%.*s%s", (int)(strlen(path) - strlen(ending)), path,
                                                   endings[1 - side][zip ^ other]);
                if (candidate && access(candidate, F_OK) == 0) return candidate;
                nw_free(candidate);
            }
            return NULL;
        }
    return NULL;
}

static nw_status decode(const char *path, const char *name, const nw_bytes *file,
                        const nw_read_limits *limits, nw_volume **out, nw_error *err)
{
    if (starts(file, 0, "\x89PNG\r\n\x1a\n", 8)) return nw_png_decode(file, name, limits, out, err);
    if (starts(file, 0, "\xff\xd8", 2)) return nw_jpeg_decode(file, name, limits, out, err);
    if (starts(file, 0, "\x93NUMPY", 6)) return nw_npy_decode(file, name, limits, out, err);
    int is_header = 0;
    char *other = partner(path, &is_header);
    if (other) {
        nw_bytes second = {0};
        nw_status status = nw_file_read(other, limits->max_bytes, &second, err);
        const nw_bytes *header = is_header ? file : &second, *image = is_header ? &second : file;
        if (status == NW_OK)
            status = nw_nifti_decode(header, image, is_header ? path : other, limits, out, err);
        if (status == NW_OK) digest(header, image, (*out)->digest);
        nw_free(second.data);
        nw_free(other);
        return status;
    }
    if (nw_path_ends(path, ".img") || nw_path_ends(path, ".img.gz"))
        return nw_fail(err, NW_BAD_INPUT, "%s: the .hdr file beside it is missing", name);
    if (strcmp(path, "-") != 0 && nw_dicom_looks(file->data, file->size))
        return nw_dicom_read(path, limits, out, err);
    if (starts(file, 128, "DICM", 4))
        return nw_fail(err, NW_BAD_INPUT, "%s: DICOM is read from files and folders only", name);
    if (nw_gzip_looks(file) || nw_nifti_header_looks(file->data, file->size))
        return nw_nifti_decode(file, NULL, name, limits, out, err);
    return unknown(file, name, err);
}

nw_status nw_volume_read(const char *path, const nw_read_options *options, nw_volume **out, nw_error *err)
{
    nw_read_limits limits = nw_read_limits_from(options);
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    if (limits.options.slice_axis < 0 || limits.options.slice_axis > 3)
        return nw_fail(err, NW_USAGE, "slice axis %d: 0 (by the affine), 1, 2 or 3 is wanted",
                       limits.options.slice_axis);
    struct stat st;
    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return nw_dicom_read(path, &limits, out, err);
    nw_bytes file;
    NW_TRY(nw_file_read(path, limits.max_bytes, &file, err));
    nw_volume *v = NULL;
    nw_status status = decode(path, name, &file, &limits, &v, err);
    if (status == NW_OK) {
        if (!v->digest[0]) digest(&file, NULL, v->digest);
        if (!v->path) v->path = nw_strdup(name);
        if (!v->path) status = nw_no_memory(err, strlen(name), name);
    }
    nw_free(file.data);
    if (status == NW_OK) status = nw_volume_check_finite(v, name, &limits, err);
    if (status != NW_OK) {
        nw_volume_free(v);
        return status;
    }
    *out = v;
    return NW_OK;
}
