/* A code's bytecode as the compiler wrote it, neither specialized nor instrumented. */
#ifndef RECORDER_BYTECODE_H
#define RECORDER_BYTECODE_H
#include <Python.h>

#include "cpython/version.h"

/* CPython keeps the bytes that it makes of the bytecode with the code object: those that we asked for are not to stay. */
static inline PyObject **rec_kept_bytecode(PyCodeObject *code)
{
#if !REC_CPYTHON_KNOWN
    return NULL;
#elif PY_VERSION_HEX < 0x030C0000
    return &code->_co_code;
#else
    return code->_co_cached == NULL ? NULL : &code->_co_cached->_co_code;
#endif
}

/* A bytes of our own, to be let go of; NULL and an exception where memory lacks. */
static inline PyObject *rec_bytecode(PyCodeObject *code)
{
    PyObject **kept = rec_kept_bytecode(code);
    int was_kept = kept != NULL && *kept != NULL;
    PyObject *bytecode = PyCode_GetCode(code);
    kept = rec_kept_bytecode(code);
    if (!was_kept && kept != NULL)
        Py_CLEAR(*kept);
    return bytecode;
}
#endif
