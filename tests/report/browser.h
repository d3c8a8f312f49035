/* A headless Chromium, driven over a pipe by the DevTools protocol: loads a page at a width, and tells what
 * the page logged and fetched. */
#ifndef NW_TESTS_REPORT_BROWSER_H
#define NW_TESTS_REPORT_BROWSER_H

#include "support/temp_folder.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct browser {
    pid_t pid;
    int to, from;
    char profile[64], session[128];
    char *buffer;
    size_t size, capacity;
    int next;
    /* Of the page that was loaded last. */
    bool loaded;
    int complaints,
        fetched; /* errors and warnings on the console; requests for anything but the page and data: */
    char complaint[512], fetch[512];
} browser;

static inline const char *browser_program(void)
{
    static char path[512];
    static const char *const names[] = {"chromium", "chromium-browser", "google-chrome"};
    const char *folders = getenv("PATH");
    for (const char *p = folders; p && *p;) {
        size_t length = strcspn(p, ":");
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            snprintf(path, sizeof path, "%.*s/%s", (int)length, p, names[i]);
            if (access(path, X_OK) == 0) return path;
        }
        p += length + (p[length] == ':');
    }
    return NULL;
}

static inline void browser_note(browser *b, const json_t *message)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    json_t *params = json_object_get(message, "params");
    if (!method) return;
    if (strcmp(method, "Page.loadEventFired") == 0) b->loaded = true;
    const char *level = NULL;
    if (strcmp(method, "Runtime.consoleAPICalled") == 0)
        level = json_string_value(json_object_get(params, "type"));
    if (strcmp(method, "Log.entryAdded") == 0)
        level = json_string_value(json_object_get(json_object_get(params, "entry"), "level"));
    bool thrown = strcmp(method, "Runtime.exceptionThrown") == 0;
    if (thrown || (level && (strcmp(level, "error") == 0 || strcmp(level, "warning") == 0))) {
        char *text = json_dumps(params, 0);
        snprintf(b->complaint, sizeof b->complaint, "%.500s", text);
        free(text);
        b->complaints++;
    }
    if (strcmp(method, "Network.requestWillBeSent") == 0) {
        const char *url = json_string_value(json_object_get(json_object_get(params, "request"), "url"));
        const char *type = json_string_value(json_object_get(params, "type"));
        bool document = type && strcmp(type, "Document") == 0 && url && strncmp(url, "file://", 7) == 0;
        if (!document && url && strncmp(url, "data:", 5) != 0) {
            snprintf(b->fetch, sizeof b->fetch, "%.500s", url);
            b->fetched++;
        }
    }
}

/* The next message, within some seconds; NULL otherwise. */
static inline json_t *browser_read(browser *b, double seconds)
{
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        char *end = memchr(b->buffer, 0, b->size);
        if (end) {
            json_t *message = json_loads(b->buffer, 0, NULL);
            size_t used = (size_t)(end - b->buffer) + 1;
            memmove(b->buffer, end + 1, b->size -= used);
            return message;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        double left =
            seconds - (double)(now.tv_sec - start.tv_sec) - 1e-9 * (double)(now.tv_nsec - start.tv_nsec);
        struct pollfd wait = {.fd = b->from, .events = POLLIN};
        if (left <= 0 || poll(&wait, 1, (int)(1000 * left) + 1) <= 0) return NULL;
        if (b->capacity - b->size < 65536) {
            b->capacity = 2 * b->capacity + 65536;
            b->buffer = realloc(b->buffer, b->capacity);
            if (!b->buffer) abort();
        }
        ssize_t n = read(b->from, b->buffer + b->size, b->capacity - b->size);
        if (n <= 0) return NULL;
        b->size += (size_t)n;
    }
}

/* Sends a command (params are taken over) and waits for its answer: the result, or NULL. */
static inline json_t *browser_send(browser *b, const char *method, json_t *params)
{
    int id = ++b->next;
    json_t *message =
        json_pack("{s:i, s:s, s:o}", "id", id, "method", method, "params", params ? params : json_object());
    if (b->session[0]) json_object_set_new(message, "sessionId", json_string(b->session));
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    size_t length = strlen(text) + 1;
    bool sent = write(b->to, text, length) == (ssize_t)length;
    free(text);
    json_t *result = NULL;
    for (json_t *answer; sent && (answer = browser_read(b, 60));) {
        bool mine = json_integer_value(json_object_get(answer, "id")) == id;
        if (mine) result = json_incref(json_object_get(answer, "result"));
        browser_note(b, answer);
        json_decref(answer);
        if (mine) break;
    }
    return result;
}

static inline bool browser_do(browser *b, const char *method, json_t *params)
{
    json_t *result = browser_send(b, method, params);
    json_decref(result);
    return result != NULL;
}

static inline void browser_stop(browser *b)
{
    if (b->pid > 0) {
        kill(-b->pid, SIGKILL);
        waitpid(b->pid, NULL, 0);
        close(b->to);
        close(b->from);
        temp_remove(b->profile);
    }
    free(b->buffer);
    memset(b, 0, sizeof *b);
}

static inline bool browser_start(browser *b, const char *program)
{
    int in[2], out[2];
    char profile[96];
    memset(b, 0, sizeof *b);
    b->capacity = 65536;
    b->buffer = calloc(b->capacity, 1);
    if (!b->buffer || pipe(in) != 0 || pipe(out) != 0) return false;
    signal(SIGPIPE, SIG_IGN);
    snprintf(profile, sizeof profile, "--user-data-dir=%s", temp_folder(b->profile));
    b->pid = fork();
    if (b->pid == 0) {
        setpgid(0, 0);
        /* Away from 3 and 4 first: either pipe may be there. */
        int read_end = fcntl(in[0], F_DUPFD, 10), write_end = fcntl(out[1], F_DUPFD, 10);
        int silence = open("/dev/null", O_RDWR);
        dup2(silence, 0);
        dup2(silence, 1);
        dup2(silence, 2);
        dup2(read_end, 3);
        dup2(write_end, 4);
        for (int fd = 5; fd < 64; fd++) close(fd);
        execl(program, program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
              "--disable-background-networking", "--disable-component-update", "--disable-sync",
              "--disable-dev-shm-usage", "--remote-debugging-pipe", profile, "about:blank", (char *)NULL);
        _exit(127);
    }
    if (b->pid > 0) setpgid(b->pid, b->pid);
    close(in[0]);
    close(out[1]);
    b->to = in[1];
    b->from = out[0];
    json_t *made = browser_send(b, "Target.createTarget", json_pack("{s:s}", "url", "about:blank"));
    const char *target = json_string_value(json_object_get(made, "targetId"));
    json_t *attached = target ? browser_send(b, "Target.attachToTarget",
                                             json_pack("{s:s, s:b}", "targetId", target, "flatten", 1))
                              : NULL;
    const char *session = json_string_value(json_object_get(attached, "sessionId"));
    if (session) snprintf(b->session, sizeof b->session, "%s", session);
    json_decref(made);
    json_decref(attached);
    return session && browser_do(b, "Page.enable", NULL) && browser_do(b, "Runtime.enable", NULL) &&
           browser_do(b, "Log.enable", NULL) && browser_do(b, "Network.enable", NULL);
}

/* Loads a file at a width; scheme: "light" or "dark". */
static inline bool browser_load(browser *b, const char *path, int width, const char *scheme)
{
    char url[512];
    b->loaded = false;
    b->complaints = b->fetched = 0;
    bool fine = browser_do(b, "Emulation.setDeviceMetricsOverride",
                           json_pack("{s:i, s:i, s:i, s:b}", "width", width, "height", 900,
                                     "deviceScaleFactor", 1, "mobile", width < 600)) &&
                browser_do(b, "Emulation.setEmulatedMedia",
                           json_pack("{s:[{s:s, s:s}]}", "features", "name", "prefers-color-scheme", "value",
                                     scheme));
    snprintf(url, sizeof url, "file://%s", path);
    fine = fine && browser_do(b, "Page.navigate", json_pack("{s:s}", "url", url));
    while (fine && !b->loaded) {
        json_t *message = browser_read(b, 60);
        if (!message) return false;
        browser_note(b, message);
        json_decref(message);
    }
    return fine;
}

/* What an expression gives, as text; free(). */
static inline char *browser_evaluate(browser *b, const char *expression)
{
    json_t *result = browser_send(
        b, "Runtime.evaluate",
        json_pack("{s:s, s:b, s:b}", "expression", expression, "returnByValue", 1, "awaitPromise", 1));
    json_t *value = json_object_get(json_object_get(result, "result"), "value");
    char *text =
        json_is_string(value) ? strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);
    json_decref(result);
    return text ? text : strdup("(nothing)");
}

#endif
