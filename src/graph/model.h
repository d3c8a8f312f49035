/* The inside of a model. */
#ifndef NW_GRAPH_MODEL_H
#define NW_GRAPH_MODEL_H

#include "graph/graph.h"

#include <narrows/model.h>
#include <pthread.h>

struct nw_weights_cache;

struct nw_model {
    atomic_int references;
    char *path;
    char digest[65];
    nw_graph *graph; /* as the file has it, sorted and checked */
    size_t metadata_count;
    struct nw_metadata {
        char *key, *value;
    } * metadata;
    /* Weights packed for the kernels, shared by all programs: engine/weights.c. */
    pthread_mutex_t lock;
    struct nw_weights_cache *weights;
    void (*weights_free)(struct nw_weights_cache *);
};

/* An empty model, for the reader and for tests; the graph is still NULL. */
nw_status nw_model_new(const char *path, nw_model **out, nw_error *err);
/* Sets or replaces an entry; the texts are copied. */
nw_status nw_model_set_metadata(nw_model *model, const char *key, const char *value, nw_error *err);

#endif
