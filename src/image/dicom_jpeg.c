#include "image/dicom_jpeg.h"

int nw_dicom_jpeg_sane(const unsigned char *bytes, size_t size)
{
    if (size < 4 || bytes[0] != 0xff || bytes[1] != 0xd8) return 0;
    for (size_t at = 2; at + 4 <= size;) {
        unsigned marker = bytes[at + 1];
        size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (bytes[at] != 0xff || length < 2 || length > size - at - 2) return 0;
        /* Frame headers: C0 to CF but for tables of Huffman (C4) and arithmetic coding (CC) and what is
         * reserved (C8). */
        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc)
            return length >= 8;
        /* Before it only tables, restart intervals, application data and comments. */
        if (marker != 0xc4 && marker != 0xcc && marker != 0xdb && marker != 0xdd && marker != 0xfe &&
            (marker < 0xe0 || marker > 0xef))
            return 0;
        at += 2 + length;
    }
    return 0;
}
