#include <narrows/phantom.h>

static const char *pick(const char *const *names, unsigned count, unsigned i)
{
    return i < count ? names[i] : "?";
}

#define PICK(names, i) pick(names, (unsigned)(sizeof(names) / sizeof *(names)), (unsigned)(i))

const char *nw_phantom_lesion_name(nw_phantom_lesion_kind kind)
{
    static const char *const names[] = {"ground-glass", "crazy-paving", "reversed-halo", "consolidation"};
    return PICK(names, kind);
}

const char *nw_phantom_shortcut_name(nw_phantom_shortcut shortcut)
{
    static const char *const names[] = {"none", "marker", "kernel", "window"};
    return PICK(names, shortcut);
}

const char *nw_phantom_kernel_name(nw_phantom_kernel kernel)
{
    static const char *const names[] = {"soft", "sharp"};
    return PICK(names, kernel);
}

const char *nw_phantom_split_name(nw_phantom_split split)
{
    static const char *const names[] = {"train", "validation", "test"};
    return PICK(names, split);
}
