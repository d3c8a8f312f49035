/* From the elements of a file to its facts. */
#ifndef NW_IMAGE_DICOM_FACTS_H
#define NW_IMAGE_DICOM_FACTS_H

#include "image/dicom_dcmtk.h"
#include "image/dicom_file.h"

/* Reads and checks; where there are no pixels only what names the object is filled. NW_BAD_INPUT. */
nw_status nw_dicom_facts_read(nw_dcmtk *file, const char *transfer_syntax, const char *name,
                              nw_dicom_facts *facts, nw_error *err);

#endif
