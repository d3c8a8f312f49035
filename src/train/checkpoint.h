/* A checkpoint: named float arrays and a JSON text of facts in one safetensors file.
 *
 * It is written to a temporary name, waited for until it is on the disk, then renamed: whatever happens,
 * there is the old checkpoint or the new one, whole. A SHA-256 over facts, names and numbers is in it, so
 * that a file that was damaged is seen. Reading checks everything before it changes anything.
 */
#ifndef NW_TRAIN_CHECKPOINT_H
#define NW_TRAIN_CHECKPOINT_H

#include "explain/safetensors.h"

typedef struct nw_checkpoint_array {
    const char *name; /* UTF-8, each once */
    float *data;      /* only read by nw_checkpoint_write */
    nw_shape shape;
} nw_checkpoint_array;

/* The shape of a plain list. */
static inline nw_shape nw_checkpoint_list(int64_t count)
{
    return (nw_shape){.rank = 1, .dims = {count}};
}

/* facts: a JSON object. NW_BAD_INPUT where it is none, or where a name is there twice; NW_NOT_FINITE names
 * the array that holds NaN or infinity; NW_IO for a disk that is full, the old file stays then. */
nw_status nw_checkpoint_write(const char *path, const char *facts, const nw_checkpoint_array *arrays,
                              size_t count, nw_error *err);

/* The facts alone, nw_free; to see which network and settings the arrays are for. The digest is checked. */
nw_status nw_checkpoint_facts(const char *path, char **facts, nw_error *err);

/* Fills arrays[i].data, all of them, from a file that holds exactly these names with these shapes. *facts
 * (NULL: not wanted) is to be released with nw_free. NW_BAD_INPUT says what differs; no array was changed
 * then. */
nw_status nw_checkpoint_read(const char *path, const nw_checkpoint_array *arrays, size_t count, char **facts,
                             nw_error *err);

/* Whether an open file is a checkpoint that is whole: NW_BAD_INPUT says why not. *facts is valid as long as
 * the file is open. */
nw_status nw_checkpoint_check(const nw_safetensors *file, const char **facts, nw_error *err);

#endif
