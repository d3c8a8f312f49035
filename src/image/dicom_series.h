/* The inside of a list of series. */
#ifndef NW_IMAGE_DICOM_SERIES_H
#define NW_IMAGE_DICOM_SERIES_H

#include "image/dicom_file.h"
#include "image/dicom_stack.h"
#include "image/volume.h"

#include <narrows/scan.h>

typedef struct nw_dicom_entry {
    char *path;
    nw_dicom_facts facts;
} nw_dicom_entry;

/* Files that can be one stack, or that at least belong to one series. */
typedef struct nw_dicom_group {
    nw_series series;
    size_t *files; /* of the list */
    size_t file_count, capacity;
    bool placed; /* every image has its place, orientation and pixel size */
    nw_dicom_grid grid;
    char reason[NW_ERROR_SIZE], warning[NW_DICOM_WARNING];
} nw_dicom_group;

struct nw_scan_list {
    char *path;
    nw_dicom_entry *entries;
    size_t entry_count, entry_capacity;
    nw_dicom_group *groups;
    size_t group_count, group_capacity;
    size_t foreign, without_image, damaged;
    nw_error first_damage;
    bool describe, folder;
};

/* Makes the groups of the entries, sorts and judges them (dicom_group.c). */
nw_status nw_dicom_group_all(nw_scan_list *list, nw_error *err);
/* The images of a placed group, nw_free; their number is *count. */
nw_status nw_dicom_group_images(const nw_scan_list *list, const nw_dicom_group *group,
                                nw_dicom_image **images, int64_t *count, nw_error *err);
/* Why pixels of these facts do not become a volume; NULL where they do. Static. */
const char *nw_dicom_refused(const nw_dicom_facts *facts);

/* A picture (X-ray, photograph, screen) from a file without geometry (dicom_picture.c). */
nw_status nw_dicom_picture_read(const nw_dicom_entry *entry, const nw_read_limits *limits, nw_volume **out,
                                nw_error *err);
/* As nw_scan_list_choose; `accept`: mendable series are as good as usable ones. */
nw_status nw_dicom_choose(const nw_scan_list *list, const char *which, bool accept, size_t *index,
                          nw_error *err);
/* A folder or a DICOM file, as nw_volume_read. */
nw_status nw_dicom_read(const char *path, const nw_read_limits *limits, nw_volume **out, nw_error *err);

#endif
