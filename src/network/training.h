/* A network as training sees it: what is to be learned, and batch-norms that look at the batch. */
#ifndef NW_NETWORK_TRAINING_H
#define NW_NETWORK_TRAINING_H

#include "graph/model.h"

typedef struct nw_training_net {
    /* The model in the form that is trained. Every BatchNormalization has training_mode = 1, the given
     * momentum, and the outputs Y, NAME_running_mean, NAME_running_var (NAME: of the node) as opset 14
     * defines them: new = old * momentum + of the batch * (1 - momentum), with the variance over n, not n
     * - 1. Its digest is that of `base`, and it cannot be saved where the model's opset was below 14. */
    nw_model *model;
    /* The model in the form that is used, with initializers of the same names: the one to give to
     * nw_network_with_values. Equal in what it computes to the model given to nw_training_net_new, see there.
     */
    nw_model *base;
    /* Initializers to be learned, in the order in which the nodes read them. decay: weights of Conv, Gemm and
     * MatMul, which weight decay is for; not biases and the parameters of norms. */
    size_t parameter_count;
    char **parameters;
    bool *decay;
    /* Running statistics: the initializer, and the output of its batch-norm that holds its next value. */
    size_t running_count;
    char **running, **updated;
} nw_training_net;

/* Takes a copy; weights are shared. For training, `base` differs from the model where it must: a Dropout is
 * an Identity (nothing is dropped), Constant nodes and copies of initializers (Identity, as PyTorch writes
 * equal ones) are initializers, and a vector that several norms or biases read is one for each.
 *
 * momentum: in [0, 1), 0.9 as a rule. NW_UNSUPPORTED for a Dropout whose mask is read, a batch-norm whose
 * parameters are not initializers, or a graph without anything to learn; names the node. */
nw_status nw_training_net_new(nw_model *model, float momentum, nw_training_net *out, nw_error *err);
void nw_training_net_clear(nw_training_net *net);

/* A model equal to `model` but for these initializers, whose float32 values are copied (as many as the
 * initializer has). The others are shared. NW_BAD_INPUT for a name that is none, NW_NOT_FINITE for a value
 * that is not. */
nw_status nw_network_with_values(nw_model *model, const char *const *names, const float *const *values,
                                 size_t count, nw_model **out, nw_error *err);

#endif
