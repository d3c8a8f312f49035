#include "image/volume.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

nw_status nw_volume_new_planar(nw_volume_kind kind, const char *name, int64_t slices, int64_t channels,
                               int64_t rows, int64_t columns, const nw_read_limits *limits, nw_volume **out,
                               nw_error *err)
{
    int64_t count;
    if (slices < 1 || channels < 1 || rows < 1 || columns < 1)
        return nw_fail(err, NW_BAD_INPUT, "%s: the image is empty (%lld x %lld)", name, (long long)rows,
                       (long long)columns);
    if (!nw_mul_i64(slices, channels, &count) || !nw_mul_i64(count, rows, &count) ||
        !nw_mul_i64(count, columns, &count) || (uint64_t)count > limits->max_bytes / sizeof(float))
        return nw_fail(err, NW_BAD_INPUT, "%s: %lld x %lld pixels need more than the limit of %zu bytes",
                       name, (long long)rows, (long long)columns, limits->max_bytes);
    nw_volume *v = nw_calloc(1, sizeof *v);
    if (v) v->voxels = nw_alloc_aligned((size_t)count, sizeof(float));
    if (!v || !v->voxels) {
        nw_volume_free(v);
        return nw_no_memory(err, (size_t)count * sizeof(float), name);
    }
    nw_volume_info *info = &v->info;
    info->kind = kind;
    info->slices = info->dims[2] = slices;
    info->channels = channels;
    info->rows = info->dims[1] = rows;
    info->columns = info->dims[0] = columns;
    info->slice_axis = 2;
    info->volumes = 1;
    for (int a = 0; a < 4; a++) info->affine[a][a] = 1;
    *out = v;
    return NW_OK;
}

nw_status nw_volume_from_array(const float *src, int64_t slices, int64_t channels, int64_t rows,
                               int64_t columns, nw_volume **out, nw_error *err)
{
    nw_read_limits limits = nw_read_limits_from(NULL);
    nw_volume *v = NULL;
    NW_TRY(nw_volume_new_planar(NW_KIND_TENSOR, "array", slices, channels, rows, columns, &limits, &v, err));
    memcpy(v->voxels, src, (size_t)(slices * channels * rows * columns) * sizeof *src);
    v->info.format = "array";
    v->info.stored = "float32";
    v->info.bits = 32;
    v->path = nw_strdup("array");
    nw_status status =
        v->path ? nw_volume_check_finite(v, "array", &limits, err) : nw_no_memory(err, 6, "array");
    if (status != NW_OK) {
        nw_volume_free(v);
        return status;
    }
    *out = v;
    return NW_OK;
}

void nw_volume_free(nw_volume *volume)
{
    if (!volume) return;
    nw_free(volume->voxels);
    nw_free(volume->path);
    nw_free(volume->warning);
    nw_free(volume);
}

const nw_volume_info *nw_volume_get_info(const nw_volume *volume)
{
    return &volume->info;
}

const char *nw_volume_path(const nw_volume *volume)
{
    return volume->path ? volume->path : "";
}

const char *nw_volume_warning(const nw_volume *volume)
{
    return volume->warning ? volume->warning : "";
}

const char *nw_volume_digest(const nw_volume *volume)
{
    return volume->digest;
}

uint64_t nw_volume_key(const nw_volume *volume, int64_t slice)
{
    uint64_t key = 0;
    const char *digest = nw_volume_get_info(volume)->kind == NW_KIND_SCAN ? "" : nw_volume_digest(volume);
    for (int i = 0; i < 8 && digest[i]; i++) {
        char c = digest[i];
        key = key << 4 | (uint64_t)(c >= 'a' ? c - 'a' + 10 : c - '0');
    }
    return key << 20 | ((uint64_t)slice & 0xfffff);
}

nw_status nw_volume_check_finite(nw_volume *volume, const char *name, const nw_read_limits *limits,
                                 nw_error *err)
{
    nw_volume_info *info = &volume->info;
    int64_t count = info->dims[0] * info->dims[1] * info->dims[2] * info->channels;
    for (int64_t i = 0; i < count; i++) {
        float value = volume->voxels[i];
        if (isfinite(value)) continue;
        if (limits->options.replace_non_finite) {
            volume->voxels[i] = limits->options.replacement;
            info->replaced++;
            continue;
        }
        int64_t plane = info->dims[0] * info->dims[1];
        if (info->kind == NW_KIND_SCAN)
            return nw_fail(err, NW_BAD_INPUT,
                           "%s: voxel (%lld, %lld, %lld) is %g; ask for a value that replaces such voxels",
                           name, (long long)(i % info->dims[0]),
                           (long long)(i / info->dims[0] % info->dims[1]), (long long)(i / plane),
                           (double)value);
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s: the value at slice %lld, channel %lld, row %lld, column %lld is %g; ask for a value that "
            "replaces such ones",
            name, (long long)(i / plane / info->channels), (long long)(i / plane % info->channels),
            (long long)(i / info->dims[0] % info->dims[1]), (long long)(i % info->dims[0]), (double)value);
    }
    return NW_OK;
}

/* Which axis of the world (0 right, 1 anterior, 2 superior) each axis of the file goes with: of the six ways
 * the one with the largest sum of cosines. */
static void match_axes(const nw_volume_info *info, int world[3])
{
    static const int ways[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    double best = -1;
    for (int w = 0; w < 6; w++) {
        double sum = 0;
        for (int a = 0; a < 3; a++) sum += fabs(info->affine[ways[w][a]][a]) / info->spacing[a];
        if (sum > best + 1e-9) {
            best = sum;
            memcpy(world, ways[w], sizeof ways[w]);
        }
    }
}

void nw_volume_orient_scan(nw_volume *volume, const nw_read_options *options)
{
    nw_volume_info *info = &volume->info;
    int world[3], slice = options->slice_axis - 1;
    match_axes(info, world);
    if (slice < 0)
        for (slice = 0; world[slice] != 2;) slice++;
    int column = slice == 0 ? 1 : 0, row = slice == 2 ? 1 : 2;
    /* Rows run down the body where they can, else backwards: the axis of the world with the larger index. */
    if (!options->as_stored && world[row] < world[column]) {
        int swap = row;
        row = column;
        column = swap;
    }
    const int64_t stride[3] = {1, info->dims[0], info->dims[0] * info->dims[1]};
    volume->origin = 0;
    volume->slice_step = stride[slice];
    volume->row_step = stride[row];
    volume->column_step = stride[column];
    if (!options->as_stored) {
        if (info->affine[world[slice]][slice] < 0) {
            volume->origin += stride[slice] * (info->dims[slice] - 1);
            volume->slice_step = -stride[slice];
        }
        if (info->affine[world[row]][row] > 0) {
            volume->origin += stride[row] * (info->dims[row] - 1);
            volume->row_step = -stride[row];
        }
        if (info->affine[world[column]][column] > 0) {
            volume->origin += stride[column] * (info->dims[column] - 1);
            volume->column_step = -stride[column];
        }
    }
    info->slice_axis = slice;
    info->slices = info->dims[slice];
    info->rows = info->dims[row];
    info->columns = info->dims[column];
    info->slice_mm = info->spacing[slice];
    info->row_mm = info->spacing[row];
    info->column_mm = info->spacing[column];
}

static nw_status check_slice(const nw_volume *volume, int64_t slice, nw_error *err)
{
    if (slice >= 0 && slice < volume->info.slices) return NW_OK;
    return nw_fail(err, NW_USAGE, "%s: there is no slice %lld, the image has 0 to %lld",
                   nw_volume_path(volume), (long long)slice, (long long)volume->info.slices - 1);
}

nw_status nw_volume_slice(const nw_volume *volume, int64_t slice, float *dst, nw_error *err)
{
    NW_TRY(check_slice(volume, slice, err));
    const nw_volume_info *info = &volume->info;
    if (info->kind != NW_KIND_SCAN) {
        size_t count = (size_t)(info->channels * info->rows * info->columns);
        memcpy(dst, volume->voxels + (size_t)slice * count, count * sizeof *dst);
        return NW_OK;
    }
    const float *src = volume->voxels + volume->origin + slice * volume->slice_step;
    for (int64_t r = 0; r < info->rows; r++)
        for (int64_t c = 0; c < info->columns; c++)
            *dst++ = src[r * volume->row_step + c * volume->column_step];
    return NW_OK;
}

nw_status nw_volume_put_slice(const nw_volume *volume, int64_t slice, const float *src, float *dst,
                              nw_error *err)
{
    NW_TRY(check_slice(volume, slice, err));
    const nw_volume_info *info = &volume->info;
    if (info->kind != NW_KIND_SCAN) {
        size_t count = (size_t)(info->rows * info->columns);
        memcpy(dst + (size_t)slice * count, src, count * sizeof *dst);
        return NW_OK;
    }
    dst += volume->origin + slice * volume->slice_step;
    for (int64_t r = 0; r < info->rows; r++)
        for (int64_t c = 0; c < info->columns; c++)
            dst[r * volume->row_step + c * volume->column_step] = *src++;
    return NW_OK;
}
