/* The steps in order, and what is made of them. */
#include "lesion/lungs.h"

#include "base/memory.h"
#include "lesion/chest.h"

#include <math.h>
#include <string.h>

void nw_lungs_free(nw_lungs *lungs)
{
    if (!lungs) return;
    nw_free(lungs->labels);
    nw_free(lungs->lobes);
    nw_free(lungs);
}

nw_status nw_lungs_new(const nw_grid *grid, const char *method, nw_lungs **out, nw_error *err)
{
    size_t count = (size_t)nw_grid_count(grid);
    nw_lungs *lungs = nw_calloc(1, sizeof *lungs);
    if (lungs) lungs->labels = nw_calloc(count, 1);
    if (!lungs || !lungs->labels) {
        nw_lungs_free(lungs);
        return nw_no_memory(err, count, "a lung mask");
    }
    lungs->grid = *grid;
    lungs->method = method;
    *out = lungs;
    return NW_OK;
}

nw_status nw_chest_new(const nw_grid *grid, const float *hu, nw_chest *out, nw_error *err)
{
    memset(out, 0, sizeof *out);
    nw_view_make(grid, &out->view);
    out->hu = hu;
    out->middle = (double)(out->view.n[0] - 1) / 2;
    out->code = nw_calloc((size_t)nw_grid_count(grid), 1);
    return out->code ? NW_OK : nw_no_memory(err, (size_t)nw_grid_count(grid), "a lung mask");
}

void nw_chest_sides(const nw_chest *c, nw_lungs *lungs)
{
    const nw_view *v = &c->view;
    const uint8_t *code = c->code;
    for (int64_t z = 0; z < v->n[2]; z++)
        for (int64_t y = 0; y < v->n[1]; y++) {
            uint8_t *dst = lungs->labels + nw_view_index(v, 0, y, z);
            for (int64_t x = 0; x < v->n[0]; x++, code++)
                if (*code == NW_CODE_RIGHT || *code == NW_CODE_LEFT) dst[x * v->stride[0]] = *code;
        }
}

static nw_status check_hu(const nw_grid *grid, const float *hu, nw_error *err)
{
    int64_t count = nw_grid_count(grid), dark = 0, dense = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(hu[i]))
            return nw_fail(err, NW_NOT_FINITE, "voxel %lld of the scan is not finite", (long long)i);
        dark += hu[i] < -500;
        dense += hu[i] > -200 && hu[i] < 300;
    }
    if (dark && dense) return NW_OK;
    return nw_fail(
        err, NW_BAD_INPUT,
        "no lung can be found: the values are not a chest in Hounsfield units (none %s); give a lung "
        "mask, or say that the image is cropped to the lungs",
        dark ? "from -200 to 300, where soft tissue is" : "below -500, where air is");
}

static double code_ml(const nw_chest *c, uint8_t code)
{
    int64_t count = 0, all = c->view.n[0] * c->view.n[1] * c->view.n[2];
    for (int64_t i = 0; i < all; i++) count += c->code[i] == code;
    return (double)count * c->view.voxel_ml;
}

static nw_status step(const nw_progress *progress, const char *what, int done, nw_error *err)
{
    if (progress && progress->call && progress->call(progress->user, what, done, 4))
        return nw_fail(err, NW_CANCELLED, "interrupted while finding the lungs");
    return NW_OK;
}

static nw_status run(nw_chest *c, const nw_lungs_options *o, const nw_progress *progress, nw_error *err)
{
    NW_TRY(step(progress, "body", 0, err));
    NW_TRY(nw_chest_air(c, err));
    NW_TRY(step(progress, "airways", 1, err));
    NW_TRY(nw_chest_airways(c, err));
    NW_TRY(step(progress, "lungs", 2, err));
    NW_TRY(nw_chest_gas(c, err));
    NW_TRY(nw_chest_lungs(c, err));
    NW_TRY(nw_chest_edge(c, err));
    NW_TRY(step(progress, "closing", 3, err));
    NW_TRY(nw_chest_fill(c, o->closing_mm != 0 ? o->closing_mm : 6, o->gap_mm != 0 ? o->gap_mm : 100, err));
    return step(progress, "lungs", 4, err);
}

nw_status nw_lungs_segment(const nw_grid *grid, const float *hu, const nw_lungs_options *options,
                           const nw_progress *progress, nw_lungs **out, nw_error *err)
{
    nw_lungs_options o = {0};
    if (options) o = *options;
    if (o.threshold_hu == 0) o.threshold_hu = -350;
    if (!(o.threshold_hu > -900 && o.threshold_hu < -100) || !(o.closing_mm < 100) || !(o.gap_mm < 1000))
        return nw_fail(
            err, NW_USAGE,
            "lungs: the threshold is between -900 and -100 HU (%g), the closing below 100 mm (%g), the "
            "gap below 1000 mm (%g)",
            o.threshold_hu, o.closing_mm, o.gap_mm);
    NW_TRY(nw_grid_check(grid, err));
    NW_TRY(check_hu(grid, hu, err));
    nw_chest c;
    NW_TRY(nw_chest_new(grid, hu, &c, err));
    c.threshold = o.threshold_hu;
    nw_lungs *lungs = NULL;
    nw_status status = run(&c, &o, progress, err);
    if (status == NW_OK) status = nw_lungs_new(grid, "threshold", &lungs, err);
    if (status == NW_OK) {
        nw_chest_sides(&c, lungs);
        lungs->threshold_hu = o.threshold_hu;
        lungs->airways_ml = code_ml(&c, NW_CODE_AIRWAY);
        lungs->gas_ml = code_ml(&c, NW_CODE_GAS);
        lungs->warnings = c.warnings | (c.has_airway ? 0u : (unsigned)NW_LUNG_NO_AIRWAY);
        nw_lungs_measure(lungs, hu);
        if (lungs->volume_ml[0] <= 0)
            status = nw_fail(
                err, NW_BAD_INPUT,
                "no lung was found: no air of lung's darkness lies within the body; give a lung mask, "
                "or say that the image is cropped to the lungs");
    }
    nw_free(c.code);
    if (status != NW_OK) {
        nw_lungs_free(lungs);
        return status;
    }
    *out = lungs;
    return NW_OK;
}
