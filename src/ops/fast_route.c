#include "ops/fast_route.h"

#include "base/memory.h"

#include <string.h>

/* The coordinates along an axis: an arithmetic sequence with nothing on either side of it, or a table.
 * Offsets are coordinates times the stride; *first is the offset at position 0 of the sequence. */
static nw_status read_axis(const nw_move_axis *from, int64_t stride, nw_route_axis *to, int64_t *first,
                           nw_error *err)
{
    int64_t n = from->count, *s = nw_calloc((size_t)n, sizeof *s);
    unsigned char *seen = nw_calloc((size_t)from->extent, 1);
    if (!s || !seen) {
        nw_free(s);
        nw_free(seen);
        return nw_no_memory(err, (size_t)n * sizeof *s, "the offsets of a data movement");
    }
    for (int64_t i = 0; i < n; i++) {
        s[i] = nw_move_coordinate(from, i);
        if (s[i] < 0) continue;
        to->shared |= seen[s[i]];
        seen[s[i]] = 1;
    }
    nw_free(seen);
    to->count = n;
    to->low = 0;
    while (to->low < n && s[to->low] < 0) to->low++;
    int64_t step = to->low + 1 < n && s[to->low + 1] >= 0 ? s[to->low + 1] - s[to->low] : 0;
    to->high = to->low;
    while (to->high < n && s[to->high] >= 0 && s[to->high] == s[to->low] + step * (to->high - to->low))
        to->high++;
    bool rest = false;
    for (int64_t i = to->high; i < n; i++) rest |= s[i] >= 0;
    *first = 0;
    if (rest) {
        for (int64_t i = 0; i < n; i++) s[i] = s[i] < 0 ? -1 : s[i] * stride;
        to->table = s;
        return NW_OK;
    }
    if (to->low < n) *first = (s[to->low] - step * to->low) * stride;
    to->src_step = step * stride;
    nw_free(s);
    return NW_OK;
}

static bool everywhere(const nw_route_axis *axis)
{
    return !axis->table && axis->low == 0 && axis->high == axis->count;
}

/* Adds an axis outside of those there are (they are given from the innermost outwards), or widens the
 * outermost one by it. Kept in reverse until finish(). */
static void push(nw_route *route, nw_route_axis axis)
{
    if (axis.count == 1 && everywhere(&axis)) return;
    nw_route_axis *last = route->rank ? &route->axis[route->rank - 1] : NULL;
    if (last && everywhere(last) && everywhere(&axis) && axis.src_step == last->count * last->src_step &&
        axis.dst_step == last->count * last->dst_step && axis.shared == last->shared) {
        last->count *= axis.count;
        last->high = last->count;
        return;
    }
    route->axis[route->rank++] = axis;
}

static nw_route_axis run_of(int64_t count, int64_t src_step, int64_t dst_step)
{
    return (nw_route_axis){.count = count, .src_step = src_step, .dst_step = dst_step, .high = count};
}

static void finish(nw_route *route)
{
    if (!route->rank) route->axis[route->rank++] = run_of(1, 0, 0);
    for (int i = 0, j = route->rank - 1; i < j; i++, j--) {
        nw_route_axis axis = route->axis[i];
        route->axis[i] = route->axis[j];
        route->axis[j] = axis;
    }
    route->read = 1;
    for (int i = 0; i < route->rank; i++) {
        const nw_route_axis *axis = &route->axis[i];
        int64_t inside = axis->high - axis->low;
        if (axis->table) {
            inside = 0;
            for (int64_t k = 0; k < axis->count; k++) inside += axis->table[k] >= 0;
        }
        route->read *= inside;
        route->shared |= axis->shared;
    }
}

/* Where offset `plain` of a row-major array lies in the blocked one; its channel must begin a block. */
static int64_t blocked_offset(const nw_loops *l, int64_t plain)
{
    int64_t o = plain / (l->extent * l->inner), c = plain / l->inner % l->extent, s = plain % l->inner;
    return ((o * l->blocks + c / l->block) * l->inner + s) * l->block;
}

/* The stride of a dimension other than the channels. */
static bool blocked_stride(const nw_loops *l, int64_t extent, int64_t plain, int64_t *out)
{
    int64_t whole = l->extent * l->inner;
    bool after = plain < l->inner;
    *out = extent == 1 ? 0 : after ? plain * l->block : plain / whole * l->blocks * l->inner * l->block;
    return extent == 1 || after || plain % whole == 0;
}

/* Whether a move keeps whole blocks of channels together: *c is then the channels' axis in blocks. A last
 * block that is not full must be the last one on both sides, so that its padding fits. */
static bool channels_fit(const nw_move *move, const nw_loops *src, const nw_loops *dst, int axis,
                         nw_route_axis *c, int64_t *first)
{
    const nw_move_axis *along = &move->axis[axis];
    int64_t from = move->src_offset / src->inner % src->extent + along->start;
    int64_t to = move->dst_offset / dst->inner % dst->extent;
    if (along->index || along->src_stride != src->inner || along->dst_stride != dst->inner) return false;
    if ((along->step != 1 && along->count > 1) || along->start < 0 ||
        along->start + along->count > along->extent)
        return false;
    if (from % src->block || to % src->block) return false;
    if (along->count % src->block && (from + along->count != src->extent || to + along->count != dst->extent))
        return false;
    *c = run_of((along->count + src->block - 1) / src->block, src->inner * src->block,
                dst->inner * src->block);
    *first = along->start / src->block * src->inner * src->block;
    return move->fill == 0 || dst->extent % dst->block == 0;
}

static nw_status make_blocked(const nw_move *move, const nw_layout *src, const nw_layout *dst, nw_route *out,
                              bool *fits, nw_error *err)
{
    nw_loops s = nw_layout_loops(src, 0), d = nw_layout_loops(dst, 0);
    int a = src->axis;
    nw_route_axis channels;
    int64_t first;
    *fits = src->block == dst->block && a == dst->axis && move->rank == src->shape.rank &&
            move->rank == dst->shape.rank && channels_fit(move, &s, &d, a, &channels, &first);
    if (!*fits) return NW_OK;
    out->src_offset = blocked_offset(&s, move->src_offset) + first;
    out->dst_offset = blocked_offset(&d, move->dst_offset);
    push(out, run_of(s.block, 1, 1));
    for (int i = move->rank - 1; i >= 0; i--) {
        const nw_move_axis *along = &move->axis[i];
        nw_route_axis axis = {0};
        int64_t stride;
        if (i == a) {
            push(out, channels);
            continue;
        }
        *fits = blocked_stride(&s, along->extent, along->src_stride, &stride) &&
                blocked_stride(&d, along->count, along->dst_stride, &axis.dst_step);
        if (!*fits) return NW_OK;
        NW_TRY(read_axis(along, stride, &axis, &first, err));
        out->src_offset += first;
        push(out, axis);
    }
    return NW_OK;
}

static nw_status make_plain(const nw_move *move, nw_route *out, nw_error *err)
{
    out->src_offset = move->src_offset;
    out->dst_offset = move->dst_offset;
    for (int i = move->rank - 1; i >= 0; i--) {
        nw_route_axis axis = {.dst_step = move->axis[i].dst_stride};
        int64_t first;
        NW_TRY(read_axis(&move->axis[i], move->axis[i].src_stride, &axis, &first, err));
        out->src_offset += first;
        push(out, axis);
    }
    return NW_OK;
}

nw_status nw_route_make(const nw_move *move, const nw_layout *src, const nw_layout *dst, nw_route *out,
                        bool *fits, nw_error *err)
{
    memset(out, 0, sizeof *out);
    out->fill = (float)move->fill;
    *fits = true;
    nw_status status = NW_OK;
    if (src->block > 1 || dst->block > 1)
        status = make_blocked(move, src, dst, out, fits, err);
    else
        status = make_plain(move, out, err);
    if (status != NW_OK || !*fits)
        nw_route_clear(out);
    else
        finish(out);
    return status;
}

void nw_route_clear(nw_route *route)
{
    for (int i = 0; i < route->rank; i++) nw_free(route->axis[i].table);
    route->rank = 0;
}
