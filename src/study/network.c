/* Lungs by a segmentation network that the engine runs slice by slice. */
#include "study/source.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

typedef struct segmenter {
    nw_model *model;
    const nw_preprocess *pre;
    nw_program *program;
    const char *input, *output;
    int64_t channels, rows, columns; /* of the output */
    bool logit;                      /* one channel of logits, not of probabilities */
    float *label;                    /* [rows][columns] of the output */
    float *wide, *plane;             /* the same at the model's size, and at the slice's */
} segmenter;

static void release(segmenter *s)
{
    nw_program_free(s->program);
    nw_free(s->label);
    nw_free(s->wide);
    nw_free(s->plane);
}

static nw_status open(segmenter *s, const nw_lung_source *source, const nw_volume_info *info, nw_error *err)
{
    s->model = source->model;
    s->pre = source->preprocess;
    const char *path = nw_model_path(s->model), *head = nw_model_metadata(s->model, "narrows.head");
    if (nw_model_input_count(s->model) != 1)
        return nw_fail(err, NW_UNSUPPORTED, "%s: a network for lungs has one input, this has %zu", path,
                       nw_model_input_count(s->model));
    s->input = nw_model_input_name(s->model, 0);
    s->output = nw_model_output_name(s->model, 0);
    s->logit = head && strstr(head, "logit");
    nw_shape shape = {4, {1, s->pre->channels, s->pre->height, s->pre->width}}, out;
    nw_program_options options = {.inputs = &s->input,
                                  .input_count = 1,
                                  .input_shapes = &shape,
                                  .outputs = &s->output,
                                  .output_count = 1,
                                  .threads = source->threads};
    NW_TRY(nw_program_compile(s->model, &options, &s->program, err));
    nw_program_output(s->program, s->output, &out);
    if (out.rank < 3 || out.rank > 4 || out.dims[0] != 1 || out.dims[out.rank - 1] < 1 ||
        out.dims[out.rank - 2] < 1 || out.dims[1] < 1)
        return nw_fail(err, NW_UNSUPPORTED,
                       "%s: output '%s' is no segmentation: [1, labels, rows, columns] is needed", path,
                       s->output);
    s->channels = out.rank == 4 ? out.dims[1] : 1;
    s->rows = out.dims[out.rank - 2];
    s->columns = out.dims[out.rank - 1];
    s->label = nw_calloc((size_t)(s->rows * s->columns), sizeof *s->label);
    s->wide = nw_calloc((size_t)(s->pre->height * s->pre->width), sizeof *s->wide);
    s->plane = nw_calloc((size_t)(info->rows * info->columns), sizeof *s->plane);
    if (!s->label || !s->wide || !s->plane)
        return nw_no_memory(err, (size_t)(info->rows * info->columns) * sizeof(float), "labels of lungs");
    return NW_OK;
}

/* The label at each position of the output. */
static nw_status read_labels(segmenter *s, nw_error *err)
{
    const float *y = nw_program_output(s->program, s->output, NULL);
    int64_t n = s->rows * s->columns;
    for (int64_t i = 0; i < n; i++) {
        int64_t best = 0;
        for (int64_t c = 0; c < s->channels; c++) {
            if (!isfinite(y[c * n + i]))
                return nw_fail(err, NW_NOT_FINITE, "%s: the output is not finite", nw_model_path(s->model));
            if (y[c * n + i] > y[best * n + i]) best = c;
        }
        s->label[i] = s->channels > 1 ? (float)best : y[i] >= (s->logit ? 0.0f : 0.5f) ? 1.0f : 0.0f;
    }
    return NW_OK;
}

/* Nearest neighbour at the centres of dst's pixels. */
static void enlarge(const float *src, int64_t rows, int64_t columns, float *dst, int64_t height,
                    int64_t width)
{
    for (int64_t r = 0; r < height; r++)
        for (int64_t c = 0; c < width; c++)
            dst[r * width + c] =
                src[(2 * r + 1) * rows / (2 * height) * columns + (2 * c + 1) * columns / (2 * width)];
}

/* Labels cannot be interpolated: each is brought back as a picture of zeros and ones, and a pixel takes it
 * where that says more than a half. */
static nw_status to_slice(segmenter *s, const nw_volume *scan, int64_t slice, float *labels, float *dst,
                          nw_error *err)
{
    const nw_volume_info *info = nw_volume_get_info(scan);
    size_t pixels = (size_t)(info->rows * info->columns), inner = (size_t)(s->pre->height * s->pre->width);
    int64_t labels_from = 1, labels_to = s->channels > 1 ? s->channels : 2;
    float *one = nw_calloc(inner, sizeof *one);
    if (!one) return nw_no_memory(err, inner * sizeof *one, "labels of lungs");
    enlarge(s->label, s->rows, s->columns, s->wide, s->pre->height, s->pre->width);
    memset(labels, 0, pixels * sizeof *labels);
    nw_status status = NW_OK;
    for (int64_t k = labels_from; k < labels_to && status == NW_OK; k++) {
        bool any = false;
        for (size_t i = 0; i < inner; i++) {
            one[i] = s->wide[i] == (float)k ? 1 : 0;
            any |= one[i] > 0;
        }
        if (!any) continue;
        status = nw_preprocess_map_back(s->pre, scan, slice, NW_MAP_VALUE, one, dst, err);
        for (size_t i = 0; status == NW_OK && i < pixels; i++)
            if (dst[i] > 0.5f) labels[i] = (float)k;
    }
    nw_free(one);
    return status;
}

static nw_status segment(segmenter *s, const nw_volume *scan, const nw_progress *progress, float *mask,
                         nw_error *err)
{
    const nw_volume_info *info = nw_volume_get_info(scan);
    float *pixels = nw_program_input(s->program, s->input, NULL);
    float *labels = nw_calloc((size_t)(info->rows * info->columns), sizeof *labels);
    if (!labels) return nw_no_memory(err, 0, "labels of lungs");
    nw_status status = NW_OK;
    for (int64_t k = 0; k < info->slices && status == NW_OK; k++) {
        if (progress && progress->call &&
            progress->call(progress->user, "lungs", (double)k, (double)info->slices))
            status = nw_fail(err, NW_CANCELLED, "lungs: interrupted at slice %lld", (long long)k);
        if (status == NW_OK) status = nw_preprocess_apply(s->pre, scan, k, pixels, err);
        if (status == NW_OK) status = nw_program_run(s->program, err);
        if (status == NW_OK) status = read_labels(s, err);
        if (status == NW_OK) status = to_slice(s, scan, k, labels, s->plane, err);
        if (status == NW_OK) status = nw_volume_put_slice(scan, k, labels, mask, err);
    }
    nw_free(labels);
    return status;
}

nw_status nw_lungs_network(const nw_lung_source *source, const nw_volume *scan, const nw_progress *progress,
                           nw_lungs **out, nw_error *err)
{
    const nw_volume_info *info = nw_volume_get_info(scan);
    nw_grid grid;
    const float *hu;
    segmenter s = {0};
    if (!source->model || !source->preprocess)
        return nw_fail(err, NW_USAGE, "lungs by a network need a model and its preprocessing");
    NW_TRY(nw_grid_of_volume(scan, &grid, &hu, err));
    size_t voxels = (size_t)(info->dims[0] * info->dims[1] * info->dims[2]);
    float *mask = nw_calloc(voxels, sizeof *mask);
    nw_status status = mask ? open(&s, source, info, err) : nw_no_memory(err, voxels * sizeof *mask, "lungs");
    if (status == NW_OK) status = segment(&s, scan, progress, mask, err);
    nw_labels_map labels = source->labels;
    /* By the channels, not by the labels that happen to be in this scan. */
    if (labels.kind == NW_LABELS_AUTO)
        labels.kind = s.channels <= 2              ? NW_LABELS_BINARY
                      : s.channels == NW_SIDES     ? NW_LABELS_LUNGS
                      : s.channels == NW_LOBES + 1 ? NW_LABELS_LOBES
                                                   : NW_LABELS_AUTO;
    if (status == NW_OK) status = nw_lungs_from_labels(&grid, hu, &grid, mask, &labels, out, err);
    release(&s);
    nw_free(mask);
    return status;
}
