#include "claim.h"

#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char prefix[] = ".claim.", draft_prefix[] = ".claim-draft";

struct cli_claim {
    char *folder;
    long long number;
    int file;
    pthread_t thread; /* gives the signs of life */
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool ended;
};

static char *claim_path(const char *folder, long long number)
{
    return cli_printf("%s/%s%lld", folder, prefix, number);
}

/* ---- What is there ------------------------------------------------------------------------------------- */

/* The number of a claim's name, -1 for other names. */
static long long number_of(const char *name)
{
    size_t n = sizeof prefix - 1, digits;
    if (strncmp(name, prefix, n) != 0) return -1;
    digits = strspn(name + n, "0123456789");
    return digits > 0 && digits < 18 && !name[n + digits] ? strtoll(name + n, NULL, 10) : -1;
}

/* Who made a claim, and when there was the last sign of life. 0, or errno. *who is nobody where the content
 * is not there yet. */
static int read_claim(const char *folder, long long number, cli_holder *who, struct timespec *sign)
{
    char *path = claim_path(folder, number), text[1024];
    int file = open(path, O_RDONLY | O_CLOEXEC); /* opening makes NFS ask the server */
    int failed = file < 0 ? errno : 0;
    free(path);
    memset(who, 0, sizeof *who);
    if (failed) return failed;
    struct stat st;
    ssize_t n = read(file, text, sizeof text);
    if (n < 0 || fstat(file, &st) != 0) failed = errno;
    close(file);
    if (failed) return failed;
    *sign = st.st_mtim;
    cli_holder_parse(text, (size_t)n, who);
    return 0;
}

static bool is_own(const char *folder, long long number)
{
    cli_holder self, who;
    struct timespec sign;
    cli_holder_self(&self);
    return read_claim(folder, number, &who, &sign) == 0 && cli_holder_same(&self, &who);
}

/* Whether the claim's process lives, as far as can be told. What is gone meanwhile counts as void, what
 * cannot be read does not. */
static bool is_living(const char *folder, long long number, cli_holder *who)
{
    struct timespec sign, now;
    int failed = read_claim(folder, number, who, &sign);
    if (failed) return failed != ENOENT && failed != ESTALE;
    cli_life life = who->pid ? cli_holder_life(who) : CLI_ELSEWHERE;
    if (life != CLI_ELSEWHERE) return life == CLI_LIVING;
    /* Both times are of the machine that has the disk. */
    cli_folder_time(folder, &now);
    return now.tv_sec - sign.tv_sec < CLI_CLAIM_VOID;
}

typedef struct view {
    long long highest; /* -1: none */
    bool own;          /* the own one is there */
    bool living;       /* another is that is not void */
} view;

static nw_status look(const char *folder, long long own, view *out, cli_holder *who, nw_error *err)
{
    *out = (view){.highest = -1};
    DIR *dir = opendir(folder);
    if (!dir && errno == ENOENT) return NW_OK;
    if (!dir) return cli_fail(err, NW_IO, "%s: cannot list the folder: %s", folder, strerror(errno));
    for (struct dirent *e; (e = readdir(dir));) {
        long long number = number_of(e->d_name);
        if (number < 0) continue;
        if (number > out->highest) out->highest = number;
        if (number != own && !out->living) out->living = is_living(folder, number, who);
    }
    closedir(dir);
    /* Last, since it has to be there once all others are known to be void. */
    if (own >= 0) out->own = is_own(folder, own);
    return NW_OK;
}

/* A claim that is being made; whose it is takes it away itself, or was killed. */
static bool is_draft(const char *name)
{
    return strncmp(name, draft_prefix, sizeof draft_prefix - 1) == 0;
}

bool cli_claim_any(const char *folder)
{
    bool any = false;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && !any && (e = readdir(dir));)
        any = number_of(e->d_name) >= 0 || is_draft(e->d_name);
    if (dir) closedir(dir);
    return any;
}

/* ---- Signs of life ------------------------------------------------------------------------------------- */

static void *live(void *given)
{
    cli_claim *claim = given;
    pthread_mutex_lock(&claim->lock);
    while (!claim->ended) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += CLI_CLAIM_RENEWED;
        int result = 0;
        while (!claim->ended && result != ETIMEDOUT)
            result = pthread_cond_timedwait(&claim->change, &claim->lock, &until);
        if (claim->ended) break;
        pthread_mutex_unlock(&claim->lock); /* the disk may take its time */
        futimens(claim->file, NULL);
        pthread_mutex_lock(&claim->lock);
    }
    pthread_mutex_unlock(&claim->lock);
    return NULL;
}

/* Signals are for the main thread. */
static int start_living(cli_claim *claim)
{
    sigset_t all, before;
    pthread_condattr_t attributes;
    pthread_mutex_init(&claim->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&claim->change, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&claim->thread, NULL, live, claim);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed) return 0;
    pthread_cond_destroy(&claim->change);
    pthread_mutex_destroy(&claim->lock);
    return failed;
}

static void stop_living(cli_claim *claim)
{
    pthread_mutex_lock(&claim->lock);
    claim->ended = true;
    pthread_cond_signal(&claim->change);
    pthread_mutex_unlock(&claim->lock);
    pthread_join(claim->thread, NULL);
    pthread_cond_destroy(&claim->change);
    pthread_mutex_destroy(&claim->lock);
}

/* ---- Taking and giving back ---------------------------------------------------------------------------- */

/* A new file that says who this process is; -1 where another was faster, or where the folder went away. On
 * the disk, since it stays open and another machine shall read it. */
static nw_status make_file(const char *path, int *out, nw_error *err)
{
    cli_holder self;
    cli_holder_self(&self);
    char *text = cli_holder_text(&self);
    size_t size = strlen(text);
    nw_status status = NW_OK;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    *out = file;
    if (file < 0 && errno != EEXIST && errno != ENOENT && errno != ESTALE)
        status = cli_fail(err, NW_IO, "%s: cannot claim the folder: %s", path, strerror(errno));
    if (file >= 0) {
        errno = EIO;
        if (write(file, text, size) != (ssize_t)size || (fsync(file) != 0 && errno != EINVAL)) {
            status = cli_fail(err, NW_IO, "%s: cannot write: %s", path, strerror(errno));
            close(file);
            unlink(path);
            *out = -1;
        }
    }
    free(text);
    return status;
}

/* link() may say that the name is there when an answer of the server was lost, and it is the own one. */
static bool has_two_names(int file)
{
    struct stat st;
    return fstat(file, &st) == 0 && st.st_nlink == 2;
}

/* The claim of that number, with all that it says from the first moment: who is killed half-way leaves none.
 */
static nw_status make(const char *folder, long long number, int *out, nw_error *err)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char *path = claim_path(folder, number);
    char *draft = cli_printf("%s/%s.%ld.%ld", folder, draft_prefix, (long)getpid(), now.tv_nsec);
    nw_status status = make_file(draft, out, err);
    if (status == NW_OK && *out >= 0) {
        int failed = link(draft, path) == 0 || has_two_names(*out) ? 0 : errno;
        unlink(draft);
        if (failed) {
            close(*out);
            *out = -1;
        }
        /* A file system without second names. */
        if (failed && failed != EEXIST && failed != ENOENT && failed != ESTALE)
            status = make_file(path, out, err);
    }
    free(draft);
    free(path);
    return status;
}

/* A number may be another's by now, where this process was taken for gone. */
static void withdraw(const char *folder, long long number, int file)
{
    char *path = claim_path(folder, number);
    if (is_own(folder, number)) unlink(path);
    close(file);
    free(path);
}

/* Two who are in each other's way shall not be so again and again. */
static void pause_a_little(int attempt)
{
    long part = (long)(getpid() * 7919L + attempt * 104729L) % 20 + 1;
    struct timespec time = {.tv_nsec = part * 1000000};
    nanosleep(&time, NULL);
}

static nw_status begin(const char *folder, long long number, int file, cli_claim **out, nw_error *err)
{
    cli_claim *claim = cli_calloc(1, sizeof *claim);
    *claim = (cli_claim){.folder = cli_printf("%s", folder), .number = number, .file = file};
    int failed = start_living(claim);
    if (!failed) {
        *out = claim;
        return NW_OK;
    }
    withdraw(folder, number, file);
    free(claim->folder);
    free(claim);
    return cli_fail(err, NW_FAILED, "%s: cannot start a thread: %s", folder, strerror(failed));
}

nw_status cli_claim_take(const char *folder, cli_claim **out, cli_holder *who, nw_error *err)
{
    *out = NULL;
    memset(who, 0, sizeof *who);
    for (int attempt = 0; attempt < 100; attempt++) {
        view before, after;
        int made, file = -1;
        nw_status status = cli_folder_make(folder, &made, err);
        if (status == NW_OK) status = look(folder, -1, &before, who, err);
        if (status != NW_OK || before.living) return status;
        status = make(folder, before.highest + 1, &file, err);
        if (status != NW_OK) return status;
        if (file < 0) continue;
        /* A number is free again once its claim was given back, so a slow process may make another one than a
         * process that just came: who sees the other goes back, and the later of two always sees it. */
        status = look(folder, before.highest + 1, &after, who, err);
        if (status == NW_OK && after.own && !after.living)
            return begin(folder, before.highest + 1, file, out, err);
        withdraw(folder, before.highest + 1, file);
        if (status != NW_OK) return status;
        pause_a_little(attempt);
    }
    return NW_OK;
}

/* Who comes late, with a number that was free again, is there for a moment and goes back; who took this
 * process for gone stays. */
bool cli_claim_held(const cli_claim *claim)
{
    for (int attempt = 0; attempt < 50; attempt++) {
        view now;
        cli_holder who;
        nw_error ignored;
        if (look(claim->folder, claim->number, &now, &who, &ignored) != NW_OK || !now.own) return false;
        if (!now.living) return true;
        pause_a_little(attempt);
    }
    return false;
}

void cli_claim_release(cli_claim *claim)
{
    if (!claim) return;
    stop_living(claim);
    DIR *dir = cli_claim_held(claim) ? opendir(claim->folder) : NULL;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        long long number = number_of(e->d_name);
        cli_holder who;
        if (number == claim->number || (number < 0 && !is_draft(e->d_name))) continue;
        /* Its process takes a living one away itself. By its name another could take it for its own while
         * somebody else has the number already. */
        if (number >= 0 && is_living(claim->folder, number, &who)) continue;
        char *path = cli_printf("%s/%s", claim->folder, e->d_name);
        unlink(path); /* whose draft it was begins again */
        free(path);
    }
    if (dir) closedir(dir);
    /* The own one last: who sees none at all may count on the work being done, or given up. */
    withdraw(claim->folder, claim->number, claim->file);
    free(claim->folder);
    free(claim);
}
