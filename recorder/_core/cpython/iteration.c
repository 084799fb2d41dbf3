/* The end of an iteration, which CPython tells of as if it were an exception.
 *
 * A StopIteration that arrives at FOR_ITER or SEND is taken there as the end, and goes no further; nor does one that a
 * sub-iterator answers a throw() with, where CLEANUP_THROW is the handler, or a StopAsyncIteration where END_ASYNC_FOR
 * is. No program can raise one of these at such an instruction, nor handle it there.
 *
 * And the handlers that the compiler adds, of which CPython tells as if the program had handled something. */
#include "cpython/iteration.h"
#include "cpython/exception_table.h"
#include "cpython/version.h"
#include <opcode.h>

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
    if (!rec_find_handler(code, offset / UNIT, -1, &h))
        return REC_NO_END;
    rec_end end = rec_handler_of(code, h.target * UNIT, raised);
    return end == REC_ITERATION_ENDS || end == REC_END_MEMORY ? end : REC_NO_END;
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

/* Whether the instruction begins a handler that the program has: `except`, `finally` and `with` begin with the first; the
 * second collects what the parts of an `except*` raise. All others leave a generator, a comprehension or an `except … as`,
 * or wait for an iterator: they put things in order and raise again what came. */
static bool is_of_program(int opcode) { return opcode == PUSH_EXC_INFO || opcode == LIST_APPEND; }

rec_end rec_handler_of(PyCodeObject *code, int offset, PyObject *raised)
{
    if (((uint8_t *)code->co_code_adaptive)[offset] == PUSH_EXC_INFO) /* most are, and it is never specialised */
        return REC_NO_END;
    int opcode = opcode_at(code, offset);
    if (opcode == -2)
        return REC_END_MEMORY;
    if (is_of_program(opcode))
        return REC_NO_END;
    PyObject *stop = rec_can_be_stop(raised) ? stop_of(raised) : NULL;
    if (stop == NULL)
        return REC_RERAISES;
#if PY_VERSION_HEX >= 0x030C0000
    if (opcode == CLEANUP_THROW)
        return stop == PyExc_StopIteration ? REC_ITERATION_ENDS : REC_RERAISES;
    if (opcode == CALL_INTRINSIC_1) /* the one around all of a generator, which makes a RuntimeError of it */
        return REC_RAISES_ANOTHER;
#endif
    return opcode == END_ASYNC_FOR && stop == PyExc_StopAsyncIteration ? REC_ITERATION_ENDS : REC_RERAISES;
}

PyObject *rec_end_value(PyObject *raised, bool made_for_end)
{
    if (stop_of(raised) != PyExc_StopIteration)
        return Py_None;
    PyObject *args = ((PyBaseExceptionObject *)raised)->args;
    if (made_for_end && args != NULL && PyTuple_CheckExact(args) && PyTuple_GET_SIZE(args) > 1)
        return args;
    PyObject *value = ((PyStopIterationObject *)raised)->value;
    return value != NULL ? value : Py_None;
}

typedef struct { /* as in Objects/genobject.c */
    PyObject_HEAD
    PyObject *value;
} wrapped_value;

PyObject *rec_yielded(PyObject *value)
{
    static PyTypeObject *wrapping; /* which CPython does not export */
    PyTypeObject *type = Py_TYPE(value);
    if (type != wrapping) {
        if (wrapping != NULL || (type->tp_flags & Py_TPFLAGS_HEAPTYPE)
            || (size_t)type->tp_basicsize != sizeof(wrapped_value) || type->tp_itemsize != 0
            || strcmp(type->tp_name, "async_generator_wrapped_value") != 0)
            return value;
        wrapping = type;
    }
    PyObject *inner = ((wrapped_value *)value)->value;
    return inner == NULL ? value : inner;
}
