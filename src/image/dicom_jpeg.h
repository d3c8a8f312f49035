/* JPEG frames before DCMTK sees them.
 *
 * Its search for the number of bits (DCMTK 3.6.7, DJCodecDecoder::scanJpegDataForBitDepth) never ends for
 * some damaged streams; it does end where the segments up to the frame header are whole. */
#ifndef NW_IMAGE_DICOM_JPEG_H
#define NW_IMAGE_DICOM_JPEG_H

#include <stddef.h>

/* Non-zero where bytes[size] start as ITU-T T.81, B.1.1.2 has it: SOI, whole segments, a whole frame header.
 */
int nw_dicom_jpeg_sane(const unsigned char *bytes, size_t size);

#endif
