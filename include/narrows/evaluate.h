/* Evaluation: how well a map finds the lesions that a mask marks, image by image and over images.
 *
 * Maps and masks are row-major arrays of the same size; a mask is 0 outside and anything else inside. Higher
 * values of a map mean more. A map with NaN or infinity is NW_NOT_FINITE. What cannot be measured (against an
 * empty mask, say) is undefined and says why; it is never a number.
 */
#ifndef NARROWS_EVALUATE_H
#define NARROWS_EVALUATE_H

#include <narrows/image.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nw_score {
    double value;          /* 0 where undefined: look at the reason first */
    const char *undefined; /* NULL, or why there is no value; static */
} nw_score;

/* ---- One map against one mask ----------------------------------------------------------------------------
 */

/* Area under the ROC curve over pixels: the chance that a pixel inside has a higher value than one outside,
 * equal values counting one half (the Mann-Whitney statistic; Hanley and McNeil, Radiology 143:29, 1982). 0.5
 * for a map that knows nothing. Undefined where the mask is empty or covers everything. */
NW_API nw_status nw_pixel_auc(const float *map, const uint8_t *mask, int64_t pixels, nw_score *out,
                              nw_error *err);

/* Pointing game: 1 where the map's maximum lies inside the mask (Zhang et al., IJCV 126:1084, 2018). Several
 * equal maxima: the share of them that lies inside, so that a constant map scores the mask's share of the
 * image. A maximum counts as inside where a pixel of the mask is at most `tolerance` pixels from it
 * (Euclidean; 0 to 4096; that paper takes 15). Undefined where the mask is empty or covers everything. */
NW_API nw_status nw_pointing_game(const float *map, const uint8_t *mask, int64_t rows, int64_t columns,
                                  double tolerance, nw_score *out, nw_error *err);

/* Dice at the true area: of a mask with K pixels, the share that is among the K highest values of the map. A
 * region as large as the mask makes Dice, precision and recall the same number (relevance rank accuracy in
 * Arras et al., Information Fusion 81:14, 2022). Where the threshold falls among equal values, their places
 * are shared out evenly: the expectation over all ways to break the tie. A constant map thus scores the
 * mask's share of the image. Undefined where the mask is empty or covers everything. */
NW_API nw_status nw_dice_at_area(const float *map, const uint8_t *mask, int64_t pixels, nw_score *out,
                                 nw_error *err);

/* The share of the map's mass that lies inside (relevance mass accuracy in the same paper). Undefined where
 * the mask is empty or covers everything, for a map with negative values, and for one that is 0 throughout.
 */
NW_API nw_status nw_mass_inside(const float *map, const uint8_t *mask, int64_t pixels, nw_score *out,
                                nw_error *err);

typedef struct nw_localisation {
    nw_score auc, pointing, dice, mass;
    double mean;  /* of the map, in its unit */
    double share; /* of the image that is inside the mask, 0 .. 1 */
} nw_localisation;

/* All of them. */
NW_API nw_status nw_localise(const float *map, const uint8_t *mask, int64_t rows, int64_t columns,
                             double tolerance, nw_localisation *out, nw_error *err);

/* ---- Over images -----------------------------------------------------------------------------------------
 */

/* Spearman's rank correlation: Pearson's of the ranks, equal values sharing their mean rank (Spearman, Am J
 * Psychol 15:72, 1904). Undefined for fewer than two pairs, and where all values of a or of b are equal. */
NW_API nw_status nw_spearman(const double *a, const double *b, size_t count, nw_score *out, nw_error *err);

/* A statistic with the interval that contains 95 % of its values over resamples of the images (percentile
 * bootstrap; Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). */
typedef struct nw_estimate {
    nw_score score;
    double low, high;    /* equal to the value for one image; 0 where undefined */
    size_t count;        /* images in it */
    int undefined_draws; /* resamples that had no value (all of one rank, say) and are not in the interval */
} nw_estimate;

/* Draws 1 to 1000000; 2000 is customary. The same seed, draws and count resample in the same way: intervals
 * of several methods over the same images are paired. Undefined for no value. */
NW_API nw_status nw_estimate_mean(const double *values, size_t count, int draws, uint64_t seed,
                                  nw_estimate *out, nw_error *err);
NW_API nw_status nw_estimate_spearman(const double *a, const double *b, size_t count, int draws,
                                      uint64_t seed, nw_estimate *out, nw_error *err);

/* ---- Masks -----------------------------------------------------------------------------------------------
 */

/* One slice of a mask (any channel that is not 0 is inside) brought to where it is compared, by the nearest
 * pixel centre. In the model's space: turned as nw_preprocess_apply turns `image`, dst[height][width]. */
NW_API nw_status nw_mask_for_model(const nw_preprocess *pre, const nw_volume *image, const nw_volume *mask,
                                   int64_t slice, uint8_t *dst, nw_error *err);
/* As the image is stored: dst[rows][columns]. */
NW_API nw_status nw_mask_for_image(const nw_volume *mask, int64_t slice, int64_t rows, int64_t columns,
                                   uint8_t *dst, nw_error *err);

#ifdef __cplusplus
}
#endif
#endif
