#include "image/dicom_facts.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

/* Tags by the names of PS3.6. */
enum {
    ImageType = 0x00080008,
    SOPInstanceUID = 0x00080018,
    Modality = 0x00080060,
    SeriesDescription = 0x0008103e,
    SliceThickness = 0x00180050,
    SpacingBetweenSlices = 0x00180088,
    FrameType = 0x00089007,
    StudyInstanceUID = 0x0020000d,
    SeriesInstanceUID = 0x0020000e,
    SeriesNumber = 0x00200011,
    AcquisitionNumber = 0x00200012,
    InstanceNumber = 0x00200013,
    ImagePositionPatient = 0x00200032,
    ImageOrientationPatient = 0x00200037,
    TemporalPositionIdentifier = 0x00200100,
    PlanePositionSequence = 0x00209113,
    PlaneOrientationSequence = 0x00209116,
    SamplesPerPixel = 0x00280002,
    PhotometricInterpretation = 0x00280004,
    PlanarConfiguration = 0x00280006,
    NumberOfFrames = 0x00280008,
    Rows = 0x00280010,
    Columns = 0x00280011,
    PixelSpacing = 0x00280030,
    BitsAllocated = 0x00280100,
    BitsStored = 0x00280101,
    HighBit = 0x00280102,
    PixelRepresentation = 0x00280103,
    PixelPaddingValue = 0x00280120,
    PixelPaddingRangeLimit = 0x00280121,
    RescaleIntercept = 0x00281052,
    RescaleSlope = 0x00281053,
    ModalityLUTSequence = 0x00283000,
    PixelMeasuresSequence = 0x00289110,
    PixelValueTransformationSequence = 0x00289145,
    CTImageFrameTypeSequence = 0x00189329,
    SharedFunctionalGroupsSequence = 0x52009229,
    PerFrameFunctionalGroupsSequence = 0x52009230,
    FloatPixelData = 0x7fe00008,
    DoublePixelData = 0x7fe00009,
    PixelData = 0x7fe00010
};

void nw_dicom_facts_free(nw_dicom_facts *facts)
{
    nw_free(facts->frames);
    memset(facts, 0, sizeof *facts);
}

static int64_t integer(nw_dcmtk_item *item, uint32_t tag, int64_t fallback)
{
    int64_t value;
    return nw_dcmtk_integer(item, tag, 0, &value) ? value : fallback;
}

static bool reals(nw_dcmtk_item *item, uint32_t tag, unsigned long count, double *dst)
{
    double values[6];
    for (unsigned long i = 0; i < count; i++)
        if (!nw_dcmtk_real(item, tag, i, &values[i]) || !(fabs(values[i]) < 1e9)) return false;
    memcpy(dst, values, count * sizeof *dst);
    return true;
}

static void text(nw_dcmtk_item *item, uint32_t tag, char *dst, size_t size)
{
    if (!nw_dcmtk_text(item, tag, 0, dst, size)) *dst = 0;
    for (char *p = dst; *p; p++)
        if ((unsigned char)*p < 32 || *p == 127) *p = ' ';
    for (size_t n = strlen(dst); n && dst[n - 1] == ' ';) dst[--n] = 0;
}

/* What ImageType or FrameType says (PS3.3, C.7.6.1.1.2 and C.8.2.1.1.1). */
static void image_type(nw_dcmtk_item *item, uint32_t tag, bool *localizer, bool *derived)
{
    static const char *const made[] = {"SECONDARY",  "REFORMATTED", "MPR",    "MIP",    "PROJECTION IMAGE",
                                       "PROJECTION", "AVERAGE",     "MINIP",  "VRT",    "SCREEN SAVE",
                                       "DOSE_INFO",  "SUBTRACTION", "VOLUME", "CSA MPR"};
    char value[65];
    for (unsigned long i = 0; i < 8; i++) {
        if (!nw_dcmtk_text(item, tag, i, value, sizeof value)) continue;
        if (strstr(value, "LOCALIZER") || strstr(value, "SCOUT")) *localizer = true;
        for (size_t m = 0; m < sizeof made / sizeof *made; m++)
            if (i > 0 && strcmp(value, made[m]) == 0) *derived = true;
    }
}

/* The geometry and the rescale that an item itself has. */
static void frame_from(nw_dcmtk_item *item, nw_dicom_frame *frame)
{
    double value;
    if (reals(item, ImagePositionPatient, 3, frame->position)) frame->has_position = true;
    if (reals(item, ImageOrientationPatient, 6, frame->orientation)) frame->has_orientation = true;
    if (reals(item, PixelSpacing, 2, frame->spacing)) frame->has_spacing = true;
    if (reals(item, SpacingBetweenSlices, 1, &value) && value != 0)
        frame->thickness = fabs(value);
    else if (frame->thickness <= 0 && reals(item, SliceThickness, 1, &value) && value > 0)
        frame->thickness = value;
    if (reals(item, RescaleSlope, 1, &value)) frame->slope = value;
    if (reals(item, RescaleIntercept, 1, &value)) frame->inter = value;
}

/* The same from the functional groups of a frame or those that all share (PS3.3, C.7.6.16). */
static void frame_from_groups(nw_dcmtk_item *group, nw_dicom_frame *frame)
{
    static const uint32_t sequences[] = {PlanePositionSequence, PlaneOrientationSequence,
                                         PixelMeasuresSequence, PixelValueTransformationSequence};
    if (!group) return;
    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
        nw_dcmtk_item *item = nw_dcmtk_sequence(group, sequences[i], 0);
        if (item) frame_from(item, frame);
    }
    nw_dcmtk_item *type = nw_dcmtk_sequence(group, CTImageFrameTypeSequence, 0);
    bool derived = false;
    if (type) image_type(type, FrameType, &frame->localizer, &derived);
}

static nw_status read_frames(nw_dcmtk_item *root, const char *name, nw_dicom_facts *facts, nw_error *err)
{
    nw_dicom_frame common = {.slope = 1, .localizer = facts->localizer};
    frame_from(root, &common);
    frame_from_groups(nw_dcmtk_sequence(root, SharedFunctionalGroupsSequence, 0), &common);
    int64_t groups = (int64_t)nw_dcmtk_sequence_count(root, PerFrameFunctionalGroupsSequence);
    if (groups > 0 && groups < facts->frame_count)
        return nw_fail(err, NW_BAD_INPUT, "%s: %lld frames, but functional groups of %lld", name,
                       (long long)facts->frame_count, (long long)groups);
    facts->framed = groups > 0;
    /* Without groups of their own many frames have no places of their own either. */
    if (!facts->framed && facts->frame_count > 1) common.has_position = false;
    size_t count = facts->framed ? (size_t)facts->frame_count : 1;
    facts->frames = nw_calloc(count, sizeof *facts->frames);
    if (!facts->frames) return nw_no_memory(err, count * sizeof *facts->frames, name);
    for (size_t i = 0; i < count; i++) {
        facts->frames[i] = common;
        if (facts->framed)
            frame_from_groups(nw_dcmtk_sequence(root, PerFrameFunctionalGroupsSequence, i),
                              &facts->frames[i]);
        if (facts->frames[i].slope == 0)
            return nw_fail(err, NW_BAD_INPUT, "%s: the rescale slope is 0", name);
    }
    return NW_OK;
}

static nw_status read_samples(nw_dcmtk_item *root, const char *name, nw_dicom_facts *facts, nw_error *err)
{
    int64_t rows = integer(root, Rows, 0), columns = integer(root, Columns, 0);
    int64_t samples = integer(root, SamplesPerPixel, 1), planar = integer(root, PlanarConfiguration, 0);
    int64_t allocated = integer(root, BitsAllocated, 0), stored = integer(root, BitsStored, allocated);
    int64_t high = integer(root, HighBit, stored - 1), frames = integer(root, NumberOfFrames, 1);
    if (rows < 1 || rows > 65535 || columns < 1 || columns > 65535)
        return nw_fail(err, NW_BAD_INPUT, "%s: the image has %lld x %lld pixels", name, (long long)rows,
                       (long long)columns);
    if (samples != 1 && samples != 3)
        return nw_fail(err, NW_BAD_INPUT, "%s: %lld samples per pixel, 1 and 3 are read", name,
                       (long long)samples);
    if (allocated != 1 && allocated != 8 && allocated != 16 && allocated != 32)
        return nw_fail(err, NW_BAD_INPUT, "%s: %lld bits allocated per sample, 1, 8, 16 and 32 are read",
                       name, (long long)allocated);
    if (stored < 1 || stored > allocated || high < stored - 1 || high >= allocated)
        return nw_fail(err, NW_BAD_INPUT, "%s: %lld bits stored below bit %lld of %lld allocated cannot be",
                       name, (long long)stored, (long long)high, (long long)allocated);
    if (frames < 1) frames = 1; /* written by some for a single one */
    if (frames > NW_DICOM_FRAMES)
        return nw_fail(err, NW_BAD_INPUT, "%s: %lld frames, at most %d are read", name, (long long)frames,
                       NW_DICOM_FRAMES);
    facts->rows = (int)rows;
    facts->columns = (int)columns;
    facts->samples = (int)samples;
    facts->planar = planar == 1 && samples > 1;
    facts->bits_allocated = (int)allocated;
    facts->bits_stored = (int)stored;
    facts->high_bit = (int)high;
    facts->is_signed = integer(root, PixelRepresentation, 0) == 1;
    facts->frame_count = frames;
    text(root, PhotometricInterpretation, facts->photometric, sizeof facts->photometric);
    int64_t padding, limit;
    if (nw_dcmtk_integer(root, PixelPaddingValue, 0, &padding)) {
        facts->has_padding = true;
        limit = integer(root, PixelPaddingRangeLimit, padding);
        facts->padding = (int32_t)(padding & 0xffff);
        facts->padding_limit = (int32_t)(limit & 0xffff);
    }
    return NW_OK;
}

nw_status nw_dicom_facts_read(nw_dcmtk *file, const char *transfer_syntax, const char *name,
                              nw_dicom_facts *facts, nw_error *err)
{
    nw_dcmtk_item *root = nw_dcmtk_root(file);
    nw_dicom_facts f = {0};
    const char *uid = *transfer_syntax ? transfer_syntax : nw_dcmtk_transfer_syntax(file);
    for (size_t i = 0; uid[i] && i < sizeof f.transfer_syntax - 1; i++) f.transfer_syntax[i] = uid[i];
    text(root, SeriesInstanceUID, f.series_uid, sizeof f.series_uid);
    text(root, StudyInstanceUID, f.study_uid, sizeof f.study_uid);
    text(root, SOPInstanceUID, f.sop_uid, sizeof f.sop_uid);
    text(root, Modality, f.modality, sizeof f.modality);
    text(root, SeriesDescription, f.description, sizeof f.description);
    f.series_number = integer(root, SeriesNumber, 0);
    f.acquisition = integer(root, AcquisitionNumber, 0);
    f.temporal = integer(root, TemporalPositionIdentifier, 0);
    f.instance = integer(root, InstanceNumber, 0);
    f.has_pixels = nw_dcmtk_has(root, PixelData);
    f.has_float_pixels = nw_dcmtk_has(root, FloatPixelData) || nw_dcmtk_has(root, DoublePixelData);
    f.has_lut = nw_dcmtk_sequence_count(root, ModalityLUTSequence) > 0;
    image_type(root, ImageType, &f.localizer, &f.derived);
    nw_status status = NW_OK;
    if (f.has_pixels) {
        status = read_samples(root, name, &f, err);
        if (status == NW_OK) status = read_frames(root, name, &f, err);
    }
    if (status != NW_OK) {
        nw_dicom_facts_free(&f);
        return status;
    }
    *facts = f;
    return NW_OK;
}
