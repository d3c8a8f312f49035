#include "report/html_page.h"

#include <string.h>

nw_status nw_study_page_write(const nw_study *study, const nw_page_options *options, const char *path,
                              nw_error *err)
{
    static const nw_page_options none = {0};
    nw_page page = {.study = study, .options = options ? options : &none};
    nw_status status = nw_page_check(study, err);
    if (status == NW_OK) status = nw_page_prepare(&page, err);
    if (status != NW_OK) {
        nw_page_release(&page);
        return nw_fail_within(err, status, "%s", path);
    }
    nw_html_begin(&page.html, page.options->name ? page.options->name : "Study");
    nw_page_headline(&page);
    nw_page_slices(&page);
    nw_page_projections(&page);
    nw_page_predictions(&page);
    nw_page_lesions(&page);
    nw_page_severity(&page);
    nw_page_sweep(&page);
    nw_page_method(&page);
    nw_html_end(&page.html);
    status = nw_html_write(&page.html, path, err);
    nw_page_release(&page);
    return status;
}
