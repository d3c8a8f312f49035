/* nw_network_build: the table, the options, and the model around what a family lays down. */
#include "base/memory.h"
#include "engine/program.h"
#include "network/made.h"
#include "network/network.h"

#include <stdio.h>
#include <string.h>

#define NW_NETWORK(name) extern const nw_network nw_network_##name;
#include "network/networks.def"
#undef NW_NETWORK

static const nw_network *const networks[] = {
#define NW_NETWORK(name) &nw_network_##name,
#include "network/networks.def"
#undef NW_NETWORK
};
enum { NETWORKS = sizeof networks / sizeof networks[0] };

size_t nw_network_count(void)
{
    return NETWORKS;
}

const nw_network_info *nw_network_at(size_t i)
{
    return i < NETWORKS ? &networks[i]->info : NULL;
}

const nw_network *nw_network_find(const char *name)
{
    for (size_t i = 0; i < NETWORKS; i++)
        if (strcmp(networks[i]->info.name, name) == 0) return networks[i];
    return NULL;
}

static nw_status unknown(const char *name, nw_error *err)
{
    char list[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < NETWORKS && used < sizeof list; i++)
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", networks[i]->info.name);
    return nw_fail(err, NW_BAD_INPUT, "there is no network '%.60s'; there are %s", name, list);
}

/* Within these, no size of a parameter overflows. */
enum { MOST_WIDTH = 16, MOST_CHANNELS = 4096, MOST_OUTPUTS = 1 << 20 };

static nw_status in_range(const char *name, int64_t value, int64_t most, nw_error *err)
{
    if (value >= 1 && value <= most) return NW_OK;
    return nw_fail(err, NW_BAD_INPUT, "a network needs %s from 1 to %lld, not %lld", name, (long long)most,
                   (long long)value);
}

static nw_status check(const nw_network_options *o, const nw_network_info *info, nw_error *err)
{
    if (!(o->width > 0 && o->width <= MOST_WIDTH))
        return nw_fail(err, NW_BAD_INPUT, "a network's width must be above 0 and at most %d, not %g",
                       MOST_WIDTH, o->width);
    NW_TRY(in_range("channels", o->channels, MOST_CHANNELS, err));
    NW_TRY(in_range("outputs", o->outputs, MOST_OUTPUTS, err));
    for (int i = 0; i < info->dims; i++)
        NW_TRY(in_range("sizes of the input", o->size[i], NW_MADE_MOST_SIZE, err));
    if (info->dims == 2 && o->size[2])
        return nw_fail(err, NW_BAD_INPUT, "%s takes images of two dimensions, three sizes were given",
                       info->name);
    return NW_OK;
}

static nw_status add_input(nw_builder *b, nw_feature *out)
{
    int value;
    NW_TRY(nw_graph_value(b->graph, "input", &value, b->err));
    nw_value *input = &b->graph->values[value];
    input->has_shape = true;
    input->shape = (nw_shape){2 + b->axes, {NW_DIM_DYNAMIC, b->options->channels}};
    for (int i = 0; i < b->axes; i++) input->shape.dims[2 + i] = b->options->size[i];
    input->symbols[0] = nw_strdup("N");
    if (!input->symbols[0]) return nw_no_memory(b->err, 2, "the name of a dimension");
    *out = (nw_feature){value, b->options->channels};
    return nw_graph_add_input(b->graph, value, b->err);
}

static nw_status fill(nw_model *model, const nw_network *network, const nw_network_options *options,
                      nw_error *err)
{
    NW_TRY(nw_graph_new(network->info.name, &model->graph, err));
    nw_builder b = {.graph = model->graph, .options = options, .axes = network->info.dims, .err = err};
    nw_feature input;
    NW_TRY(add_input(&b, &input));
    network->build(&b, network, input);
    NW_TRY(b.status);
    char text[NW_BUILD_NAME + 2];
    snprintf(text, sizeof text, "\"%s\"", network->info.bottleneck);
    NW_TRY(nw_model_set_metadata(model, "narrows.bottleneck", text, err));
    NW_TRY(nw_made_finish(model, err));
    /* An input that a pooling without padding would leave nothing of. */
    nw_graph *shapes;
    nw_status status = nw_piece_shapes(model, &(nw_program_options){.batch = 1}, &shapes, err);
    if (status != NW_OK) {
        char size[NW_SHAPE_TEXT];
        nw_shape shape = {.rank = network->info.dims};
        memcpy(shape.dims, options->size, sizeof options->size);
        return nw_fail_within(err, NW_BAD_INPUT, "%s for images of %s", network->info.name,
                              nw_shape_text(&shape, size, sizeof size));
    }
    nw_graph_free(shapes);
    return NW_OK;
}

nw_status nw_network_build(const nw_network_options *options, nw_model **out, nw_error *err)
{
    nw_error own;
    if (!err) err = &own;
    const nw_network *network = nw_network_find(options->arch ? options->arch : "");
    if (!network) return unknown(options->arch ? options->arch : "", err);
    nw_network_options o = *options;
    if (o.width == 0) o.width = 1;
    NW_TRY(check(&o, &network->info, err));
    nw_model *model;
    NW_TRY(nw_model_new(network->info.name, &model, err));
    nw_status status = fill(model, network, &o, err);
    if (status != NW_OK) {
        nw_model_unref(model);
        return status;
    }
    *out = model;
    return NW_OK;
}
