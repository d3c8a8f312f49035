/* How to add a method: copy this file, rename, and add a line to methods.def. A test compiles this file as it
 * is, under the name "template", and runs it.
 *
 * The template's map is the mean of the feature map over its channels.
 */
#include "explain/explainer.h"

static nw_status run(nw_explainer *e, uint64_t image, const nw_progress *progress, nw_map *map, nw_error *err)
{
    (void)image;    /* the key of the random numbers, for methods that draw some */
    (void)progress; /* to be called, and obeyed, by methods that take long */
    (void)err;
    const void *x = nw_program_output(e->before, e->layer, NULL);
    bool wide = e->options.precision == NW_PRECISION_F64; /* the reference path computes in double */
    int64_t channels = e->layer_shape.dims[0], positions = 1;
    for (int i = 1; i < e->layer_shape.rank; i++) positions *= e->layer_shape.dims[i];
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < positions; i++) {
            int64_t at = c * positions + i;
            double value = wide ? ((const double *)x)[at] : (double)((const float *)x)[at];
            map->layer_map[i] += (float)(value / (double)channels);
        }
    return NW_OK;
}

const nw_method nw_method_template = {
    .info = {.name = "template", .description = "mean activation over the channels", .unit = "activation"},
    .run = run,
};
