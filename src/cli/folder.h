/* The folder that a command writes into. */
#ifndef CLI_FOLDER_H
#define CLI_FOLDER_H

#include "cli.h"

#include <time.h>

/* Makes the folder and its parents where they are missing, and checks that files can be written there. *made
 * is how many were made. NW_IO otherwise. */
nw_status cli_folder_make(const char *path, int *made, nw_error *err);
/* Takes those away again, if they are empty. */
void cli_folder_unmake(const char *path, int made);

/* The time by the clock of the file system that holds the folder, which may be another machine's: what was
 * written there before has an earlier time, whatever the clocks say. By the own clock where it cannot be had.
 */
void cli_folder_time(const char *path, struct timespec *out);

/* Removes what is left in a folder of writing these files (ended by NULL) by processes that were killed. */
void cli_folder_clean(const char *path, const char *const *files);

/* The last part of a path: what results name a file by, since folders are of one machine alone. */
const char *cli_base_name(const char *path);

#endif
