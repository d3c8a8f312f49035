/* Transfer syntaxes (PS3.6, table A-1): which are read, by whom, and what they are called. */
#include "image/dicom_file.h"

#include <string.h>

typedef struct transfer {
    const char *tail; /* after 1.2.840.10008.1.2 */
    const char *name;
    nw_dicom_coding coding;
} transfer;

static const transfer known[] = {
    {"", "uncompressed", NW_DICOM_NATIVE},
    {".1", "uncompressed", NW_DICOM_NATIVE},
    {".2", "uncompressed", NW_DICOM_NATIVE},
    {".1.99", "deflated", NW_DICOM_DEFLATED},
    {".5", "RLE", NW_DICOM_DCMTK},
    {".4.50", "JPEG", NW_DICOM_DCMTK},
    {".4.51", "JPEG", NW_DICOM_DCMTK},
    {".4.53", "JPEG", NW_DICOM_DCMTK},
    {".4.55", "JPEG", NW_DICOM_DCMTK},
    {".4.57", "lossless JPEG", NW_DICOM_DCMTK},
    {".4.70", "lossless JPEG", NW_DICOM_DCMTK},
    {".4.80", "JPEG-LS", NW_DICOM_DCMTK},
    {".4.81", "JPEG-LS", NW_DICOM_DCMTK},
    {".4.90", "JPEG 2000", NW_DICOM_J2K},
    {".4.91", "JPEG 2000", NW_DICOM_J2K},
    {".4.201", "HTJ2K", NW_DICOM_J2K},
    {".4.202", "HTJ2K", NW_DICOM_J2K},
    {".4.203", "HTJ2K", NW_DICOM_J2K},
    {".4.92", "JPEG 2000 part 2", NW_DICOM_UNKNOWN},
    {".4.93", "JPEG 2000 part 2", NW_DICOM_UNKNOWN},
    {".4.100", "MPEG-2 video", NW_DICOM_UNKNOWN},
    {".4.101", "MPEG-2 video", NW_DICOM_UNKNOWN},
    {".4.102", "H.264 video", NW_DICOM_UNKNOWN},
    {".4.103", "H.264 video", NW_DICOM_UNKNOWN},
    {".4.110", "JPEG XL", NW_DICOM_UNKNOWN},
    {".4.111", "JPEG XL", NW_DICOM_UNKNOWN},
    {".4.112", "JPEG XL", NW_DICOM_UNKNOWN},
    {".8.1", "deflated frames", NW_DICOM_UNKNOWN},
};

static const transfer *find(const char *uid)
{
    static const char root[] = "1.2.840.10008.1.2";
    if (strncmp(uid, root, sizeof root - 1) != 0) return NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(uid + sizeof root - 1, known[i].tail) == 0) return &known[i];
    return NULL;
}

nw_dicom_coding nw_dicom_coding_of(const char *transfer_syntax)
{
    const transfer *t = find(transfer_syntax);
    return t ? t->coding : NW_DICOM_UNKNOWN;
}

const char *nw_dicom_transfer_name(const char *transfer_syntax)
{
    const transfer *t = find(transfer_syntax);
    return t ? t->name : "unknown";
}
