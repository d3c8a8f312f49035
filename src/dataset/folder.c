/* Folders by class as rows: FOLDER/CLASS/..., or FOLDER/SPLIT/CLASS/... */
#include "dataset/dataset.h"
/* Before the headers of NIfTI, which define names of its own as macros. */
#include <dirent.h>

#include "image/input_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct names {
    char **list;
    size_t count, capacity;
} names;

static void names_clear(names *n)
{
    for (size_t i = 0; i < n->count; i++) nw_free(n->list[i]);
    nw_free(n->list);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Of a folder, sorted: the folders in it, or the other entries. */
static nw_status entries(const char *path, bool folders, names *out, nw_error *err)
{
    DIR *dir = opendir(path);
    if (!dir) return nw_fail(err, NW_IO, "%s: cannot read the folder: %s", path, strerror(errno));
    nw_status status = NW_OK;
    for (struct dirent *e; status == NW_OK && (e = readdir(dir));) {
        struct stat st;
        if (e->d_name[0] == '.') continue;
        char *full = nw_strdup_printf("%s/%s", path, e->d_name), *name = nw_strdup(e->d_name);
        bool there = full && stat(full, &st) == 0, wanted = there && S_ISDIR(st.st_mode) == folders;
        if (!full || !name || (wanted && !NW_GROW(out->list, out->capacity, out->count)))
            status = nw_no_memory(err, strlen(e->d_name), path);
        else if (wanted) {
            out->list[out->count++] = name;
            name = NULL;
        }
        nw_free(full);
        nw_free(name);
    }
    closedir(dir);
    if (out->count) qsort(out->list, out->count, sizeof *out->list, by_text);
    return status;
}

/* A class folder. */
typedef struct place {
    nw_dataset *data;
    size_t root; /* characters of the folder that was opened, with its '/' */
    const char *label;
    int split;
} place;

static nw_status add(const place *p, const char *path, const char *group, nw_error *err)
{
    char *kept = nw_strings_add(&p->data->strings, "%s", path);
    if (!kept) return nw_no_memory(err, strlen(path), path);
    const char *cells[1] = {p->label};
    nw_row row = {.file = kept + p->root,
                  .path = kept,
                  .cells = cells,
                  .group = group,
                  .bag = "",
                  .split = p->split,
                  .orient = -1,
                  .slice = -1,
                  .weight = 1};
    return nw_dataset_add_row(p->data, &row, err);
}

/* A folder within a class: images, or a DICOM study; a group in any case. */
static nw_status add_group(const place *p, const char *path, nw_error *err)
{
    nw_list_options recursive = {.recursive = 1};
    nw_input_list *list;
    NW_TRY(nw_input_list_new(&path, 1, &recursive, &list, err));
    /* By the folder's own name, so that a patient who is in two classes or splits is noticed. */
    const char *wanted = p->data->options.group_column;
    const char *group = wanted && !*wanted ? "" : nw_strings_add(&p->data->strings, "%s", nw_path_base(path));
    nw_status status = group ? NW_OK : nw_no_memory(err, strlen(path), path);
    for (size_t i = 0; status == NW_OK && i < nw_input_list_count(list); i++)
        status = add(p, nw_input_list_get(list, i)->path, group, err);
    nw_input_list_free(list);
    if (status == NW_OK && *group) p->data->has_group = true;
    return status;
}

static bool listed(const char *name)
{
    return nw_input_ending(name) && !nw_path_ends(name, ".img") && !nw_path_ends(name, ".img.gz");
}

static nw_status add_class(const place *p, const char *path, nw_error *err)
{
    names files = {0}, folders = {0};
    nw_status status = entries(path, false, &files, err);
    if (status == NW_OK) status = entries(path, true, &folders, err);
    size_t before = p->data->row_count;
    for (size_t i = 0; status == NW_OK && i < files.count; i++) {
        if (!listed(files.list[i])) continue;
        char *full = nw_strdup_printf("%s/%s", path, files.list[i]);
        status = full ? add(p, full, "", err) : nw_no_memory(err, strlen(path), path);
        nw_free(full);
    }
    for (size_t i = 0; status == NW_OK && i < folders.count; i++) {
        char *full = nw_strdup_printf("%s/%s", path, folders.list[i]);
        status = full ? add_group(p, full, err) : nw_no_memory(err, strlen(path), path);
        nw_free(full);
    }
    if (status == NW_OK && p->data->row_count == before)
        status = nw_fail(err, NW_BAD_INPUT, "%s: no image in the folder of class '%s'", path, p->label);
    names_clear(&files);
    names_clear(&folders);
    return status;
}

static nw_status add_classes(place *p, const char *path, const names *classes, nw_error *err)
{
    for (size_t i = 0; i < classes->count; i++) {
        char *full = nw_strdup_printf("%s/%s", path, classes->list[i]);
        p->label = nw_strings_add(&p->data->strings, "%s", classes->list[i]);
        nw_status status = full && p->label ? add_class(p, full, err) : nw_no_memory(err, strlen(path), path);
        nw_free(full);
        NW_TRY(status);
    }
    return NW_OK;
}

static nw_status add_split(place *p, const char *path, nw_error *err)
{
    names classes = {0};
    nw_status status = entries(path, true, &classes, err);
    if (status == NW_OK && !classes.count)
        status = nw_fail(err, NW_BAD_INPUT, "%s: no folder of a class in the folder of a split", path);
    if (status == NW_OK) status = add_classes(p, path, &classes, err);
    names_clear(&classes);
    return status;
}

static nw_status add_all(place *p, const char *path, const names *top, nw_error *err)
{
    size_t splits = 0;
    nw_split split;
    for (size_t i = 0; i < top->count; i++) splits += nw_split_parse(top->list[i], &split, NULL) == NW_OK;
    if (!top->count)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: no folders of classes; FOLDER/CLASS/image or FOLDER/train/CLASS/image is wanted, "
                       "or a CSV",
                       path);
    if (splits && splits != top->count)
        return nw_fail(err, NW_BAD_INPUT, "%s: folders of splits and of other names beside each other", path);
    if (!splits) return add_classes(p, path, top, err);
    p->data->has_split = true;
    for (size_t i = 0; i < top->count; i++) {
        char *full = nw_strdup_printf("%s/%s", path, top->list[i]);
        (void)nw_split_parse(top->list[i], &split, NULL);
        p->split = (int)split;
        nw_status status = full ? add_split(p, full, err) : nw_no_memory(err, strlen(path), path);
        nw_free(full);
        NW_TRY(status);
    }
    return NW_OK;
}

nw_status nw_dataset_folder(nw_dataset *data, const char *path, nw_error *err)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    char *folder = nw_strings_add(&data->strings, "%.*s", (int)length, path);
    data->columns = nw_calloc(1, sizeof *data->columns);
    if (!folder || !data->columns) return nw_no_memory(err, length, path);
    data->columns[0] = "folder";
    data->label_columns = 1;
    names top = {0};
    place p = {.data = data, .root = length + (folder[length - 1] != '/'), .split = -1};
    nw_status status = entries(folder, true, &top, err);
    if (status == NW_OK) status = add_all(&p, folder, &top, err);
    names_clear(&top);
    return status;
}
