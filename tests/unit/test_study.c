/* Studies of a scan that is drawn here, by a network whose answer is known: it adds up what is brighter than
 * one half, so that a slice with a bright block is a finding and one without is none. */
/* Before the headers of NIfTI, which define names of its own as macros. */
#include "support/temp_folder.h"

#include "support/nifti_make.h"
#include "support/onnx_writer.h"

#include <math.h>
#include <narrows/narrows.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 24, K = 8, FIRST = 2, LAST = 5, BLOCK = 8, AT_R = 6, AT_C = 10 };

static char folder[64];
static nw_model *model;
static nw_stats *stats;
static nw_preprocess pre;
static nw_error err;

#define OK(call)                                                                                             \
    do {                                                                                                     \
        if ((call) != NW_OK) fail_msg("%s", err.message);                                                    \
    } while (0)

/* softmax of (0, 100 mean(relu(b - 0.5)) - 1) for brightness b. */
static double probability_of(double block_brightness)
{
    double logit = 100 * BLOCK * BLOCK * (block_brightness - 0.5) / (N * N) - 1;
    return 1 / (1 + exp(-logit));
}

static const char *save_model(void)
{
    static char path[512];
    ow m;
    const float one = 1, minus = -0.5f, w[2] = {0, 100}, b[2] = {0, -1};
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){-1, 1, N, N});
    ow_floats(&m, "k", 4, (int64_t[]){1, 1, 1, 1}, &one);
    ow_floats(&m, "c", 1, (int64_t[]){1}, &minus);
    ow_floats(&m, "w", 2, (int64_t[]){1, 2}, w);
    ow_floats(&m, "b", 1, (int64_t[]){2}, b);
    ow_node(&m, "Conv", "conv", "x k c", "y");
    ow_node(&m, "Relu", "relu", "y", "feature");
    ow_node(&m, "GlobalAveragePool", "pool", "feature", "p");
    ow_node(&m, "Flatten", "flat", "p", "q");
    ow_node(&m, "Gemm", "gemm", "q w b", "logits");
    ow_output(&m, "logits");
    ow_metadata(&m, "narrows.head", "\"softmax\"");
    ow_metadata(&m, "narrows.bottleneck", "\"feature\"");
    ow_metadata(&m, "narrows.classes", "[\"clear\", \"bright\"]");
    ow_end(&m);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    assert_int_equal(ow_save(&m, path), 0);
    ow_free(&m);
    return path;
}

/* A scan with a bright block in slices FIRST .. LAST; with `mirrored`, the same body stored from the other
 * sides. */
static nw_volume *scan(const char *name, bool mirrored)
{
    static int16_t hu[K][N][N];
    for (int k = 0; k < K; k++)
        for (int j = 0; j < N; j++)
            for (int i = 0; i < N; i++) {
                int slice = mirrored ? K - 1 - k : k, row = mirrored ? N - 1 - j : j,
                    column = mirrored ? N - 1 - i : i;
                bool in = slice >= FIRST && slice <= LAST && row >= AT_R && row < AT_R + BLOCK &&
                          column >= AT_C && column < AT_C + BLOCK;
                hu[k][j][i] = (int16_t)(in ? -100 : -900 + 7 * ((3 * row + 5 * column + slice) % 11));
            }
    /* Columns to the left, rows to the back: as stored is as shown. */
    nifti_1_header h = nifti_header_of(N, N, K, 1, DT_INT16);
    float sign = mirrored ? -1 : 1, size = 2, gap = 10;
    const float x[4] = {-sign * size, 0, 0, mirrored ? 20 - size * (N - 1) : 20},
                y[4] = {0, -sign * size, 0, mirrored ? 30 - size * (N - 1) : 30},
                z[4] = {0, 0, sign * gap, mirrored ? gap * (K - 1) - 40 : -40};
    memcpy(h.srow_x, x, sizeof x);
    memcpy(h.srow_y, y, sizeof y);
    memcpy(h.srow_z, z, sizeof z);
    h.pixdim[1] = h.pixdim[2] = size;
    h.pixdim[3] = gap;
    static nifti_made made;
    nw_volume *volume;
    nifti_make(&made, h, hu, (size_t)N * N * K, false);
    OK(nw_volume_read(temp_write(folder, name, made.bytes, made.size), NULL, &volume, &err));
    return volume;
}

static int setup(void **state)
{
    (void)state;
    temp_folder(folder);
    OK(nw_model_load(save_model(), NULL, &model, &err));
    OK(nw_preprocess_parse("{\"window\": [-1000, 0]}", "test", &pre, &err));
    const int64_t dims[4] = {1, 1, N, N};
    OK(nw_preprocess_fit(&pre, 4, dims, &err));
    nw_collector *collector;
    OK(nw_collector_new(model, "feature", NULL, NULL, NW_PRECISION_F32, 0, &collector, &err));
    uint32_t random = 1;
    for (int image = 0; image < 60; image++) {
        float pixels[N * N];
        for (int i = 0; i < N * N; i++) {
            random = random * 1664525u + 1013904223u;
            pixels[i] = (float)(random >> 8) / (float)(1 << 24);
        }
        OK(nw_collector_add(collector, pixels, &err));
    }
    char path[128];
    snprintf(path, sizeof path, "%s/stats", folder);
    OK(nw_stats_save(nw_collector_stats(collector), path, 0, &err));
    OK(nw_stats_load(path, nw_model_digest(model), NULL, &stats, &err));
    nw_collector_free(collector);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nw_stats_free(stats);
    nw_model_unref(model);
    temp_remove(folder);
    return 0;
}

static nw_explainer *explainer(int64_t target)
{
    nw_explain_options o;
    nw_explainer *e;
    nw_explain_options_init(&o);
    o.stats = stats;
    o.target = target;
    o.samples = 4;
    OK(nw_explainer_new(model, "iba", &o, NULL, &e, &err));
    return e;
}

static nw_lungs *whole(const nw_volume *volume)
{
    nw_lung_source source = {.kind = NW_LUNGS_WHOLE};
    nw_lungs *lungs;
    OK(nw_lung_source_run(&source, volume, NULL, &lungs, &err));
    return lungs;
}

static nw_study *run(const nw_volume *volume, const nw_study_options *options)
{
    nw_explainer *e = explainer(1);
    nw_study *study;
    OK(nw_study_run(e, &pre, volume, whole(volume), options, NULL, &study, &err));
    nw_explainer_free(e);
    return study;
}

static nw_study_options defaults(void)
{
    nw_study_options o;
    nw_study_options_init(&o, NULL);
    o.lesion.rule = NW_THRESHOLD_SHARE;
    o.lesion.share = 0.5;
    return o;
}

/* Probabilities by the closed form; slices without the block are gated, not explained, and hold no bits; the
 * others hold exactly the explainer's map of that slice with that slice's key. */
static void slices_are_gated_and_explained(void **state)
{
    (void)state;
    nw_volume *volume = scan("a.nii", false);
    nw_study_options o = defaults();
    nw_study *s = run(volume, &o);
    assert_int_equal(s->slice_count, K);
    assert_int_equal(s->explained, LAST - FIRST + 1);
    assert_string_equal(s->target_name, "bright");
    nw_explainer *e = explainer(1);
    for (int k = 0; k < K; k++) {
        const nw_study_slice *slice = &s->slices[k];
        bool bright = k >= FIRST && k <= LAST;
        double p = bright ? probability_of(0.9) : 1 / (1 + exp(1));
        assert_int_equal(slice->index, k);
        assert_true(fabs(slice->position_mm - (10.0 * k - 40)) < 1e-4);
        assert_true(fabs(slice->lung_ml - N * N * 0.04) < 1e-6);
        assert_true(fabs(slice->probability - p) < 1e-5);
        assert_int_equal(slice->state, bright ? NW_SLICE_EXPLAINED : NW_SLICE_BELOW_GATE);
        assert_int_equal(slice->gated, !bright);
        float pixels[N * N], back[N * N], mine[N * N];
        nw_map *map;
        for (int i = 0; i < N * N; i++) mine[i] = s->map[k * N * N + i];
        if (!bright) {
            for (int i = 0; i < N * N; i++) assert_true(mine[i] == 0);
            continue;
        }
        OK(nw_preprocess_apply(&pre, volume, k, pixels, &err));
        OK(nw_explainer_run(e, pixels, (uint64_t)k, NULL, &map, &err));
        OK(nw_preprocess_map_back(&pre, volume, k, NW_MAP_DENSITY, map->values, back, &err));
        assert_memory_equal(mine, back, sizeof mine);
        assert_true(fabs(slice->total_bits - map->total_bits) < 0.02 * map->total_bits);
        assert_true(fabs(slice->lung_bits - slice->total_bits) < 1e-9);
        nw_map_free(map);
    }
    nw_explainer_free(e);
    /* Bits per mL: a bit in a pixel of 2 x 2 mm is 25 bits per cm2, and slices are read 1 cm apart. */
    assert_true(fabs(s->density_factor - 25) < 1e-4);
    nw_study_free(s);
    nw_volume_free(volume);
}

/* The block is found: 8 x 8 x 4 voxels of 0.04 mL around a centre that is known in mm. */
static void the_block_is_the_lesion(void **state)
{
    (void)state;
    nw_volume *volume = scan("b.nii", false);
    nw_study_options o = defaults();
    nw_study *s = run(volume, &o);
    double truth = BLOCK * BLOCK * (LAST - FIRST + 1) * 0.04;
    assert_true(s->lesions->count >= 1);
    const nw_lesion *l = &s->lesions->items[0];
    if (fabs(l->volume_ml - truth) > 0.3 * truth) fail_msg("%g mL, not %g", l->volume_ml, truth);
    const double centre[3] = {20 - 2 * (AT_C + (BLOCK - 1) / 2.0), 30 - 2 * (AT_R + (BLOCK - 1) / 2.0),
                              10 * (FIRST + LAST) / 2.0 - 40};
    for (int a = 0; a < 3; a++) assert_true(fabs(l->centroid_mm[a] - centre[a]) < 2);
    assert_int_equal(s->severity.sides[0].involved_ml > 0, 1);
    assert_true(fabs(s->severity.sides[0].involved_ml - s->lesions->volume_ml) < 1e-6);
    assert_int_equal(s->sweep_count, 13);
    for (size_t i = 1; i < s->sweep_count; i++) {
        assert_true(s->sweep[i].threshold > s->sweep[i - 1].threshold);
        assert_true(s->sweep[i].involved_ml <= s->sweep[i - 1].involved_ml);
    }
    assert_true(fabs(s->sweep[6].threshold - s->lesions->threshold) < 1e-6 * s->lesions->threshold);
    assert_true(fabs(s->sweep[6].involved_ml - s->lesions->volume_ml) < 1e-6 || s->sweep[6].involved_ml > 0);
    nw_study_free(s);
    nw_volume_free(volume);
}

/* The same body stored from the other sides gives the same numbers, and the map at the same places. */
static void the_order_of_voxels_changes_nothing(void **state)
{
    (void)state;
    nw_volume *a = scan("c.nii", false), *b = scan("d.nii", true);
    nw_study_options o = defaults();
    nw_study *s = run(a, &o), *t = run(b, &o);
    for (int k = 0; k < K; k++)
        for (int j = 0; j < N; j++)
            for (int i = 0; i < N; i++) {
                float there = t->map[((K - 1 - k) * N + (N - 1 - j)) * N + (N - 1 - i)];
                assert_true(s->map[(k * N + j) * N + i] == there);
            }
    assert_int_equal(s->lesions->count, t->lesions->count);
    for (int k = 0; k < K; k++) {
        assert_true(fabs(s->slices[k].position_mm - t->slices[k].position_mm) < 1e-4);
        assert_true(fabs(s->slices[k].probability - t->slices[k].probability) < 1e-12);
    }
    for (int c = 0; c < 3; c++)
        assert_true(fabs(s->lesions->items[0].centroid_mm[c] - t->lesions->items[0].centroid_mm[c]) < 1e-3);
    for (int side = 0; side < NW_SIDES; side++)
        assert_true(fabs(s->severity.sides[side].involved_ml - t->severity.sides[side].involved_ml) < 1e-6);
    assert_int_equal(s->severity.zone_score, t->severity.zone_score);
    nw_study_free(s);
    nw_study_free(t);
    nw_volume_free(a);
    nw_volume_free(b);
}

/* Bits of gated slices are in the map where that is asked for, and change no severity. */
static void gated_slices_make_no_lesions(void **state)
{
    (void)state;
    nw_volume *volume = scan("e.nii", false);
    nw_study_options o = defaults();
    o.lesion.rule = NW_THRESHOLD_FIXED;
    o.lesion.threshold = 0.5;
    nw_study *s = run(volume, &o);
    o.explain_all = 1;
    nw_study *t = run(volume, &o);
    o.ungated = 1;
    nw_study *u = run(volume, &o);
    assert_int_equal(t->explained, K);
    assert_int_equal(t->slices[0].state, NW_SLICE_EXPLAINED);
    assert_true(t->slices[0].gated && t->slices[0].total_bits > 0 && s->slices[0].total_bits == 0);
    assert_true(t->severity.sides[0].bits == s->severity.sides[0].bits);
    assert_memory_equal(s->lesions->labels, t->lesions->labels, sizeof(int32_t) * N * N * K);
    assert_false(u->slices[0].gated);
    assert_true(isnan(u->gate));
    assert_true(u->severity.sides[0].bits > s->severity.sides[0].bits);
    nw_study_free(s);
    nw_study_free(t);
    nw_study_free(u);
    nw_volume_free(volume);
}

/* The first run is the one reported, with any number of repeats; the others have noise of their own. */
static void repeats_make_the_interval(void **state)
{
    (void)state;
    nw_volume *volume = scan("f.nii", false);
    nw_study_options o = defaults();
    nw_study *s = run(volume, &o);
    o.repeats = 3;
    nw_study *t = run(volume, &o);
    assert_int_equal(t->run_count, 3);
    assert_memory_equal(s->map, t->map, sizeof(float) * N * N * K);
    assert_memory_equal(&s->severity, &t->severity, sizeof s->severity);
    double least = INFINITY, most = 0, sum = 0;
    for (int r = 0; r < 3; r++) {
        double bits = t->runs[r].sides[0].bits;
        least = fmin(least, bits);
        most = fmax(most, bits);
        sum += bits;
    }
    assert_true(t->runs[1].sides[0].bits != t->runs[0].sides[0].bits);
    assert_true(t->runs[1].sides[0].bits != t->runs[2].sides[0].bits);
    assert_true(t->interval.bits.low >= least && t->interval.bits.high <= most);
    assert_true(fabs(t->interval.bits.mean - sum / 3) < 1e-9 * sum);
    nw_study_free(s);
    nw_study_free(t);
    nw_volume_free(volume);
}

/* Every second slice: those between are the mean of their neighbours, and the last holds on to the one below.
 */
static void slices_between_are_interpolated(void **state)
{
    (void)state;
    nw_volume *volume = scan("g.nii", false);
    nw_study_options o = defaults();
    o.ungated = 1;
    o.first = 1;
    o.step = 2;
    o.end = 7;
    nw_study *s = run(volume, &o);
    static const nw_slice_state states[K] = {NW_SLICE_NOT_CHOSEN, NW_SLICE_EXPLAINED, NW_SLICE_BETWEEN,
                                             NW_SLICE_EXPLAINED,  NW_SLICE_BETWEEN,   NW_SLICE_EXPLAINED,
                                             NW_SLICE_BETWEEN,    NW_SLICE_NOT_CHOSEN};
    for (int k = 0; k < K; k++) assert_int_equal(s->slices[k].state, states[k]);
    enum { PLANE = N * N };
    for (int i = 0; i < PLANE; i++) {
        double middle = ((double)s->map[PLANE + i] + (double)s->map[3 * PLANE + i]) / 2;
        assert_true(fabs((double)s->map[2 * PLANE + i] - middle) <= 1e-6 * middle);
        assert_true(s->map[6 * PLANE + i] == s->map[5 * PLANE + i]);
        assert_true(s->map[i] == 0 && s->map[7 * PLANE + i] == 0);
    }
    double p = (s->slices[1].probability + s->slices[3].probability) / 2;
    assert_true(fabs(s->slices[2].probability - p) < 1e-12);
    assert_int_equal(s->warning_count >= 1, 1);
    assert_non_null(strstr(s->warnings[s->warning_count - 1], "2 of 8 slices"));
    nw_study_free(s);
    nw_volume_free(volume);
}

static int stop(void *user, const char *what, double done, double total)
{
    (void)what;
    assert_true(total > 0 && done >= 0 && done <= total);
    return done >= *(double *)user;
}

static void wrong_use_and_a_stop_leave_nothing(void **state)
{
    (void)state;
    nw_volume *volume = scan("h.nii", false);
    nw_lungs *lungs = whole(volume);
    nw_study_options o = defaults();
    nw_study *none = NULL;
    nw_explainer *e = explainer(-1);
    assert_int_equal(nw_study_run(e, &pre, volume, lungs, &o, NULL, &none, &err), NW_USAGE);
    assert_non_null(strstr(err.message, "target"));
    nw_explainer_free(e);
    e = explainer(1);
    nw_map *map;
    assert_int_equal(nw_explainer_run(e, NULL, 0, NULL, &map, &err), NW_USAGE); /* nothing was predicted */
    double after = 1.5;
    nw_progress progress = {stop, &after};
    assert_int_equal(nw_study_run(e, &pre, volume, lungs, &o, &progress, &none, &err), NW_CANCELLED);
    o.repeats = 0;
    assert_int_equal(nw_study_run(e, &pre, volume, lungs, &o, NULL, &none, &err), NW_USAGE);
    memset(lungs->labels, 0, N * N * K);
    o = defaults();
    assert_int_equal(nw_study_run(e, &pre, volume, lungs, &o, NULL, &none, &err), NW_BAD_INPUT);
    assert_non_null(strstr(err.message, "holds lung"));
    assert_null(none);
    nw_explainer_free(e);
    nw_lungs_free(lungs);
    nw_volume_free(volume);
}

/* The bits of all explained lung go into the histogram, and its quantile becomes the threshold. */
static void healthy_lungs_give_the_threshold(void **state)
{
    (void)state;
    nw_volume *volume = scan("i.nii", false);
    nw_study_options o = defaults();
    nw_study *gated = run(volume, &o);
    o.ungated = 1;
    nw_study *s = run(volume, &o);
    nw_healthy *h, *again;
    OK(nw_healthy_new(&h, &err));
    assert_int_equal(nw_study_add_healthy(gated, h, &err), NW_USAGE);
    OK(nw_study_add_healthy(s, h, &err));
    assert_int_equal(nw_healthy_scans(h), 1);
    assert_true(fabs(nw_healthy_ml(h) - N * N * K * 0.04) < 1e-6);
    assert_true(fabs(nw_healthy_bits_per_litre(h) - s->severity.bits_per_litre) <
                1e-4 * s->severity.bits_per_litre);
    nw_explainer *e = explainer(1);
    char *settings = nw_study_map_settings(e, &pre, &o.lesion);
    OK(nw_healthy_set_facts(h, nw_model_digest(model), settings, &err));
    char *text = nw_healthy_dump(h);
    OK(nw_healthy_parse(text, "here", nw_model_digest(model), settings, &again, &err));
    o.lesion.smooth_mm = 5;
    char *other = nw_study_map_settings(e, &pre, &o.lesion);
    nw_healthy *none;
    assert_int_equal(nw_healthy_parse(text, "here", NULL, other, &none, &err), NW_BAD_INPUT);
    assert_int_equal(nw_healthy_parse(text, "here", "00ff", settings, &none, &err), NW_BAD_INPUT);
    /* And through the metadata of the statistics. */
    nw_stats_facts facts = *nw_stats_get_facts(stats);
    facts.healthy = text;
    char path[128];
    snprintf(path, sizeof path, "%s/with", folder);
    OK(nw_stats_set_facts(stats, &facts, &err));
    OK(nw_stats_save(stats, path, 0, &err));
    nw_stats *loaded;
    OK(nw_stats_load(path, NULL, NULL, &loaded, &err));
    assert_string_equal(nw_stats_get_facts(loaded)->healthy, text);
    nw_stats_free(loaded);

    double q;
    OK(nw_healthy_quantile(again, 0.9, &q, &err));
    nw_study_options_init(&o, again);
    o.lesion.quantile = 0.9;
    o.ungated = 1;
    nw_study *t = run(volume, &o);
    assert_true(fabs(t->lesions->threshold - q) < 1e-9 * q);
    assert_int_equal(t->healthy_scans, 1);
    /* A tenth of that lung is above its own 90 % quantile, but for the width of a bin and what is too small.
     */
    assert_true(t->severity.sides[0].share > 0.05 && t->severity.sides[0].share < 0.12);
    nw_study_free(t);
    nw_healthy_free(again);
    nw_healthy_free(h);
    free(text);
    nw_manifest_release_text(settings);
    nw_manifest_release_text(other);
    nw_explainer_free(e);
    nw_study_free(s);
    nw_study_free(gated);
    nw_volume_free(volume);
}

/* ---- Lungs --------------------------------------------------------------------------------------------- */

/* A network that calls dark what is below one half: K = 1 a probability, K = 3 scores for none, right and
 * left. */
static nw_model *segmenter(int labels)
{
    char path[128];
    ow m;
    const float k1 = -40, b1 = 20, k3[3] = {40, -40, -80}, b3[3] = {-20, 20, 20};
    ow_begin(&m, 13);
    ow_input(&m, "x", 4, (int64_t[]){1, 1, N, N});
    ow_floats(&m, "k", 4, (int64_t[]){labels, 1, 1, 1}, labels == 1 ? &k1 : k3);
    ow_floats(&m, "c", 1, (int64_t[]){labels}, labels == 1 ? &b1 : b3);
    ow_node(&m, "Conv", "conv", "x k c", "y");
    if (labels == 1) ow_node(&m, "Sigmoid", "sigmoid", "y", "z");
    ow_output(&m, labels == 1 ? "z" : "y");
    ow_end(&m);
    snprintf(path, sizeof path, "%s/seg%d.onnx", folder, labels);
    assert_int_equal(ow_save(&m, path), 0);
    ow_free(&m);
    nw_model *net;
    OK(nw_model_load(path, NULL, &net, &err));
    return net;
}

static void a_network_finds_the_lungs(void **state)
{
    (void)state;
    nw_volume *volume = scan("j.nii", true);
    const float *hu;
    nw_grid grid;
    OK(nw_grid_of_volume(volume, &grid, &hu, &err));
    for (int labels = 1; labels <= 3; labels += 2) {
        nw_model *net = segmenter(labels);
        nw_lung_source source = {.kind = NW_LUNGS_NETWORK, .model = net, .preprocess = &pre};
        nw_lungs *lungs;
        OK(nw_lung_source_run(&source, volume, NULL, &lungs, &err));
        size_t inside = 0;
        for (int i = 0; i < N * N * K; i++) {
            /* Brightness below one half is lung: all but the block. Of the scores the first label's is the
             * larger. */
            bool lung = hu[i] < -500;
            assert_int_equal(lungs->labels[i] != NW_SIDE_NONE, lung);
            if (labels == 3 && lung) assert_int_equal(lungs->labels[i], NW_SIDE_RIGHT);
            inside += lung;
        }
        assert_int_equal(inside, N * N * K - BLOCK * BLOCK * (LAST - FIRST + 1));
        nw_lungs_free(lungs);
        nw_model_unref(net);
    }
    nw_volume_free(volume);
}

static void the_files_say_what_was_measured(void **state)
{
    (void)state;
    nw_volume *volume = scan("k.nii", false), *map, *lesions;
    nw_study_options o = defaults();
    nw_study *s = run(volume, &o);
    char path[128];
    snprintf(path, sizeof path, "%s/map.nii.gz", folder);
    OK(nw_study_write_map(s, path, &err));
    OK(nw_volume_read(path, NULL, &map, &err));
    snprintf(path, sizeof path, "%s/lesions.nii.gz", folder);
    OK(nw_study_write_lesions(s, path, &err));
    OK(nw_volume_read(path, NULL, &lesions, &err));
    const nw_volume_info *a = nw_volume_get_info(volume), *b = nw_volume_get_info(lesions);
    assert_string_equal(b->stored, "uint8");
    assert_memory_equal(a->dims, b->dims, sizeof a->dims);
    assert_memory_equal(a->affine, b->affine, sizeof a->affine);
    const float *values, *labels;
    nw_grid grid;
    OK(nw_grid_of_volume(map, &grid, &values, &err));
    OK(nw_grid_of_volume(lesions, &grid, &labels, &err));
    int64_t marked = 0;
    for (int i = 0; i < N * N * K; i++) {
        assert_true(values[i] == s->map[i]);
        assert_int_equal((int)labels[i], s->lesions->labels[i]);
        marked += labels[i] > 0;
    }
    assert_true(fabs((double)marked * 0.04 - s->lesions->volume_ml) < 1e-6);
    char *text = nw_study_severity_json(s, "k");
    assert_non_null(text);
    assert_non_null(strstr(text, "\"state\": \"below-gate\""));
    assert_null(strstr(text, "nan"));
    nw_manifest_release_text(text);
    nw_study_free(s);
    nw_volume_free(volume);
    nw_volume_free(map);
    nw_volume_free(lesions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_gated_and_explained),
        cmocka_unit_test(the_block_is_the_lesion),
        cmocka_unit_test(the_order_of_voxels_changes_nothing),
        cmocka_unit_test(gated_slices_make_no_lesions),
        cmocka_unit_test(repeats_make_the_interval),
        cmocka_unit_test(slices_between_are_interpolated),
        cmocka_unit_test(wrong_use_and_a_stop_leave_nothing),
        cmocka_unit_test(healthy_lungs_give_the_threshold),
        cmocka_unit_test(a_network_finds_the_lungs),
        cmocka_unit_test(the_files_say_what_was_measured),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
