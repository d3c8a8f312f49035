/* Walking a route: rows of the innermost axis, spread over the threads. */
#include "base/parallel.h"
#include "ops/fast_route.h"

#include <string.h>

typedef enum route_mode { FORWARD, ASSIGN, ADD } route_mode;

enum { SEGMENT = 16384 }; /* elements of a row at a time, and of a chunk of rows */

typedef struct walk {
    const nw_route *route;
    route_mode mode;
    const float *from;
    float *to;
    int outer[NW_ROUTE_AXES]; /* axes but the innermost, in the order of the walk */
    size_t rows;              /* of the outer axes together */
    int64_t segment;          /* of the innermost axis */
} walk;

/* Where a row is. Entry k: the sum over the outer axes before k. */
typedef struct place {
    int64_t index[NW_ROUTE_AXES], src[NW_ROUTE_AXES], dst[NW_ROUTE_AXES];
    bool inside[NW_ROUTE_AXES];
} place;

/* Follows the indices of the outer axes from `k` on. */
static void settle(const walk *w, place *p, int k)
{
    for (; k < w->route->rank - 1; k++) {
        const nw_route_axis *axis = &w->route->axis[w->outer[k]];
        int64_t i = p->index[k];
        int64_t at = axis->table ? axis->table[i] : i * axis->src_step;
        p->inside[k + 1] = p->inside[k] && (axis->table ? at >= 0 : i >= axis->low && i < axis->high);
        p->src[k + 1] = p->src[k] + at;
        p->dst[k + 1] = p->dst[k] + i * axis->dst_step;
    }
}

static void to_row(const walk *w, place *p, size_t row)
{
    for (int k = w->route->rank - 2; k >= 0; k--) {
        int64_t count = w->route->axis[w->outer[k]].count;
        p->index[k] = (int64_t)row % count;
        row /= (size_t)count;
    }
    p->inside[0] = true;
    p->src[0] = w->route->src_offset;
    p->dst[0] = w->route->dst_offset;
    settle(w, p, 0);
}

static void next_row(const walk *w, place *p)
{
    for (int k = w->route->rank - 2; k >= 0; k--) {
        if (++p->index[k] < w->route->axis[w->outer[k]].count) {
            settle(w, p, k);
            return;
        }
        p->index[k] = 0;
    }
}

static void fill(float *dst, int64_t step, int64_t n, float value)
{
    for (int64_t i = 0; i < n; i++) dst[i * step] = value;
}

static void copy(float *dst, int64_t dst_step, const float *src, int64_t src_step, int64_t n)
{
    if (dst_step == 1 && src_step == 1)
        memcpy(dst, src, (size_t)n * sizeof *dst);
    else
        for (int64_t i = 0; i < n; i++) dst[i * dst_step] = src[i * src_step];
}

static void add(float *dst, int64_t dst_step, const float *src, int64_t src_step, int64_t n)
{
    if (dst_step == 1 && src_step == 1) {
        for (int64_t i = 0; i < n; i++) dst[i] += src[i];
    } else if (dst_step == 0) {
        /* A whole row into one element: in double, it may be long. */
        double sum = 0;
        for (int64_t i = 0; i < n; i++) sum += (double)src[i * src_step];
        dst[0] += (float)sum;
    } else {
        for (int64_t i = 0; i < n; i++) dst[i * dst_step] += src[i * src_step];
    }
}

/* Positions [begin, end) of a row of which the coordinates form no sequence. */
static void table_row(const walk *w, int64_t src, int64_t dst, int64_t begin, int64_t end)
{
    const nw_route_axis *axis = &w->route->axis[w->route->rank - 1];
    for (int64_t i = begin; i < end; i++) {
        int64_t at = axis->table[i], d = dst + i * axis->dst_step;
        if (w->mode == FORWARD)
            w->to[d] = at < 0 ? w->route->fill : w->from[src + at];
        else if (at >= 0)
            w->to[src + at] = (w->mode == ADD ? w->to[src + at] : 0) + w->from[d];
    }
}

static void sequence_row(const walk *w, int64_t src, int64_t dst, bool inside, int64_t begin, int64_t end)
{
    const nw_route_axis *axis = &w->route->axis[w->route->rank - 1];
    int64_t low = axis->low > begin ? axis->low : begin, high = axis->high < end ? axis->high : end;
    if (!inside || low >= high) low = high = end;
    if (w->mode == FORWARD) {
        fill(w->to + dst + begin * axis->dst_step, axis->dst_step, low - begin, w->route->fill);
        fill(w->to + dst + high * axis->dst_step, axis->dst_step, end - high, w->route->fill);
    }
    if (low == high) return;
    dst += low * axis->dst_step;
    src += low * axis->src_step;
    if (w->mode == FORWARD)
        copy(w->to + dst, axis->dst_step, w->from + src, axis->src_step, high - low);
    else
        (w->mode == ADD ? add : copy)(w->to + src, axis->src_step, w->from + dst, axis->dst_step, high - low);
}

static void rows(void *context, size_t begin, size_t end)
{
    const walk *w = context;
    const nw_route_axis *axis = &w->route->axis[w->route->rank - 1];
    int last = w->route->rank - 1;
    place p;
    for (size_t r = begin; r < end; r++) {
        if (r == begin || r % w->rows == 0)
            to_row(w, &p, r % w->rows);
        else
            next_row(w, &p);
        int64_t first = (int64_t)(r / w->rows) * w->segment, rest = axis->count - first;
        int64_t stop = first + (rest < w->segment ? rest : w->segment);
        if (!axis->table)
            sequence_row(w, p.src[last], p.dst[last], p.inside[last], first, stop);
        else if (p.inside[last])
            table_row(w, p.src[last], p.dst[last], first, stop);
        else if (w->mode == FORWARD)
            fill(w->to + p.dst[last] + first * axis->dst_step, axis->dst_step, stop - first, w->route->fill);
    }
}

/* Where elements of the source are shared, the rows that meet in one follow each other, and are one thread's.
 */
static void walk_all(const nw_route *route, route_mode mode, const float *from, float *to)
{
    walk w = {.route = route, .mode = mode, .from = from, .to = to, .rows = 1};
    const nw_route_axis *inner = &route->axis[route->rank - 1];
    size_t together = 1;
    int n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < route->rank - 1; i++) {
            bool late = mode == ADD && route->axis[i].shared;
            if (late != (pass == 1)) continue;
            w.outer[n++] = i;
            w.rows *= (size_t)route->axis[i].count;
            if (late) together *= (size_t)route->axis[i].count;
        }
    w.segment = inner->count;
    if (w.segment > SEGMENT && !(mode == ADD && inner->shared)) w.segment = SEGMENT;
    if (!w.segment || !w.rows) return;
    size_t segments = (size_t)((inner->count + w.segment - 1) / w.segment);
    size_t each = (size_t)w.segment * together, chunk = together * (each < SEGMENT ? SEGMENT / each : 1);
    nw_parallel(w.rows * segments, chunk, rows, &w);
}

void nw_route_forward(const nw_route *route, const float *src, float *dst)
{
    walk_all(route, FORWARD, src, dst);
}

void nw_route_assign(const nw_route *route, const float *diff_dst, float *diff_src)
{
    walk_all(route, ASSIGN, diff_dst, diff_src);
}

void nw_route_add(const nw_route *route, const float *diff_dst, float *diff_src)
{
    walk_all(route, ADD, diff_dst, diff_src);
}
