/* The structure of a DICOM file, followed without taking anything in.
 *
 * DCMTK reads sequences within sequences by recursion without a limit, so that some 160 KB of nested items
 * end the process (seen with 3.6.7). Every file is therefore followed here first, by the letter of the
 * standard (PS3.5, section 7): nesting is refused beyond NW_DICOM_DEPTH. A file that strays from the letter
 * is only let through if it has too few item tags altogether to nest deeply. */
#ifndef NW_IMAGE_DICOM_WALK_H
#define NW_IMAGE_DICOM_WALK_H

#include "image/dicom_file.h"

#include <stdio.h>

enum { NW_DICOM_DEPTH = 64 };

typedef struct nw_dicom_outline {
    char transfer_syntax[NW_DICOM_UID]; /* of the header; "" without one */
    uint64_t dataset;                   /* where the data set starts */
} nw_dicom_outline;

/* Reads from `file` (at any place), or from memory[size], a bare data set in explicit little endian, where
 * file is NULL. A deflated data set is not entered. NW_IO, NW_BAD_INPUT. */
nw_status nw_dicom_walk(FILE *file, const unsigned char *memory, size_t size, const char *name,
                        nw_dicom_outline *out, nw_error *err);

#endif
