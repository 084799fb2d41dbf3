/* Items of arrays where they stand in memory; of numpy's, of every dtype: those that buffers cannot express as well. What is
 * said of an array is good as long as nobody else has run. */
#ifndef RECORDER_CELLS_H
#define RECORDER_CELLS_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum { REC_MOST_DIMENSIONS = 64 };

typedef struct {
    PyTypeObject *type;  /* of the array */
    const char *data;    /* NULL: memory that a look at could end the program, as of a file that is mapped */
    int dimensions;
    const Py_ssize_t *shape, *strides; /* NULL: one row, of: */
    Py_ssize_t length, stride;
    Py_ssize_t item_size;
    bool objects;        /* the items are objects, or NULL for None */
    char format[32];     /* as struct has it, or numpy: M8[ns] */
} rec_cells;

/* Of an array of numpy's, or of a class derived from array.array. False: its dtype is one that only a buffer tells, or its layout is not the known one. */
bool rec_cells_of(PyObject *array, rec_cells *cells);

/* Of one of numpy's StringDType, whose items are described by string_arrays.h: the dtype. NULL: it is none. */
PyObject *rec_cells_of_texts(PyObject *array, rec_cells *cells);

Py_ssize_t rec_cells_count(const rec_cells *cells);
static inline Py_ssize_t rec_cells_length(const rec_cells *cells, int dimension)
{
    return cells->shape != NULL ? cells->shape[dimension] : cells->length;
}

/* The n-th row of an array of two dimensions; one of one dimension is a row itself. */
bool rec_cells_row(const rec_cells *array, Py_ssize_t n, rec_cells *row);
/* Some items of a row. */
rec_cells rec_cells_some(const rec_cells *row, Py_ssize_t first, Py_ssize_t count);

/* The bytes of whole items that fit; the first ones, in C order. */
size_t rec_cells_fit(const rec_cells *cells, size_t capacity);
void rec_cells_copy(const rec_cells *cells, uint8_t *out, size_t size);

typedef struct {         /* a walk over the items, in C order */
    const rec_cells *cells;
    Py_ssize_t index[REC_MOST_DIMENSIONS];
} rec_cell_walk;

void rec_cells_begin(rec_cell_walk *walk, const rec_cells *cells);
/* The next item: there has to be one. */
const char *rec_cells_next(rec_cell_walk *walk);
PyObject *rec_cell_object(const char *item);

/* A number that changes with any of the items; of objects, with those that are numbers and texts, and with the types of
 * others. False: there are too many to look at all. */
bool rec_cells_digest(const rec_cells *cells, uint64_t *digest);

#pragma GCC visibility pop
#endif
