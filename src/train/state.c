/* The state of a training in one file, and back. */
#include "base/memory.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Everything that changes, by name. */
typedef struct state {
    nw_checkpoint_array *arrays;
    char **names; /* [count], ours */
    size_t count, capacity;
} state;

static void clear(state *s)
{
    for (size_t i = 0; i < s->count; i++) nw_free(s->names[i]);
    nw_free(s->names);
    nw_free(s->arrays);
}

static nw_status add(state *s, const char *kind, const char *name, float *data, int64_t count, nw_error *err)
{
    char *text = nw_strdup_printf("%s:%s", kind, name);
    if (!text) return nw_no_memory(err, strlen(name), "a checkpoint");
    s->names[s->count] = text;
    s->arrays[s->count++] =
        (nw_checkpoint_array){.name = text, .data = data, .shape = nw_checkpoint_list(count)};
    return NW_OK;
}

static nw_status add_all(state *s, const char *kind, float *const *arrays, const nw_trainer *t, nw_error *err)
{
    for (size_t i = 0; i < t->count; i++) NW_TRY(add(s, kind, t->names[i], arrays[i], t->sizes[i], err));
    return NW_OK;
}

static nw_status gather(const nw_trainer *t, state *s, nw_error *err)
{
    size_t own = nw_optimiser_state_count(t->optimiser);
    s->arrays = nw_calloc(3 * t->count + own, sizeof *s->arrays);
    s->names = nw_calloc(3 * t->count + own, sizeof *s->names);
    if (!s->arrays || !s->names) return nw_no_memory(err, t->count * sizeof *s->arrays, "a checkpoint");
    NW_TRY(add_all(s, "weights", t->values, t, err));
    if (t->average.count) NW_TRY(add_all(s, "average", t->average.arrays, t, err));
    if (t->best.count) NW_TRY(add_all(s, "best", t->best.arrays, t, err));
    for (size_t i = 0; i < own; i++) {
        const char *name;
        float *data;
        int64_t count;
        nw_optimiser_state(t->optimiser, i, &name, &data, &count);
        NW_TRY(add(s, "optimiser", name, data, count, err));
    }
    return NW_OK;
}

static nw_status own_facts(const nw_trainer *t, char **out, nw_error *err)
{
    json_t *made = json_loads(t->facts, 0, NULL);
    json_t *j = json_pack("{s:o, s:I, s:I, s:I, s:f, s:f}", "made_with", made, "epoch", (json_int_t)t->epoch,
                          "step", (json_int_t)t->step, "best_epoch", (json_int_t)t->best_epoch, "best_score",
                          t->best_score, "best_loss", t->best_loss);
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(j);
    *out = text ? nw_strdup(text) : NULL;
    free(text);
    return *out ? NW_OK : nw_no_memory(err, 1024, "a checkpoint");
}

nw_status nw_trainer_save(nw_trainer *t, const char *path, nw_error *err)
{
    state s = {.count = 0};
    char *facts = NULL, *copy = nw_strdup(path);
    nw_status status = copy ? gather(t, &s, err) : nw_no_memory(err, strlen(path), "a checkpoint");
    if (status == NW_OK) status = own_facts(t, &facts, err);
    if (status == NW_OK) status = nw_checkpoint_write(path, facts, s.arrays, s.count, err);
    clear(&s);
    nw_free(facts);
    if (status != NW_OK) {
        nw_free(copy);
        return status;
    }
    nw_free(t->checkpoint);
    t->checkpoint = copy;
    return NW_OK;
}

static nw_status differs(const json_t *theirs, const json_t *ours, const char *path, const char *place,
                         const char *key, nw_error *err)
{
    char *was = theirs ? json_dumps(theirs, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL,
         *is = ours ? json_dumps(ours, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
    nw_status status =
        nw_fail(err, NW_BAD_INPUT,
                "%s was made with %s%s%s = %.80s, this training has %.80s; begin anew, or give the "
                "same settings",
                path, place, *place ? "." : "", key, was ? was : "nothing", is ? is : "nothing");
    free(was);
    free(is);
    return status;
}

/* Says the first thing in which the file's training differs from this one. */
static nw_status compare(const json_t *theirs, const json_t *ours, const char *path, const char *place,
                         nw_error *err)
{
    const char *key;
    json_t *value;
    static const struct {
        const char *key, *text;
    } words[] = {{"start_digest", "another network to start from (architecture, size or seed)"},
                 {"data_digest", "other data, labels or splits"}};
    if (!json_is_object(theirs))
        return nw_fail(err, NW_BAD_INPUT, "%s is not the checkpoint of a training", path);
    json_object_foreach((json_t *)(uintptr_t)ours, key, value)
    {
        json_t *other = json_object_get(theirs, key);
        if (!other) continue;
        if (json_is_object(value) && json_is_object(other)) {
            NW_TRY(compare(other, value, path, key, err));
            continue;
        }
        if (json_equal(other, value)) continue;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strcmp(words[i].key, key) == 0)
                return nw_fail(err, NW_BAD_INPUT, "%s was made with %s", path, words[i].text);
        return differs(other, value, path, place, key, err);
    }
    json_object_foreach((json_t *)(uintptr_t)ours, key, value)
    {
        if (!json_object_get(theirs, key)) return differs(NULL, value, path, place, key, err);
    }
    json_object_foreach((json_t *)(uintptr_t)theirs, key, value)
    {
        if (!json_object_get(ours, key)) return differs(value, NULL, path, place, key, err);
    }
    return NW_OK;
}

typedef struct numbers {
    int64_t epoch, step, best_epoch;
    double best_score, best_loss;
} numbers;

static nw_status read_facts(const nw_trainer *t, const char *path, const char *text, numbers *out,
                            nw_error *err)
{
    json_t *j = json_loads(text, 0, NULL), *ours = json_loads(t->facts, 0, NULL);
    json_int_t epoch = -1, step = -1, best = -1;
    double score = 0, loss = 0;
    nw_status status = NW_OK;
    if (!j || json_unpack(j, "{s:I, s:I, s:I, s:F, s:F}", "epoch", &epoch, "step", &step, "best_epoch", &best,
                          "best_score", &score, "best_loss", &loss) != 0)
        status = nw_fail(err, NW_BAD_INPUT, "%s is not the checkpoint of a training", path);
    if (status == NW_OK) status = compare(json_object_get(j, "made_with"), ours, path, "", err);
    if (status == NW_OK && (epoch < 0 || epoch > t->s.o.epochs || step != epoch * t->steps || best < 0 ||
                            best > epoch || !isfinite(score) || !isfinite(loss)))
        status = nw_fail(err, NW_BAD_INPUT, "%s says epoch %lld and step %lld, which cannot be", path,
                         (long long)epoch, (long long)step);
    json_decref(j);
    json_decref(ours);
    *out = (numbers){epoch, step, best, score, loss};
    return status;
}

nw_status nw_trainer_restore(nw_trainer *t, const char *path, nw_error *err)
{
    char *facts = NULL;
    numbers n = {0};
    NW_TRY(nw_checkpoint_facts(path, &facts, err));
    nw_status status = read_facts(t, path, facts, &n, err);
    nw_free(facts);
    NW_TRY(status);
    nw_weights best = {0}, before = t->best;
    if (n.best_epoch) NW_TRY(nw_weights_new(&best, t->sizes, t->count, err));
    t->best = best;
    state s = {.count = 0};
    char *copy = nw_strdup(path);
    status = copy ? gather(t, &s, err) : nw_no_memory(err, strlen(path), "a checkpoint");
    if (status == NW_OK) status = nw_checkpoint_read(path, s.arrays, s.count, NULL, err);
    clear(&s);
    if (status == NW_OK) status = nw_optimiser_restored(t->optimiser, err);
    if (status != NW_OK) {
        nw_weights_clear(&t->best);
        t->best = before;
        nw_free(copy);
        return status;
    }
    nw_weights_clear(&before);
    nw_free(t->checkpoint);
    t->checkpoint = copy;
    t->epoch = n.epoch;
    t->step = n.step;
    t->best_epoch = n.best_epoch;
    t->best_score = n.best_score;
    t->best_loss = n.best_loss;
    return NW_OK;
}
