#include "quantify.h"

#define FIELD(f)        offsetof(quantify_arguments, f)
#define LESIONS         .group = "Lesions"
#define COHORT          .group = "Many studies"
#define METHOD_FIELD(f) offsetof(quantify_arguments, method.f)
#define METHOD_HELP     "the method of explanation; its map must be in bits"

const cli_option quantify_options[] = {
    {"output", 'o', CLI_TEXT, FIELD(folder), "DIR",
     .help = "folder for the results; needed. With several studies, each gets a folder in it",
     .completes = "folder"},
    CLI_LUNG_OPTIONS(quantify_arguments, lung),
    {"gate", 0, CLI_NUMBER, FIELD(gate), "P", "0.5",
     "slices whose probability of the class is below have no lesions, and are not explained", LESIONS,
     .least = 0, .most = 1},
    {"no-gate", 0, CLI_FLAG, FIELD(no_gate), .help = "all slices count (a regression never has a gate)",
     LESIONS},
    {"explain-all", 0, CLI_FLAG, FIELD(explain_all),
     .help = "explain slices below the gate too: their bits are in the map, but make no lesions", LESIONS},
    {"threshold", 0, CLI_TEXT, FIELD(threshold), "RULE", "auto",
     "from which density a voxel is a lesion: healthy or healthy=Q (quantile of healthy lungs, 0.99), otsu, "
     "share=S (of the largest), or a number of bits per mL; auto: healthy where it is known, else otsu",
     LESIONS},
    {"healthy", 0, CLI_TEXT, FIELD(healthy), "FILE",
     .help = "what healthy lungs need, where the statistics do not hold it (`narrows stats --negatives`)",
     LESIONS, .completes = "file"},
    {"min-volume", 0, CLI_NUMBER, FIELD(min_volume), "ML", "0.1", "smaller lesions are dropped", LESIONS,
     .least = 0, .most = 1e6},
    {"hu", 0, CLI_TEXT, FIELD(hu), "LO,HI", .help = "lesions have values within", LESIONS},
    {"smooth", 0, CLI_NUMBER, FIELD(smooth), "MM", "0", "deviation of a Gaussian across slices; 0: none",
     LESIONS, .least = 0, .most = 1000},
    {"truth", 0, CLI_TEXT, FIELD(truth), "MASK",
     .help = "true lesions to hold the found ones against: a mask or label map (NIfTI), what is not 0 is a "
             "lesion; {dir} and {name} as in --lungs",
     LESIONS, .completes = "file"},
    {"repeats", 0, CLI_INTEGER, FIELD(repeats), "N", "1",
     "runs with other noise: the first is reported, all of them make the interval", LESIONS, .least = 1,
     .most = 1000},
    {"sweep", 0, CLI_INTEGER, FIELD(sweep), "N", "13", "thresholds around the chosen one; 0: none", LESIONS,
     .least = 0, .most = 1000},
    {"shard", 0, CLI_TEXT, FIELD(shard), "I/N", .help = "only part I of N of the studies, by their names",
     COHORT},
    {"restart", 0, CLI_FLAG, FIELD(restart),
     .help = "do studies anew that were finished with the same settings", COHORT},
    {"merge", 0, CLI_FLAG, FIELD(merge),
     .help = "no study is done, only cohort.csv and cohort.html are written from all that are finished; exit "
             "code "
             "6 if one is not",
     COHORT},
#include "method_options.def"
    CLI_MODEL_OPTIONS(quantify_arguments, model),
    CLI_IMAGE_OPTIONS(quantify_arguments, image),
    {0},
};
