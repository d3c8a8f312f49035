/* One process at a time in a folder that several share, on one machine or on many.
 *
 * A claim is a file .claim.N in the folder, made so that only one process can make it (link(), also over
 * NFS; where there are no links O_EXCL), that says who made it. It is void when its process is gone: known at
 * once on the same machine; elsewhere by the time of the file, which the process renews while it lives. A
 * void claim is never taken away by others, it is followed by the next number: of two who find it void, one
 * makes N + 1. */
#ifndef CLI_CLAIM_H
#define CLI_CLAIM_H

#include "holder.h"

enum {
    CLI_CLAIM_RENEWED = 15, /* seconds between two signs of life */
    CLI_CLAIM_VOID = 300    /* seconds without one, after which a process elsewhere counts as gone */
};

typedef struct cli_claim cli_claim;

/* Claims the folder, which is made where it is missing. Where a living process has it, *out is NULL and *who
 * is that process (host "" where it is not known). NW_IO where the folder cannot be written. */
nw_status cli_claim_take(const char *folder, cli_claim **out, cli_holder *who, nw_error *err);

/* False where others took this process for gone, as after hours in suspension, and went on without it. */
bool cli_claim_held(const cli_claim *claim);

/* Takes away the claim and all void ones, and frees; NULL is allowed. */
void cli_claim_release(cli_claim *claim);

/* Whether there is any claim in the folder, void or not. */
bool cli_claim_any(const char *folder);

#endif
