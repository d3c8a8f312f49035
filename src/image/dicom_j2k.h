/* JPEG 2000 frames, by OpenJPEG. */
#ifndef NW_IMAGE_DICOM_J2K_H
#define NW_IMAGE_DICOM_J2K_H

#include "image/dicom_file.h"

/* Decodes bytes[size], a codestream or a JP2 file of exactly the size in the facts, into
 * dst[rows][columns][samples] as nw_dicom_samples; negative
 * ones as two's complement. *is_signed: what the codestream says. */
nw_status nw_dicom_j2k(const unsigned char *bytes, size_t size, const nw_dicom_facts *facts, void *dst,
                       bool *is_signed, const char *name, nw_error *err);

#endif
