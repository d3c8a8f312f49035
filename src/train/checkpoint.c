#include "train/checkpoint.h"

#include "base/memory.h"
#include "train/arrays.h"

#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char format[] = "training checkpoint 1", format_key[] = "narrows.format",
                  facts_key[] = "narrows.facts", digest_key[] = "narrows.sha256",
                  metadata_key[] = "__metadata__";

enum { DIGEST_TEXT = 2 * SHA256_DIGEST_SIZE + 1 };

/* ---- The digest: facts, then name and numbers of each array, in the order of the names ------------------
 */

/* Lengths go in, too: what is cut at another place is another text. */
static void add(struct sha256_ctx *sha, const void *bytes, size_t size)
{
    const uint64_t length = size; /* little-endian, as safetensors.c makes sure */
    sha256_update(sha, sizeof length, (const uint8_t *)&length);
    sha256_update(sha, size, bytes);
}

static void finish(struct sha256_ctx *sha, char text[DIGEST_TEXT])
{
    uint8_t sum[SHA256_DIGEST_SIZE];
    sha256_digest(sha, sizeof sum, sum);
    for (size_t i = 0; i < sizeof sum; i++) snprintf(text + 2 * i, 3, "%02x", sum[i]);
}

typedef struct piece {
    const char *name;
    const void *data;
    size_t bytes;
} piece;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const piece *)a)->name, ((const piece *)b)->name);
}

static void digest(const char *facts, piece *pieces, size_t count, char text[DIGEST_TEXT])
{
    struct sha256_ctx sha;
    sha256_init(&sha);
    add(&sha, facts, strlen(facts));
    qsort(pieces, count, sizeof *pieces, by_name);
    for (size_t i = 0; i < count; i++) {
        add(&sha, pieces[i].name, strlen(pieces[i].name));
        add(&sha, pieces[i].data, pieces[i].bytes);
    }
    finish(&sha, text);
}

/* ---- Writing ---------------------------------------------------------------------------------------------
 */

static nw_status check_facts(const char *path, const char *facts, nw_error *err)
{
    json_error_t problem;
    json_t *json = facts ? json_loads(facts, JSON_REJECT_DUPLICATES, &problem) : NULL;
    bool fine = json_is_object(json);
    json_decref(json);
    return fine ? NW_OK
                : nw_fail(err, NW_BAD_INPUT, "%s: the facts of the checkpoint are not a JSON object", path);
}

static nw_status collect(const char *path, const nw_checkpoint_array *arrays, size_t count, piece *pieces,
                         nw_safetensors_entry *entries, nw_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const nw_checkpoint_array *a = &arrays[i];
        int64_t elements;
        if (!nw_shape_count(&a->shape, &elements))
            return nw_fail(err, NW_BAD_INPUT, "%s: impossible shape of '%s'", path, a->name);
        if (strcmp(a->name, metadata_key) == 0)
            return nw_fail(err, NW_BAD_INPUT, "%s: an array cannot be named '%s'", path, a->name);
        if (!nw_array_finite(a->data, elements))
            return nw_fail(err, NW_NOT_FINITE, "%s: '%s' is not finite; the checkpoint is not written", path,
                           a->name);
        pieces[i] = (piece){a->name, a->data, (size_t)elements * sizeof(float)};
        entries[i] = (nw_safetensors_entry){a->name, NW_F32, a->data, &a->shape};
    }
    return NW_OK;
}

static nw_status write_file(const char *path, const char *facts, const char *sha,
                            const nw_safetensors_entry *entries, size_t count, nw_error *err)
{
    json_t *metadata = json_pack("{s:s, s:s, s:s}", format_key, format, facts_key, facts, digest_key, sha);
    if (!metadata) return nw_no_memory(err, strlen(facts), "a checkpoint");
    nw_output out;
    nw_status status = nw_output_open(path, &out, err);
    if (status == NW_OK) {
        out.durable = 1;
        status = nw_safetensors_put(&out, metadata, entries, count, err);
        if (status == NW_OK)
            status = nw_output_commit(&out, err);
        else
            nw_output_discard(&out);
    }
    json_decref(metadata);
    return status;
}

nw_status nw_checkpoint_write(const char *path, const char *facts, const nw_checkpoint_array *arrays,
                              size_t count, nw_error *err)
{
    NW_TRY(check_facts(path, facts, err));
    piece *pieces = nw_calloc(count, sizeof *pieces);
    nw_safetensors_entry *entries = nw_calloc(count, sizeof *entries);
    nw_status status = pieces && entries ? collect(path, arrays, count, pieces, entries, err)
                                         : nw_no_memory(err, count * sizeof *entries, "a checkpoint");
    if (status == NW_OK) {
        char sha[DIGEST_TEXT];
        digest(facts, pieces, count, sha);
        for (size_t i = 1; i < count && status == NW_OK; i++)
            if (strcmp(pieces[i].name, pieces[i - 1].name) == 0)
                status = nw_fail(err, NW_BAD_INPUT, "%s: '%s' is there twice", path, pieces[i].name);
        if (status == NW_OK) status = write_file(path, facts, sha, entries, count, err);
    }
    nw_free(pieces);
    nw_free(entries);
    return status;
}

/* ---- Reading ---------------------------------------------------------------------------------------------
 */

static nw_status collect_file(const nw_safetensors *file, piece *pieces, size_t *count, nw_error *err)
{
    const char *name;
    json_t *entry;
    json_object_foreach(file->header, name, entry)
    {
        nw_safetensors_view view;
        if (strcmp(name, metadata_key) == 0) continue;
        NW_TRY(nw_safetensors_find(file, name, &view, err));
        if (view.dtype != NW_F32)
            return nw_fail(err, NW_BAD_INPUT, "%s: '%s' is no array of floats", file->path, name);
        pieces[(*count)++] = (piece){name, view.data, view.bytes};
    }
    return NW_OK;
}

nw_status nw_checkpoint_check(const nw_safetensors *file, const char **facts, nw_error *err)
{
    const char *is = nw_safetensors_metadata(file, format_key);
    if (!is || strcmp(is, format) != 0)
        return nw_fail(err, NW_BAD_INPUT, "%s: no checkpoint of a training: it says '%.100s', not '%s'",
                       file->path, is ? is : "nothing of what it is", format);
    *facts = nw_safetensors_metadata(file, facts_key);
    NW_TRY(check_facts(file->path, *facts, err));
    const char *kept = nw_safetensors_metadata(file, digest_key);
    size_t count = 0;
    piece *pieces = nw_calloc(json_object_size(file->header), sizeof *pieces);
    if (!pieces) return nw_no_memory(err, json_object_size(file->header) * sizeof *pieces, "a checkpoint");
    nw_status status = collect_file(file, pieces, &count, err);
    if (status == NW_OK) {
        char sha[DIGEST_TEXT];
        digest(*facts, pieces, count, sha);
        if (!kept || strcmp(kept, sha) != 0)
            status =
                nw_fail(err, NW_BAD_INPUT,
                        "%s: damaged: its SHA-256 is %.16s..., not %.16s... as when it was written; go on "
                        "from another checkpoint",
                        file->path, sha, kept ? kept : "(none)");
    }
    nw_free(pieces);
    return status;
}

/* The arrays that are wanted and those that there are: the same names, shapes, and numbers. */
static nw_status compare(const nw_safetensors *file, const nw_checkpoint_array *arrays, size_t count,
                         nw_error *err)
{
    json_t *wanted = json_object();
    nw_status status = wanted ? NW_OK : nw_no_memory(err, count, "a checkpoint");
    for (size_t i = 0; i < count && status == NW_OK; i++) {
        const nw_checkpoint_array *a = &arrays[i];
        nw_safetensors_view view;
        char have[NW_SHAPE_TEXT], want[NW_SHAPE_TEXT];
        json_object_set_new(wanted, a->name, json_true());
        if (strcmp(a->name, metadata_key) == 0 || !json_object_get(file->header, a->name)) {
            status = nw_fail(err, NW_BAD_INPUT,
                             "%s: of another network or optimiser: it has no '%s', which this one has",
                             file->path, a->name);
            break;
        }
        status = nw_safetensors_find(file, a->name, &view, err);
        if (status == NW_OK && !nw_shape_equal(&view.shape, &a->shape))
            status = nw_fail(err, NW_BAD_INPUT, "%s: of another network: '%s' is %s there, %s here",
                             file->path, a->name, nw_shape_text(&view.shape, have, sizeof have),
                             nw_shape_text(&a->shape, want, sizeof want));
    }
    const char *name;
    json_t *entry;
    if (status == NW_OK) json_object_foreach(file->header, name, entry)
        {
            if (strcmp(name, metadata_key) == 0 || json_object_get(wanted, name)) continue;
            status = nw_fail(err, NW_BAD_INPUT,
                             "%s: of another network or optimiser: it has '%.200s', which this one has not",
                             file->path, name);
            break;
        }
    json_decref(wanted);
    return status;
}

/* NaN cannot come from nw_checkpoint_write, but from whoever made the file otherwise. */
static nw_status check_values(const nw_safetensors *file, const nw_checkpoint_array *array, nw_error *err)
{
    nw_safetensors_view view;
    NW_TRY(nw_safetensors_find(file, array->name, &view, err));
    for (int64_t i = 0; i < view.count; i++) {
        float value;
        memcpy(&value, view.data + (size_t)i * sizeof value, sizeof value);
        if (!nw_array_finite(&value, 1))
            return nw_fail(err, NW_BAD_INPUT, "%s: '%s' is not finite", file->path, array->name);
    }
    return NW_OK;
}

nw_status nw_checkpoint_read(const char *path, const nw_checkpoint_array *arrays, size_t count, char **facts,
                             nw_error *err)
{
    nw_safetensors file;
    const char *text = NULL;
    char *copy = NULL;
    nw_status status = nw_safetensors_open(path, &file, err);
    if (status == NW_OK) status = nw_checkpoint_check(&file, &text, err);
    if (status == NW_OK) status = compare(&file, arrays, count, err);
    for (size_t i = 0; i < count && status == NW_OK; i++) status = check_values(&file, &arrays[i], err);
    if (status == NW_OK && facts) {
        copy = nw_strdup(text);
        if (!copy) status = nw_no_memory(err, strlen(text), path);
    }
    for (size_t i = 0; i < count && status == NW_OK; i++) {
        nw_safetensors_view view;
        status = nw_safetensors_find(&file, arrays[i].name, &view, err);
        if (status == NW_OK && view.bytes) memcpy(arrays[i].data, view.data, view.bytes);
    }
    nw_safetensors_close(&file);
    if (status == NW_OK && facts)
        *facts = copy;
    else
        nw_free(copy);
    return status;
}

nw_status nw_checkpoint_facts(const char *path, char **facts, nw_error *err)
{
    nw_safetensors file;
    const char *text = NULL;
    nw_status status = nw_safetensors_open(path, &file, err);
    if (status == NW_OK) status = nw_checkpoint_check(&file, &text, err);
    if (status == NW_OK) {
        char *copy = nw_strdup(text);
        if (copy)
            *facts = copy;
        else
            status = nw_no_memory(err, strlen(text), path);
    }
    nw_safetensors_close(&file);
    return status;
}
