/* Many studies: which are whose, one after the other, none that another process is at. */
#include "claim.h"
#include "folder.h"
#include "quantify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- Shards -------------------------------------------------------------------------------------------- */

/* FNV-1a, 64 bits (Fowler, Noll, Vo), and a last mixing, since the low bits alone depend on few of the
 * name's. */
uint64_t quantify_hash(const char *name)
{
    uint64_t h = 14695981039346656037u;
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 1099511628211u;
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    return h ^ h >> 33;
}

nw_status quantify_shard(const char *text, uint64_t *part, uint64_t *parts, nw_error *err)
{
    char *end, *last = NULL;
    long long i = strtoll(text, &end, 10), n = 0;
    if (end != text && *end == '/' && end[1]) n = strtoll(end + 1, &last, 10);
    if (!last || *last || i < 1 || n < 1 || i > n || n > 1000000)
        return cli_fail(err, NW_USAGE, "--shard: '%s' is not I/N with I from 1 to N", text);
    *part = (uint64_t)i;
    *parts = (uint64_t)n;
    return NW_OK;
}

/* ---- One after the other ------------------------------------------------------------------------------- */

static char *study_folder(const quantify *q, size_t i)
{
    const nw_input *input = nw_input_list_get(q->job.inputs, q->mine[i]);
    return q->many ? cli_printf("%s/%s", q->a->folder, input->name) : cli_printf("%s", q->a->folder);
}

/* A study that failed leaves a manifest that says why, for the table; the next run tries it again. */
static void leave_failure(const quantify *q, const nw_input *input, const char *folder, const nw_error *why)
{
    nw_error ignored;
    int made;
    if (cli_folder_make(folder, &made, &ignored) == NW_OK)
        quantify_record(q, input, NULL, why->status, why->message, 0, folder, &ignored);
}

/* What the folder says of a study, where it says anything: done, or failed in another process since this one
 * began. */
static bool is_settled(quantify *q, size_t i, const char *folder, nw_status *status, nw_error *err)
{
    quantify_state state =
        quantify_look(q, nw_input_list_get(q->job.inputs, q->mine[i]), folder, status, err);
    if (state == QUANTIFY_FINISHED) q->kept++;
    return state != QUANTIFY_OPEN;
}

static nw_status compute(quantify *q, size_t i, const char *folder, bool *busy, nw_error *err)
{
    const nw_input *input = nw_input_list_get(q->job.inputs, q->mine[i]);
    if (q->claim) cli_folder_clean(folder, quantify_files);
    nw_status status = quantify_study(q, i, folder, err);
    *busy = q->lost;
    if (q->lost) return NW_OK;
    if (status == NW_OK)
        q->done++;
    else if (q->many && status != NW_CANCELLED && !q->unwritable)
        leave_failure(q, input, folder, err);
    return status;
}

/* *busy: another process is at it. */
static nw_status claim_and_compute(quantify *q, size_t i, const char *folder, bool *busy, nw_error *err)
{
    nw_status status = cli_claim_take(folder, &q->claim, &q->other, err);
    q->unwritable = status != NW_OK;
    *busy = status == NW_OK && !q->claim;
    if (!q->claim) return status;
    /* It may have been finished between looking and claiming. */
    if (!is_settled(q, i, folder, &status, err)) status = compute(q, i, folder, busy, err);
    cli_claim_release(q->claim);
    q->claim = NULL;
    if (status != NW_OK) rmdir(folder); /* where nothing is in it */
    return status;
}

static nw_status one(quantify *q, size_t i, bool *busy, nw_error *err)
{
    char *folder = study_folder(q, i);
    nw_status status = NW_OK;
    *busy = false;
    if (!q->many)
        status = compute(q, i, folder, busy, err);
    else if (!is_settled(q, i, folder, &status, err))
        status = claim_and_compute(q, i, folder, busy, err);
    else if (cli_claim_any(folder)) {
        /* Of a process that was killed when it was done. One that lives takes it away itself. */
        nw_error ignored;
        if (cli_claim_take(folder, &q->claim, &q->other, &ignored) == NW_OK && q->claim) {
            cli_folder_clean(folder, quantify_files);
            cli_claim_release(q->claim);
        }
        q->claim = NULL;
    }
    if (status == NW_OK && !*busy) quantify_tell(q, nw_input_list_get(q->job.inputs, q->mine[i]), folder);
    free(folder);
    return status;
}

/* One time over the studies that are left, which become those that others are at. False: that was all. */
static bool pass(quantify *q, size_t *left, size_t *count, nw_status *result, nw_error *err)
{
    size_t busy_count = 0;
    for (size_t k = 0; k < *count; k++) {
        bool busy = false;
        nw_status status = cli_check_interrupt(err);
        if (status == NW_OK) status = one(q, left[k], &busy, err);
        if (busy) left[busy_count++] = left[k];
        if (status == NW_OK) continue;
        *result = status;
        q->failed++;
        /* What cannot be written now cannot be written for the next study either. */
        if (status == NW_CANCELLED || !q->many || q->unwritable) return false;
        if (q->count > 1) cli_error("%s", err->message);
    }
    *count = busy_count;
    return busy_count > 0;
}

/* Those that others are at are waited for: if their process dies, this one does them, so that nothing is
 * missing when the last process ends. */
static void wait_for_others(const quantify *q, size_t first, size_t count)
{
    const char *name = nw_input_list_get(q->job.inputs, q->mine[first])->name;
    if (q->other.pid)
        cli_note("waiting for other processes with %zu of the studies: %s is with process %lld on %s", count,
                 name, q->other.pid, q->other.host);
    else
        cli_note("waiting for other processes with %zu of the studies, among them %s", count, name);
}

static void pause_between_passes(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL); /* a signal ends it */
}

static nw_status go_through(quantify *q, nw_error *err)
{
    nw_status result = NW_OK;
    size_t count = q->count, before = count, told = 0;
    size_t *left = cli_calloc(count + 1, sizeof *left);
    for (size_t i = 0; i < count; i++) left[i] = i;
    while (pass(q, left, &count, &result, err)) {
        /* Again at once where this one was busy itself in between. */
        if (count == before) {
            if (count != told) wait_for_others(q, left[0], count);
            told = count;
            pause_between_passes();
        }
        before = count;
    }
    free(left);
    return result;
}

nw_status quantify_all(quantify *q, nw_error *err)
{
    cli_folder_time(q->a->folder, &q->since);
    cli_progress_start("quantifying", (double)q->count, 0);
    nw_status result = go_through(q, err);
    cli_progress_end();
    nw_error own;
    if (q->many && (q->done || q->kept || q->failed)) {
        nw_status table = quantify_table(q, &own);
        if (table != NW_OK && result == NW_OK) {
            *err = own;
            result = table;
        }
    }
    if (q->kept) cli_note("%zu of %zu studies were finished already and are kept", q->kept, q->count);
    if (result != NW_OK && result != NW_CANCELLED && q->count > 1 &&
        q->done + q->kept + q->failed == q->count)
        cli_fail(err, result, "%zu of %zu studies failed, the others are done", q->failed, q->count);
    return result;
}

/* ---- Only the table ------------------------------------------------------------------------------------ */

nw_status quantify_merge(quantify *q, nw_error *err)
{
    size_t missing = 0;
    const char *first = NULL;
    for (size_t i = 0; i < q->count; i++) {
        char *folder = study_folder(q, i);
        const nw_input *input = nw_input_list_get(q->job.inputs, q->mine[i]);
        nw_error why;
        nw_status status = NW_OK;
        quantify_state state = quantify_look(q, input, folder, &status, &why);
        if (state == QUANTIFY_FINISHED) {
            q->kept++;
            quantify_tell(q, input, folder);
        } else {
            if (!first) first = input->name;
            q->failed += state == QUANTIFY_FAILED;
            missing += state == QUANTIFY_OPEN;
        }
        free(folder);
    }
    nw_status status = quantify_table(q, err);
    if (status == NW_OK && first)
        status = cli_fail(err, NW_CHECK,
                          "%s: %zu of %zu studies are missing with these settings, %zu of them failed; the "
                          "first is %s. The same command without --merge does them",
                          q->a->folder, missing + q->failed, q->count, q->failed, first);
    return status;
}
