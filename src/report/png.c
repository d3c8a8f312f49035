#include <narrows/image.h>
#include <narrows/report.h>

nw_status nw_picture_write_png(const nw_picture *picture, const char *path, nw_error *err)
{
    return nw_png_write(path, picture->width, picture->height, 3, picture->rgb, err);
}
