/* The variables of a contextvars.Context. */
#ifndef RECORDER_CONTEXTS_H
#define RECORDER_CONTEXTS_H
#include <Python.h>

#pragma GCC visibility push(hidden)

enum { REC_MOST_VARIABLES = 60 };

/* Variables and their values, one behind the other; how many there are, of which the first are written that there is room
 * for; −1: it is not built as is known. Borrowed. */
Py_ssize_t rec_context_pairs(PyObject *context, PyObject **pairs, Py_ssize_t room);
/* What a variable is called. Borrowed; NULL: it does not say. */
PyObject *rec_context_name(PyObject *variable);

#pragma GCC visibility pop
#endif
