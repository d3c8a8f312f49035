/* Learning rates: closed forms at chosen steps, and PyTorch's schedules at every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/json_golden.h"
#include "train/schedule.h"

#include <math.h>
#include <string.h>

static nw_schedule checked(nw_schedule s)
{
    nw_error err;
    if (nw_schedule_check(&s, &err) != NW_OK) fail_msg("%s", err.message);
    return s;
}

static void expect(const nw_schedule *s, int64_t step, double want)
{
    double got = nw_schedule_rate(s, step);
    if (!(fabs(got - want) <= 1e-14 * fabs(want)))
        fail_msg("%s at step %lld: %.17g, expected %.17g", s->name, (long long)step, got, want);
}

static void closed_forms(void **state)
{
    (void)state;
    nw_schedule s = checked((nw_schedule){.rate = 0.2, .steps = 100, .warmup = 10});
    for (int i = 0; i < 10; i++) expect(&s, i, 0.2 * (i + 1) / 10);
    expect(&s, 10, 0.2);
    expect(&s, 99, 0.2);
    s = checked((nw_schedule){.name = "cosine", .rate = 0.2, .steps = 110, .warmup = 10, .least = 0.1});
    expect(&s, 4, 0.1);
    expect(&s, 10, 0.2);
    expect(&s, 60, 0.11); /* half way: the middle of 0.2 and 0.02 */
    expect(&s, 43, 0.02 + 0.09 * (1 + cos(3.14159265358979323846 * 0.33)));
    s = checked(
        (nw_schedule){.name = "step", .rate = 1, .steps = 100, .warmup = 5, .every = 20, .factor = 0.5});
    expect(&s, 24, 1);
    expect(&s, 25, 0.5);
    expect(&s, 99, 0.0625);
    s = checked((nw_schedule){.name = "one-cycle", .rate = 1, .steps = 101, .rise = 0.5});
    expect(&s, 0, 0.04);
    expect(&s, 100, 4e-6);
    /* Outside it stays at its ends. */
    expect(&s, -3, 0.04);
    expect(&s, 1000, 4e-6);
}

static void as_pytorch(void **state)
{
    (void)state;
    json_t *golden = golden_open("train/schedules.json"), *entry;
    size_t i, cases = 0;
    json_array_foreach(json_object_get(golden, "cases"), i, entry)
    {
        nw_schedule s = checked((nw_schedule){
            .name = json_string_value(json_object_get(entry, "name")),
            .rate = golden_number(entry, "rate"),
            .steps = (int64_t)golden_number(entry, "steps"),
            .least = json_number_value(json_object_get(entry, "least")),
            .every = json_integer_value(json_object_get(entry, "every")),
            .factor = json_number_value(json_object_get(entry, "factor")),
            .rise = json_number_value(json_object_get(entry, "rise")),
        });
        size_t count;
        double *rates = golden_list(json_object_get(entry, "rates"), &count);
        assert_int_equal(count, s.steps);
        for (size_t step = 0; step < count; step++) {
            double got = nw_schedule_rate(&s, (int64_t)step);
            if (!(fabs(got - rates[step]) <= 1e-12 * s.rate))
                fail_msg("%s at step %zu: %.17g, PyTorch has %.17g", s.name, step, got, rates[step]);
        }
        free(rates);
        cases++;
    }
    assert_true(cases >= 5);
    json_decref(golden);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        nw_schedule s;
        const char *why;
    } cases[] = {
        {{.name = "zigzag", .rate = 1, .steps = 10}, "zigzag"},
        {{.rate = 0, .steps = 10}, "learning rate of 0"},
        {{.rate = NAN, .steps = 10}, "learning rate"},
        {{.rate = 1, .steps = 10, .warmup = 10}, "warm-up of 10"},
        {{.rate = 1, .steps = 0}, "training of 0"},
        {{.name = "cosine", .rate = 1, .steps = 10, .least = 2}, "end at 2"},
        {{.name = "step", .rate = 1, .steps = 10, .factor = 0.5}, "every 0"},
        {{.name = "step", .rate = 1, .steps = 10, .every = 2, .factor = 1.5}, "factor 1.5"},
        {{.name = "one-cycle", .rate = 1, .steps = 10, .warmup = 2}, "warms up"},
        {{.name = "one-cycle", .rate = 1, .steps = 10, .rise = 1}, "share 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nw_error err;
        assert_int_equal(nw_schedule_check(&cases[i].s, &err), NW_USAGE);
        if (!strstr(err.message, cases[i].why)) fail_msg("'%s' does not say '%s'", err.message, cases[i].why);
    }
    int names = 0;
    while (nw_schedule_name((size_t)names)) names++;
    assert_int_equal(names, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_forms),
        cmocka_unit_test(as_pytorch),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
