#include "base/memory.h"
#include "evaluate/evaluate.h"
#include "image/orient.h"

#include <string.h>

/* 1 where a channel is not 0. */
static nw_status marked(const nw_volume *mask, int64_t slice, float **out, nw_error *err)
{
    const nw_volume_info *info = nw_volume_get_info(mask);
    int64_t pixels = info->rows * info->columns;
    float *planes = nw_alloc_aligned((size_t)pixels, (size_t)info->channels * sizeof *planes);
    if (!planes) return nw_no_memory(err, (size_t)pixels * sizeof *planes, nw_volume_path(mask));
    nw_status status = nw_volume_slice(mask, slice, planes, err);
    if (status != NW_OK) {
        nw_free(planes);
        return status;
    }
    for (int64_t i = 0; i < pixels; i++) {
        bool inside = false;
        for (int64_t c = 0; c < info->channels; c++)
            inside |= planes[c * pixels + i] < 0 || planes[c * pixels + i] > 0;
        planes[i] = inside ? 1 : 0;
    }
    *out = planes;
    return NW_OK;
}

/* The source pixel that the centre of pixel i falls into; between two centres the later one. */
static int64_t nearest(int64_t i, int64_t from, int64_t to)
{
    return (2 * i + 1) * from / (2 * to);
}

static void resize(const float *src, int64_t src_rows, int64_t src_columns, int64_t rows, int64_t columns,
                   uint8_t *dst)
{
    for (int64_t r = 0; r < rows; r++) {
        const float *line = src + nearest(r, src_rows, rows) * src_columns;
        for (int64_t c = 0; c < columns; c++) *dst++ = line[nearest(c, src_columns, columns)] > 0;
    }
}

nw_status nw_mask_for_model(const nw_preprocess *pre, const nw_volume *image, const nw_volume *mask,
                            int64_t slice, uint8_t *dst, nw_error *err)
{
    const nw_volume_info *info = nw_volume_get_info(mask);
    float *plane = NULL;
    if (pre->height < 1 || pre->width < 1)
        return nw_fail(err, NW_USAGE, "%s: the size of the model's input is not known", nw_volume_path(mask));
    NW_TRY(marked(mask, slice, &plane, err));
    int64_t rows = info->rows, columns = info->columns;
    if (pre->crop[1] > 0) {
        const int64_t *crop = pre->crop;
        if (crop[1] > rows || crop[3] > columns || crop[0] < 0 || crop[2] < 0 || crop[0] >= crop[1] ||
            crop[2] >= crop[3]) {
            nw_free(plane);
            return nw_fail(err, NW_USAGE, "%s: the crop is no part of %lld x %lld", nw_volume_path(mask),
                           (long long)rows, (long long)columns);
        }
        rows = crop[1] - crop[0];
        columns = crop[3] - crop[2];
        for (int64_t r = 0; r < rows; r++)
            memmove(plane + r * columns, plane + (crop[0] + r) * info->columns + crop[2],
                    (size_t)columns * sizeof *plane);
    }
    float *turned = nw_alloc_aligned((size_t)(rows * columns), sizeof *turned);
    if (!turned) {
        nw_free(plane);
        return nw_no_memory(err, (size_t)(rows * columns) * sizeof *turned, nw_volume_path(mask));
    }
    /* A tensor that goes in as it is is not turned. */
    bool as_is = nw_volume_get_info(image)->kind == NW_KIND_TENSOR && !pre->tensors_as_images;
    nw_orient orient = as_is ? NW_ORIENT_NONE : pre->orient;
    bool swaps = nw_orient_swaps(orient);
    nw_orient_apply(orient, rows, columns, plane, turned);
    resize(turned, swaps ? columns : rows, swaps ? rows : columns, pre->height, pre->width, dst);
    nw_free(plane);
    nw_free(turned);
    return NW_OK;
}

nw_status nw_mask_for_image(const nw_volume *mask, int64_t slice, int64_t rows, int64_t columns, uint8_t *dst,
                            nw_error *err)
{
    const nw_volume_info *info = nw_volume_get_info(mask);
    float *plane = NULL;
    if (rows < 1 || columns < 1)
        return nw_fail(err, NW_USAGE, "%s: a mask cannot be brought to %lld x %lld pixels",
                       nw_volume_path(mask), (long long)rows, (long long)columns);
    NW_TRY(marked(mask, slice, &plane, err));
    resize(plane, info->rows, info->columns, rows, columns, dst);
    nw_free(plane);
    return NW_OK;
}
