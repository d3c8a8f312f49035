/* Options, help in its forms, and the pages that describe them. */
#include "cli.h"

#include <jansson.h>

static const char *const commands[] = {"inspect",  "predict",    "stats", "explain", "quantify",
                                       "evaluate", "train",      "join",  "phantom", "ops",
                                       "scan",     "completion", "help"};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void help_and_version(void **state)
{
    (void)state;
    char line[128];
    expect_success("--version");
    assert_int_equal(strncmp(cli_out, "narrows ", 8), 0);
    expect_success("--help");
    for (int i = 0; i < COMMANDS; i++) {
        expect_success("--help");
        assert_non_null(strstr(cli_out, commands[i]));
        snprintf(line, sizeof line, "%s --help", commands[i]);
        expect_success(line);
        assert_non_null(strstr(cli_out, "usage: narrows"));
        assert_non_null(strstr(cli_out, "--json"));
        assert_true(cli_err[0] == 0);
        for (const char *p = cli_out; *p;) {
            size_t n = strcspn(p, "\n");
            if (n > 100) fail_msg("help of %s: a line of %zu characters", commands[i], n);
            p += n + (p[n] == '\n');
        }
    }
}

static void wrong_usage_is_told(void **state)
{
    (void)state;
    expect_failure(2, "did you mean 'explain'?", "explian");
    expect_failure(2, "no command 'zzzzzz'", "zzzzzz");
    expect_failure(2, "options stand after it", "--json ops");
    expect_failure(2, "did you mean '--beta'?", "explain --bta 3 m i");
    expect_failure(2, "there is no option '--zzzzzzzz'", "explain --zzzzzzzz m i");
    expect_failure(2, "there is no option '-Z'", "explain -Z m i");
    expect_failure(2, "could be several", "explain --s 3 m i");
    expect_failure(2, "--relu takes no value", "explain --relu=1 m i");
    expect_failure(2, "--beta needs a value", "explain m i --beta");
    expect_failure(2, "-o", "explain m i");
    expect_failure(2, "--beta: 'much' is not a number of at least 0", "explain --beta much m i");
    expect_failure(2, "--beta: '-1'", "explain --beta -1 m i");
    expect_failure(2, "--beta: 'nan'", "explain --beta nan m i");
    expect_failure(2, "--steps: '1.5' is not a whole number from 1", "explain --steps 1.5 m i");
    expect_failure(2, "--steps: '0'", "explain --steps 0 m i");
    expect_failure(2, "--beta-over: 'max' is none of: mean sum", "explain --beta-over max m i");
    expect_failure(2, "--threads: '99999'", "predict --threads 99999 m i");
    expect_failure(2, "did you mean 'gradcam'?", "explain --method gradcm -o $T/o m i");
    expect_failure(2, "named twice", "explain --method iba,iba -o $T/o m i");
    expect_failure(2, "--stats-from", "explain -o $T/o m i"); /* the way out of missing statistics */
    expect_failure(2, "exclude each other", "explain -o $T/o m i --stats a --stats-from b");
    expect_failure(2, "MODEL is missing", "inspect");
    expect_failure(2, "INPUT is missing", "explain m");
    expect_failure(2, "one argument too many", "inspect a b");
    expect_failure(2, "-o FILE", "stats m d");
    expect_failure(2, "no command 'nothing'", "help nothing");
    expect_failure(2, "bash", "completion fish");
    expect_failure(2, "--window: '3'", "predict " MODEL " " IMAGE " --window 3");
    expect_failure(2, "--window: 5 is not below 1", "predict " MODEL " " IMAGE " --window 5,1");
    expect_failure(2, "--scale", "predict " MODEL " " IMAGE " --scale big");
    expect_failure(2, "--scale", "predict " MODEL " " IMAGE " --scale none --window 0,1");
    expect_failure(2, "--std", "predict " MODEL " " IMAGE " --std 0");
    expect_failure(2, "--size", "predict " MODEL " " IMAGE " --size 3.5");
    expect_failure(2, "--slices: 'x'", "predict " MODEL " " IMAGE " --slices x");
    expect_failure(2, "--slices: '5:2'", "predict " MODEL " " IMAGE " --slices 5:2");
    expect_failure(2, "--dim: 'N'", "inspect " MODEL " --dim N");
    expect_entries(0);
}

static void no_command_is_wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(narrows(""), 2);
    assert_non_null(strstr(cli_err, "usage:"));
    assert_true(cli_out[0] == 0);
}

static void operators_are_listed(void **state)
{
    (void)state;
    expect_success("ops --json");
    json_t *root = json_loads(cli_out, 0, NULL), *op;
    json_t *list = json_object_get(root, "operators");
    size_t i;
    bool conv = false;
    const char *before = "";
    assert_true(json_array_size(list) > 10);
    json_array_foreach(list, i, op)
    {
        const char *name = json_string_value(json_object_get(op, "name"));
        assert_true(strcmp(before, name) < 0);
        before = name;
        conv |= strcmp(name, "Conv") == 0 && json_is_true(json_object_get(op, "backward"));
    }
    assert_true(conv);
    json_decref(root);
    expect_success("ops");
    assert_non_null(strstr(cli_out, "Conv"));
}

static void a_full_disk_at_stdout_is_an_error(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    expect_failure(5, "No space left", "ops >/dev/full");
    expect_success("ops | head -n 1 >/dev/null"); /* a reader that leaves is no error */
}

static void man_page_and_completion_are_well_formed(void **state)
{
    (void)state;
    expect_success("help --man");
    assert_int_equal(strncmp(cli_out, ".TH NARROWS 1", 13), 0);
    for (int i = 0; i < COMMANDS; i++) {
        char line[64];
        snprintf(line, sizeof line, ".SS narrows %s", commands[i]);
        assert_non_null(strstr(cli_out, line));
    }
    if (system("command -v groff >/dev/null 2>&1") == 0) {
        assert_int_equal(system("'" NW_TEST_CLI
                                "' help --man | groff -man -ww -Tascii 2>&1 >/dev/null | grep -q . && "
                                "exit 1 || exit 0"),
                         0);
    }
    if (system("command -v bash >/dev/null 2>&1") != 0) return;
    const char *script =
        "bash -c '. <(\"" NW_TEST_CLI "\" completion bash) 2>/dev/null; t() { COMP_WORDS=(\"$@\"); "
        "COMP_CWORD=$(($# - 1)); COMPREPLY=(); _narrows 2>/dev/null; echo \"${COMPREPLY[*]}\"; }; "
        "t narrows exp; t narrows explain --bet; t narrows explain --beta-over s; t narrows predict --ste' >";
    char command[1024], path[96], text[512];
    snprintf(path, sizeof path, "%s.completed", cli_folder);
    snprintf(command, sizeof command, "%s%s", script, path);
    assert_int_equal(system(command), 0);
    cli_slurp(path, text, sizeof text);
    assert_string_equal(text, "explain\n--beta --beta-over\nsum\n\n");
}

/* The option tables of docs/commands are those of the program: `narrows help --markdown COMMAND`. */
static void pages_are_in_step(void **state)
{
    (void)state;
    static char page[1 << 17];
    for (int i = 0; i < COMMANDS; i++) {
        char path[512], line[64];
        snprintf(path, sizeof path, "%s/docs/commands/%s.md", NW_TEST_SOURCE, commands[i]);
        FILE *f = fopen(path, "rb");
        if (!f) fail_msg("%s is missing", path);
        page[fread(page, 1, sizeof page - 1, f)] = 0;
        fclose(f);
        snprintf(line, sizeof line, "help --markdown %s", commands[i]);
        expect_success(line);
        char *begin = strstr(page, "<!-- options -->\n"), *end = strstr(page, "<!-- /options -->");
        if (!begin || !end) fail_msg("%s has no block of options", path);
        *end = 0;
        if (strcmp(begin + 17, cli_out) != 0)
            fail_msg("%s: the options differ from those of the program; paste `narrows %s`", path, line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_and_version),
        cmocka_unit_test(wrong_usage_is_told),
        cmocka_unit_test(no_command_is_wrong_usage),
        cmocka_unit_test(operators_are_listed),
        cmocka_unit_test(a_full_disk_at_stdout_is_an_error),
        cmocka_unit_test(man_page_and_completion_are_well_formed),
        cmocka_unit_test(pages_are_in_step),
    };
    return cmocka_run_group_tests(tests, cli_setup, cli_teardown);
}
