/* Optimisers: PyTorch's numbers over 20 steps, any number of threads, clipping, averages, states, and
 * gradients that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/parallel.h"
#include "support/json_golden.h"
#include "train/arrays.h"
#include "train/optimiser.h"

#include <math.h>
#include <string.h>

enum { ARRAYS = 3, MOST = 16, STEPS = 20 };

static void load(const json_t *lists, float values[ARRAYS][MOST])
{
    for (size_t i = 0; i < ARRAYS; i++)
        for (size_t k = 0; k < json_array_size(json_array_get(lists, i)); k++)
            values[i][k] = (float)json_number_value(json_array_get(json_array_get(lists, i), k));
}

static void pytorch_case(const json_t *entry, const int64_t *sizes)
{
    const json_t *o = json_object_get(entry, "options");
    nw_optimiser_options options = {
        .name = json_string_value(json_object_get(o, "name")),
        .weight_decay = golden_number(o, "weight_decay"),
        .momentum = json_number_value(json_object_get(o, "momentum")),
        .nesterov = json_is_true(json_object_get(o, "nesterov")),
        .beta1 = json_number_value(json_object_get(o, "beta1")),
        .beta2 = json_number_value(json_object_get(o, "beta2")),
        .epsilon = json_number_value(json_object_get(o, "epsilon")),
    };
    bool decay[ARRAYS];
    for (size_t i = 0; i < ARRAYS; i++)
        decay[i] = json_is_true(json_array_get(json_object_get(entry, "decay"), i));
    float p[ARRAYS][MOST], g[ARRAYS][MOST], want[ARRAYS][MOST];
    float *params[ARRAYS] = {p[0], p[1], p[2]};
    const float *grads[ARRAYS] = {g[0], g[1], g[2]};
    nw_optimiser *optimiser;
    nw_error err;
    if (nw_optimiser_new(&options, ARRAYS, sizes, decay, &optimiser, &err) != NW_OK)
        fail_msg("%s", err.message);
    load(json_object_get(entry, "start"), p);
    double worst = 0;
    for (size_t step = 0; step < STEPS; step++) {
        load(json_array_get(json_object_get(entry, "grads"), step), g);
        load(json_array_get(json_object_get(entry, "after"), step), want);
        double rate = golden_number(entry, "rate") * (1 - 0.5 * (double)step / STEPS);
        assert_int_equal(nw_optimiser_step(optimiser, params, grads, rate, &err), NW_OK);
        for (size_t i = 0; i < ARRAYS; i++)
            for (int64_t k = 0; k < sizes[i]; k++)
                worst = fmax(worst, fabs((double)p[i][k] - (double)want[i][k]) / fabs((double)want[i][k]));
    }
    print_message("%s: largest relative difference %.1e\n", json_string_value(json_object_get(entry, "name")),
                  worst);
    assert_true(worst <= 1e-6);
    assert_int_equal(nw_optimiser_steps(optimiser), STEPS);
    nw_optimiser_free(optimiser);
}

static void as_pytorch(void **state)
{
    (void)state;
    json_t *golden = golden_open("train/optimisers.json"), *entry;
    int64_t sizes[ARRAYS];
    size_t i;
    for (i = 0; i < ARRAYS; i++)
        sizes[i] = json_integer_value(json_array_get(json_object_get(golden, "sizes"), i));
    assert_int_equal(json_array_size(json_object_get(golden, "cases")), 6);
    json_array_foreach(json_object_get(golden, "cases"), i, entry) pytorch_case(entry, sizes);
    json_decref(golden);
}

/* Large arrays, so that there are several chunks and a rest. */
enum { LARGE = 3 * NW_ARRAYS_CHUNK + 777 };

static const int64_t large = LARGE;

/* Three clipped steps with an average, all at that number of threads. */
static double run_large(const char *name, int threads, float *params, float *average)
{
    static float grads_of[LARGE];
    float *grads = grads_of;
    nw_error err;
    nw_optimiser_options options;
    nw_optimiser *optimiser;
    double norm = 0;
    int old = nw_threads_set(threads);
    for (uint32_t i = 0; i < LARGE; i++) {
        grads[i] = (float)((int)(i * 2654435761u >> 20) - 2048) / 512;
        average[i] = params[i] = (float)((int)(i * 40503u & 1023) - 512) / 256;
    }
    assert_int_equal(nw_optimiser_defaults(name, &options, &err), NW_OK);
    options.weight_decay = 0.1;
    assert_int_equal(nw_optimiser_new(&options, 1, &large, NULL, &optimiser, &err), NW_OK);
    for (int64_t t = 0; t < 3; t++) {
        assert_int_equal(nw_gradient_clip(&grads, 1, &large, 100, t ? NULL : &norm, &err), NW_OK);
        assert_int_equal(nw_optimiser_step(optimiser, &params, (const float *const *)&grads, 0.1, &err),
                         NW_OK);
        assert_int_equal(nw_average_step(&average, (const float *const *)&params, 1, &large, 0.999, t, &err),
                         NW_OK);
    }
    nw_optimiser_free(optimiser);
    nw_threads_set(old);
    return norm;
}

static void any_number_of_threads(void **state)
{
    (void)state;
    static float params[2][LARGE], average[2][LARGE];
    for (size_t kind = 0; nw_optimiser_name(kind); kind++) {
        double one = run_large(nw_optimiser_name(kind), 1, params[0], average[0]);
        double five = run_large(nw_optimiser_name(kind), 5, params[1], average[1]);
        assert_true(one <= five && five <= one && one > 100);
        assert_memory_equal(params[0], params[1], sizeof params[0]);
        assert_memory_equal(average[0], average[1], sizeof average[0]);
    }
}

static void clipping(void **state)
{
    (void)state;
    float a[2] = {3, 0}, b[1] = {-4};
    float *grads[2] = {a, b};
    const int64_t sizes[2] = {2, 1};
    double norm;
    nw_error err;
    assert_int_equal(nw_gradient_clip(grads, 2, sizes, 0, &norm, &err), NW_OK);
    assert_true(fabs(norm - 5) < 1e-15 && b[0] == -4);
    assert_int_equal(nw_gradient_clip(grads, 2, sizes, 6, &norm, &err), NW_OK);
    assert_true(a[0] == 3 && b[0] == -4); /* within the limit: not touched */
    assert_int_equal(nw_gradient_clip(grads, 2, sizes, 1, &norm, &err), NW_OK);
    assert_true(fabs(norm - 5) < 1e-15);
    assert_true(fabs((double)a[0] - 0.6) < 1e-6 && fabs((double)b[0] + 0.8) < 1e-6);
    /* Squares that overflow a float do not overflow the norm. */
    a[0] = 3e30F;
    b[0] = -4e30F;
    assert_int_equal(nw_gradient_clip(grads, 2, sizes, 1, &norm, &err), NW_OK);
    assert_true(fabs(norm / 5e30 - 1) < 1e-6 && fabs((double)b[0] + 0.8) < 1e-6);
    b[0] = NAN;
    a[0] = 30;
    assert_int_equal(nw_gradient_clip(grads, 2, sizes, 1, &norm, &err), NW_NOT_FINITE);
    assert_non_null(strstr(err.message, "parameter 1"));
    assert_true(a[0] == 30);
    assert_int_equal(nw_gradient_clip(grads, 2, sizes, -1, &norm, &err), NW_USAGE);
}

static void averages(void **state)
{
    (void)state;
    float a = 1, p = 2, *average = &a;
    const float *params = &p;
    const int64_t size = 1;
    nw_error err;
    double want = 1;
    for (int64_t t = 0; t < 200; t++) {
        double d = fmin(0.9, (1 + (double)t) / (10 + (double)t));
        want = d * want + (1 - d) * 2;
        assert_int_equal(nw_average_step(&average, &params, 1, &size, 0.9, t, &err), NW_OK);
        assert_true(fabs((double)a - want) < 1e-6);
        if (t == 0) assert_true(fabs((double)a - 1.9) < 1e-6);
    }
    assert_int_equal(nw_average_step(&average, &params, 1, &size, 1.1, 0, &err), NW_USAGE);
}

/* A run of ten steps, and one of five whose state goes into a new optimiser for the other five. */
static void states_go_on(void **state)
{
    (void)state;
    for (size_t kind = 0; nw_optimiser_name(kind); kind++) {
        nw_error err;
        nw_optimiser_options options;
        assert_int_equal(nw_optimiser_defaults(nw_optimiser_name(kind), &options, &err), NW_OK);
        float p[2][4] = {{1, 2, 3, 4}, {1, 2, 3, 4}}, g[4];
        float *params[2][2] = {{p[0], p[0] + 1}, {p[1], p[1] + 1}};
        const float *grads[2] = {g, g + 1};
        const int64_t sizes[2] = {1, 3};
        nw_optimiser *o[2];
        assert_int_equal(nw_optimiser_new(&options, 2, sizes, NULL, &o[0], &err), NW_OK);
        assert_int_equal(nw_optimiser_new(&options, 2, sizes, NULL, &o[1], &err), NW_OK);
        for (int step = 0; step < 10; step++) {
            if (step == 5) {
                nw_optimiser *fresh;
                assert_int_equal(nw_optimiser_new(&options, 2, sizes, NULL, &fresh, &err), NW_OK);
                size_t count = nw_optimiser_state_count(fresh);
                assert_int_equal(count, 1 + 2 * (kind + 1));
                for (size_t i = 0; i < count; i++) {
                    const char *name[2];
                    float *data[2];
                    int64_t n[2];
                    nw_optimiser_state(o[1], i, &name[0], &data[0], &n[0]);
                    nw_optimiser_state(fresh, i, &name[1], &data[1], &n[1]);
                    assert_string_equal(name[0], name[1]);
                    assert_int_equal(n[0], n[1]);
                    memcpy(data[1], data[0], (size_t)n[0] * sizeof(float));
                }
                assert_int_equal(nw_optimiser_restored(fresh, &err), NW_OK);
                nw_optimiser_free(o[1]);
                o[1] = fresh;
            }
            for (int i = 0; i < 4; i++) g[i] = (float)((step * 7 + i * 3) % 5) - 2;
            for (int k = 0; k < 2; k++)
                assert_int_equal(nw_optimiser_step(o[k], params[k], grads, 0.05, &err), NW_OK);
        }
        assert_memory_equal(p[0], p[1], sizeof p[0]);
        assert_int_equal(nw_optimiser_steps(o[1]), 10);
        /* More steps than a float counts. */
        const char *name;
        float *data;
        int64_t n;
        nw_optimiser_state(o[1], 0, &name, &data, &n);
        assert_string_equal(name, "steps");
        data[0] = 1048575;
        data[1] = 30;
        assert_int_equal(nw_optimiser_step(o[1], params[1], grads, 0, &err), NW_OK);
        assert_int_equal(nw_optimiser_steps(o[1]), 31LL << 20);
        data[0] = 0.5F;
        assert_int_equal(nw_optimiser_restored(o[1], &err), NW_BAD_INPUT);
        data[0] = 0;
        nw_optimiser_state(o[1], nw_optimiser_state_count(o[1]) - 1, &name, &data, &n);
        data[0] = NAN;
        assert_int_equal(nw_optimiser_restored(o[1], &err), NW_BAD_INPUT);
        assert_non_null(strstr(err.message, name));
        data[0] = -1;
        assert_int_equal(nw_optimiser_restored(o[1], &err), kind ? NW_BAD_INPUT : NW_OK);
        nw_optimiser_free(o[0]);
        nw_optimiser_free(o[1]);
    }
}

static void gradients_that_are_none(void **state)
{
    (void)state;
    static float p_of[LARGE], g_of[LARGE], kept[LARGE];
    float one = 1, *params[2] = {&one, p_of};
    const float *grads[2] = {&one, g_of};
    const int64_t sizes[2] = {1, LARGE};
    nw_error err;
    for (size_t kind = 0; nw_optimiser_name(kind); kind++) {
        nw_optimiser_options options;
        nw_optimiser *o;
        assert_int_equal(nw_optimiser_defaults(nw_optimiser_name(kind), &options, &err), NW_OK);
        assert_int_equal(nw_optimiser_new(&options, 2, sizes, NULL, &o, &err), NW_OK);
        memcpy(kept, p_of, sizeof kept);
        for (int which = 0; which < 2; which++) {
            g_of[LARGE - 5] = which ? INFINITY : NAN;
            one = 1;
            assert_int_equal(nw_optimiser_step(o, params, grads, 0.1, &err), NW_NOT_FINITE);
            assert_non_null(strstr(err.message, "parameter 1 "));
            assert_true(one == 1);
            assert_memory_equal(kept, p_of, sizeof kept);
            assert_int_equal(nw_optimiser_steps(o), 0);
        }
        g_of[LARGE - 5] = 3e38F;
        /* The state overflows: the square of Adam at once, the momentum at the second step. */
        nw_status status = NW_OK;
        for (int step = 0; step < 3 && status == NW_OK; step++)
            status = nw_optimiser_step(o, params, grads, 0.1, &err);
        assert_int_equal(status, NW_NOT_FINITE);
        assert_non_null(strstr(err.message, "parameter 1 "));
        p_of[LARGE - 5] = g_of[LARGE - 5] = 0;
        nw_optimiser_free(o);
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        nw_optimiser_options o;
        const char *why;
    } cases[] = {
        {{.name = "lion"}, "lion"},
        {{.name = "sgd", .momentum = 1}, "momentum of 1"},
        {{.name = "sgd", .nesterov = true}, "Nesterov"},
        {{.name = "sgd", .weight_decay = -1}, "decay of -1"},
        {{.name = "adamw", .beta1 = 0.9, .beta2 = 1, .epsilon = 1e-8}, "betas"},
        {{.name = "adamw", .beta1 = 0.9, .beta2 = 0.99}, "epsilon"},
    };
    const int64_t size = 1;
    nw_optimiser *o = NULL;
    nw_optimiser_options options;
    nw_error err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(nw_optimiser_new(&cases[i].o, 1, &size, NULL, &o, &err), NW_USAGE);
        if (!strstr(err.message, cases[i].why)) fail_msg("'%s' does not say '%s'", err.message, cases[i].why);
        assert_null(o);
    }
    assert_int_equal(nw_optimiser_defaults("lion", &options, &err), NW_USAGE);
    assert_int_equal(nw_optimiser_defaults("sgd", &options, &err), NW_OK);
    assert_int_equal(nw_optimiser_new(&options, 1, &(int64_t){INT64_MAX}, NULL, &o, &err), NW_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_pytorch),   cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(clipping),     cmocka_unit_test(averages),
        cmocka_unit_test(refused),      cmocka_unit_test(gradients_that_are_none),
        cmocka_unit_test(states_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
