/* What an architecture is: one row of networks.def, defined in the file of its family (resnet.c is the one to
 * read first). A family lays down nodes with the builder. */
#ifndef NW_NETWORK_NETWORK_H
#define NW_NETWORK_NETWORK_H

#include "network/builder.h"

typedef struct nw_network {
    nw_network_info info;
    int blocks[4]; /* a stage */
    int64_t stem;  /* channels, where the members of a family differ in them */
    /* From the input of the graph to nw_build_logits. */
    void (*build)(nw_builder *b, const struct nw_network *network, nw_feature input);
} nw_network;

/* The architecture of that name, or NULL. */
const nw_network *nw_network_find(const char *name);

#endif
