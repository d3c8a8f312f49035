/* Fusion, for the fast path alone: fewer passes over memory, the same function up to rounding.
 *
 *   Identity, Dropout      -> nothing
 *   Conv, BatchNorm        -> Conv with other weights
 *   X, Relu | Clip | Leaky -> X with an activation      X: Conv, Add, BatchNormalization
 *   Conv, Add              -> Conv that adds           the same for BatchNormalization in training mode
 *
 * A value disappears only where nobody else reads it and the program does not name it.
 */
#include "base/memory.h"
#include "base/parallel.h"
#include "engine/program.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 16384 }; /* weights that are worth a thread */

typedef struct fusion {
    nw_piece *piece;
    nw_graph *graph;
    nw_weights_cache *weights;
    int *uses;  /* of values */
    int *reads; /* the live node that reads a value last seen; meaningful where uses is 1 */
    nw_error *err;
} fusion;

static nw_status recount(fusion *f)
{
    nw_free(f->uses);
    f->uses = NULL;
    NW_TRY(nw_piece_uses(f->piece, &f->uses, f->err));
    for (size_t n = 0; n < f->graph->node_count; n++)
        for (int i = 0; f->piece->live[n] && i < f->graph->nodes[n].input_count; i++)
            if (f->graph->nodes[n].inputs[i] >= 0) f->reads[f->graph->nodes[n].inputs[i]] = (int)n;
    return NW_OK;
}

static bool is(const nw_node *node, const char *type)
{
    return node->op && strcmp(node->op->type, type) == 0;
}

/* The one reader of a node's result, or NULL where others (or the program) want the value as well. */
static nw_node *only_reader(const fusion *f, const nw_node *node)
{
    bool one = node->output_count == 1 || (node->output_count > 1 && node->outputs[1] < 0);
    if (!one && !is(node, "BatchNormalization")) return NULL; /* its others are statistics */
    int v = node->outputs[0];
    if (v < 0 || f->uses[v] != 1 || f->piece->kept[v]) return NULL;
    return &f->graph->nodes[f->reads[v]];
}

/* `node` takes over the output of `next`, which dies. */
static void absorb(fusion *f, nw_node *node, nw_node *next)
{
    node->outputs[0] = next->outputs[0];
    f->graph->values[node->outputs[0]].producer = (int)(node - f->graph->nodes);
    f->piece->live[next - f->graph->nodes] = false;
}

static void drop_identities(fusion *f)
{
    for (size_t n = 0; n < f->graph->node_count; n++) {
        nw_node *node = &f->graph->nodes[n];
        if (!f->piece->live[n] || !(is(node, "Identity") || is(node, "Dropout"))) continue;
        int in = node->inputs[0], out = node->outputs[0];
        bool mask = node->output_count > 1 && node->outputs[1] >= 0 && f->uses[node->outputs[1]];
        if (out < 0 || f->piece->kept[out] || mask) continue;
        for (size_t m = n + 1; m < f->graph->node_count; m++)
            for (int i = 0; i < f->graph->nodes[m].input_count; i++)
                if (f->graph->nodes[m].inputs[i] == out) f->graph->nodes[m].inputs[i] = in;
        f->piece->live[n] = false;
    }
}

/* Batch-norm by the statistics of the batch is no affine map. */
static bool is_training(const nw_node *node)
{
    return is(node, "BatchNormalization") && nw_node_int(node, "training_mode", 0);
}

static nw_tensor *constant_f32(const fusion *f, const nw_node *node, int i)
{
    if (!nw_has_in(node, i)) return NULL;
    nw_tensor *t = f->graph->values[node->inputs[i]].data;
    return t && t->dtype == NW_F32 ? t : NULL;
}

typedef struct folding {
    nw_tensor *const *from, *const *made;
    double epsilon;
    int64_t each;
} folding;

static void fold_filters(void *context, size_t begin, size_t end)
{
    const folding *f = context;
    nw_tensor *const *from = f->from;
    for (int64_t o = (int64_t)begin; o < (int64_t)end; o++) {
        double factor = nw_tensor_get(from[2], o) / sqrt(nw_tensor_get(from[5], o) + f->epsilon);
        double bias = from[1] ? nw_tensor_get(from[1], o) : 0;
        nw_tensor_set(f->made[1], o, (bias - nw_tensor_get(from[4], o)) * factor + nw_tensor_get(from[3], o));
        const float *old = (const float *)from[0]->data + o * f->each;
        float *new = (float *)f->made[0]->data + o * f->each;
        for (int64_t k = 0; k < f->each; k++) new[k] = (float)((double)old[k] * factor);
    }
}

/* Inference batch-norm is y = x * scale / sqrt(var + epsilon) + rest, per channel: it scales the filters.
 * from: weights, bias (may be NULL), scale, shift, mean, variance; made: weights and bias. */
static nw_status fold(nw_tensor *const *from, double epsilon, nw_tensor **made, nw_error *err)
{
    const nw_tensor *w = from[0];
    int64_t filters = w->shape.dims[0], each = filters ? w->count / filters : 0;
    NW_TRY(nw_tensor_new_uninitialised(NW_F32, &w->shape, &made[0], err));
    nw_status status = nw_tensor_new(NW_F32, 1, &filters, &made[1], err);
    if (status != NW_OK) {
        nw_tensor_unref(made[0]);
        return status;
    }
    folding f = {from, made, epsilon, each};
    nw_parallel((size_t)filters, each > CHUNK ? 1 : (size_t)(CHUNK / (each ? each : 1)), fold_filters, &f);
    return NW_OK;
}

/* A new constant of the graph, since others may share the old one. */
static nw_status add_constant(fusion *f, const nw_node *conv, int i, nw_tensor *data, int *out)
{
    char *name = NULL;
    /* A name that the model does not have. */
    for (int again = 0; !name || nw_graph_find(f->graph, name) >= 0; again++) {
        nw_free(name);
        name = nw_strdup_printf("%s#folded%d.%d", f->graph->values[conv->outputs[0]].name, i, again);
        if (!name) break;
    }
    if (!name) return nw_no_memory(f->err, 1, "a name");
    nw_status status = nw_graph_value(f->graph, name, out, f->err);
    nw_free(name);
    if (status != NW_OK) return status;
    nw_graph_set_constant(f->graph, *out, data);
    f->graph->values[*out].has_shape = true;
    f->graph->values[*out].shape = data->shape;
    return NW_OK;
}

static nw_status fold_batch_norm(fusion *f, nw_node *conv, nw_node *norm, bool *folded)
{
    nw_tensor *from[NW_FOLD_FROM] = {constant_f32(f, conv, 1), constant_f32(f, conv, 2)}, *made[NW_FOLD_MADE];
    for (int i = 0; i < 4; i++) {
        from[2 + i] = constant_f32(f, norm, 1 + i);
        if (!from[2 + i]) return NW_OK;
    }
    if (!from[0] || (nw_has_in(conv, 2) && !from[1])) return NW_OK;
    float epsilon = nw_node_float(norm, "epsilon", 1e-5F);
    if (!nw_weights_folded(f->weights, from, epsilon, made)) {
        NW_TRY(fold(from, (double)epsilon, made, f->err));
        nw_weights_remember(f->weights, from, epsilon, made);
    }
    int values[NW_FOLD_MADE];
    nw_status status = NW_OK;
    for (int i = 0; i < NW_FOLD_MADE; i++) {
        if (status == NW_OK) status = add_constant(f, conv, i, made[i], &values[i]);
        nw_tensor_unref(made[i]);
    }
    NW_TRY(status);
    int *inputs = nw_realloc(conv->inputs, 3, sizeof *inputs);
    if (!inputs) return nw_no_memory(f->err, 3 * sizeof *inputs, "a node");
    inputs[1] = values[0];
    inputs[2] = values[1];
    conv->inputs = inputs;
    conv->input_count = 3;
    *folded = true;
    return NW_OK;
}

static nw_status fold_batch_norms(fusion *f)
{
    for (size_t n = 0; n < f->graph->node_count; n++) {
        nw_node *conv = &f->graph->nodes[n];
        if (!f->piece->live[n] || !is(conv, "Conv")) continue;
        nw_node *norm = only_reader(f, conv);
        bool folded = false;
        if (!norm || !is(norm, "BatchNormalization") || norm->inputs[0] != conv->outputs[0] ||
            is_training(norm))
            continue;
        NW_TRY(fold_batch_norm(f, conv, norm, &folded));
        if (folded) absorb(f, conv, norm);
    }
    return NW_OK;
}

/* A constant limit of Clip: an attribute before opset 11, an input since. */
static bool limit(const fusion *f, const nw_node *node, int i, const char *name, float otherwise, float *out)
{
    *out = nw_node_float(node, name, otherwise);
    if (!nw_has_in(node, i)) return true;
    const nw_tensor *t = constant_f32(f, node, i);
    if (!t || t->count != 1) return false;
    *out = ((const float *)t->data)[0];
    return true;
}

static bool activation(const fusion *f, const nw_node *node, nw_act *act)
{
    *act = (nw_act){.kind = NW_ACT_NONE};
    if (is(node, "Relu")) {
        act->kind = NW_ACT_RELU;
    } else if (is(node, "LeakyRelu")) {
        act->alpha = nw_node_float(node, "alpha", 0.01F);
        if (act->alpha > 0) act->kind = NW_ACT_LEAKY; /* else the result does not tell the sign */
    } else if (is(node, "Clip")) {
        if (limit(f, node, 1, "min", -3.4e38F, &act->alpha) &&
            limit(f, node, 2, "max", 3.4e38F, &act->beta) && act->alpha <= 0 && act->beta >= 0)
            act->kind = NW_ACT_CLIP; /* 0 stays 0: padded channels do */
    }
    return act->kind != NW_ACT_NONE;
}

static void fuse_activations(fusion *f)
{
    static const char *const takers[] = {"Conv", "Add", "BatchNormalization"};
    for (size_t n = 0; n < f->graph->node_count; n++) {
        nw_node *node = &f->graph->nodes[n];
        bool takes = false;
        for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) takes |= is(node, takers[i]);
        if (!f->piece->live[n] || !takes) continue;
        nw_node *next = only_reader(f, node);
        nw_act act;
        if (!next || next->inputs[0] != node->outputs[0] || !activation(f, next, &act)) continue;
        node->act = act;
        absorb(f, node, next);
    }
}

/* A convolution, or a batch-norm in training mode, whose result only an Add of equal shapes reads, and which
 * comes after the other operand, does the adding. */
static nw_status fuse_sums(fusion *f)
{
    for (size_t n = 0; n < f->graph->node_count; n++) {
        nw_node *conv = &f->graph->nodes[n];
        bool takes = is(conv, "Conv") || is_training(conv);
        if (!f->piece->live[n] || !takes || conv->fused_add || conv->act.kind != NW_ACT_NONE) continue;
        nw_node *add = only_reader(f, conv);
        if (!add || !(is(add, "Add") || is(add, "Sum")) || add->input_count != 2) continue;
        int other = add->inputs[add->inputs[0] == conv->outputs[0]];
        const nw_value *o = &f->graph->values[other];
        bool before = o->producer < (int)n; /* -1: an input of the graph */
        if (other == conv->outputs[0] || o->data || !before ||
            !nw_shape_equal(&o->shape, nw_out_shape(f->graph, conv, 0)))
            continue;
        int *inputs = nw_realloc(conv->inputs, (size_t)conv->input_count + 2, sizeof *inputs);
        if (!inputs) return nw_no_memory(f->err, sizeof *inputs, "a node");
        conv->inputs = inputs;
        while (conv->input_count < 3) inputs[conv->input_count++] = -1; /* no bias */
        inputs[conv->input_count++] = other;
        conv->fused_add = true;
        conv->act = add->act;
        absorb(f, conv, add);
    }
    return NW_OK;
}

/* A large 3x3 convolution is done in float32 (ops/fast_conv_tiles.c) and reads that. */
static bool stays_wide(const fusion *f, const nw_node *node)
{
    const nw_shape *x = nw_in_shape(f->graph, node, 0), *w = nw_in_shape(f->graph, node, 1);
    return x->rank == 4 && w->dims[2] == 3 && w->dims[3] == 3 && x->dims[2] >= 32 && x->dims[3] >= 32;
}

/* Marks convolutions whose result nobody but convolutions reads, as their source. */
static void mark_narrow(fusion *f)
{
    int *other = f->reads; /* done with: now the reads of a value that are no convolution's source */
    for (size_t v = 0; v < f->graph->value_count; v++) other[v] = f->piece->kept[v];
    for (size_t n = 0; n < f->graph->node_count; n++) {
        const nw_node *node = &f->graph->nodes[n];
        for (int i = 0; f->piece->live[n] && i < node->input_count; i++)
            if (node->inputs[i] >= 0 && !(is(node, "Conv") && i == 0 && !stays_wide(f, node)))
                other[node->inputs[i]]++;
    }
    for (size_t n = 0; n < f->graph->node_count; n++) {
        nw_node *node = &f->graph->nodes[n];
        node->narrow = f->piece->live[n] && is(node, "Conv") && !node->fused_add && !other[node->outputs[0]];
    }
}

nw_status nw_piece_fuse(nw_piece *piece, nw_weights_cache *weights, nw_error *err)
{
    fusion f = {.piece = piece, .graph = piece->graph, .weights = weights, .err = err};
    f.reads = nw_calloc(piece->graph->value_count, sizeof *f.reads);
    nw_status status = f.reads ? recount(&f) : nw_no_memory(err, piece->graph->value_count, "a program");
    if (status == NW_OK) {
        drop_identities(&f);
        status = recount(&f);
    }
    if (status == NW_OK) status = fold_batch_norms(&f);
    /* Folding added values; they are constants, which have no place in the counts. */
    if (status == NW_OK) {
        bool *kept = nw_realloc(piece->kept, piece->graph->value_count, sizeof *kept);
        int *reads = kept ? nw_realloc(f.reads, piece->graph->value_count, sizeof *reads) : NULL;
        if (kept) {
            for (size_t v = piece->kept_count; v < piece->graph->value_count; v++) kept[v] = false;
            piece->kept = kept;
            piece->kept_count = piece->graph->value_count;
        }
        if (reads) f.reads = reads;
        status = kept && reads ? recount(&f) : nw_no_memory(err, piece->graph->value_count, "a program");
    }
    if (status == NW_OK) {
        fuse_activations(&f);
        status = recount(&f);
    }
    if (status == NW_OK) status = fuse_sums(&f);
    if (status == NW_OK) mark_narrow(&f);
    nw_free(f.uses);
    nw_free(f.reads);
    return status;
}
