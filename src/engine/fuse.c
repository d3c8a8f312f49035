/* Fusion, for the fast path alone: fewer passes over memory, the same function up to rounding.
 *
 *   Identity, Dropout      -> nothing
 *   Conv, BatchNorm        -> Conv with other weights
 *   X, Relu | Clip | Leaky -> X with an activation      X: Conv, Add, BatchNormalization
 *   Conv, Add              -> Conv that adds
 *
 * A value disappears only where nobody else reads it and the program does not name it.
 */
#include "base/memory.h"
#include "engine/program.h"

#include <math.h>
#include <string.h>

typedef struct fusion {
    nw_piece *piece;
    nw_graph *graph;
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

/* The one reader of a node's only output, or NULL where others (or the program) want the value as well. */
static nw_node *only_reader(const fusion *f, const nw_node *node)
{
    if (node->output_count != 1 && !(node->output_count > 1 && node->outputs[1] < 0)) return NULL;
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

static const nw_tensor *constant_f32(const fusion *f, const nw_node *node, int i)
{
    if (!nw_has_in(node, i)) return NULL;
    const nw_tensor *t = f->graph->values[node->inputs[i]].data;
    return t && t->dtype == NW_F32 ? t : NULL;
}

/* Inference batch-norm is y = x * scale / sqrt(var + epsilon) + rest, per channel: it scales the filters. */
static nw_status fold_batch_norm(fusion *f, nw_node *conv, nw_node *norm, bool *folded)
{
    const nw_tensor *w = constant_f32(f, conv, 1), *b = constant_f32(f, conv, 2);
    const nw_tensor *p[4];
    for (int i = 0; i < 4; i++) {
        p[i] = constant_f32(f, norm, i + 1);
        if (!p[i]) return NW_OK;
    }
    if (!w || (nw_has_in(conv, 2) && !b)) return NW_OK;
    int64_t filters = w->shape.dims[0], each = filters ? w->count / filters : 0;
    double epsilon = (double)nw_node_float(norm, "epsilon", 1e-5F);
    nw_tensor *new_w, *new_b;
    NW_TRY(nw_tensor_new_uninitialised(NW_F32, &w->shape, &new_w, f->err));
    nw_status status = nw_tensor_new(NW_F32, 1, &filters, &new_b, f->err);
    if (status != NW_OK) {
        nw_tensor_unref(new_w);
        return status;
    }
    const float *scale = p[0]->data, *shift = p[1]->data, *mean = p[2]->data, *var = p[3]->data;
    for (int64_t o = 0; o < filters; o++) {
        double factor = (double)scale[o] / sqrt((double)var[o] + epsilon);
        double bias = b ? (double)((const float *)b->data)[o] : 0;
        ((float *)new_b->data)[o] = (float)((bias - (double)mean[o]) * factor + (double)shift[o]);
        for (int64_t k = 0; k < each; k++)
            ((float *)new_w->data)[o * each + k] = (float)((double)((const float *)w->data)[o * each + k] * factor);
    }
    /* New values: others may share the old weights. Their names are made from the convolution's output. */
    char *names[2];
    int values[2], *inputs = NULL;
    nw_tensor *data[2] = {new_w, new_b};
    for (int i = 0; i < 2 && status == NW_OK; i++) {
        names[i] = nw_strdup_printf("%s#folded%d", f->graph->values[conv->outputs[0]].name, i);
        status = names[i] ? nw_graph_value(f->graph, names[i], &values[i], f->err) : nw_no_memory(f->err, 1, "a name");
        if (status == NW_OK) {
            nw_graph_set_constant(f->graph, values[i], data[i]);
            f->graph->values[values[i]].has_shape = true;
            f->graph->values[values[i]].shape = data[i]->shape;
        }
        nw_free(names[i]);
    }
    nw_tensor_unref(new_w);
    nw_tensor_unref(new_b);
    if (status == NW_OK && !(inputs = nw_calloc(3, sizeof *inputs))) status = nw_no_memory(f->err, 3, "a node");
    if (status != NW_OK) return status;
    inputs[0] = conv->inputs[0];
    inputs[1] = values[0];
    inputs[2] = values[1];
    nw_free(conv->inputs);
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
        if (!norm || !is(norm, "BatchNormalization") || norm->inputs[0] != conv->outputs[0]) continue;
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
        if (limit(f, node, 1, "min", -3.4e38F, &act->alpha) && limit(f, node, 2, "max", 3.4e38F, &act->beta) &&
            act->alpha <= 0 && act->beta >= 0)
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

/* A convolution whose result only an Add of equal shapes reads, and which comes after the other operand, does the
 * adding. */
static nw_status fuse_sums(fusion *f)
{
    for (size_t n = 0; n < f->graph->node_count; n++) {
        nw_node *conv = &f->graph->nodes[n];
        if (!f->piece->live[n] || !is(conv, "Conv") || conv->fused_add || conv->act.kind != NW_ACT_NONE) continue;
        nw_node *add = only_reader(f, conv);
        if (!add || !(is(add, "Add") || is(add, "Sum")) || add->input_count != 2) continue;
        int other = add->inputs[add->inputs[0] == conv->outputs[0]];
        const nw_value *o = &f->graph->values[other];
        bool before = o->producer < (int)n; /* -1: an input of the graph */
        if (other == conv->outputs[0] || o->data || !before ||
            !nw_shape_equal(&o->shape, nw_out_shape(f->graph, conv, 0)))
            continue;
        int *inputs = nw_realloc(conv->inputs, 4, sizeof *inputs);
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

nw_status nw_piece_fuse(nw_piece *piece, nw_error *err)
{
    fusion f = {.piece = piece, .graph = piece->graph, .err = err};
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
    nw_free(f.uses);
    nw_free(f.reads);
    return status;
}
