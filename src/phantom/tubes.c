#include "base/memory.h"
#include "phantom/chest.h"

bool nw_tube_add(nw_tube_list *list, nw_tube tube)
{
    if (!NW_GROW(list->v, list->capacity, list->count)) return false;
    list->v[list->count++] = tube;
    return true;
}

void nw_tubes_paint(const nw_canvas *c, const nw_tube_list *list, float value)
{
    for (size_t i = 0; i < list->count; i++) nw_paint_tube(c, &list->v[i], value);
}
