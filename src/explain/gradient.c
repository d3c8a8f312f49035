/* The gradient of the target's logit at the input: Simonyan, Vedaldi and Zisserman, ICLR workshop 2014 (arXiv
 * 1312.6034), section 3.1: the largest absolute derivative over the channels of a pixel. */
#include "explain/explainer.h"

#include <math.h>

static nw_status run(nw_explainer *e, uint64_t image, const nw_progress *progress, nw_map *map, nw_error *err)
{
    (void)image;
    (void)progress;
    NW_TRY(nw_explainer_backward(e, map->target, err));
    const void *diff = nw_program_diff(e->before, e->layer, NULL);
    bool wide = e->options.precision == NW_PRECISION_F64;
    int64_t channels = e->layer_shape.dims[0], positions = 1;
    for (int i = 1; i < e->layer_shape.rank; i++) positions *= e->layer_shape.dims[i];
    for (int64_t i = 0; i < channels * positions; i++) {
        double size = fabs(wide ? ((const double *)diff)[i] : (double)((const float *)diff)[i]);
        float *most = &map->layer_map[i % positions];
        /* NaN stays, to be found and named by the caller. */
        if (!(size <= (double)*most)) *most = (float)size;
    }
    return NW_OK;
}

const nw_method nw_method_gradient = {
    .info = {.name = "gradient",
             .description = "absolute gradient of the target's logit at the input, largest of the channels",
             .unit = "logit per unit of input",
             .at_input = 1},
    .gradient = true,
    .run = run,
};
