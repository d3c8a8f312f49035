/* A small writer of ONNX files, for tests: no protobuf library, so that what the reader reads was not written
 * by its own code, and so that wrong files can be written as well.
 *
 *     ow model;
 *     ow_begin(&model, 13);
 *     ow_input(&model, "x", 4, (int64_t[]){-1, 3, 8, 8});
 *     ow_floats(&model, "w", 4, (int64_t[]){2, 3, 1, 1}, weights);
 *     ow_node(&model, "Conv", "conv1", "x w", "y");     // names separated by spaces, "-" for an omitted one
 *     ow_attr_ints(&model, "kernel_shape", 2, (int64_t[]){1, 1});
 *     ow_output(&model, "y");
 *     ow_metadata(&model, "narrows.head", "\"softmax\"");
 *     ow_end(&model);                                   // model.file.data, model.file.size
 *     ow_save(&model, "conv.onnx");
 *     ow_free(&model);
 */
#ifndef NW_TESTS_ONNX_WRITER_H
#define NW_TESTS_ONNX_WRITER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OW_FLOAT = 1,
    OW_UINT8,
    OW_INT8,
    OW_UINT16,
    OW_INT16,
    OW_INT32,
    OW_INT64,
    OW_STRING,
    OW_BOOL,
    OW_FLOAT16,
    OW_DOUBLE,
    OW_UINT32,
    OW_UINT64,
    OW_COMPLEX64,
    OW_COMPLEX128,
    OW_BFLOAT16
};

/* -- protobuf's encoding: a growing buffer of fields -- */

typedef struct ow_buffer {
    unsigned char *data;
    size_t size, capacity;
} ow_buffer;

static inline void ow_raw(ow_buffer *b, const void *data, size_t size)
{
    if (b->size + size > b->capacity) {
        b->capacity = 2 * (b->size + size) + 64;
        b->data = realloc(b->data, b->capacity);
        if (!b->data) abort();
    }
    if (size) memcpy(b->data + b->size, data, size);
    b->size += size;
}

static inline void ow_varint(ow_buffer *b, uint64_t value)
{
    do {
        unsigned char byte = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        ow_raw(b, &byte, 1);
        value >>= 7;
    } while (value);
}

static inline void ow_int_field(ow_buffer *b, unsigned field, int64_t value)
{
    ow_varint(b, field << 3);
    ow_varint(b, (uint64_t)value);
}

static inline void ow_float_field(ow_buffer *b, unsigned field, float value)
{
    ow_varint(b, field << 3 | 5);
    ow_raw(b, &value, 4);
}

static inline void ow_bytes_field(ow_buffer *b, unsigned field, const void *data, size_t size)
{
    ow_varint(b, field << 3 | 2);
    ow_varint(b, size);
    ow_raw(b, data, size);
}

static inline void ow_text_field(ow_buffer *b, unsigned field, const char *text)
{
    ow_bytes_field(b, field, text, strlen(text));
}

/* Puts a message into another one and empties it. */
static inline void ow_message_field(ow_buffer *b, unsigned field, ow_buffer *message)
{
    ow_bytes_field(b, field, message->data, message->size);
    free(message->data);
    *message = (ow_buffer){0};
}

/* -- models -- */

typedef struct ow {
    ow_buffer file;  /* ModelProto; whole after ow_end */
    ow_buffer graph; /* GraphProto */
    ow_buffer node;  /* the NodeProto that attributes are being added to */
} ow;

/* An empty model whose nodes mean this version of ONNX's operators (0: imports none). */
static inline void ow_begin(ow *m, int opset)
{
    memset(m, 0, sizeof *m);
    ow_int_field(&m->file, 1, 8);
    ow_buffer set = {0};
    if (opset) {
        ow_text_field(&set, 1, "");
        ow_int_field(&set, 2, opset);
        ow_message_field(&m->file, 8, &set);
    }
    ow_text_field(&m->graph, 2, "test");
}

static inline void ow_import(ow *m, const char *domain, int version)
{
    ow_buffer set = {0};
    ow_text_field(&set, 1, domain);
    ow_int_field(&set, 2, version);
    ow_message_field(&m->file, 8, &set);
}

static inline void ow_close_node(ow *m)
{
    if (m->node.size) ow_message_field(&m->graph, 1, &m->node);
}

/* A ValueInfoProto. Dimensions below zero become names: -1 "N", -2 "N2", ... rank -1: no shape. */
static inline void ow_value_info(ow *m, unsigned field, const char *name, int type, int rank,
                                 const int64_t *dims)
{
    ow_buffer shape = {0}, tensor = {0}, type_proto = {0}, info = {0};
    for (int i = 0; i < rank; i++) {
        ow_buffer dim = {0};
        char symbol[32] = "N";
        if (dims[i] < -1) snprintf(symbol, sizeof symbol, "N%lld", (long long)-dims[i]);
        if (dims[i] < 0)
            ow_text_field(&dim, 2, symbol);
        else
            ow_int_field(&dim, 1, dims[i]);
        ow_message_field(&shape, 1, &dim);
    }
    ow_int_field(&tensor, 1, type);
    if (rank >= 0) ow_message_field(&tensor, 2, &shape);
    ow_message_field(&type_proto, 1, &tensor);
    ow_text_field(&info, 1, name);
    ow_message_field(&info, 2, &type_proto);
    ow_message_field(&m->graph, field, &info);
}

/* A float input of the graph. */
static inline void ow_input(ow *m, const char *name, int rank, const int64_t *dims)
{
    ow_value_info(m, 11, name, OW_FLOAT, rank, dims);
}

/* A float output of the graph, without a shape. */
static inline void ow_output(ow *m, const char *name)
{
    ow_value_info(m, 12, name, OW_FLOAT, -1, NULL);
}

/* The beginning of a TensorProto: name (may be NULL), type and shape; the caller adds the data. */
static inline ow_buffer ow_tensor_head(const char *name, int type, int rank, const int64_t *dims)
{
    ow_buffer tensor = {0};
    for (int i = 0; i < rank; i++) ow_int_field(&tensor, 1, dims[i]);
    ow_int_field(&tensor, 2, type);
    if (name) ow_text_field(&tensor, 8, name);
    return tensor;
}

/* An initializer with raw_data. */
static inline void ow_tensor(ow *m, const char *name, int type, int rank, const int64_t *dims,
                             const void *data, size_t bytes)
{
    ow_buffer tensor = ow_tensor_head(name, type, rank, dims);
    ow_bytes_field(&tensor, 9, data, bytes);
    ow_message_field(&m->graph, 5, &tensor);
}

static inline size_t ow_elements(int rank, const int64_t *dims)
{
    size_t n = 1;
    for (int i = 0; i < rank; i++) n *= (size_t)dims[i];
    return n;
}

static inline void ow_floats(ow *m, const char *name, int rank, const int64_t *dims, const float *data)
{
    ow_tensor(m, name, OW_FLOAT, rank, dims, data, 4 * ow_elements(rank, dims));
}

/* A vector of int64: shapes, axes. */
static inline void ow_ints(ow *m, const char *name, int64_t count, const int64_t *data)
{
    ow_tensor(m, name, OW_INT64, 1, &count, data, 8 * (size_t)count);
}

/* An initializer whose data is in another file; offset and length may be NULL. */
static inline void ow_external(ow *m, const char *name, int type, int rank, const int64_t *dims,
                               const char *location, const char *offset, const char *length)
{
    ow_buffer tensor = ow_tensor_head(name, type, rank, dims);
    const char *entries[3][2] = {{"location", location}, {"offset", offset}, {"length", length}};
    for (int i = 0; i < 3; i++) {
        if (!entries[i][1]) continue;
        ow_buffer entry = {0};
        ow_text_field(&entry, 1, entries[i][0]);
        ow_text_field(&entry, 2, entries[i][1]);
        ow_message_field(&tensor, 13, &entry);
    }
    ow_int_field(&tensor, 14, 1);
    ow_message_field(&m->graph, 5, &tensor);
}

static inline void ow_names(ow_buffer *b, unsigned field, const char *names)
{
    while (*names) {
        size_t n = strcspn(names, " ");
        ow_bytes_field(b, field, names, n == 1 && *names == '-' ? 0 : n);
        names += n + (names[n] == ' ');
    }
}

/* Begins a node; its attributes follow. name may be "". */
static inline void ow_node(ow *m, const char *op_type, const char *name, const char *inputs,
                           const char *outputs)
{
    ow_close_node(m);
    ow_names(&m->node, 1, inputs);
    ow_names(&m->node, 2, outputs);
    if (name[0]) ow_text_field(&m->node, 3, name);
    ow_text_field(&m->node, 4, op_type);
}

static inline void ow_node_domain(ow *m, const char *domain)
{
    ow_text_field(&m->node, 7, domain);
}

static inline ow_buffer ow_attr_head(const char *name, int type)
{
    ow_buffer attr = {0};
    ow_text_field(&attr, 1, name);
    if (type) ow_int_field(&attr, 20, type);
    return attr;
}

static inline void ow_attr_int(ow *m, const char *name, int64_t value)
{
    ow_buffer attr = ow_attr_head(name, 2);
    ow_int_field(&attr, 3, value);
    ow_message_field(&m->node, 5, &attr);
}

static inline void ow_attr_float(ow *m, const char *name, float value)
{
    ow_buffer attr = ow_attr_head(name, 1);
    ow_float_field(&attr, 2, value);
    ow_message_field(&m->node, 5, &attr);
}

static inline void ow_attr_text(ow *m, const char *name, const char *value)
{
    ow_buffer attr = ow_attr_head(name, 3);
    ow_text_field(&attr, 4, value);
    ow_message_field(&m->node, 5, &attr);
}

static inline void ow_attr_ints(ow *m, const char *name, size_t count, const int64_t *values)
{
    ow_buffer attr = ow_attr_head(name, 7);
    for (size_t i = 0; i < count; i++) ow_int_field(&attr, 8, values[i]);
    ow_message_field(&m->node, 5, &attr);
}

static inline void ow_attr_floats(ow *m, const char *name, size_t count, const float *values)
{
    ow_buffer attr = ow_attr_head(name, 6);
    for (size_t i = 0; i < count; i++) ow_float_field(&attr, 7, values[i]);
    ow_message_field(&m->node, 5, &attr);
}

/* A tensor attribute with raw_data (Constant's value). */
static inline void ow_attr_tensor(ow *m, const char *name, int type, int rank, const int64_t *dims,
                                  const void *data, size_t bytes)
{
    ow_buffer attr = ow_attr_head(name, 4), tensor = ow_tensor_head(NULL, type, rank, dims);
    ow_bytes_field(&tensor, 9, data, bytes);
    ow_message_field(&attr, 5, &tensor);
    ow_message_field(&m->node, 5, &attr);
}

static inline void ow_metadata(ow *m, const char *key, const char *value)
{
    ow_buffer entry = {0};
    ow_text_field(&entry, 1, key);
    ow_text_field(&entry, 2, value);
    ow_message_field(&m->file, 14, &entry);
}

/* Closes the graph and the model. */
static inline void ow_end(ow *m)
{
    ow_close_node(m);
    ow_message_field(&m->file, 7, &m->graph);
}

/* 0 where it was written. */
static inline int ow_save(const ow *m, const char *path)
{
    FILE *out = fopen(path, "wb");
    if (!out) return -1;
    size_t n = fwrite(m->file.data, 1, m->file.size, out);
    return fclose(out) == 0 && n == m->file.size ? 0 : -1;
}

static inline void ow_free(ow *m)
{
    free(m->file.data);
    free(m->graph.data);
    free(m->node.data);
    memset(m, 0, sizeof *m);
}

#endif
