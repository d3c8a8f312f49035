/* From stored samples to values. */
#ifndef NW_IMAGE_DICOM_VALUES_H
#define NW_IMAGE_DICOM_VALUES_H

#include "image/dicom_file.h"

/* src[count] as nw_dicom_samples gives them -> dst = slope * stored + inter, bits above those stored taken
 * off. Samples in the padding range become NaN unless keep_padding; their number is returned. */
int64_t nw_dicom_values(const nw_dicom_facts *facts, bool is_signed, double slope, double inter,
                        bool keep_padding, const void *src, size_t count, float *dst);

#endif
