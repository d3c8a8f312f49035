#include "report/html_page.h"

#include <math.h>

static void number(nw_html *h, double value, int decimals)
{
    nw_html_raw(h, "<td>");
    nw_html_value(h, value, decimals, NULL);
    nw_html_raw(h, "</td>");
}

/* "a to b" along the patient's axis, in mm. */
static void range(nw_html *h, double low, double high)
{
    nw_html_raw(h, "<td class=\"range\">");
    nw_html_value(h, low, 0, NULL);
    nw_html_raw(h, " <small>to</small> ");
    nw_html_value(h, high, 0, NULL);
    nw_html_raw(h, "</td>");
}

static void head(nw_page *page, bool lobes)
{
    nw_html *h = &page->html;
    nw_html_raw(h, "<div class=\"wide\"><table class=\"lesions\"><thead><tr><th scope=\"col\">No.</th><th "
                   "scope=\"col\">Volume <small>mL</small></th><th scope=\"col\" class=\"word\">Side</th><th "
                   "scope=\"col\" class=\"word\">Zone</th>");
    if (lobes) nw_html_raw(h, "<th scope=\"col\" class=\"word\">Lobe</th>");
    nw_html_raw(h, "<th scope=\"col\">Bits</th><th scope=\"col\">Mean <small>bit/mL</small></th>");
    if (page->study->lungs->has_hu) nw_html_raw(h, "<th scope=\"col\">Mean <small>HU</small></th>");
    nw_html_raw(
        h, "<th scope=\"col\">Right <small>mm</small></th><th scope=\"col\">Anterior <small>mm</small></th>"
           "<th scope=\"col\">Superior <small>mm</small></th></tr></thead><tbody>\n");
}

static void row(nw_page *page, const nw_lesion *lesion, bool lobes)
{
    nw_html *h = &page->html;
    nw_html_raw(h, "<tr><th scope=\"row\">");
    nw_html_integer(h, lesion->label);
    nw_html_raw(h, "</th>");
    number(h, lesion->volume_ml, 1);
    nw_html_format(h, "<td class=\"word\">%s</td><td class=\"word\">%s</td>", nw_side_name(lesion->side),
                   nw_zone_name(lesion->zone));
    if (lobes) nw_html_format(h, "<td class=\"word\">%s</td>", nw_lobe_name(lesion->lobe));
    number(h, lesion->bits, 1);
    number(h, lesion->mean_density, 2);
    if (page->study->lungs->has_hu) number(h, lesion->mean_hu, 0);
    for (int axis = 0; axis < 3; axis++) range(h, lesion->box_mm[0][axis], lesion->box_mm[1][axis]);
    nw_html_raw(h, "</tr>\n");
}

void nw_page_lesions(nw_page *page)
{
    const nw_lesions *lesions = page->study->lesions;
    nw_html *h = &page->html;
    enum { FIRST = 20 };
    bool lobes = page->study->lungs->lobes != NULL;
    h->where = "lesions";
    nw_page_section(h, "lesions", "Lesions", NULL);
    nw_html_raw(h, "<p class=\"lead\">");
    if (lesions->count) {
        nw_html_integer(h, (int64_t)lesions->count);
        nw_html_raw(h, lesions->count == 1 ? " lesion of " : " lesions, together ");
        nw_html_value(h, lesions->volume_ml, 1, "mL");
        nw_html_raw(h, lesions->count == 1 ? "."
                                           : ", the largest first. Boxes are in the patient's coordinates.");
    } else {
        nw_html_raw(h, "No part of the lungs reaches the threshold over enough volume.");
    }
    if (lesions->dropped) {
        nw_html_raw(h, " ");
        nw_html_integer(h, (int64_t)lesions->dropped);
        nw_html_raw(h, lesions->dropped == 1 ? " spot smaller than " : " spots smaller than ");
        nw_html_value(h, lesions->min_ml, 2, "mL");
        nw_html_raw(h, lesions->dropped == 1 ? " was left out (" : " were left out (");
        nw_html_value(h, lesions->dropped_ml, 2, "mL");
        nw_html_raw(h, lesions->dropped == 1 ? ")." : " together).");
    }
    nw_html_raw(h, "</p>\n");
    for (size_t i = 0; i < lesions->count; i++) {
        if (i == FIRST) {
            nw_html_format(h,
                           "</tbody></table></div>\n<details class=\"more\"><summary>%zu smaller "
                           "lesions</summary>\n",
                           lesions->count - FIRST);
        }
        if (i == 0 || i == FIRST) head(page, lobes);
        row(page, &lesions->items[i], lobes);
    }
    if (lesions->count) nw_html_raw(h, "</tbody></table></div>\n");
    if (lesions->count > FIRST) nw_html_raw(h, "</details>\n");
    nw_page_section_end(h);
}
