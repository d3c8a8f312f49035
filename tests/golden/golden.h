/* What the golden tests share: reference arrays from .npy, and programs that are run on them. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <narrows/image.h>
#include <narrows/model.h>
#include <narrows/program.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GOLDEN_PATH 1024

/* Fails the test with the library's own words. */
#define golden_ok(call, err)                                                                                 \
    do {                                                                                                     \
        if ((call) != NW_OK) fail_msg("%s", (err).message);                                                  \
    } while (0)

__attribute__((format(printf, 2, 3))) static inline void golden_path(char path[GOLDEN_PATH],
                                                                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(path, GOLDEN_PATH, format, args);
    va_end(args);
    assert_in_range(n, 1, GOLDEN_PATH - 1);
}

/* A float32 .npy; the caller unrefs it. */
static inline nw_tensor *golden_npy(const char *path)
{
    nw_error err;
    nw_tensor *tensor = NULL;
    golden_ok(nw_npy_read(path, 0, &tensor, &err), err);
    assert_int_equal(nw_tensor_dtype(tensor), NW_F32);
    return tensor;
}

static inline nw_model *golden_model(const char *path)
{
    nw_error err;
    nw_model *model = NULL;
    golden_ok(nw_model_load(path, NULL, &model, &err), err);
    return model;
}

static inline int64_t golden_count(const nw_shape *shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++) count *= shape->dims[i];
    return count;
}

static inline double golden_value(const void *values, nw_precision precision, int64_t i)
{
    return precision == NW_PRECISION_F64 ? ((const double *)values)[i] : (double)((const float *)values)[i];
}

static inline void golden_set(void *values, nw_precision precision, int64_t i, double value)
{
    if (precision == NW_PRECISION_F64)
        ((double *)values)[i] = value;
    else
        ((float *)values)[i] = (float)value;
}

/* Compares values[start + k * stride], k = 0 .. count - 1, with expected[k]; the differences must not exceed
 * tolerance * largest, where largest is the greatest magnitude in the whole reference. Returns the greatest
 * difference in units of largest. */
static inline double golden_compare(const char *what, const void *values, nw_precision precision,
                                    int64_t start, int64_t stride, const float *expected, int64_t count,
                                    double largest, double tolerance)
{
    double worst = 0;
    assert_true(largest > 0);
    for (int64_t k = 0; k < count; k++) {
        double value = golden_value(values, precision, start + k * stride), wanted = (double)expected[k];
        double difference = fabs(value - wanted) / largest;
        if (!(difference <= tolerance))
            fail_msg("%s: value %lld is %.9g, expected %.9g (%.3g of the largest magnitude %.6g)", what,
                     (long long)(start + k * stride), value, wanted, difference, largest);
        if (difference > worst) worst = difference;
    }
    return worst;
}

static inline double golden_largest(const float *values, int64_t count)
{
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)values[i]));
    return largest;
}

#endif
