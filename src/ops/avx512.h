/* For files of kernels that are written for AVX-512: they are compiled wherever the compiler knows it (GCC
 * and Clang on x86-64), and to be called only where the processor has it. */
#ifndef NW_OPS_AVX512_H
#define NW_OPS_AVX512_H

#if defined(__x86_64__) && defined(__GNUC__)
#define NW_AVX512_KERNELS 1

#include <immintrin.h>

/* A file that needs more says so before it includes this. */
#ifndef NW_AVX512_FEATURES
#define NW_AVX512_FEATURES "avx512f,avx512bw,avx512dq,avx512vl"
#endif
#define TARGET __attribute__((target(NW_AVX512_FEATURES)))
#define INLINE static inline __attribute__((always_inline)) TARGET
#if defined(__clang__) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNROLL /* checks of every access, unrolled, take clang many minutes */
#define UNROLL_2
#define UNROLL_16
#endif
#endif
#if !defined(UNROLL) && defined(__clang__)
#define UNROLL    _Pragma("clang loop unroll(full)")
#define UNROLL_2  _Pragma("clang loop unroll_count(2)")
#define UNROLL_16 UNROLL
#elif !defined(UNROLL)
#define UNROLL    _Pragma("GCC unroll 8")
#define UNROLL_2  _Pragma("GCC unroll 2")
#define UNROLL_16 _Pragma("GCC unroll 16")
#endif

#endif
#endif
