/* Who holds something: a process, as another one that sees the same files can tell it. */
#ifndef CLI_HOLDER_H
#define CLI_HOLDER_H

#include "cli.h"

typedef struct cli_holder {
    char host[72];
    char place[128]; /* boot and process namespace: where it is the same, pid is the same process; "": unknown
                      */
    long long pid;   /* 0: unknown */
    long long started; /* in ticks since the boot: a number of a process is given again */
} cli_holder;

void cli_holder_self(cli_holder *out);

/* One line of JSON; free. */
char *cli_holder_text(const cli_holder *holder);
/* Of such a text; false, and nobody known, where it is none. */
bool cli_holder_parse(const char *text, size_t size, cli_holder *out);

bool cli_holder_same(const cli_holder *a, const cli_holder *b);

typedef enum cli_life {
    CLI_LIVING,
    CLI_GONE,
    CLI_ELSEWHERE /* where this process cannot look: another machine, another container, before a reboot */
} cli_life;

cli_life cli_holder_life(const cli_holder *holder);

#endif
