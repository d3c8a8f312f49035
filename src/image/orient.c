#include "image/orient.h"

#include "base/error.h"

#include <strings.h>

static const char *const names[] = {
#define ORIENT_NAME(NAME, name) name,
    NW_ORIENT_LIST(ORIENT_NAME)
#undef ORIENT_NAME
};

const char *nw_orient_name(nw_orient orient)
{
    return (unsigned)orient < sizeof names / sizeof *names ? names[orient] : "unknown";
}

nw_status nw_orient_parse(const char *name, nw_orient *orient, nw_error *err)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0) {
            *orient = (nw_orient)i;
            return NW_OK;
        }
    return nw_fail(
        err, NW_BAD_INPUT,
        "orientation '%.40s': none, transpose, rot90, rot180, rot270, flip-h, flip-v or transverse", name);
}

bool nw_orient_swaps(nw_orient orient)
{
    return orient == NW_ORIENT_TRANSPOSE || orient == NW_ORIENT_ROT90 || orient == NW_ORIENT_ROT270 ||
           orient == NW_ORIENT_TRANSVERSE;
}

/* Where element (r, c) of the turned picture lies in the rows x columns one: start + r * row + c * column. */
typedef struct walk {
    int64_t start, row, column;
} walk;

static walk walk_of(nw_orient orient, int64_t rows, int64_t columns)
{
    int64_t right = columns - 1, bottom = (rows - 1) * columns;
    switch (orient) {
    case NW_ORIENT_TRANSPOSE: return (walk){0, 1, columns};
    case NW_ORIENT_ROT90: return (walk){right, -1, columns};
    case NW_ORIENT_ROT180: return (walk){bottom + right, -columns, -1};
    case NW_ORIENT_ROT270: return (walk){bottom, 1, -columns};
    case NW_ORIENT_FLIP_H: return (walk){right, columns, -1};
    case NW_ORIENT_FLIP_V: return (walk){bottom, -columns, 1};
    case NW_ORIENT_TRANSVERSE: return (walk){bottom + right, -1, -columns};
    case NW_ORIENT_NONE: break;
    }
    return (walk){0, columns, 1};
}

void nw_orient_apply(nw_orient orient, int64_t rows, int64_t columns, const float *src, float *dst)
{
    walk w = walk_of(orient, rows, columns);
    int64_t height = nw_orient_swaps(orient) ? columns : rows,
            width = nw_orient_swaps(orient) ? rows : columns;
    for (int64_t r = 0; r < height; r++)
        for (int64_t c = 0; c < width; c++) *dst++ = src[w.start + r * w.row + c * w.column];
}

void nw_orient_undo(nw_orient orient, int64_t rows, int64_t columns, const float *src, float *dst)
{
    walk w = walk_of(orient, rows, columns);
    int64_t height = nw_orient_swaps(orient) ? columns : rows,
            width = nw_orient_swaps(orient) ? rows : columns;
    for (int64_t r = 0; r < height; r++)
        for (int64_t c = 0; c < width; c++) dst[w.start + r * w.row + c * w.column] = *src++;
}
