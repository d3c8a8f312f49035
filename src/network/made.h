/* Models that are made in memory, from nothing or from others. */
#ifndef NW_NETWORK_MADE_H
#define NW_NETWORK_MADE_H

#include "graph/model.h"

enum { NW_MADE_MOST_SIZE = 1 << 16 }; /* of an axis of the image */

/* Ends a model whose graph and metadata are there: sorts, checks, looks up the operators, sets the digest. */
nw_status nw_made_finish(nw_model *model, nw_error *err);
/* A copy: same path, metadata and digest, a clone of the graph (weights are shared). It is the caller's alone
 * until nw_made_finish. */
nw_status nw_made_copy(const nw_model *model, nw_model **out, nw_error *err);

/* A new value of that name, or of one made from it where there is one already. */
nw_status nw_made_value(nw_graph *graph, const char *name, int *out, nw_error *err);

/* The text in a JSON string without escapes, as the name of a tensor is, for nw_free; NULL for NULL, and
 * without memory. */
char *nw_made_unquoted(const char *json);

#endif
