/* Counter-based normals: known answers, equality with Random123, the distribution, and independence of
 * address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"

#include <Random123/philox.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double two_pi = 6.283185307179586;

static void known_answers(void **state) {
    (void)state;
    /* From the known-answer file of Random123, philox4x32 with 10 rounds: counter, key, result. */
    static const uint32_t cases[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e,
         0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb,
         0x5001e420, 0x24126ea1},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t words[4][NW_RNG_LANES];
        nw_rng_words(cases[i] + 4, cases[i], words);
        for (int w = 0; w < 4; w++) assert_int_equal(words[w][0], cases[i][6 + w]);
    }
}

static void words_are_those_of_random123(void **state) {
    (void)state;
    uint32_t words[4][NW_RNG_LANES];
    for (uint32_t t = 0; t < 200; t++) {
        uint32_t key[2] = {t * 2654435761u, ~t * 40503u}, counter[4] = {t * 77777777u, t, t << 20, ~t};
        nw_rng_words(key, counter, words);
        for (uint32_t lane = 0; lane < NW_RNG_LANES; lane++) {
            philox4x32_ctr_t c = {{counter[0] + lane, counter[1], counter[2], counter[3]}};
            philox4x32_key_t k = {{key[0], key[1]}};
            philox4x32_ctr_t r = philox4x32(c, k);
            for (int w = 0; w < 4; w++) assert_int_equal(words[w][lane], r.v[w]);
        }
    }
}

/* Box-Muller in double from the words of Random123: bounds the error of our logarithm, sine and cosine, and
 * pins down which word goes where. */
static void normals_are_box_muller(void **state) {
    (void)state;
    enum { GROUPS = 2000 };
    float normals[NW_RNG_GROUP];
    double worst = 0;
    for (uint32_t g = 0; g < GROUPS; g++) {
        uint64_t seed = 0x123456789abcdefu, image = 0xfedcba9876543210u;
        nw_rng_normals(seed, image, 7, 300, (uint64_t)g * NW_RNG_GROUP, normals, NW_RNG_GROUP);
        for (uint32_t lane = 0; lane < NW_RNG_LANES; lane++) {
            philox4x32_ctr_t c = {
                {g * NW_RNG_LANES + lane, 7u << 16 | 300u, (uint32_t)image, (uint32_t)(image >> 32)}};
            philox4x32_key_t k = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
            philox4x32_ctr_t r = philox4x32(c, k);
            for (int pair = 0; pair < 2; pair++) {
                /* Rounded to float as in the library: that is the uniform, not an error. */
                float u = (float)(int32_t)(r.v[2 * pair] >> 1) * 0x1p-31F + 0x1p-32F;
                double radius = sqrt(-2 * log((double)u)),
                       angle = two_pi * (double)r.v[2 * pair + 1] * 0x1p-32;
                double x = radius * cos(angle), y = radius * sin(angle);
                const float *got = normals + 2 * pair * NW_RNG_LANES;
                worst = fmax(worst, fabs((double)got[lane] - x) / fmax(1, radius));
                worst = fmax(worst, fabs((double)got[NW_RNG_LANES + lane] - y) / fmax(1, radius));
            }
        }
    }
    assert_true(worst < 4e-7);
    assert_true(worst > 0);
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void distribution_is_normal(void **state) {
    (void)state;
    enum { N = 1 << 20 };
    float *x = malloc(N * sizeof *x);
    assert_non_null(x);
    nw_rng_normals(42, 0, 0, 0, 0, x, N);
    double m[5] = {0};
    for (int i = 0; i < N; i++)
        for (int p = 1; p < 5; p++) m[p] += pow((double)x[i], p) / N;
    /* Standard deviations of the sample moments: 1, sqrt 2, sqrt 15, sqrt 96, over sqrt N; five of them. */
    double unit = 5 / sqrt(N);
    assert_true(fabs(m[1]) < unit);
    assert_true(fabs(m[2] - 1) < unit * sqrt(2));
    assert_true(fabs(m[3]) < unit * sqrt(15));
    assert_true(fabs(m[4] - 3) < unit * sqrt(96));
    qsort(x, N, sizeof *x, ascending);
    double ks = 0;
    for (int i = 0; i < N; i++) {
        double cdf = 0.5 * erfc(-(double)x[i] / sqrt(2));
        ks = fmax(ks, fmax(fabs(cdf - (double)i / N), fabs(cdf - (double)(i + 1) / N)));
    }
    assert_true(ks < 1.95 / sqrt(N)); /* p = 0.001 */
    assert_true((double)x[N - 1] > 4.2 && (double)x[N - 1] < 6.7);
    free(x);
}

/* Streams that differ in one part of the address, and lags within one, are uncorrelated. */
static void addresses_are_independent(void **state) {
    (void)state;
    enum { N = 1 << 16, STREAMS = 6 };
    static float x[STREAMS][N];
    nw_rng_normals(1, 0, 0, 0, 0, x[0], N);
    nw_rng_normals(2, 0, 0, 0, 0, x[1], N);
    nw_rng_normals(1, 1, 0, 0, 0, x[2], N);
    nw_rng_normals(1, 0, 1, 0, 0, x[3], N);
    nw_rng_normals(1, 0, 0, 1, 0, x[4], N);
    nw_rng_normals(1, 0, 0, 0, N, x[5], N);
    double bound = 5 / sqrt(N);
    for (int a = 0; a < STREAMS; a++)
        for (int b = a + 1; b < STREAMS; b++) {
            double r = 0;
            for (int i = 0; i < N; i++) r += (double)x[a][i] * (double)x[b][i] / N;
            assert_true(fabs(r) < bound);
        }
    static const int lags[] = {1, 2, 63, 64, 65, 128, 192, 256};
    for (size_t l = 0; l < sizeof lags / sizeof lags[0]; l++) {
        double r = 0, squares = 0;
        for (int i = 0; i + lags[l] < N; i++) {
            double a = (double)x[0][i], b = (double)x[0][i + lags[l]];
            r += a * b / N;
            squares += (a * a - 1) * (b * b - 1) / (2.0 * N);
        }
        assert_true(fabs(r) < bound);
        assert_true(fabs(squares) < bound);
    }
}

static void pieces_and_variants_give_the_same_bits(void **state) {
    (void)state;
    enum { N = 5000 };
    float whole[N], pieces[N];
    nw_rng_normals(9, 8, 7, 6, 1234, whole, N);
    size_t step = 1;
    for (size_t at = 0; at < N; at += step, step = step * 3 % 701 + 1) {
        size_t n = N - at < step ? N - at : step;
        nw_rng_normals(9, 8, 7, 6, 1234 + at, pieces + at, n);
    }
    assert_memory_equal(whole, pieces, sizeof whole);
    for (int v = 0; v < nw_rng_variants(); v++) {
        memset(pieces, 0, sizeof pieces);
        nw_rng_normals_variant(v, 9, 8, 7, 6, 1234, pieces, N);
        assert_memory_equal(whole, pieces, sizeof whole);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(words_are_those_of_random123),
        cmocka_unit_test(normals_are_box_muller),
        cmocka_unit_test(distribution_is_normal),
        cmocka_unit_test(addresses_are_independent),
        cmocka_unit_test(pieces_and_variants_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
