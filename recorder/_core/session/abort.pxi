# How an abort gets to the program: RecordingAborted is raised in the main thread, again and again until it is through.
#
# It may be raised where nothing can pass it on: in a weak reference's callback, in __del__. CPython shows such an
# exception on stderr, and drops it. This one is still to come, so it is dropped without a word.

cdef extern from "Python.h":
    PyObject *PySys_GetObject(const char *)
    int PySys_SetObject(const char *, PyObject *) except -1

cdef object unraisable_before = None    # what sys.unraisablehook was when an abort began


def drop_abort(unraisable):
    """sys.unraisablehook, while an abort is under way."""
    if hooks.abort_instance == NULL or unraisable.exc_value is not <object> hooks.abort_instance:
        return unraisable_before(unraisable)


cdef int install_drop() except -1:
    global unraisable_before
    cdef PyObject *before = PySys_GetObject(b"unraisablehook")
    if before != NULL and before != <PyObject *> drop_abort:
        unraisable_before = <object> before
        PySys_SetObject(b"unraisablehook", <PyObject *> drop_abort)
    return 0


cdef void remove_drop() noexcept:
    """Where that fails, for want of memory, ours stays, and passes on what is not an abort."""
    try:
        if PySys_GetObject(b"unraisablehook") == <PyObject *> drop_abort:
            PySys_SetObject(b"unraisablehook", <PyObject *> unraisable_before)
    # audit: see above
    except BaseException:
        PyErr_Clear()


cdef int set_abort(outcome) except -1:
    """What the session decided: None to disable, or the exception that ends the program."""
    if outcome is None:
        return 0
    Py_XDECREF(hooks.abort_instance)
    hooks.abort_instance = <PyObject *> outcome
    Py_INCREF(hooks.abort_instance)
    hooks.state = ABORTING
    install_drop()
    return 0


cdef void forget_abort() noexcept:
    cdef PyObject *instance = hooks.abort_instance
    hooks.abort_instance = NULL
    remove_drop()
    Py_XDECREF(instance)


cdef void queue_abort() noexcept:
    """Asks for deliver_abort. Where the queue is full, the next event of the main thread asks again."""
    if not hooks.abort_is_queued:
        hooks.abort_is_queued = Py_AddPendingCall(deliver_abort, NULL) == 0


cdef int deliver_abort(void *unused) noexcept:
    """A pending call: runs in the main thread, where Ctrl-C would be raised too. Only there is it safe: a line
    event may stand before the instruction that begins an except block, and an exception from it would skip
    the block and leave a wrong sys.exc_info()."""
    hooks.abort_is_queued = False
    if not is_abort_due():
        return 0
    # audit: RecordingAborted, raised where Ctrl-C would be
    PyErr_SetObject(<PyObject *> hooks.abort_instance.ob_type, hooks.abort_instance)
    return -1


cdef void repeat_abort() noexcept:
    """An event after the abort: if the program has swallowed it, it is raised again."""
    if is_abort_due():
        queue_abort()


cdef bint is_abort_due() noexcept:
    """Not while except and finally blocks handle it, and not when it has got through: what runs then, such as
    atexit's functions, is below no module body."""
    cdef PyThreadState *state = rec_thread_state()
    cdef rec_iframe *frame
    cdef PyCodeObject *code
    if hooks.state != ABORTING or hooks.abort_instance == NULL or not is_main_thread():
        return False
    if rec_is_handling(state, hooks.abort_instance.ob_type):
        return False
    frame = rec_current_frame(state)
    while frame != NULL:
        code = rec_frame_code(frame)
        if code != NULL and is_module_code(code.co_name):
            return True
        frame = frame.previous
    return False
