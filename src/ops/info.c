#include "ops/op.h"

#include <narrows/ops.h>
#include <string.h>

size_t nw_op_count(void) {
    size_t count = 0;
    while (nw_op_table[count]) count++;
    return count;
}

/* The i-th by name: the one that has i others before it. Names differ, and the table is short. */
nw_op_info nw_op_info_get(size_t i) {
    for (const nw_op *const *op = nw_op_table; *op; op++) {
        size_t before = 0;
        for (const nw_op *const *other = nw_op_table; *other; other++)
            before += strcmp((*other)->type, (*op)->type) < 0;
        if (before == i)
            return (nw_op_info){(*op)->type, (*op)->since, (*op)->backward != NULL, (*op)->compile != NULL,
                                (*op)->limits ? (*op)->limits : ""};
    }
    return (nw_op_info){.type = "", .limits = ""};
}
