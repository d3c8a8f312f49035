/* Symbol visibility: everything is hidden but what carries NW_API. */
#ifndef NARROWS_EXPORT_H
#define NARROWS_EXPORT_H

#if defined(NW_STATIC)
#define NW_API
#elif defined(__GNUC__)
#define NW_API __attribute__((visibility("default")))
#else
#define NW_API
#endif

#endif
