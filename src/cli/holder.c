#include "holder.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first line of a file, "" where it cannot be read. */
static void first_line(const char *path, char *out, size_t size)
{
    FILE *in = fopen(path, "re");
    out[0] = 0;
    if (!in) return;
    if (!fgets(out, (int)size, in)) out[0] = 0;
    fclose(in);
    out[strcspn(out, "\n")] = 0;
}

/* State and start of a process, from /proc/PID/stat (proc(5)): what follows the name, which is in brackets
 * and may hold anything. False where the system does not tell. */
static bool process_facts(long long pid, char *state, long long *started)
{
    char path[48], text[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", pid);
    first_line(path, text, sizeof text);
    char *at = strrchr(text, ')');
    if (!at || at[1] != ' ' || !at[2]) return false;
    *state = at[2];
    at += 2;
    for (int field = 3; field < 22 && at; field++) {
        at = strchr(at, ' ');
        if (at) at++;
    }
    if (!at) return false;
    *started = strtoll(at, NULL, 10);
    return true;
}

void cli_holder_self(cli_holder *out)
{
    char boot[64], space[48], state;
    memset(out, 0, sizeof *out);
    if (gethostname(out->host, sizeof out->host - 1) != 0 || !out->host[0]) strcpy(out->host, "unknown");
    out->pid = getpid();
    first_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    space[n > 0 ? n : 0] = 0;
    if (boot[0] && space[0] && process_facts(out->pid, &state, &out->started))
        snprintf(out->place, sizeof out->place, "%s %s", boot, space);
}

char *cli_holder_text(const cli_holder *h)
{
    json_t *root = json_pack("{s:s%, s:I, s:I, s:s}", "host", h->host, strlen(h->host), "pid",
                             (json_int_t)h->pid, "started", (json_int_t)h->started, "place", h->place);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    char *line = cli_printf("%s\n", text ? text : "{}");
    free(text);
    json_decref(root);
    return line;
}

static void copy_text(char *to, size_t size, json_t *from)
{
    const char *text = json_string_value(from);
    if (text && strlen(text) < size) strcpy(to, text);
}

bool cli_holder_parse(const char *text, size_t size, cli_holder *out)
{
    memset(out, 0, sizeof *out);
    json_t *root = json_loadb(text, size, 0, NULL);
    copy_text(out->host, sizeof out->host, json_object_get(root, "host"));
    copy_text(out->place, sizeof out->place, json_object_get(root, "place"));
    out->pid = json_integer_value(json_object_get(root, "pid"));
    out->started = json_integer_value(json_object_get(root, "started"));
    json_decref(root);
    if (out->host[0] && out->pid > 0) return true;
    memset(out, 0, sizeof *out);
    return false;
}

bool cli_holder_same(const cli_holder *a, const cli_holder *b)
{
    return a->pid == b->pid && a->started == b->started && strcmp(a->host, b->host) == 0 &&
           strcmp(a->place, b->place) == 0;
}

static bool is_unknown(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

cli_life cli_holder_life(const cli_holder *holder)
{
    cli_holder self;
    char state;
    long long started;
    cli_holder_self(&self);
    if (!self.place[0] || strcmp(self.place, holder->place) != 0 || strcmp(self.host, holder->host) != 0)
        return CLI_ELSEWHERE;
    pid_t pid = (pid_t)holder->pid;
    if (pid != holder->pid || is_unknown(pid)) return CLI_GONE;
    /* It may have been buried since. */
    if (!process_facts(pid, &state, &started)) return is_unknown(pid) ? CLI_GONE : CLI_LIVING;
    /* A zombie is dead, if not buried; another start is another process. */
    return state == 'Z' || state == 'X' || started != holder->started ? CLI_GONE : CLI_LIVING;
}
