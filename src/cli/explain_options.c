#include "explain.h"

#define FIELD(f)        offsetof(explain_arguments, f)
#define PICTURE         .group = "Picture"
#define METHOD_FIELD(f) offsetof(explain_arguments, method.f)
#define METHOD_HELP     "methods of explanation"

const cli_option explain_options[] = {
    {"output", 'o', CLI_TEXT, FIELD(folder), "DIR",
     .help = "folder for maps, pictures and manifest.json; needed", .completes = "folder"},
#include "method_options.def"
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
