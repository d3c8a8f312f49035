/* Data movement in blocked layouts: the same elements as in plain ones, a padding that stays zero, and a
 * refusal where channels would leave their blocks. What the routes compute otherwise is test_engine's and
 * test_conformance's matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/fast_route.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 8 };

/* A move of [2, from, 3, 4] to [2, to, 3 + rows, 4]: `count` channels from `start` on, written at `at`. */
typedef struct example {
    int64_t from, to, start, count, at, rows;
    double fill;
    bool fits;
} example;

static nw_shape shape_of(int64_t channels, int64_t rows)
{
    return (nw_shape){.rank = 4, .dims = {2, channels, rows, 4}};
}

static nw_move move_of(const example *e)
{
    nw_shape src = shape_of(e->from, 3), part = shape_of(e->count, 3 + e->rows),
             dst = shape_of(e->to, 3 + e->rows);
    nw_move move;
    nw_move_start(&move, &part);
    nw_move_from(&move, &src);
    nw_move_into(&move, &dst);
    move.axis[1].start = e->start;
    move.dst_offset = e->at * move.axis[1].dst_stride;
    move.fill = e->fill;
    return move;
}

/* Offset of plain element i in the layout. */
static int64_t place(const nw_layout *layout, int64_t i)
{
    nw_loops l = nw_layout_loops(layout, 0);
    int64_t s = i % l.inner, c = i / l.inner % l.extent, o = i / l.inner / l.extent;
    return ((o * l.blocks + c / l.block) * l.inner + s) * l.block + c % l.block;
}

static void compare(const example *e)
{
    nw_shape from = shape_of(e->from, 3), to = shape_of(e->to, 3 + e->rows);
    nw_layout plain_src = nw_layout_plain(NW_F32, &from), plain_dst = nw_layout_plain(NW_F32, &to);
    nw_layout src = nw_layout_blocked(NW_F32, &from, 1, BLOCK),
              dst = nw_layout_blocked(NW_F32, &to, 1, BLOCK);
    nw_move move = move_of(e);
    nw_route plain, blocked;
    nw_error err;
    bool fits;
    assert_int_equal(nw_route_make(&move, &plain_src, &plain_dst, &plain, &fits, &err), NW_OK);
    assert_true(fits);
    assert_int_equal(nw_route_make(&move, &src, &dst, &blocked, &fits, &err), NW_OK);
    assert_int_equal(fits, e->fits);
    if (fits) {
        int64_t n = nw_layout_count(&plain_src), m = nw_layout_count(&plain_dst);
        int64_t bn = nw_layout_count(&src), bm = nw_layout_count(&dst);
        float *x = calloc((size_t)n, sizeof *x), *y = calloc((size_t)m, sizeof *y);
        float *bx = calloc((size_t)bn, sizeof *bx), *by = calloc((size_t)bm, sizeof *by);
        for (int64_t i = 0; i < n; i++) bx[place(&src, i)] = x[i] = (float)(i + 1);
        nw_route_forward(&plain, x, y);
        nw_route_forward(&blocked, bx, by);
        for (int64_t i = 0; i < m; i++) {
            assert_true(by[place(&dst, i)] == y[i]);
            by[place(&dst, i)] = 0;
        }
        for (int64_t i = 0; i < bm; i++) assert_true(by[i] == 0);

        /* And back: y is now the gradient. */
        for (int64_t i = 0; i < m; i++) by[place(&dst, i)] = y[i] = (float)(2 * i + 1);
        memset(x, 0, (size_t)n * sizeof *x);
        memset(bx, 0, (size_t)bn * sizeof *bx);
        nw_route_add(&plain, y, x);
        nw_route_add(&blocked, by, bx);
        for (int64_t i = 0; i < n; i++) {
            assert_true(bx[place(&src, i)] == x[i]);
            bx[place(&src, i)] = 0;
        }
        for (int64_t i = 0; i < bn; i++) assert_true(bx[i] == 0);
        free(x);
        free(y);
        free(bx);
        free(by);
    }
    nw_route_clear(&plain);
    nw_route_clear(&blocked);
}

static void blocks_stay_whole(void **state)
{
    (void)state;
    static const example examples[] = {
        {.from = 16, .to = 16, .count = 16, .fits = true},
        {.from = 20, .to = 20, .count = 20, .rows = 2, .fits = true},
        {.from = 20, .to = 36, .count = 20, .at = 16, .fits = true},    /* the last of a concat */
        {.from = 36, .to = 20, .start = 16, .count = 20, .fits = true}, /* the last of a split */
        {.from = 36, .to = 8, .start = 24, .count = 8, .fits = true},
        {.from = 8, .to = 12, .count = 8, .fits = true},
        {.from = 16, .to = 16, .count = 16, .rows = 1, .fill = 3, .fits = true},
        {.from = 20, .to = 20, .count = 20, .rows = 1, .fill = 3}, /* would fill the padding */
        {.from = 32, .to = 20, .count = 20},                       /* would copy into the padding */
        {.from = 20, .to = 32, .count = 20},
        {.from = 16, .to = 20, .count = 16, .at = 4},
        {.from = 20, .to = 16, .start = 4, .count = 16},
        {.from = 20, .to = 28, .count = 20, .at = 8, .fits = true},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) compare(&examples[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks_stay_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
