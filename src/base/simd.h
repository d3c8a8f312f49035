/* Loops that the compiler turns into the widest instructions of the processor it runs on: a function with
 * this attribute is compiled several times and chosen once, when the library is loaded, by what the processor
 * can do (not by its name: of arch=skylake-avx512 gcc's choice takes no later one). No multiply is fused with
 * an add (-std=c17), so all variants give the same bits. */
#ifndef NW_BASE_SIMD_H
#define NW_BASE_SIMD_H

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#if __GNUC__ >= 12
#define NW_SIMD __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define NW_SIMD __attribute__((target_clones("arch=skylake-avx512", "avx2", "default")))
#endif
#else
#define NW_SIMD
#endif

#endif
