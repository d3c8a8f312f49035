#include "dataset/dataset.h"

#include <errno.h>
#include <math.h>
#include <nettle/sha2.h>
#include <string.h>
#include <sys/stat.h>

nw_status nw_dataset_add_row(nw_dataset *data, const nw_row *row, nw_error *err)
{
    const char **cells = nw_calloc(data->label_columns, sizeof *cells);
    if (!cells || !NW_GROW(data->rows, data->row_capacity, data->row_count)) {
        nw_free(cells);
        return nw_no_memory(err, sizeof *row, "the list");
    }
    memcpy(cells, row->cells, data->label_columns * sizeof *cells);
    data->rows[data->row_count] = *row;
    data->rows[data->row_count++].cells = cells;
    return NW_OK;
}

const char *nw_row_place(const char *source, const nw_row *row, char text[512])
{
    if (row->line)
        snprintf(text, 512, "%s line %zu", source, row->line);
    else
        snprintf(text, 512, "%s", row->path);
    return text;
}

void nw_dataset_free(nw_dataset *data)
{
    if (!data) return;
    nw_cache_clear(data);
    if (data->locked) {
        pthread_mutex_destroy(&data->lock);
        for (int i = 0; i < NW_STRIPES; i++) pthread_mutex_destroy(&data->stripes[i]);
    }
    for (size_t i = 0; i < data->row_count; i++) nw_free(data->rows[i].cells);
    nw_free(data->rows);
    nw_free(data->columns);
    nw_free(data->classes);
    nw_free(data->sources);
    nw_free(data->groups);
    nw_free(data->items);
    nw_free(data->item_source);
    nw_free(data->item_row);
    nw_free(data->item_key);
    nw_free(data->targets);
    for (int s = 0; s < NW_SPLITS; s++) {
        nw_free(data->split_items[s]);
        nw_free(data->bags[s]);
        nw_free(data->bag_items[s]);
    }
    nw_free(data->text.data);
    nw_strings_clear(&data->strings);
    nw_strings_clear(&data->notes);
    nw_strings_clear(&data->warnings);
    nw_free(data);
}

static nw_status check_options(const nw_dataset_options *o, nw_error *err)
{
    if (o->task_given && (unsigned)o->task > NW_TASK_REGRESSION)
        return nw_fail(err, NW_USAGE, "there is no task %d", (int)o->task);
    if (!(o->val_share >= 0) || !(o->test_share >= 0) || !(o->val_share + o->test_share < 1))
        return nw_fail(err, NW_USAGE,
                       "shares of %g for validation and %g for the test: each from 0, together below 1",
                       o->val_share, o->test_share);
    if (o->folds < 0 || o->folds == 1 || o->folds > 1000 || o->fold < 0 ||
        o->fold >= (o->folds ? o->folds : 1))
        return nw_fail(err, NW_USAGE, "fold %d of %d: folds are 2 to 1000, the first is 0", o->fold,
                       o->folds);
    if (o->folds && o->test_share > 0)
        return nw_fail(err, NW_USAGE, "with folds the test split is a fold; take no share for the test");
    if ((unsigned)o->straddle > NW_STRADDLE_ALLOW)
        return nw_fail(err, NW_USAGE, "there is no way %d with groups in several splits", (int)o->straddle);
    if (o->slice_step < 0)
        return nw_fail(err, NW_USAGE, "every %lld-th slice: 1 or more", (long long)o->slice_step);
    if (!(o->slice_low >= 0) || !(o->slice_high <= 1) ||
        (o->slice_high != 0 && !(o->slice_low < o->slice_high)) || (o->slice_high == 0 && o->slice_low != 0))
        return nw_fail(err, NW_USAGE, "slices from %g to %g of the stack: 0 <= low < high <= 1", o->slice_low,
                       o->slice_high);
    if (o->pre.depth < 0 || o->pre.depth > NW_MAX_DEPTH)
        return nw_fail(err, NW_USAGE, "volumes of %lld slices: 1 to %d are possible", (long long)o->pre.depth,
                       NW_MAX_DEPTH);
    if (o->pre.depth && o->per_study)
        return nw_fail(err, NW_USAGE,
                       "whole volumes are wanted, of which each is a study already; labels per study are for "
                       "slices");
    if (o->pre.depth && (o->slice_step > 1 || o->slice_high != 0))
        return nw_fail(err, NW_USAGE, "whole volumes are wanted, so slices cannot be chosen from them");
    if (!isfinite(o->lungs_margin_mm) || o->lungs_margin_mm > 200)
        return nw_fail(err, NW_USAGE, "a margin of %g mm around the lungs: up to 200", o->lungs_margin_mm);
    nw_preprocess pre = o->pre;
    nw_shape shape = nw_preprocess_shape(&pre, 1);
    return nw_preprocess_fit(&pre, shape.rank, shape.dims, err);
}

static nw_status make_mutexes(nw_dataset *data, nw_error *err)
{
    int made = 0;
    if (pthread_mutex_init(&data->lock, NULL) != 0) return nw_no_memory(err, sizeof data->lock, "a lock");
    while (made < NW_STRIPES && pthread_mutex_init(&data->stripes[made], NULL) == 0) made++;
    data->locked = made == NW_STRIPES;
    if (data->locked) return NW_OK;
    pthread_mutex_destroy(&data->lock);
    while (made-- > 0) pthread_mutex_destroy(&data->stripes[made]);
    return nw_no_memory(err, sizeof data->lock, "a lock");
}

static void hash_text(struct sha256_ctx *ctx, const char *text)
{
    sha256_update(ctx, strlen(text) + 1, (const uint8_t *)text); /* the zero parts it from the next one */
}

static void make_digest(nw_dataset *data)
{
    struct sha256_ctx ctx;
    uint8_t bytes[SHA256_DIGEST_SIZE];
    sha256_init(&ctx);
    hash_text(&ctx, nw_task_name(data->task));
    for (size_t c = 0; c < data->class_count; c++) hash_text(&ctx, data->classes[c]);
    for (int s = 0; s < NW_SPLITS; s++)
        for (size_t i = 0; i < data->split_count[s]; i++) {
            const nw_sample *item = &data->items[data->split_items[s][i]];
            const nw_row *row = &data->rows[data->item_row[data->split_items[s][i]]];
            char numbers[80];
            snprintf(numbers, sizeof numbers, "%s %lld %.9g", nw_split_name((nw_split)s),
                     (long long)item->slice, (double)item->weight);
            hash_text(&ctx, item->name);
            hash_text(&ctx, numbers);
            for (size_t c = 0; c < data->label_columns; c++) hash_text(&ctx, row->cells[c]);
        }
    sha256_digest(&ctx, sizeof bytes, bytes);
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(data->digest + 2 * i, 3, "%02x", bytes[i]);
}

nw_status nw_dataset_build(nw_dataset *data, const char *source, nw_error *err)
{
    NW_TRY(nw_dataset_straddle(data, source, err));
    NW_TRY(nw_dataset_infer(data, source, err));
    NW_TRY(nw_dataset_items(data, source, err));
    NW_TRY(nw_dataset_targets(data, source, err));
    NW_TRY(nw_dataset_deal(data, source, err));
    NW_TRY(nw_dataset_make_bags(data, source, err));
    NW_TRY(nw_dataset_check(data, source, err));
    make_digest(data);
    return NW_OK;
}

static nw_status open_list(nw_dataset *data, const char *path, nw_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0) return nw_fail(err, NW_IO, "%s: cannot open: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        NW_TRY(nw_dataset_folder(data, path, err));
    else
        NW_TRY(nw_dataset_table(data, path, err));
    return nw_dataset_build(data, path, err);
}

nw_status nw_dataset_new(const nw_dataset_options *options, nw_dataset **out, nw_error *err)
{
    NW_TRY(check_options(options, err));
    nw_dataset *data = nw_calloc(1, sizeof *data);
    if (!data) return nw_no_memory(err, sizeof *data, "a dataset");
    data->options = *options;
    data->pre = options->pre;
    double margin = options->lungs_margin_mm;
    data->lungs = (nw_lung_view){options->lungs_crop != 0, options->lungs_fill != 0,
                                 margin < 0   ? 0
                                 : margin > 0 ? margin
                                              : 5};
    data->limit = options->cache_bytes ? options->cache_bytes : (size_t)2 << 30;
    nw_status status = make_mutexes(data, err);
    if (status == NW_OK)
        *out = data;
    else
        nw_free(data);
    return status;
}

nw_status nw_dataset_open(const char *path, const nw_dataset_options *options, nw_dataset **out,
                          nw_error *err)
{
    nw_dataset *data;
    NW_TRY(nw_dataset_new(options, &data, err));
    nw_status status = open_list(data, path, err);
    /* The caller's texts need not live on. */
    data->options.classes = NULL;
    data->options.root = data->options.file_column = data->options.label_column = NULL;
    data->options.split_column = data->options.group_column = data->options.weight_column = NULL;
    data->options.slice_column = data->options.orient_column = data->options.bag_column = NULL;
    if (status != NW_OK) {
        nw_dataset_free(data);
        return status;
    }
    *out = data;
    return NW_OK;
}
