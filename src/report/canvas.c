#include "report/canvas.h"

#include "base/memory.h"
#include "report/font.h"

#include <math.h>
#include <string.h>

enum { MAX_SEGMENTS = 64, CURVE_PIECES = 6 };
static const double squeeze = 0.84;  /* of the grid in x */
static const double spacing = 3.6;   /* between glyphs, grid steps */
static const double space = 4.0;     /* width of a space */
static const double thickness = 1.7; /* of a stroke, grid steps */

nw_status nw_picture_new(int width, int height, nw_rgb fill, nw_picture *out, nw_error *err) {
    if (width < 1 || height < 1 || width > 65536 || height > 65536)
        return nw_fail(err, NW_BAD_INPUT, "a picture of %d x %d pixels: 1 to 65536 are possible", width,
                       height);
    unsigned char *rgb = nw_calloc((size_t)width * (size_t)height, 3);
    if (!rgb) return nw_no_memory(err, (size_t)width * (size_t)height * 3, "a picture");
    *out = (nw_picture){width, height, rgb};
    nw_fill(out, 0, 0, width, height, fill);
    return NW_OK;
}

void nw_picture_free(nw_picture *picture) {
    if (!picture) return;
    nw_free(picture->rgb);
    memset(picture, 0, sizeof *picture);
}

void nw_blend(nw_picture *picture, int x, int y, nw_rgb colour, double share) {
    if (x < 0 || y < 0 || x >= picture->width || y >= picture->height || !(share > 0)) return;
    if (share > 1) share = 1;
    unsigned char *p = picture->rgb + 3 * ((size_t)y * (size_t)picture->width + (size_t)x);
    const unsigned char c[3] = {colour.r, colour.g, colour.b};
    for (int i = 0; i < 3; i++) p[i] = (unsigned char)lrint(p[i] + share * (c[i] - p[i]));
}

void nw_fill(nw_picture *picture, int x, int y, int width, int height, nw_rgb colour) {
    int x0 = x > 0 ? x : 0, x1 = x + width < picture->width ? x + width : picture->width;
    int y0 = y > 0 ? y : 0, y1 = y + height < picture->height ? y + height : picture->height;
    if (x0 >= x1) return;
    for (int j = y0; j < y1; j++) {
        unsigned char *p = picture->rgb + 3 * ((size_t)j * (size_t)picture->width + (size_t)x0);
        for (int i = x0; i < x1; i++, p += 3) {
            p[0] = colour.r;
            p[1] = colour.g;
            p[2] = colour.b;
        }
    }
}

void nw_frame(nw_picture *picture, int x, int y, int width, int height, nw_rgb colour) {
    nw_fill(picture, x, y, width, 1, colour);
    nw_fill(picture, x, y + height - 1, width, 1, colour);
    nw_fill(picture, x, y, 1, height, colour);
    nw_fill(picture, x + width - 1, y, 1, height, colour);
}

typedef struct segment {
    double x0, y0, x1, y1;
    double left, top, right, bottom; /* beyond which it leaves no ink */
} segment;

static double digit(char c) {
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static int add(segment *segments, int count, segment s) {
    if (count < MAX_SEGMENTS) segments[count++] = s;
    return count;
}

/* The strokes as straight pieces on the grid; *width is the largest x. */
static int flatten(const char *strokes, segment *segments, double *width) {
    int count = 0, points = 0;
    double x = 0, y = 0;
    *width = 0;
    for (const char *p = strokes; *p;) {
        if (*p == ' ') {
            points = 0;
            p++;
            continue;
        }
        bool curve = *p == '~';
        if (curve) p++;
        double ax = digit(p[0]), ay = digit(p[1]);
        p += 2;
        if (curve) {
            double bx = digit(p[0]), by = digit(p[1]), fx = x, fy = y;
            p += 2;
            for (int i = 1; i <= CURVE_PIECES; i++) {
                double t = (double)i / CURVE_PIECES, u = 1 - t;
                double nx = u * u * x + 2 * u * t * ax + t * t * bx,
                       ny = u * u * y + 2 * u * t * ay + t * t * by;
                count = add(segments, count, (segment){.x0 = fx, .y0 = fy, .x1 = nx, .y1 = ny});
                fx = nx;
                fy = ny;
            }
            ax = bx;
            ay = by;
        } else if (points > 0) {
            count = add(segments, count, (segment){.x0 = x, .y0 = y, .x1 = ax, .y1 = ay});
        } else if (!*p || *p == ' ') {
            count = add(segments, count, (segment){.x0 = ax, .y0 = ay, .x1 = ax, .y1 = ay});
        }
        x = ax;
        y = ay;
        points++;
        if (x > *width) *width = x;
    }
    return count;
}

static double squared_distance(const segment *s, double x, double y) {
    double dx = s->x1 - s->x0, dy = s->y1 - s->y0, squared = dx * dx + dy * dy;
    double t = squared > 0 ? ((x - s->x0) * dx + (y - s->y0) * dy) / squared : 0;
    t = t > 0 ? t < 1 ? t : 1 : 0;
    double across = x - s->x0 - t * dx, down = y - s->y0 - t * dy;
    return across * across + down * down;
}

static double advance_of(uint32_t c, double width) {
    return c == ' ' ? space : width * squeeze + spacing;
}

/* From the grid to pixels, where strokes reach `half` to each side. */
static void place(segment *segments, int count, double x, double y, double unit, double half) {
    const double reach = half + 0.5;
    for (int i = 0; i < count; i++) {
        segment *s = &segments[i];
        double x0 = x + s->x0 * squeeze * unit, x1 = x + s->x1 * squeeze * unit;
        double y0 = y + s->y0 * unit, y1 = y + s->y1 * unit;
        *s = (segment){x0, y0, x1, y1, fmin(x0, x1) - reach, fmin(y0, y1) - reach, fmax(x0, x1) + reach,
                       fmax(y0, y1) + reach};
    }
}

/* Draws one glyph where picture is not NULL; gives its advance in pixels. */
static double glyph(nw_picture *picture, double x, double y, double unit, uint32_t c, nw_rgb colour) {
    segment segments[MAX_SEGMENTS];
    double width;
    int count = flatten(nw_font_strokes(c), segments, &width);
    double advance = unit * advance_of(c, width);
    if (!picture) return advance;
    double half = fmax(unit * thickness / 2, 0.6);
    place(segments, count, x, y, unit, half);
    int x1 = (int)ceil(x + width * squeeze * unit + half + 1), y1 = (int)ceil(y + 16 * unit + half + 1);
    for (int j = (int)floor(y - half - 1); j <= y1; j++) {
        const segment *near[MAX_SEGMENTS]; /* those that reach the row */
        int many = 0;
        for (int k = 0; k < count; k++)
            if (j + 0.5 > segments[k].top && j + 0.5 < segments[k].bottom) near[many++] = &segments[k];
        for (int i = (int)floor(x - half - 1); many && i <= x1; i++) {
            double d = 1e9;
            for (int k = 0; k < many; k++) {
                if (!(i + 0.5 > near[k]->left && i + 0.5 < near[k]->right)) continue;
                double squared = squared_distance(near[k], i + 0.5, j + 0.5);
                d = squared < d ? squared : d;
            }
            nw_blend(picture, i, j, colour, half + 0.5 - sqrt(d));
        }
    }
    return advance;
}

double nw_text_width(const char *text, double unit) {
    double width = 0;
    for (uint32_t c; (c = nw_font_next(&text));) width += glyph(NULL, 0, 0, unit, c, (nw_rgb){0, 0, 0});
    return width;
}

void nw_text(nw_picture *picture, double x, double y, double unit, const char *text, double width,
             nw_rgb colour) {
    const uint32_t ellipsis = 0x2026;
    bool cut = width > 0 && nw_text_width(text, unit) > width;
    double end = x + width - (cut ? glyph(NULL, 0, 0, unit, ellipsis, colour) : 0);
    for (uint32_t c; (c = nw_font_next(&text));) {
        if (cut && x + glyph(NULL, 0, 0, unit, c, colour) > end) {
            glyph(picture, x, y, unit, ellipsis, colour);
            return;
        }
        x += glyph(picture, x, y, unit, c, colour);
    }
}
