/* A few slices with what is there beside what was found, as a PNG. */
#include "base/memory.h"
#include "report/html_page.h"

#include <math.h>
#include <stdio.h>

enum { USUAL = 4, MOST = 40, PANEL = 300 };

typedef struct planes {
    float *image, *truth, *found, *map;
} planes;

static void read_slice(const nw_page *page, int64_t slice, const planes *to)
{
    const nw_study *study = page->study;
    const nw_plane *p = &page->plane;
    const nw_crop *c = &page->crop;
    size_t i = 0;
    for (int64_t y = 0; y < c->rows; y++) {
        int64_t at = p->origin + slice * p->depth_step + (c->y + y) * p->row_step + c->x * p->column_step;
        for (int64_t x = 0; x < c->columns; x++, at += p->column_step, i++) {
            double hu = fmin(page->high_hu, fmax(page->low_hu, (double)study->hu[at]));
            to->image[i] = (float)hu;
            to->truth[i] = study->truth[at];
            to->found[i] = study->lesions->labels[at] != 0;
            to->map[i] = (float)((double)study->map[at] * study->density_factor);
        }
    }
}

/* The slices at 1, 3, 5 ... of 2 count parts of the lungs' volume; fewer where two of them are the same. */
static int choose(const nw_page *page, int count, int64_t *slices)
{
    int64_t n = page->plane.depth, all = 0, before = 0;
    int chosen = 0, part = 0;
    for (int64_t s = 0; s < n; s++) all += page->lung_voxels[s];
    for (int64_t s = 0; s < n && all; s++) {
        before += page->lung_voxels[s];
        bool take = part < count && 2 * count * before >= (2 * part + 1) * all;
        while (part < count && 2 * count * before >= (2 * part + 1) * all) part++;
        if (take) slices[chosen++] = s;
    }
    return chosen;
}

static nw_status draw(const nw_page *page, int64_t slice, const char *foot, const planes *to, nw_picture *out,
                      nw_error *err)
{
    const nw_study_slice *s = &page->study->slices[slice];
    char title[200], probability[40] = "";
    if (isfinite(s->probability))
        snprintf(probability, sizeof probability, " \xc2\xb7 probability %.2f", s->probability);
    snprintf(title, sizeof title,
             "Slice %lld%s \xc2\xb7 true %.1f mL \xc2\xb7 found %.1f mL \xc2\xb7 both %.1f mL%s",
             (long long)slice, probability, s->truth_ml, s->found_ml, s->both_ml,
             s->gated ? " (below the gate)" : "");
    const nw_overlay overlay = {.image = to->image,
                                .map = to->map,
                                .mask = to->truth,
                                .found = to->found,
                                .rows = page->crop.rows,
                                .columns = page->crop.columns,
                                .aspect = page->plane.row_mm / page->plane.column_mm,
                                .high = page->bar_high,
                                .unit = "bit/mL",
                                .title = title,
                                .caption = foot,
                                .mask_label = "true lesions",
                                .panel = PANEL};
    return nw_overlay_draw(&overlay, out, err);
}

static nw_status draw_all(const nw_page *page, const char *name, int count, const planes *to,
                          const char *path, nw_error *err)
{
    nw_picture pictures[MOST] = {0}, sheet = {0};
    int64_t slices[MOST];
    const nw_agreement *a = &page->study->agreement;
    char foot[400], dice[32] = "";
    if (isfinite(a->dice)) snprintf(dice, sizeof dice, ", Dice %.2f", a->dice);
    snprintf(foot, sizeof foot,
             "%.80s%sall slices: true %.0f mL (%.1f %%, CT-%d), found %.0f mL (%.1f %%, CT-%d)%s, "
             "%zu of %zu lesions touched",
             name ? name : "", name ? ", " : "", a->truth_ml, 100 * a->truth_share, a->truth_grade,
             a->found_ml, 100 * page->study->severity.sides[0].share, page->study->severity.grade, dice,
             a->touched, a->lesions);
    count = choose(page, count, slices);
    nw_status status = count ? NW_OK : nw_fail(err, NW_BAD_INPUT, "there is no lung to show");
    /* From the head down, as in a report's projections. */
    for (int i = 0; i < count && status == NW_OK; i++) {
        int64_t slice = slices[count - 1 - i];
        read_slice(page, slice, to);
        status = draw(page, slice, i == count - 1 ? foot : NULL, to, &pictures[i], err);
    }
    if (status == NW_OK) status = nw_picture_sheet(pictures, (size_t)count, 1, &sheet, err);
    if (status == NW_OK) status = nw_picture_write_png(&sheet, path, err);
    nw_picture_free(&sheet);
    for (int i = 0; i < count; i++) nw_picture_free(&pictures[i]);
    return status;
}

nw_status nw_study_truth_write(const nw_study *study, const char *name, int count, const char *path,
                               nw_error *err)
{
    if (!study->truth) return nw_fail(err, NW_USAGE, "%s: the study has no true lesions", path);
    if (count < 0 || count > MOST)
        return nw_fail(err, NW_USAGE, "%s: 1 to %d slices, not %d", path, MOST, count);
    nw_page page = {.study = study};
    nw_status status = nw_page_check(study, err);
    if (status == NW_OK) status = nw_page_prepare(&page, err);
    if (status == NW_OK) {
        size_t pixels = (size_t)(page.crop.rows * page.crop.columns);
        planes p = {nw_calloc(pixels, sizeof(float)), nw_calloc(pixels, sizeof(float)),
                    nw_calloc(pixels, sizeof(float)), nw_calloc(pixels, sizeof(float))};
        if (p.image && p.truth && p.found && p.map)
            status = draw_all(&page, name, count ? count : USUAL, &p, path, err);
        else
            status = nw_no_memory(err, 4 * pixels * sizeof(float), "a picture");
        nw_free(p.image);
        nw_free(p.truth);
        nw_free(p.found);
        nw_free(p.map);
    }
    nw_page_release(&page);
    return status == NW_OK ? NW_OK : nw_fail_within(err, status, "%s", path);
}
