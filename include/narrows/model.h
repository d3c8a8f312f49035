/* Models: a classifier from an ONNX file. Immutable (but for nw_model_annotate), counted by reference, shared
 * by threads. */
#ifndef NARROWS_MODEL_H
#define NARROWS_MODEL_H

#include <narrows/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nw_model nw_model;

/* Zero-initialise for the defaults. */
typedef struct nw_load_options {
    const char *metadata_json; /* path of a JSON file with the `narrows.*` facts that stands in for
                                  metadata_props; NULL: model.json beside model.onnx where there is one */
    size_t max_bytes;          /* largest file and external data together; 0: 8 GiB */
} nw_load_options;

/* Loads, checks and sorts. NW_IO, NW_BAD_MODEL, or NW_UNSUPPORTED for an operator that Narrows lacks (named
 * with its node). options NULL: defaults. */
NW_API nw_status nw_model_load(const char *path, const nw_load_options *options, nw_model **out,
                               nw_error *err);
NW_API nw_model *nw_model_ref(nw_model *model);
NW_API void nw_model_unref(nw_model *model);

/* SHA-256 of the file, followed by the external data it uses, in hexadecimal (for a single file: sha256sum).
 * Of a model that was made in memory: of the file that nw_model_save writes. */
NW_API const char *nw_model_digest(const nw_model *model);
NW_API const char *nw_model_path(const nw_model *model);
/* The value of a metadata_props key, or NULL; keys 0 .. count-1 by nw_model_metadata_key. */
NW_API const char *nw_model_metadata(const nw_model *model, const char *key);
NW_API size_t nw_model_metadata_count(const nw_model *model);
NW_API const char *nw_model_metadata_key(const nw_model *model, size_t i);

/* Writes the model as one ONNX file: the graph, the weights as raw_data, the metadata. Under a temporary name
 * that is then renamed: on a failure (NW_IO: a full disk, say) a file that was there stays as it was. What
 * the reader changed stays changed: real weights of other widths are float32, uint32 and uint64 are int64,
 * external data and sidecar facts are inside. NW_UNSUPPORTED above ONNX's 2 GiB. */
NW_API nw_status nw_model_save(const nw_model *model, const char *path, nw_error *err);
/* Sets or replaces an entry of the metadata (texts are copied; `narrows.*` hold JSON). The digest becomes
 * that of the file that nw_model_save writes. For a model that nobody else uses yet: the other calls on it
 * may run in several threads, this one may not run beside them. */
NW_API nw_status nw_model_annotate(nw_model *model, const char *key, const char *value, nw_error *err);

/* True inputs and outputs of the graph. */
NW_API size_t nw_model_input_count(const nw_model *model);
NW_API const char *nw_model_input_name(const nw_model *model, size_t i);
/* Rank of an input (-1 unknown) and its dimensions as the file has them, -1 where dynamic. */
NW_API int nw_model_input_rank(const nw_model *model, size_t i);
NW_API const int64_t *nw_model_input_dims(const nw_model *model, size_t i);
NW_API size_t nw_model_output_count(const nw_model *model);
NW_API const char *nw_model_output_name(const nw_model *model, size_t i);

#ifdef __cplusplus
}
#endif
#endif
