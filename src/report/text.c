#include "base/file.h"

#include <narrows/report.h>
#include <string.h>

nw_status nw_text_write(const char *path, const char *text, nw_error *err)
{
    return nw_file_write(path, text, strlen(text), err);
}
