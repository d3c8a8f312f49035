#include "lesion/surface.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { ITERATIONS = 600 };

typedef struct plate {
    const uint8_t *kind;
    int64_t rows, columns;
    double cc, cr, rr; /* length^2 over hc^2, hc hr, hr^2 */
} plate;

/* out += a^T a u for one second difference: sum of w[i] u[at[i]]. */
static inline void add_square(const double *u, double *out, const int64_t *at, const double *w, int n)
{
    double d = 0;
    for (int i = 0; i < n; i++) d += w[i] * u[at[i]];
    for (int i = 0; i < n; i++) out[at[i]] += w[i] * d;
}

static inline int usable(const plate *p, const int64_t *at, int n)
{
    for (int i = 0; i < n; i++)
        if (p->kind[at[i]] == NW_SURFACE_NONE) return 0;
    return 1;
}

/* out = (known + length^4 second differences squared) u. */
static void apply(const plate *p, const double *u, double *out)
{
    const int64_t n = p->columns;
    for (int64_t i = 0; i < p->rows * n; i++) out[i] = p->kind[i] == NW_SURFACE_KNOWN ? u[i] : 0;
    const double wc[3] = {p->cc, -2 * p->cc, p->cc}, wr[3] = {p->rr, -2 * p->rr, p->rr};
    const double m = p->cr * M_SQRT2, wm[4] = {m, -m, -m, m};
    for (int64_t r = 0; r < p->rows; r++)
        for (int64_t c = 0; c < n; c++) {
            int64_t at = r * n + c, next = r * n + (c + 1) % n, last = r * n + (c + n - 1) % n;
            if (p->kind[at] == NW_SURFACE_NONE) continue;
            const int64_t along[3] = {last, at, next};
            if (usable(p, along, 3)) add_square(u, out, along, wc, 3);
            if (r + 1 >= p->rows) continue;
            const int64_t corners[4] = {at, next, at + n, next + n};
            if (usable(p, corners, 4)) add_square(u, out, corners, wm, 4);
            if (!r) continue;
            const int64_t down[3] = {at - n, at, at + n};
            if (usable(p, down, 3)) add_square(u, out, down, wr, 3);
        }
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

nw_status nw_surface_fit(float *f, const uint8_t *kind, int64_t rows, int64_t columns, double hr, double hc,
                         double length, nw_error *err)
{
    const int64_t n = rows * columns;
    const double l2 = length * length;
    const plate p = {kind, rows, columns, l2 / (hc * hc), l2 / (hc * hr), l2 / (hr * hr)};
    double *u = nw_calloc((size_t)(5 * n), sizeof *u);
    if (!u) return nw_no_memory(err, (size_t)(5 * n) * sizeof *u, "a surface");
    double *residual = u + n, *direction = u + 2 * n, *image = u + 3 * n, *scale = u + 4 * n;
    /* Conjugate gradients, the diagonal as preconditioner: it varies much where few differences count. */
    for (int64_t i = 0; i < n; i++)
        scale[i] = 1 / ((kind[i] == NW_SURFACE_KNOWN) + 6 * p.cc * p.cc + 6 * p.rr * p.rr + 8 * p.cr * p.cr);
    for (int64_t i = 0; i < n; i++) u[i] = kind[i] == NW_SURFACE_NONE ? 0 : (double)f[i];
    apply(&p, u, image);
    for (int64_t i = 0; i < n; i++) {
        residual[i] = (kind[i] == NW_SURFACE_KNOWN ? (double)f[i] : 0) - image[i];
        if (kind[i] == NW_SURFACE_NONE) residual[i] = 0;
        direction[i] = scale[i] * residual[i];
    }
    double rho = dot(residual, direction, n), first = rho;
    for (int it = 0; it < ITERATIONS && rho > 1e-12 * first; it++) {
        apply(&p, direction, image);
        double step = rho / dot(direction, image, n);
        if (!isfinite(step)) break;
        double next = 0;
        for (int64_t i = 0; i < n; i++) {
            u[i] += step * direction[i];
            residual[i] -= step * image[i];
            next += residual[i] * residual[i] * scale[i];
        }
        double keep = next / rho;
        for (int64_t i = 0; i < n; i++) direction[i] = scale[i] * residual[i] + keep * direction[i];
        rho = next;
    }
    for (int64_t i = 0; i < n; i++)
        if (kind[i] != NW_SURFACE_NONE) f[i] = (float)u[i];
    nw_free(u);
    return NW_OK;
}
