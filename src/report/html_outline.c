/* The edge of a mask as smooth closed curves: the mask is blurred a little, the level 1/2 is followed from
 * cell to cell (marching squares), and points that a straight line passes closely are left out. */
#include "base/memory.h"
#include "report/html_plane.h"

#include <math.h>
#include <string.h>

/* A padded field: two rows and columns of zeros around, so that every curve closes. */
typedef struct field {
    int64_t columns, rows;
    float *value;
    int64_t *link;  /* two neighbours of each crossing: [2 * (2 * cell + which)], -1: none */
    double *points; /* of one curve, x and y */
    size_t *stack;
    unsigned char *keep;
    size_t capacity;
} field;

static const double level = 0.5, tolerance = 0.3; /* pixels */

static void blur(field *f, const unsigned char *src, int64_t columns, int64_t rows)
{
    static const int weight[3] = {1, 2, 1};
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < columns; x++) {
            if (!src[y * columns + x]) continue;
            for (int j = 0; j < 3; j++)
                for (int i = 0; i < 3; i++)
                    f->value[(y + 1 + j) * f->columns + x + 1 + i] += (float)(weight[i] * weight[j]) / 16;
        }
}

/* Crossings: 2 * cell of its left or upper end, + 1 for those that go down. */
static void connect(field *f, int64_t a, int64_t b)
{
    f->link[2 * a + (f->link[2 * a] >= 0)] = b;
    f->link[2 * b + (f->link[2 * b] >= 0)] = a;
}

static void march(field *f)
{
    for (int64_t y = 0; y + 1 < f->rows; y++)
        for (int64_t x = 0; x + 1 < f->columns; x++) {
            int64_t at = y * f->columns + x, below = at + f->columns;
            bool in[4] = {(double)f->value[at] >= level, (double)f->value[at + 1] >= level,
                          (double)f->value[below + 1] >= level, (double)f->value[below] >= level};
            /* Edges in turn: top, right, bottom, left. */
            const int64_t edge[4] = {2 * at, 2 * (at + 1) + 1, 2 * below, 2 * at + 1};
            int64_t cut[4];
            int count = 0;
            for (int e = 0; e < 4; e++)
                if (in[e] != in[(e + 1) % 4]) cut[count++] = edge[e];
            if (count == 2) connect(f, cut[0], cut[1]);
            if (count == 4) { /* a saddle: corners of the mask stay apart */
                connect(f, in[0] ? cut[3] : cut[0], in[0] ? cut[0] : cut[1]);
                connect(f, in[0] ? cut[1] : cut[2], in[0] ? cut[2] : cut[3]);
            }
        }
}

static void place(const field *f, int64_t crossing, double *x, double *y)
{
    int64_t at = crossing / 2, next = crossing % 2 ? at + f->columns : at + 1;
    double a = (double)f->value[at], b = (double)f->value[next], t = (level - a) / (b - a);
    *x = (double)(at % f->columns) + (crossing % 2 ? 0 : t);
    *y = (double)(at / f->columns) + (crossing % 2 ? t : 0);
}

static bool add_point(field *f, size_t count, double x, double y)
{
    if (count == f->capacity) {
        size_t capacity = f->capacity ? 2 * f->capacity : 256;
        double *points = nw_realloc(f->points, capacity, 2 * sizeof *points);
        if (points) f->points = points;
        size_t *stack = nw_realloc(f->stack, capacity, 2 * sizeof *stack);
        if (stack) f->stack = stack;
        unsigned char *keep = nw_realloc(f->keep, capacity, 1);
        if (keep) f->keep = keep;
        if (!points || !stack || !keep) return false;
        f->capacity = capacity;
    }
    f->points[2 * count] = x;
    f->points[2 * count + 1] = y;
    return true;
}

/* Marks the points that stay (Douglas and Peucker, 1973). */
static void simplify(field *f, size_t count)
{
    memset(f->keep, 0, count);
    f->keep[0] = f->keep[count / 2] = f->keep[count - 1] = 1;
    size_t depth = 0;
    const size_t ends[3] = {0, count / 2, count - 1};
    for (int i = 0; i < 2; i++) {
        f->stack[2 * depth] = ends[i];
        f->stack[2 * depth++ + 1] = ends[i + 1];
    }
    while (depth > 0) {
        size_t a = f->stack[2 * --depth], b = f->stack[2 * depth + 1], far = a;
        const double *p = f->points;
        double dx = p[2 * b] - p[2 * a], dy = p[2 * b + 1] - p[2 * a + 1], length = hypot(dx, dy);
        double most = tolerance;
        for (size_t i = a + 1; i < b; i++) {
            double ex = p[2 * i] - p[2 * a], ey = p[2 * i + 1] - p[2 * a + 1];
            double off = length > 0 ? fabs(dx * ey - dy * ex) / length : hypot(ex, ey);
            if (off > most) {
                most = off;
                far = i;
            }
        }
        if (far == a) continue;
        f->keep[far] = 1;
        f->stack[2 * depth] = a;
        f->stack[2 * depth++ + 1] = far;
        f->stack[2 * depth] = far;
        f->stack[2 * depth++ + 1] = b;
    }
}

/* Follows one curve, emits it, and unlinks it. */
static bool follow(field *f, nw_html *html, int64_t start, const double scale[2])
{
    size_t count = 0;
    int64_t at = start, before = -1;
    do {
        double x, y;
        place(f, at, &x, &y);
        if (!add_point(f, count++, x, y)) return false;
        int64_t next = f->link[2 * at] != before ? f->link[2 * at] : f->link[2 * at + 1];
        before = at;
        at = next;
    } while (at != start && at >= 0);
    for (at = start, before = -1; at >= 0;) {
        int64_t next = f->link[2 * at] != before ? f->link[2 * at] : f->link[2 * at + 1];
        f->link[2 * at] = f->link[2 * at + 1] = -1;
        before = at;
        at = next == start ? -1 : next;
    }
    if (count < 4) return true;
    simplify(f, count);
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        if (!f->keep[i]) continue;
        nw_html_raw(html, first ? "M" : "L");
        first = false;
        /* Field (2, 2) is the centre of the mask's first pixel, which is half a pixel inside the picture. */
        nw_html_coordinate(html, rint(10 * (f->points[2 * i] - 1.5) * scale[0]) / 10);
        nw_html_raw(html, " ");
        nw_html_coordinate(html, rint(10 * (f->points[2 * i + 1] - 1.5) * scale[1]) / 10);
    }
    nw_html_raw(html, "Z");
    return true;
}

void nw_outline_path(nw_html *html, const unsigned char *src, int64_t columns, int64_t rows,
                     const double scale[2])
{
    field f = {.columns = columns + 4, .rows = rows + 4};
    size_t cells = (size_t)f.columns * (size_t)f.rows;
    f.value = nw_calloc(cells, sizeof *f.value);
    f.link = nw_calloc(cells, 4 * sizeof *f.link);
    bool ok = f.value && f.link;
    if (ok) {
        memset(f.link, 0xff, cells * 4 * sizeof *f.link);
        blur(&f, src, columns, rows);
        march(&f);
        for (size_t c = 0; ok && c < 2 * cells; c++)
            if (f.link[2 * c] >= 0) ok = follow(&f, html, (int64_t)c, scale);
    }
    if (!ok) nw_html_fail(html, NW_NO_MEMORY, "no memory for an outline");
    nw_free(f.value);
    nw_free(f.link);
    nw_free(f.points);
    nw_free(f.stack);
    nw_free(f.keep);
}
