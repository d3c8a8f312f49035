/* One DICOM file: its facts, and the samples of its frames.
 *
 * The face of DCMTK (dicom_dcmtk.cc, the only C++ file) and of what surrounds it. DCMTK keeps a data
 * dictionary, codecs and a log for the whole process; they are set up once, and its log is silenced. */
#ifndef NW_IMAGE_DICOM_FILE_H
#define NW_IMAGE_DICOM_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { NW_DICOM_UID = 65, NW_DICOM_FRAMES = 1 << 20 };

/* How the pixels of a transfer syntax are stored. */
typedef enum nw_dicom_coding {
    NW_DICOM_UNKNOWN,
    NW_DICOM_NATIVE,
    NW_DICOM_DEFLATED, /* the whole data set */
    NW_DICOM_DCMTK,    /* encapsulated, by one of DCMTK's codecs */
    NW_DICOM_J2K       /* encapsulated, by OpenJPEG */
} nw_dicom_coding;

nw_dicom_coding nw_dicom_coding_of(const char *transfer_syntax);
/* "JPEG 2000"; the family where it is known, else "unknown". Static. */
const char *nw_dicom_transfer_name(const char *transfer_syntax);

/* Where a frame is and what its samples mean; from the frame's functional groups, the shared ones, or the
 * file. */
typedef struct nw_dicom_frame {
    bool has_position, has_orientation, has_spacing, localizer;
    double position[3];    /* mm, LPS: centre of the first voxel */
    double orientation[6]; /* cosines of a row (towards growing columns) and of a column */
    double spacing[2];     /* mm between rows, between columns */
    double thickness;      /* mm; spacing between slices where that is given; 0: unknown */
    double slope, inter;   /* value = slope * stored + inter */
} nw_dicom_frame;

typedef struct nw_dicom_facts {
    char transfer_syntax[NW_DICOM_UID];
    char series_uid[NW_DICOM_UID], study_uid[NW_DICOM_UID], sop_uid[NW_DICOM_UID];
    char modality[17], photometric[17], description[65];
    bool has_pixels, has_float_pixels, has_lut, localizer, derived;
    int64_t series_number, acquisition, temporal, instance;
    int rows, columns, samples, planar; /* samples: per pixel */
    int bits_allocated, bits_stored, high_bit;
    bool is_signed, has_padding;
    int32_t padding, padding_limit; /* raw 16 bits, sign not yet applied */
    int64_t frame_count;
    nw_dicom_frame *frames; /* [frame_count], or one for all where they have no groups of their own */
    bool framed;            /* frames[] has an entry a frame */
} nw_dicom_facts;

void nw_dicom_facts_free(nw_dicom_facts *facts);
static inline const nw_dicom_frame *nw_dicom_frame_of(const nw_dicom_facts *facts, int64_t frame)
{
    return &facts->frames[facts->framed ? frame : 0];
}

typedef struct nw_dicom nw_dicom;

/* Whether the first bytes of a file (132 or more, unless it is shorter) can be DICOM's. */
bool nw_dicom_looks(const unsigned char *data, size_t size);

/* Opens a file: its structure is followed first (dicom_walk.h), a deflated one inflated into at most `limit`
 * bytes. Values above a few KB stay in the file until asked for. The facts are checked (dicom_facts.c) unless
 * there are no pixels. NW_IO, NW_BAD_INPUT. */
nw_status nw_dicom_open(const char *path, size_t limit, nw_dicom **out, nw_dicom_facts *facts, nw_error *err);
void nw_dicom_close(nw_dicom *file);

/* Bytes of a sample as nw_dicom_samples gives it, and samples of a frame. */
size_t nw_dicom_sample_size(const nw_dicom_facts *facts);
size_t nw_dicom_frame_samples(const nw_dicom_facts *facts);

/* One frame: dst[rows][columns][samples], uint8, uint16 or uint32 by bits allocated in the byte order of this
 * machine, all allocated bits as they are stored; single bits become bytes; chroma of 4:2:2 is repeated; no
 * conversion of colours. */
nw_status nw_dicom_samples(nw_dicom *file, const nw_dicom_facts *facts, int64_t frame, void *dst,
                           nw_error *err);
/* Whether the samples just read are signed: as the header says, or as a JPEG 2000 codestream says against it
 * (HU that some scanners wrote under a header for unsigned ones). */
bool nw_dicom_frame_is_signed(const nw_dicom *file, const nw_dicom_facts *facts);

#endif
