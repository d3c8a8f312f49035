#include "mask.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

char *cli_mask_path(const char *beside, const char *name)
{
    static const char *const endings[] = {"png", "nii.gz", "nii", "npy", "jpg", "jpeg", "PNG"};
    struct stat st;
    if (stat(beside, &st) != 0 || !S_ISDIR(st.st_mode)) return cli_printf("%s", beside);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char *path = cli_printf("%s/%s.%s", beside, name, endings[i]);
        if (is_file(path)) return path;
        free(path);
    }
    return NULL;
}

char *cli_mask_fill(const char *where, const char *path, const char *name)
{
    char *out = cli_printf("%s", "");
    const char *slash = strrchr(path, '/');
    int length = slash ? (int)(slash - path) : 1;
    while (*where) {
        char *next;
        if (strncmp(where, "{dir}", 5) == 0) {
            next = cli_printf("%s%.*s", out, length, slash ? path : ".");
            where += 5;
        } else if (strncmp(where, "{name}", 6) == 0) {
            next = cli_printf("%s%s", out, name);
            where += 6;
        } else {
            next = cli_printf("%s%c", out, *where++);
        }
        free(out);
        out = next;
    }
    return out;
}
