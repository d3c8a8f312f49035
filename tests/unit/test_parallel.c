/* Loops over threads: every index once, chunks where they were asked for, lanes that never run twice at a
 * time, whoever is slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/parallel.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

enum { MOST = 1000, LANES = 300 };

typedef struct work {
    size_t chunk, lanes;
    bool slow; /* the thread that gets the first chunk */
    atomic_int seen[MOST], inside[LANES];
    atomic_bool wrong;
} work;

static void visit(void *context, size_t lane, size_t begin, size_t end)
{
    work *w = context;
    if (lane >= w->lanes || atomic_fetch_add(&w->inside[lane], 1) != 0) w->wrong = true;
    if (begin % w->chunk || end - begin > w->chunk || (end != begin + w->chunk && end % w->chunk == 0))
        w->wrong = true;
    for (size_t i = begin; i < end; i++) atomic_fetch_add(&w->seen[i], 1);
    if (w->slow && begin == 0) nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    atomic_fetch_sub(&w->inside[lane], 1);
}

static void every_index_is_visited_once(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 7, 64, 999, MOST}, chunks[] = {1, 3, 64, MOST},
                        lanes[] = {1, 2, 5, LANES};
    static const int threads[] = {1, 2, 3, 16};
    static work w;
    for (size_t a = 0; a < 7; a++)
        for (size_t b = 0; b < 4; b++)
            for (size_t c = 0; c < 4; c++)
                for (size_t t = 0; t < 4; t++) {
                    memset(&w, 0, sizeof w);
                    w.chunk = chunks[b];
                    w.lanes = lanes[c];
                    w.slow = t % 2;
                    int before = nw_threads_set(threads[t]);
                    nw_parallel_lanes(counts[a], w.chunk, w.lanes, visit, &w);
                    nw_threads_set(before);
                    assert_false(w.wrong);
                    for (size_t i = 0; i < MOST; i++) assert_int_equal(w.seen[i], i < counts[a]);
                }
}

/* The first chunk waits until all others are done: they are only where others take what its thread has. */
typedef struct race {
    atomic_int done;
    bool alone;
} race;

static void wait_for_others(void *context, size_t begin, size_t end)
{
    (void)end;
    race *r = context;
    for (int i = 0; begin == 0 && r->done < MOST - 1; i++) {
        if (i > 20000) {
            r->alone = true;
            break;
        }
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    r->done++;
}

static void a_slow_thread_is_helped(void **state)
{
    (void)state;
    race r = {0};
    int before = nw_threads_set(2);
    bool several = nw_threads() > 1;
    if (several) nw_parallel(MOST, 1, wait_for_others, &r);
    nw_threads_set(before);
    if (!several) skip();
    assert_false(r.alone);
    assert_int_equal(r.done, MOST);
}

static void count_calls(void *context, size_t begin, size_t end)
{
    int *calls = context;
    assert_int_equal(begin, 0);
    assert_int_equal(end, MOST);
    ++*calls;
}

static void count_up(void *context, size_t begin, size_t end)
{
    atomic_int *seen = context;
    for (size_t i = begin; i < end; i++) atomic_fetch_add(&seen[i], 1);
}

static void a_loop_without_chunks_is_one(void **state)
{
    (void)state;
    static atomic_int seen[MOST];
    int calls = 0;
    nw_parallel(MOST, 0, count_calls, &calls);
    assert_int_equal(calls, 1);
    nw_parallel(MOST, MOST + 1, count_up, seen);
    nw_parallel(MOST, 10, count_up, seen);
    for (size_t i = 0; i < MOST; i++) assert_int_equal(seen[i], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_index_is_visited_once),
                                       cmocka_unit_test(a_slow_thread_is_helped),
                                       cmocka_unit_test(a_loop_without_chunks_is_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
