#include "report/html_page.h"

const char *nw_grade_text(int grade)
{
    static const char *const texts[] = {
        "Nothing in the lungs is involved.", "Less than a quarter of the lungs is involved.",
        "A quarter to a half of the lungs is involved.", "More than half of the lungs is involved.",
        "More than three quarters of the lungs are involved."};
    return grade >= 0 && grade <= 4 ? texts[grade] : "The grade is unknown.";
}

void nw_page_section(nw_html *html, const char *id, const char *title, const char *lead)
{
    nw_html_format(html, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>\n",
                   id, id, id, title);
    if (lead) nw_html_format(html, "<p class=\"lead\">%s</p>\n", lead);
}

void nw_page_section_end(nw_html *html)
{
    nw_html_raw(html, "</section>\n");
}
