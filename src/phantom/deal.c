#include "phantom/chest.h"

static double fraction(double v)
{
    return v - floor(v);
}

/* Studies are dealt out like cards, by additive recurrences with a start of the seed's: of any run of studies
 * the share of positives, of grades and of splits is as near to the wanted one as whole numbers allow. The
 * two steps are those of Roberts' R2 sequence, so that grades and splits are independent of one another. */
nw_deal nw_deal_of(const nw_phantom_options *options, uint64_t study)
{
    const double grade_step = 0.7548776662466927, split_step = 0.5698402909980532;
    nw_draw d = nw_draw_start(options->seed, 0, NW_PART_COHORT);
    double start[4];
    for (int i = 0; i < 4; i++) start[i] = (double)nw_draw_uniform(&d);
    double share = options->all_negative ? 0 : options->positives > 0 ? options->positives : 0.5;
    double k = (double)study, before = floor(k * share + start[0]), after = floor((k + 1) * share + start[0]);
    nw_deal deal = {.positive = after > before};
    double member = deal.positive ? before : k - before; /* number within its class */
    /* share of positives with less than that, and the involved share of the lungs: CT-1 to CT-4 */
    static const struct {
        double until, low, high;
    } bands[] = {{0.30, 0.02, 0.23}, {0.58, 0.27, 0.48}, {0.81, 0.52, 0.73}, {1, 0.77, 0.90}};
    double q = fraction(start[1] + member * grade_step), from = 0;
    for (int i = 0; deal.positive && i < 4; i++) {
        if (q < bands[i].until) {
            double t = (q - from) / (bands[i].until - from);
            deal.target = (float)(bands[i].low + t * (bands[i].high - bands[i].low));
            break;
        }
        from = bands[i].until;
    }
    double s = fraction(start[deal.positive ? 2 : 3] + member * split_step);
    deal.split = s < 0.7 ? NW_PHANTOM_TRAIN : s < 0.85 ? NW_PHANTOM_VALIDATION : NW_PHANTOM_TEST;
    return deal;
}
