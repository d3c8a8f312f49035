/* The folder that a command writes into. */
#ifndef CLI_FOLDER_H
#define CLI_FOLDER_H

#include "cli.h"

/* Makes the folder and its parents where they are missing, and checks that files can be written there. *made
 * is how many were made. NW_IO otherwise. */
nw_status cli_folder_make(const char *path, int *made, nw_error *err);
/* Takes those away again, if they are empty. */
void cli_folder_unmake(const char *path, int made);

#endif
