/* The operators that models may use, and what Narrows does with each. */
#ifndef NARROWS_OPS_H
#define NARROWS_OPS_H

#include <narrows/export.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nw_op_info {
    const char *type;   /* ONNX name; static */
    int since;          /* first opset whose definition is implemented */
    int backward;       /* non-zero: gradients flow through it */
    int fast;           /* non-zero: has a path in single precision by oneDNN or SIMD; else plain loops */
    const char *limits; /* what is refused; "" for nothing; static */
} nw_op_info;

NW_API size_t nw_op_count(void);
/* In the order of their names; zeros beyond the last. */
NW_API nw_op_info nw_op_info_get(size_t i);

#ifdef __cplusplus
}
#endif
#endif
