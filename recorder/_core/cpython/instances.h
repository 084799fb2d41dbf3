/* Instances read in place: attributes, dates and times, generators, arrays. No code of the program's runs,
 * nothing is created, no reference is kept. See instances.c. */
#ifndef RECORDER_INSTANCES_H
#define RECORDER_INSTANCES_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include "cpython/exceptions.h"
#include "cpython/items.h"
#include "value/types.h"
#include "value/walk.h"

/* What an instance of a type is recorded as. */
typedef enum {
    REC_OPAQUE = 0, /* by its type alone */
    REC_INSTANCE,   /* its attributes; and its built-in part, if its type is a subclass of one that has one */
    REC_NAMED_TUPLE,
    REC_ENUM,
    REC_DATE,
    REC_TIME,
    REC_DATETIME,
    REC_TIMEDELTA,
    REC_TIMEZONE,
    REC_TEMPLATE,
    REC_INTERPOLATION,
    REC_RANGE,
    REC_SLICE,
    REC_METHOD,
    REC_GENERATOR,
    REC_ARRAY,
    REC_MODULE
} rec_shape;

rec_shape rec_shape_of(PyTypeObject *type);
/* Of a REC_ARRAY: whether it is a scalar of numpy's which cannot be changed. */
bool rec_is_numpy_number(PyTypeObject *type);
/* Whether it is read as an array: arrays.c. */
bool rec_is_array(PyTypeObject *type);

/* ---- attributes: what is in the instance's dict, then what is in its slots, then the fields of an exception ---- */

typedef struct {
    PyObject *object;
    rec_items items;
    PyTypeObject *type;  /* whose slots come next; NULL: none */
    Py_ssize_t slot;
    bool are_ordered;    /* all that there are, as they were declared */
    rec_exception_fields fields;
    bool is_enum;        /* what the enum module itself keeps in a member is left out */
} rec_attributes;

bool rec_has_slots(PyTypeObject *type);
/* Whether its instances are what runs everything, and hold it: an event loop, the logging module's manager. Whatever has one
 * would lead to all that waits, and change at each event. */
bool rec_is_machinery(PyTypeObject *type);
/* What is in the instance's dict, or is kept in its place. */
void rec_storage_of(rec_items *items, PyObject *object, PyTypeObject *type);
/* Begins the walk; returns how many attributes there are to be recorded. */
Py_ssize_t rec_attributes_begin(rec_attributes *walk, PyObject *object, const rec_type_entry *entry);
/* The next one; the name is a str of any content, and may be NULL if it is none. Borrowed. */
bool rec_attributes_next(rec_attributes *walk, PyObject **name, PyObject **value);
/* An attribute by name; NULL if there is none. Borrowed. */
PyObject *rec_attribute(PyObject *object, const char *name);

/* Names of the fields of a named tuple: a tuple of str, one for each of its items; else NULL. Borrowed. */
PyObject *rec_names_of_fields(PyObject *object, PyTypeObject *type);

/* ---- dates and times ---- */

typedef struct {
    int year, month, day, hour, minute, second, microsecond, fold;
    int days, seconds;   /* of a timedelta, with the microseconds above */
    PyObject *zone;      /* NULL: none. Borrowed */
} rec_datetime;

void rec_read_datetime(PyObject *object, rec_shape shape, rec_datetime *out);

/* ---- ranges, slices, time zones of a fixed offset, bound methods, template strings ---- */

typedef struct {         /* of a value that is written as an instance, but has no attributes as such. Borrowed */
    int count;
    const char *names[4];
    PyObject *values[4];
} rec_fields;

bool rec_find_fields(rec_fields *fields, PyObject *object, rec_shape shape);

/* ---- generators, coroutines, async generators ---- */

typedef struct {
    int state;           /* 0 not begun, 1 suspended, 2 running, 3 ended */
    int line;            /* where it is suspended, else 0 */
    PyObject *name;      /* borrowed */
    void *frame;         /* its interpreter frame; NULL when it has ended */
} rec_generator;

void rec_read_generator(PyObject *object, rec_generator *out);

/* ---- arrays: numpy.ndarray, through the buffer protocol, which numpy implements in C ---- */

typedef struct {
    Py_buffer view;
    bool simple;         /* no pointers in the items */
} rec_array;

/* Of a memory view: whether it was released; what its memory is of, borrowed, or NULL. */
bool rec_is_released(PyObject *view);
PyObject *rec_view_owner(PyObject *view);

bool rec_array_begin(PyObject *object, rec_array *out);
size_t rec_array_fit(rec_array *array, size_t capacity); /* the bytes of whole items that fit */
void rec_array_copy(rec_array *array, uint8_t *out, size_t size); /* the first ones, in C order */
void rec_array_end(rec_array *array);

/* A number that all items of an array make together, where not all of them are written: of one piece of memory, of
 * numbers. False for any other. */
bool rec_array_digest(PyObject *object, uint64_t *digest);
enum { REC_MOST_DIGESTED = 1 << 26 };

/* Bytes of an array that are looked at. */
enum { REC_ARRAY_BYTES = 16384 };
static inline size_t rec_array_limit(void)
{
    size_t limit = (size_t)rec_limits.text * 4;
    return limit < REC_ARRAY_BYTES ? limit : REC_ARRAY_BYTES;
}
#endif
