/* Augmentation: the ways in which a training image may differ from the one that was read, drawn anew in every
 * epoch. Values are 0..1 (before mean and std), channels x rows x columns.
 *
 * Every number is a function of (seed, epoch, image): the same ones give the same bits, in any order and on
 * any thread. */
#ifndef NARROWS_AUGMENT_H
#define NARROWS_AUGMENT_H

#include <narrows/error.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(field, name, usual, most, light, ct, cxr, text): the single list. `usual` is a strength to begin with,
 * `most` the largest allowed (0 is always the least, and does nothing); then the values of the presets. In
 * this order they are applied, but that flip to shift are one bilinear resampling. */
#define NW_AUGMENT_LIST(X)                                                                                   \
    X(window_hu, "window-hu", 50, 500, 0, 60, 0,                                                             \
      "both ends of the window move by up to so many HU (scans with a window only)")                         \
    X(flip_h, "flip-h", 0.5, 1, 0, 0.5, 0,                                                                   \
      "probability that left and right change places: the patient's sides, and the heart's")                 \
    X(flip_v, "flip-v", 0.5, 1, 0, 0, 0, "probability that top and bottom change places")                    \
    X(rotate, "rotate", 10, 180, 5, 10, 7, "turned by up to so many degrees either way")                     \
    X(scale_low, "scale-low", 0.1, 0.75, 0.05, 0.1, 0.1, "smaller by up to this share")                      \
    X(scale_high, "scale-high", 0.1, 3, 0.05, 0.15, 0.1, "larger by up to this share")                       \
    X(shift, "shift", 0.05, 0.5, 0.03, 0.06, 0.05,                                                           \
      "moved along either side by up to this share of it; what leaves is cropped, edges are repeated")       \
    X(gamma, "gamma", 0.2, 2, 0, 0.15, 0.2, "v becomes v^g, ln g up to this either way")                     \
    X(contrast, "contrast", 0.15, 0.95, 0, 0.15, 0.2,                                                        \
      "distance from the image's mean times 1 plus up to this either way")                                   \
    X(brightness, "brightness", 0.1, 1, 0, 0.08, 0.1, "up to this is added, either way")                     \
    X(blur, "blur", 0.7, 8, 0, 0.7, 0.5, "Gaussian with a deviation of up to so many pixels")                \
    X(noise, "noise", 0.02, 1, 0, 0.02, 0.02, "normal noise with a deviation of up to this")                 \
    X(cutout, "cutout", 0.2, 0.75, 0, 0.2, 0.15,                                                             \
      "a rectangle with sides of up to this share becomes the image's mean")

/* A policy; zero-initialised it changes nothing. */
typedef struct nw_augment {
#define NW_AUGMENT_FIELD(field, name, usual, most, light, ct, cxr, text) double field;
    NW_AUGMENT_LIST(NW_AUGMENT_FIELD)
#undef NW_AUGMENT_FIELD
} nw_augment;

/* "none", "light", "ct", "cxr"; NULL beyond the last. */
NW_API const char *nw_augment_preset_name(size_t i);

/* Reads presets and settings, later ones over earlier ones: "ct", "ct,flip-h=0,noise=0.05", "rotate=15", or
 * "rotate" alone for its usual strength. NW_USAGE for an unknown word or a number out of range. */
NW_API nw_status nw_augment_parse(const char *text, nw_augment *policy, nw_error *err);
/* The same text of a policy, "none" for one that does nothing; as snprintf does: returns the length without
 * the closing zero. 512 bytes are enough. */
NW_API size_t nw_augment_text(const nw_augment *policy, char *text, size_t size);
/* NW_USAGE names what is out of range. */
NW_API nw_status nw_augment_check(const nw_augment *policy, nw_error *err);

/* dst[channels][rows][columns] from src (another array), as drawn for (seed, epoch, image); `image` is any
 * key. window_hu is passed over: it needs HU. Values stay within 0..1, or within those of src where it has
 * others. */
NW_API nw_status nw_augment_apply(const nw_augment *policy, uint64_t seed, uint64_t epoch, uint64_t image,
                                  int channels, int64_t rows, int64_t columns, const float *src, float *dst,
                                  nw_error *err);

#ifdef __cplusplus
}
#endif
#endif
