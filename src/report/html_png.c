#include "report/html.h"

#include <spng.h>
#include <stdlib.h>

nw_status nw_raster_png(const nw_raster *raster, unsigned char **png, size_t *size, nw_error *err)
{
    spng_ctx *context = spng_ctx_new(SPNG_CTX_ENCODER);
    if (!context) return nw_no_memory(err, 0, "a PNG");
    struct spng_ihdr header = {.width = (uint32_t)raster->width,
                               .height = (uint32_t)raster->height,
                               .bit_depth = 8,
                               .color_type =
                                   raster->colours ? SPNG_COLOR_TYPE_INDEXED : SPNG_COLOR_TYPE_GRAYSCALE};
    struct spng_plte colours = {.n_entries = (uint32_t)raster->colours};
    struct spng_trns clear = {.n_type3_entries = (uint32_t)raster->colours};
    for (int i = 0; i < raster->colours; i++) {
        const unsigned char *c = raster->rgba[i];
        colours.entries[i] = (struct spng_plte_entry){.red = c[0], .green = c[1], .blue = c[2]};
        clear.type3_alpha[i] = c[3];
    }
    int code = spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1);
    if (!code) code = spng_set_option(context, SPNG_IMG_COMPRESSION_LEVEL, 5);
    /* Differences of neighbours say nothing about an index. */
    if (!code && raster->colours)
        code = spng_set_option(context, SPNG_FILTER_CHOICE, SPNG_FILTER_CHOICE_NONE);
    if (!code) code = spng_set_ihdr(context, &header);
    if (!code && raster->colours) code = spng_set_plte(context, &colours);
    if (!code && raster->colours) code = spng_set_trns(context, &clear);
    if (!code)
        code = spng_encode_image(context, raster->pixels, (size_t)raster->width * (size_t)raster->height,
                                 SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    void *data = code ? NULL : spng_get_png_buffer(context, size, &code);
    spng_ctx_free(context);
    if (!data || code) {
        free(data);
        return nw_fail(err, NW_FAILED, "cannot encode a PNG: %s", spng_strerror(code));
    }
    *png = data;
    return NW_OK;
}
