/* Feature statistics: what the feature map at a layer looks like over many images. The bottleneck's noise is
 * drawn from them, and information is counted against them.
 *
 * Per neuron of one image's feature map [C, H, W] (or [C, D, H, W]): mean, unbiased standard deviation (n -
 * 1), and the share of images where it is not zero, by Welford's method over single images.
 *
 * On disk: safetensors with float32 tensors `mean`, `std` and `active` (the share, 0 .. 1), each in the shape
 * of the layer, and the facts below as metadata. Files of other makers need the three tensors alone; `active`
 * may be uint8 or bool there (0 or 1).
 */
#ifndef NARROWS_STATS_H
#define NARROWS_STATS_H

#include <narrows/program.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nw_stats nw_stats;

/* What a file of statistics says about itself; NULL where unknown. Strings are copied. */
typedef struct nw_stats_facts {
    const char *model_digest;  /* nw_model_digest of the model they belong to */
    const char *tensor;        /* name of the layer's tensor */
    const char *preprocessing; /* JSON */
    const char *inputs_digest; /* of the list of images, so that only the same list is resumed */
    int64_t position;          /* images of that list that are in (or were passed over) */
    const char *healthy;       /* what the maps of negative scans hold, as nw_healthy_dump has it; kept as it is */
} nw_stats_facts;

/* Empty statistics of a feature map of one image, without the batch dimension. */
NW_API nw_status nw_stats_new(const nw_shape *shape, nw_stats **out, nw_error *err);
NW_API void nw_stats_free(nw_stats *stats);

/* Adds the feature map of one image. NW_NOT_FINITE for NaN and infinity; nothing is added then. */
NW_API nw_status nw_stats_add(nw_stats *stats, const float *features, nw_error *err);

NW_API const nw_shape *nw_stats_shape(const nw_stats *stats);
NW_API int64_t nw_stats_count(const nw_stats *stats); /* images; 0 where a file does not tell */
/* One value a neuron, valid until the next call with `stats`. std is 0 below two images. */
NW_API const float *nw_stats_mean(nw_stats *stats);
NW_API const float *nw_stats_std(nw_stats *stats);
NW_API const float *nw_stats_active(nw_stats *stats);

NW_API nw_status nw_stats_set_facts(nw_stats *stats, const nw_stats_facts *facts, nw_error *err);
/* Valid until they are set again. */
NW_API const nw_stats_facts *nw_stats_get_facts(const nw_stats *stats);

/* Writes the file, whole or not at all. resumable non-zero: with the sums in double, so that nw_stats_add
 * goes on after nw_stats_load to the very bits of an uninterrupted run (three times the size). NW_BAD_INPUT
 * below two images, unless resumable. */
NW_API nw_status nw_stats_save(nw_stats *stats, const char *path, int resumable, nw_error *err);

/* Reads a file. model_digest (NULL: not checked) must be the file's, else NW_BAD_INPUT; tensor likewise. A
 * file that does not name its model is taken, and nw_stats_warning says so. NaN, infinity, a negative
 * deviation, unequal shapes, and offsets outside the file are NW_BAD_INPUT. */
NW_API nw_status nw_stats_load(const char *path, const char *model_digest, const char *tensor, nw_stats **out,
                               nw_error *err);
/* One sentence for the reader about statistics that were taken with a doubt; NULL for none. */
NW_API const char *nw_stats_warning(const nw_stats *stats);
/* Non-zero where nw_stats_add may go on: new ones, and files that were saved resumable. */
NW_API int nw_stats_resumable(const nw_stats *stats);

/* Statistics from images: the part of the model up to the layer, and the statistics it feeds. */
typedef struct nw_collector nw_collector;

/* layer NULL: the one nw_explainer_new takes by default for `iba`. input_shape: [1, C, H, W] of the images,
 * NULL: the model's. resume: statistics to go on with (as from nw_stats_load; taken over on success), or
 * NULL. precision and threads as in nw_program_options. */
NW_API nw_status nw_collector_new(nw_model *model, const char *layer, const nw_shape *input_shape,
                                  nw_stats *resume, nw_precision precision, int threads, nw_collector **out,
                                  nw_error *err);
NW_API void nw_collector_free(nw_collector *collector);
/* One preprocessed image, row-major in the shape of the input. */
NW_API nw_status nw_collector_add(nw_collector *collector, const float *input, nw_error *err);
/* For inputs that are to count whole or not at all, such as a scan of many slices: nw_collector_mark
 * remembers the statistics as they are (24 bytes a neuron), nw_collector_undo goes back to where the last
 * mark was, to the bit. Without a mark undo does nothing. NW_NO_MEMORY. */
NW_API nw_status nw_collector_mark(nw_collector *collector, nw_error *err);
NW_API void nw_collector_undo(nw_collector *collector);
/* The collector's own; valid as long as it. Its facts name the model and the tensor already. */
NW_API nw_stats *nw_collector_stats(nw_collector *collector);
NW_API const char *nw_collector_layer(const nw_collector *collector);

#ifdef __cplusplus
}
#endif
#endif
