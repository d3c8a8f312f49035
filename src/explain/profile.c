/* The passes of a method's loop, for profiles. */
#include "explain/explainer.h"

static const nw_recorder *recorder_of(const nw_explainer *e)
{
    const nw_bottleneck *b = e->method->bottleneck && e->state ? e->method->bottleneck(e->state) : NULL;
    return b ? nw_bottleneck_recorder(b) : NULL;
}

size_t nw_explainer_pass_count(const nw_explainer *e)
{
    return recorder_of(e) ? NW_PASS_COUNT : 0;
}

/* Bytes of float32 arrays a neuron that a pass reads and writes at the least; of noise and gather, of a
 * sample. */
static double floats_touched(size_t pass)
{
    switch (pass) {
    case NW_PASS_GATES: return 5; /* alpha; open, shut, gathered in double */
    case NW_PASS_BLUR: return 4;
    case NW_PASS_CAPACITY: return 7;
    case NW_PASS_NOISE: return 1;
    case NW_PASS_GATHER: return 1;
    case NW_PASS_SLOPES: return 9;
    case NW_PASS_UNBLUR: return 2;
    case NW_PASS_CHAIN: return 4;
    default: return 7; /* Adam */
    }
}

nw_step_info nw_explainer_pass(const nw_explainer *e, size_t i)
{
#define NW_BOTTLENECK_PASS(NAME, name) name,
    static const char *const names[] = {NW_BOTTLENECK_PASSES(NW_BOTTLENECK_PASS)};
#undef NW_BOTTLENECK_PASS
    const nw_recorder *r = recorder_of(e);
    double neurons = (double)nw_bottleneck_neurons(e->method->bottleneck(e->state));
    bool sampled = i == NW_PASS_NOISE || i == NW_PASS_GATHER;
    double each = floats_touched(i) * (sampled ? (double)e->batch : 1) + (sampled ? 6 : 0);
    return (nw_step_info){.kind = names[i],
                          .impl = "narrows",
                          .node = "",
                          .bytes = sizeof(float) * each * neurons,
                          .seconds = r->seconds[i],
                          .runs = r->runs[i]};
}

size_t nw_explainer_pass_event_count(const nw_explainer *e)
{
    const nw_recorder *r = recorder_of(e);
    return r ? r->event_count : 0;
}

nw_step_event nw_explainer_pass_event(const nw_explainer *e, size_t i)
{
    nw_record_event event = recorder_of(e)->events[i];
    return (nw_step_event){.step = event.row, .start = event.start, .seconds = event.seconds};
}
