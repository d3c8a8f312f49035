#include "base/file.h"
#include "base/memory.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <narrows/report.h>
#include <narrows/version.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct nw_manifest {
    json_t *root;
    nw_status status; /* of the first setter that failed */
    nw_error error;
};

static void set_time(json_t *root, const char *key) {
    char text[32];
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc))
        json_object_set_new(root, key, json_string(text));
}

nw_status nw_manifest_new(const char *command, nw_manifest **out, nw_error *err) {
    nw_manifest *manifest = nw_calloc(1, sizeof *manifest);
    json_t *root = json_object();
    if (!manifest || !root) {
        nw_free(manifest);
        json_decref(root);
        return nw_no_memory(err, sizeof *manifest, "a manifest");
    }
    manifest->root = root;
    json_object_set_new(root, "schema", json_string("narrows.manifest"));
    json_object_set_new(root, "schema_version", json_integer(NW_MANIFEST_VERSION));
    json_object_set_new(root, "tool", json_pack("{s:s, s:s}", "name", "narrows", "version", nw_version()));
    json_object_set_new(root, "command", json_string(command));
    set_time(root, "started");
    *out = manifest;
    return NW_OK;
}

void nw_manifest_free(nw_manifest *manifest) {
    if (!manifest) return;
    json_decref(manifest->root);
    nw_free(manifest);
}

static void fail(nw_manifest *manifest, nw_status status, const char *path, const char *what) {
    if (manifest->status == NW_OK)
        manifest->status = nw_fail(&manifest->error, status, "manifest, '%s': %s", path, what);
}

/* Takes the next component of a path into key ("\\." stands for a dot); false at the end. */
static bool component(const char **path, char *key, size_t size, bool *is_index) {
    const char *p = *path;
    size_t n = 0;
    if (!*p) return false;
    *is_index = isdigit((unsigned char)*p);
    for (; *p && *p != '.'; p++) {
        if (p[0] == '\\' && p[1] == '.') p++;
        if (!isdigit((unsigned char)*p)) *is_index = false;
        if (n + 1 < size) key[n++] = *p;
    }
    key[n] = 0;
    *path = *p ? p + 1 : p;
    return true;
}

/* The child of that name or index, or NULL. */
static json_t *child(json_t *parent, const char *key, bool is_index) {
    if (is_index)
        return json_is_array(parent) ? json_array_get(parent, (size_t)strtoull(key, NULL, 10)) : NULL;
    return json_object_get(parent, key);
}

/* Takes over value. -1 where the parent is of the wrong kind or the index leaves a gap. */
static int put(json_t *parent, const char *key, bool is_index, json_t *value) {
    if (!is_index) return json_object_set_new(parent, key, value);
    size_t i = (size_t)strtoull(key, NULL, 10);
    if (i == json_array_size(parent)) return json_array_append_new(parent, value);
    return json_array_set_new(parent, i, value);
}

static void set(nw_manifest *manifest, const char *path, json_t *value) {
    if (!value) {
        fail(manifest, NW_BAD_INPUT, path, "the value is not valid UTF-8, or memory is out");
        return;
    }
    json_t *at = manifest->root;
    char key[256], next[256];
    bool is_index = false, next_is_index = false;
    const char *rest = path;
    if (!component(&rest, key, sizeof key, &is_index)) {
        json_decref(value);
        return;
    }
    while (component(&rest, next, sizeof next, &next_is_index)) {
        json_t *down = child(at, key, is_index);
        if (!down) {
            down = next_is_index ? json_array() : json_object();
            if (put(at, key, is_index, down) != 0) down = NULL;
        }
        if (!down || !(next_is_index ? json_is_array(down) : json_is_object(down))) {
            json_decref(value);
            fail(manifest, NW_FAILED, path, "leads through a value that is already there");
            return;
        }
        at = down;
        memcpy(key, next, sizeof key);
        is_index = next_is_index;
    }
    if (put(at, key, is_index, value) != 0) fail(manifest, NW_FAILED, path, "cannot be set there");
}

void nw_manifest_text(nw_manifest *manifest, const char *path, const char *value) {
    if (!value) {
        set(manifest, path, json_null());
        return;
    }
    json_t *text = json_string(value);
    if (!text) { /* a file name that is not UTF-8 must not cost the record */
        char *copy = nw_strdup(value);
        for (char *p = copy; p && *p; p++)
            if ((unsigned char)*p >= 0x80) *p = '?';
        text = copy ? json_string(copy) : NULL;
        nw_free(copy);
    }
    set(manifest, path, text);
}

static json_t *real(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

void nw_manifest_number(nw_manifest *manifest, const char *path, double value) {
    set(manifest, path, real(value));
}

void nw_manifest_integer(nw_manifest *manifest, const char *path, int64_t value) {
    set(manifest, path, json_integer(value));
}

void nw_manifest_flag(nw_manifest *manifest, const char *path, int value) {
    set(manifest, path, json_boolean(value));
}

void nw_manifest_numbers(nw_manifest *manifest, const char *path, const double *values, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++) json_array_append_new(array, real(values[i]));
    set(manifest, path, array);
}

void nw_manifest_json(nw_manifest *manifest, const char *path, const char *json) {
    json_error_t error;
    json_t *value = json_loads(json, JSON_DECODE_ANY, &error);
    if (value)
        set(manifest, path, value);
    else
        fail(manifest, NW_BAD_INPUT, path, error.text);
}

/* Twelve digits: more than a float32 holds, and short. */
enum { DUMP = JSON_INDENT(2) | JSON_REAL_PRECISION(12) };

char *nw_manifest_dump(const nw_manifest *manifest) {
    return json_dumps(manifest->root, DUMP);
}

void nw_manifest_release_text(char *text) {
    free(text);
}

nw_status nw_manifest_write(nw_manifest *manifest, const char *path, nw_error *err) {
    if (manifest->status != NW_OK) {
        if (err) *err = manifest->error;
        return manifest->status;
    }
    set_time(manifest->root, "finished");
    char *text = nw_manifest_dump(manifest);
    if (!text) return nw_no_memory(err, 0, path);
    nw_output out;
    nw_status status = nw_output_open(path, &out, err);
    if (status == NW_OK) {
        nw_output_write(&out, text, strlen(text));
        nw_output_write(&out, "\n", 1);
        status = nw_output_commit(&out, err);
    }
    nw_manifest_release_text(text);
    return status;
}
