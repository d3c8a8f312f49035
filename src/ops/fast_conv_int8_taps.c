/* Which results read which pixels: forward, and for the gradient with respect to the source. */
#include "ops/fast_conv_int8_internal.h"

enum { LEAST_CHANNELS = 16 };

static int64_t floor_mod(int64_t a, int64_t b)
{
    return (a % b + b) % b;
}

/* Where result `first` of a phase begins to read for the tap at distance `tap`; false where it reads nothing.
 */
static bool source_of(int64_t first, int64_t tap, int64_t pad, int64_t stride, bool backward, int64_t *out)
{
    *out = backward ? first + pad - tap : tap - pad;
    if (!backward) return true;
    if (floor_mod(*out, stride)) return false;
    *out = (*out - floor_mod(*out, stride)) / stride;
    return true;
}

static void add_phase(nw_int8_conv *c, const nw_conv_desc *conv, int64_t row, int64_t column, bool backward)
{
    nw_int8_phase *phase = &c->phases[c->phase_count++];
    int64_t height = c->dst.dims[2], width = c->dst.dims[3];
    *phase = (nw_int8_phase){.row = row,
                             .column = column,
                             .rows = (height - row + c->dst_step[0] - 1) / c->dst_step[0],
                             .columns = (width - column + c->dst_step[1] - 1) / c->dst_step[1],
                             .first_tap = c->tap_count};
    for (int64_t y = 0; y < conv->weights.dims[2]; y++)
        for (int64_t x = 0; x < conv->weights.dims[3]; x++) {
            nw_int8_tap tap = {.weight = (int)(y * conv->weights.dims[3] + x)};
            if (source_of(row, y * conv->dilations[0], conv->pads_begin[0], conv->strides[0], backward,
                          &tap.row) &&
                source_of(column, x * conv->dilations[1], conv->pads_begin[1], conv->strides[1], backward,
                          &tap.column))
                c->taps[c->tap_count++] = tap;
        }
    phase->taps = c->tap_count - phase->first_tap;
}

int64_t nw_int8_rows_of_unit(const nw_int8_phase *phase)
{
    return phase->columns < NW_INT8_ROWS ? NW_INT8_ROWS / phase->columns : 1;
}

void nw_int8_conv_measure(nw_int8_conv *c, const nw_conv_desc *conv, bool backward)
{
    c->src = backward ? conv->dst : conv->src;
    c->dst = backward ? conv->src : conv->dst;
    c->groups = conv->groups;
    c->in = c->src.dims[1] / c->groups;
    c->out = c->dst.dims[1] / c->groups;
    for (int i = 0; i < 2; i++) {
        c->src_step[i] = backward ? 1 : conv->strides[i];
        c->dst_step[i] = backward ? conv->strides[i] : 1;
    }
    c->window = (int)nw_span(&conv->weights, 2, 4);
    c->flops = 2.0 * (double)nw_count(&conv->dst) * (double)nw_span(&conv->weights, 1, 4);
    if (!backward) c->act = conv->act;
    for (int64_t y = 0; y < c->dst_step[0] && y < c->dst.dims[2]; y++)
        for (int64_t x = 0; x < c->dst_step[1] && x < c->dst.dims[3]; x++) add_phase(c, conv, y, x, backward);
    bool same = c->src.dims[2] == c->dst.dims[2] && c->src.dims[3] == c->dst.dims[3] &&
                conv->strides[0] == 1 && conv->strides[1] == 1;
    c->flat = same && c->window == 1 && c->tap_count == 1 && !c->taps[0].row && !c->taps[0].column;
    if (c->flat) {
        nw_int8_phase *all = &c->phases[0];
        int64_t pixels = all->rows * all->columns;
        all->rows = (pixels + NW_INT8_FLAT_ROWS - 1) / NW_INT8_FLAT_ROWS;
        all->columns = NW_INT8_FLAT_ROWS;
    }
    c->pixels_first = nw_count(&c->src) > nw_count(&conv->weights);
    for (int i = 0; i < c->phase_count; i++) {
        int64_t rows = nw_int8_rows_of_unit(&c->phases[i]);
        c->units += (c->phases[i].rows + rows - 1) / rows;
    }
}

bool nw_int8_conv_available(void)
{
    return nw_int8_available() && nw_backend_block() == NW_INT8_BLOCK;
}

bool nw_int8_conv_fits(const nw_conv_desc *conv, bool backward)
{
    const int64_t *w = conv->weights.dims;
    if (!nw_int8_conv_available() || conv->src.rank != 4 || conv->bf16) return false;
    if (w[2] * w[3] > NW_INT8_MOST_TAPS || conv->strides[0] > NW_INT8_MOST_STRIDE ||
        conv->strides[1] > NW_INT8_MOST_STRIDE)
        return false;
    int64_t in = w[1], out = w[0] / conv->groups;
    if (in % NW_INT8_BLOCK || out % NW_INT8_BLOCK || in < LEAST_CHANNELS || out < LEAST_CHANNELS ||
        in > NW_INT8_MOST_SUM || out > NW_INT8_MOST_SUM)
        return false;
    nw_int8_conv c = {.groups = 0};
    nw_int8_conv_measure(&c, conv, backward);
    for (int i = 0; i < c.phase_count && !c.flat; i++)
        for (int t = c.phases[i].first_tap; t < c.phases[i].first_tap + c.phases[i].taps; t++) {
            int64_t last = c.taps[t].column + (c.phases[i].columns - 1) * c.src_step[1];
            if (c.taps[t].column < -NW_INT8_MARGIN || last >= c.src.dims[3] + NW_INT8_MARGIN) return false;
        }
    return true;
}
