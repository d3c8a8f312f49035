/* Claims of a folder: one process at a time is in it, however many come and are killed. */
#include "support.h"

#include "cli/claim.h"
#include "cli/folder.h"
#include "support/temp_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* A nap before every look at the disk, so that processes come between each other's steps everywhere. */
static unsigned nap_seed;

static void nap(void)
{
    nap_seed = nap_seed * 1664525u + 1013904223u; /* Numerical Recipes */
    if (nap_seed >> 31) nanosleep(&(struct timespec){.tv_nsec = (nap_seed >> 16) % 1000 * 1000}, NULL);
}

/* The parts of the program, with what they need of the rest of it. */
#include "cli/folder.c"
#include "cli/holder.c"
/* clang-format off */
#define open(...)  (nap(), open(__VA_ARGS__))
#define opendir(p) (nap(), opendir(p))
#define unlink(p)  (nap(), unlink(p))
#define link(a, b) (nap(), link(a, b))
#include "cli/claim.c"
#undef open
#undef opendir
#undef unlink
#undef link
/* clang-format on */

nw_status cli_fail(nw_error *err, nw_status status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(err->message, sizeof err->message, format, list);
    va_end(list);
    return err->status = status;
}

void *cli_calloc(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (!p) abort();
    return p;
}

char *cli_printf(const char *format, ...)
{
    char text[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    char *copy = cli_calloc(strlen(text) + 1, 1);
    return strcpy(copy, text);
}

/* ---- Who lives ----------------------------------------------------------------------------------------- */

static void a_process_is_known_by_its_text(void **state)
{
    (void)state;
    cli_holder self, read;
    cli_holder_self(&self);
    if (!self.place[0]) skip(); /* a system without /proc */
    char *text = cli_holder_text(&self);
    assert_true(cli_holder_parse(text, strlen(text), &read));
    assert_true(cli_holder_same(&self, &read));
    for (size_t n = 0; n + 2 < strlen(text); n++) assert_false(cli_holder_parse(text, n, &read));
    free(text);
    assert_int_equal(cli_holder_life(&self), CLI_LIVING);
    read = self;
    read.started++;
    assert_int_equal(cli_holder_life(&read), CLI_GONE);
    read = self;
    read.host[0] ^= 1;
    assert_int_equal(cli_holder_life(&read), CLI_ELSEWHERE);
    read = self;
    read.place[0] ^= 1;
    assert_int_equal(cli_holder_life(&read), CLI_ELSEWHERE);
    static const char *const none[] = {"",
                                       "{",
                                       "[]",
                                       "{\"pid\":3}",
                                       "{\"host\":\"a\",\"pid\":-3}",
                                       "{\"host\":7,\"pid\":3}",
                                       "{\"host\":\"a\",\"pid\":\"3\"}"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(cli_holder_parse(none[i], strlen(none[i]), &read));
}

static void a_killed_process_is_gone_before_it_is_buried(void **state)
{
    (void)state;
    int ends[2], status;
    cli_holder child;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        cli_holder_self(&child);
        if (write(ends[1], &child, sizeof child) != (ssize_t)sizeof child) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(ends[0], &child, sizeof child), sizeof child);
    if (!child.place[0]) skip();
    assert_int_equal(cli_holder_life(&child), CLI_LIVING);
    kill(pid, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0); /* a zombie now */
    assert_int_equal(cli_holder_life(&child), CLI_GONE);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(cli_holder_life(&child), CLI_GONE);
    close(ends[0]);
    close(ends[1]);
}

/* ---- One at a time ------------------------------------------------------------------------------------- */

enum { WORKERS = 8, TIMES = 300, PATIENCE = 200 };
/* How a worker ends. */
enum { ENDED, FAILED, NOT_ALONE, LOST, ENDS };

typedef struct work {
    char folder[64], claimed[96], inside[96], taken[96];
} work;

static bool is_enough(const work *w)
{
    struct stat st;
    return stat(w->taken, &st) == 0 && st.st_size >= TIMES;
}

/* Says in a file that this process is inside, and fails where a living one says so already. */
static void go_inside(const work *w)
{
    char text[512];
    cli_holder other, self;
    FILE *in = fopen(w->inside, "r");
    if (in) {
        size_t n = fread(text, 1, sizeof text, in);
        fclose(in);
        if (cli_holder_parse(text, n, &other) && cli_holder_life(&other) == CLI_LIVING) _exit(NOT_ALONE);
        unlink(w->inside);
    }
    cli_holder_self(&self);
    char *own = cli_holder_text(&self);
    int file = open(w->inside, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (file < 0 || write(file, own, strlen(own)) < 0 || close(file) != 0) _exit(NOT_ALONE);
    free(own);
}

/* Takes and gives back until all have done so often enough, and dies inside now and then. */
static void be_a_worker(const work *w, unsigned seed)
{
    nap_seed = seed;
    alarm(PATIENCE);
    while (!is_enough(w)) {
        cli_claim *claim;
        cli_holder who;
        nw_error err;
        if (cli_claim_take(w->claimed, &claim, &who, &err) != NW_OK) _exit(FAILED);
        if (!claim) {
            nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
            continue;
        }
        go_inside(w);
        seed = seed * 1664525u + 1013904223u; /* Numerical Recipes */
        struct timespec time = {.tv_nsec = (seed >> 16) % 400 * 1000};
        nanosleep(&time, NULL);
        int file = open(w->taken, O_WRONLY | O_CREAT | O_APPEND, 0666);
        if (file < 0 || write(file, "x", 1) != 1 || close(file) != 0) _exit(FAILED);
        if ((seed >> 8) % 4 == 0) raise(SIGKILL);
        if (!cli_claim_held(claim)) _exit(LOST);
        unlink(w->inside);
        cli_claim_release(claim);
    }
    _exit(ENDED);
}

static pid_t start(const work *w, unsigned seed)
{
    pid_t pid = fork();
    if (pid == 0) be_a_worker(w, seed);
    assert_true(pid > 0);
    return pid;
}

static void one_process_at_a_time_is_inside(void **state)
{
    (void)state;
    work w;
    cli_holder self;
    cli_holder_self(&self);
    if (!self.place[0]) skip();
    strcpy(w.folder, "/dev/shm/narrows-test-XXXXXX"); /* no disk to wait for */
    if (!mkdtemp(w.folder)) temp_folder(w.folder);
    snprintf(w.claimed, sizeof w.claimed, "%s/claimed", w.folder);
    snprintf(w.inside, sizeof w.inside, "%s/inside", w.folder);
    snprintf(w.taken, sizeof w.taken, "%s/taken", w.folder);
    unsigned seed = 1;
    int running = 0, killed = 0, ends[ENDS] = {0};
    for (; running < WORKERS; running++) start(&w, seed++);
    while (running > 0) {
        int status;
        assert_true(waitpid(-1, &status, 0) > 0);
        running--;
        if (WIFEXITED(status)) {
            assert_in_range(WEXITSTATUS(status), ENDED, ENDS - 1);
            ends[WEXITSTATUS(status)]++;
            continue;
        }
        assert_int_equal(WTERMSIG(status), SIGKILL);
        killed++;
        if (!is_enough(&w)) {
            start(&w, seed++);
            running++;
        }
    }
    assert_int_equal(ends[FAILED], 0);
    assert_int_equal(ends[NOT_ALONE], 0);
    assert_int_equal(ends[LOST], 0);
    assert_true(is_enough(&w) && killed > TIMES / 10);
    /* Whoever comes last leaves nothing. */
    cli_claim *claim;
    cli_holder who;
    nw_error err;
    assert_int_equal(cli_claim_take(w.claimed, &claim, &who, &err), NW_OK);
    assert_non_null(claim);
    assert_true(cli_claim_any(w.claimed));
    cli_claim_release(claim);
    assert_int_equal(temp_count(w.claimed), 0);
    temp_remove(w.folder);
}

/* Another took this process for gone, and has the next number: what is this one's goes, what is the other's
 * stays. */
static void a_claim_that_was_passed_over_is_not_held(void **state)
{
    (void)state;
    char folder[64];
    cli_claim *claim, *none;
    cli_holder who;
    nw_error err;
    temp_folder(folder);
    assert_int_equal(cli_claim_take(folder, &claim, &who, &err), NW_OK);
    assert_non_null(claim);
    assert_true(cli_claim_held(claim));
    /* The same process again counts as another. */
    assert_int_equal(cli_claim_take(folder, &none, &who, &err), NW_OK);
    assert_null(none);
    assert_int_equal(who.pid, getpid());
    static const char other[] = "{\"host\":\"elsewhere\",\"pid\":5,\"started\":1,\"place\":\"x\"}\n";
    temp_write(folder, ".claim.1", other, sizeof other - 1);
    assert_false(cli_claim_held(claim));
    cli_claim_release(claim);
    assert_int_equal(temp_count(folder), 1);
    /* A number that came to be another's is left alone too. */
    assert_int_equal(unlink(temp_write(folder, ".claim.1", other, sizeof other - 1)), 0);
    assert_int_equal(cli_claim_take(folder, &claim, &who, &err), NW_OK);
    temp_write(folder, ".claim.0", other, sizeof other - 1);
    assert_false(cli_claim_held(claim));
    cli_claim_release(claim);
    assert_int_equal(temp_count(folder), 1);
    temp_remove(folder);
}

static void a_folder_that_cannot_be_claimed_is_an_error(void **state)
{
    (void)state;
    char folder[64], path[96];
    cli_claim *claim;
    cli_holder who;
    nw_error err;
    temp_folder(folder);
    snprintf(path, sizeof path, "%s/file/study", folder);
    temp_write(folder, "file", "x", 1);
    assert_int_equal(cli_claim_take(path, &claim, &who, &err), NW_IO);
    assert_non_null(strstr(err.message, path));
    temp_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_is_known_by_its_text),
        cmocka_unit_test(a_killed_process_is_gone_before_it_is_buried),
        cmocka_unit_test(one_process_at_a_time_is_inside),
        cmocka_unit_test(a_claim_that_was_passed_over_is_not_held),
        cmocka_unit_test(a_folder_that_cannot_be_claimed_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
