/* The series of a folder: looking for files, and choosing. */
/* Before the headers of NIfTI, which define names of its own as macros. */
#include <dirent.h>

#include "image/dicom_series.h"

#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FOLDER_DEPTH = 32 };

const char *nw_plane_name(nw_plane plane)
{
    static const char *const names[] = {"none", "axial", "coronal", "sagittal"};
    return (unsigned)plane < sizeof names / sizeof *names ? names[plane] : names[0];
}

void nw_scan_list_free(nw_scan_list *list)
{
    if (!list) return;
    for (size_t i = 0; i < list->entry_count; i++) {
        nw_free(list->entries[i].path);
        nw_dicom_facts_free(&list->entries[i].facts);
    }
    for (size_t g = 0; g < list->group_count; g++) nw_free(list->groups[g].files);
    nw_free(list->entries);
    nw_free(list->groups);
    nw_free(list->path);
    nw_free(list);
}

size_t nw_scan_list_count(const nw_scan_list *list)
{
    return list->group_count;
}

const nw_series *nw_scan_list_get(const nw_scan_list *list, size_t i)
{
    return &list->groups[i].series;
}

size_t nw_scan_list_foreign(const nw_scan_list *list)
{
    return list->foreign;
}

size_t nw_scan_list_without_image(const nw_scan_list *list)
{
    return list->without_image;
}

size_t nw_scan_list_damaged(const nw_scan_list *list, const char **error)
{
    if (error) *error = list->damaged ? list->first_damage.message : NULL;
    return list->damaged;
}

static nw_status sniff(const char *path, bool *is_dicom, nw_error *err)
{
    FILE *file = fopen(path, "rb");
    if (!file) return nw_fail(err, NW_IO, "%s: cannot open: %s", path, strerror(errno));
    unsigned char head[132];
    size_t got = fread(head, 1, sizeof head, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    *is_dicom = nw_dicom_looks(head, got);
    return failed ? nw_fail(err, NW_IO, "%s: cannot be read", path) : NW_OK;
}

/* One file: into the entries, or counted. Only what is not the file's fault fails. */
static nw_status look(nw_scan_list *list, const char *path, size_t limit, nw_error *err)
{
    bool is_dicom = false;
    nw_error problem;
    nw_dicom *file = NULL;
    nw_dicom_facts facts = {0};
    nw_status status = sniff(path, &is_dicom, &problem);
    if (status == NW_OK && !is_dicom) {
        list->foreign++;
        return NW_OK;
    }
    if (status == NW_OK) status = nw_dicom_open(path, limit, &file, &facts, &problem);
    if (status == NW_OK) nw_dicom_close(file);
    if (status == NW_OK && !facts.has_pixels) {
        nw_dicom_facts_free(&facts);
        list->without_image++;
        return NW_OK;
    }
    if (status == NW_NO_MEMORY) return nw_fail(err, status, "%s", problem.message);
    if (status != NW_OK) {
        if (list->damaged++ == 0) list->first_damage = problem;
        return NW_OK;
    }
    char *copy = nw_strdup(path);
    if (copy && NW_GROW(list->entries, list->entry_capacity, list->entry_count)) {
        list->entries[list->entry_count++] = (nw_dicom_entry){copy, facts};
        return NW_OK;
    }
    nw_free(copy);
    nw_dicom_facts_free(&facts);
    return nw_no_memory(err, sizeof *list->entries, path);
}

static nw_status look_in(nw_scan_list *list, const char *path, size_t limit, int depth, nw_error *err)
{
    if (depth > FOLDER_DEPTH)
        return nw_fail(err, NW_BAD_INPUT, "%s: folders are nested deeper than %d", path, FOLDER_DEPTH);
    DIR *dir = opendir(path);
    if (!dir) return nw_fail(err, NW_IO, "%s: cannot read the folder: %s", path, strerror(errno));
    nw_status status = NW_OK;
    for (struct dirent *e; status == NW_OK && (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        struct stat own, st;
        size_t length = strlen(path);
        char *full =
            nw_strdup_printf("%s%s%s", path, length && path[length - 1] == '/' ? "" : "/", e->d_name);
        if (!full)
            status = nw_no_memory(err, length, path);
        else if (lstat(full, &own) != 0 || stat(full, &st) != 0)
            list->foreign++; /* a dangling link */
        else if (S_ISDIR(own.st_mode))
            status = look_in(list, full, limit, depth + 1, err);
        else if (S_ISREG(st.st_mode))
            status = look(list, full, limit, err);
        nw_free(full);
    }
    closedir(dir);
    return status;
}

/* Instances in the order of their UIDs, so that neither names nor folders matter. */
static int by_instance(const void *a, const void *b)
{
    const nw_dicom_entry *x = a, *y = b;
    int order = strcmp(x->facts.series_uid, y->facts.series_uid);
    if (!order) order = strcmp(x->facts.sop_uid, y->facts.sop_uid);
    return order ? order : strcmp(x->path, y->path);
}

static nw_status fill(nw_scan_list *list, nw_error *err)
{
    const size_t limit = (size_t)1 << 30; /* of a deflated data set */
    struct stat st;
    if (!list->path) return nw_no_memory(err, 0, "the list of series");
    if (stat(list->path, &st) != 0)
        return nw_fail(err, NW_IO, "%s: cannot open: %s", list->path, strerror(errno));
    list->folder = S_ISDIR(st.st_mode);
    if (list->folder)
        NW_TRY(look_in(list, list->path, limit, 0, err));
    else
        NW_TRY(look(list, list->path, limit, err));
    if (!list->entry_count && !list->folder) {
        if (list->damaged) return nw_fail(err, list->first_damage.status, "%s", list->first_damage.message);
        return nw_fail(err, NW_BAD_INPUT, "%s: %s", list->path,
                       list->without_image
                           ? "a DICOM file without an image that can be read (a report, a plan, a "
                             "directory, or floating-point pixels)"
                           : "not a DICOM file");
    }
    if (!list->entry_count && list->damaged)
        return nw_fail(err, NW_BAD_INPUT, "%s: none of %zu DICOM files can be read, such as %s", list->path,
                       list->damaged, list->first_damage.message);
    if (!list->entry_count)
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s: no DICOM image in the folder (%zu files of another kind, %zu DICOM files without an "
            "image)",
            list->path, list->foreign, list->without_image);
    qsort(list->entries, list->entry_count, sizeof *list->entries, by_instance);
    return nw_dicom_group_all(list, err);
}

nw_status nw_scan_list_new(const char *path, const nw_scan_options *options, nw_scan_list **out,
                           nw_error *err)
{
    nw_scan_list *list = nw_calloc(1, sizeof *list);
    if (!list) return nw_no_memory(err, sizeof *list, path);
    list->path = nw_strdup(path);
    list->describe = options && options->describe;
    nw_status status = fill(list, err);
    if (status != NW_OK) {
        nw_scan_list_free(list);
        return status;
    }
    *out = list;
    return NW_OK;
}

/* Whether series x is to be taken rather than y: by the rule of nw_scan_list_choose. */
static bool better(const nw_series *x, const nw_series *y, bool accept)
{
    bool good_x = x->usable || (accept && x->mendable), good_y = y->usable || (accept && y->mendable);
    if (good_x != good_y) return good_x;
    if (x->derived != y->derived) return x->derived < y->derived;
    int64_t axial_x = x->plane == NW_PLANE_AXIAL ? x->slices : 0;
    int64_t axial_y = y->plane == NW_PLANE_AXIAL ? y->slices : 0;
    if (axial_x != axial_y) return axial_x > axial_y;
    if (x->slices != y->slices) return x->slices > y->slices;
    return x->slice_mm < y->slice_mm;
}

/* A number of the list, else SIZE_MAX. */
static size_t by_list_number(const nw_scan_list *list, const char *which)
{
    for (const char *p = which; *p; p++)
        if (!isdigit((unsigned char)*p)) return SIZE_MAX;
    unsigned long number = strlen(which) < 9 ? strtoul(which, NULL, 10) : 0;
    return number >= 1 && number <= list->group_count ? number - 1 : SIZE_MAX;
}

static bool uid_matches(const char *uid, const char *which)
{
    size_t length = strlen(uid), end = strlen(which);
    if (!end || end > length || strcmp(uid + length - end, which) != 0) return false;
    return end == length || uid[length - end - 1] == '.' || which[0] == '.';
}

static nw_status choose_named(const nw_scan_list *list, const char *which, size_t *index, nw_error *err)
{
    size_t found = by_list_number(list, which);
    for (size_t g = 0; found == SIZE_MAX && g < list->group_count; g++) {
        const nw_series *s = &list->groups[g].series;
        if (!uid_matches(s->uid, which)) continue;
        size_t best = g;
        for (size_t o = g + 1; o < list->group_count; o++) {
            const nw_series *other = &list->groups[o].series;
            if (!uid_matches(other->uid, which)) continue;
            if (strcmp(other->uid, s->uid) != 0)
                return nw_fail(err, NW_BAD_INPUT, "%s: more than one series ends in '%s'", list->path, which);
            if (better(other, &list->groups[best].series, true)) best = o;
        }
        found = best;
    }
    if (found == SIZE_MAX)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: there is no series '%s'; name one by its number in `narrows scan`, "
                       "1 to %zu, or by its UID",
                       list->path, which, list->group_count);
    *index = found;
    return NW_OK;
}

nw_status nw_dicom_choose(const nw_scan_list *list, const char *which, bool accept, size_t *index,
                          nw_error *err)
{
    if (which) return choose_named(list, which, index, err);
    size_t best = 0, largest = 0;
    for (size_t g = 1; g < list->group_count; g++) {
        const nw_series *s = &list->groups[g].series;
        if (better(s, &list->groups[best].series, accept)) best = g;
        if (s->images > list->groups[largest].series.images) largest = g;
    }
    const nw_series *chosen = &list->groups[best].series;
    if (!chosen->usable && !(accept && chosen->mendable))
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s: no CT series that can be a volume (%zu series; the largest, number %zu, is not one: %s); "
            "name a series to read it all the same",
            list->path, list->group_count, largest + 1, list->groups[largest].reason);
    *index = best;
    return NW_OK;
}

nw_status nw_scan_list_choose(const nw_scan_list *list, const char *which, size_t *index, nw_error *err)
{
    return nw_dicom_choose(list, which, false, index, err);
}
