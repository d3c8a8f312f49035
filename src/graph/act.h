/* Activations that a node may apply to its result, so that no separate pass over memory is needed. All have a
 * derivative that follows from the result alone, and map 0 to 0 or are told apart by nw_act_keeps_zero. */
#ifndef NW_GRAPH_ACT_H
#define NW_GRAPH_ACT_H

typedef enum nw_act_kind {
    NW_ACT_NONE,
    NW_ACT_RELU,
    NW_ACT_LEAKY, /* x < 0: alpha x, alpha > 0 */
    NW_ACT_CLIP,  /* min(max(x, alpha), beta); the derivative at the bounds is 0 */
} nw_act_kind;

typedef struct nw_act {
    nw_act_kind kind;
    float alpha, beta;
} nw_act;

#endif
