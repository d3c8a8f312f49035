#ifndef NARROWS_VERSION_H
#define NARROWS_VERSION_H

#include <narrows/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "MAJOR.MINOR.PATCH" of the library that runs. */
NW_API const char *nw_version(void);

#ifdef __cplusplus
}
#endif
#endif
