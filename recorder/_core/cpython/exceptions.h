/* What C keeps of an exception besides its arguments: what it came of, and the fields that its type has, as the names
 * of files. See exceptions.c. */
#ifndef RECORDER_EXCEPTIONS_H
#define RECORDER_EXCEPTIONS_H
#include "cpython/type_tables.h"

#pragma GCC visibility push(hidden)

typedef struct {
    PyObject *exception; /* NULL: there is none */
    int told;            /* of its cause and its context */
    PyTypeObject *type;  /* whose fields come next */
    const PyMemberDef *next;
} rec_exception_fields;

/* Most have none: they come of no other, and are no larger than the plainest. */
static inline bool rec_exception_may_have_fields(PyObject *exception)
{
    const PyBaseExceptionObject *of = (PyBaseExceptionObject *)exception;
    PyTypeObject *type = Py_TYPE(exception);
    while (rec_is_type_of_python(type))
        type = type->tp_base;
    return type->tp_basicsize > (Py_ssize_t)sizeof(PyBaseExceptionObject) || of->cause != NULL
           || of->suppress_context || of->context != NULL;
}

void rec_exception_begin(rec_exception_fields *walk, PyObject *exception);
/* The next field that tells anything; its name is a str, or NULL where there is no memory for it. Borrowed. */
bool rec_exception_next(rec_exception_fields *walk, PyObject **name, PyObject **value);

#pragma GCC visibility pop
#endif
