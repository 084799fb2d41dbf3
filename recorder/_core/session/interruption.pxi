# What a signal handler of the program's raises inside of ours is raised again in the main thread, where no code of ours
# runs.

cdef object interruption_due = None


cdef void defer_interruption(interruption) noexcept:
    """An exception that a signal handler raised inside of ours is raised again in the main thread."""
    global interruption_due
    PyException_SetTraceback(interruption, Py_None)     # audit: None is what it may be set to
    interruption_due = interruption


cdef void queue_interruption() noexcept:
    """At the end of a hook, when no code of ours runs any more that it could be raised in."""
    if interruption_due is not None:
        # audit: the queue is full only when 31 others already interrupt the main thread
        Py_AddPendingCall(deliver_interruption, NULL)


cdef int deliver_interruption(void *unused) noexcept:
    global interruption_due
    cdef PyObject *due = <PyObject *> interruption_due
    if due == Py_None:
        return 0
    PyErr_SetObject(<PyObject *> due.ob_type, due)  # audit: the program's own, out of its signal handler
    interruption_due = None
    return -1
