/* Cohorts by the tools that the manual names: GNU parallel and Slurm, where they are. */
#include "cohort.h"

/* As $arguments in docs/cohorts.md, but for -o. */
#define PLAIN INPUTS " --window -1000,200 --stats $T/s.stats --lungs none --steps 1 --samples 1"
#define LONG  INPUTS " --window -1000,200 --stats $T/s.stats --lungs none --steps 3 --samples 4"

static int setup(void **state)
{
    cohort_setup(state);
    setenv("NARROWS", NW_TEST_CLI, 1);
    expect_success("quantify" PLAIN " --threads 1 -q -o $T/plain");
    expect_success("quantify" LONG " --threads 1 -q -o $T/long");
    /* `narrows` is in the path, as in the manual. */
    expect_shell("mkdir $T/bin $T/jobs && ln -s '" NW_TEST_CLI "' $T/bin/narrows");
    char path[4096];
    snprintf(path, sizeof path, "%s/bin:%s", cli_folder, getenv("PATH"));
    setenv("PATH", path, 1);
    return 0;
}

static bool has(const char *words)
{
    return system(words) == 0;
}

/* ---- GNU parallel -------------------------------------------------------------------------------------- */

/* Every line of the manual that starts jobs on this machine, word for word. */
static void gnu_parallel_runs_what_the_manual_says(void **state)
{
    (void)state;
    if (!has("parallel --version 2>/dev/null | grep -q '^GNU parallel'")) {
        print_message("no GNU parallel (Debian: parallel)\n");
        skip();
    }
    FILE *manual = fopen(NW_TEST_SOURCE "/docs/cohorts.md", "r");
    assert_non_null(manual);
    char line[512], words[2048];
    int lines = 0;
    while (fgets(line, sizeof line, manual)) {
        if (strncmp(line, "    parallel --jobs ", 20) != 0) continue;
        line[strcspn(line, "\n")] = 0;
        lines++;
        snprintf(words, sizeof words,
                 "export PARALLEL_HOME=$T/home; arguments=\"" PLAIN
                 " -o $T/by\"; %s >$T/by.out 2>$T/by.err </dev/null",
                 line);
        if (system(words) != 0) {
            expect_shell("cat $T/by.err >&2");
            fail_msg("%s", line);
        }
        expect_same_results("by", "plain");
        expect_shell("rm -r $T/by");
    }
    fclose(manual);
    assert_int_equal(lines, 2);
}

/* ---- Slurm --------------------------------------------------------------------------------------------- */

#define SUBMIT "cd $T/jobs && " NW_TEST_SOURCE "/scripts/slurm_array.sh "

static void the_script_says_what_is_wrong(void **state)
{
    (void)state;
    expect_shell("bash -n " NW_TEST_SOURCE "/scripts/slurm_array.sh");
    expect_shell(SUBMIT "0 -- m s -o d 2>&1 | grep -q 'PARTS is a number'");
    expect_shell(SUBMIT "3 m s -o d 2>&1 | grep -q 'after a --'");
    expect_shell(SUBMIT "3 --time=1 -- 2>&1 | grep -q 'after a --'");
    expect_shell("mkdir $T/none; cd $T/none; ln -s $(command -v sed) sed; PATH=$T/none $(command -v "
                 "bash) " NW_TEST_SOURCE "/scripts/slurm_array.sh 3 -- m s 2>&1 | grep -q 'no sbatch'");
}

/* What is submitted does the cohort, whoever runs it: here a stand-in for sbatch, job after job. */
static void a_dry_run_does_the_cohort(void **state)
{
    (void)state;
    expect_shell("mkdir -p $T/fake/bin && ln -s " NW_TEST_SOURCE
                 "/tests/cli/fake_sbatch.sh $T/fake/bin/sbatch");
#define DRY "export FAKE=$T/fake PATH=$T/fake/bin:$PATH; " SUBMIT
    expect_shell(DRY "3 --cpus-per-task=2 -- " PLAIN
                     " -o $T/dry >$T/dry.out && grep -qx 'array 1 of 3, merge 2' "
                     "$T/dry.out");
    expect_shell("cd $T/fake && test \"$(cat 1.1 1.2 1.3 2.1 | tr -d '\\n')\" = 0000");
    expect_shell("grep -q '\"threads\": 2' $T/dry/study_0001_ct/manifest.json");
    expect_same_results("dry", "plain");
    /* With a study lost, the last job says so; the same again does it, and keeps the rest. */
    expect_shell("rm -r $T/dry/study_0007_ct && touch $T/before");
    expect_shell(DRY "3 -- " PLAIN " -o $T/dry --merge >/dev/null; cd $T/fake && test $(cat 3.1) = 2");
    expect_shell("export FAKE=$T/fake; $T/fake/bin/sbatch --parsable " NW_TEST_SOURCE
                 "/scripts/slurm_array.sh merge " PLAIN
                 " -o $T/dry >/dev/null; test $(cat $T/fake/5.1) = 6 && "
                 "grep -q study_0007 $T/fake/5.out");
    expect_shell(DRY "3 -- " PLAIN " -o $T/dry >/dev/null; cd $T/fake && test $(cat 7.1) = 0");
    expect_same_results("dry", "plain");
    expect_shell("test $(find $T/dry -name manifest.json -newer $T/before | wc -l) = 1");
}

#define NODE NW_TEST_SOURCE "/tests/cli/slurm_node.sh "

static int start_slurm(void **state)
{
    (void)state;
    char path[96];
    snprintf(path, sizeof path, "%s/node/slurm.conf", cli_folder);
    if (!has("mkdir -p $T/node && " NODE "start $T/node >$T/node/why 2>&1 </dev/null")) return 0;
    setenv("SLURM_CONF", path, 1);
    return 0;
}

static int stop_slurm(void **state)
{
    (void)state;
    if (getenv("SLURM_CONF")) return has("scancel -u $(id -un) 2>/dev/null; " NODE "stop $T/node") ? 0 : -1;
    return 0;
}

static void submit(const char *arguments)
{
    char words[2048];
    snprintf(words, sizeof words, SUBMIT "3 -- %s >$T/jobs/said", arguments);
    expect_shell(words);
}

/* Waits until no job is left; the last one writes the table. */
static int code_of_the_last_job(void)
{
    for (int i = 0; !has("test -z \"$(squeue -h 2>&1)\""); i++) {
        if (i > 5 * PATIENCE) {
            expect_shell("squeue >&2; cat $T/jobs/*.out >&2");
            fail_msg("Slurm was not through after %d s", PATIENCE);
        }
        rest(0.2);
    }
    return shell_number(
        "scontrol show job $(sed 's/.*merge //' $T/jobs/said) | sed -n 's/.*ExitCode=\\([0-9]*\\):.*/\\1/p'");
}

/* An array on one node. Then another, of which one part is killed; the same again finishes it. */
static void slurm_does_the_cohort(void **state)
{
    (void)state;
    if (!getenv("SLURM_CONF")) {
        expect_shell("sed 's/^/no Slurm: /' $T/node/why");
        skip();
    }
    submit(PLAIN " -o $T/slurm");
    assert_int_equal(code_of_the_last_job(), 0);
    expect_same_results("slurm", "plain");

    submit(LONG " -o $T/shot");
    int victim = -1;
    for (int i = 0; victim < 0; i++) {
        if (i > 100 * PATIENCE) fail_msg("no study was begun after %d s", PATIENCE);
        victim =
            shell_number("cat $T/shot/*/.claim.* 2>/dev/null | sed -n 's/.*\"pid\":\\([0-9]*\\).*/\\1/p'");
        rest(0.01);
    }
    assert_true(victim > 1);
    assert_int_equal(kill(victim, SIGKILL), 0);
    assert_int_equal(code_of_the_last_job(), 6);
    submit(LONG " -o $T/shot");
    assert_int_equal(code_of_the_last_job(), 0);
    expect_same_results("shot", "long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gnu_parallel_runs_what_the_manual_says),
        cmocka_unit_test(the_script_says_what_is_wrong),
        cmocka_unit_test(a_dry_run_does_the_cohort),
        cmocka_unit_test_setup_teardown(slurm_does_the_cohort, start_slurm, stop_slurm),
    };
    return cmocka_run_group_tests(tests, setup, cli_teardown);
}
