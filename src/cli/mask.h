/* Where the mask of an image is. */
#ifndef CLI_MASK_H
#define CLI_MASK_H

/* `where` itself where it is a file; in a folder the file NAME.png, .nii.gz, .nii, .npy, .jpg or .jpeg, or
 * NULL. To be freed. */
char *cli_mask_path(const char *where, const char *name);

/* `where` with {dir}, the folder of that path, and {name} filled in. To be freed. */
char *cli_mask_fill(const char *where, const char *path, const char *name);

#endif
