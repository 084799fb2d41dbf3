/* The items of a dict, and attributes that an instance keeps in its manner, read where CPython has them. Nothing is
 * looked up, created or counted, and no item is asked for by a call of CPython's. */
#ifndef RECORDER_ITEMS_H
#define RECORDER_ITEMS_H
#include <Python.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)

typedef struct {
    PyObject *dict;     /* NULL, or one whose layout is not known: PyDict_Next is asked */
    void *keys;         /* a PyDictKeysObject */
    PyObject **values;  /* where they are not beside their keys: in the order in which they were set */
    Py_ssize_t at, count;
    Py_ssize_t size;    /* how many items there are */
    PyObject *of;       /* the dict that they are of, if there is one */
} rec_items;

/* Whether PyDict_Next is asked for everything: where the layout is not known, and in tests. */
extern bool rec_dicts_public;

void rec_items_of(rec_items *items, PyObject *dict);
bool rec_items_next(rec_items *items, PyObject **key, PyObject **value);

#pragma GCC visibility pop
#endif
