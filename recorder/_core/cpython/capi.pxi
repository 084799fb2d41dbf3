# What the core uses of CPython's and libc's headers, and of the tape's, the clock's and the checks'. What belongs to a
# C file of cpython/ or value/ is declared beside it. Raw PyObject* everywhere: a Cython `object` would count
# references, and the capture path must neither own nor release anything of the target's.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memchr, memcmp, memcpy, memmove, memset, strcmp, strlen

cdef extern from "<string.h>" nogil:
    size_t strnlen(const char *text, size_t most)

cdef extern from "Python.h" nogil:
    PyObject *PyExc_StopIteration
    PyObject *PyExc_BaseException
    PyObject *PyExc_SystemExit
    int PyGILState_Check()
    ctypedef struct PyObject:
        PyTypeObject *ob_type
    ctypedef struct PyTypeObject:
        const char *tp_name
        unsigned long tp_flags
        PyObject *tp_dict
        PyTypeObject *tp_base
        PyObject *tp_mro
        void *tp_descr_get
        Py_ssize_t tp_basicsize
        unsigned int tp_version_tag
    ctypedef struct PyCodeObject:
        int co_flags
        int co_nlocalsplus
        int co_argcount
        int co_kwonlyargcount
        int co_firstlineno
        PyObject *co_localsplusnames
        PyObject *co_localspluskinds
        PyObject *co_filename
        PyObject *co_names
        PyObject *co_name
        PyObject *co_qualname
    ctypedef struct PyFrameObject:
        pass
    ctypedef struct PyInterpreterState:
        pass
    ctypedef struct PyThreadState:
        uint64_t id
        PyInterpreterState *interp
        unsigned long thread_id
        unsigned long native_thread_id
        PyObject *c_traceobj
        int tracing
    ctypedef struct PyComplexObject:
        double real "cval.real"
        double imag "cval.imag"
    ctypedef struct PyBaseExceptionObject:
        PyObject *args
    ctypedef struct PyFunctionObject:
        PyObject *func_qualname
        PyObject *func_module
    ctypedef struct PyCFunctionObject:
        PyMethodDef *m_ml
        PyObject *m_module
    ctypedef struct PyCellObject:
        PyObject *ob_ref
    ctypedef struct PyMethodObject:
        PyObject *im_func
        PyObject *im_self
    ctypedef struct PyDescrObject:
        PyTypeObject *d_type
        PyObject *d_name
    ctypedef struct PyMethodDef:
        const char *ml_name
        void *ml_meth
        int ml_flags
        const char *ml_doc

    PyTypeObject PyLong_Type, PyFloat_Type, PyBool_Type, PyUnicode_Type, PyBytes_Type, PyByteArray_Type
    PyTypeObject PyComplex_Type, PyList_Type, PyTuple_Type, PyDict_Type, PySet_Type, PyFrozenSet_Type
    PyTypeObject PyFunction_Type, PyCFunction_Type, PyModule_Type, PyCell_Type, PyType_Type
    PyTypeObject PyBaseObject_Type
    PyTypeObject PyMethodDescr_Type, PyWrapperDescr_Type, PyClassMethodDescr_Type
    PyObject *Py_None "Py_None"
    PyObject *Py_True "Py_True"
    PyObject *Py_False "Py_False"
    PyObject *Py_Ellipsis "Py_Ellipsis"
    PyObject *Py_NotImplemented "Py_NotImplemented"
    unsigned long Py_TPFLAGS_HEAPTYPE, Py_TPFLAGS_LONG_SUBCLASS, Py_TPFLAGS_LIST_SUBCLASS
    unsigned long Py_TPFLAGS_TUPLE_SUBCLASS, Py_TPFLAGS_BYTES_SUBCLASS, Py_TPFLAGS_UNICODE_SUBCLASS
    unsigned long Py_TPFLAGS_DICT_SUBCLASS, Py_TPFLAGS_BASE_EXC_SUBCLASS, Py_TPFLAGS_TYPE_SUBCLASS
    int METH_FASTCALL
    int PY_VERSION_HEX
    int CO_NEWLOCALS, CO_OPTIMIZED, CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
    int CO_VARARGS, CO_VARKEYWORDS
    int PyTrace_CALL, PyTrace_EXCEPTION, PyTrace_LINE, PyTrace_RETURN, PyTrace_OPCODE

    void Py_INCREF(PyObject *)
    void Py_XDECREF(PyObject *)
    Py_ssize_t PyList_GET_SIZE(PyObject *)
    PyObject *PyList_GET_ITEM(PyObject *, Py_ssize_t)
    Py_ssize_t PyTuple_GET_SIZE(PyObject *)
    PyObject *PyTuple_GET_ITEM(PyObject *, Py_ssize_t)
    char *PyBytes_AS_STRING(PyObject *)
    void PyDict_Clear(dict)
    int PyException_SetTraceback(object, PyObject *)
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject *)
    bint PyUnicode_CheckExact(PyObject *)
    bint PyCode_Check(PyObject *)
    int PyUnicode_READY(PyObject *)
    int PyCode_Addr2Line(PyCodeObject *, int)
    PyInterpreterState *PyInterpreterState_Get()
    PyThreadState *PyInterpreterState_ThreadHead(PyInterpreterState *)
    PyThreadState *PyThreadState_Next(PyThreadState *)
    ctypedef struct PyObjectArenaAllocator:
        void *ctx
        void *(*alloc)(void *, size_t) noexcept
        void (*free)(void *, void *, size_t) noexcept
    void PyObject_GetArenaAllocator(PyObjectArenaAllocator *)
    void PyObject_SetArenaAllocator(PyObjectArenaAllocator *)

cdef extern from "Python.h":
    ctypedef int (*Py_tracefunc)(PyObject *, PyFrameObject *, int, PyObject *) noexcept
    object PyUnicode_FromObject(PyObject *)
    PyObject *PyCFunction_NewEx(PyMethodDef *, PyObject *, PyObject *)
    PyObject *PyImport_AddModule(const char *) except NULL
    PyObject *PyModule_GetDict(PyObject *)
    void PyErr_Fetch(PyObject **, PyObject **, PyObject **)
    void PyErr_Restore(PyObject *, PyObject *, PyObject *)
    void PyErr_SetObject(PyObject *, PyObject *)
    void PyErr_Clear()
    int PySys_AddAuditHook(int (*)(const char *, PyObject *, void *) noexcept, void *)
    int Py_AddPendingCall(int (*)(void *) noexcept, void *)

cdef extern from "sys/clock.h" nogil:
    ctypedef int clockid_t
    clockid_t CLOCK_MONOTONIC, CLOCK_REALTIME
    uint64_t rec_ticks()
    uint64_t rec_clock_ns(clockid_t)

cdef extern from * nogil:
    """
    #define REC_LOAD(field) __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
    #define REC_STORE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)
    """
    uint32_t REC_LOAD(uint32_t)
    uint64_t REC_LOAD64 "REC_LOAD"(uint64_t)
    void REC_STORE(uint32_t, uint32_t)
    void REC_STORE64 "REC_STORE"(uint64_t, uint64_t)

cdef extern from "sys/checks.h" nogil:
    const int REC_CHECKING
    void REC_CHECK(bint condition, const char *sentence) noexcept
