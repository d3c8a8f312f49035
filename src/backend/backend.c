#include "backend/internal.h"
#include "base/memory.h"

nw_status nw_backend_fail(nw_error *err, dnnl_status_t status, const char *what)
{
    static const char *const texts[] = {"ok", "out of memory", "invalid arguments", "unimplemented"};
    const char *text = (unsigned)status < sizeof texts / sizeof texts[0] ? texts[status] : "failed";
    nw_status s = status == dnnl_out_of_memory   ? NW_NO_MEMORY
                  : status == dnnl_unimplemented ? NW_UNSUPPORTED
                                                 : NW_FAILED;
    return nw_fail(err, s, "oneDNN, %s: %s (status %d)", what, text, (int)status);
}

nw_status nw_backend_new(nw_backend **out, nw_error *err)
{
    nw_backend *backend = nw_calloc(1, sizeof *backend);
    if (!backend) return nw_no_memory(err, sizeof *backend, "the backend");
    dnnl_status_t s = dnnl_engine_create(&backend->engine, dnnl_cpu, 0);
    if (s == dnnl_success)
        s = dnnl_stream_create(&backend->stream, backend->engine, dnnl_stream_default_flags);
    if (s != dnnl_success) {
        nw_backend_free(backend);
        return nw_backend_fail(err, s, "engine");
    }
    *out = backend;
    return NW_OK;
}

void nw_backend_free(nw_backend *backend)
{
    if (!backend) return;
    if (backend->stream) dnnl_stream_destroy(backend->stream);
    if (backend->engine) dnnl_engine_destroy(backend->engine);
    nw_free(backend);
}

/* The values of the enumeration changed between versions, the names did not. */
static const struct isa {
    dnnl_cpu_isa_t isa;
    const char *name;
    int block;
} isas[] = {
    {dnnl_cpu_isa_sse41, "sse41", 8},
    {dnnl_cpu_isa_avx, "avx", 8},
    {dnnl_cpu_isa_avx2, "avx2", 8},
    {dnnl_cpu_isa_avx2_vnni, "avx2_vnni", 8},
    {dnnl_cpu_isa_avx512_core, "avx512_core", 16},
    {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni", 16},
    {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16", 16},
    {dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx", 16},
#if DNNL_VERSION_MAJOR >= 3
    {dnnl_cpu_isa_avx512_core_fp16, "avx512_core_fp16", 16},
#endif
};

static const struct isa *this_isa(void)
{
    static const struct isa other = {.name = "other", .block = 1};
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    for (size_t i = 0; i < sizeof isas / sizeof isas[0]; i++)
        if (isas[i].isa == isa) return &isas[i];
    return &other;
}

int nw_backend_block(void)
{
    return this_isa()->block;
}

const char *nw_backend_isa(void)
{
    return this_isa()->name;
}
