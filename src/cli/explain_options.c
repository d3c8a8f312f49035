#include "explain.h"

#define FIELD(f)   offsetof(explain_arguments, f)
#define BOTTLENECK .group = "Bottleneck (iba)"
#define PICTURE    .group = "Picture"
#define COMPUTE    .group = "Computation"

/* The defaults of the bottleneck are those of nw_explain_options_init; a test compares them. */
const cli_option explain_options[] = {
    {"output", 'o', CLI_TEXT, FIELD(folder), "DIR",
     .help = "folder for maps, pictures and manifest.json; needed", .completes = "folder"},
    {"method", 'm', CLI_TEXT, FIELD(method), "M[,M...]", "iba", "methods of explanation",
     .completes = "method"},
    {"layer", 'l', CLI_LIST, FIELD(layers), "[M=]TENSOR",
     .help = "feature map to explain at, for all methods or (M=) for one; without it the one of the "
             "statistics, the "
             "recommended one (iba) or the last (gradcam)"},
    {"target", 't', CLI_TEXT, FIELD(target), "CLASS", "predicted",
     .help = "class by number or name, or the one that the model predicts"},
    {"output-tensor", 0, CLI_TEXT, FIELD(output), "NAME",
     .help = "which output of the graph, where it has several"},
    {"stats", 's', CLI_TEXT, FIELD(stats), "FILE",
     .help = "feature statistics of the layer, from `narrows stats`", .completes = "file"},
    {"stats-from", 0, CLI_LIST, FIELD(stats_from), "DATA",
     .help = "estimate the statistics from these images instead (a file, folder or list)",
     .completes = "file"},
    {"stats-limit", 0, CLI_INTEGER, FIELD(stats_limit), "N",
     .help = "the first N images of --stats-from only", .least = 2, .most = 1e15},

    {"beta", 'b', CLI_NUMBER, FIELD(beta), "B", "10", "weight of the information: more leaves fewer bits",
     BOTTLENECK, .least = 0, .most = 1e15},
    {"beta-over", 0, CLI_CHOICE, FIELD(beta_over), "HOW", "mean",
     "beta weighs the mean over all neurons, or their sum", BOTTLENECK, .choices = "mean sum"},
    {"sigma", 0, CLI_NUMBER, FIELD(sigma), "S", "1", "blur of lambda, in positions of the layer; 0: none",
     BOTTLENECK, .least = 0, .most = 64},
    {"steps", 0, CLI_INTEGER, FIELD(steps), "N", "10", "steps of Adam", BOTTLENECK, .least = 1,
     .most = 100000},
    {"rate", 0, CLI_NUMBER, FIELD(rate), "R", "1", "Adam's learning rate", BOTTLENECK, .least = 1e-12,
     .most = 1e6},
    {"samples", 0, CLI_INTEGER, FIELD(samples), "N", "10", "draws of noise a step", BOTTLENECK, .least = 1,
     .most = 100000},
    {"seed", 0, CLI_INTEGER, FIELD(seed), "N", "0", "of the noise: the same seed gives the same bits",
     BOTTLENECK, .least = 0, .most = 9e18},
    {"loss", 0, CLI_TEXT, FIELD(loss), "LOSS", "auto",
     "what has to stay: auto (by the head), cross-entropy, binary, raise, lower, keep, or a number that the "
     "output is "
     "drawn to",
     BOTTLENECK},
    {"loss-weight", 0, CLI_NUMBER, FIELD(loss_weight), "W", "1", "multiplies that loss", BOTTLENECK,
     .least = 0, .most = 1e15},
    {"min-std", 0, CLI_NUMBER, FIELD(min_std), "S", "0.01", "least deviation of a neuron", BOTTLENECK,
     .least = 1e-12, .most = 1e15},
    {"initial-alpha", 0, CLI_NUMBER, FIELD(initial_alpha), "A", "5", "lambda = sigmoid(alpha) at first",
     BOTTLENECK},
    {"active-threshold", 0, CLI_NUMBER, FIELD(active_threshold), "T", "0.01",
     "neurons that are non-zero in no more than this share of images are cut out", BOTTLENECK, .least = 0,
     .most = 1},
    {"relu", 0, CLI_FLAG, FIELD(relu), .help = "no negative values behind the bottleneck", BOTTLENECK},
    {"readout", 0, CLI_CHOICE, FIELD(readout), "WHEN", "last-forward",
     "the map after steps - 1 updates (as the reference), or after all", BOTTLENECK,
     .choices = "last-forward after"},

    {"batch", 0, CLI_INTEGER, FIELD(batch), "N", "0", "samples in one run of the model; 0: as it suits",
     COMPUTE, .least = 0, .most = 100000},
    {"precision", 0, CLI_CHOICE, FIELD(precision), "P", "f32", "f32: fast; f64: plain loops in double, slow",
     COMPUTE, .choices = "f32 f64"},
    {"threads", 0, CLI_INTEGER, FIELD(threads), "N", "0", "0: as the environment has it", COMPUTE, .least = 0,
     .most = 1024},
    {"profile", 0, CLI_FLAG, FIELD(profile), .help = "tell on stderr where the time went, step by step",
     COMPUTE},

    {"colormap", 0, CLI_CHOICE, FIELD(colormap), "MAP", "ember", "colours of the map", PICTURE,
     .choices = "ember tide grey"},
    {"high", 0, CLI_NUMBER, FIELD(high), "V",
     .help = "value at the top of the colour bar; without it one that 99.8 % of the pixels do not exceed",
     PICTURE, .least = 1e-300, .most = 1e300},
    {"beside", 0, CLI_TEXT, FIELD(beside), "MASK",
     .help = "show a mask beside the map: a file, or a folder with a file of the input's name", PICTURE,
     .completes = "file"},
    {"upright", 0, CLI_FLAG, FIELD(upright),
     .help = "draw pictures turned as the model sees them (--orient), not as the file has them", PICTURE},
    {"no-picture", 0, CLI_FLAG, FIELD(no_picture), .help = "maps and manifest only", PICTURE},
    CLI_MODEL_OPTIONS(explain_arguments, model),
    CLI_IMAGE_OPTIONS(explain_arguments, image),
    {0},
};
