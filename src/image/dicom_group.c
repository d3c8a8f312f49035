/* From files to series: which belong together, and what they are good for. */
#include "image/dicom_series.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool near(const double *a, const double *b, int count, double tolerance)
{
    for (int i = 0; i < count; i++)
        if (!(fabs(a[i] - b[i]) <= tolerance)) return false;
    return true;
}

static bool is_placed(const nw_dicom_facts *facts)
{
    for (int64_t f = 0; f < (facts->framed ? facts->frame_count : 1); f++) {
        const nw_dicom_frame *frame = &facts->frames[f];
        if (!frame->has_position || !frame->has_orientation || !frame->has_spacing) return false;
    }
    return true;
}

static bool is_localizer(const nw_dicom_facts *facts)
{
    return facts->localizer || facts->frames[0].localizer;
}

static bool together(const nw_scan_list *list, const nw_dicom_group *group, const nw_dicom_facts *b)
{
    const nw_dicom_facts *a = &list->entries[group->files[0]].facts;
    const nw_dicom_frame *x = &a->frames[0], *y = &b->frames[0];
    if (strcmp(a->series_uid, b->series_uid) != 0 || strcmp(a->study_uid, b->study_uid) != 0) return false;
    if (strcmp(a->modality, b->modality) != 0 || a->samples != b->samples) return false;
    if (a->rows != b->rows || a->columns != b->columns) return false;
    if (is_localizer(a) != is_localizer(b) || group->placed != is_placed(b)) return false;
    if (!group->placed) return true;
    return near(x->orientation, y->orientation, 6, 1e-3) &&
           near(x->spacing, y->spacing, 2, 1e-3 * fabs(x->spacing[0]));
}

static nw_status add_file(nw_scan_list *list, size_t file, nw_error *err)
{
    const nw_dicom_facts *facts = &list->entries[file].facts;
    nw_dicom_group *group = NULL;
    for (size_t g = list->group_count; g-- > 0 && !group;)
        if (together(list, &list->groups[g], facts)) group = &list->groups[g];
    if (!group) {
        if (!NW_GROW(list->groups, list->group_capacity, list->group_count))
            return nw_no_memory(err, sizeof *group, list->path);
        group = &list->groups[list->group_count++];
        memset(group, 0, sizeof *group);
        group->placed = is_placed(facts);
        group->grid = (nw_dicom_grid){
            facts->rows, facts->columns, {facts->frames[0].spacing[0], facts->frames[0].spacing[1]}};
    }
    if (!NW_GROW(group->files, group->capacity, group->file_count))
        return nw_no_memory(err, sizeof file, list->path);
    group->files[group->file_count++] = file;
    return NW_OK;
}

nw_status nw_dicom_group_images(const nw_scan_list *list, const nw_dicom_group *group,
                                nw_dicom_image **images, int64_t *count, nw_error *err)
{
    int64_t total = 0;
    for (size_t i = 0; i < group->file_count; i++) total += list->entries[group->files[i]].facts.frame_count;
    nw_dicom_image *all = nw_calloc((size_t)total, sizeof *all), *image = all;
    if (!all) return nw_no_memory(err, (size_t)total * sizeof *all, list->path);
    for (size_t i = 0; i < group->file_count; i++) {
        const nw_dicom_facts *facts = &list->entries[group->files[i]].facts;
        for (int64_t f = 0; f < facts->frame_count; f++, image++) {
            const nw_dicom_frame *frame = nw_dicom_frame_of(facts, f);
            image->file = group->files[i];
            image->frame = f;
            image->sop_uid = facts->sop_uid;
            memcpy(image->position, frame->position, sizeof image->position);
            memcpy(image->orientation, frame->orientation, sizeof image->orientation);
            image->thickness = frame->thickness;
            image->temporal = facts->temporal;
            image->acquisition = facts->acquisition;
            image->instance = facts->instance;
        }
    }
    *images = all;
    *count = total;
    return NW_OK;
}

const char *nw_dicom_refused(const nw_dicom_facts *facts)
{
    nw_dicom_coding coding = nw_dicom_coding_of(facts->transfer_syntax);
    if (coding == NW_DICOM_UNKNOWN) return "its transfer syntax is not read";
    if (facts->samples != 1) return "it is in colour";
    if (facts->bits_allocated != 8 && facts->bits_allocated != 16)
        return "its samples are not of 8 or 16 bits";
    if (strcmp(facts->photometric, "PALETTE COLOR") == 0) return "its samples are places in a palette";
    if (facts->has_lut) return "a modality look-up table stands in place of a rescale";
    return NULL;
}

/* The plane nearest to the images of a group. */
static nw_plane plane_of(const double o[6])
{
    double normal[3];
    for (int a = 0; a < 3; a++)
        normal[a] = fabs(o[(a + 1) % 3] * o[3 + (a + 2) % 3] - o[(a + 2) % 3] * o[3 + (a + 1) % 3]);
    if (normal[2] >= normal[0] && normal[2] >= normal[1]) return NW_PLANE_AXIAL;
    return normal[1] >= normal[0] ? NW_PLANE_CORONAL : NW_PLANE_SAGITTAL;
}

/* Tries the stack with the default options; what stands against it goes to `reason`. */
static nw_status try_stack(const nw_scan_list *list, nw_dicom_group *group, nw_error *err)
{
    nw_dicom_image *images;
    nw_dicom_stack stack;
    nw_error problem;
    int64_t count;
    NW_TRY(nw_dicom_group_images(list, group, &images, &count, err));
    nw_status status =
        nw_dicom_stack_plan(images, count, &group->grid, 0, false, "", &stack, group->warning, &problem);
    if (status == NW_OK) {
        group->series.slices = stack.positions;
        group->series.volumes = stack.volumes;
        group->series.slice_mm = stack.step;
        group->series.tilt = stack.tilt;
    } else {
        group->series.slices = count;
        group->series.volumes = 1;
        const char *text = problem.message;
        if (strncmp(text, ": ", 2) == 0) text += 2;
        if (!group->reason[0]) {
            char unused[NW_DICOM_WARNING] = "";
            memcpy(group->reason, text, strlen(text) + 1);
            group->series.mendable =
                nw_dicom_stack_plan(images, count, &group->grid, 0, true, "", &stack, unused, NULL) == NW_OK;
        }
        if (status == NW_NO_MEMORY && err) *err = problem;
    }
    nw_free(images);
    return status == NW_NO_MEMORY ? status : NW_OK;
}

static nw_status judge(const nw_scan_list *list, nw_dicom_group *group, nw_error *err)
{
    const nw_dicom_facts *facts = &list->entries[group->files[0]].facts;
    nw_series *s = &group->series;
    s->uid = facts->series_uid;
    s->study_uid = facts->study_uid;
    s->modality = facts->modality;
    s->description = list->describe ? facts->description : NULL;
    s->files = (int64_t)group->file_count;
    for (size_t i = 0; i < group->file_count; i++)
        s->images += list->entries[group->files[i]].facts.frame_count;
    s->rows = facts->rows;
    s->columns = facts->columns;
    s->localizer = is_localizer(facts);
    s->derived = facts->derived;
    s->transfer = nw_dicom_transfer_name(facts->transfer_syntax);
    s->reason = group->reason;
    s->warning = group->warning;
    const char *refused = nw_dicom_refused(facts);
    char *reason = group->reason;
    const size_t size = sizeof group->reason;
    if (strcmp(facts->modality, "CT") != 0)
        snprintf(reason, size, "it is %s, not CT",
                 facts->modality[0] ? facts->modality : "of unknown modality");
    else if (s->localizer)
        snprintf(reason, size, "it is a localizer");
    else if (refused)
        snprintf(reason, size, "%s", refused);
    else if (!group->placed)
        snprintf(reason, size, "its header lacks position, orientation or pixel size");
    if (group->placed) {
        s->row_mm = group->grid.spacing[0];
        s->column_mm = group->grid.spacing[1];
        s->plane = plane_of(facts->frames[0].orientation);
        NW_TRY(try_stack(list, group, err));
    }
    s->usable = !reason[0];
    return NW_OK;
}

static int by_study(const nw_scan_list *list, const nw_dicom_group *x, const nw_dicom_group *y)
{
    const nw_dicom_facts *a = &list->entries[x->files[0]].facts, *b = &list->entries[y->files[0]].facts;
    int order = strcmp(a->study_uid, b->study_uid);
    if (!order) order = (a->series_number > b->series_number) - (a->series_number < b->series_number);
    if (!order) order = strcmp(a->series_uid, b->series_uid);
    if (!order) order = (x->series.images < y->series.images) - (x->series.images > y->series.images);
    if (!order) order = (x->series.rows < y->series.rows) - (x->series.rows > y->series.rows);
    return order ? order : strcmp(a->sop_uid, b->sop_uid);
}

nw_status nw_dicom_group_all(nw_scan_list *list, nw_error *err)
{
    for (size_t i = 0; i < list->entry_count; i++) NW_TRY(add_file(list, i, err));
    for (size_t g = 0; g < list->group_count; g++) NW_TRY(judge(list, &list->groups[g], err));
    for (size_t g = 1; g < list->group_count; g++) { /* few: by insertion, as qsort has no context */
        nw_dicom_group moved = list->groups[g];
        size_t at = g;
        for (; at > 0 && by_study(list, &list->groups[at - 1], &moved) > 0; at--)
            list->groups[at] = list->groups[at - 1];
        list->groups[at] = moved;
    }
    for (size_t g = 0; g < list->group_count; g++) {
        nw_dicom_group *group = &list->groups[g];
        group->series.number = g + 1;
        group->series.reason = group->reason; /* which moved with the group */
        group->series.warning = group->warning;
    }
    return NW_OK;
}
