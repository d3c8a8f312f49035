/* Where the lungs come from. */
#include "study/source.h"

#include <narrows/image.h>

static nw_status from_file(const nw_lung_source *source, const nw_volume *scan, nw_lungs **out, nw_error *err)
{
    nw_volume *mask = NULL;
    nw_grid grid, own;
    const float *hu, *labels;
    NW_TRY(nw_grid_of_volume(scan, &grid, &hu, err));
    NW_TRY(nw_volume_read(source->path, NULL, &mask, err));
    nw_status status = nw_grid_of_volume(mask, &own, &labels, err);
    if (status == NW_OK) status = nw_lungs_from_labels(&grid, hu, &own, labels, &source->labels, out, err);
    nw_volume_free(mask);
    return status == NW_OK ? NW_OK : nw_fail_within(err, status, "lungs %s", source->path);
}

nw_status nw_lung_source_run(const nw_lung_source *source, const nw_volume *scan, const nw_progress *progress,
                             nw_lungs **out, nw_error *err)
{
    nw_grid grid;
    const float *hu;
    NW_TRY(nw_grid_of_volume(scan, &grid, &hu, err));
    switch (source->kind) {
    case NW_LUNGS_AUTO: break;
    case NW_LUNGS_WHOLE: return nw_lungs_whole(&grid, hu, out, err);
    case NW_LUNGS_FILE: return from_file(source, scan, out, err);
    case NW_LUNGS_NETWORK: return nw_lungs_network(source, scan, progress, out, err);
    }
    nw_status status = nw_lungs_segment(&grid, hu, &source->segment, progress, out, err);
    return status == NW_OK || status == NW_CANCELLED
               ? status
               : nw_fail_within(err, status, "%s", nw_volume_path(scan));
}
