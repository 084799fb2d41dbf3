/* The end of an iteration, which CPython tells of as if it were an exception.
 *
 * A StopIteration that arrives at FOR_ITER or SEND is taken there as the end, and goes no further; nor does one that a
 * sub-iterator answers a throw() with, where CLEANUP_THROW is the handler, or a StopAsyncIteration where END_ASYNC_FOR
 * is. No program can raise one of these at such an instruction, nor handle it there.
 *
 * Neither may a StopIteration leave a generator or coroutine: from 3.12 on the compiler puts a handler around the whole
 * of each, which makes a RuntimeError of it, and lets every other exception go on. So do the handlers of an `async for`
 * and of what waits, with all but the end. */
#include "cpython/internal.h"
#include "cpython/iteration.h"
#include "cpython/exception_table.h"
#include <opcode.h>
#if REC_CPYTHON_KNOWN && PY_VERSION_HEX >= 0x030C0000
#include <internal/pycore_intrinsics.h>
#endif

enum { UNIT = 2 }; /* bytes of an instruction */

/* The instruction as it was compiled; −1: none, −2: no memory. In the code itself there may be another one, by which it
 * is specialised or monitored. */
static int opcode_at(PyCodeObject *code, int offset)
{
    PyObject *bytes = PyCode_GetCode(code); /* made once by CPython, which keeps it */
    int opcode = -1;
    if (bytes == NULL) {
        PyErr_Clear();
        return -2;
    }
    if (0 <= offset && offset < PyBytes_GET_SIZE(bytes))
        opcode = ((unsigned char *)PyBytes_AS_STRING(bytes))[offset];
    Py_DECREF(bytes);
    return opcode;
}

rec_no_stop rec_no_stops[REC_NO_STOPS];

/* StopIteration or StopAsyncIteration, if it is one of these, or NULL. */
static PyObject *stop_of(PyObject *raised)
{
    PyTypeObject *type = Py_TYPE(raised);
    PyObject *mro = type->tp_mro;
    for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *class = PyTuple_GET_ITEM(mro, i);
        if (class == PyExc_StopIteration || class == PyExc_StopAsyncIteration)
            return class;
    }
    *rec_no_stop_of(type) = (rec_no_stop){type, type->tp_version_tag};
    return NULL;
}

/* Whether what is raised there goes to an instruction that takes it as an end. */
static rec_end goes_to_end(PyCodeObject *code, int offset, PyObject *raised)
{
    rec_handler h;
    return rec_find_handler(code, offset / UNIT, -1, &h) ? rec_handles_end(code, h.target * UNIT, raised) : REC_NO_END;
}

rec_end rec_ends_iteration(PyCodeObject *code, int offset, PyObject *raised)
{
    PyObject *stop = stop_of(raised);
    if (stop == NULL)
        return REC_NO_END;
    int opcode = opcode_at(code, offset);
    if (opcode == -2)
        return REC_END_MEMORY;
    if (stop == PyExc_StopIteration && (opcode == FOR_ITER || opcode == SEND))
        return REC_ITERATION_ENDS;
    rec_end end = goes_to_end(code, offset, raised);
    /* thrown into a frame that stands behind its YIELD_VALUE */
    return end == REC_NO_END && opcode == RESUME ? goes_to_end(code, offset - UNIT, raised) : end;
}

rec_end rec_handles_end(PyCodeObject *code, int offset, PyObject *raised)
{
    PyObject *stop = stop_of(raised);
    if (stop == NULL)
        return REC_NO_END;
    int opcode = opcode_at(code, offset);
    if (opcode == -2)
        return REC_END_MEMORY;
#if PY_VERSION_HEX >= 0x030C0000
    if (opcode == CLEANUP_THROW)
        return stop == PyExc_StopIteration ? REC_ITERATION_ENDS : REC_NO_END;
#endif
    return opcode == END_ASYNC_FOR && stop == PyExc_StopAsyncIteration ? REC_ITERATION_ENDS : REC_NO_END;
}

#if REC_CPYTHON_KNOWN && PY_VERSION_HEX >= 0x030C0000
/* Whether the exception is taken up, or let go on, by a handler that the compiler made: 1 or 0; −2: no memory. */
static int is_in_no_statement(PyCodeObject *code, int offset, bool goes_on)
{
    int opcode = opcode_at(code, offset);
    if (opcode == -2)
        return -2;
    if (opcode == END_ASYNC_FOR || opcode == CLEANUP_THROW)
        return 1;
    int guard = goes_on ? offset - UNIT : offset; /* there, the instruction behind it lets the exception go on */
    return opcode_at(code, guard) == CALL_INTRINSIC_1 && opcode_at(code, guard + 1) == INTRINSIC_STOPITERATION_ERROR;
}

rec_end rec_passes_by(PyCodeObject *code, int offset, PyObject *raised, bool goes_on)
{
    int found = is_in_no_statement(code, offset, goes_on);
    if (found != 1)
        return found == 0 ? REC_NO_END : REC_END_MEMORY;
    PyObject *cause = ((PyBaseExceptionObject *)raised)->cause;
    bool is_made_there = (PyObject *)Py_TYPE(raised) == PyExc_RuntimeError && cause != NULL && stop_of(cause) != NULL;
    return is_made_there || stop_of(raised) != NULL ? REC_NO_END : REC_ITERATION_ENDS;
}
#else
rec_end rec_passes_by(PyCodeObject *code, int offset, PyObject *raised, bool goes_on)
{
    (void)code, (void)offset, (void)raised, (void)goes_on;
    return REC_NO_END;
}
#endif

PyObject *rec_end_value(PyObject *raised, bool told)
{
    if (stop_of(raised) != PyExc_StopIteration)
        return Py_None;
    PyObject *args = ((PyBaseExceptionObject *)raised)->args;
    if (told && args != NULL && PyTuple_CheckExact(args) && PyTuple_GET_SIZE(args) > 1)
        return args;
    PyObject *value = ((PyStopIterationObject *)raised)->value;
    return value != NULL ? value : Py_None;
}
