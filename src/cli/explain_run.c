#include "explain.h"
#include "predict.h"
#include "terminal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An input that is being worked on. */
typedef struct item {
    explain *e;
    size_t index;
    const nw_input *input;
    nw_volume *volume;
    const nw_volume_info *info;
    cli_seen seen; /* by the model */
    cli_slices slices;
    size_t results; /* recorded */
    size_t voxels;  /* of a method's values */
    float *map;     /* [rows][columns]; of a model of whole scans [slices][rows][columns] */
    char *files[2 * CLI_METHODS];
    size_t file_count;
} item;

static bool is_scan(const item *it)
{
    return it->info->kind == NW_KIND_SCAN;
}

static nw_status prepare(item *it, nw_error *err)
{
    nw_status status = cli_job_read(&it->e->job, it->input->path, &it->volume, err);
    explain_record_input(it->e, it->index, it->input, it->volume);
    if (status != NW_OK) return status;
    it->info = nw_volume_get_info(it->volume);
    status = cli_job_slices(&it->e->job, it->volume, it->input->path, &it->slices, err);
    if (status == NW_OK) status = cli_job_see(&it->e->job, it->input, it->volume, &it->seen, err);
    if (status != NW_OK) return status;
    size_t plane = (size_t)it->info->rows * (size_t)it->info->columns;
    it->voxels = plane * (size_t)it->info->slices;
    it->map = cli_calloc(it->e->job.pre.depth ? it->voxels : plane, sizeof *it->map);
    for (size_t m = 0; m < it->e->method_count; m++)
        it->e->methods[m].values = cli_calloc(it->voxels, sizeof(float));
    return NW_OK;
}

static void forget(item *it)
{
    for (size_t m = 0; m < it->e->method_count; m++) {
        explain_method *method = &it->e->methods[m];
        free(method->values);
        free(method->view.map);
        nw_map_free(method->view.from);
        method->values = NULL;
        method->view = (explain_view){0};
        method->total = 0;
    }
    for (size_t i = 0; i < it->file_count; i++) free(it->files[i]);
    free(it->map);
    cli_seen_free(&it->seen);
    nw_volume_free(it->volume);
}

/* A slice of the method's map, where it belongs. */
static nw_status put(const item *it, explain_method *method, const float *map, int64_t slice, nw_error *err)
{
    size_t plane = (size_t)it->info->rows * (size_t)it->info->columns;
    if (is_scan(it)) return nw_volume_put_slice(it->volume, slice, map, method->values, err);
    memcpy(method->values + (size_t)slice * plane, map, plane * sizeof *map);
    return NW_OK;
}

static double sum_of(const float *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)values[i];
    return sum;
}

/* A map of the whole scan: all slices at once, of which the picture shows the strongest. Takes over `map`. */
static nw_status keep_volume(item *it, explain_method *method, nw_map *map, nw_error *err)
{
    size_t plane = (size_t)it->info->rows * (size_t)it->info->columns;
    nw_map_unit unit = strstr(map->unit, "bits") ? NW_MAP_DENSITY : NW_MAP_VALUE;
    nw_status status = nw_preprocess_volume_back(&it->seen.pre, it->volume, unit, map->values, it->map, err);
    double all = 0;
    method->view = (explain_view){.map = cli_calloc(plane, sizeof *it->map), .from = map};
    for (int64_t z = 0; status == NW_OK && z < it->info->slices; z++) {
        const float *slice = it->map + (size_t)z * plane;
        double sum = sum_of(slice, plane);
        all += sum;
        status = put(it, method, slice, z, err);
        if (z && !(sum > method->view.sum)) continue;
        method->view.slice = z;
        method->view.sum = sum;
        memcpy(method->view.map, slice, plane * sizeof *slice);
    }
    if (status != NW_OK) return status;
    explain_record_method(it->e, (size_t)(method - it->e->methods), map);
    explain_record_slice(it->e, it->index, it->results++, map, -1, nw_volume_key(it->volume, 0), all);
    method->total = map->capacity ? map->total_bits : all;
    return NW_OK;
}

/* Takes over `map`. */
static nw_status keep(item *it, explain_method *method, nw_map *map, int64_t slice, nw_error *err)
{
    size_t plane = (size_t)it->info->rows * (size_t)it->info->columns;
    nw_map_unit unit = strstr(map->unit, "bits") ? NW_MAP_DENSITY : NW_MAP_VALUE;
    nw_status status =
        nw_preprocess_map_back(&it->seen.pre, it->volume, slice, unit, map->values, it->map, err);
    double sum = status == NW_OK ? sum_of(it->map, plane) : 0;
    if (status == NW_OK) status = put(it, method, it->map, slice, err);
    if (status != NW_OK) {
        nw_map_free(map);
        return status;
    }
    explain_record_method(it->e, (size_t)(method - it->e->methods), map);
    explain_record_slice(it->e, it->index, it->results++, map, slice, nw_volume_key(it->volume, slice), sum);
    method->total += map->capacity ? map->total_bits : sum;
    if (!method->view.map || sum > method->view.sum) {
        if (!method->view.map) method->view.map = cli_calloc(plane, sizeof *it->map);
        memcpy(method->view.map, it->map, plane * sizeof *it->map);
        method->view.slice = slice;
        method->view.sum = sum;
        nw_map_free(method->view.from);
        method->view.from = map;
    } else {
        nw_map_free(map);
    }
    return NW_OK;
}

static nw_status explain_slices(item *it, nw_error *err)
{
    explain *e = it->e;
    double step = 1 / (double)cli_slices_count(&it->slices), at = (double)(it->index * e->method_count);
    for (int64_t s = it->slices.first; s < it->slices.end; s += it->slices.step) {
        nw_status status = cli_job_fill(&e->job, &it->seen, s, err);
        if (status != NW_OK) return status;
        for (size_t m = 0; m < e->method_count; m++) {
            nw_map *map;
            cli_progress_at(at, it->input->name);
            nw_progress progress = cli_progress_piece(step);
            status = cli_check_interrupt(err);
            if (status == NW_OK)
                status = nw_explainer_run(e->methods[m].use.explainer, e->job.pixels,
                                          nw_volume_key(it->volume, s), &progress, &map, err);
            if (status == NW_OK)
                status = e->job.pre.depth ? keep_volume(it, &e->methods[m], map, err)
                                          : keep(it, &e->methods[m], map, s, err);
            if (status != NW_OK) return status;
            at += step;
        }
    }
    return NW_OK;
}

static nw_status write_map(item *it, const explain_method *method, const char *path, nw_error *err)
{
    if (is_scan(it)) {
        char *text = cli_printf("%s, %s", method->use.info->name, method->use.info->unit);
        nw_status status = nw_nifti_write(path, it->volume, method->values, text, err);
        free(text);
        return status;
    }
    int64_t dims[3] = {it->info->slices, it->info->rows, it->info->columns};
    bool one = it->info->slices == 1;
    return nw_npy_write(path, one ? 2 : 3, one ? dims + 1 : dims, method->values, err);
}

static nw_status write_files(item *it, nw_error *err)
{
    explain *e = it->e;
    for (size_t m = 0; m < e->method_count; m++) {
        const explain_method *method = &e->methods[m];
        char *stem = cli_printf("%s/%s.%s", e->a->folder, it->input->name, method->use.info->name);
        char *map = cli_printf("%s.%s", stem, is_scan(it) ? "nii.gz" : "npy"),
             *png = cli_printf("%s.png", stem);
        it->files[it->file_count++] = map;
        nw_status status = write_map(it, method, map, err);
        if (status == NW_OK && !e->a->no_picture) {
            it->files[it->file_count++] = cli_printf("%s", png);
            status = explain_picture(e, method, it->input, it->volume, png, err);
        }
        free(stem);
        free(png);
        if (status != NW_OK) return status;
    }
    return NW_OK;
}

static void tell(const item *it)
{
    explain *e = it->e;
    size_t each = e->a->no_picture ? 1 : 2; /* files */
    for (size_t m = 0; m < e->method_count; m++) {
        const explain_method *method = &e->methods[m];
        explain_record_file(e, it->index, method->use.info->name, "map", it->files[m * each]);
        if (each == 2)
            explain_record_file(e, it->index, method->use.info->name, "picture", it->files[m * each + 1]);
        if (!e->table) continue;
        const nw_map *map = method->view.from;
        const char *class = cli_job_class(&e->job, map->target);
        double p = cli_probability_of(map->head, map->probabilities, map->output_count, map->target);
        cli_table_cell(e->table, "%s", it->input->name);
        cli_table_cell(e->table, "%s", method->use.info->name);
        cli_table_cell(e->table, class ? "%lld %s" : "%lld", (long long)map->target, class);
        if (isnan(p))
            cli_table_cell(e->table, "%.4g", (double)map->logits[map->target]);
        else
            cli_table_cell(e->table, "%.4f", p);
        cli_table_cell(e->table, map->capacity ? "%.2f" : "-", method->total);
        cli_table_cell(e->table, "%s", it->files[m * each]);
    }
}

static nw_status explain_one(explain *e, size_t index, bool *writing, nw_error *err)
{
    item it = {.e = e, .index = index, .input = nw_input_list_get(e->job.inputs, index)};
    nw_status status = prepare(&it, err);
    if (status == NW_OK) status = explain_slices(&it, err);
    *writing = status == NW_OK;
    if (status == NW_OK) status = write_files(&it, err);
    if (status == NW_OK)
        tell(&it);
    else
        for (size_t i = 0; i < it.file_count; i++) unlink(it.files[i]);
    explain_record_end(e, index, status, err->message);
    forget(&it);
    return status;
}

nw_status explain_inputs(explain *e, nw_error *err)
{
    size_t count = nw_input_list_count(e->job.inputs);
    nw_status result = NW_OK;
    cli_progress_start("explaining", (double)(count * e->method_count), 0);
    for (size_t i = 0; i < count; i++) {
        bool writing = false;
        nw_status status = explain_one(e, i, &writing, err);
        if (status == NW_OK) {
            e->done++;
            continue;
        }
        result = status;
        e->failed++;
        /* What cannot be written now cannot be written for the next image either. */
        if (status == NW_CANCELLED || writing || count == 1) break;
        cli_error("%s", err->message);
    }
    cli_progress_end();
    if (result != NW_OK && result != NW_CANCELLED && e->failed && count > 1 && e->failed + e->done == count)
        cli_fail(err, result, "%zu of %zu images failed%s", e->failed, count,
                 e->done ? ", the others are done" : "");
    return result;
}
