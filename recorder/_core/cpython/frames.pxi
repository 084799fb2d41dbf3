# Frames, code objects and the table of callbacks, as CPython has them.

cdef extern from "cpython/frames.h" nogil:
    ctypedef struct rec_ref:
        pass
    ctypedef struct rec_iframe:
        rec_ref code
        rec_ref func
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
    bint rec_is_exposed(rec_iframe *)
    bint rec_is_called_by(const rec_iframe *, const rec_iframe *)
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

cdef extern from "cpython/function_module.h" nogil:
    PyObject *rec_module_of_function(PyObject *)

cdef extern from "cpython/in_flight.h" nogil:
    PyObject *rec_in_flight(rec_iframe *, PyObject *, int)

cdef extern from "cpython/iteration.h":
    ctypedef enum rec_end:
        REC_NO_END, REC_ITERATION_ENDS, REC_RERAISES, REC_RAISES_ANOTHER, REC_END_MEMORY
    bint rec_can_be_stop(PyObject *) nogil
    rec_end rec_ends_iteration(PyCodeObject *, int, PyObject *)
    rec_end rec_handler_of(PyCodeObject *, int, PyObject *)
    PyObject *rec_end_value(PyObject *, bint) nogil
    PyObject *rec_yielded(PyObject *) nogil

cdef extern from "cpython/stores.h" nogil:
    int REC_MASKED
    uint64_t REC_STILL, REC_OF_GLOBALS
    ctypedef struct rec_stores:
        uint64_t unlined
    rec_stores *rec_find_stores(PyCodeObject *, const RecSys *) with gil
    uint64_t rec_stores_of(const rec_stores *, int32_t, uint64_t)
    uint64_t rec_changed_on(const rec_stores *, int32_t)
    uint32_t rec_lowest_bit(uint64_t)
    int rec_count_bits(uint64_t)

cdef extern from "cpython/reading.h" nogil:
    int32_t REC_WHOLE_ROUND
    int32_t REC_WHOLE_LINE
    bint rec_prepare_reading() with gil
    int32_t rec_reads_until(const rec_stores *, rec_iframe *, int32_t)
    int32_t rec_reads_behind_call(const rec_stores *, rec_iframe *, int32_t, PyObject *, int)
    bint rec_calls_at(const rec_stores *, rec_iframe *, int32_t)

cdef extern from "cpython/code_table.h" nogil:
    ctypedef enum rec_watch_outcome:
        REC_WATCHING, REC_WATCHERS_TAKEN, REC_WATCH_MEMORY
    rec_watch_outcome rec_watch_codes(RecSys *, void (*)(void *) noexcept)
    void *rec_known_of(PyObject *)
    bint rec_know(PyObject *, void *)
    void rec_forget_code(PyObject *)

cdef extern from "cpython/monitoring_table.h":
    bint rec_forget_callable(int, int, PyObject *)
