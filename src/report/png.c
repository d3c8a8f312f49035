#include "base/file.h"

#include <narrows/report.h>
#include <spng.h>
#include <stdlib.h>

nw_status nw_picture_write_png(const nw_picture *picture, const char *path, nw_error *err) {
    spng_ctx *context = spng_ctx_new(SPNG_CTX_ENCODER);
    if (!context) return nw_fail(err, NW_NO_MEMORY, "%s: no memory to encode a PNG", path);
    struct spng_ihdr header = {.width = (uint32_t)picture->width,
                               .height = (uint32_t)picture->height,
                               .bit_depth = 8,
                               .color_type = SPNG_COLOR_TYPE_TRUECOLOR};
    size_t bytes = (size_t)picture->width * (size_t)picture->height * 3, size = 0;
    void *png = NULL;
    int code = spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1);
    /* Differences to the line above and little search: a seventh of the time of the best of all filters, and
     * a tenth more bytes. */
    if (!code) code = spng_set_option(context, SPNG_FILTER_CHOICE, SPNG_FILTER_CHOICE_UP);
    if (!code) code = spng_set_option(context, SPNG_IMG_COMPRESSION_LEVEL, 1);
    if (!code) code = spng_set_ihdr(context, &header);
    if (!code) code = spng_encode_image(context, picture->rgb, bytes, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    if (!code) png = spng_get_png_buffer(context, &size, &code);
    nw_status status =
        png && !code ? nw_file_write(path, png, size, err)
                     : nw_fail(err, NW_FAILED, "%s: cannot encode a PNG: %s", path, spng_strerror(code));
    free(png);
    spng_ctx_free(context);
    return status;
}
