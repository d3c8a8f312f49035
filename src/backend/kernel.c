/* Kernels: a primitive, its memory objects and its arguments. */
#include "backend/internal.h"
#include "base/memory.h"

#include <stdio.h>

static const int dnnl_arg[NW_SLOT_COUNT] = {
    [NW_SLOT_SRC] = DNNL_ARG_SRC,
    [NW_SLOT_WEIGHTS] = DNNL_ARG_WEIGHTS,
    [NW_SLOT_BIAS] = DNNL_ARG_BIAS,
    [NW_SLOT_DST] = DNNL_ARG_DST,
    /* The only binary post-operation is the first one. */
    [NW_SLOT_ADD] = DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1,
    [NW_SLOT_DIFF_SRC] = DNNL_ARG_DIFF_SRC,
    [NW_SLOT_DIFF_WEIGHTS] = DNNL_ARG_DIFF_WEIGHTS,
    [NW_SLOT_DIFF_BIAS] = DNNL_ARG_DIFF_BIAS,
    [NW_SLOT_DIFF_DST] = DNNL_ARG_DIFF_DST,
    [NW_SLOT_WORKSPACE] = DNNL_ARG_WORKSPACE,
    [NW_SLOT_SCRATCH] = DNNL_ARG_SCRATCHPAD,
};

void nw_kernel_free(nw_kernel *kernel)
{
    if (!kernel) return;
    for (int i = 0; i < NW_SLOT_COUNT; i++) {
        if (kernel->memory[i]) dnnl_memory_destroy(kernel->memory[i]);
        nw_md_clear(&kernel->md[i]);
    }
    nw_md_clear(&kernel->plain_weights);
    if (kernel->primitive) dnnl_primitive_destroy(kernel->primitive);
    nw_free(kernel);
}

size_t nw_kernel_bytes(const nw_kernel *kernel, nw_slot slot)
{
    return kernel->bytes[slot];
}

void nw_kernel_set(nw_kernel *kernel, nw_slot slot, void *data)
{
    if (kernel->memory[slot]) dnnl_memory_set_data_handle(kernel->memory[slot], data);
}

nw_status nw_kernel_run(nw_kernel *kernel, nw_error *err)
{
    dnnl_status_t s =
        dnnl_primitive_execute(kernel->primitive, kernel->backend->stream, kernel->arg_count, kernel->args);
    return s == dnnl_success ? NW_OK : nw_backend_fail(err, s, kernel->impl);
}

const char *nw_kernel_impl(const nw_kernel *kernel)
{
    return kernel->impl;
}

static dnnl_status_t add_slot(nw_kernel *kernel, nw_slot slot, nw_md_pointer md)
{
    size_t bytes = dnnl_memory_desc_get_size(md);
    if (!bytes) return dnnl_success;
    dnnl_status_t s = nw_md_copy(&kernel->md[slot], md);
    if (s == dnnl_success)
        s = dnnl_memory_create(&kernel->memory[slot], NW_MD(&kernel->md[slot]), kernel->backend->engine,
                               DNNL_MEMORY_NONE);
    if (s != dnnl_success) return s;
    kernel->bytes[slot] = bytes;
    kernel->args[kernel->arg_count].arg = dnnl_arg[slot];
    kernel->args[kernel->arg_count].memory = kernel->memory[slot];
    kernel->arg_count++;
    return dnnl_success;
}

nw_status nw_kernel_make(nw_backend *backend, dnnl_primitive_desc_t pd, const nw_slot_query *slots, int count,
                         nw_kernel **out, nw_error *err)
{
    nw_kernel *kernel = nw_calloc(1, sizeof *kernel);
    if (!kernel) {
        dnnl_primitive_desc_destroy(pd);
        return nw_no_memory(err, sizeof *kernel, "a kernel");
    }
    kernel->backend = backend;
    const char *impl = "";
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &impl);
    snprintf(kernel->impl, sizeof kernel->impl, "onednn %s", impl);

    dnnl_status_t s = dnnl_primitive_create(&kernel->primitive, pd);
    for (int i = 0; i < count && s == dnnl_success; i++) {
        /* The bias is the second of the weights. */
        int index = slots[i].slot == NW_SLOT_BIAS || slots[i].slot == NW_SLOT_DIFF_BIAS;
        s = add_slot(kernel, slots[i].slot, dnnl_primitive_desc_query_md(pd, slots[i].what, index));
    }
    static const nw_slot_query own[] = {{NW_SLOT_WORKSPACE, dnnl_query_workspace_md},
                                        {NW_SLOT_SCRATCH, dnnl_query_scratchpad_md}};
    for (int i = 0; i < 2 && s == dnnl_success; i++) {
        nw_md_pointer md = dnnl_primitive_desc_query_md(pd, own[i].what, 0);
        if (md) s = add_slot(kernel, own[i].slot, md);
    }
    dnnl_primitive_desc_destroy(pd);
    if (s != dnnl_success) {
        nw_status status = nw_backend_fail(err, s, kernel->impl);
        nw_kernel_free(kernel);
        return status;
    }
    *out = kernel;
    return NW_OK;
}

nw_status nw_attributes(const nw_md *add, const nw_act *act, dnnl_primitive_attr_t *out, nw_error *err)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t s = dnnl_primitive_attr_create(&attr);
    if (s == dnnl_success) s = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (s == dnnl_success) s = dnnl_post_ops_create(&ops);
    if (s == dnnl_success && add) s = dnnl_post_ops_append_binary(ops, dnnl_binary_add, NW_MD(add));
    if (s == dnnl_success && act) switch (act->kind) {
        case NW_ACT_NONE: break;
        case NW_ACT_RELU: s = nw_append_eltwise(ops, dnnl_eltwise_relu, 0, 0); break;
        case NW_ACT_LEAKY: s = nw_append_eltwise(ops, dnnl_eltwise_relu, act->alpha, 0); break;
        case NW_ACT_CLIP: s = nw_append_eltwise(ops, dnnl_eltwise_clip, act->alpha, act->beta); break;
        }
    if (s == dnnl_success) s = dnnl_primitive_attr_set_post_ops(attr, ops);
    if (ops) dnnl_post_ops_destroy(ops);
    if (s != dnnl_success) {
        if (attr) dnnl_primitive_attr_destroy(attr);
        return nw_backend_fail(err, s, "attributes");
    }
    *out = attr;
    return NW_OK;
}
