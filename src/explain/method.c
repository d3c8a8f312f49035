#include "explain/explainer.h"

#include <string.h>

#define NW_METHOD(name) extern const nw_method nw_method_##name;
#include "explain/methods.def"
#undef NW_METHOD

static const nw_method *const methods[] = {
#define NW_METHOD(name) &nw_method_##name,
#include "explain/methods.def"
#undef NW_METHOD
};
enum { METHODS = sizeof methods / sizeof methods[0] };

size_t nw_method_count(void)
{
    return METHODS;
}

const nw_method_info *nw_method_list(size_t i)
{
    return i < METHODS ? &methods[i]->info : NULL;
}

const nw_method *nw_method_by_name(const char *name)
{
    for (size_t i = 0; i < METHODS; i++)
        if (strcmp(methods[i]->info.name, name) == 0) return methods[i];
    return NULL;
}

const nw_method_info *nw_method_find(const char *name)
{
    const nw_method *method = nw_method_by_name(name);
    return method ? &method->info : NULL;
}
