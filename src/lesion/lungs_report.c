/* What lungs measure, and doubts about them. */
#include "lesion/lungs.h"

#include <math.h>

static const double small_ml = 1000, large_ml = 10000, unequal = 2.5, much_filled = 0.2, gas_share = 0.02;

const char *nw_side_name(nw_side side)
{
    static const char *const names[] = {"none", "right", "left"};
    return side >= NW_SIDE_NONE && side <= NW_SIDE_LEFT ? names[side] : "none";
}

const char *nw_zone_name(nw_zone zone)
{
    static const char *const names[] = {"upper", "middle", "lower"};
    return zone >= NW_ZONE_UPPER && zone <= NW_ZONE_LOWER ? names[zone] : "middle";
}

const char *nw_lobe_name(nw_lobe lobe)
{
    static const char *const names[] = {"none",        "right upper", "right middle",
                                        "right lower", "left upper",  "left lower"};
    return lobe >= NW_LOBE_NONE && lobe <= NW_LOBE_LL ? names[lobe] : "none";
}

static const struct {
    const char *key, *text;
} warning_texts[NW_LUNG_WARNINGS] = {
#define ENTRY(NAME, key, text) {key, text},
    NW_LUNG_WARNING_LIST(ENTRY)
#undef ENTRY
};

const char *nw_lung_warning_key(int i)
{
    return i >= 0 && i < NW_LUNG_WARNINGS ? warning_texts[i].key : NULL;
}

const char *nw_lung_warning_text(int i)
{
    return i >= 0 && i < NW_LUNG_WARNINGS ? warning_texts[i].text : NULL;
}

nw_zone nw_lungs_zone(const nw_lungs *lungs, nw_side side, double superior_mm)
{
    if (side != NW_SIDE_RIGHT && side != NW_SIDE_LEFT) return NW_ZONE_MIDDLE;
    double height = lungs->top_mm[side] - lungs->bottom_mm[side];
    if (!(height > 0)) return NW_ZONE_MIDDLE;
    double share = (superior_mm - lungs->bottom_mm[side]) / height;
    return share >= 2.0 / 3 ? NW_ZONE_UPPER : share >= 1.0 / 3 ? NW_ZONE_MIDDLE : NW_ZONE_LOWER;
}

/* Voxels, heights, sums of HU. Returns voxels in plain gas deeper than the wall of bowel is blurred. */
static double measure(nw_lungs *lungs, const float *hu, int64_t voxels[NW_SIDES], int64_t *dense)
{
    const nw_grid *g = &lungs->grid;
    const double *s = g->affine[2], half = (fabs(s[0]) + fabs(s[1]) + fabs(s[2])) / 2;
    double sum[NW_SIDES] = {0}, low[NW_SIDES], high[NW_SIDES], gas = 0;
    for (int i = 0; i < NW_SIDES; i++) low[i] = INFINITY, high[i] = -INFINITY, voxels[i] = 0;
    *dense = 0;
    int64_t at = 0;
    for (int64_t k = 0; k < g->dims[2]; k++)
        for (int64_t j = 0; j < g->dims[1]; j++) {
            double row = s[1] * (double)j + s[2] * (double)k + s[3];
            for (int64_t i = 0; i < g->dims[0]; i++, at++) {
                uint8_t side = lungs->labels[at];
                if (!side) continue;
                double up = row + s[0] * (double)i;
                voxels[side]++;
                if (up < low[side]) low[side] = up;
                if (up > high[side]) high[side] = up;
                if (!hu) continue;
                sum[side] += (double)hu[at];
                *dense += (double)hu[at] >= lungs->threshold_hu;
                gas += hu[at] < -980;
            }
        }
    for (int i = 1; i < NW_SIDES; i++) {
        lungs->bottom_mm[i] = voxels[i] ? low[i] - half : 0;
        lungs->top_mm[i] = voxels[i] ? high[i] + half : 0;
        lungs->mean_hu[i] = voxels[i] ? sum[i] / (double)voxels[i] : 0;
        if (voxels[i] && (!voxels[0] || lungs->bottom_mm[i] < lungs->bottom_mm[0]))
            lungs->bottom_mm[0] = lungs->bottom_mm[i];
        if (voxels[i] && (!voxels[0] || lungs->top_mm[i] > lungs->top_mm[0]))
            lungs->top_mm[0] = lungs->top_mm[i];
        voxels[0] += voxels[i];
    }
    lungs->mean_hu[0] = voxels[0] ? (sum[1] + sum[2]) / (double)voxels[0] : 0;
    return gas;
}

/* Lung in the outermost voxels along x, y (the sides) or at the ends of z. */
static unsigned cut_warnings(const nw_lungs *lungs)
{
    nw_view v;
    nw_view_make(&lungs->grid, &v);
    unsigned warnings = 0;
    for (int axis = 0; axis < 3; axis++)
        for (int end = 0; end < 2; end++) {
            int p = (axis + 1) % 3, q = (axis + 2) % 3;
            int64_t at[3] = {0}, count = 0;
            at[axis] = end ? v.n[axis] - 1 : 0;
            for (at[p] = 0; at[p] < v.n[p]; at[p]++)
                for (at[q] = 0; at[q] < v.n[q]; at[q]++)
                    count += lungs->labels[nw_view_index(&v, at[0], at[1], at[2])] != 0;
            if ((double)count * v.h[p] * v.h[q] < 25) continue; /* mm^2 */
            warnings |= axis < 2 ? NW_LUNG_CUT_SIDE : end ? NW_LUNG_CUT_TOP : NW_LUNG_CUT_BOTTOM;
        }
    return warnings;
}

void nw_lungs_measure(nw_lungs *lungs, const float *hu)
{
    int64_t voxels[NW_SIDES], dense;
    double gas = measure(lungs, hu, voxels, &dense), voxel_ml = nw_grid_voxel_ml(&lungs->grid);
    lungs->has_hu = hu != NULL;
    for (int i = 0; i < NW_SIDES; i++) lungs->volume_ml[i] = (double)voxels[i] * voxel_ml;
    lungs->filled_ml = hu && lungs->threshold_hu != 0 ? (double)dense * voxel_ml : 0;
    const double *ml = lungs->volume_ml;
    unsigned w = lungs->warnings | cut_warnings(lungs);
    if (ml[NW_SIDE_RIGHT] <= 0) w |= NW_LUNG_NO_RIGHT;
    if (ml[NW_SIDE_LEFT] <= 0) w |= NW_LUNG_NO_LEFT;
    if (ml[0] < small_ml) w |= NW_LUNG_SMALL;
    if (ml[0] > large_ml) w |= NW_LUNG_LARGE;
    if (ml[1] > 0 && ml[2] > 0 && fmax(ml[1], ml[2]) > unequal * fmin(ml[1], ml[2])) w |= NW_LUNG_UNEQUAL;
    if (ml[0] > 0 && lungs->filled_ml > much_filled * ml[0]) w |= NW_LUNG_FILLED;
    if (hu && gas > gas_share * (double)voxels[0]) w |= NW_LUNG_GAS;
    if (hu && ml[0] > 0 && (lungs->mean_hu[0] < -1000 || lungs->mean_hu[0] > 100)) w |= NW_LUNG_NOT_HU;
    lungs->warnings = w;
}
