/* Names for outputs, one for every input and no two the same. */
#ifndef NW_IMAGE_INPUT_NAMES_H
#define NW_IMAGE_INPUT_NAMES_H

#include "base/error.h"

/* names[count] for paths[count]: new strings, in place of NULL; some may be set on failure. */
nw_status nw_input_names(const char *const *paths, size_t count, char **names, nw_error *err);

/* Length of the ending of an image's path: 4 for "a/x.png", 7 for "x.nii.gz", 0 for one that is not known. */
size_t nw_input_ending(const char *path);

#endif
