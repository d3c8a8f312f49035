/* Colour maps along a path in OKLCH (B. Ottosson, "A perceptual color space for image processing", 2020):
 * lightness grows evenly with the value, hue turns evenly, chroma is the largest that sRGB holds up to a
 * bound. */
#include "base/error.h"

#include <narrows/report.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

static const struct colormap {
    const char *name;
    double lightness[2], hue[2] /* degrees */, chroma;
} maps[] = {
    {"ember", {0.30, 0.96}, {-65, 102}, 0.23}, /* violet, red, yellow */
    {"tide", {0.26, 0.95}, {285, 112}, 0.16},  /* indigo, green, yellow */
    {"grey", {0.10, 1.00}, {0, 0}, 0},
};

size_t nw_colormap_count(void) {
    return sizeof maps / sizeof maps[0];
}

const char *nw_colormap_name(size_t i) {
    return i < nw_colormap_count() ? maps[i].name : NULL;
}

static void oklab_to_linear(double lightness, double a, double b, double rgb[3]) {
    double l = lightness + 0.3963377774 * a + 0.2158037573 * b;
    double m = lightness - 0.1055613458 * a - 0.0638541728 * b;
    double s = lightness - 0.0894841775 * a - 1.2914855480 * b;
    l *= l * l;
    m *= m * m;
    s *= s * s;
    rgb[0] = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s;
    rgb[1] = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s;
    rgb[2] = -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s;
}

static bool in_gamut(const double rgb[3]) {
    for (int i = 0; i < 3; i++)
        if (rgb[i] < 0 || rgb[i] > 1) return false;
    return true;
}

static unsigned char srgb(double linear) {
    double v = linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055;
    return (unsigned char)lrint(255 * fmin(1, fmax(0, v)));
}

nw_status nw_colormap_rgb(const char *name, double t, unsigned char rgb[3], nw_error *err) {
    const struct colormap *map = name ? NULL : &maps[0];
    for (size_t i = 0; !map && i < nw_colormap_count(); i++)
        if (strcmp(maps[i].name, name) == 0) map = &maps[i];
    if (!map)
        return nw_fail(err, NW_USAGE, "no colour map is called '%s': there are ember, tide and grey", name);
    t = t >= 0 ? fmin(1, t) : 0;
    double lightness = map->lightness[0] + t * (map->lightness[1] - map->lightness[0]);
    double hue = (map->hue[0] + t * (map->hue[1] - map->hue[0])) * 0.017453292519943295;
    double linear[3], low = 0, high = map->chroma;
    oklab_to_linear(lightness, high * cos(hue), high * sin(hue), linear);
    if (!in_gamut(linear)) {
        for (int i = 0; i < 24; i++) {
            double middle = (low + high) / 2;
            oklab_to_linear(lightness, middle * cos(hue), middle * sin(hue), linear);
            *(in_gamut(linear) ? &low : &high) = middle;
        }
        oklab_to_linear(lightness, low * cos(hue), low * sin(hue), linear);
    }
    for (int i = 0; i < 3; i++) rgb[i] = srgb(linear[i]);
    return NW_OK;
}
