/* The commands: one file each. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli.h"

extern const cli_command cli_inspect, cli_predict, cli_stats, cli_explain, cli_quantify, cli_evaluate,
    cli_phantom, cli_ops, cli_scan, cli_completion, cli_help, cli_train, cli_join;

#endif
