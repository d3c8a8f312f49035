/* Lungs by a segmentation network. */
#ifndef NW_STUDY_SOURCE_H
#define NW_STUDY_SOURCE_H

#include "base/error.h"

#include <narrows/study.h>

nw_status nw_lungs_network(const nw_lung_source *source, const nw_volume *scan, const nw_progress *progress,
                           nw_lungs **out, nw_error *err);

#endif
