/* Mean and deviation of the training images. */
#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <narrows/train.h>

enum { USUAL = 256 };

nw_status nw_train_moments(nw_dataset *data, size_t images, double *mean, double *std, nw_error *err)
{
    const nw_preprocess *pre = nw_dataset_preprocess(data);
    int64_t depth = pre->depth ? pre->depth : 1;
    size_t all = nw_dataset_count(data, NW_SPLIT_TRAIN), plane = (size_t)(depth * pre->height * pre->width);
    size_t channels = (size_t)pre->channels, take = images ? images : USUAL;
    if (!all) return nw_fail(err, NW_BAD_INPUT, "the training split is empty");
    if (take > all) take = all;
    float *pixels = nw_calloc(channels * plane, sizeof *pixels);
    if (!pixels) return nw_no_memory(err, channels * plane * sizeof *pixels, "an image");
    double sum[NW_MAX_CHANNELS] = {0}, squares[NW_MAX_CHANNELS] = {0};
    nw_status status = NW_OK;
    for (size_t i = 0; i < take && status == NW_OK; i++) {
        status = nw_dataset_load(data, NW_SPLIT_TRAIN, i * all / take, NULL, 0, 0, pixels, err);
        for (size_t c = 0; c < channels && status == NW_OK; c++)
            for (size_t k = 0; k < plane; k++) {
                double v = (double)pixels[c * plane + k];
                sum[c] += v;
                squares[c] += v * v;
            }
    }
    nw_free(pixels);
    if (status != NW_OK) return status;
    for (size_t c = 0; c < channels; c++) {
        double n = (double)take * (double)plane;
        mean[c] = sum[c] / n;
        double variance = squares[c] / n - mean[c] * mean[c];
        std[c] = variance > 1e-12 ? sqrt(variance) : 1; /* images without any contrast stay as they are */
    }
    return NW_OK;
}
