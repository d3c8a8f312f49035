/* Several processes at one cohort: no study twice, none lost, whoever is killed. */
#include "cohort.h"

enum { PROCESSES = 4 };

static int setup(void **state)
{
    cohort_setup(state);
    expect_success("quantify" QUICK "-q -o $T/quick");
    expect_success("quantify" SLOW "-q -o $T/slow");
    return 0;
}

static void begin_all(pid_t pids[PROCESSES], const char *arguments)
{
    for (int i = 0; i < PROCESSES; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        pids[i] = begin(name, arguments);
    }
}

/* What a process kept was done by another, so the rest is what it did itself: in all, every study once. */
static void four_processes_do_every_study_once(void **state)
{
    (void)state;
    pid_t pids[PROCESSES];
    begin_all(pids, "quantify" SLOW "-o $T/four");
    for (int i = 0; i < PROCESSES; i++) assert_int_equal(end(pids[i]), 0);
    expect_same_results("four", "slow");
    /* Each waits for all, and prints all. */
    assert_int_equal(shell_number("cat $T/p?.out | wc -l"), PROCESSES * (1 + STUDIES));
    int kept = shell_number("grep -h 'finished already' $T/p?.err | awk '{n += $2} END {print n}'");
    assert_int_equal(PROCESSES * STUDIES - kept, STUDIES);
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static unsigned next(unsigned long long *seed, unsigned below)
{
    unsigned long long z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (unsigned)((z ^ z >> 31) % below);
}

/* The study of the one that is killed is done by another, without a word from outside. */
static void the_study_of_a_killed_process_is_done_by_another(void **state)
{
    (void)state;
    for (unsigned long long s = 1; s <= 2; s++) {
        unsigned long long seed = s;
        pid_t pids[PROCESSES];
        begin_all(pids, "quantify" SLOW "-q -o $T/killed");
        await_manifests("killed", (int)next(&seed, STUDIES / 2));
        rest(1e-4 * next(&seed, 1000));
        unsigned victim = next(&seed, PROCESSES);
        kill(pids[victim], SIGKILL);
        for (unsigned i = 0; i < PROCESSES; i++) assert_int_equal(end(pids[i]), i == victim ? -SIGKILL : 0);
        expect_same_results("killed", "slow");
        expect_shell("rm -r $T/killed");
    }
}

/* All are killed at once, and one is started again. */
static void a_run_that_was_killed_is_finished_by_the_same_command(void **state)
{
    (void)state;
    for (unsigned long long s = 11; s <= 12; s++) {
        unsigned long long seed = s;
        pid_t pids[PROCESSES];
        begin_all(pids, "quantify" SLOW "-q -o $T/again");
        int some = 1 + (int)next(&seed, STUDIES / 2);
        await_manifests("again", some);
        rest(1e-4 * next(&seed, 1000));
        for (int i = 0; i < PROCESSES; i++) kill(pids[i], SIGKILL);
        for (int i = 0; i < PROCESSES; i++) assert_int_equal(end(pids[i]), -SIGKILL);
        expect_success("quantify" SLOW "-o $T/again");
        assert_non_null(strstr(cli_err, "studies were finished already"));
        expect_same_results("again", "slow");
        expect_shell("rm -r $T/again");
    }
}

/* ---- Claims that are there already --------------------------------------------------------------------- */

static long long start_of_this_process(void)
{
    char text[1024];
    FILE *in = fopen("/proc/self/stat", "r");
    if (!in) return 0;
    size_t n = fread(text, 1, sizeof text - 1, in);
    fclose(in);
    text[n] = 0;
    char *at = strrchr(text, ')');
    for (int i = 0; at && i < 20; i++) at = strchr(at + 1, ' ');
    return at ? strtoll(at, NULL, 10) : 0;
}

/* As the program writes it, of this process here, or of one on another machine. */
static void plant(const char *study, long long started, const char *host)
{
    char path[256], boot[64] = "", space[64] = "", self[128];
    FILE *in = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (!in || fscanf(in, "%63s", boot) != 1) fail_msg("the boot has no number");
    fclose(in);
    assert_true(readlink("/proc/self/ns/pid", space, sizeof space - 1) > 0);
    gethostname(self, sizeof self);
    snprintf(path, sizeof path, "%s/%s", cli_folder, study);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fprintf(out, "{\"host\":\"%s\",\"pid\":%d,\"started\":%lld,\"place\":\"%s %s\"}\n", host ? host : self,
            (int)getpid(), started, boot, space);
    fclose(out);
}

static void expect_waiting(pid_t pid, const char *folder)
{
    await_manifests(folder, STUDIES - 1);
    rest(1);
    assert_true(is_running(pid));
    assert_int_equal(manifests(folder), STUDIES - 1);
    assert_int_equal(shell_number("grep -c waiting $T/w.err"), 1);
}

/* A living process is waited for; one with its number that began at another time is another. */
static void a_claim_holds_as_long_as_its_process_lives(void **state)
{
    (void)state;
    long long start = start_of_this_process();
    if (!start) skip(); /* a system without /proc */
    expect_shell("mkdir -p $T/w/study_0003_ct");
    plant("w/study_0003_ct/.claim.0", start, NULL);
    pid_t pid = begin("w", "quantify" QUICK "-o $T/w");
    expect_waiting(pid, "w");
    plant("w/study_0003_ct/.claim.0", start + 1, NULL);
    assert_int_equal(end(pid), 0);
    expect_same_results("w", "quick");
    expect_shell("rm -r $T/w");
}

/* Of another machine, only the time of the last sign of life is known. */
static void a_claim_from_elsewhere_holds_until_it_is_old(void **state)
{
    (void)state;
    expect_shell("mkdir -p $T/w/study_0005_ct $T/w/study_0006_ct");
    plant("w/study_0005_ct/.claim.7", 1, "elsewhere");
    expect_shell(": >$T/w/study_0006_ct/.claim.0; touch -d '10 minutes ago' $T/w/study_0006_ct/.claim.0");
    pid_t pid = begin("w", "quantify" QUICK "-o $T/w");
    expect_waiting(pid, "w");
    expect_shell("touch -d '200 seconds ago' $T/w/study_0005_ct/.claim.7");
    rest(1);
    assert_true(is_running(pid));
    expect_shell("touch -d '310 seconds ago' $T/w/study_0005_ct/.claim.7");
    assert_int_equal(end(pid), 0);
    expect_same_results("w", "quick");
    expect_shell("rm -r $T/w");
}

/* Ctrl-C while it waits; the claim of the other stays. */
static void waiting_can_be_interrupted(void **state)
{
    (void)state;
    expect_shell("mkdir -p $T/w/study_0001_ct");
    plant("w/study_0001_ct/.claim.0", 1, "elsewhere");
    pid_t pid = begin("w", "quantify" QUICK "-o $T/w");
    expect_waiting(pid, "w");
    kill(pid, SIGINT);
    assert_int_equal(end(pid), 130);
    assert_true(exists("w/study_0001_ct/.claim.0"));
    expect_shell("test $(wc -l <$T/w/cohort.csv) = 12; rm -r $T/w");
}

/* Killed after the manifest and before the claim was given back, and in the middle of writing. */
static void what_a_killed_process_left_is_tidied_up(void **state)
{
    (void)state;
    expect_success("quantify" QUICK "-q -o $T/w");
    plant("w/study_0002_ct/.claim.0", 1, NULL);
    plant("w/study_0004_ct/.claim.0", 1, NULL);
    plant("w/study_0004_ct/.claim.1", 1, NULL);
    plant("w/study_0006_ct/.claim-draft.1.2", 1, NULL);
    plant("w/.claim.0", 1, NULL);
    expect_shell("cd $T/w && rm study_0004_ct/manifest.json && for f in study_0002_ct/map.nii.gz "
                 "study_0004_ct/severity.json cohort.csv cohort.html; do : >$f.part123; done");
    expect_success("quantify" QUICK "-o $T/w");
    assert_non_null(strstr(cli_err, "11 of 12 studies were finished already"));
    expect_same_results("w", "quick");
    expect_shell("rm -r $T/w");
}

/* ---- Failures, and the table --------------------------------------------------------------------------- */

/* A bad study is not tried by each, but each that saw it ends with its exit code. */
static void a_study_that_failed_is_told_by_all(void **state)
{
    (void)state;
    temp_write(cli_folder, "bad.nii", "no scan", 7);
    pid_t pids[PROCESSES];
    begin_all(pids, "quantify" QUICK "$T/bad.nii -q -o $T/b");
    for (int i = 0; i < PROCESSES; i++) assert_int_equal(end(pids[i]), 4);
    expect_shell("for i in 0 1 2 3; do grep -q '1 of 13 studies failed' $T/p$i.err || exit 1; done");
    expect_shell("test $(grep -c '^bad,failed,' $T/b/cohort.csv) = 1; test $(wc -l <$T/b/cohort.csv) = 14");
    assert_int_equal(narrows("quantify" QUICK "$T/bad.nii --merge -o $T/b"), 6);
    assert_non_null(strstr(cli_err, "1 of 13 studies are missing with these settings, 1 of them failed"));
}

/* What of the whole list is there, without any work. */
static void a_merge_writes_the_table_and_tells_what_is_missing(void **state)
{
    (void)state;
    expect_success("quantify" QUICK "--shard 1/2 -q -o $T/m");
    assert_int_equal(narrows("quantify" QUICK "--merge -o $T/m"), 6);
    assert_non_null(strstr(cli_err, "of 12 studies are missing with these settings, 0 of them failed"));
    int there = manifests("m");
    assert_true(there > 0 && there < STUDIES);
    assert_int_equal(shell_number("wc -l <$T/m/cohort.csv"), 1 + there);
    expect_success("quantify" QUICK "--shard 2/2 -q -o $T/m");
    expect_same_results("m", "quick");
    expect_shell("rm $T/m/cohort.*");
    expect_success("quantify" QUICK "--merge -o $T/m");
    expect_same_results("m", "quick");
    /* Other settings are other studies. */
    assert_int_equal(narrows("quantify" QUICK "--seed 3 --merge -o $T/m"), 6);
    assert_non_null(strstr(cli_err, "12 of 12"));
    expect_failure(2, "--merge and --shard exclude each other",
                   "quantify" QUICK "--merge --shard 1/2 -o $T/x");
    expect_failure(2, "--merge and --restart", "quantify" QUICK "--merge --restart -o $T/x");
    assert_false(exists("x"));
}

/* Lines come in the order of the list, then those that are not in it by name. */
static void the_table_is_in_the_order_of_the_list(void **state)
{
    (void)state;
    expect_shell(
        "cp -r $T/quick $T/o; cd $T; { for n in 09 03 12 05; do echo c/study_00$n/ct.nii.gz; done; } "
        ">list.txt");
    expect_success("quantify " MODEL " $T/list.txt --window -1000,200 --stats $T/s.stats --lungs "
                   "'{dir}/lungs.nii.gz' --steps 1 --samples 1 "
                   "--merge -q -o $T/o");
    expect_shell(
        "cd $T; for n in 09 03 12 05 01 02 04 06 07 08 10 11; do echo study_00${n}_ct; done >want.txt; "
        "sed 1d o/cohort.csv | cut -d, -f1 | cmp - want.txt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_processes_do_every_study_once),
        cmocka_unit_test(the_study_of_a_killed_process_is_done_by_another),
        cmocka_unit_test(a_run_that_was_killed_is_finished_by_the_same_command),
        cmocka_unit_test(a_claim_holds_as_long_as_its_process_lives),
        cmocka_unit_test(a_claim_from_elsewhere_holds_until_it_is_old),
        cmocka_unit_test(waiting_can_be_interrupted),
        cmocka_unit_test(what_a_killed_process_left_is_tidied_up),
        cmocka_unit_test(a_study_that_failed_is_told_by_all),
        cmocka_unit_test(a_merge_writes_the_table_and_tells_what_is_missing),
        cmocka_unit_test(the_table_is_in_the_order_of_the_list),
    };
    return cmocka_run_group_tests(tests, setup, cli_teardown);
}
