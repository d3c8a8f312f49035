/* Tensors: dense row-major arrays of numbers, shared by reference count. */
#ifndef NARROWS_TENSOR_H
#define NARROWS_TENSOR_H

#include <narrows/error.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { NW_MAX_RANK = 8 };

/* X(NAME, name, bytes an element) */
#define NW_DTYPE_LIST(X)                                                                                     \
    X(F32, "float32", 4)                                                                                     \
    X(F64, "float64", 8)                                                                                     \
    X(I64, "int64", 8)                                                                                       \
    X(I32, "int32", 4)                                                                                       \
    X(I16, "int16", 2)                                                                                       \
    X(I8, "int8", 1)                                                                                         \
    X(U16, "uint16", 2)                                                                                      \
    X(U8, "uint8", 1)                                                                                        \
    X(BOOL, "bool", 1)                                                                                       \
    X(BF16, "bfloat16", 2) /* inside programs alone: files are read as float32 */

typedef enum nw_dtype {
#define NW_DTYPE_ENUM(NAME, name, size) NW_##NAME,
    NW_DTYPE_LIST(NW_DTYPE_ENUM)
#undef NW_DTYPE_ENUM
} nw_dtype;

NW_API const char *nw_dtype_name(nw_dtype dtype);
NW_API size_t nw_dtype_size(nw_dtype dtype); /* bytes an element */

typedef struct nw_tensor nw_tensor;

/* A shape: rank dimensions, outermost first. */
typedef struct nw_shape {
    int rank;
    int64_t dims[NW_MAX_RANK];
} nw_shape;

/* A new zeroed tensor with one reference. dims[rank] >= 0; rank 0 is a scalar. NW_BAD_INPUT where the size
 * overflows or the rank is above NW_MAX_RANK. */
NW_API nw_status nw_tensor_new(nw_dtype dtype, int rank, const int64_t *dims, nw_tensor **out, nw_error *err);
/* Takes one more reference and returns its argument; NULL is allowed in both. */
NW_API nw_tensor *nw_tensor_ref(nw_tensor *tensor);
NW_API void nw_tensor_unref(nw_tensor *tensor);

NW_API nw_dtype nw_tensor_dtype(const nw_tensor *tensor);
NW_API int nw_tensor_rank(const nw_tensor *tensor);
NW_API const int64_t *nw_tensor_dims(const nw_tensor *tensor); /* rank values, valid as long as the tensor */
NW_API int64_t nw_tensor_count(const nw_tensor *tensor);       /* elements */
NW_API void *nw_tensor_data(nw_tensor *tensor);                /* count elements, row-major */
NW_API const void *nw_tensor_data_const(const nw_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
