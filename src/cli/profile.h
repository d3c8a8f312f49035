/* Where the time of explainers went: --profile and --trace of explain and quantify. */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include "methods.h"

/* The methods that were used, with their explainers. A table on stderr with --profile, a file with --trace. */
nw_status cli_profile(const cli_method_options *options, const cli_method *const *methods, size_t count,
                      nw_error *err);

#endif
