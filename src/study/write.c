/* The files of a study but for its report and manifest. */
#include "study/study_internal.h"

#include "base/file.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

nw_status nw_study_write_map(const nw_study *s, const char *path, nw_error *err)
{
    char text[80];
    snprintf(text, sizeof text, "%.40s, bits per voxel", s->method);
    return nw_nifti_write(path, s->scan, s->map, text, err);
}

nw_status nw_study_write_lungs(const nw_study *s, const char *path, nw_error *err)
{
    return nw_nifti_write_labels(path, s->scan, NW_U8, s->lungs->labels, "lungs: 1 right, 2 left", err);
}

nw_status nw_study_write_lesions(const nw_study *s, const char *path, nw_error *err)
{
    static const char text[] = "lesions, numbers as in lesions.csv";
    if (s->lesions->count > UINT8_MAX)
        return nw_nifti_write_labels(path, s->scan, NW_I32, s->lesions->labels, text, err);
    size_t n = (size_t)(s->grid.dims[0] * s->grid.dims[1] * s->grid.dims[2]);
    uint8_t *narrow = nw_calloc(n, 1);
    if (!narrow) return nw_no_memory(err, n, "labels of lesions");
    for (size_t i = 0; i < n; i++) narrow[i] = (uint8_t)s->lesions->labels[i];
    nw_status status = nw_nifti_write_labels(path, s->scan, NW_U8, narrow, text, err);
    nw_free(narrow);
    return status;
}

static void put(nw_output *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(nw_output *out, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0) nw_output_write(out, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static void put_lesion(nw_output *out, const nw_study *s, const nw_lesion *l)
{
    put(out, "%d,%.6g,%lld,%s,%s,%s,", l->label, l->volume_ml, (long long)l->voxels, nw_side_name(l->side),
        nw_zone_name(l->zone), s->lungs->lobes ? nw_lobe_name(l->lobe) : "");
    put(out, "%.6g,%.6g,%.6g,%.6g", l->bits, l->max_density, l->mean_density, l->mean_hu);
    for (int a = 0; a < 3; a++) put(out, ",%.2f", l->centroid_mm[a]);
    for (int b = 0; b < 2; b++)
        for (int a = 0; a < 3; a++) put(out, ",%.2f", l->box_mm[b][a]);
    for (int b = 0; b < 2; b++)
        for (int a = 0; a < 3; a++) put(out, ",%lld", (long long)l->box_voxel[b][a]);
    put(out, "\n");
}

nw_status nw_study_write_csv(const nw_study *s, const char *path, nw_error *err)
{
    nw_output out;
    NW_TRY(nw_output_open(path, &out, err));
    put(&out, "lesion,volume_ml,voxels,side,zone,lobe,bits,max_bits_per_ml,mean_bits_per_ml,mean_hu,"
              "centroid_r_mm,centroid_a_mm,centroid_s_mm,"
              "min_r_mm,min_a_mm,min_s_mm,max_r_mm,max_a_mm,max_s_mm,"
              "first_i,first_j,first_k,last_i,last_j,last_k\n");
    for (size_t i = 0; i < s->lesions->count; i++) put_lesion(&out, s, &s->lesions->items[i]);
    return nw_output_commit(&out, err);
}

nw_status nw_study_write_severity(const nw_study *s, const char *name, const char *path, nw_error *err)
{
    char *text = nw_study_severity_json(s, name);
    if (!text) return nw_no_memory(err, 1 << 16, path);
    nw_status status = nw_file_write(path, text, strlen(text), err);
    free(text);
    return status;
}
