#include "image/nifti_header.h"

#include <math.h>
#include <string.h>

static const char magic2[8] = {'n', '+', '2', 0, '\r', '\n', 032, '\n'};
static const char magic2_pair[8] = {'n', 'i', '2', 0, '\r', '\n', 032, '\n'};

/* 348 or 540 as the first word has it, in either byte order; 0: neither. */
static int header_size(const unsigned char *data, size_t size, bool *swapped)
{
    int32_t word;
    if (size < sizeof word) return 0;
    memcpy(&word, data, sizeof word);
    *swapped = false;
    if (word == NW_NIFTI1_SIZE || word == NW_NIFTI2_SIZE) return word;
    *swapped = true;
    nifti_swap_4bytes(1, &word);
    return word == NW_NIFTI1_SIZE || word == NW_NIFTI2_SIZE ? word : 0;
}

bool nw_nifti_header_looks(const unsigned char *data, size_t size)
{
    bool swapped;
    return header_size(data, size, &swapped) != 0;
}

static void widen(const nifti_1_header *n, nifti_2_header *w)
{
    memset(w, 0, sizeof *w);
    w->sizeof_hdr = NW_NIFTI2_SIZE;
    w->datatype = n->datatype;
    w->bitpix = n->bitpix;
    for (int i = 0; i < 8; i++) w->dim[i] = n->dim[i], w->pixdim[i] = (double)n->pixdim[i];
    w->intent_p1 = (double)n->intent_p1;
    w->intent_p2 = (double)n->intent_p2;
    w->intent_p3 = (double)n->intent_p3;
    w->scl_slope = (double)n->scl_slope;
    w->scl_inter = (double)n->scl_inter;
    w->qform_code = n->qform_code;
    w->sform_code = n->sform_code;
    w->quatern_b = (double)n->quatern_b;
    w->quatern_c = (double)n->quatern_c;
    w->quatern_d = (double)n->quatern_d;
    w->qoffset_x = (double)n->qoffset_x;
    w->qoffset_y = (double)n->qoffset_y;
    w->qoffset_z = (double)n->qoffset_z;
    for (int i = 0; i < 4; i++) {
        w->srow_x[i] = (double)n->srow_x[i];
        w->srow_y[i] = (double)n->srow_y[i];
        w->srow_z[i] = (double)n->srow_z[i];
    }
    w->xyzt_units = n->xyzt_units;
    w->intent_code = n->intent_code;
    w->dim_info = n->dim_info;
}

/* Analyze 7.5 has none of the fields of NIfTI; SPM keeps a scale and an origin in unused ones. */
static void forget_nifti_fields(nw_nifti_header *out, const unsigned char *data)
{
    nifti_2_header *h = &out->h;
    h->qform_code = h->sform_code = h->intent_code = h->xyzt_units = 0;
    h->dim_info = 0;
    if (!isfinite(h->scl_inter)) h->scl_inter = 0;
    int16_t origin[3];
    memcpy(origin, data + offsetof(nifti_analyze75, originator), sizeof origin);
    if (out->swapped) nifti_swap_2bytes(3, origin);
    bool sensible = origin[0] || origin[1] || origin[2];
    for (int a = 0; a < 3; a++)
        if (origin[a] <= -h->dim[a + 1] || origin[a] >= 2 * h->dim[a + 1]) sensible = false;
    for (int a = 0; a < 3; a++) out->origin[a] = sensible ? origin[a] : 0;
}

static nw_status check_dims(nw_nifti_header *out, const char *name, nw_error *err)
{
    nifti_2_header *h = &out->h;
    if (h->dim[0] < 1 || h->dim[0] > 7)
        return nw_fail(err, NW_BAD_INPUT, "%s: the header has %lld dimensions, 1 to 7 are possible", name,
                       (long long)h->dim[0]);
    out->voxels = out->volumes = 1;
    for (int i = 1; i <= 7; i++) {
        if (i > h->dim[0]) h->dim[i] = 1;
        if (h->dim[i] < 1)
            return nw_fail(err, NW_BAD_INPUT, "%s: dimension %d of the header is %lld, at least 1 is needed",
                           name, i, (long long)h->dim[i]);
        int64_t *product = i <= 3 ? &out->voxels : &out->volumes;
        if (__builtin_mul_overflow(*product, h->dim[i], product))
            return nw_fail(err, NW_BAD_INPUT, "%s: the dimensions of the header overflow", name);
    }
    int64_t total;
    if (__builtin_mul_overflow(out->voxels, out->volumes, &total) || total > INT64_MAX / 16)
        return nw_fail(err, NW_BAD_INPUT, "%s: the dimensions of the header overflow", name);
    return NW_OK;
}

static nw_status check_type(nw_nifti_header *out, const char *name, nw_error *err)
{
    static const struct {
        int code;
        const char *name;
    } read[] = {{NIFTI_TYPE_UINT8, "uint8"},     {NIFTI_TYPE_INT8, "int8"},
                {NIFTI_TYPE_UINT16, "uint16"},   {NIFTI_TYPE_INT16, "int16"},
                {NIFTI_TYPE_UINT32, "uint32"},   {NIFTI_TYPE_INT32, "int32"},
                {NIFTI_TYPE_UINT64, "uint64"},   {NIFTI_TYPE_INT64, "int64"},
                {NIFTI_TYPE_FLOAT32, "float32"}, {NIFTI_TYPE_FLOAT64, "float64"}};
    int size = 0, swap = 0;
    nifti_datatype_sizes(out->h.datatype, &size, &swap);
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        if (read[i].code == out->h.datatype) {
            out->stored = read[i].name;
            out->sample_size = (size_t)size;
            return NW_OK;
        }
    if (size > 0)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: voxels of type %s are not read; convert them to an integer or to float32", name,
                       nifti_datatype_to_string(out->h.datatype));
    return nw_fail(err, NW_BAD_INPUT, "%s: the header has data type %d, which NIfTI does not know", name,
                   out->h.datatype);
}

static nw_status check_offset(nw_nifti_header *out, double offset, const char *name, nw_error *err)
{
    double least = !out->single ? 0 : out->version == 2 ? NW_NIFTI2_SIZE : NW_NIFTI1_SIZE;
    if (!(offset >= least && offset <= 9e15) || floor(offset) != offset)
        return nw_fail(err, NW_BAD_INPUT, "%s: the header puts the voxels at byte %g, which cannot be", name,
                       offset);
    out->offset = (size_t)offset;
    return NW_OK;
}

/* sform, else qform, else (as nibabel and FSL understand "unknown" and Analyze) the first axis to the left
 * and the middle of the volume, or SPM's origin, at zero. */
static void fill_affine(nw_nifti_header *out)
{
    const nifti_2_header *h = &out->h;
    double(*m)[4] = out->affine;
    memset(m, 0, sizeof out->affine);
    m[3][3] = 1;
    double step[3];
    for (int a = 0; a < 3; a++) step[a] = h->pixdim[a + 1] == 0 ? 1 : fabs(h->pixdim[a + 1]);
    if (h->sform_code > 0) {
        memcpy(m[0], h->srow_x, sizeof h->srow_x);
        memcpy(m[1], h->srow_y, sizeof h->srow_y);
        memcpy(m[2], h->srow_z, sizeof h->srow_z);
    } else if (h->qform_code > 0) {
        nifti_dmat44 q =
            nifti_quatern_to_dmat44(h->quatern_b, h->quatern_c, h->quatern_d, h->qoffset_x, h->qoffset_y,
                                    h->qoffset_z, step[0], step[1], step[2], h->pixdim[0] == -1 ? -1 : 1);
        memcpy(m, q.m, sizeof q.m);
    } else {
        bool set = out->origin[0] != 0 || out->origin[1] != 0 || out->origin[2] != 0;
        for (int a = 0; a < 3; a++) {
            m[a][a] = a == 0 ? -step[a] : step[a];
            m[a][3] = -m[a][a] * (set ? out->origin[a] - 1 : (double)(h->dim[a + 1] - 1) / 2);
        }
    }
    int units = XYZT_TO_SPACE(h->xyzt_units);
    double mm = units == NIFTI_UNITS_METER ? 1000 : units == NIFTI_UNITS_MICRON ? 0.001 : 1;
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 4; c++) m[r][c] *= mm;
}

static nw_status check_affine(const nw_nifti_header *out, const char *name, nw_error *err)
{
    const double(*m)[4] = out->affine;
    const char *form = out->h.sform_code > 0 ? "sform" : out->h.qform_code > 0 ? "qform" : "voxel size";
    double norms = 1;
    for (int c = 0; c < 4; c++) {
        double square = 0;
        for (int r = 0; r < 3; r++) {
            if (!(fabs(m[r][c]) < 1e9))
                return nw_fail(err, NW_BAD_INPUT, "%s: the %s of the header is not finite or absurdly large",
                               name, form);
            square += m[r][c] * m[r][c];
        }
        if (c < 3) norms *= sqrt(square);
    }
    double volume = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
                    m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                    m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
    if (!(norms > 0) || !(fabs(volume) > 1e-4 * norms))
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: the %s of the header is singular, so the voxels have no place; mend the header",
                       name, form);
    return NW_OK;
}

nw_status nw_nifti_header_read(const unsigned char *data, size_t size, const char *name, nw_nifti_header *out,
                               nw_error *err)
{
    nw_nifti_header header = {0};
    int length = header_size(data, size, &header.swapped);
    if (!length) return nw_fail(err, NW_BAD_INPUT, "%s: not a NIfTI or Analyze header", name);
    if (size < (size_t)length)
        return nw_fail(err, NW_BAD_INPUT, "%s: ends within the header, after %zu of %d bytes", name, size,
                       length);
    double offset;
    if (length == NW_NIFTI2_SIZE) {
        memcpy(&header.h, data, sizeof header.h);
        if (header.swapped) nifti_swap_as_nifti2(&header.h);
        header.single = memcmp(header.h.magic, magic2, 8) == 0;
        if (!header.single && memcmp(header.h.magic, magic2_pair, 8) != 0)
            return nw_fail(err, NW_BAD_INPUT, "%s: the magic of a NIfTI-2 header is damaged", name);
        header.version = 2;
        offset = (double)header.h.vox_offset;
    } else {
        nifti_1_header narrow;
        memcpy(&narrow, data, sizeof narrow);
        header.single = memcmp(narrow.magic, "n+1", 4) == 0;
        header.version = header.single || memcmp(narrow.magic, "ni1", 4) == 0;
        if (header.swapped) nifti_swap_as_nifti1(&narrow);
        widen(&narrow, &header.h);
        offset = (double)narrow.vox_offset;
        if (header.version == 0)
            offset = fabs(offset); /* negative: the offset of every volume, not of the first */
    }
    NW_TRY(check_dims(&header, name, err));
    if (header.version == 0) forget_nifti_fields(&header, data);
    if (header.h.intent_code >= 3000 && header.h.intent_code < 3100)
        return nw_fail(err, NW_BAD_INPUT, "%s: CIFTI, whose numbers belong to a surface and not to voxels",
                       name);
    NW_TRY(check_type(&header, name, err));
    NW_TRY(check_offset(&header, offset, name, err));
    fill_affine(&header);
    NW_TRY(check_affine(&header, name, err));
    bool scaled = isfinite(header.h.scl_slope) && header.h.scl_slope != 0;
    if (scaled && !isfinite(header.h.scl_inter))
        return nw_fail(err, NW_BAD_INPUT, "%s: scl_inter of the header is not finite", name);
    header.slope = scaled ? header.h.scl_slope : 1;
    header.inter = scaled ? header.h.scl_inter : 0;
    *out = header;
    return NW_OK;
}

static void narrow_header(const nifti_2_header *w, nifti_1_header *n)
{
    memset(n, 0, sizeof *n);
    n->sizeof_hdr = NW_NIFTI1_SIZE;
    n->regular = 'r';
    n->dim_info = w->dim_info;
    for (int i = 0; i < 8; i++) n->dim[i] = (short)w->dim[i], n->pixdim[i] = (float)w->pixdim[i];
    n->datatype = w->datatype;
    n->bitpix = w->bitpix;
    n->scl_slope = (float)w->scl_slope;
    n->xyzt_units = (char)w->xyzt_units;
    n->cal_max = (float)w->cal_max;
    memcpy(n->descrip, w->descrip, sizeof n->descrip);
    n->qform_code = (short)w->qform_code;
    n->sform_code = (short)w->sform_code;
    n->quatern_b = (float)w->quatern_b;
    n->quatern_c = (float)w->quatern_c;
    n->quatern_d = (float)w->quatern_d;
    n->qoffset_x = (float)w->qoffset_x;
    n->qoffset_y = (float)w->qoffset_y;
    n->qoffset_z = (float)w->qoffset_z;
    for (int i = 0; i < 4; i++) {
        n->srow_x[i] = (float)w->srow_x[i];
        n->srow_y[i] = (float)w->srow_y[i];
        n->srow_z[i] = (float)w->srow_z[i];
    }
    memcpy(n->magic, "n+1", 4);
}

size_t nw_nifti_header_make(const nw_nifti_header *geometry, int type, const char *description,
                            unsigned char bytes[NW_NIFTI2_SIZE + 4])
{
    const nifti_2_header *g = &geometry->h;
    int sample, swap;
    nifti_datatype_sizes(type, &sample, &swap);
    nifti_2_header h = {.sizeof_hdr = NW_NIFTI2_SIZE, .datatype = (int16_t)type, .bitpix = (int16_t)(8 * sample)};
    memcpy(h.magic, magic2, sizeof h.magic);
    h.dim[0] = 3;
    for (int i = 1; i < 8; i++) h.dim[i] = i <= 3 ? g->dim[i] : 1;
    memcpy(h.pixdim, g->pixdim, 4 * sizeof *h.pixdim);
    for (int i = 4; i < 8; i++) h.pixdim[i] = 1;
    h.vox_offset = NW_NIFTI2_SIZE + 4;
    h.scl_slope = 1;
    h.qform_code = g->qform_code;
    h.sform_code = g->sform_code;
    h.quatern_b = g->quatern_b, h.quatern_c = g->quatern_c, h.quatern_d = g->quatern_d;
    h.qoffset_x = g->qoffset_x, h.qoffset_y = g->qoffset_y, h.qoffset_z = g->qoffset_z;
    memcpy(h.srow_x, g->srow_x, sizeof h.srow_x);
    memcpy(h.srow_y, g->srow_y, sizeof h.srow_y);
    memcpy(h.srow_z, g->srow_z, sizeof h.srow_z);
    if (geometry->version == 0) { /* say in NIfTI's words what was understood of Analyze */
        h.sform_code = NIFTI_XFORM_ALIGNED_ANAT;
        memcpy(h.srow_x, geometry->affine[0], sizeof h.srow_x);
        memcpy(h.srow_y, geometry->affine[1], sizeof h.srow_y);
        memcpy(h.srow_z, geometry->affine[2], sizeof h.srow_z);
    }
    int space = XYZT_TO_SPACE(g->xyzt_units);
    h.xyzt_units = space ? space : NIFTI_UNITS_MM;
    h.dim_info = g->dim_info;
    strncpy(h.descrip, description ? description : "", sizeof h.descrip - 1);
    bool wide = geometry->version == 2;
    for (int i = 1; i <= 3; i++)
        if (h.dim[i] > INT16_MAX) wide = true;
    memset(bytes, 0, NW_NIFTI2_SIZE + 4);
    if (wide) {
        memcpy(bytes, &h, sizeof h);
        return NW_NIFTI2_SIZE + 4;
    }
    nifti_1_header narrow;
    narrow_header(&h, &narrow);
    narrow.vox_offset = NW_NIFTI1_SIZE + 4;
    memcpy(bytes, &narrow, sizeof narrow);
    return NW_NIFTI1_SIZE + 4;
}
