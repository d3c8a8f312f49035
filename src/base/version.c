#include <narrows/version.h>

const char *nw_version(void)
{
    return NW_VERSION;
}
