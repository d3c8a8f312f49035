/* A folder of a test's own, removed with what is in it. */
#ifndef NW_TEST_TEMP_FOLDER_H
#define NW_TEST_TEMP_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Into path[64]; returns it. */
static inline char *temp_folder(char *path)
{
    strcpy(path, "/tmp/narrows-test-XXXXXX");
    if (!mkdtemp(path)) abort();
    return path;
}

static inline void temp_remove(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char full[1024];
        if ((size_t)snprintf(full, sizeof full, "%s/%s", path, e->d_name) >= sizeof full) abort();
        struct stat st;
        if (lstat(full, &st) == 0 && S_ISDIR(st.st_mode))
            temp_remove(full);
        else
            unlink(full);
    }
    if (dir) closedir(dir);
    rmdir(path);
}

/* Writes FOLDER/name and returns its path, in one of four turning static buffers. */
static inline const char *temp_write(const char *folder, const char *name, const void *data, size_t size)
{
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, 512, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || (size && fwrite(data, 1, size, f) != size) || fclose(f) != 0) abort();
    return path;
}

/* Entries of a folder, but for "." and "..". */
static inline int temp_count(const char *folder)
{
    int n = -2;
    DIR *dir = opendir(folder);
    while (dir && readdir(dir)) n++;
    if (dir) closedir(dir);
    return n;
}

#endif
