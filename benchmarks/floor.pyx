# cython: language_level=3
"""Hooks that do nothing: the floor that every recorder stands on. Built by benchmarks/floor.py."""

cdef extern from "Python.h":
    """
    static int rec_empty_trace(PyObject *self, PyFrameObject *frame, int what, PyObject *arg)
    {
        return 0;
    }
    static void rec_trace_on(void) { PyEval_SetTrace(rec_empty_trace, NULL); }
    static void rec_trace_off(void) { PyEval_SetTrace(NULL, NULL); }
    static PyObject *rec_empty(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
    {
        Py_RETURN_NONE;
    }
    static PyMethodDef rec_empty_def = {"empty", (PyCFunction)(void (*)(void))rec_empty, METH_FASTCALL, NULL};
    static PyObject *rec_make_empty(void) { return PyCFunction_NewEx(&rec_empty_def, NULL, NULL); }
    """
    void rec_trace_on()
    void rec_trace_off()
    object rec_make_empty()

trace_on = None


def start_trace():
    rec_trace_on()


def stop_trace():
    rec_trace_off()


empty = rec_make_empty()
