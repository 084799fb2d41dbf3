/* The end of an iteration, which CPython tells of as if it were an exception. See iteration.c. */
#ifndef RECORDER_ITERATION_H
#define RECORDER_ITERATION_H
#include <Python.h>
#include <stdbool.h>

typedef enum {
    REC_NO_END = 0,
    REC_ITERATION_ENDS = 1,
    REC_END_MEMORY = -1, /* there was none to find out */
} rec_end;

/* Whether `raised`, of which CPython tells at the instruction at `offset` bytes, does nothing but end what runs there: a
 * `for`, an `await`, a `yield from`, an `async for`. */
rec_end rec_ends_iteration(PyCodeObject *code, int offset, PyObject *raised);

/* The same where CPython tells that an exception is handled there: such an end has a handler of its own. */
rec_end rec_handles_end(PyCodeObject *code, int offset, PyObject *raised);

/* What the iteration gives, borrowed. `told`: CPython made the exception only to tell of the end, and spread a tuple over
 * its arguments. */
PyObject *rec_end_value(PyObject *raised, bool told);
#endif
