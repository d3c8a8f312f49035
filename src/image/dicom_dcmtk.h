/* What the C++ file gives. Each function returns NULL or a static or owned text that says what is wrong. */
#ifndef NW_IMAGE_DICOM_DCMTK_H
#define NW_IMAGE_DICOM_DCMTK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nw_dcmtk nw_dcmtk;
typedef struct nw_dcmtk_item nw_dcmtk_item; /* a data set or an item of a sequence; belongs to the file */

enum { NW_DCMTK_TEXT = 256 };

/* Opens a file by name, or from memory[size] (explicit little endian, no header; copied) where path is NULL.
 * On failure *out is NULL and why[NW_DCMTK_TEXT] says what is wrong. */
nw_dcmtk *nw_dcmtk_open(const char *path, const unsigned char *memory, size_t size, char *why);
void nw_dcmtk_close(nw_dcmtk *file);
nw_dcmtk_item *nw_dcmtk_root(nw_dcmtk *file);
/* Transfer syntax UID that the data set was read with. */
const char *nw_dcmtk_transfer_syntax(nw_dcmtk *file);

/* Value number `at` of an element; 0 where it is absent, empty or of another kind. */
int nw_dcmtk_text(nw_dcmtk_item *item, uint32_t tag, unsigned long at, char *dst, size_t size);
int nw_dcmtk_real(nw_dcmtk_item *item, uint32_t tag, unsigned long at, double *dst);
int nw_dcmtk_integer(nw_dcmtk_item *item, uint32_t tag, unsigned long at, int64_t *dst);
int nw_dcmtk_has(nw_dcmtk_item *item, uint32_t tag);
/* Item number `at` of a sequence, NULL where there is none; and their number. */
nw_dcmtk_item *nw_dcmtk_sequence(nw_dcmtk_item *item, uint32_t tag, unsigned long at);
unsigned long nw_dcmtk_sequence_count(nw_dcmtk_item *item, uint32_t tag);

/* Bytes [offset, offset + size) of native pixels; 16-bit words in the byte order of this machine. 1: done; 0:
 * why. */
int nw_dcmtk_native(nw_dcmtk *file, uint32_t offset, uint32_t size, void *dst, char *why);
/* Bytes of native pixel data; 0: none or encapsulated. And whether they are of words (OW). */
uint32_t nw_dcmtk_native_size(nw_dcmtk *file, int *words);
/* A frame of `frames` by one of DCMTK's codecs into dst[size], no conversion of colours. `sane` (NULL:
 * anything is) looks at the fragment that a frame starts with. */
int nw_dcmtk_decode(nw_dcmtk *file, uint32_t frame, int64_t frames,
                    int (*sane)(const unsigned char *bytes, size_t size), void *dst, uint32_t size,
                    char *why);
/* The encapsulated bytes of a frame: *dst, nw_dcmtk_release. */
int nw_dcmtk_fragments(nw_dcmtk *file, uint32_t frame, int64_t frames, unsigned char **dst, size_t *size,
                       char *why);
void nw_dcmtk_release(unsigned char *bytes);

#ifdef __cplusplus
}
#endif
#endif
