/* Lists and folders: what they mean, and every bad one with its message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/dataset.h"

#include <math.h>

static int setup(void **state)
{
    data_setup(state);
    static const char *const names[] = {"a.png", "b.png", "c.png", "d.png", "e.png", "f.png"};
    for (unsigned i = 0; i < 6; i++) data_picture(names[i], 10, 14, i);
    return 0;
}

static void classes_are_named_and_sorted(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    nw_dataset *d = data_open(data_list("file,label\na.png,sick\nb.png,healthy\n\"c.png\", sick \n"), &o);
    assert_int_equal(nw_dataset_task(d), NW_TASK_CLASSES);
    assert_int_equal(nw_dataset_outputs(d), 2);
    assert_string_equal(nw_dataset_class_name(d, 0), "healthy");
    assert_string_equal(nw_dataset_class_name(d, 1), "sick");
    assert_null(nw_dataset_class_name(d, 2));
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_TRAIN), 3);
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_VAL), 0);
    assert_int_equal(nw_dataset_members(d, NW_SPLIT_TRAIN, 1), 2);
    assert_int_equal(nw_dataset_group_count(d), 3);
    assert_true(data_said(d, "inferred from column 'label': classes"));
    assert_true(data_said(d, "no group column"));
    const nw_sample *s = nw_dataset_sample(d, NW_SPLIT_TRAIN, 0);
    assert_string_equal(s->path, data_path("a.png"));
    assert_string_equal(s->name, "a.png");
    assert_string_equal(s->label, "sick");
    assert_int_equal(s->class_index, 1);
    assert_true(s->target[0] == 0 && s->target[1] == 1 && s->weight == 1);
    assert_int_equal(s->line, 2);
    nw_dataset_free(d);
    /* Numbers as numbers: 2 before 10. */
    o.task_given = 1;
    d = data_open(data_list("file,class\na.png,10\nb.png,2\nc.png,10\n"), &o);
    assert_string_equal(nw_dataset_class_name(d, 0), "2");
    assert_string_equal(nw_dataset_class_name(d, 1), "10");
    assert_false(data_said(d, "inferred"));
    nw_dataset_free(d);
    const char *const given[] = {"sick", "healthy", "other"};
    o.classes = given;
    o.class_count = 3;
    d = data_open(data_list("file,label\na.png,sick\nb.png,healthy\n"), &o);
    assert_int_equal(nw_dataset_sample(d, NW_SPLIT_TRAIN, 0)->class_index, 0);
    assert_true(data_said(d, "no image of 'other' is in the training split"));
    nw_dataset_free(d);
}

static void tasks_are_inferred_with_care(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    static const struct {
        const char *text;
        nw_task task;
        size_t outputs;
    } good[] = {
        {"file,label\na.png,0\nb.png,1\nc.png,1\n", NW_TASK_CLASSES, 2},
        {"file,label\na.png,0\nb.png,1\nc.png,2\n", NW_TASK_CLASSES, 3},
        {"file,label\na.png,0.5\nb.png,1\nc.png,2e-3\n", NW_TASK_REGRESSION, 1},
        {"file,label\na.png,x;y\nb.png,y\nc.png,none\n", NW_TASK_MULTILABEL, 2},
        {"file,labels\na.png,x\nb.png,y\nc.png,\n", NW_TASK_MULTILABEL, 2},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        nw_dataset *d = data_open(data_list(good[i].text), &o);
        assert_int_equal(nw_dataset_task(d), good[i].task);
        assert_int_equal(nw_dataset_outputs(d), good[i].outputs);
        nw_dataset_free(d);
    }
    data_refused(data_list("file,label\na.png,1\nb.png,3\nc.png,7\n"), &o, NW_BAD_INPUT,
                 "'label' (1 to 7)~classes or amounts~give the task");
    data_refused(data_list("file,label\na.png,1\nb.png,2\n"), &o, NW_BAD_INPUT, "give the task");
    data_refused(data_list("file,label\na.png,1.5\nb.png,nan\nc.png,3\n"), &o, NW_BAD_INPUT,
                 "'nan', which is not a finite number");
    o.task = NW_TASK_REGRESSION;
    o.task_given = 1;
    nw_dataset *d = data_open(data_list("file,label\na.png,1\nb.png,3\nc.png,7\n"), &o);
    assert_true(nw_dataset_sample(d, NW_SPLIT_TRAIN, 2)->target[0] == 7);
    assert_int_equal(nw_dataset_sample(d, NW_SPLIT_TRAIN, 2)->class_index, -1);
    nw_dataset_free(d);
    o.task = NW_TASK_BINARY;
    d = data_open(data_list("file,label\na.png,no\nb.png,yes\n"), &o);
    assert_int_equal(nw_dataset_outputs(d), 1);
    assert_int_equal(nw_dataset_class_count(d), 2);
    assert_true(nw_dataset_sample(d, NW_SPLIT_TRAIN, 1)->target[0] == 1);
    nw_dataset_free(d);
    data_refused(data_list("file,label\na.png,x\nb.png,y\nc.png,z\n"), &o, NW_BAD_INPUT,
                 "binary needs two classes~has 3");
}

static void several_columns_are_several_outputs(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    o.label_column = "fluid, nodule";
    nw_dataset *d = data_open(data_list("file,nodule,fluid\na.png,1,0\nb.png,0,1\nc.png,,1.0\n"), &o);
    assert_int_equal(nw_dataset_task(d), NW_TASK_MULTILABEL);
    assert_string_equal(nw_dataset_class_name(d, 0), "fluid");
    const nw_sample *s = nw_dataset_sample(d, NW_SPLIT_TRAIN, 2);
    assert_true(s->target[0] == 1 && s->target[1] == 0);
    assert_string_equal(s->label, "fluid=1.0 nodule=");
    assert_int_equal(nw_dataset_members(d, NW_SPLIT_TRAIN, 0), 2);
    nw_dataset_free(d);
    d = data_open(data_list("file,nodule,fluid\na.png,1.5,0\nb.png,0,1\nc.png,2,1\n"), &o);
    assert_int_equal(nw_dataset_task(d), NW_TASK_REGRESSION);
    assert_true(nw_dataset_sample(d, NW_SPLIT_TRAIN, 2)->target[1] == 2);
    nw_dataset_free(d);
    data_refused(data_list("file,nodule,fluid\na.png,1.5,0\nb.png,,1\nc.png,2,1\n"), &o, NW_BAD_INPUT,
                 "line 3~b.png~'' in column 'nodule' is not a finite number");
    o.task = NW_TASK_MULTILABEL;
    o.task_given = 1;
    data_refused(data_list("file,nodule,fluid\na.png,2,0\nb.png,0,1\n"), &o, NW_BAD_INPUT,
                 "line 2~'2' in column 'nodule'; 0 or 1");
    o.task = NW_TASK_CLASSES;
    data_refused(data_list("file,nodule,fluid\na.png,1,0\n"), &o, NW_USAGE,
                 "2 columns of labels~not classes");
    o.label_column = "fluid,what";
    data_refused(data_list("file,nodule,fluid\na.png,1,0\n"), &o, NW_BAD_INPUT,
                 "no column 'what' for the label; it has 'file', 'nodule', 'fluid'");
    o.label_column = "fluid,fluid";
    data_refused(data_list("file,nodule,fluid\na.png,1,0\n"), &o, NW_USAGE, "'fluid' is named twice");
}

static void columns_are_found_and_chosen(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    const char *text = "Path,Class,SPLIT,patient,weight,orient,site\n"
                       "a.png,x,Training,p1,2,,s\nb.png,y,TRAIN,p1,0.5,rot90,s\nc.png,x,valid,p2,1,none,s\n"
                       "d.png,y,Validation,p3,1,,s\ne.png,x,testing,p4,1,,s\nf.png,y,test,p5,1,,s\n";
    nw_dataset *d = data_open(data_list(text), &o);
    for (int s = 0; s < NW_SPLITS; s++) assert_int_equal(nw_dataset_count(d, (nw_split)s), 2);
    assert_int_equal(nw_dataset_split_groups(d, NW_SPLIT_TRAIN), 1);
    assert_int_equal(nw_dataset_split_groups(d, NW_SPLIT_VAL), 2);
    assert_true(nw_dataset_sample(d, NW_SPLIT_TRAIN, 0)->weight == 2.F);
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_TRAIN, 1)->group_name, "p1");
    assert_true(data_said(d, "groups are those of column 'patient'"));
    assert_false(data_said(d, "no group column"));
    nw_dataset_free(d);
    o.group_column = "";
    o.weight_column = "";
    d = data_open(data_list(text), &o);
    assert_int_equal(nw_dataset_group_count(d), 6);
    assert_true(nw_dataset_sample(d, NW_SPLIT_TRAIN, 0)->weight == 1.F);
    nw_dataset_free(d);
    o.split_column = "fold";
    data_refused(data_list(text), &o, NW_BAD_INPUT, "no column 'fold' for the split");
    o.split_column = "";
    d = data_open(data_list(text), &o);
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_TRAIN), 6);
    nw_dataset_free(d);
}

static void bad_lists_are_refused(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    static const struct {
        const char *text;
        nw_status status;
        const char *words;
    } bad[] = {
        {"file,label\na.png,x\nmissing.png,y\n", NW_IO, "list.csv line 3~missing.png: no such file"},
        {"file,label\na.png,x\nb.png,\n", NW_BAD_INPUT, "line 3~b.png has no label in column 'label'"},
        {"file,label\na.png,x\n,y\n", NW_BAD_INPUT, "line 3: no file is named"},
        {"file,label\na.png,x\nb.png,x\n", NW_BAD_INPUT, "one class (x)~nothing to learn"},
        {"file,label\na.png,0.5\nb.png,0.5\n", NW_BAD_INPUT, "all numbers of 'label'~are the same"},
        {"file,labels\na.png,x\nb.png,x\n", NW_BAD_INPUT,
         "no label tells images of the training split apart (x)"},
        {"file,label,split\na.png,x,train\nb.png,y,train\nc.png,x,dev\n", NW_BAD_INPUT,
         "line 4: split 'dev'; train, val and test"},
        {"file,label,split\na.png,x,train\nb.png,y,\n", NW_BAD_INPUT, "line 3: split ''"},
        {"file,label,split,patient\na.png,x,train,p\nb.png,y,train,q\nc.png,x,test,p\n", NW_BAD_INPUT,
         "lines 2 and 4~group 'p' is in split train and in test (1 of 2 groups"},
        {"file,label,group\na.png,x,\nb.png,y,q\n", NW_BAD_INPUT, "line 2: no group in column 'group'"},
        {"file,label,weight\na.png,x,1\nb.png,y,nan\n", NW_BAD_INPUT, "line 3: weight 'nan'"},
        {"file,label,weight\na.png,x,1\nb.png,y,-1\n", NW_BAD_INPUT, "line 3: weight '-1'"},
        {"file,label,weight\na.png,x,0\nb.png,y,0\n", NW_BAD_INPUT, "all weights"},
        {"file,label,orient\na.png,x,up\nb.png,y,\n", NW_BAD_INPUT, "line 2: orientation 'up'"},
        {"file,label,slice\na.png,x,one\nb.png,y,\n", NW_BAD_INPUT, "line 2: slice 'one'"},
        {"file,label,slice\na.png,x,1\nb.png,y,\n", NW_BAD_INPUT, "line 2: a.png has no slice 1"},
        {"file,label\na.png,x\na.png,y\n", NW_BAD_INPUT,
         "line 3: a.png, slice 0, has label 'y' here and 'x' on line 2"},
        {"file,label,group\na.png,x,g\nb.png,y,g\na.png,x,h\n", NW_BAD_INPUT,
         "line 4: a.png is in group 'h' here and in 'g' before"},
        {"file,label\na.png,x\nb.png,y,z\n", NW_BAD_INPUT, "line 3: 3 fields, the header has 2"},
        {"file,label\na.png,x\n\"b.png,y\n", NW_BAD_INPUT, "line 3: a quote is not closed"},
        {"file,what\na.png,x\n", NW_BAD_INPUT,
         "no column 'label', 'labels' or 'class'~it has 'file', 'what'"},
        {"file,label\n", NW_BAD_INPUT, "the list names no file"},
        {"", NW_BAD_INPUT, "the list is empty"},
        {"file,label\na.png,1\nb.png,1.0\nc.png,0\n", NW_BAD_INPUT, "give the task"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        data_refused(data_list(bad[i].text), &o, bad[i].status, bad[i].words);
    data_refused(temp_write(data_folder, "zero.csv", "file\0label", 10), &o, NW_BAD_INPUT, "zero bytes");
    data_refused(data_path("nowhere.csv"), &o, NW_IO, "nowhere.csv: cannot open");
    const char *const classes[] = {"x", "y"};
    o.classes = classes;
    o.class_count = 2;
    data_refused(data_list("file,label\na.png,x\nb.png,z\n"), &o, NW_BAD_INPUT,
                 "line 3: b.png: label 'z' is none of the classes (x, y)");
    data_refused(data_list("file,labels\na.png,x;y\nb.png,x|z\n"), &o, NW_BAD_INPUT,
                 "line 3: b.png: label 'z'");
    o = data_options();
    o.task = NW_TASK_CLASSES;
    o.task_given = 1;
    data_refused(data_list("file,label\na.png,1\nb.png,1.0\n"), &o, NW_BAD_INPUT,
                 "'1' and '1.0'~same number");
    o.task = NW_TASK_REGRESSION;
    data_refused(data_list("file,label\na.png,1\nb.png,inf\n"), &o, NW_BAD_INPUT,
                 "line 3: b.png: 'inf'~not a finite number");
    data_refused(data_list("file,label\na.png,1\nb.png,1e39\n"), &o, NW_BAD_INPUT, "line 3: b.png: '1e39'");
    data_refused(data_list("file,label\na.png,1\nb.png,nan\n"), &o, NW_BAD_INPUT,
                 "line 3: b.png: 'nan'~not a finite number");
    data_refused(data_list("file,label\na.png,1\nb.png,\n"), &o, NW_BAD_INPUT,
                 "line 3: b.png: ''~not a finite number");
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    const char *list = data_list("file,label\na.png,x\nb.png,y\nc.png,x\n");
    static const struct {
        nw_dataset_options o;
        const char *words;
    } bad[] = {
        {{.val_share = 0.6, .test_share = 0.5}, "shares of 0.6"},
        {{.val_share = -0.1}, "shares of -0.1"},
        {{.folds = 1}, "fold 0 of 1"},
        {{.folds = 3, .fold = 3}, "fold 3 of 3"},
        {{.folds = 3, .test_share = 0.2}, "no share"},
        {{.slice_step = -1}, "every -1-th"},
        {{.slice_low = 0.5, .slice_high = 0.2}, "slices from"},
        {{.slice_low = 0.5}, "slices from 0.5"},
        {{.lungs_margin_mm = 1e9}, "margin"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        nw_dataset_options o = bad[i].o;
        o.pre = data_options().pre;
        data_refused(list, &o, NW_USAGE, bad[i].words);
    }
    nw_dataset_options o = {0};
    data_refused(list, &o, NW_BAD_INPUT, "open");
    o = data_options();
    o.lungs_fill = 1;
    data_refused(list, &o, NW_BAD_INPUT, "a.png: lungs are found by their HU~picture does not have");
    o = data_options();
    o.folds = 4;
    data_refused(list, &o, NW_BAD_INPUT, "3 groups cannot be 4 folds");
    o = data_options();
    o.val_share = o.test_share = 0.3;
    data_refused(data_list("file,label\na.png,x\nb.png,y\n"), &o, NW_BAD_INPUT,
                 "2 groups cannot be parted into 3 splits");
    o = data_options();
    o.folds = 2;
    data_refused(data_list("file,label,split\na.png,x,train\nb.png,y,train\nc.png,x,test\n"), &o, NW_USAGE,
                 "splits of its own");
}

static void files_are_found_by_their_names(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    mkdir(data_path("sub"), 0700), mkdir(data_path("sub/one"), 0700), mkdir(data_path("sub/two"), 0700);
    data_picture("sub/one/p.png", 6, 6, 1), data_picture("sub/two/q.jpg.png", 6, 6, 2);
    data_picture("sub/two/r.png", 6, 6, 3);
    nw_dataset *d = data_open(data_list("file,label\na.png,x\np.png,y\nr.jpg,y\n"), &o);
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_TRAIN, 1)->path, data_path("sub/one/p.png"));
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_TRAIN, 1)->name, "p.png");
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_TRAIN, 2)->path, data_path("sub/two/r.png"));
    assert_true(data_said(d, "2 files were not where the list has them"));
    assert_true(data_said(d, "1 files have another ending"));
    nw_dataset_free(d);
    data_picture("sub/two/p.png", 6, 6, 4);
    data_refused(data_list("file,label\na.png,x\np.png,y\n"), &o, NW_BAD_INPUT, "line 3~several files below");
    char root[512];
    snprintf(root, sizeof root, "%s", data_path("sub/one"));
    data_picture("sub/one/s.png", 6, 6, 5);
    o.root = root;
    d = data_open(data_list("file,label\np.png,x\ns.png,y\n"), &o);
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_TRAIN, 0)->path, data_path("sub/one/p.png"));
    assert_false(data_said(d, "not where"));
    nw_dataset_free(d);
    data_refused(data_list("file,label\np.png,x\na.png,y\n"), &o, NW_IO,
                 "line 3~sub/one/a.png: no such file~root");
}

static void folders_are_classes(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    static const char *const folders[] = {
        "f",       "f/sick",  "f/well", "f/well/p7", "s", "s/train", "s/val",   "s/train/x", "s/train/y",
        "s/val/x", "s/val/y", "e",      "e/x",       "m", "m/train", "m/other", "one",       "one/x"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) mkdir(data_path(folders[i]), 0700);
    static const char *const files[] = {
        "f/sick/1.png",    "f/sick/2.png",    "f/well/3.png",  "f/well/p7/4.png", "f/well/p7/5.png",
        "s/train/x/1.png", "s/train/y/2.png", "s/val/x/3.png", "s/val/y/4.png",   "one/x/1.png"};
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) data_picture(files[i], 6, 6, i);
    temp_write(data_path("f/sick"), "notes.txt", "x", 1);
    nw_dataset *d = data_open(data_path("f"), &o);
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_TRAIN), 5);
    assert_string_equal(nw_dataset_class_name(d, 0), "sick");
    assert_int_equal(nw_dataset_members(d, NW_SPLIT_TRAIN, 1), 3);
    assert_int_equal(nw_dataset_group_count(d), 4);
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_TRAIN, 0)->name, "sick/1.png");
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_TRAIN, 4)->group_name, "p7");
    char digest[65];
    strcpy(digest, nw_dataset_digest(d));
    nw_dataset_free(d);
    char slash[600];
    snprintf(slash, sizeof slash, "%s/", data_path("f"));
    d = data_open(slash, &o);
    assert_string_equal(nw_dataset_digest(d), digest);
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_TRAIN, 0)->name, "sick/1.png");
    nw_dataset_free(d);
    d = data_open(data_path("s"), &(nw_dataset_options){.pre = o.pre});
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_TRAIN), 2);
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_VAL), 2);
    nw_dataset_free(d);
    /* The same patient's folder on both sides. */
    mkdir(data_path("s/train/x/p1"), 0700), mkdir(data_path("s/val/x/p1"), 0700);
    data_picture("s/train/x/p1/8.png", 6, 6, 8), data_picture("s/val/x/p1/9.png", 6, 6, 9);
    data_refused(data_path("s"), &o, NW_BAD_INPUT, "group 'p1' is in split train and in val");
    data_refused(data_path("e"), &o, NW_BAD_INPUT, "no image in the folder of class 'x'");
    data_refused(data_path("m"), &o, NW_BAD_INPUT, "folders of splits and of other names");
    data_refused(data_path("one"), &o, NW_BAD_INPUT, "one class (x)");
    data_refused(data_path("f/sick"), &o, NW_BAD_INPUT, "no folders of classes");
}

static void straddling_groups_are_dropped_or_allowed(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    const char *text =
        "file,label,split,group\na.png,x,train,p\nb.png,y,train,q\nc.png,x,test,p\nd.png,x,train,r\n"
        "e.png,y,val,q\nf.png,y,train,s\n";
    o.straddle = NW_STRADDLE_DROP;
    nw_dataset *d = data_open(data_list(text), &o);
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_TRAIN), 2);
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_TRAIN, 0)->name, "d.png");
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_TEST, 0)->name, "c.png");
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_VAL, 0)->name, "e.png");
    assert_true(data_said(d, "2 images are left out"));
    nw_dataset_free(d);
    o.straddle = NW_STRADDLE_ALLOW;
    d = data_open(data_list(text), &o);
    assert_int_equal(nw_dataset_count(d, NW_SPLIT_TRAIN), 4);
    assert_true(data_said(d, "2 groups are in several splits"));
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_TRAIN, 0)->group_name, "p");
    assert_string_equal(nw_dataset_sample(d, NW_SPLIT_TEST, 0)->group_name, "p");
    nw_dataset_free(d);
}

static void the_digest_is_of_names_labels_and_splits(void **state)
{
    (void)state;
    nw_dataset_options o = data_options();
    static const char *const texts[] = {
        "file,label,split\na.png,x,train\nb.png,y,train\nc.png,x,test\n",
        "path,extra,class,split\na.png,1,x,TRAIN\nb.png,2,y,training\nc.png,3,x,test\n", /* the same */
        "file,label,split\na.png,x,train\nb.png,y,train\nc.png,y,test\n",
        "file,label,split\na.png,x,train\nb.png,y,train\nc.png,x,val\n",
        "file,label,split\na.png,x,train\nb.png,y,train\nd.png,x,test\n",
        "file,label,split,weight\na.png,x,train,1\nb.png,y,train,2\nc.png,x,test,1\n"};
    char digests[6][65];
    for (int i = 0; i < 6; i++) {
        nw_dataset *d = data_open(data_list(texts[i]), &o);
        strcpy(digests[i], nw_dataset_digest(d));
        assert_int_equal(strlen(digests[i]), 64);
        nw_dataset_free(d);
    }
    assert_string_equal(digests[0], digests[1]);
    for (int i = 2; i < 6; i++)
        for (int k = 0; k < i; k++)
            if (i != 1 && k != 1) assert_string_not_equal(digests[i], digests[k]);
}

static void names_of_tasks_and_splits(void **state)
{
    (void)state;
    nw_task task;
    nw_split split;
    nw_error err;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(nw_task_parse(nw_task_name((nw_task)i), &task, &err), NW_OK);
        assert_int_equal(task, i);
    }
    assert_int_equal(nw_task_parse("Classes", &task, &err), NW_USAGE);
    for (int i = 0; i < NW_SPLITS; i++) {
        assert_int_equal(nw_split_parse(nw_split_name((nw_split)i), &split, &err), NW_OK);
        assert_int_equal(split, i);
    }
    assert_int_equal(nw_split_parse("trains", &split, &err), NW_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, data_teardown)
        WITH(classes_are_named_and_sorted),
        WITH(tasks_are_inferred_with_care),
        WITH(several_columns_are_several_outputs),
        WITH(columns_are_found_and_chosen),
        WITH(bad_lists_are_refused),
        WITH(bad_options_are_refused),
        WITH(files_are_found_by_their_names),
        WITH(folders_are_classes),
        WITH(straddling_groups_are_dropped_or_allowed),
        WITH(the_digest_is_of_names_labels_and_splits),
        WITH(names_of_tasks_and_splits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
