#include "image/dicom_values.h"

/* The low `bits` of a sample, with their sign. */
static int64_t stored(uint32_t raw, int shift, int bits, bool is_signed)
{
    uint32_t mask = bits >= 32 ? UINT32_MAX : (1U << bits) - 1;
    uint32_t value = raw >> shift & mask;
    if (is_signed && value >> (bits - 1) & 1) return (int64_t)value - ((int64_t)mask + 1);
    return value;
}

static uint32_t sample(const void *src, size_t i, size_t size)
{
    if (size == 1) return ((const uint8_t *)src)[i];
    if (size == 2) return ((const uint16_t *)src)[i];
    return ((const uint32_t *)src)[i];
}

int64_t nw_dicom_values(const nw_dicom_facts *facts, bool is_signed, double slope, double inter,
                        bool keep_padding, const void *src, size_t count, float *dst)
{
    size_t size = nw_dicom_sample_size(facts);
    int bits = facts->bits_stored, shift = facts->high_bit - bits + 1, width = 8 * (int)size;
    int64_t padded = 0, low = 1, high = 0;
    if (facts->has_padding && !keep_padding) {
        /* As wide as the sample: padding may lie beyond what the stored bits can say (PS3.3, C.7.5.1.1.2). */
        int pad_bits = width < 16 ? width : 16;
        low = stored((uint32_t)facts->padding, 0, pad_bits, is_signed);
        high = stored((uint32_t)facts->padding_limit, 0, pad_bits, is_signed);
        if (low > high) {
            int64_t swap = low;
            low = high;
            high = swap;
        }
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t raw = sample(src, i, size);
        int64_t whole = stored(raw, 0, width, is_signed), value = stored(raw, shift, bits, is_signed);
        if ((value >= low && value <= high) || (whole >= low && whole <= high)) {
            dst[i] = __builtin_nanf("");
            padded++;
        } else {
            dst[i] = (float)(slope * (double)value + inter);
        }
    }
    return padded;
}
