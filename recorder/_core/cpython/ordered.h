/* The order of an OrderedDict, which is not that of its dict once something was moved. Nothing is looked up that could
 * call code of the program's. See ordered.c. */
#ifndef RECORDER_ORDERED_H
#define RECORDER_ORDERED_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum { REC_MOST_ORDERED = 256 };

typedef struct {
    PyObject *key;
    PyObject *value;
} rec_item;

/* Finds out whether what follows can be had: an OrderedDict is laid out as is known here. Leaves no exception behind. */
void rec_prove_ordered(void);

bool rec_is_ordered(PyTypeObject *type);
/* What changes when items, or their order, change; 0: not known. Not given twice to one object. */
uint64_t rec_ordered_version(PyObject *ordered);
/* Its first n items. Not had (false) where more than REC_MOST_ORDERED are wanted, where it is not known where they are,
 * and where somebody has gone around OrderedDict's own methods. Borrowed. */
bool rec_ordered_items(PyObject *ordered, Py_ssize_t n, rec_item *items);

#pragma GCC visibility pop
#endif
