/* Where Arrow's C++ library and pyarrow have their fields: what arrow.c and arrow_types.c share. */
#ifndef RECORDER_ARROW_LAYOUT_H
#define RECORDER_ARROW_LAYOUT_H
#include "known/arrow.h"
#include "known/readers.h"
#include "cpython/instances.h"
#include "cpython/objects.h"
#include "value/walk.h"

#pragma GCC visibility push(hidden)

typedef struct {         /* std::shared_ptr */
    void *object, *control;
} shared;

typedef struct {         /* std::vector<std::shared_ptr<…>> */
    shared *begin, *end, *capacity;
} vector;

typedef struct {         /* arrow::ChunkedArray */
    vector chunks;
    shared type;
    int64_t length, missing;
} chunked;

typedef struct {         /* arrow::Array */
    void *methods;
    shared data;
} array;

typedef struct {         /* arrow::ArrayData */
    shared type;
    int64_t length, missing, offset;
    vector buffers, children;
    shared dictionary;
} array_data;

typedef struct {         /* arrow::Buffer */
    void *methods;
    bool is_mutable, is_of_cpu;
    const uint8_t *data;
    int64_t size;
} buffer;

typedef struct {         /* std::string */
    const char *data;
    size_t size;
    char here[16];
} string;

typedef struct {         /* arrow::DataType, and what some have besides */
    void *methods, *fingerprints[2];
    shared itself;
    unsigned id;
    vector children;
    union {
        struct { unsigned unit; string zone; };
        struct { int32_t width, precision, scale; }; /* the width is the size of a list, too */
        struct { shared index, of_dictionary; };
        shared storage;  /* of an extension: what its values are kept as */
    };
} data_type;

typedef struct {         /* arrow::Field */
    void *methods, *fingerprints[2];
    string name;
    shared type;
    bool may_be_missing;
} field;

typedef struct {         /* arrow::Scalar: the value follows where its alignment lets it */
    void *methods, *itself[2];
    shared type;
    bool is_present;
    char value[];
} scalar;

typedef struct {         /* arrow::Schema */
    void *methods, *fingerprints[2];
    const vector *fields;
} schema;

typedef struct {         /* arrow::SimpleTable, arrow::SimpleRecordBatch */
    void *methods;
    shared schema;
    int64_t rows;
    vector columns;
} tabular;

typedef struct {         /* pyarrow.lib.ChunkedArray, Array, DataType, Field, Schema, Table, RecordBatch; Scalar but for the last */
    PyObject_HEAD
    PyObject *weak_references;
    void *methods;
    shared of;
    void *same;
} wrapper;

#define TYPE "pyarrow.lib.DataType"
#define ARRAY "pyarrow.lib.Array"

/* The numbers of arrow::Type that are more than a size and a format. */
enum { NOTHING = 0, BOOL = 1, STRING = 13, BINARY = 14, FIXED_BINARY = 15, DATE32 = 16, DATE64 = 17, TIMESTAMP = 18,
       TIME32 = 19, TIME64 = 20, DECIMAL = 23, DECIMAL256 = 24, LIST = 25, STRUCT = 26, DICTIONARY = 29, MAP = 30,
       EXTENSION = 31, FIXED_LIST = 32, DURATION = 33, LARGE_STRING = 34, LARGE_BINARY = 35, LARGE_LIST = 36,
       STRING_VIEW = 39, BINARY_VIEW = 40, LIST_VIEW = 41, LARGE_LIST_VIEW = 42, DECIMAL32 = 43, DECIMAL64 = 44, TYPES = 45 };

extern const char *const rec_arrow_type_names[TYPES];
extern const char *const rec_arrow_units[4];

static inline bool is_list_view(unsigned id) { return id == LIST_VIEW || id == LARGE_LIST_VIEW; }
static inline bool is_of_lists(unsigned id)
{
    return id == LIST || id == LARGE_LIST || id == MAP || id == FIXED_LIST || is_list_view(id);
}
static inline bool is_of_decimals(unsigned id)
{
    return id == DECIMAL || id == DECIMAL256 || id == DECIMAL32 || id == DECIMAL64;
}

/* What the values of an extension are kept as; of another type itself. */
static inline const data_type *stored_type(const data_type *type)
{
    while (type->id == EXTENSION)
        type = type->storage.object;
    return type;
}
static inline const data_type *type_of(const array_data *data) { return stored_type(data->type.object); }
static inline Py_ssize_t count_of(const vector *of) { return of->end - of->begin; }

static inline bool is_plausible(const vector *of)
{
    return ((uintptr_t)of->begin | (uintptr_t)of->end) % sizeof(void *) == 0 && of->begin <= of->end
           && of->end <= of->capacity && count_of(of) < 1 << 24;
}

/* What is wrapped: twice the same pointer. */
void *rec_arrow_wrapped(PyObject *object, const char *type_name);
/* An attribute that the type's own table has. A new reference; NULL without an exception. */
PyObject *rec_arrow_get(PyObject *object, const char *type_name, const char *name);
bool rec_arrow_get_number(PyObject *object, const char *type_name, const char *name, int64_t *number);
/* What a method of the library's own answers, given a number, if it is not −1. A new reference. */
PyObject *rec_arrow_ask(PyObject *object, const char *type_name, const char *name, int given);
bool rec_arrow_is_text(PyObject *said, const char *text, size_t size);
/* That what pyarrow says is the type is the one that was found, and has its number where it is thought to be. */
bool rec_arrow_proves_type(const data_type *type, PyObject *said);
/* Whether all that it says of itself is where it is thought to be. `said`: what pyarrow has for it, or NULL. */
bool rec_arrow_knows_type(const data_type *type, PyObject *said);
bool rec_arrow_read_type(const data_type *type, rec_arrow *arrow);
/* The class that pyarrow has for decimals of a type. */
const char *rec_arrow_decimals(unsigned id);
/* Whether these are what an Array has, and all that is in them can be read. NULL: whether that is known by now. */
bool rec_arrow_knows_array(const array_data *data, PyObject *said);
/* What a scalar is that is known. */
void rec_arrow_read_scalar(const void *scalar, rec_arrow *arrow);
/* Of a Scalar, as an array of one item. */
bool rec_arrow_scalar_of(PyObject *object, rec_arrow *arrow);
rec_arrow_item rec_arrow_scalar_item(const rec_arrow *arrow);

/* Objects are made to ask: no garbage is collected meanwhile, which could run code of the program's. */
typedef struct {
    PyObject *kind, *value, *trace;
    int collects;
} asking;

static inline asking begin_asking(void)
{
    asking asks;
    PyErr_Fetch(&asks.kind, &asks.value, &asks.trace);
    asks.collects = PyGC_Disable();
    return asks;
}

static inline void end_asking(const asking *asks)
{
    PyErr_Clear();
    if (asks->collects)
        (void)PyGC_Enable(); /* audit: says what it was before */
    PyErr_Restore(asks->kind, asks->value, asks->trace);
}

#pragma GCC visibility pop
#endif
