/* Arrays and tables of pyarrow, whose values C++ keeps. What is said of one is good as long as nobody else has run. */
#ifndef RECORDER_ARROW_H
#define RECORDER_ARROW_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

typedef struct {
    const void *chunked; /* or, of one piece: */
    const void *data;    /* or, of one item: */
    const void *scalar;
    const void *inside;  /* of one item that is a list, its items; of one that has fields, a vector of scalars */
    Py_ssize_t size;
    const char *unread;  /* the name of a type whose items are not read, or NULL */
    Py_ssize_t item_size; /* 0: texts, or bytes */
    bool are_bytes, are_large, are_decimals, are_times;
    bool are_views;      /* texts that are where each says */
    bool are_coded;      /* they stand for those of a dictionary */
    bool are_nested;     /* each is a list, or has fields: rec_arrow_nest_of */
    int64_t from;        /* of one piece: where they begin in it */
    int scale;           /* of decimals: digits behind the point */
    char format[8];      /* as struct has it, or numpy */
    char zone[40];       /* of moments; of times of a day `time[us]`; or empty */
} rec_arrow;

typedef struct {         /* a text in UTF-8, or the bytes of an item; NULL: it is missing */
    const char *data;
    Py_ssize_t size;
} rec_arrow_item;

/* Of an Array, a ChunkedArray or a Scalar. False: of a layout that is not the known one. */
bool rec_arrow_of(PyObject *object, rec_arrow *arrow);

typedef struct {         /* a Table or a RecordBatch */
    PyObject *object;
    const char *type;
    Py_ssize_t rows, columns;
    const void *vector, *fields;
    bool is_batch;
} rec_arrow_table;

bool rec_arrow_table_of(PyObject *object, rec_arrow_table *table);
bool rec_arrow_column_of(const rec_arrow_table *table, Py_ssize_t n, rec_arrow *arrow);
rec_arrow_item rec_arrow_name_of(const rec_arrow_table *table, Py_ssize_t n);

/* `count` items from the n-th on. Of truth values each is one of two bytes. */
void rec_arrow_items(const rec_arrow *arrow, Py_ssize_t n, Py_ssize_t count, rec_arrow_item *out);

typedef struct {         /* one item that is a list, or has fields */
    bool is_missing, is_list;
    bool is_map;         /* a list of what has a key and a value */
    Py_ssize_t count;    /* of its fields; of a list 1: its items, as an array */
    const void *data, *type;
    const void *inside;  /* of what is in no array: the items of a list, or a vector of scalars; else NULL */
    int64_t at, items;
} rec_arrow_nest;

/* The n-th item. */
void rec_arrow_nest_of(const rec_arrow *arrow, Py_ssize_t n, rec_arrow_nest *nest);
/* The name of its i-th field, and what stands there: an array, of a field one of one item. */
rec_arrow_item rec_arrow_nest_name(const rec_arrow_nest *nest, Py_ssize_t i);
void rec_arrow_nest_child(const rec_arrow_nest *nest, Py_ssize_t i, rec_arrow *child);

typedef struct {         /* a Schema; of a DataType or a Field one name or none */
    Py_ssize_t count;
    const void *fields;  /* NULL: one, or none, of: */
    const void *field, *type;
} rec_arrow_schema;

/* Of a Schema, a Field or a DataType. False: of a layout that is not the known one. */
bool rec_arrow_schema_of(PyObject *object, rec_arrow_schema *schema);
rec_arrow_item rec_arrow_field_name(const rec_arrow_schema *schema, Py_ssize_t n);
/* The type of a field as pyarrow calls it: `list<item: int64>`; how many characters fit. */
size_t rec_arrow_type_text(const rec_arrow_schema *schema, Py_ssize_t n, char *out, size_t room);

/* A decimal, as Decimal's constructor reads it: digits, or digits with an exponent. Says how many characters it takes. */
enum { REC_ARROW_DECIMAL = 96 };
Py_ssize_t rec_arrow_decimal_text(const rec_arrow *arrow, const char *item, char *out);

/* A number that changes with any of the items; false: there are too many. */
bool rec_arrow_digest(const rec_arrow *arrow, uint64_t *digest);

#pragma GCC visibility pop
#endif
