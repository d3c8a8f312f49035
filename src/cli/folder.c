#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

nw_status cli_folder_make(const char *path, int *made, nw_error *err)
{
    char *copy = cli_printf("%s", path);
    size_t n = strlen(copy);
    while (n > 1 && copy[n - 1] == '/') copy[--n] = 0;
    int failed = 0;
    *made = 0;
    for (char *p = copy + 1; n > 0 && !failed; p++) {
        if (*p != '/' && *p) continue;
        char kept = *p;
        *p = 0;
        if (mkdir(copy, 0777) == 0)
            ++*made;
        else if (errno != EEXIST)
            failed = errno;
        *p = kept;
        if (!kept) break;
    }
    struct stat st;
    nw_status status = NW_OK;
    if (failed)
        status = cli_fail(err, NW_IO, "%s: cannot make the folder: %s", path, strerror(failed));
    else if (stat(copy, &st) != 0 || !S_ISDIR(st.st_mode))
        status = cli_fail(err, NW_IO, "%s: is not a folder, and a file of that name stands in the way", path);
    else if (access(copy, W_OK | X_OK) != 0)
        status = cli_fail(err, NW_IO, "%s: cannot write into the folder: %s", path, strerror(errno));
    free(copy);
    return status;
}

void cli_folder_unmake(const char *path, int made)
{
    char *copy = cli_printf("%s", path);
    for (; made > 0; made--) {
        size_t n = strlen(copy);
        while (n > 1 && copy[n - 1] == '/') copy[--n] = 0;
        if (rmdir(copy) != 0) break;
        char *slash = strrchr(copy, '/');
        if (!slash || slash == copy) break;
        *slash = 0;
    }
    free(copy);
}

void cli_folder_time(const char *path, struct timespec *out)
{
    struct stat st;
    if (utimensat(AT_FDCWD, path, NULL, 0) == 0 && stat(path, &st) == 0)
        *out = st.st_mtim;
    else
        clock_gettime(CLOCK_REALTIME, out);
}

/* FILE.partNUMBER, the name of a file that is being written. */
static bool is_part(const char *name, const char *file)
{
    static const char part[] = ".part";
    size_t n = strlen(file);
    if (strncmp(name, file, n) != 0 || strncmp(name + n, part, sizeof part - 1) != 0) return false;
    name += n + sizeof part - 1;
    return *name && !name[strspn(name, "0123456789")];
}

void cli_folder_clean(const char *path, const char *const *files)
{
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));)
        for (size_t i = 0; files[i]; i++) {
            if (!is_part(e->d_name, files[i])) continue;
            char *part = cli_printf("%s/%s", path, e->d_name);
            unlink(part);
            free(part);
        }
    if (dir) closedir(dir);
}

const char *cli_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
