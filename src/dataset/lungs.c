/* A scan cut to its lungs, and dark outside them: what is not lung cannot be learned. */
#include "dataset/dataset.h"
#include "image/volume.h"
#include "lesion/distance.h"
#include "lesion/grid.h"

#include <math.h>
#include <narrows/lesion.h>
#include <string.h>

/* A part of every slice, in rows and columns as shown; ends are not included. */
typedef struct box {
    int64_t top, bottom, left, right;
} box;

static int64_t voxel_of(const nw_volume *scan, int64_t slice, int64_t row, int64_t column)
{
    return scan->origin + slice * scan->slice_step + row * scan->row_step + column * scan->column_step;
}

/* The box that holds the lungs of all slices, so that a slice is not larger than its neighbour. */
static box box_of(const nw_volume *scan, const uint8_t *labels, double margin)
{
    const nw_volume_info *info = &scan->info;
    box b = {info->rows, 0, info->columns, 0};
    for (int64_t s = 0; s < info->slices; s++)
        for (int64_t r = 0; r < info->rows; r++)
            for (int64_t c = 0; c < info->columns; c++) {
                if (!labels[voxel_of(scan, s, r, c)]) continue;
                b.top = r < b.top ? r : b.top;
                b.bottom = r >= b.bottom ? r + 1 : b.bottom;
                b.left = c < b.left ? c : b.left;
                b.right = c >= b.right ? c + 1 : b.right;
            }
    int64_t rows = (int64_t)ceil(margin / info->row_mm), columns = (int64_t)ceil(margin / info->column_mm);
    b.top = b.top > rows ? b.top - rows : 0;
    b.left = b.left > columns ? b.left - columns : 0;
    b.bottom = b.bottom + rows < info->rows ? b.bottom + rows : info->rows;
    b.right = b.right + columns < info->columns ? b.right + columns : info->columns;
    return b;
}

static size_t voxels(const nw_volume *scan)
{
    return (size_t)(scan->info.dims[0] * scan->info.dims[1] * scan->info.dims[2]);
}

/* labels: 0 becomes 3 within the margin, so that the pleura stays. */
static nw_status widen(const nw_volume *scan, uint8_t *labels, double margin, nw_error *err)
{
    size_t count = voxels(scan);
    float *distance = nw_alloc_aligned(count, sizeof *distance);
    uint8_t *lung = nw_alloc_aligned(count, sizeof *lung);
    nw_status status = NW_OK;
    if (distance && lung) {
        for (size_t i = 0; i < count; i++) lung[i] = labels[i] != 0;
        status = nw_distance_squared(lung, scan->info.dims, scan->info.spacing, 1, 1, margin, distance, err);
        for (size_t i = 0; status == NW_OK && i < count; i++)
            if (!labels[i] && (double)distance[i] <= margin * margin) labels[i] = 3;
    } else {
        status = nw_no_memory(err, count * sizeof *distance, scan->path);
    }
    nw_free(distance);
    nw_free(lung);
    return status;
}

/* As dark as any window that is asked for shows it. */
static float dark(const nw_dataset *data, const nw_volume *scan)
{
    if (data->pre.scale == NW_SCALE_WINDOW) return (float)(data->pre.low - NW_WIDE_HU);
    float least = scan->voxels[0];
    for (size_t i = 1; i < voxels(scan); i++) least = scan->voxels[i] < least ? scan->voxels[i] : least;
    return least;
}

static nw_status cut(const nw_dataset *data, const nw_volume *scan, const uint8_t *labels, const box *b,
                     nw_volume **out, nw_error *err)
{
    int64_t rows = b->bottom - b->top, columns = b->right - b->left;
    size_t count = (size_t)(scan->info.slices * rows * columns);
    nw_volume *v = nw_calloc(1, sizeof *v);
    if (v) v->voxels = nw_alloc_aligned(count, sizeof *v->voxels);
    if (v) v->path = nw_strdup(scan->path);
    if (!v || !v->voxels || !v->path) {
        nw_volume_free(v);
        return nw_no_memory(err, count * sizeof(float), scan->path);
    }
    v->info = scan->info;
    v->info.rows = rows;
    v->info.columns = columns;
    v->slice_step = rows * columns;
    v->row_step = columns;
    v->column_step = 1;
    float outside = dark(data, scan), *to = v->voxels;
    bool fill = data->options.lungs_fill != 0;
    for (int64_t s = 0; s < scan->info.slices; s++)
        for (int64_t r = b->top; r < b->bottom; r++)
            for (int64_t c = b->left; c < b->right; c++) {
                int64_t at = voxel_of(scan, s, r, c);
                *to++ = fill && !labels[at] ? outside : scan->voxels[at];
            }
    *out = v;
    return NW_OK;
}

nw_status nw_source_lungs(const nw_dataset *data, nw_volume *scan, nw_volume **out, nw_error *err)
{
    const nw_dataset_options *o = &data->options;
    double margin = o->lungs_margin_mm == 0 ? 5 : o->lungs_margin_mm < 0 ? 0 : o->lungs_margin_mm;
    nw_grid grid;
    const float *hu;
    nw_lungs *lungs = NULL;
    NW_TRY(nw_grid_of_volume(scan, &grid, &hu, err));
    nw_status status = nw_lungs_segment(&grid, hu, NULL, NULL, &lungs, err);
    if (status != NW_OK) return nw_fail_within(err, status, "%s", scan->path);
    box b = {0, scan->info.rows, 0, scan->info.columns};
    if (lungs->warnings & (1U << NW_LUNG_INDEX_NOT_HU))
        status = nw_fail(err, NW_BAD_INPUT,
                         "%s: the values do not look like HU, so its lungs cannot be found", scan->path);
    if (status == NW_OK && o->lungs_crop) b = box_of(scan, lungs->labels, margin);
    if (status == NW_OK && o->lungs_fill && margin > 0) status = widen(scan, lungs->labels, margin, err);
    if (status == NW_OK) status = cut(data, scan, lungs->labels, &b, out, err);
    nw_lungs_free(lungs);
    return status;
}
