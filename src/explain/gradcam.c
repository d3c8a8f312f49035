/* Grad-CAM: Selvaraju et al., ICCV 2017 (arXiv 1610.02391), eq. 1 and 2. */
#include "base/memory.h"
#include "explain/explainer.h"

#include <string.h>

static double at(const nw_explainer *e, const void *values, int64_t i)
{
    return e->options.precision == NW_PRECISION_F64 ? ((const double *)values)[i]
                                                    : (double)((const float *)values)[i];
}

static nw_status run(nw_explainer *e, uint64_t image, const nw_progress *progress, nw_map *map, nw_error *err)
{
    (void)image;
    (void)progress;
    NW_TRY(nw_explainer_backward(e, map->target, err));
    const void *x = nw_program_output(e->before, e->layer, NULL),
               *diff = nw_program_diff(e->before, e->layer, NULL);
    int64_t channels = e->layer_shape.dims[0], positions = 1;
    for (int i = 1; i < e->layer_shape.rank; i++) positions *= e->layer_shape.dims[i];
    double *sum = nw_calloc((size_t)positions, sizeof *sum);
    if (!sum) return nw_no_memory(err, (size_t)positions * sizeof *sum, "Grad-CAM");
    for (int64_t c = 0; c < channels; c++) {
        double weight = 0;
        for (int64_t i = 0; i < positions; i++) weight += at(e, diff, c * positions + i);
        weight /= (double)positions;
        for (int64_t i = 0; i < positions; i++) sum[i] += weight * at(e, x, c * positions + i);
    }
    /* NaN passes, to be found and named by the caller. */
    for (int64_t i = 0; i < positions; i++) map->layer_map[i] = sum[i] < 0 ? 0.F : (float)sum[i];
    nw_free(sum);
    return NW_OK;
}

const nw_method nw_method_gradcam = {
    .info = {.name = "gradcam",
             .description =
                 "Grad-CAM: feature maps weighted by the mean gradient of the target's logit, positive part",
             .unit = "relevance of logit"},
    .gradient = true,
    .run = run,
};
