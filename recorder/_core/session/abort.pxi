# How an abort gets to the program: RecordingAborted is raised in the main thread, again and again until it is through.


cdef int set_abort(outcome) except -1:
    """What the session decided: None to disable, or the exception that ends the program."""
    if outcome is None:
        return 0
    Py_XDECREF(hooks.abort_instance)
    hooks.abort_instance = <PyObject *> outcome
    Py_INCREF(hooks.abort_instance)
    hooks.state = ABORTING
    return 0


cdef void forget_abort() noexcept:
    cdef PyObject *instance = hooks.abort_instance
    hooks.abort_instance = NULL
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
