/* One sample a step, corrected by the gradient of the step before: the mean of the estimate against its
 * closed form on a quadratic loss, its variance beside that of a plain sample, and exactness on a linear one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "explain/bottleneck.h"

#include <math.h>
#include <string.h>

enum { N = 6, DRAWS = 20000 };

/* Model loss c z + z h z / 2, h symmetric. */
typedef struct problem {
    float mean[N], std[N], x[N], alpha[N];
    double c[N], h[N][N];
} problem;

static void setup(problem *p, float alpha, double curvature)
{
    float draws[5 + N][N];
    for (uint32_t i = 0; i < 5 + N; i++) nw_rng_normals(21, 0, 0, i, 0, draws[i], N);
    for (int i = 0; i < N; i++) {
        p->mean[i] = draws[0][i];
        p->std[i] = .5F + fabsf(draws[1][i]);
        p->x[i] = p->mean[i] + p->std[i] * draws[2][i];
        p->alpha[i] = alpha + .3F * draws[3][i];
        p->c[i] = 3 * (double)draws[4][i];
        for (int j = 0; j <= i; j++) p->h[i][j] = p->h[j][i] = curvature * (double)draws[5 + i][j];
        p->h[i][i] += curvature;
    }
}

static nw_bottleneck *make(const problem *p, bool control, bool relu)
{
    nw_bottleneck_config config = {.shape = {3, {1, 1, N}},
                                   .mean = p->mean,
                                   .std = p->std,
                                   .min_std = .01,
                                   .initial_alpha = 5,
                                   .rate = 1,
                                   .relu = relu,
                                   .control = control};
    nw_bottleneck *b = NULL;
    nw_error err;
    assert_int_equal(nw_bottleneck_new(&config, &b, &err), NW_OK);
    return b;
}

/* The gradient of the step, with as many samples as the noise says. */
static const float *step(nw_bottleneck *b, const problem *p, const nw_noise *noise)
{
    nw_bottleneck_forward(b);
    for (uint32_t s = 0; s < noise->samples; s++) {
        float z[N], diff[N];
        nw_bottleneck_sample(b, noise, s, 1, z);
        for (int i = 0; i < N; i++) {
            double g = p->c[i];
            for (int j = 0; j < N; j++) g += p->h[i][j] * (double)z[j];
            diff[i] = (float)(g / noise->samples);
        }
        nw_bottleneck_gather(b, noise, s, 1, diff);
    }
    nw_bottleneck_gradient(b);
    return nw_bottleneck_diff(b);
}

typedef struct estimate {
    double mean[N], variance[N];
} estimate;

/* The second step's gradient at p->alpha, over many draws of both steps. */
static estimate second_step(const problem *p, uint32_t samples, bool control, bool relu)
{
    double sum[N] = {0}, squares[N] = {0};
    nw_bottleneck *b = make(p, control, relu);
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        nw_noise noise = {.seed = 5, .image = draw, .samples = samples, .antithetic = true};
        nw_bottleneck_begin(b, p->x);
        memcpy(nw_bottleneck_alpha(b), p->alpha, sizeof p->alpha);
        step(b, p, &noise);
        nw_bottleneck_update(b);
        memcpy(nw_bottleneck_alpha(b), p->alpha, sizeof p->alpha);
        noise.step = 1;
        const float *diff = step(b, p, &noise);
        for (int i = 0; i < N; i++) {
            sum[i] += (double)diff[i];
            squares[i] += (double)diff[i] * (double)diff[i];
        }
    }
    nw_bottleneck_free(b);
    estimate e;
    for (int i = 0; i < N; i++) {
        e.mean[i] = sum[i] / DRAWS;
        e.variance[i] = squares[i] / DRAWS - e.mean[i] * e.mean[i];
    }
    return e;
}

/* E (x - noise) g = (x - mean) E g - std^2 q h_ii. */
static void the_mean_is_the_gradient(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 3};
    for (int t = 0; t < 4; t++) {
        problem p;
        setup(&p, t < 2 ? 0 : 2, .4);
        estimate e = second_step(&p, counts[t % 2], true, false);
        double sharpest = 0;
        for (int i = 0; i < N; i++) {
            double g = p.c[i], lambda = 1 / (1 + exp(-(double)p.alpha[i]));
            for (int j = 0; j < N; j++) {
                double l = 1 / (1 + exp(-(double)p.alpha[j]));
                g += p.h[i][j] * (l * (double)p.x[j] + (1 - l) * (double)p.mean[j]);
            }
            double std = (double)p.std[i], curved = std * std * (1 - lambda) * p.h[i][i];
            double chain = lambda * (1 - lambda), error = sqrt(e.variance[i] / DRAWS);
            double expected = chain * (((double)p.x[i] - (double)p.mean[i]) * g - curved);
            assert_true(fabs(e.mean[i] - expected) < 5 * error + 1e-6 * fabs(expected));
            sharpest = fmax(sharpest, fabs(chain * curved) / error);
        }
        assert_true(sharpest > 20); /* an estimate without that term would be found out */
    }
}

static void clipped_features_have_the_plain_mean(void **state)
{
    (void)state;
    problem p;
    setup(&p, .5F, .4);
    estimate plain = second_step(&p, 1, false, true), controlled = second_step(&p, 1, true, true);
    for (int i = 0; i < N; i++) {
        double error = sqrt((plain.variance[i] + controlled.variance[i]) / DRAWS);
        assert_true(fabs(plain.mean[i] - controlled.mean[i]) < 5 * error + 1e-9);
    }
}

/* Where lambda is near 1, hardly any noise reaches the loss, and none should be left in the gradient. */
static void the_noise_is_gone_where_lambda_is_near_one(void **state)
{
    (void)state;
    problem p;
    setup(&p, 4, .2);
    estimate plain = second_step(&p, 1, false, false), controlled = second_step(&p, 1, true, false);
    for (int i = 0; i < N; i++) assert_true(controlled.variance[i] < .05 * plain.variance[i]);
    /* Pairs need no control, and do not feel it. */
    plain = second_step(&p, 2, false, false);
    controlled = second_step(&p, 2, true, false);
    assert_memory_equal(&plain, &controlled, sizeof plain);
}

static void a_linear_loss_needs_one_sample(void **state)
{
    (void)state;
    problem p;
    setup(&p, 0, 0);
    nw_bottleneck *b = make(&p, true, false);
    nw_bottleneck_begin(b, p.x);
    for (uint32_t t = 0; t < 6; t++) {
        nw_noise noise = {.seed = 8, .step = t, .samples = t == 3 ? 3 : 1, .antithetic = true};
        double alpha[N];
        for (int i = 0; i < N; i++) alpha[i] = (double)nw_bottleneck_alpha(b)[i];
        const float *diff = step(b, &p, &noise);
        for (int i = 0; i < N; i++) {
            double chain = 1 / (1 + exp(-alpha[i])) / (1 + exp(alpha[i]));
            double size =
                chain * fabs(p.c[i]) * (fabs((double)p.x[i]) + fabs((double)p.mean[i]) + (double)p.std[i]);
            double expected = chain * p.c[i] * ((double)p.x[i] - (double)p.mean[i]);
            assert_true(fabs((double)diff[i] - expected) < 1e-6 * size);
        }
        nw_bottleneck_update(b);
    }
    nw_bottleneck_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mean_is_the_gradient),
        cmocka_unit_test(clipped_features_have_the_plain_mean),
        cmocka_unit_test(the_noise_is_gone_where_lambda_is_near_one),
        cmocka_unit_test(a_linear_loss_needs_one_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
