/* A cohort of small chests, processes that work on it, and what a finished folder has to hold. */
#ifndef NW_TESTS_CLI_COHORT_H
#define NW_TESTS_CLI_COHORT_H

#include "cli.h"

#include <errno.h>
#include <narrows/narrows.h>
#include <signal.h>
#include <time.h>

enum { STUDIES = 12, PATIENCE = 200 /* seconds, then a test fails */ };

#define INPUTS " " MODEL " $T/c/cohort.csv"
#define COMMON                                                                                               \
    INPUTS " --window -1000,200 --stats $T/s.stats --lungs '{dir}/lungs.nii.gz' --threads 1 --steps "
#define QUICK COMMON "1 --samples 1 "
#define SLOW  COMMON "3 --samples 4 " /* leaves time to kill a process within a study */

static inline int cohort_setup(void **state)
{
    cli_setup(state);
    char path[96];
    nw_error err;
    nw_phantom_options o = {.seed = 5, .size = 96, .slices = 8, .slice_mm = 30, .threads = 1};
    snprintf(path, sizeof path, "%s/c", cli_folder);
    if (nw_phantom_cohort(&o, STUDIES, path, NULL, NULL, &err) != NW_OK) fail_msg("%s", err.message);
    expect_success("stats " MODEL " " COHORT " --threads 1 -q -o $T/s.stats");
    return 0;
}

static inline void rest(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) continue;
}

/* The shell's words, in the background; messages to $T/NAME.err. exec: the number is that of narrows itself.
 */
static inline pid_t begin_shell(const char *name, const char *words)
{
    char command[8192];
    snprintf(command, sizeof command, "%s >%s/%s.out 2>%s/%s.err </dev/null", words, cli_folder, name,
             cli_folder, name);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

static inline pid_t begin(const char *name, const char *arguments)
{
    char words[4096];
    snprintf(words, sizeof words, "exec '%s' %s", NW_TEST_CLI, arguments);
    return begin_shell(name, words);
}

/* The exit code, or minus the number of the signal. */
static inline int end(pid_t pid)
{
    int status;
    for (int i = 0; i < 100 * PATIENCE; i++) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        assert_true(got >= 0);
        if (got == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        rest(0.01);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    fail_msg("process %d was not through after %d s", (int)pid, PATIENCE);
    return -1;
}

static inline bool is_running(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

/* The first number that the shell's words print; -1 without one. */
static inline int shell_number(const char *words)
{
    int n = -1;
    FILE *in = popen(words, "r");
    assert_non_null(in);
    if (fscanf(in, "%d", &n) != 1) n = -1;
    pclose(in);
    return n;
}

static inline void expect_shell(const char *words)
{
    if (system(words) != 0) fail_msg("does not hold: %s", words);
}

static inline int manifests(const char *folder)
{
    char words[256];
    snprintf(words, sizeof words, "ls -d $T/%s/*/manifest.json 2>/dev/null | wc -l", folder);
    return shell_number(words);
}

/* Until that many studies are finished. */
static inline void await_manifests(const char *folder, int count)
{
    for (int i = 0; manifests(folder) < count; i++) {
        if (i > 100 * PATIENCE) fail_msg("%s: %d studies after %d s", folder, manifests(folder), PATIENCE);
        rest(0.005);
    }
}

/* Two folders hold the same, byte for byte, but for times: whole files of maps, masks and numbers, the page
 * of the cohort, and the table without its column `seconds`. Nothing but results is there. */
static inline void expect_same_results(const char *a, const char *b)
{
    char words[2048];
    snprintf(words, sizeof words,
             "cd $T && test $(ls %s | wc -l) = %d && cd %s && for f in */map.nii.gz */lungs.nii.gz "
             "*/lesions.nii.gz */lesions.csv */severity.json cohort.html; do cmp $f ../%s/$f || exit 1; done",
             a, STUDIES + 2, a, b);
    expect_shell(words);
    snprintf(
        words, sizeof words,
        "cd $T && without() { awk -F, 'NR==1 {for (i=1; i<=NF; i++) if ($i==\"seconds\") c=i} "
        "{$c=\"\"; print}' $1/cohort.csv; } && without %s >a.txt && without %s >b.txt && cmp a.txt b.txt && "
        "test $(wc -l <a.txt) = %d && test $(grep -c ' ok ' a.txt) = %d",
        a, b, STUDIES + 1, STUDIES);
    expect_shell(words);
    snprintf(words, sizeof words,
             "cd $T && test $(find %s -type f | wc -l) = %d && test -z \"$(find %s -name '.claim*' -o -name "
             "'*.part*')\"",
             a, 7 * STUDIES + 2, a);
    expect_shell(words);
}

#endif
