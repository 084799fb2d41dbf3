/* Calls of Python's own functions of which it is known what they do: that they run no code, and what they change. */
#ifndef RECORDER_PLAIN_CALLS_H
#define RECORDER_PLAIN_CALLS_H
#include "cpython/plain.h"
#include "cpython/touched.h"

#pragma GCC visibility push(hidden)

/* A call of the function with these arguments, and what it gives. For the first argument of a method, its object. False: it
 * may run code. */
bool rec_call_plainly(PyObject *function, PyObject **arguments, int n, rec_touched *touched, PyObject **value);

#pragma GCC visibility pop
#endif
