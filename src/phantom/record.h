/* A study as a line of comma-separated values. */
#ifndef NW_PHANTOM_RECORD_H
#define NW_PHANTOM_RECORD_H

#include <narrows/phantom.h>

/* Places of columns; none before them holds a comma. */
enum { NW_RECORD_LABEL = 2, NW_RECORD_GRADE = 6, NW_RECORD_SPLIT = 8 };

/* The titles, with a line end. Static. */
const char *nw_phantom_titles(void);
/* One line with its end; nw_free. NULL where memory is out. */
char *nw_phantom_record(const nw_phantom_options *options, const nw_phantom_info *info);
/* The last column: what a study was made with, so that a cohort is continued with the same options only.
 * Free with nw_free. */
char *nw_phantom_recipe(const nw_phantom_options *options);

#endif
