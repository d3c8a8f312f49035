/* The bottleneck without a network: closed forms, the reference's Adam run, finite differences of the
 * objective against a plain copy in double, and the properties that must hold for any input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/parallel.h"
#include "base/rng.h"
#include "explain/bottleneck.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static nw_bottleneck *make(const nw_bottleneck_config *config) {
    nw_bottleneck *b = NULL;
    nw_error err;
    assert_int_equal(nw_bottleneck_new(config, &b, &err), NW_OK);
    return b;
}

/* Neurons with mean 0 and deviation 1, so that x is r. */
static nw_bottleneck_config unit_config(int64_t n, const float *zeros, const float *ones) {
    return (nw_bottleneck_config){
        .shape = {3, {1, 1, n}}, .mean = zeros, .std = ones, .min_std = .01, .initial_alpha = 5, .rate = 1};
}

static const float zeros[4] = {0, 0, 0, 0}, ones[4] = {1, 1, 1, 1};

static void closed_forms(void **state) {
    (void)state;
    static const struct {
        double alpha;
        float r;
        double nats;
    } cases[] = {{5, 0, 4.506742}, {5, 1, 5.000071}, {5, -2, 6.480060}, {5, 3, 8.946708},
                 {0, 0, .318147},  {0, 1, .443147},  {-5, 0, 4.488e-5}, {-5, 1, 6.729e-5}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nw_bottleneck_config config = unit_config(1, zeros, ones);
        config.initial_alpha = cases[i].alpha;
        nw_bottleneck *b = make(&config);
        nw_bottleneck_begin(b, &cases[i].r);
        double nats = nw_bottleneck_forward(b);
        double lambda = 1 / (1 + exp(-cases[i].alpha)), q = 1 / (1 + exp(cases[i].alpha)),
               r = (double)cases[i].r;
        double exact = -.5 - log(q) + .5 * lambda * lambda * r * r + .5 * q * q;
        assert_true(fabs(nats - exact) < 1e-6 * exact);
        /* The recorded values carry the single precision of 1 - lambda. */
        assert_true(fabs(nats - cases[i].nats) < (cases[i].alpha < 0 ? 2e-8 : 6e-6));
        assert_true(fabs((double)nw_bottleneck_capacity(b)[0] - nats) < 1e-6);
        nw_bottleneck_free(b);
    }
    nw_bottleneck_config config = unit_config(1, zeros, ones);
    nw_bottleneck *b = make(&config);
    nw_bottleneck_begin(b, zeros);
    assert_true(fabs(nw_bottleneck_forward(b) / log(2) - 6.501854) < 1e-5);
    nw_bottleneck_free(b);
}

/* KL of one gate without a signal, by other means than the library's: a series where the closed form cancels. */
static double exact_kl(double alpha) {
    double lambda = 1 / (1 + exp(-alpha)), q = 1 / (1 + exp(alpha));
    if (lambda > 1e-2) return -.5 - log(q) + .5 * q * q;
    double sum = 0;
    for (int k = 12; k >= 3; k--) sum = sum * lambda + 1. / k;
    return lambda * lambda * (1 + lambda * sum);
}

static void capacity_keeps_its_digits(void **state) {
    (void)state;
    double worst = 0;
    for (double step = -38 * 64; step < 60 * 64; step++) {
        double alpha = step / 64; /* exact in single precision */
        nw_bottleneck_config config = unit_config(1, zeros, ones);
        config.initial_alpha = alpha;
        nw_bottleneck *b = make(&config);
        nw_bottleneck_begin(b, zeros);
        worst = fmax(worst, fabs(nw_bottleneck_forward(b) / exact_kl(alpha) - 1));
        nw_bottleneck_free(b);
    }
    print_message("relative error of the capacity at most %.1e\n", worst);
    assert_true(worst < 5e-7);
}

static void adam_run_of_the_reference(void **state) {
    (void)state;
    static const float r[4] = {0, 1, -2, 3};
    static const double losses[3] = {62.33395, 52.05925, 41.37125};
    static const double alphas[3][4] = {
        {4, 4, 4, 4}, {3.000322, 3.000021, 2.999325, 2.998730}, {2.002031, 2.000251, 1.996764, 1.995423}};
    static const double gradient[4] = {2.483157, 2.499665, 2.549192, 2.631736};
    nw_bottleneck_config config = unit_config(4, zeros, ones);
    config.weight = 10. / 4;
    nw_bottleneck *b = make(&config);
    nw_bottleneck_begin(b, r);
    for (int t = 0; t < 3; t++) {
        assert_true(fabs(config.weight * nw_bottleneck_forward(b) - losses[t]) < 5e-5);
        nw_bottleneck_gradient(b);
        for (int i = 0; i < 4 && t == 0; i++)
            assert_true(fabs((double)nw_bottleneck_diff(b)[i] - gradient[i]) < 1e-6);
        nw_bottleneck_update(b);
        for (int i = 0; i < 4; i++)
            assert_true(fabs((double)nw_bottleneck_alpha(b)[i] - alphas[t][i]) < 2e-6);
    }
    nw_bottleneck_free(b);
}

static void capacity_is_zero_only_without_signal(void **state) {
    (void)state;
    static const float r[4] = {0, .3F, -5, 40};
    double last[4] = {0};
    for (double alpha = -40; alpha <= 60; alpha += .25) {
        nw_bottleneck_config config = unit_config(4, zeros, ones);
        config.initial_alpha = alpha;
        nw_bottleneck *b = make(&config);
        nw_bottleneck_begin(b, r);
        double nats = nw_bottleneck_forward(b);
        assert_true(isfinite(nats) && nats > 0);
        const float *capacity = nw_bottleneck_capacity(b);
        for (int i = 0; i < 4; i++) {
            assert_true((double)capacity[i] > last[i] || (alpha > 15 && (double)capacity[i] >= last[i]));
            last[i] = (double)capacity[i];
        }
        nw_bottleneck_free(b);
    }
    nw_bottleneck_config config = unit_config(4, zeros, ones);
    config.initial_alpha = -1e30;
    nw_bottleneck *b = make(&config);
    nw_bottleneck_begin(b, zeros);
    assert_true(nw_bottleneck_forward(b) < 1e-50);
    for (int i = 0; i < 4; i++) assert_true(nw_bottleneck_capacity(b)[i] == 0);
    nw_bottleneck_free(b);
}

/* The reference implementation gives infinity from alpha = 16.7 on. */
static void saturation_stays_finite(void **state) {
    (void)state;
    float mean[36] = {0}, std[36], x[36], z[36];
    for (int i = 0; i < 36; i++) {
        std[i] = 1;
        x[i] = (float)i;
    }
    for (double sigma = 0; sigma < 2; sigma += 1)
        for (double alpha = 10; alpha < 1e5; alpha *= 2) {
            nw_bottleneck_config config = {.shape = {3, {1, 6, 6}},
                                           .mean = mean,
                                           .std = std,
                                           .min_std = .01,
                                           .sigma = sigma,
                                           .initial_alpha = alpha,
                                           .rate = 2,
                                           .weight = 1};
            nw_bottleneck *b = make(&config);
            nw_bottleneck_begin(b, x);
            nw_noise noise = {.seed = 1};
            for (int t = 0; t < 3; t++) {
                assert_true(isfinite(nw_bottleneck_forward(b)));
                nw_bottleneck_sample(b, &noise, 0, 1, z);
                nw_bottleneck_gather(b, &noise, 0, 1, z);
                assert_true(isfinite(nw_bottleneck_gradient(b)));
                nw_bottleneck_update(b);
            }
            assert_true(isfinite(nw_bottleneck_forward(b)));
            nw_bottleneck_free(b);
        }
}

/* A problem whose model loss is mean over samples of sum(c z + d z^2 / 2). */
enum { C = 3, H = 5, W = 7, N = C * H * W, SAMPLES = 3 };

typedef struct problem {
    nw_bottleneck_config config;
    float mean[N], std[N], share[N], x[N], alpha[N], eps[SAMPLES][N];
    double c[N], d[N];
} problem;

static void inject(void *user, uint32_t step, uint32_t sample, uint64_t first, float *dst, size_t n) {
    (void)step;
    const problem *p = user;
    memcpy(dst, p->eps[sample] + first, n * sizeof *dst);
}

static void setup(problem *p, double sigma, bool relu) {
    float draws[8][N];
    for (uint32_t i = 0; i < 8; i++) nw_rng_normals(11, 0, 0, i, 0, draws[i], N);
    for (int i = 0; i < N; i++) {
        p->mean[i] = draws[0][i];
        p->std[i] = i % 9 == 0 ? 0 : fabsf(draws[1][i]);
        p->share[i] = i % 11 == 0 ? .01F : .5F;
        p->x[i] = 2 * draws[2][i];
        p->alpha[i] = 3 * draws[3][i];
        p->c[i] = (double)draws[4][i];
        p->d[i] = (double)draws[5][i];
    }
    for (uint32_t s = 0; s < SAMPLES; s++) nw_rng_normals(12, 0, 0, s, 0, p->eps[s], N);
    p->config = (nw_bottleneck_config){.shape = {3, {C, H, W}},
                                       .mean = p->mean,
                                       .std = p->std,
                                       .active_share = p->share,
                                       .active_threshold = .01,
                                       .min_std = .1,
                                       .sigma = sigma,
                                       .weight = .37,
                                       .rate = 1,
                                       .relu = relu};
}

static int mirrored(int i, int n) {
    return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i;
}

/* The objective as A.1 of the reference writes it, in double, with 1 - lambda as a difference. */
static double objective(const problem *p, const double *alpha) {
    double sigma = p->config.sigma, sum = 0, weights[5][5], norm = 0;
    int radius = (int)nearbyint(2 * sigma);
    for (int j = -radius; j <= radius; j++)
        for (int i = -radius; i <= radius; i++)
            norm += weights[j + 2][i + 2] = radius ? exp(-(i * i + j * j) / (2 * sigma * sigma)) : 1;
    for (int c = 0; c < C; c++)
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                double lambda = 0;
                for (int j = -radius; j <= radius; j++)
                    for (int i = -radius; i <= radius; i++) {
                        double a = alpha[(c * H + mirrored(y + j, H)) * W + mirrored(x + i, W)];
                        lambda += weights[j + 2][i + 2] / norm / (1 + exp(-a));
                    }
                int at = (c * H + y) * W + x;
                if (!((double)p->share[at] > (double).01F)) continue;
                double std = fmax((double)p->std[at], p->config.min_std), q = 1 - lambda;
                double r = ((double)p->x[at] - (double)p->mean[at]) / std;
                sum += p->config.weight * -.5 * (1 + log(q * q) - lambda * r * lambda * r - q * q);
                for (int s = 0; s < SAMPLES; s++) {
                    double z =
                        lambda * (double)p->x[at] + q * ((double)p->mean[at] + std * (double)p->eps[s][at]);
                    if (p->config.relu && z < 0) z = 0;
                    sum += (p->c[at] * z + .5 * p->d[at] * z * z) / SAMPLES;
                }
            }
    return sum;
}

static void finite_differences(void **state) {
    (void)state;
    static const double sigmas[] = {0, 1, .5};
    for (int t = 0; t < 6; t++) {
        problem p;
        setup(&p, sigmas[t / 2], t % 2);
        p.config.active_threshold = (double).01F;
        p.config.min_std = (double).1F;
        nw_bottleneck *b = make(&p.config);
        nw_bottleneck_begin(b, p.x);
        memcpy(nw_bottleneck_alpha(b), p.alpha, sizeof p.alpha);
        nw_noise noise = {.inject = inject, .user = &p};
        double loss = p.config.weight * nw_bottleneck_forward(b);
        float z[SAMPLES][N], diff[SAMPLES][N];
        nw_bottleneck_sample(b, &noise, 0, SAMPLES, z[0]);
        for (int s = 0; s < SAMPLES; s++)
            for (int i = 0; i < N; i++) {
                double v = (double)z[s][i];
                loss += (p.c[i] * v + .5 * p.d[i] * v * v) / SAMPLES;
                diff[s][i] = (float)((p.c[i] + p.d[i] * v) / SAMPLES);
            }
        /* In two pieces, as a model that takes no whole batch would have it. */
        nw_bottleneck_gather(b, &noise, 0, 1, diff[0]);
        nw_bottleneck_gather(b, &noise, 1, SAMPLES - 1, diff[1]);
        nw_bottleneck_gradient(b);
        double alpha[N], most = 0, worst = 0;
        for (int i = 0; i < N; i++) alpha[i] = (double)p.alpha[i];
        assert_true(fabs(loss - objective(&p, alpha)) < 2e-5 * fabs(loss));
        for (int i = 0; i < N; i++) {
            const double h = 1e-5;
            double kept = alpha[i];
            alpha[i] = kept + h;
            double up = objective(&p, alpha);
            alpha[i] = kept - h;
            double expected = (up - objective(&p, alpha)) / (2 * h);
            alpha[i] = kept;
            most = fmax(most, fabs(expected));
            worst = fmax(worst, fabs(expected - (double)nw_bottleneck_diff(b)[i]));
        }
        assert_true(most > .01);
        assert_true(worst < 2e-5 * most);
        nw_bottleneck_free(b);
    }
}

/* A draw and its mirror image have the noiseless features as their mean, and the pairs differ from each other. */
static void antithetic_samples_mirror(void **state)
{
    (void)state;
    problem p;
    setup(&p, 1, false);
    nw_bottleneck *b = make(&p.config);
    nw_bottleneck_begin(b, p.x);
    memcpy(nw_bottleneck_alpha(b), p.alpha, sizeof p.alpha);
    nw_bottleneck_forward(b);
    nw_noise noise = {.seed = 4, .antithetic = true};
    float z[4][N], later[2][N];
    nw_bottleneck_sample(b, &noise, 0, 4, z[0]);
    nw_bottleneck_sample(b, &noise, 2, 2, later[0]);
    assert_memory_equal(z[2], later[0], sizeof later);
    double most = 0;
    for (int i = 0; i < N; i++) {
        double first = ((double)z[0][i] + (double)z[1][i]) / 2, second = ((double)z[2][i] + (double)z[3][i]) / 2;
        assert_true(fabs(first - second) < 1e-5);
        most = fmax(most, fabs((double)(z[0][i] - z[2][i])));
    }
    assert_true(most > .01);
    nw_bottleneck_free(b);
}

/* Whatever was drawn before and is kept, samples and gradients are those of a bottleneck that keeps nothing. */
static void kept_draws_are_the_same(void **state)
{
    (void)state;
    static const struct call {
        bool gathers;
        uint32_t step, first, count;
    } calls[] = {{false, 0, 0, 2}, {true, 0, 0, 2}, {false, 0, 2, 1}, {true, 0, 2, 1}, {false, 0, 3, 1},
                 {true, 0, 3, 1},  {true, 0, 0, 2}, {false, 1, 0, 4}, {true, 0, 0, 4}, {true, 1, 0, 4},
                 {false, 1, 1, 2}, {true, 1, 1, 2}, {true, 1, 2, 2},  {false, 0, 2, 1}};
    for (uint32_t keep = 1; keep <= 4; keep++)
        for (int mirrored = 0; mirrored < 2; mirrored++) {
            problem p;
            setup(&p, 1, false);
            nw_bottleneck *kept[2];
            for (int k = 0; k < 2; k++) {
                p.config.keep = k ? keep : 0;
                kept[k] = make(&p.config);
                nw_bottleneck_begin(kept[k], p.x);
                nw_bottleneck_forward(kept[k]);
            }
            for (size_t c = 0; c < sizeof calls / sizeof calls[0]; c++) {
                float z[2][4][N] = {{{0}}}, slope[4 * N];
                for (int i = 0; i < 4 * N; i++) slope[i] = 1;
                for (int k = 0; k < 2; k++) {
                    nw_noise noise = {.seed = 4, .step = calls[c].step, .antithetic = mirrored};
                    if (calls[c].gathers)
                        nw_bottleneck_gather(kept[k], &noise, calls[c].first, calls[c].count, slope);
                    else
                        nw_bottleneck_sample(kept[k], &noise, calls[c].first, calls[c].count, z[k][0]);
                }
                assert_memory_equal(z[0], z[1], sizeof z[0]);
            }
            for (int k = 0; k < 2; k++) nw_bottleneck_gradient(kept[k]);
            assert_memory_equal(nw_bottleneck_diff(kept[0]), nw_bottleneck_diff(kept[1]), N * sizeof(float));
            for (int k = 0; k < 2; k++) nw_bottleneck_free(kept[k]);
        }
}

static void inactive_neurons_are_cut_out(void **state) {
    (void)state;
    problem p;
    setup(&p, 0, false);
    nw_bottleneck *b = make(&p.config);
    nw_bottleneck_begin(b, p.x);
    nw_bottleneck_forward(b);
    nw_noise noise = {.seed = 4};
    float z[N];
    nw_bottleneck_sample(b, &noise, 0, 1, z);
    nw_bottleneck_gather(b, &noise, 0, 1, z);
    nw_bottleneck_gradient(b);
    int64_t active = 0;
    for (int i = 0; i < N; i++) {
        active += i % 11 != 0;
        if (i % 11 == 0) {
            assert_true(z[i] == 0);
            assert_true(nw_bottleneck_capacity(b)[i] == 0);
            assert_true(nw_bottleneck_diff(b)[i] == 0);
        } else
            assert_true(nw_bottleneck_capacity(b)[i] > 0);
    }
    assert_int_equal(nw_bottleneck_active(b), active);
    nw_bottleneck_free(b);
}

/* More neurons than a chunk, samples whole and one by one, one thread and two: the same bits. */
static void threads_and_pieces_do_not_matter(void **state) {
    (void)state;
    enum { BIG = 24 * 20 * 17, DRAWS = 4 };
    float *buffer = calloc(5 + DRAWS, BIG * sizeof *buffer), *x = buffer, *std = x + BIG, *mean = std + BIG;
    float *alpha = mean + BIG, *other = alpha + BIG, *z = other + BIG;
    assert_non_null(buffer);
    nw_rng_normals(1, 0, 0, 0, 0, x, BIG);
    for (int i = 0; i < BIG; i++) std[i] = 1;
    nw_bottleneck_config config = {.shape = {3, {24, 20, 17}},
                                   .mean = mean,
                                   .std = std,
                                   .min_std = .01,
                                   .sigma = 1,
                                   .initial_alpha = 5,
                                   .weight = 1e-3,
                                   .rate = 1};
    int old = nw_threads();
    for (int run = 0; run < 3; run++) {
        nw_threads_set(run == 0 ? 1 : 2);
        nw_bottleneck *b = make(&config);
        nw_bottleneck_begin(b, x);
        for (uint32_t t = 0; t < 4; t++) {
            nw_noise noise = {.seed = 5, .image = 6, .step = t};
            nw_bottleneck_forward(b);
            uint32_t at_once = run == 2 ? 1 : DRAWS;
            for (uint32_t s = 0; s < DRAWS; s += at_once) {
                nw_bottleneck_sample(b, &noise, s, at_once, z);
                nw_bottleneck_gather(b, &noise, s, at_once, z);
            }
            nw_bottleneck_gradient(b);
            nw_bottleneck_update(b);
        }
        memcpy(run ? other : alpha, nw_bottleneck_alpha(b), BIG * sizeof *alpha);
        if (run) assert_memory_equal(alpha, other, BIG * sizeof *alpha);
        nw_bottleneck_free(b);
    }
    nw_threads_set(old);
    free(buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_forms),
        cmocka_unit_test(capacity_keeps_its_digits), cmocka_unit_test(adam_run_of_the_reference),
        cmocka_unit_test(capacity_is_zero_only_without_signal),
        cmocka_unit_test(saturation_stays_finite),
        cmocka_unit_test(finite_differences),
        cmocka_unit_test(antithetic_samples_mirror),
        cmocka_unit_test(kept_draws_are_the_same),
        cmocka_unit_test(inactive_neurons_are_cut_out),
        cmocka_unit_test(threads_and_pieces_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
