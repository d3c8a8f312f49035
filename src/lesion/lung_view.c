/* A scan as its lungs alone: cut to their box, and dark outside them, so that nothing else can be learned. */
#include "base/error.h"
#include "base/memory.h"
#include "image/volume.h"
#include "lesion/distance.h"
#include "lesion/grid.h"

#include <jansson.h>
#include <math.h>
#include <narrows/lesion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Below the window's low end: as dark as any window that augmentation makes of it shows. */
enum { DARKER_HU = 1000 };

static int64_t voxel_of(const nw_volume *scan, int64_t slice, int64_t row, int64_t column)
{
    return scan->origin + slice * scan->slice_step + row * scan->row_step + column * scan->column_step;
}

/* The box that holds the lungs of all slices, so that a slice is not larger than its neighbour; the whole
 * slice where there are none. */
static void box_of(const nw_volume *scan, const uint8_t *labels, double margin, int64_t box[4])
{
    const nw_volume_info *info = &scan->info;
    int64_t top = info->rows, bottom = 0, left = info->columns, right = 0;
    for (int64_t s = 0; s < info->slices; s++)
        for (int64_t r = 0; r < info->rows; r++)
            for (int64_t c = 0; c < info->columns; c++) {
                if (!labels[voxel_of(scan, s, r, c)]) continue;
                top = r < top ? r : top;
                bottom = r >= bottom ? r + 1 : bottom;
                left = c < left ? c : left;
                right = c >= right ? c + 1 : right;
            }
    int64_t rows = (int64_t)ceil(margin / info->row_mm), columns = (int64_t)ceil(margin / info->column_mm);
    bool none = bottom == 0;
    box[0] = !none && top > rows ? top - rows : 0;
    box[1] = !none && bottom + rows < info->rows ? bottom + rows : info->rows;
    box[2] = !none && left > columns ? left - columns : 0;
    box[3] = !none && right + columns < info->columns ? right + columns : info->columns;
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

static float dark(const nw_preprocess *pre, const nw_volume *scan)
{
    if (pre->scale == NW_SCALE_WINDOW) return (float)(pre->low - DARKER_HU);
    float least = scan->voxels[0];
    for (size_t i = 1; i < voxels(scan); i++) least = scan->voxels[i] < least ? scan->voxels[i] : least;
    return least;
}

/* The scan with the dark value where there is no label, on the same grid. */
static nw_status fill(const nw_volume *scan, const uint8_t *labels, float outside, nw_volume **out,
                      nw_error *err)
{
    size_t count = voxels(scan);
    nw_volume *v = nw_calloc(1, sizeof *v);
    if (v)
        *v = (nw_volume){.info = scan->info,
                         .origin = scan->origin,
                         .slice_step = scan->slice_step,
                         .row_step = scan->row_step,
                         .column_step = scan->column_step,
                         .path = nw_strdup(scan->path),
                         .voxels = nw_alloc_aligned(count, sizeof *v->voxels)};
    if (!v || !v->voxels || !v->path) {
        nw_volume_free(v);
        return nw_no_memory(err, count * sizeof(float), scan->path);
    }
    memcpy(v->digest, scan->digest, sizeof v->digest);
    for (size_t i = 0; i < count; i++) v->voxels[i] = labels[i] ? scan->voxels[i] : outside;
    *out = v;
    return NW_OK;
}

nw_status nw_lung_view_make(const nw_lung_view *view, const nw_volume *scan, nw_preprocess *pre,
                            nw_volume **seen, nw_error *err)
{
    nw_grid grid;
    const float *hu;
    nw_lungs *lungs = NULL;
    nw_volume *filled = NULL;
    int64_t box[4] = {0, scan->info.rows, 0, scan->info.columns};
    if (!(view->margin_mm >= 0) || !isfinite(view->margin_mm))
        return nw_fail(err, NW_USAGE, "a margin of %g mm around the lungs cannot be", view->margin_mm);
    NW_TRY(nw_grid_of_volume(scan, &grid, &hu, err));
    nw_status status = nw_lungs_segment(&grid, hu, NULL, NULL, &lungs, err);
    if (status != NW_OK) return nw_fail_within(err, status, "%s", scan->path);
    if (lungs->warnings & (1U << NW_LUNG_INDEX_NOT_HU))
        status = nw_fail(err, NW_BAD_INPUT,
                         "%s: the values do not look like HU, so its lungs cannot be found", scan->path);
    if (status == NW_OK && view->crop) box_of(scan, lungs->labels, view->margin_mm, box);
    if (status == NW_OK && view->fill && view->margin_mm > 0)
        status = widen(scan, lungs->labels, view->margin_mm, err);
    if (status == NW_OK && view->fill) status = fill(scan, lungs->labels, dark(pre, scan), &filled, err);
    nw_lungs_free(lungs);
    NW_TRY(status);
    if (view->crop) memcpy(pre->crop, box, sizeof box);
    *seen = filled;
    return NW_OK;
}

nw_status nw_lung_view_parse(const char *json, const char *where, nw_lung_view *view, nw_error *err)
{
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    int crop = 0, filled = 0;
    double margin = 0;
    bool good =
        root &&
        json_unpack(root, "{s:b, s:b, s:F!}", "crop", &crop, "fill", &filled, "margin_mm", &margin) == 0 &&
        isfinite(margin) && margin >= 0;
    json_decref(root);
    if (!good)
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s: must be {\"crop\": true or false, \"fill\": true or false, \"margin_mm\": at least 0}",
            where);
    *view = (nw_lung_view){crop, filled, margin};
    return NW_OK;
}

size_t nw_lung_view_json(const nw_lung_view *view, char *text, size_t size)
{
    json_t *root =
        json_pack("{s:b, s:b, s:f}", "crop", view->crop, "fill", view->fill, "margin_mm", view->margin_mm);
    char *dumped = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    int length = snprintf(text, size, "%s", dumped ? dumped : "");
    free(dumped);
    json_decref(root);
    return length < 0 ? 0 : (size_t)length;
}
