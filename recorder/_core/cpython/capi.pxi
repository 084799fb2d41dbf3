# What the core uses of CPython and of its own C headers. Raw PyObject* everywhere: a Cython `object` would
# count references, and the capture path must neither own nor release anything of the target's.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset, strcmp, strlen

cdef extern from "<string.h>" nogil:
    size_t strnlen(const char *text, size_t most)

cdef extern from "Python.h" nogil:
    PyObject *PyExc_StopIteration
    int PyGILState_Check()
    ctypedef struct PyObject:
        PyTypeObject *ob_type
    ctypedef struct PyTypeObject:
        const char *tp_name
        unsigned long tp_flags
        PyObject *tp_dict
        PyTypeObject *tp_base
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

cdef extern from "cpython/code_table.h" nogil:
    ctypedef enum rec_watch_outcome:
        REC_WATCHING, REC_WATCHERS_TAKEN, REC_WATCH_MEMORY
    rec_watch_outcome rec_watch_codes(RecSys *, void (*)(void *) noexcept)
    void *rec_known_of(PyObject *)
    bint rec_know(PyObject *, void *)

cdef extern from "cpython/frames.h" nogil:
    ctypedef struct rec_ref:
        pass
    ctypedef struct rec_iframe:
        rec_ref code
        PyObject *globals
        PyObject *locals
        rec_iframe *previous
        rec_ref *localsplus
    ctypedef struct rec_frame_object:
        rec_iframe *iframe
        int lineno
    int REC_KIND_HIDDEN, REC_KIND_LOCAL, REC_KIND_CELL, REC_KIND_FREE, REC_KINDS
    bint rec_frames_public
    rec_iframe *rec_current_frame(PyThreadState *)
    PyCodeObject *rec_frame_code(rec_iframe *)
    PyThreadState *rec_thread_state()
    int rec_frame_offset(rec_iframe *)
    bint rec_is_handling(PyThreadState *, PyTypeObject *)
    bint rec_frame_is_complete(rec_iframe *)
    int rec_resume_kind(rec_iframe *)
    bint rec_is_yielding(rec_iframe *)
    PyObject *rec_module_name(PyObject *)
    PyObject *rec_object(rec_ref)

cdef extern from "cpython/frames.h":
    PyObject *rec_being_handled()
    PyObject *rec_save_handled()
    void rec_restore_handled(PyObject *)
    int REC_OWN_DEPTH
    void rec_lend_depth(int)
    Py_tracefunc rec_trace_of(PyThreadState *) nogil
    void rec_set_trace(PyThreadState *, Py_tracefunc) nogil
    bint rec_had_a_frame(PyThreadState *)
    Py_tracefunc rec_profile_of(PyThreadState *) nogil
    void rec_set_profile(PyThreadState *, Py_tracefunc) nogil

cdef extern from "cpython/objects.h" nogil:
    ctypedef uint32_t digit
    Py_ssize_t rec_int_digits(PyObject *, const digit **, bint *)
    bint rec_int_small(PyObject *, int64_t *)
    size_t rec_int_bits(const digit *, Py_ssize_t)
    size_t rec_int_bytes(const digit *, Py_ssize_t, uint8_t *)
    uint64_t rec_float_bits(PyObject *)
    uint64_t rec_fold(uint64_t, uint64_t)
    uint64_t rec_str_print(PyObject *, Py_ssize_t)
    size_t rec_str_utf8(PyObject *, Py_ssize_t, uint8_t *)
    bint rec_str_is(PyObject *, const char *)
    bint rec_str_matches(PyObject *, const char *)
    size_t rec_utf8_size(PyObject *, Py_ssize_t)
    Py_hash_t rec_str_hash(PyObject *)
    Py_ssize_t rec_size(PyObject *)
    PyObject **rec_tuple_items(PyObject *)
    bint rec_set_next(PyObject *, Py_ssize_t *, PyObject **)
    uint64_t rec_dict_version(PyObject *)
    bint rec_is_dict(PyObject *)
    int REC_DICT_DELETED, REC_DICT_CLONED, REC_DICT_CLEARED, REC_DICT_DEALLOCATED
    int rec_watch_dict(int, PyObject *)
    void rec_unwatch_dict(int, PyObject *)
    int rec_add_dict_watcher(int (*)(int, PyObject *, PyObject *, PyObject *) noexcept)
    void rec_clear_dict_watcher(int)
    PyObject *rec_dict_find(PyObject *, const char *)
    PyObject *rec_heap_type_name(PyTypeObject *)

cdef extern from "value/walk.h" nogil:
    ctypedef struct Limits "rec_limits_of_values":
        uint32_t items, depth, text, nodes
        size_t soft, room
    ctypedef struct Walk "rec_walk_state":
        uint32_t containers, most, nodes_left
        uint8_t *soft_end
        bint writing
    int REC_MEMO_SIZE
    Limits limits "rec_limits"
    Walk walk "rec_walk"
    void begin_walk "rec_begin_walk"()
    int64_t seen_before "rec_seen_before"(PyObject *)
    bint is_elided "rec_is_elided"(Py_ssize_t, uint32_t)
    Py_ssize_t take_nodes "rec_take_nodes"(Py_ssize_t)
    PyObject *part_of "rec_part_of"(PyObject *)
    bint is_container "rec_is_container"(PyTypeObject *)
    bint is_named "rec_is_named"(PyTypeObject *)
    PyTypeObject *builtin_base "rec_builtin_base"(PyTypeObject *)
    Py_ssize_t container_size "rec_container_size"(PyObject *, PyTypeObject *)
    const char *bytes_data "rec_bytes_data"(PyObject *, PyTypeObject *)
    PyObject **sequence_items "rec_sequence_items"(PyObject *, PyTypeObject *)

cdef extern from "value/fingerprint.h" nogil:
    void rec_prepare_prints()
    void rec_forget_dicts()
    uint64_t rec_print(PyObject *, PyTypeObject *, uint32_t)

cdef extern from "value/redaction.h" nogil:
    int REC_MOST_PATTERNS
    ctypedef struct rec_secret_names:
        uint32_t count
        const char **patterns
    rec_secret_names rec_secrets
    void rec_forget_verdicts()
    bint is_secret "rec_is_secret"(PyObject *)

cdef extern from "cpython/items.h" nogil:
    ctypedef struct rec_items:
        Py_ssize_t size
    bint rec_dicts_public
    void rec_items_of(rec_items *, PyObject *)
    bint rec_items_next(rec_items *, PyObject **, PyObject **)

cdef extern from "value/types.h" nogil:
    ctypedef struct TypeEntry "rec_type_entry":
        PyTypeObject *type
        uint64_t name_print
        unsigned int version
        uint32_t id
        uint8_t shape
        bint part, slotted, plain
        void *keys
    ctypedef struct TypeTable "rec_type_table":
        TypeEntry *entries
        uint32_t size, used, next_id
        TypeEntry *(*meet)(PyTypeObject *) noexcept
    TypeTable types "rec_types"
    uint32_t rec_type_place(PyTypeObject *)
    TypeEntry *type_of "rec_type_of"(PyTypeObject *)

cdef extern from "cpython/instances.h" nogil:
    ctypedef int rec_shape
    enum:
        REC_OPAQUE, REC_INSTANCE, REC_NAMED_TUPLE, REC_ENUM, REC_DATE, REC_TIME, REC_DATETIME, REC_TIMEDELTA
        REC_TIMEZONE, REC_RANGE, REC_SLICE, REC_METHOD, REC_GENERATOR, REC_ARRAY, REC_MODULE
    ctypedef struct rec_attributes:
        pass
    ctypedef struct rec_fields:
        int count
        const char **names
        PyObject **values
    ctypedef struct rec_moment:
        int year, month, day, hour, minute, second, microsecond, fold, days, seconds
        PyObject *zone
    ctypedef struct rec_generator:
        int state, line
        PyObject *name
        void *frame
    ctypedef struct c_view "Py_buffer":
        Py_ssize_t len, itemsize
        int ndim
        Py_ssize_t *shape
        char *format
    ctypedef struct rec_array:
        c_view view
    rec_shape rec_shape_of(PyTypeObject *)
    bint rec_has_slots(PyTypeObject *)
    void rec_storage_of(rec_items *, PyObject *, PyTypeObject *)
    Py_ssize_t rec_attributes_begin(rec_attributes *, PyObject *, const TypeEntry *)
    bint rec_attributes_next(rec_attributes *, PyObject **, PyObject **)
    PyObject *rec_attribute(PyObject *, const char *)
    PyObject *rec_names_of_fields(PyObject *, PyTypeObject *)
    bint rec_find_fields(rec_fields *, PyObject *, rec_shape)
    void rec_read_moment(PyObject *, rec_shape, rec_moment *)
    void rec_read_generator(PyObject *, rec_generator *)
    bint rec_array_begin(PyObject *, rec_array *)
    size_t rec_array_fit(rec_array *, size_t)
    void rec_array_copy(rec_array *, uint8_t *, size_t)
    void rec_array_end(rec_array *)
    size_t rec_array_limit()

cdef extern from "cpython/tasks.h":
    int rec_whose_prepare()
    PyObject *rec_thread_name(PyThreadState *) nogil
    PyObject *rec_current_task(PyThreadState *, PyObject **) nogil
    PyObject *rec_task_name(PyObject *) nogil
    void *rec_task_frame(PyObject *) nogil

cdef extern from "cpython/monitoring_table.h":
    bint rec_forget_callable(int, int, PyObject *)

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
