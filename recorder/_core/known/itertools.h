/* What the iterators of one itertools.tee have read, and not all of them given. */
#ifndef RECORDER_ITERTOOLS_H
#define RECORDER_ITERTOOLS_H
#include <Python.h>

#pragma GCC visibility push(hidden)

enum { REC_MOST_OF_TEE = 60 };

/* The items that one of them gives before it reads on: how many there are, of which the first are written that there is
 * room for; −1: it is not built as is known. Borrowed. */
Py_ssize_t rec_tee_items(PyObject *object, PyObject **items, Py_ssize_t room);

#pragma GCC visibility pop
#endif
