/* Several networks as one: it gives the mean of what they give, can be cut where they are joined, survives a
 * file, and networks that do not go together are refused by name. */
#include "network.h"

#include "support/network.h"

static nw_model *member(const char *arch, uint64_t seed)
{
    nw_network_options options = network_options(arch);
    options.seed = seed;
    for (int i = 0; i < 3; i++) options.size[i] *= 2; /* so that the last map has positions */
    nw_model *model = network_unsettle(network_build(&options));
    must(nw_model_annotate(model, "narrows.classes", "[\"a\",\"b\",\"c\"]", err));
    must(nw_model_annotate(model, "narrows.head", "\"softmax\"", err));
    must(nw_model_annotate(model, "narrows.training", "{\"seed\":1}", err));
    return model;
}

static void is_the_mean(nw_model *joined, nw_model *const *members, size_t count)
{
    enum { BATCH = 2 };
    size_t n, m;
    float *y = network_run(joined, BATCH, &n);
    double *sum = calloc(n, sizeof *sum), size = 0, worst = 0;
    for (size_t k = 0; k < count; k++) {
        float *one = network_run(members[k], BATCH, &m);
        assert_int_equal(n, m);
        for (size_t i = 0; i < n; i++) sum[i] += (double)one[i] / (double)count;
        nw_free(one);
    }
    for (size_t i = 0; i < n; i++) {
        size = fmax(size, fabs(sum[i]));
        worst = fmax(worst, fabs((double)y[i] - sum[i]));
    }
    if (!(worst < 2e-6 * size)) fail_msg("off by %g of %g", worst, size);
    free(sum);
    nw_free(y);
}

static void drop(nw_model **members, size_t count)
{
    for (size_t i = 0; i < count; i++) nw_model_unref(members[i]);
}

static void can_be_cut(nw_model *joined, const char *name)
{
    nw_inspection *seen;
    must(nw_inspect(joined, NULL, 0, &seen, err));
    bool found = false;
    for (size_t i = 0; i < seen->bottleneck_count; i++) found |= strcmp(seen->bottlenecks[i].name, name) == 0;
    nw_inspection_free(seen);
    if (!found) fail_msg("'%s' cannot hold a bottleneck", name);
}

static void mean_of_members(void **state)
{
    (void)state;
    nw_model *members[] = {member("resnet18", 1), member("resnet18", 2), member("resnest50", 3)}, *joined,
             *loaded;
    must(nw_network_join(members, 3, NULL, &joined, err));
    is_the_mean(joined, members, 3);
    can_be_cut(joined, "joined");
    assert_string_equal(nw_model_metadata(joined, "narrows.bottleneck"), "\"joined\"");
    assert_string_equal(nw_model_metadata(joined, "narrows.classes"), "[\"a\",\"b\",\"c\"]");
    assert_null(nw_model_metadata(joined, "narrows.training"));
    const char *facts = nw_model_metadata(joined, "narrows.members");
    for (int i = 0; i < 3; i++) assert_non_null(strstr(facts, nw_model_digest(members[i])));

    char folder[64], path[128];
    temp_folder(folder);
    snprintf(path, sizeof path, "%s/joined.onnx", folder);
    must(nw_model_save(joined, path, err));
    must(nw_model_load(path, NULL, &loaded, err));
    assert_string_equal(nw_model_digest(loaded), nw_model_digest(joined));
    network_same_logits(joined, loaded);
    temp_remove(folder);
    nw_model_unref(loaded);
    nw_model_unref(joined);
    drop(members, 3);
}

static void every_architecture(void **state)
{
    (void)state;
    for (size_t i = 0; i < nw_network_count(); i++) {
        const char *arch = nw_network_at(i)->name;
        nw_model *members[] = {member(arch, 1), member(arch, 2)}, *joined;
        must(nw_network_join(members, 2, NULL, &joined, err));
        is_the_mean(joined, members, 2);
        can_be_cut(joined, "joined");
        can_be_cut(joined, "joined.last");
        nw_model_unref(joined);
        drop(members, 2);
    }
}

/* Of an opset whose Split has its sizes as an attribute; the layer by name. */
static nw_model *old(int opset, int64_t channels, const char *prefix)
{
    char names[3][16];
    for (int i = 0; i < 3; i++) snprintf(names[i], sizeof names[i], "%s%d", prefix, i);
    ow m;
    ow_begin(&m, opset);
    ow_input(&m, "x", 4, (int64_t[]){-1, 1, 8, 8});
    net_conv(&m, "x", "a", 1, channels, 3, 1, 1);
    ow_node(&m, "Relu", "", "a", "layer");
    net_conv(&m, "layer", names[0], channels, 4, 3, 2, 1);
    ow_node(&m, "GlobalAveragePool", "", names[0], names[1]);
    ow_node(&m, "Flatten", "", names[1], "y");
    ow_output(&m, "y");
    return net_load(&m);
}

static void old_opsets_and_other_widths(void **state)
{
    (void)state;
    nw_model *members[] = {old(11, 3, "p"), old(11, 5, "q")}, *joined;
    must(nw_network_join(members, 2, "layer", &joined, err));
    is_the_mean(joined, members, 2);
    can_be_cut(joined, "joined");
    nw_model_unref(joined);
    drop(members, 2);
}

static void refused(nw_model **members, size_t count, const char *layer, nw_status status,
                    const char *message)
{
    nw_error err = {0};
    nw_model *joined = NULL;
    nw_status got = nw_network_join(members, count, layer, &joined, &err);
    if (got != status || !strstr(err.message, message)) fail_msg("%d: %s", got, err.message);
    assert_null(joined);
    drop(members, count);
}

static void what_does_not_go_together(void **state)
{
    (void)state;
    nw_model *one[] = {member("resnet18", 1)};
    refused(one, 1, NULL, NW_BAD_INPUT, "from 2 to 64 networks");
    nw_model *classes[] = {member("resnet18", 1), member("resnet18", 2)};
    must(nw_model_annotate(classes[1], "narrows.classes", "[\"a\",\"b\",\"d\"]", err));
    refused(classes, 2, NULL, NW_BAD_INPUT, "narrows.classes");
    nw_model *size[] = {member("resnet18", 1), NULL};
    must(nw_network_resize(size[0], (int64_t[]){48, 48}, &size[1], err));
    refused(size, 2, NULL, NW_BAD_INPUT, "the shape of their input");
    nw_model *outputs[] = {old(11, 3, "p"), old(11, 3, "q")};
    refused(outputs, 2, NULL, NW_BAD_INPUT, "narrows.bottleneck");
    nw_model *opsets[] = {old(11, 3, "p"), old(13, 3, "q")};
    refused(opsets, 2, "layer", NW_BAD_INPUT, "the opset");
    nw_model *layer[] = {member("resnet18", 1), member("resnet18", 2)};
    refused(layer, 2, "layer9", NW_BAD_INPUT, "no inner tensor 'layer9'");
    nw_model *flat[] = {old(11, 3, "p"), old(11, 3, "q")};
    refused(flat, 2, "y", NW_BAD_INPUT, "with positions");
    /* Maps of other sizes, and other numbers of outputs, show when the shapes are worked out. */
    nw_model *depths[] = {member("resnet18", 1), member("resnet18", 2)};
    must(nw_model_annotate(depths[1], "narrows.bottleneck", "\"layer3\"", err));
    refused(depths, 2, NULL, NW_BAD_INPUT, "differ in size");
    nw_network_options more = network_options("resnet18");
    more.outputs = 4;
    more.size[0] = more.size[1] = 64;
    nw_model *counts[] = {member("resnet18", 1), network_build(&more)};
    must(nw_model_annotate(counts[1], "narrows.classes", "[\"a\",\"b\",\"c\"]", err));
    must(nw_model_annotate(counts[1], "narrows.head", "\"softmax\"", err));
    refused(counts, 2, NULL, NW_BAD_INPUT, "differ in size");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_of_members), cmocka_unit_test(every_architecture),
        cmocka_unit_test(old_opsets_and_other_widths), cmocka_unit_test(what_does_not_go_together)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
