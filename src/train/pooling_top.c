/* The mean of the highest logits. Of equal ones at the edge those of the first instances are taken. */
#include "train/pooling.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Floats as integers in the same order. */
static uint32_t key_of(const nw_pooling_bag *bag, int64_t i)
{
    uint32_t bits;
    float value = bag->logits[i * bag->stride] + 0.F; /* -0 becomes 0 */
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static int64_t taken(const nw_pooling_bag *bag)
{
    double wanted = bag->parameter < 1 ? ceil(bag->parameter * (double)bag->m - 1e-9) : bag->parameter;
    return wanted < 1 ? 1 : wanted > (double)bag->m ? bag->m : (int64_t)wanted;
}

static int64_t above(const nw_pooling_bag *bag, uint32_t key)
{
    int64_t n = 0;
    for (int64_t i = 0; i < bag->m; i++) n += key_of(bag, i) > key;
    return n;
}

/* The key of the last one that is taken, and how many with that key are: by bisection, without sorting. */
static uint32_t edge(const nw_pooling_bag *bag, int64_t *at_edge)
{
    uint32_t low = 0, high = UINT32_MAX; /* the least key with fewer than `taken` above it */
    int64_t count = taken(bag);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (above(bag, middle) < count)
            high = middle;
        else
            low = middle + 1;
    }
    *at_edge = count - above(bag, low);
    return low;
}

static double forward(const nw_pooling_bag *bag)
{
    int64_t left;
    uint32_t last = edge(bag, &left);
    double sum = 0;
    for (int64_t i = 0; i < bag->m; i++) {
        uint32_t key = key_of(bag, i);
        if (key > last || (key == last && left-- > 0)) sum += nw_pooling_at(bag, i);
    }
    return sum / (double)taken(bag);
}

static void backward(const nw_pooling_bag *bag, double upstream, float *diff)
{
    int64_t left;
    uint32_t last = edge(bag, &left);
    for (int64_t i = 0; i < bag->m; i++) {
        uint32_t key = key_of(bag, i);
        bool in = key > last || (key == last && left-- > 0);
        diff[i * bag->stride] = in ? (float)(upstream / (double)taken(bag)) : 0;
    }
}

static nw_status check(double parameter, nw_error *err)
{
    if (parameter > 0 && (parameter < 1 || floor(parameter) >= parameter)) return NW_OK;
    return nw_fail(err, NW_BAD_INPUT, "the mean of the top %g: a share below 1, or a whole number",
                   parameter);
}

const nw_pooling nw_pooling_top = {
    .name = "top",
    .summary = "the mean of the highest logits: how many, or (below 1) which share of all (1: the highest)",
    .parameter = 1,
    .check = check,
    .forward = forward,
    .backward = backward,
};
