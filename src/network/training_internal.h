/* The parts of nw_training_net_new. */
#ifndef NW_NETWORK_TRAINING_INTERNAL_H
#define NW_NETWORK_TRAINING_INTERNAL_H

#include "network/training.h"

/* net->base. */
nw_status nw_training_base(nw_model *model, nw_model **out, nw_error *err);

#endif
