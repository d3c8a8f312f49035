/* The truth slice by slice, as comma-separated values. */
#include "base/error.h"
#include "base/memory.h"
#include "phantom/record.h"

#include <stdio.h>
#include <string.h>

/* More than the longest line. */
enum { LINE = 192 };

const char *nw_phantom_slice_titles(void)
{
    return "file,slice,label,lesion_share,lung_ml,study_label,split,study\n";
}

char *nw_phantom_slice_lines(const nw_slice_truth *truth)
{
    size_t area = (size_t)(truth->dims[0] * truth->dims[1]), used = strlen(nw_phantom_slice_titles());
    char *text = nw_calloc((size_t)truth->dims[2] + 2, LINE);
    if (!text) return NULL;
    memcpy(text, nw_phantom_slice_titles(), used);
    for (int64_t z = 0; z < truth->dims[2]; z++) {
        const uint8_t *lungs = truth->lungs + (size_t)z * area, *lesions = truth->lesions + (size_t)z * area;
        size_t lung = 0, sick = 0;
        for (size_t i = 0; i < area; i++) {
            lung += lungs[i] != 0;
            sick += lesions[i] != 0;
        }
        used += (size_t)snprintf(
            text + used, LINE, "study_%04llu/ct.nii.gz,%lld,%d,%.9g,%.9g,%d,%.20s,study_%04llu\n",
            (unsigned long long)truth->study, (long long)z, sick > 0, lung ? (double)sick / (double)lung : 0,
            (double)lung * truth->voxel_ml, truth->label, truth->split, (unsigned long long)truth->study);
    }
    return text;
}

/* The voxels of a mask file. */
static nw_status read_mask(const char *folder, const char *name, int64_t dims[3], double *ml, uint8_t **out,
                           nw_error *err)
{
    char *path = nw_strdup_printf("%s/%s", folder, name);
    nw_volume *volume;
    if (!path) return nw_no_memory(err, strlen(folder), "a path");
    nw_status status = nw_volume_read(path, NULL, &volume, err);
    nw_free(path);
    if (status != NW_OK) return status;
    const nw_volume_info *info = nw_volume_get_info(volume);
    size_t area = (size_t)(info->rows * info->columns), count = area * (size_t)info->slices;
    float *slice = nw_alloc_aligned(area, sizeof *slice);
    uint8_t *mask = nw_alloc_aligned(count, 1);
    if (!slice || !mask) status = nw_no_memory(err, count, folder);
    for (int64_t z = 0; status == NW_OK && z < info->slices; z++) {
        status = nw_volume_slice(volume, z, slice, err);
        for (size_t i = 0; status == NW_OK && i < area; i++) mask[(size_t)z * area + i] = slice[i] > 0;
    }
    memcpy(dims, info->dims, sizeof info->dims);
    *ml = 0.001;
    for (int a = 0; a < 3; a++) *ml *= info->spacing[a];
    nw_free(slice);
    nw_volume_free(volume);
    if (status == NW_OK)
        *out = mask;
    else
        nw_free(mask);
    return status;
}

nw_status nw_phantom_slice_read(const char *folder, nw_slice_truth *truth, char **lines, nw_error *err)
{
    uint8_t *lungs = NULL, *lesions = NULL;
    int64_t dims[3];
    double ml;
    nw_status status = read_mask(folder, "lungs.nii.gz", truth->dims, &truth->voxel_ml, &lungs, err);
    if (status == NW_OK) status = read_mask(folder, "lesions.nii.gz", dims, &ml, &lesions, err);
    if (status == NW_OK && memcmp(dims, truth->dims, sizeof dims) != 0)
        status = nw_fail(err, NW_BAD_INPUT, "%s: masks of lungs and lesions have different sizes", folder);
    if (status == NW_OK) {
        truth->lungs = lungs;
        truth->lesions = lesions;
        *lines = nw_phantom_slice_lines(truth);
        if (!*lines) status = nw_no_memory(err, LINE, folder);
    }
    nw_free(lungs);
    nw_free(lesions);
    return status;
}
