/* What every operator must pass: see op_case.h for how a case is written. */
#ifndef NW_TESTS_OP_CHECK_H
#define NW_TESTS_OP_CHECK_H

#include "support/op_case.h"

#define OP_FAIL(c, ...)                                                                                      \
    do {                                                                                                     \
        print_error("%s-%d [%s] (%s): ", (c)->type, (c)->opset, (c)->attrs, (c)->inputs);                    \
        print_error(__VA_ARGS__);                                                                            \
        print_error("\n");                                                                                   \
        fail();                                                                                              \
    } while (0)

static inline void op_open_or_fail(const op_case *c, uint64_t seed, op_run *run)
{
    nw_error err = {0};
    if (op_case_open(c, seed, run, &err) != NW_OK) OP_FAIL(c, "inference: %s", err.message);
}

static inline int64_t op_in_count(const op_run *run, int i)
{
    return nw_count(nw_in_shape(run->graph, run->node, i));
}

/* sum over all outputs of diff_dst * dst, after a forward. */
static inline double op_loss(op_run *run)
{
    double sum = 0;
    op_run_forward(run);
    for (int i = 0; i < run->node->output_count; i++)
        if (run->diff_dst[i])
            for (int64_t k = 0, n = nw_count(nw_out_shape(run->graph, run->node, i)); k < n; k++)
                sum += run->diff_dst[i][k] * run->dst[i][k];
    return sum;
}

/* Backward adds, and gives the same for one input alone as for all together. */
static inline void op_check_adds(const op_case *c, op_run *run)
{
    for (int i = 0; i < run->node->input_count; i++) {
        if (!run->variable[i]) continue;
        int64_t n = op_in_count(run, i);
        double *again = nw_calloc((size_t)n, sizeof *again), *diff_src[OP_CASE_MAX] = {NULL};
        for (int64_t k = 0; k < n; k++) again[k] = 3;
        nw_ref call = op_run_call(run);
        diff_src[i] = again;
        call.diff_src = diff_src;
        run->op->backward(&call);
        for (int64_t k = 0; k < n; k++)
            if (!(fabs(again[k] - 3 - run->diff_src[i][k]) <= 1e-12 * (1 + fabs(run->diff_src[i][k]))))
                OP_FAIL(c, "input %d alone, element %lld: %.17g was added instead of %.17g", i, (long long)k,
                        again[k] - 3, run->diff_src[i][k]);
        nw_free(again);
    }
}

/* Backward against central differences in every element of every float input. Points where the left and the
 * right difference disagree lie on a kink and are passed over; at most a fifth may. */
static inline void op_check_gradient(const op_case *c)
{
    const double h = 1e-5;
    op_run run;
    op_open_or_fail(c, 1, &run);
    if (!run.op->backward) OP_FAIL(c, "has no backward");
    double here = op_loss(&run);
    op_run_backward(&run);
    int64_t checked = 0, passed_over = 0;
    for (int i = 0; i < run.node->input_count; i++) {
        if (!run.variable[i]) continue;
        for (int64_t k = 0, n = op_in_count(&run, i); k < n; k++) {
            double x = run.src[i][k], got = run.diff_src[i][k];
            run.src[i][k] = x + h;
            double right = (op_loss(&run) - here) / h;
            run.src[i][k] = x - h;
            double left = (here - op_loss(&run)) / h;
            run.src[i][k] = x;
            if (!(fabs(right - left) <= 1e-2 * (1 + fabs(right)))) {
                passed_over++;
                continue;
            }
            double want = (right + left) / 2;
            checked++;
            if (!(fabs(want - got) <= 2e-7 * (1 + fabs(want) + fabs(here))))
                OP_FAIL(c, "d loss / d input %d [%lld]: %.12g, by differences %.12g", i, (long long)k, got,
                        want);
        }
    }
    if (checked == 0 || passed_over * 4 > checked)
        OP_FAIL(c, "%lld points checked, %lld passed over", (long long)checked, (long long)passed_over);
    op_loss(&run); /* the forward's outputs, as backward finds them */
    op_check_adds(c, &run);
    op_run_free(&run);
}

static inline void op_check_gradients(const op_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) op_check_gradient(&cases[i]);
}

/* For an operator that is affine in input i: f(x + v) - f(x) = Jv exactly, so <Jv, w> = <v, J^T w>. */
static inline void op_check_adjoint(const op_case *c, int i)
{
    op_run run;
    op_open_or_fail(c, 2, &run);
    double before = op_loss(&run), inner = 0, scale = fabs(before) + 1;
    op_run_backward(&run);
    for (int64_t k = 0, n = op_in_count(&run, i); k < n; k++) {
        double v = op_case_uniform(&run, -1, 1);
        run.src[i][k] += v;
        inner += v * run.diff_src[i][k];
        scale += fabs(v * run.diff_src[i][k]);
    }
    double moved = op_loss(&run) - before;
    if (!(fabs(moved - inner) <= 1e-12 * scale))
        OP_FAIL(c, "adjoint of input %d: <Jv, w> = %.17g, <v, J'w> = %.17g", i, moved, inner);
    op_run_free(&run);
}

/* The outputs of the case for given inputs (NULL: the constants or drawn numbers), against known numbers. */
static inline void op_check_values(const op_case *c, const double *const *inputs, int output,
                                   const double *want, int64_t count, double tolerance)
{
    op_run run;
    op_open_or_fail(c, 3, &run);
    for (int i = 0; inputs && i < run.node->input_count; i++)
        if (inputs[i] && run.src[i])
            memcpy(run.src[i], inputs[i], (size_t)op_in_count(&run, i) * sizeof(double));
    op_run_forward(&run);
    if (nw_count(nw_out_shape(run.graph, run.node, output)) != count) {
        char text[NW_SHAPE_TEXT];
        OP_FAIL(c, "output %d has shape %s", output,
                nw_shape_text(nw_out_shape(run.graph, run.node, output), text, sizeof text));
    }
    for (int64_t k = 0; k < count; k++)
        if (!(fabs(run.dst[output][k] - want[k]) <= tolerance * (1 + fabs(want[k]))) &&
            !(want[k] == run.dst[output][k]))
            OP_FAIL(c, "output %d [%lld] is %.12g, expected %.12g", output, (long long)k, run.dst[output][k],
                    want[k]);
    op_run_free(&run);
}

/* Inference must fail with that status and say those words. */
static inline void op_check_refused(const op_case *c, nw_status status, const char *words)
{
    op_run run;
    nw_error err = {0};
    nw_status got = op_case_open(c, 4, &run, &err);
    if (got != status) OP_FAIL(c, "status %d (%s) instead of %d", got, got ? err.message : "ok", status);
    if (!strstr(err.message, words)) OP_FAIL(c, "message '%s' lacks '%s'", err.message, words);
    op_run_free(&run);
}

#endif
