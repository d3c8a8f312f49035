/* Programs: a piece of a model's graph, made ready to run forward and backward.
 *
 * A program has inputs and outputs by tensor name; any inner tensor may be either, so the part before the
 * bottleneck and the part after it are two programs. All choices are made and all memory is taken when it is
 * compiled; nw_program_run and nw_program_backward allocate nothing. A program belongs to one thread at a
 * time; programs of one model share its weights.
 */
#ifndef NARROWS_PROGRAM_H
#define NARROWS_PROGRAM_H

#include <narrows/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum nw_precision {
    NW_PRECISION_F32, /* oneDNN and SIMD, single precision */
    NW_PRECISION_F64, /* plain loops in double: the reference, slow */
    /* As F32, but convolutions ... */
    NW_PRECISION_BF16, /* in bfloat16 that sum in float32, where the processor has it */
    NW_PRECISION_INT8, /* of 8-bit integers with scales, whose sums over channels are exact; NW_UNSUPPORTED
                          where the processor has no instructions for it (AVX512_VNNI) */
    NW_PRECISION_AUTO  /* of nw_explain_options alone: INT8 where there is, else F32 */
} nw_precision;

/* "f32", "f64", "bf16", "int8", "auto". */
NW_API const char *nw_precision_name(nw_precision precision);

typedef struct nw_dimension {
    const char *name; /* a symbolic dimension of the file, "input[2]" for the third of an input */
    int64_t value;
} nw_dimension;

/* An input of the graph whose value is known when the program is compiled (a shape, an axis). */
typedef struct nw_constant {
    const char *name;
    nw_tensor *value; /* the program takes a reference */
} nw_constant;

/* Zero-initialise for the defaults. Name lists are arrays with a count. */
typedef struct nw_program_options {
    const char *const *inputs; /* NULL: the graph's inputs */
    size_t input_count;
    const nw_shape *input_shapes; /* [input_count], or NULL: from the model and `dimensions` */
    const char *const *outputs;   /* NULL: the graph's outputs */
    size_t output_count;
    const char *const *diffs; /* tensors whose gradients backward gives: inputs, variables or anything inside;
                                 constants with NW_PRECISION_F64 alone */
    size_t diff_count;
    int64_t batch;                  /* first dimension of every input where dynamic, or overridden; 0: 1 */
    const nw_dimension *dimensions; /* the other dynamic dimensions */
    size_t dimension_count;
    const nw_constant *constants;
    size_t constant_count;
    /* Floating-point constants of the model that may change from run to run, as weights do in training: more
     * inputs of the program, which start with the values of the model and may be named in `diffs`. */
    const char *const *variables;
    size_t variable_count;
    nw_precision precision;
    int threads; /* 0: as the environment has it */
    int unfused; /* non-zero: keep every tensor of the graph readable, fuse nothing */
    int profile; /* non-zero: measure the time of each step */
    /* Non-zero: it runs for a few images only, so that preparing weights may take longer than it saves. Then
     * small maps are made with the weights as they are; the last digits differ from those of other programs. */
    int few_runs;
} nw_program_options;

typedef struct nw_program nw_program;

NW_API nw_status nw_program_compile(nw_model *model, const nw_program_options *options, nw_program **out,
                                    nw_error *err);
NW_API void nw_program_free(nw_program *program);

/* Inputs, outputs and gradients are plain row-major arrays inside the program (float; double for F64), valid
 * as long as it. Names as in the options; *shape may be NULL. NULL where the program has no such tensor. */
NW_API void *nw_program_input(nw_program *program, const char *name, nw_shape *shape);
NW_API const void *nw_program_output(nw_program *program, const char *name, nw_shape *shape);
/* Where the caller writes d loss / d output before nw_program_backward (zero at first). */
NW_API void *nw_program_diff_output(nw_program *program, const char *name);
/* Where backward leaves d loss / d tensor; NULL also where no gradient can reach it: the outputs do not
 * depend on it, or only through operators that have none (ArgMax, a cast to integers). */
NW_API const void *nw_program_diff(nw_program *program, const char *name, nw_shape *shape);

/* From the inputs to the outputs. NW_NOT_FINITE is not checked here: the caller knows what must be finite. */
NW_API nw_status nw_program_run(nw_program *program, nw_error *err);
/* From the gradients of the outputs to those asked for; after a run. */
NW_API nw_status nw_program_backward(nw_program *program, nw_error *err);

/* Bytes of the arena: activations, gradients, scratch. Weights are the model's. */
NW_API size_t nw_program_memory(const nw_program *program);
/* Floating-point operations of one run and one backward, multiply and add counted as two. */
NW_API double nw_program_flops(const nw_program *program, int backward);
/* Instruction set that the kernels were chosen for: "avx512_core_bf16", ...; "double" on the reference path.
 */
NW_API const char *nw_program_isa(const nw_program *program);
/* One line a step: kind, implementation, node, time. For --profile and tests. */
typedef struct nw_step_info {
    const char *kind, *impl, *node; /* node: its name, or "" */
    int backward;
    double flops, bytes, seconds; /* of one run; seconds: sum over runs since compile, with options.profile */
    long runs;                    /* with options.profile */
} nw_step_info;
NW_API size_t nw_program_step_count(const nw_program *program);
NW_API nw_step_info nw_program_step(const nw_program *program, size_t i);
/* When steps ran, in their order: the first 65536 runs of steps since compile, with options.profile. start:
 * seconds of the monotonic clock. */
typedef struct nw_step_event {
    size_t step;
    double start, seconds;
} nw_step_event;
NW_API size_t nw_program_event_count(const nw_program *program);
NW_API nw_step_event nw_program_event(const nw_program *program, size_t i);
/* What the processor can do on so many threads (0: as the environment has it), measured now in a few
 * hundredths of a second: operations a second of a large convolution of 1x1 in that precision (INT8 and AUTO:
 * in F32), and bytes a second, read and written, of copying an array that no cache holds. */
typedef struct nw_machine_limits {
    double flops, bytes;
} nw_machine_limits;
NW_API nw_status nw_machine_measure(nw_precision precision, int threads, nw_machine_limits *out,
                                    nw_error *err);

#ifdef __cplusplus
}
#endif
#endif
