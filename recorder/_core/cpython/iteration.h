/* The end of an iteration, which CPython tells of as if it were an exception. See iteration.c. */
#ifndef RECORDER_ITERATION_H
#define RECORDER_ITERATION_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

typedef enum {
    REC_NO_END = 0,
    REC_ITERATION_ENDS = 1,
    REC_RERAISES = 2,        /* it is handled by nothing of the program's, and raised again … */
    REC_RAISES_ANOTHER = 3, /* … or another one in its place */
    REC_END_MEMORY = -1, /* there was none to find out */
} rec_end;

/* A type of exceptions of which none is a StopIteration or a StopAsyncIteration. The same ones are raised again and again, so
 * that it need not be looked for among their bases each time. */
enum { REC_NO_STOPS = 16 };
typedef struct {
    PyTypeObject *type;
    unsigned int version; /* the tag that CPython gives to each state of each type; 0: not known */
} rec_no_stop;
extern rec_no_stop rec_no_stops[REC_NO_STOPS];

static inline rec_no_stop *rec_no_stop_of(PyTypeObject *type) { return &rec_no_stops[(uintptr_t)type >> 5 & (REC_NO_STOPS - 1)]; }

/* To be asked first, of every exception: whether it may be one that ends an iteration. */
static inline bool rec_can_be_stop(PyObject *raised)
{
    PyTypeObject *type = Py_TYPE(raised);
    const rec_no_stop *known = rec_no_stop_of(type);
    return known->type != type || known->version != type->tp_version_tag || known->version == 0;
}

/* Whether `raised`, of which CPython tells at the instruction at `offset` bytes, does nothing but end what runs there: a
 * `for`, an `await`, a `yield from`, an `async for`. */
rec_end rec_ends_iteration(PyCodeObject *code, int offset, PyObject *raised);

/* The same where CPython tells that an exception is handled there: such an end has a handler of its own. REC_RERAISES: the
 * handler is none of the program's but one of those that the compiler adds to clean up. */
rec_end rec_handler_of(PyCodeObject *code, int offset, PyObject *raised);

/* What the iteration gives, borrowed. `made_for_end`: CPython made the exception only to tell of the end, and spread a
 * tuple over its arguments. */
PyObject *rec_end_value(PyObject *raised, bool made_for_end);

/* What an async generator yields: CPython hands it on in an object of a type of its own, which tells it from what the
 * generator only awaits. Any other object is itself. Borrowed from it. */
PyObject *rec_yielded(PyObject *value);

#pragma GCC visibility pop
#endif
