#include "explain.h"
#include "mask.h"
#include "predict.h"
#include "terminal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A slice of the mask for this input, or NULL (said, where it does not fit): a picture does without it. */
static float *read_mask(const explain *e, const nw_input *input, const nw_volume_info *image, int64_t slice)
{
    nw_error err;
    nw_volume *volume = NULL;
    float *mask = NULL;
    char *path = cli_mask_path(e->a->beside, input->name);
    if (!path) {
        cli_warn("%s: there is no mask of that name in %s", input->name, e->a->beside);
        return NULL;
    }
    if (cli_job_read(&e->job, path, &volume, &err) != NW_OK) {
        cli_warn("%s", err.message);
    } else {
        const nw_volume_info *info = nw_volume_get_info(volume);
        int64_t at = info->slices == 1 ? 0 : slice;
        mask = cli_calloc((size_t)info->channels * (size_t)info->rows * (size_t)info->columns, sizeof *mask);
        if (info->rows != image->rows || info->columns != image->columns || at >= info->slices) {
            cli_warn("%s: %lld x %lld, %lld slices do not fit the image's %lld x %lld, %lld slices", path,
                     (long long)info->rows, (long long)info->columns, (long long)info->slices,
                     (long long)image->rows, (long long)image->columns, (long long)image->slices);
            free(mask);
            mask = NULL;
        } else if (nw_volume_slice(volume, at, mask, &err) != NW_OK) {
            cli_warn("%s", err.message);
            free(mask);
            mask = NULL;
        }
    }
    nw_volume_free(volume);
    free(path);
    return mask;
}

static char *title_of(const explain *e, const nw_map *map, const nw_input *input, const nw_volume_info *info,
                      int64_t slice)
{
    char where[64] = "", what[256];
    if (info->slices > 1)
        snprintf(where, sizeof where, " \xc2\xb7 slice %lld of %lld", (long long)slice,
                 (long long)info->slices);
    double p = cli_probability_of(map->head, map->probabilities, map->output_count, map->target);
    const char *name = cli_job_class(&e->job, map->target);
    if (isnan(p)) {
        size_t i = (size_t)map->target < map->output_count ? (size_t)map->target : 0;
        snprintf(what, sizeof what, "output %.4g", (double)map->logits[i]);
    } else {
        snprintf(what, sizeof what, "class %lld%s%.100s%s \xc2\xb7 probability %.3f", (long long)map->target,
                 name ? " (" : "", name ? name : "", name ? ")" : "", p);
    }
    return cli_printf("%s%s \xc2\xb7 %s", input->name, where, what);
}

static char *caption_of(const explain *e, const nw_map *map)
{
    if (!map->capacity) return cli_printf("%s at %s", map->method, map->layer);
    return cli_printf(
        "%s at %s: %.1f bits \xc2\xb7 beta %g (%s), %d steps, %s%lld samples, seed %lld", map->method,
        map->layer, map->total_bits, e->a->method.beta, e->a->method.beta_over ? "sum" : "mean", map->steps,
        e->a->method.schedule ? "up to " : "", (long long)e->a->method.samples, (long long)e->a->method.seed);
}

/* Whether an orientation exchanges rows and columns. */
static bool on_its_side(nw_orient orient)
{
    return orient == NW_ORIENT_TRANSPOSE || orient == NW_ORIENT_ROT90 || orient == NW_ORIENT_ROT270 ||
           orient == NW_ORIENT_TRANSVERSE;
}

/* src[rows][columns] as that orientation shows it, to be freed; NULL for NULL. */
static float *turned(const float *src, nw_orient orient, int64_t rows, int64_t columns)
{
    if (!src) return NULL;
    bool side = on_its_side(orient);
    bool up = orient == NW_ORIENT_ROT180 || orient == NW_ORIENT_FLIP_V || orient == NW_ORIENT_ROT270 ||
              orient == NW_ORIENT_TRANSVERSE;
    bool left = orient == NW_ORIENT_ROT180 || orient == NW_ORIENT_FLIP_H || orient == NW_ORIENT_ROT90 ||
                orient == NW_ORIENT_TRANSVERSE;
    int64_t height = side ? columns : rows, width = side ? rows : columns;
    float *dst = cli_calloc((size_t)rows * (size_t)columns, sizeof *dst);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            int64_t r = side ? x : y, c = side ? y : x;
            dst[y * width + x] = src[(up ? rows - 1 - r : r) * columns + (left ? columns - 1 - c : c)];
        }
    return dst;
}

static nw_status draw(const explain *e, nw_orient orient, const nw_volume_info *info, const float *image,
                      const float *map, const float *mask, nw_overlay *overlay, nw_picture *out,
                      nw_error *err)
{
    bool side = on_its_side(orient);
    double aspect = info->row_mm > 0 && info->column_mm > 0 ? info->row_mm / info->column_mm : 1;
    float *seen[3] = {turned(image, orient, info->rows, info->columns),
                      turned(map, orient, info->rows, info->columns),
                      turned(mask, orient, info->rows, info->columns)};
    overlay->image = seen[0];
    overlay->map = seen[1];
    overlay->mask = seen[2];
    overlay->rows = side ? info->columns : info->rows;
    overlay->columns = side ? info->rows : info->columns;
    overlay->aspect = side ? 1 / aspect : aspect;
    overlay->high = isnan(e->a->high) ? 0 : e->a->high;
    overlay->colormap = nw_colormap_name((size_t)e->a->colormap);
    nw_status status = nw_overlay_draw(overlay, out, err);
    for (int i = 0; i < 3; i++) free(seen[i]);
    return status;
}

nw_status explain_picture(const explain *e, const explain_method *method, const nw_input *input,
                          const nw_volume *volume, const char *path, nw_error *err)
{
    const nw_volume_info *info = nw_volume_get_info(volume);
    const nw_map *map = method->view.from;
    float *image = cli_calloc((size_t)info->rows * (size_t)info->columns, sizeof *image);
    float *mask = e->a->beside ? read_mask(e, input, info, method->view.slice) : NULL;
    char *title = title_of(e, map, input, info, method->view.slice), *caption = caption_of(e, map);
    nw_overlay overlay = {
        .unit = strstr(map->unit, "bits") ? "bit/px" : "", .title = title, .caption = caption};
    nw_picture picture = {0};
    nw_preprocess pre = cli_job_pre(&e->job, input);
    nw_status status = nw_preprocess_view(&pre, volume, method->view.slice, image, err);
    if (status == NW_OK)
        status = draw(e, e->a->upright ? pre.orient : NW_ORIENT_NONE, info, image, method->view.map, mask,
                      &overlay, &picture, err);
    if (status == NW_OK) status = nw_picture_write_png(&picture, path, err);
    nw_picture_free(&picture);
    free(image);
    free(mask);
    free(title);
    free(caption);
    return status;
}
