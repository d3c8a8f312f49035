/* A small network from "x" to "y", run in single precision and held against the reference path in double. */
#ifndef NW_TESTS_NETWORK_RUN_H
#define NW_TESTS_NETWORK_RUN_H

#include "support/network.h"

#include <string.h>

typedef struct net_outcome {
    double *y, *dx, *dm; /* dm: the gradient of a value in the middle, where one is named */
    size_t ny, nx, nm;
    int steps; /* of the kind that was asked for */
} net_outcome;

typedef struct net_case {
    nw_precision precision;
    int64_t batch;
    bool back;          /* with the gradient, for which values live longer */
    const char *middle; /* a value whose gradient is asked for as well, or NULL */
    const char *kind;   /* of steps that are counted, or NULL */
} net_case;

static inline size_t net_count(const nw_shape *shape)
{
    size_t n = 1;
    for (int i = 0; i < shape->rank; i++) n *= (size_t)shape->dims[i];
    return n;
}

static inline net_outcome net_compute(nw_model *model, const net_case *c)
{
    bool f64 = c->precision == NW_PRECISION_F64;
    const char *diffs[] = {"x", c->middle};
    nw_program_options options = {.diffs = diffs,
                                  .diff_count = c->back ? 1 + (c->middle != NULL) : 0,
                                  .batch = c->batch,
                                  .precision = c->precision};
    nw_program *program = NULL;
    nw_error err = {0};
    if (nw_program_compile(model, &options, &program, &err) != NW_OK) fail_msg("%s", err.message);
    nw_shape in, out, middle = {0};
    void *x = nw_program_input(program, "x", &in);
    const void *y = nw_program_output(program, "y", &out);
    net_outcome r = {.nx = net_count(&in), .ny = net_count(&out)};
    for (size_t i = 0; c->kind && i < nw_program_step_count(program); i++)
        r.steps += strcmp(nw_program_step(program, i).kind, c->kind) == 0;
    for (int round = 0; round < 2; round++) { /* nothing of the first may be left in the second */
        net_set(x, r.nx, 3 + (uint64_t)round, f64);
        if (c->back) net_set(nw_program_diff_output(program, "y"), r.ny, 5, f64);
        assert_int_equal(nw_program_run(program, &err), NW_OK);
        free(r.y);
        r.y = net_get(y, r.ny, f64);
        if (c->back) assert_int_equal(nw_program_backward(program, &err), NW_OK);
    }
    if (c->back) r.dx = net_get(nw_program_diff(program, "x", NULL), r.nx, f64);
    if (c->back && c->middle) {
        const void *dm = nw_program_diff(program, c->middle, &middle);
        assert_non_null(dm);
        r.nm = net_count(&middle);
        r.dm = net_get(dm, r.nm, f64);
    }
    nw_program_free(program);
    return r;
}

static inline void net_release(net_outcome *r)
{
    free(r->y);
    free(r->dx);
    free(r->dm);
}

/* Holds float32 against double, which must be as near as rounding leaves them. Returns the steps counted. */
static inline int net_compare(nw_model *model, net_case c)
{
    const double near = 2e-6;
    c.precision = NW_PRECISION_F32;
    net_outcome fast = net_compute(model, &c);
    c.precision = NW_PRECISION_F64;
    net_outcome exact = net_compute(model, &c);
    assert_true(net_apart(fast.y, exact.y, exact.ny) < near);
    assert_true(!exact.dx || net_apart(fast.dx, exact.dx, exact.nx) < near);
    assert_true(!exact.dm || net_apart(fast.dm, exact.dm, exact.nm) < near);
    int steps = fast.steps;
    net_release(&fast);
    net_release(&exact);
    return steps;
}

#endif
