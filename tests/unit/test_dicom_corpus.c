/* Every file of the DICOM corpus beside the project: the samples of a reference decoder by their hash, or one
 * clear error; never a crash, a hang or more than 1 GiB. Each file is read by a child process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "image/csv.h"
#include "image/dicom_file.h"

#include <narrows/image.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CORPUS NW_TEST_SHARED "/data/dicom-corpus"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { MEMORY = 1 << 30, SECONDS = 60 };

typedef struct report {
    nw_status decoded, read; /* of the samples; of a volume */
    char sha256[65];
    char decode_error[NW_ERROR_SIZE], read_error[NW_ERROR_SIZE];
} report;

static void hex(struct sha256_ctx *ctx, char text[65])
{
    uint8_t digest[32];
    sha256_digest(ctx, sizeof digest, digest);
    for (int i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

/* Pillow, the reference of JPEG 2000, puts samples below 8 bits at the top of the byte, and adds half the
 * range to those of a signed codestream under a header that says unsigned. */
static void as_reference(const nw_dicom *file, const nw_dicom_facts *facts, void *samples)
{
    if (nw_dicom_coding_of(facts->transfer_syntax) != NW_DICOM_J2K) return;
    size_t count = nw_dicom_frame_samples(facts);
    if (facts->bits_allocated == 1)
        for (size_t i = 0; i < count; i++) ((uint8_t *)samples)[i] = (uint8_t)(((uint8_t *)samples)[i] << 7);
    if (facts->bits_allocated == 16 && !facts->is_signed && nw_dicom_frame_is_signed(file, facts))
        for (size_t i = 0; i < count; i++) ((uint16_t *)samples)[i] ^= 0x8000;
}

/* In the child. */
static void look(const char *path, report *r)
{
    nw_error err = {0};
    nw_dicom *file = NULL;
    nw_dicom_facts facts = {0};
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    r->decoded = nw_dicom_open(path, (size_t)MEMORY / 2, &file, &facts, &err);
    if (r->decoded == NW_OK && !facts.has_pixels) {
        char nothing[1];
        r->decoded = nw_dicom_samples(file, &facts, 0, nothing, &err);
    } else if (r->decoded == NW_OK) {
        size_t size = nw_dicom_frame_samples(&facts) * nw_dicom_sample_size(&facts);
        void *samples = malloc(size);
        for (int64_t f = 0; r->decoded == NW_OK && f < facts.frame_count; f++) {
            r->decoded = samples ? nw_dicom_samples(file, &facts, f, samples, &err) : NW_NO_MEMORY;
            if (r->decoded == NW_OK) as_reference(file, &facts, samples);
            if (r->decoded == NW_OK) sha256_update(&ctx, size, samples);
        }
        free(samples);
    }
    hex(&ctx, r->sha256);
    snprintf(r->decode_error, sizeof r->decode_error, "%s", r->decoded == NW_OK ? "" : err.message);
    nw_dicom_facts_free(&facts);
    nw_dicom_close(file);
    nw_volume *volume = NULL;
    nw_read_options options = {.max_bytes = (size_t)MEMORY / 2};
    r->read = nw_volume_read(path, &options, &volume, &err);
    snprintf(r->read_error, sizeof r->read_error, "%s", r->read == NW_OK ? "" : err.message);
    nw_volume_free(volume);
}

/* 0, or a text of what went wrong with the process itself. */
static const char *in_child(const char *path, report *r, long *kilobytes)
{
    static char text[64];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit cpu = {SECONDS, SECONDS}, memory = {MEMORY, MEMORY};
        setrlimit(RLIMIT_CPU, &cpu);
        if (!SANITIZED) setrlimit(RLIMIT_AS, &memory); /* which the sanitizer's shadow does not fit in */
        close(ends[0]);
        look(path, r);
        _exit(write(ends[1], r, sizeof *r) != (ssize_t)sizeof *r);
    }
    close(ends[1]);
    memset(r, 0, sizeof *r);
    ssize_t got = read(ends[0], r, sizeof *r);
    close(ends[0]);
    int how = 0;
    struct rusage usage;
    assert_int_equal(wait4(child, &how, 0, &usage), child);
    *kilobytes = usage.ru_maxrss;
    if (WIFSIGNALED(how)) {
        snprintf(text, sizeof text, "ended by signal %d", WTERMSIG(how));
        return text;
    }
    if (got != (ssize_t)sizeof *r || WEXITSTATUS(how) != 0) return "left no report";
    return NULL;
}

static void every_file(void **state)
{
    (void)state;
    nw_bytes index;
    nw_error err;
    if (nw_file_read(CORPUS "/index.csv", 1 << 24, &index, &err) != NW_OK) {
        print_message("no shared data: ");
        skip();
    }
    nw_csv_cursor cursor = nw_csv_start(&index, "index.csv");
    char *fields[64];
    size_t count, file = 0, hash = 0, total = 0, equal = 0, decoded = 0, refused = 0, volumes = 0, bad = 0;
    assert_int_equal(nw_csv_next(&cursor, fields, 64, &count, &err), NW_OK);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i], "file") == 0) file = i;
        if (strcmp(fields[i], "ref_pixel_sha256") == 0) hash = i;
    }
    long most = 0;
    const char *verbose = getenv("NW_TEST_VERBOSE");
    while (nw_csv_next(&cursor, fields, 64, &count, &err) == NW_OK && count) {
        char path[1024];
        report r;
        long kilobytes = 0;
        snprintf(path, sizeof path, CORPUS "/%s", fields[file]);
        const char *wrong = in_child(path, &r, &kilobytes);
        if (!wrong && kilobytes > (MEMORY >> 10) && !SANITIZED) wrong = "took more than 1 GiB";
        if (!wrong && r.decoded != NW_OK && (!r.decode_error[0] || strchr(r.decode_error, '\n')))
            wrong = "gave no clear error";
        if (!wrong && r.read != NW_OK &&
            (!r.read_error[0] || strchr(r.read_error, '\n') || r.read < NW_USAGE))
            wrong = "gave no clear error as a volume";
        if (!wrong && fields[hash][0] && r.decoded != NW_OK) wrong = r.decode_error;
        if (!wrong && fields[hash][0] && strcmp(r.sha256, fields[hash]) != 0) wrong = "samples differ";
        if (wrong) {
            print_error("%s: %s\n", fields[file], wrong);
            bad++;
        }
        if (verbose)
            print_message("%-60s %s | %s\n", fields[file],
                          r.decoded         ? r.decode_error
                          : fields[hash][0] ? "equal"
                                            : "decoded",
                          r.read ? r.read_error : "volume");
        total++;
        if (!wrong && fields[hash][0]) equal++;
        if (!wrong && !fields[hash][0]) *(r.decoded == NW_OK ? &decoded : &refused) += 1;
        if (r.read == NW_OK) volumes++;
        if (kilobytes > most) most = kilobytes;
    }
    nw_free(index.data);
    print_message(
        "%zu files: %zu equal the reference, %zu decoded without one, %zu refused; %zu read as images; "
        "at most %ld MiB\n",
        total, equal, decoded, refused, volumes, most >> 10);
    assert_true(total > 200);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
