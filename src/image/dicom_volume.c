/* A series as a volume. */
#include "image/dicom_series.h"
#include "image/dicom_values.h"

#include "base/memory.h"

#include <errno.h>
#include <math.h>
#include <nettle/sha2.h>
#include <string.h>

static const float CT_OUTSIDE = -1024; /* HU: where nothing was measured */

/* Reads images one after the other. */
typedef struct loader {
    const nw_scan_list *list;
    const nw_dicom_group *group;
    const nw_dicom_stack *stack;
    const nw_read_limits *limits;
    nw_dicom *file; /* the open one */
    nw_dicom_facts facts;
    size_t open; /* its place in the list */
    void *samples;
    float *values; /* of an image, where it has to be moved */
    int64_t padded;
} loader;

static void close_file(loader *l)
{
    nw_dicom_close(l->file);
    nw_dicom_facts_free(&l->facts);
    l->file = NULL;
}

static nw_status open_file(loader *l, size_t which, nw_error *err)
{
    if (l->file && l->open == which) return NW_OK;
    close_file(l);
    const nw_dicom_entry *entry = &l->list->entries[which];
    NW_TRY(nw_dicom_open(entry->path, l->limits->max_bytes, &l->file, &l->facts, err));
    l->open = which;
    if (!l->facts.has_pixels || l->facts.rows != l->group->grid.rows || l->facts.samples != 1 ||
        l->facts.columns != l->group->grid.columns || l->facts.frame_count != entry->facts.frame_count ||
        l->facts.bits_allocated != entry->facts.bits_allocated)
        return nw_fail(err, NW_IO, "%s: the file changed while it was read", entry->path);
    const char *refused = nw_dicom_refused(&l->facts);
    if (refused) return nw_fail(err, NW_BAD_INPUT, "%s: not read as a volume: %s", entry->path, refused);
    return NW_OK;
}

/* Moves values[rows][columns] by a part of a pixel: dst[dims[1]][dims[0]], NaN where there is nothing. */
static void move(const loader *l, const nw_dicom_image *image, float *dst)
{
    const nw_dicom_grid *grid = &l->group->grid;
    const nw_dicom_stack *s = l->stack;
    double du = (image->u - s->origin[0]) / grid->spacing[1],
           dv = (image->v - s->origin[1]) / grid->spacing[0];
    double floor_u = ceil(du - 1e-6), floor_v = ceil(dv - 1e-6);
    /* Pixel x of the result lies at x - du of the image: between two pixels with this share of the right one.
     */
    float wu = (float)fmax(floor_u - du, 0), wv = (float)fmax(floor_v - dv, 0);
    if (wu < 1e-4F) wu = 0;
    if (wv < 1e-4F) wv = 0;
    int64_t shift_u = (int64_t)floor_u, shift_v = (int64_t)floor_v;
    for (int64_t y = 0; y < s->dims[1]; y++)
        for (int64_t x = 0; x < s->dims[0]; x++) {
            int64_t c = x - shift_u, r = y - shift_v;
            int64_t c2 = wu > 0 ? c + 1 : c, r2 = wv > 0 ? r + 1 : r;
            float *value = dst + y * s->dims[0] + x;
            if (c < 0 || r < 0 || c2 >= grid->columns || r2 >= grid->rows) {
                *value = __builtin_nanf("");
                continue;
            }
            const float *top = l->values + r * grid->columns, *bottom = l->values + r2 * grid->columns;
            float upper = wu > 0 ? (1 - wu) * top[c] + wu * top[c2] : top[c];
            float lower = wu > 0 ? (1 - wu) * bottom[c] + wu * bottom[c2] : bottom[c];
            *value = wv > 0 ? (1 - wv) * upper + wv * lower : upper;
        }
}

/* Image k of the stack: dst[dims[1]][dims[0]]. */
static nw_status load(loader *l, int64_t k, float *dst, nw_error *err)
{
    const nw_dicom_image *image = &l->stack->images[k];
    NW_TRY(open_file(l, image->file, err));
    NW_TRY(nw_dicom_samples(l->file, &l->facts, image->frame, l->samples, err));
    const nw_dicom_frame *frame = nw_dicom_frame_of(&l->facts, image->frame);
    float *values = l->stack->shifted ? l->values : dst;
    l->padded += nw_dicom_values(&l->facts, nw_dicom_frame_is_signed(l->file, &l->facts), frame->slope,
                                 frame->inter, l->limits->options.keep_padding != 0, l->samples,
                                 nw_dicom_frame_samples(&l->facts), values);
    if (l->stack->shifted) move(l, image, dst);
    return NW_OK;
}

/* Slices at even distances between images: each image is read once. */
static nw_status load_between(loader *l, float *voxels, nw_error *err)
{
    const nw_dicom_stack *s = l->stack;
    size_t plane = (size_t)(s->dims[0] * s->dims[1]);
    float *pair = nw_alloc_aligned(2 * plane, sizeof *pair);
    if (!pair) return nw_no_memory(err, 2 * plane * sizeof *pair, l->list->path);
    float *below = pair, *above = pair + plane;
    int64_t k = 0; /* the image below */
    nw_status status = load(l, 0, below, err);
    if (status == NW_OK) status = load(l, 1, above, err);
    for (int64_t j = 0; status == NW_OK && j < s->dims[2]; j++) {
        double z = s->origin[2] + (double)j * s->step;
        while (status == NW_OK && k + 2 < s->count && z > s->images[k + 1].z) {
            float *swap = below;
            below = above;
            above = swap;
            k++;
            status = load(l, k + 1, above, err);
        }
        if (status != NW_OK) break;
        float w = (float)((z - s->images[k].z) / (s->images[k + 1].z - s->images[k].z));
        float *dst = voxels + (size_t)j * plane;
        if (w < 0.01F)
            memcpy(dst, below, plane * sizeof *dst);
        else if (w > 0.99F)
            memcpy(dst, above, plane * sizeof *dst);
        else
            for (size_t i = 0; i < plane; i++) dst[i] = (1 - w) * below[i] + w * above[i];
    }
    nw_free(pair);
    return status;
}

/* NaN, where nothing was measured, becomes air in CT, else the smallest value there is. */
static void fill_outside(float *voxels, size_t count, bool is_ct)
{
    float least = INFINITY;
    for (size_t i = 0; !is_ct && i < count; i++)
        if (voxels[i] < least) least = voxels[i];
    float outside = is_ct ? CT_OUTSIDE : least < INFINITY ? least : 0;
    for (size_t i = 0; i < count; i++)
        if (isnan(voxels[i])) voxels[i] = outside;
}

static nw_status hash_file(const char *path, struct sha256_ctx *ctx, nw_error *err)
{
    unsigned char piece[1 << 15];
    FILE *file = fopen(path, "rb");
    if (!file) return nw_fail(err, NW_IO, "%s: cannot open: %s", path, strerror(errno));
    for (size_t got; (got = fread(piece, 1, sizeof piece, file)) > 0;) sha256_update(ctx, got, piece);
    bool failed = ferror(file) != 0;
    fclose(file);
    return failed ? nw_fail(err, NW_IO, "%s: cannot be read", path) : NW_OK;
}

/* Of the files in the order of their images. */
static nw_status digest(const loader *l, char text[65], nw_error *err)
{
    struct sha256_ctx ctx;
    uint8_t bytes[SHA256_DIGEST_SIZE];
    sha256_init(&ctx);
    for (int64_t i = 0; i < l->stack->count; i++) {
        size_t file = l->stack->images[i].file;
        if (i && file == l->stack->images[i - 1].file) continue;
        NW_TRY(hash_file(l->list->entries[file].path, &ctx, err));
    }
    sha256_digest(&ctx, sizeof bytes, bytes);
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++) sprintf(text + 2 * i, "%02x", bytes[i]);
    return NW_OK;
}

/* What nw_nifti_write takes from a NIfTI file, made from the geometry: sform and qform "scanner", mm. */
static void make_header(nw_volume *v)
{
    nw_nifti_header *h = &v->header;
    nifti_dmat44 m;
    memcpy(m.m, v->info.affine, sizeof m.m);
    memcpy(h->affine, v->info.affine, sizeof h->affine);
    h->version = 1;
    h->single = true;
    h->voxels = v->info.dims[0] * v->info.dims[1] * v->info.dims[2];
    h->volumes = 1;
    h->slope = 1;
    h->stored = "float32";
    h->h.dim[0] = 3;
    for (int a = 0; a < 3; a++) h->h.dim[a + 1] = v->info.dims[a];
    nifti_dmat44_to_quatern(m, &h->h.quatern_b, &h->h.quatern_c, &h->h.quatern_d, &h->h.qoffset_x,
                            &h->h.qoffset_y, &h->h.qoffset_z, NULL, NULL, NULL, &h->h.pixdim[0]);
    for (int a = 0; a < 3; a++) h->h.pixdim[a + 1] = v->info.spacing[a];
    memcpy(h->h.srow_x, v->info.affine[0], sizeof h->h.srow_x);
    memcpy(h->h.srow_y, v->info.affine[1], sizeof h->h.srow_y);
    memcpy(h->h.srow_z, v->info.affine[2], sizeof h->h.srow_z);
    h->h.qform_code = h->h.sform_code = NIFTI_XFORM_SCANNER_ANAT;
    h->h.xyzt_units = NIFTI_UNITS_MM;
}

static void describe(nw_volume *v, const loader *l)
{
    nw_volume_info *info = &v->info;
    const nw_dicom_facts *facts = &l->list->entries[l->group->files[0]].facts;
    const nw_dicom_stack *s = l->stack;
    info->kind = NW_KIND_SCAN;
    info->format = "DICOM";
    info->stored = facts->bits_allocated == 8 ? (facts->is_signed ? "int8" : "uint8")
                                              : (facts->is_signed ? "int16" : "uint16");
    info->bits = facts->bits_stored;
    info->channels = 1;
    info->volumes = s->volumes;
    info->volume = l->limits->options.volume;
    info->padded = l->padded;
    nw_dicom_stack_affine(s, &l->group->grid, info->affine);
    memcpy(info->dims, s->dims, sizeof info->dims);
    info->spacing[0] = l->group->grid.spacing[1];
    info->spacing[1] = l->group->grid.spacing[0];
    info->spacing[2] = s->step;
    make_header(v);
    nw_volume_orient_scan(v, &l->limits->options);
}

static nw_status load_all(loader *l, nw_volume **out, nw_error *err)
{
    const nw_dicom_stack *s = l->stack;
    const char *path = l->list->path;
    int64_t plane = s->dims[0] * s->dims[1], count; /* each below 2^19 */
    if (!nw_mul_i64(plane, s->dims[2], &count) || (uint64_t)count > l->limits->max_bytes / sizeof(float))
        return nw_fail(
            err, NW_BAD_INPUT, "%s: %lld x %lld x %lld voxels need more than the limit of %zu bytes", path,
            (long long)s->dims[2], (long long)s->dims[1], (long long)s->dims[0], l->limits->max_bytes);
    const nw_dicom_facts *facts = &l->list->entries[l->group->files[0]].facts;
    size_t pixels = (size_t)facts->rows * (size_t)facts->columns * (size_t)facts->samples;
    nw_volume *v = nw_calloc(1, sizeof *v);
    l->samples = nw_alloc_aligned(pixels, 4);
    if (s->shifted) l->values = nw_alloc_aligned(pixels, sizeof(float));
    if (v) v->voxels = nw_alloc_aligned((size_t)count, sizeof(float));
    nw_status status = NW_OK;
    if (!v || !v->voxels || !l->samples || (s->shifted && !l->values))
        status = nw_no_memory(err, (size_t)count * sizeof(float), path);
    else if (s->between)
        status = load_between(l, v->voxels, err);
    else
        for (int64_t k = 0; status == NW_OK && k < s->count; k++)
            status = load(l, k, v->voxels + k * plane, err);
    if (status == NW_OK) status = digest(l, v->digest, err);
    if (status != NW_OK) {
        nw_volume_free(v);
        return status;
    }
    fill_outside(v->voxels, (size_t)count, strcmp(facts->modality, "CT") == 0);
    describe(v, l);
    *out = v;
    return NW_OK;
}

nw_status nw_scan_list_read(const nw_scan_list *list, size_t index, const nw_read_options *options,
                            nw_volume **out, nw_error *err)
{
    nw_read_limits limits = nw_read_limits_from(options);
    const nw_dicom_group *group = &list->groups[index];
    char what[NW_ERROR_SIZE / 2], warning[NW_DICOM_WARNING] = "";
    if (list->folder)
        snprintf(what, sizeof what, "%s: series %zu", list->path, index + 1);
    else
        snprintf(what, sizeof what, "%s", list->path);
    if (!group->placed)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: its header lacks position, orientation or pixel size, so it is not a volume",
                       what);
    if (list->damaged)
        nw_dicom_warn(warning, "%zu other files of the folder are damaged DICOM files", list->damaged);
    nw_dicom_image *images;
    nw_dicom_stack stack;
    int64_t count;
    NW_TRY(nw_dicom_group_images(list, group, &images, &count, err));
    nw_status status = nw_dicom_stack_plan(images, count, &group->grid, limits.options.volume,
                                           limits.options.accept_gaps != 0, what, &stack, warning, err);
    loader l = {.list = list, .group = group, .stack = &stack, .limits = &limits};
    nw_volume *v = NULL;
    if (status == NW_OK) status = load_all(&l, &v, err);
    close_file(&l);
    nw_free(l.samples);
    nw_free(l.values);
    nw_free(images);
    if (status != NW_OK) return status;
    v->path = nw_strdup(list->path);
    v->warning = nw_strdup(warning);
    if (!v->path || !v->warning) status = nw_no_memory(err, strlen(list->path), list->path);
    if (status == NW_OK) status = nw_volume_check_finite(v, what, &limits, err);
    if (status != NW_OK) {
        nw_volume_free(v);
        return status;
    }
    *out = v;
    return NW_OK;
}

nw_status nw_dicom_read(const char *path, const nw_read_limits *limits, nw_volume **out, nw_error *err)
{
    nw_scan_list *list;
    size_t index = 0;
    NW_TRY(nw_scan_list_new(path, NULL, &list, err));
    nw_status status = NW_OK;
    if (list->folder || limits->options.series)
        status = nw_dicom_choose(list, limits->options.series, limits->options.accept_gaps != 0, &index, err);
    if (status == NW_OK) {
        const nw_dicom_group *group = &list->groups[index];
        if (!list->folder && (!group->placed || nw_dicom_refused(&list->entries[0].facts)))
            status = nw_dicom_picture_read(&list->entries[0], limits, out, err);
        else
            status = nw_scan_list_read(list, index, &limits->options, out, err);
    }
    nw_scan_list_free(list);
    return status;
}
