#include "commands.h"

const cli_command *const cli_commands[] = {
    &cli_inspect, &cli_predict, &cli_stats, &cli_explain, &cli_quantify,   &cli_evaluate, &cli_phantom,
    &cli_ops,     &cli_train,   &cli_join,  &cli_scan,    &cli_completion, &cli_help,     NULL};

#define COMMON(field) CLI_FLAG, offsetof(cli_common, field)
const cli_option cli_common_options[] = {
    {"json", 0, COMMON(json), .help = "print the result as JSON", .group = "General"},
    {"quiet", 'q', COMMON(quiet), .help = "no progress and no notes on stderr", .group = "General"},
    {"verbose", 'v', COMMON(verbose), .help = "say more on stderr", .group = "General"},
    {"help", 'h', COMMON(help), .help = "show this help", .group = "General"},
    {0},
};
