/* Feature statistics on disk. */
#include "base/memory.h"
#include "explain/safetensors.h"
#include "explain/stats_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *metadata_of(const nw_stats *stats)
{
    const nw_stats_facts *facts = &stats->facts;
    const char *pairs[][2] = {{"narrows.model_digest", facts->model_digest},
                              {"narrows.tensor", facts->tensor},
                              {"narrows.preprocessing", facts->preprocessing},
                              {"narrows.inputs_digest", facts->inputs_digest},
                              {"narrows.healthy", facts->healthy}};
    json_t *metadata = json_object();
    int failed = !metadata;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (pairs[i][1]) failed |= json_object_set_new(metadata, pairs[i][0], json_string(pairs[i][1]));
    /* Values of safetensors metadata are strings. */
    failed |= json_object_set_new(metadata, "narrows.format", json_string("feature statistics 1"));
    failed |= json_object_set_new(metadata, "narrows.count", json_sprintf("%lld", (long long)stats->count));
    failed |=
        json_object_set_new(metadata, "narrows.position", json_sprintf("%lld", (long long)facts->position));
    if (failed) {
        json_decref(metadata);
        return NULL;
    }
    return metadata;
}

nw_status nw_stats_save(nw_stats *stats, const char *path, int resumable, nw_error *err)
{
    if (resumable && !stats->m)
        return nw_fail(err, NW_USAGE, "%s: the sums that resuming needs are gone", path);
    if (!resumable && stats->m && stats->count < 2)
        return nw_fail(err, NW_BAD_INPUT,
                       "%s: statistics need two images at least, better hundreds: there were %lld", path,
                       (long long)stats->count);
    const nw_shape *shape = &stats->shape;
    nw_safetensors_entry entries[] = {
        {"mean", NW_F32, nw_stats_mean(stats), shape},     {"std", NW_F32, nw_stats_std(stats), shape},
        {"active", NW_F32, nw_stats_active(stats), shape}, {"resume.mean", NW_F64, stats->m, shape},
        {"resume.squares", NW_F64, stats->s, shape},       {"resume.nonzero", NW_I64, stats->nonzero, shape}};
    json_t *metadata = metadata_of(stats);
    if (!metadata)
        return nw_fail(err, NW_BAD_INPUT, "%s: a fact about the statistics is not UTF-8, or memory is out",
                       path);
    nw_status status = nw_safetensors_write(path, metadata, entries, resumable ? 6 : 3, err);
    json_decref(metadata);
    return status;
}

/* A non-negative integer of the metadata; 0 where it is missing. */
static nw_status read_count(const nw_safetensors *file, const char *key, int64_t *out, nw_error *err)
{
    const char *text = nw_safetensors_metadata(file, key);
    *out = 0;
    if (!text) return NW_OK;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < 0)
        return nw_fail(err, NW_BAD_INPUT, "%s: metadata '%s' is not a count", file->path, key);
    *out = value;
    return NW_OK;
}

static nw_status check_identity(const nw_safetensors *file, const char *model_digest, const char *tensor,
                                char **warning, nw_error *err)
{
    const char *digest = nw_safetensors_metadata(file, "narrows.model_digest");
    const char *of = nw_safetensors_metadata(file, "narrows.tensor");
    if (digest && model_digest && strcmp(digest, model_digest) != 0)
        return nw_fail(
            err, NW_BAD_INPUT,
            "%s: statistics of another model: they are for the model with SHA-256 %.64s, this model's is %s; "
            "make statistics for this model with `narrows stats`",
            file->path, digest, model_digest);
    if (of && tensor && strcmp(of, tensor) != 0)
        return nw_fail(err, NW_BAD_INPUT, "%s: statistics of the tensor '%.200s', those of '%s' are wanted",
                       file->path, of, tensor);
    if (digest || !model_digest) return NW_OK;
    *warning = nw_strdup_printf(
        "%s does not say which model its statistics belong to; they are taken as this model's", file->path);
    return *warning ? NW_OK : nw_no_memory(err, 0, "a warning");
}

/* Reads one tensor into dst[neurons]. */
static nw_status read_into(const nw_safetensors *file, const char *name, nw_dtype dtype,
                           const nw_shape *shape, void *dst, nw_error *err)
{
    nw_tensor *tensor;
    NW_TRY(nw_safetensors_get(file, name, dtype, true, &tensor, err));
    nw_status status = NW_OK;
    if (!nw_shape_equal(&tensor->shape, shape))
        status =
            nw_fail(err, NW_BAD_INPUT, "%s: the tensors '%s' and 'mean' differ in shape", file->path, name);
    else
        memcpy(dst, tensor->data, (size_t)tensor->count * nw_dtype_size(dtype));
    nw_tensor_unref(tensor);
    return status;
}

static nw_status check_values(const nw_safetensors *file, const nw_stats *stats, nw_error *err)
{
    for (int64_t i = 0; i < stats->neurons; i++) {
        if (!isfinite(stats->mean[i]) || !isfinite(stats->std[i]) || !isfinite(stats->active[i]))
            return nw_fail(
                err, NW_BAD_INPUT,
                "%s: the statistics are not finite at neuron %lld (were they made from one image?)",
                file->path, (long long)i);
        if (stats->std[i] < 0 || stats->active[i] < 0 || stats->active[i] > 1)
            return nw_fail(err, NW_BAD_INPUT,
                           "%s: neuron %lld has a negative deviation, or an active share outside 0..1",
                           file->path, (long long)i);
        if (stats->m && (!isfinite(stats->m[i]) || !(stats->s[i] >= 0) || !isfinite(stats->s[i]) ||
                         stats->nonzero[i] < 0 || stats->nonzero[i] > stats->count))
            return nw_fail(err, NW_BAD_INPUT, "%s: the sums to resume with are wrong at neuron %lld",
                           file->path, (long long)i);
    }
    return NW_OK;
}

static nw_status read_all(const nw_safetensors *file, const char *model_digest, const char *tensor,
                          nw_stats **stats, nw_error *err)
{
    nw_tensor *mean;
    NW_TRY(nw_safetensors_get(file, "mean", NW_F32, true, &mean, err));
    nw_shape shape = mean->shape;
    nw_tensor_unref(mean);
    nw_status status = nw_stats_new(&shape, stats, err);
    if (status != NW_OK) return nw_fail_within(err, status, "%s", file->path);
    nw_stats *s = *stats;
    NW_TRY(check_identity(file, model_digest, tensor, &s->warning, err));
    NW_TRY(read_into(file, "mean", NW_F32, &shape, s->mean, err));
    NW_TRY(read_into(file, "std", NW_F32, &shape, s->std, err));
    NW_TRY(read_into(file, "active", NW_F32, &shape, s->active, err));
    NW_TRY(read_count(file, "narrows.count", &s->count, err));
    if (json_object_get(file->header, "resume.mean")) {
        NW_TRY(read_into(file, "resume.mean", NW_F64, &shape, s->m, err));
        NW_TRY(read_into(file, "resume.squares", NW_F64, &shape, s->s, err));
        NW_TRY(read_into(file, "resume.nonzero", NW_I64, &shape, s->nonzero, err));
    } else {
        nw_free(s->m);
        nw_free(s->s);
        nw_free(s->nonzero);
        s->m = s->s = NULL;
        s->nonzero = NULL;
    }
    NW_TRY(check_values(file, s, err));
    nw_stats_facts facts = {.model_digest = nw_safetensors_metadata(file, "narrows.model_digest"),
                            .tensor = nw_safetensors_metadata(file, "narrows.tensor"),
                            .preprocessing = nw_safetensors_metadata(file, "narrows.preprocessing"),
                            .inputs_digest = nw_safetensors_metadata(file, "narrows.inputs_digest"),
                            .healthy = nw_safetensors_metadata(file, "narrows.healthy")};
    NW_TRY(read_count(file, "narrows.position", &facts.position, err));
    return nw_stats_set_facts(s, &facts, err);
}

nw_status nw_stats_load(const char *path, const char *model_digest, const char *tensor, nw_stats **out,
                        nw_error *err)
{
    nw_safetensors file;
    nw_stats *stats = NULL;
    nw_status status = nw_safetensors_open(path, &file, err);
    if (status == NW_OK) status = read_all(&file, model_digest, tensor, &stats, err);
    nw_safetensors_close(&file);
    if (status == NW_OK)
        *out = stats;
    else
        nw_stats_free(stats);
    return status;
}
