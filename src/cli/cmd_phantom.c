#include "commands.h"
#include "json.h"
#include "terminal.h"

#include <narrows/phantom.h>
#include <stdio.h>

typedef struct arguments {
    cli_common common;
    int64_t studies, seed, size, slices, threads;
    double slice_mm, field_mm, positives;
    int shortcut;
} arguments;

static const cli_option options[] = {
    {"studies", 'n', CLI_INTEGER, offsetof(arguments, studies), "N", "20", "studies in the cohort",
     .least = 1, .most = 1000000},
    {"seed", 's', CLI_INTEGER, offsetof(arguments, seed), "S", "1", "of all random numbers", .least = 0,
     .most = 9e15},
    {"positives", 0, CLI_NUMBER, offsetof(arguments, positives), "SHARE", "0.5",
     "share of studies with lesions", .least = 0, .most = 1},
    {"shortcut", 0, CLI_CHOICE, offsetof(arguments, shortcut), "WHAT", "none",
     "something that is no lesion, planted in all positive studies and in no other: a bright square in a "
     "corner, the "
     "sharp kernel, or values cut off at -960 and 240 HU",
     .choices = "none marker kernel window"},
    {"size", 0, CLI_INTEGER, offsetof(arguments, size), "N", "512", "rows and columns of a slice",
     .group = "Scan", .least = 64, .most = 1024},
    {"slices", 0, CLI_INTEGER, offsetof(arguments, slices), "N",
     .help = "slices of a scan; without it 40, or as many as --slice-mm needs for the lungs", .group = "Scan",
     .least = 1, .most = 2000},
    {"slice-mm", 0, CLI_NUMBER, offsetof(arguments, slice_mm), "MM",
     .help = "thickness of a slice; without it so that the slices hold the lungs", .group = "Scan",
     .least = 0.5, .most = 30},
    {"field-mm", 0, CLI_NUMBER, offsetof(arguments, field_mm), "MM",
     .help = "side of a slice; without it 300 to 400, by the patient", .group = "Scan", .least = 200,
     .most = 600},
    {"threads", 0, CLI_INTEGER, offsetof(arguments, threads), "N", "0", "0: as the environment has it",
     .least = 0, .most = 1024},
    {0},
};

static int advance(void *user, const char *what, double done, double total)
{
    (void)user;
    (void)total;
    cli_progress_at(done, what);
    return cli_interrupted();
}

static nw_status report(const arguments *a, const char *folder, const nw_phantom_summary *s, nw_error *err)
{
    if (a->common.json) {
        json_t *grades = json_array(), *splits = json_object();
        for (int i = 0; i < 5; i++) json_array_append_new(grades, json_integer((json_int_t)s->grades[i]));
        for (int i = 0; i < 3; i++)
            json_object_set_new(splits, nw_phantom_split_name((nw_phantom_split)i),
                                json_integer((json_int_t)s->splits[i]));
        return cli_json_print(json_pack("{s:o, s:I, s:I, s:I, s:o, s:o}", "folder", cli_json_text(folder),
                                        "studies", (json_int_t)s->studies, "kept", (json_int_t)s->kept,
                                        "positives", (json_int_t)s->positives, "grades", grades, "splits",
                                        splits),
                              err);
    }
    printf("%s: %lld studies (%lld were there), %lld positive; CT-0 to CT-4: %lld, %lld, %lld, %lld, %lld; "
           "%lld train, "
           "%lld validation, %lld test\n",
           folder, (long long)s->studies, (long long)s->kept, (long long)s->positives,
           (long long)s->grades[0], (long long)s->grades[1], (long long)s->grades[2], (long long)s->grades[3],
           (long long)s->grades[4], (long long)s->splits[0], (long long)s->splits[1],
           (long long)s->splits[2]);
    return NW_OK;
}

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    const arguments *a = given;
    const char *folder = operands.items[0];
    nw_phantom_options o = {.seed = (uint64_t)a->seed,
                            .size = a->size,
                            .slices = a->slices == CLI_UNSET ? 0 : a->slices,
                            .slice_mm = a->slice_mm > 0 ? a->slice_mm : 0,
                            .field_mm = a->field_mm > 0 ? a->field_mm : 0,
                            .positives = a->positives,
                            .all_negative = !(a->positives > 0),
                            .shortcut = (nw_phantom_shortcut)a->shortcut,
                            .threads = (int)a->threads};
    nw_phantom_summary summary;
    nw_progress progress = {.call = advance};
    cli_progress_start("studies", (double)a->studies, 0);
    nw_status status = nw_phantom_cohort(&o, a->studies, folder, &progress, &summary, err);
    cli_progress_end();
    return status == NW_OK ? report(a, folder, &summary, err) : status;
}

const cli_command cli_phantom = {
    .name = "phantom",
    .operands = "DIR",
    .summary = "a synthetic chest CT cohort with its truth",
    .description = "Makes chests whose lungs and lesions are known: DIR/study_0001 and so on, each with "
                   "ct.nii.gz (HU), lungs.nii.gz, "
                   "zones.nii.gz, lesions.nii.gz and study.csv, and DIR/cohort.csv with the label, the "
                   "involved share of the lungs, the "
                   "grade, lesion volumes and the split of every study.\n\nA study depends on the seed, its "
                   "number and the options "
                   "alone. Studies that are there already are kept: the same command goes on after an "
                   "interruption, and a larger N "
                   "adds studies.",
    .examples = "  narrows phantom cohort/ --studies 200 --seed 1\n"
                "  narrows phantom thin/ --studies 10 --slice-mm 1.25 --size 512\n"
                "  narrows phantom cheat/ --studies 200 --size 256 --shortcut marker",
    .options = options,
    .size = sizeof(arguments),
    .least = 1,
    .most = 1,
    .run = run,
};
