/* What a model will see, on one sheet. */
#include "dataset/dataset.h"
#include "report/canvas.h"

#include <string.h>

enum { GAP = 8, TEXT = 22, LEAST_SIDE = 160, MOST_SIDE = 320, MOST_TILES = 4096, SHOWN = 3, SEAM = 2 };

static const nw_rgb paper = {255, 255, 255}, ink = {40, 40, 40}, quiet = {120, 120, 120};

typedef struct sheet {
    nw_dataset *data;
    nw_split split;
    const nw_augment *policy;
    uint64_t seed;
    int rows, columns;
    int enlarge, reduce; /* pixels of the sheet for a pixel of the image, or the other way round */
    int width, height;   /* of a slice */
    int shown;           /* slices of a volume, side by side; 1 of pictures */
    int tile;            /* width of an image with its slices */
    float *values;
    nw_picture picture;
} sheet;

/* Of volumes slices a quarter, half and three quarters up; the only plane of a picture. */
static int64_t slice_of(const sheet *s, int place)
{
    int64_t depth = s->data->pre.depth;
    return s->shown == 1 ? depth / 2 : depth * (place + 1) / (s->shown + 1);
}

static unsigned char grey_of(const nw_preprocess *pre, float value, int channel, const float range[2])
{
    double mean = pre->mean_count == 0 ? 0 : pre->mean[pre->mean_count == 1 ? 0 : channel];
    double std = pre->std_count == 0 ? 1 : pre->std[pre->std_count == 1 ? 0 : channel];
    double v = ((double)value * std + mean - (double)range[0]) / (double)(range[1] - range[0]);
    return (unsigned char)(255 * (v < 0 ? 0 : v > 1 ? 1 : v) + 0.5);
}

/* 0..1, or the range of an image that has other values; of a volume by what is shown in the middle. */
static void range_of(const sheet *s, float range[2])
{
    const nw_preprocess *pre = &s->data->pre;
    range[0] = 0;
    range[1] = 1;
    int64_t area = pre->height * pre->width;
    const float *plane = s->values + slice_of(s, s->shown / 2) * area;
    for (int64_t i = 0; i < area; i++) {
        float mean = pre->mean_count ? (float)pre->mean[0] : 0, std = pre->std_count ? (float)pre->std[0] : 1;
        float v = plane[i] * std + mean;
        if (v < range[0] - 1e-3F) range[0] = v;
        if (v > range[1] + 1e-3F) range[1] = v;
    }
}

static void paste_slice(sheet *s, int64_t slice, int left, int top, const float range[2])
{
    const nw_preprocess *pre = &s->data->pre;
    int64_t area = pre->height * pre->width;
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            unsigned char *to =
                s->picture.rgb + 3 * ((size_t)(top + y) * (size_t)s->picture.width + (size_t)(left + x));
            for (int k = 0; k < 3; k++) {
                int channel = pre->channels >= 3 ? k : 0;
                const float *plane =
                    s->values + channel * (int64_t)nw_dataset_size(s->data) / pre->channels + slice * area;
                float sum = 0;
                for (int v = 0; v < s->reduce; v++)
                    for (int u = 0; u < s->reduce; u++)
                        sum += plane[(int64_t)(y / s->enlarge * s->reduce + v) * pre->width +
                                     x / s->enlarge * s->reduce + u];
                to[k] = grey_of(pre, sum / (float)(s->reduce * s->reduce), channel, range);
            }
        }
}

static void paste(sheet *s, int left, int top, const float range[2])
{
    for (int i = 0; i < s->shown; i++)
        paste_slice(s, slice_of(s, i), left + i * (s->width + SEAM), top, range);
}

static void caption(sheet *s, const nw_sample *item, int top)
{
    char text[600];
    if (s->data->task == NW_TASK_REGRESSION || s->data->task == NW_TASK_MULTILABEL || item->class_index < 0)
        snprintf(text, sizeof text, "%.200s", *item->label ? item->label : "none");
    else
        snprintf(text, sizeof text, "%.200s", s->data->classes[item->class_index]);
    nw_text(&s->picture, GAP, top, 0.75, text, 0, ink);
    double at = GAP + nw_text_width(text, 0.75) + 16;
    if (s->data->sources[s->data->item_source[item - s->data->items]].slices > 1 && item->slice >= 0)
        snprintf(text, sizeof text, "%.400s, slice %lld", item->name, (long long)item->slice);
    else
        snprintf(text, sizeof text, "%.400s", item->name);
    double room = (double)s->picture.width - at - GAP;
    if (room > 20) nw_text(&s->picture, at, top, 0.75, text, room, quiet);
}

static nw_status draw(sheet *s, const size_t *indices, nw_error *err)
{
    for (int c = 0; c < s->columns; c++) {
        char title[40];
        snprintf(title, sizeof title, c ? "epoch %d" : "as it is", c - 1);
        nw_text(&s->picture, GAP + c * (s->tile + GAP), GAP, 0.75, title, s->tile, quiet);
    }
    for (int r = 0; r < s->rows; r++) {
        int top = TEXT + GAP + r * (s->height + TEXT + GAP);
        float range[2] = {0, 1};
        for (int c = 0; c < s->columns; c++) {
            NW_TRY(nw_dataset_load(s->data, s->split, indices[r], c ? s->policy : NULL, s->seed,
                                   c ? (uint64_t)(c - 1) : 0, s->values, err));
            if (c == 0) range_of(s, range);
            paste(s, GAP + c * (s->tile + GAP), top, range);
        }
        caption(s, nw_dataset_sample(s->data, s->split, indices[r]), top + s->height + 5);
    }
    return NW_OK;
}

nw_status nw_dataset_preview(nw_dataset *data, nw_split split, const nw_augment *policy, uint64_t seed,
                             int rows, int columns, const char *path, nw_error *err)
{
    if (rows < 1 || columns < 1 || rows > MOST_TILES / columns)
        return nw_fail(err, NW_USAGE, "a sheet of %d x %d images: 1 to %d are possible", rows, columns,
                       MOST_TILES);
    const nw_preprocess *pre = &data->pre;
    sheet s = {
        .data = data, .split = split, .policy = policy, .seed = seed, .rows = rows, .columns = columns};
    int64_t side = pre->height > pre->width ? pre->height : pre->width;
    s.shown = pre->depth >= SHOWN ? SHOWN : 1;
    int64_t least = LEAST_SIDE / (s.shown > 1 ? 2 : 1), most = MOST_SIDE / (s.shown > 1 ? 2 : 1);
    s.enlarge = side < least ? (int)((least + side - 1) / side) : 1;
    s.reduce = side > most ? (int)((side + most - 1) / most) : 1;
    s.height = (int)(pre->height / s.reduce) * s.enlarge;
    s.width = (int)(pre->width / s.reduce) * s.enlarge;
    s.tile = s.shown * s.width + (s.shown - 1) * SEAM;
    if (s.height < 1 || s.width < 1)
        return nw_fail(err, NW_USAGE, "images of %lld x %lld cannot be shown on a sheet",
                       (long long)pre->height, (long long)pre->width);
    size_t *indices = nw_calloc((size_t)rows, sizeof *indices);
    size_t size = nw_dataset_size(data);
    s.values = nw_alloc_aligned(size, sizeof *s.values);
    nw_status status = indices && s.values ? NW_OK : nw_no_memory(err, size * sizeof *s.values, path);
    if (status == NW_OK)
        status = nw_dataset_order(data, split, data->task != NW_TASK_REGRESSION, seed, 0, indices,
                                  (size_t)rows, err);
    if (status == NW_OK)
        status = nw_picture_new(GAP + columns * (s.tile + GAP), TEXT + GAP + rows * (s.height + TEXT + GAP),
                                paper, &s.picture, err);
    if (status == NW_OK) {
        status = draw(&s, indices, err);
        if (status == NW_OK) status = nw_picture_write_png(&s.picture, path, err);
        nw_picture_free(&s.picture);
    }
    nw_free(indices);
    nw_free(s.values);
    return status;
}
