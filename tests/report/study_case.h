/* A study to report on, drawn by hand: two ellipsoids as lungs, a few balls as lesions, a map that is the
 * balls blurred. Its lesions and severity are measured by the library, its predictions made up. */
#ifndef NW_TESTS_REPORT_STUDY_CASE_H
#define NW_TESTS_REPORT_STUDY_CASE_H

#include "base/memory.h"
#include "lesion/grid.h"

#include <math.h>
#include <narrows/report.h>
#include <narrows/study.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct study_case {
    nw_study study;
    float *hu, *density;
    uint8_t *labels;
    nw_sweep_point sweep[9];
    nw_severity runs[5];
    double thresholds[5];
    char *warnings[3];
} study_case;

/* `columns` x `columns` pixels and `slices`; with `sick` zero there is no lesion. */
static inline study_case *study_case_new(int64_t columns, int64_t slices, int sick)
{
    study_case *c = nw_calloc(1, sizeof *c);
    nw_study *s = &c->study;
    double mm = 360.0 / (double)columns, slice_mm = 320.0 / (double)slices;
    nw_grid *g = &s->grid;
    g->dims[0] = g->dims[1] = columns;
    g->dims[2] = slices;
    g->slice_axis = 2;
    /* Stored as scanners do: columns to the patient's left, rows to the back. */
    g->affine[0][0] = -mm;
    g->affine[0][3] = 180;
    g->affine[1][1] = -mm;
    g->affine[1][3] = 180;
    g->affine[2][2] = slice_mm;
    g->affine[2][3] = -160 + slice_mm / 2;
    g->affine[3][3] = 1;
    size_t count = (size_t)nw_grid_count(g);
    c->hu = nw_calloc(count, sizeof *c->hu);
    c->density = nw_calloc(count, sizeof *c->density);
    c->labels = nw_calloc(count, 1);
    s->map = nw_calloc(count, sizeof *s->map);
    float *lung = nw_calloc(count, sizeof *lung);
    /* Centre and radius in RAS mm, height of the map in bits per mL. */
    static const double balls[][5] = {{82, -30, -60, 34, 9},
                                      {-85, -45, -20, 27, 6},
                                      {70, 20, 40, 17, 4},
                                      {-70, 30, 80, 9, 3},
                                      {95, -20, 95, 6, 3}};
    uint32_t random = 12345;
    for (size_t i = 0; i < count; i++) {
        double voxel[3] = {(double)(i % (size_t)columns), (double)(i / (size_t)columns % (size_t)columns),
                           (double)(i / (size_t)(columns * columns))},
               p[3];
        nw_grid_world(g, voxel, p);
        double body = hypot(p[0] / 165, p[1] / 115), value = body < 1 ? 40 : -1000, bits = 0;
        for (int side = -1; side <= 1; side += 2) {
            double x = (p[0] - side * 78) / 62, y = (p[1] + 5) / 88, z = (p[2] + 10) / 125;
            if (x * x + y * y + z * z < 1) {
                lung[i] = side > 0 ? 1 : 2;
                value = -850;
            }
        }
        for (size_t b = 0; sick && b < sizeof balls / sizeof balls[0]; b++) {
            double d = sqrt((p[0] - balls[b][0]) * (p[0] - balls[b][0]) +
                            (p[1] - balls[b][1]) * (p[1] - balls[b][1]) +
                            (p[2] - balls[b][2]) * (p[2] - balls[b][2]));
            if (d < balls[b][3] && lung[i] > 0) value = -550 + 300 * (1 - d / balls[b][3]);
            bits += balls[b][4] * exp(-0.7 * pow(d / balls[b][3], 4));
        }
        random = random * 1664525u + 1013904223u;
        c->hu[i] = (float)(value + ((double)(random >> 8) / 16777216.0 - 0.5) * 60);
        c->density[i] = bits > 0.05 ? (float)bits : 0;
    }
    nw_density_from_bits(g, NW_BITS_PER_SLICE, c->density, s->map, NULL);
    s->density_factor = 1 / (mm * mm / 100); /* as NW_BITS_PER_SLICE has it */
    for (size_t i = 0; i < count; i++) s->map[i] = (float)((double)c->density[i] / s->density_factor);

    nw_labels_map labels = {.kind = NW_LABELS_LUNGS};
    nw_error err;
    if (nw_lungs_from_labels(g, c->hu, NULL, lung, &labels, &s->lungs, &err) != NW_OK) abort();
    nw_free(lung);
    nw_lesion_options *o = &s->lesion_options;
    nw_lesion_options_init(o, NULL);
    o->rule = NW_THRESHOLD_FIXED;
    o->threshold = 1.5;
    if (nw_lesions_find(s->lungs, c->density, c->hu, o, &s->lesions, &err) != NW_OK) abort();
    if (nw_severity_measure(s->lungs, c->density, s->lesions->labels, &s->severity, &err) != NW_OK) abort();
    s->sweep = c->sweep;
    s->sweep_count = sizeof c->sweep / sizeof c->sweep[0];
    nw_sweep_thresholds(1.5 / 8, 1.5 * 8, c->sweep, s->sweep_count);
    if (nw_severity_sweep(s->lungs, c->density, c->hu, o, c->sweep, s->sweep_count, NULL, &err) != NW_OK)
        abort();
    s->runs = c->runs;
    s->run_thresholds = c->thresholds;
    s->run_count = 5;
    for (int r = 0; r < 5; r++) {
        c->runs[r] = s->severity;
        for (int side = 0; side < NW_SIDES; side++) {
            c->runs[r].sides[side].share *= 1 + 0.03 * (r % 2 ? -r : r);
            c->runs[r].sides[side].bits *= 1 + 0.02 * r;
        }
        c->thresholds[r] = 1.5;
    }
    if (nw_severity_interval_of(c->runs, 5, &s->interval, &err) != NW_OK) abort();

    s->hu = c->hu;
    s->model_name = "severity-resnet50.onnx";
    s->model_digest = "5f3c0d5a0b6f4c0d9c5b2c1f7c3a4d7e8f9a0b1c2d3e4f5061728394a5b6c7d8";
    s->method = "iba";
    s->layer = "layer2.3.relu";
    s->head = NW_HEAD_SOFTMAX;
    s->target = 1;
    s->target_name = "pneumonia";
    s->gate = o->gate;
    s->slice_count = (size_t)slices;
    s->slices = nw_calloc(s->slice_count, sizeof *s->slices);
    s->max_slice = -1;
    s->max_probability = NAN;
    for (int64_t i = 0; i < slices; i++) {
        nw_study_slice *slice = &s->slices[i];
        slice->index = i;
        slice->position_mm = g->affine[2][3] + (double)i * slice_mm;
        slice->probability = slice->score = NAN;
        int64_t in = columns * columns, involved = 0;
        for (int64_t v = i * in; v < (i + 1) * in; v++) {
            bool inside = s->lungs->labels[v] != 0;
            slice->lung_ml += inside ? nw_grid_voxel_ml(g) : 0;
            slice->total_bits += (double)s->map[v];
            slice->lung_bits += inside ? (double)s->map[v] : 0;
            involved += s->lesions->labels[v] != 0;
        }
        slice->state = NW_SLICE_NO_LUNG;
        if (slice->lung_ml < 1) continue;
        double share = (double)involved * nw_grid_voxel_ml(g) / slice->lung_ml;
        slice->score = -2.4 + 22 * share + 0.5 * sin(2.1 * (double)i);
        slice->probability = 1 / (1 + exp(-slice->score));
        slice->gated = slice->probability < s->gate;
        slice->state = slice->gated ? NW_SLICE_BELOW_GATE : NW_SLICE_EXPLAINED;
        s->explained += !slice->gated;
        if (!(slice->probability <= s->max_probability)) {
            s->max_probability = slice->probability;
            s->max_slice = i;
        }
    }
    s->mean_probability = 0.5;
    c->warnings[0] = "the lungs reach the lowest slice: the scan may end within them";
    s->warnings = c->warnings;
    s->warning_count = 1;
    s->provenance =
        "{\"unit\": \"bits per pixel\", \"parameters\": {\"beta\": {\"value\": 10.0, \"meaning\": "
        "\"weight of the information\"}, \"layer_shape\": {\"value\": [512, 28, 28], \"meaning\": "
        "\"channels, then positions\"}}}";
    s->settings =
        "{\"study\": {\"gate\": 0.5, \"repeats\": 5}, \"lesions\": {\"threshold_rule\": \"fixed\"}}";
    s->seconds = (nw_study_times){.reading = 0.4, .lungs = 1.1, .bottleneck = 61.25, .writing = 0.2};
    return c;
}

static inline void study_case_free(study_case *c)
{
    nw_lungs_free(c->study.lungs);
    nw_lesions_free(c->study.lesions);
    nw_free(c->study.slices);
    nw_free(c->study.map);
    nw_free(c->hu);
    nw_free(c->density);
    nw_free(c->labels);
    nw_free(c);
}

#endif
