# 3.11: how our trace function gets into every thread, and stays there beside those of others.
#
# A thread has one such function. Where a debugger, coverage or the program has set one, ours takes its place and
# calls it: both see every event, and sys.gettrace() answers as if we were not there. An audit hook tells when
# sys.settrace is about to put its own in our place; right after that ours is put in front again.

cdef struct Chained:         # the function that a thread had, and that ours calls
    Chained *next
    PyThreadState *state
    uint64_t state_id
    Py_tracefunc function

cdef Chained *chained = NULL
cdef PyObjectArenaAllocator arenas   # where memory for frames comes from; alloc is NULL while ours is not in front
cdef bint audited = False        # the audit hook is there; it stays as long as the process


# ---- in front of what a thread has -------------------------------------------------------------------

cdef Status take_trace(PyThreadState *state) noexcept nogil:
    """Puts our function in front of what the thread has."""
    cdef Py_tracefunc function = rec_trace_of(state)
    cdef Chained *link
    if function == <Py_tracefunc> on_trace:
        return OK
    link = link_of(state)
    if link == NULL and function != NULL:
        link = <Chained *> rec_sys.calloc(1, sizeof(Chained))
        if link == NULL:
            return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Chained))
        link.state = state
        link.next = chained
        global chained
        chained = link
    if link != NULL:
        link.state_id = state.id
        link.function = function
    rec_set_trace(state, on_trace)
    return OK


cdef Status trace_all_threads(PyThreadState *state) noexcept:
    """Threads that are new since the last look get the hook; the list grows at its head."""
    cdef PyThreadState *head = PyInterpreterState_ThreadHead(state.interp)
    cdef PyThreadState *other = head
    cdef Status status
    while other != NULL:
        status = take_trace(other)
        if status != OK:
            return status
        other = PyThreadState_Next(other)
    hooks.newest = head
    return OK


cdef Chained *link_of(PyThreadState *state) noexcept nogil:
    cdef Chained *link = chained
    while link != NULL and link.state != state:
        link = link.next
    return link


cdef Py_tracefunc function_behind(PyThreadState *state) noexcept nogil:
    cdef Chained *link = link_of(state)
    return link.function if link != NULL and link.state_id == state.id else NULL


# ---- threads that C made -----------------------------------------------------------------------------

cdef void *on_first_frame(void *context, size_t size) noexcept:
    """A thread that C made enters Python: nobody else may have an event before it has its first. Room for frames is
    asked for, as for all objects, in large pieces, and by each new thread before anything else."""
    cdef PyThreadState *state = rec_thread_state()
    if (hooks.state == RECORDING or hooks.state == WAITING) and state != NULL and not rec_had_a_frame(state):
        if state.interp == PyInterpreterState_Main() and rec_trace_of(state) == NULL:
            rec_set_trace(state, on_trace)
    return arenas.alloc(context, size)


cdef void watch_first_frames() noexcept:
    cdef PyObjectArenaAllocator ours
    if arenas.alloc != NULL:
        return
    PyObject_GetArenaAllocator(&arenas)
    ours = arenas
    ours.alloc = on_first_frame
    PyObject_SetArenaAllocator(&ours)


cdef void forget_first_frames() noexcept:
    """Somebody who put an allocator in front of ours goes on to call it."""
    cdef PyObjectArenaAllocator now
    PyObject_GetArenaAllocator(&now)
    if now.alloc == <void *(*)(void *, size_t) noexcept> on_first_frame:
        PyObject_SetArenaAllocator(&arenas)
        arenas.alloc = NULL


# ---- when somebody else puts one in our place --------------------------------------------------------

cdef int on_audit(const char *event, PyObject *args, void *unused) noexcept:
    """sys.settrace is about to replace our function. In the main thread a pending call puts it back before the next
    instruction. Other threads make no pending calls: there the next call or return does, and a gap says so."""
    cdef PyThreadState *state
    if event[0] != c's' or (hooks.state != RECORDING and hooks.state != WAITING) or strcmp(event, "sys.settrace") != 0:
        return 0
    state = rec_thread_state()
    if state == NULL or rec_trace_of(state) != <Py_tracefunc> on_trace:
        return 0
    if state.id != hooks.main_thread and rec_profile_of(state) == NULL:
        rec_set_profile(state, on_profile)
    queue_retake(state)
    return 0


cdef void queue_retake(PyThreadState *state) noexcept:
    if Py_AddPendingCall(retake_trace, NULL) != 0 and state.id == hooks.main_thread and rec_profile_of(state) == NULL:
        rec_set_profile(state, on_profile)      # too many pending calls


cdef int retake_trace(void *unused) noexcept:
    cdef PyThreadState *state = rec_thread_state()
    if hooks.state == RECORDING or hooks.state == WAITING:
        if rec_trace_of(state) == <Py_tracefunc> on_trace and state.tracing != 0:
            queue_retake(state)              # an audit hook of the program's runs first: ours is still in place
        elif trace_all_threads(state) != OK:
            handle_fault(ERR_OUT_OF_MEMORY)
    return 0


cdef int on_profile(PyObject *self, PyFrameObject *object, int what, PyObject *arg) noexcept:
    """For one event only: see on_audit."""
    cdef PyThreadState *state = rec_thread_state()
    rec_set_profile(state, NULL)
    if hooks.state != RECORDING and hooks.state != WAITING:
        return 0
    if rec_trace_of(state) == <Py_tracefunc> on_trace:
        return 0
    if take_trace(state) != OK:
        handle_fault(ERR_OUT_OF_MEMORY)
    elif hooks.state == RECORDING and thread_of(state) != NULL and reserve(SMALL_RECORD) == OK:
        tape.cur = put_varint(put_tagged(tape.cur, REC_GAP, ERR_HOOK_STOLEN), 0)
    return 0


# ---- installation ------------------------------------------------------------------------------------

cdef Status install_trace() except *:
    global audited
    if not audited:
        if PySys_AddAuditHook(on_audit, NULL) != 0:
            PyErr_Clear()                       # somebody forbids it: a stolen hook is found when recording stops
        audited = True
    watch_first_frames()
    return trace_all_threads(rec_thread_state())


cdef Status check_trace() noexcept:
    """Whether this thread's hook is still ours."""
    if rec_trace_of(rec_thread_state()) == <Py_tracefunc> on_trace:
        return OK
    return fail(ERR_HOOK_STOLEN, STAGE_STOP)


cdef int remove_trace(bint aborting) except -1:
    """What ours was put in front of is in its old place again."""
    cdef PyThreadState *state = PyInterpreterState_ThreadHead(PyInterpreterState_Get())
    cdef Chained *link
    global chained
    if aborting:
        return 0
    forget_first_frames()
    hooks.newest = NULL
    while state != NULL:
        if rec_trace_of(state) == <Py_tracefunc> on_trace:
            rec_set_trace(state, function_behind(state))
        if rec_profile_of(state) == <Py_tracefunc> on_profile:
            rec_set_profile(state, NULL)
        state = PyThreadState_Next(state)
    while chained != NULL:
        link = chained
        chained = link.next
        free(link)
    return 0
