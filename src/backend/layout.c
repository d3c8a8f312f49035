/* Between our layouts and oneDNN's memory descriptors. */
#include "backend/internal.h"

dnnl_format_tag_t nw_plain_tag(int rank)
{
    static const dnnl_format_tag_t tags[] = {
        dnnl_format_tag_undef, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde, dnnl_abcdef};
    return rank >= 1 && rank <= 6 ? tags[rank] : dnnl_format_tag_undef;
}

dnnl_data_type_t nw_dnnl_type(nw_dtype dtype)
{
    return dtype == NW_BF16 ? dnnl_bf16 : dnnl_f32;
}

static dnnl_format_tag_t blocked_tag(int rank, int block)
{
    static const dnnl_format_tag_t tags[][2] = {[3] = {dnnl_aBc8b, dnnl_aBc16b},
                                                [4] = {dnnl_aBcd8b, dnnl_aBcd16b},
                                                [5] = {dnnl_aBcde8b, dnnl_aBcde16b}};
    return rank >= 3 && rank <= 5 && (block == 8 || block == 16) ? tags[rank][block == 16]
                                                                 : dnnl_format_tag_undef;
}

static void copy_dims(const nw_shape *shape, dnnl_dims_t dims)
{
    for (int i = 0; i < shape->rank; i++) dims[i] = shape->dims[i];
}

nw_status nw_md_of_layout(const nw_layout *layout, nw_md *out, nw_error *err)
{
    dnnl_dims_t dims;
    int rank = layout->shape.rank;
    dnnl_format_tag_t tag = layout->block == 1  ? nw_plain_tag(rank)
                            : layout->axis == 1 ? blocked_tag(rank, layout->block)
                                                : dnnl_format_tag_undef;
    if (tag == dnnl_format_tag_undef)
        return nw_fail(err, NW_UNSUPPORTED, "oneDNN has no name for blocks along dimension %d of %d",
                       layout->axis, rank);
    copy_dims(&layout->shape, dims);
    dnnl_status_t s = nw_md_tag(out, rank, dims, nw_dnnl_type(layout->dtype), tag);
    return s == dnnl_success ? NW_OK : nw_backend_fail(err, s, "memory descriptor");
}

nw_status nw_md_of_memory(const nw_layout *layout, nw_md *out, nw_error *err)
{
    nw_loops loops = nw_layout_loops(layout, 0);
    nw_shape shape = {.rank = 3, .dims = {loops.outer, loops.extent, loops.inner}};
    nw_layout three = nw_layout_blocked(layout->dtype, &shape, 1, layout->block);
    return nw_md_of_layout(&three, out, err);
}

nw_status nw_md_any(nw_dtype dtype, const nw_shape *shape, nw_md *out, nw_error *err)
{
    dnnl_dims_t dims;
    copy_dims(shape, dims);
    dnnl_status_t s = nw_md_tag(out, shape->rank, dims, nw_dnnl_type(dtype), dnnl_format_tag_any);
    return s == dnnl_success ? NW_OK : nw_backend_fail(err, s, "memory descriptor");
}

static bool is_tag(nw_md_pointer md, nw_dtype dtype, const nw_shape *shape, dnnl_format_tag_t tag)
{
    dnnl_dims_t dims;
    nw_md other = {0};
    copy_dims(shape, dims);
    bool same = tag != dnnl_format_tag_undef &&
                nw_md_tag(&other, shape->rank, dims, nw_dnnl_type(dtype), tag) == dnnl_success &&
                dnnl_memory_desc_equal(md, NW_MD(&other));
    nw_md_clear(&other);
    return same;
}

bool nw_layout_of_md(nw_md_pointer md, nw_dtype dtype, const nw_shape *shape, nw_layout *out)
{
    if (is_tag(md, dtype, shape, nw_plain_tag(shape->rank))) {
        *out = nw_layout_plain(dtype, shape);
        return true;
    }
    for (int block = 8; block <= 16; block *= 2)
        if (is_tag(md, dtype, shape, blocked_tag(shape->rank, block))) {
            *out = nw_layout_blocked(dtype, shape, 1, block);
            return true;
        }
    return false;
}
