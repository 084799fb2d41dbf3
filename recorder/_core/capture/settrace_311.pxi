# 3.11: the C trace function. It is called for calls, lines, exceptions and returns; the other events are derived.


cdef int on_trace(PyObject *self, PyFrameObject *object, int what, PyObject *arg) noexcept:
    cdef PyThreadState *state = rec_thread_state()
    cdef Py_tracefunc other = NULL
    cdef int answer = 0
    if self != NULL:
        other = function_behind(state)          # asked first: the recording may end here, and forgets it
    record_trace(object, what, arg)
    if other != NULL:
        answer = other(self, object, what, arg)
        if answer != 0:
            forget_raised()                     # what it raises takes the place of an exception
        if hooks.state == RECORDING and take_trace(state) != OK:  # it may have removed or exchanged itself
            handle_fault(ERR_OUT_OF_MEMORY)
    return answer


cdef void record_trace(PyFrameObject *object, int what, PyObject *arg) noexcept:
    cdef PyThreadState *state = rec_thread_state()
    cdef rec_iframe *frame = (<rec_frame_object *> object).iframe
    cdef Thread *t
    cdef Status status = OK
    if hooks.state != RECORDING:
        if hooks.state != WAITING or what != PyTrace_CALL or not begins_main(frame, rec_frame_code(frame)):
            if hooks.state == ABORTING:
                repeat_abort()
            return
    if PyInterpreterState_ThreadHead(state.interp) != hooks.newest:
        status = trace_all_threads(state)
    if status == OK and what == PyTrace_LINE and needs_attention_at_line():
        status = handle_attention()
    t = tracer.thread
    if status != OK:
        pass
    elif (what == PyTrace_LINE and t != NULL and t.state == state and t.state_id == state.id
            and is_top(t, frame) and t.unhandled == NULL):
        status = event_line(top_of(t), (<rec_frame_object *> object).lineno)
    elif what != PyTrace_OPCODE:
        status = traced(state, frame, (<rec_frame_object *> object).lineno, what, arg)
    if status != OK:
        handle_fault(status)


cdef Status traced(PyThreadState *state, rec_iframe *frame, int32_t line, int what, PyObject *arg) noexcept:
    cdef Code *code = code_of(rec_object(frame.code))
    cdef Thread *t
    cdef Status status
    if code == NULL:
        return ERR_INTERNAL
    if code.log_kind and what == PyTrace_CALL and (not code.suspends or rec_resume_kind(frame) == 0):
        status = log_call(state, frame, code)
        if status != OK:
            return status
    if not code.in_scope:
        return OK
    t = thread_of(state)
    if t == NULL:
        return ERR_OUT_OF_MEMORY
    if what == PyTrace_CALL:
        if needs_attention_at_call():
            status = handle_attention()
            if status != OK:
                return status
        if t.unhandled != NULL:
            status = derive_handled(t, what, arg)
            if status != OK:
                return status
        return trace_call(t, frame, code)
    if not is_top(t, frame):
        status = match_stacks(t, frame)
        if status != OK or not is_top(t, frame):
            return status
    if t.unhandled != NULL:
        status = derive_handled(t, what, arg)
        if status != OK:
            return status
    if t.thrown:
        t.thrown = False
        status = event_exception(t, REC_THROW, rec_tuple_items(arg)[1] if what == PyTrace_EXCEPTION else Py_None)
        if status != OK:
            return status
    if what == PyTrace_LINE:
        return event_line(top_of(t), line)
    if what == PyTrace_EXCEPTION:
        return trace_raised(t, code, rec_tuple_items(arg)[1])
    if arg == NULL:
        return event_end(t, REC_UNWIND, rec_in_flight(frame, top_of(t).last_raised, top_of(t).last_raised_at))
    return event_end(t, REC_YIELD if code.suspends and rec_is_yielding(frame) else REC_RETURN, arg)


cdef Status trace_call(Thread *t, rec_iframe *frame, Code *code) noexcept:
    cdef int kind = rec_resume_kind(frame) if code.suspends else 0
    cdef Status status
    if kind == 0:
        return event_call(t, frame, code)
    if kind != 4:
        return event_resume(t, frame, code, NULL, False)
    # Thrown into. What is thrown comes with the very next event of this thread: it is raised where the frame stands.
    status = go_on(t, frame, code, True)
    t.thrown = status == OK
    return status


cdef void forget_raised() noexcept:
    """The exception that CPython told of last is gone: no frame is ended by it any more."""
    cdef Thread *t = tracer.thread
    if hooks.state == RECORDING and t != NULL and t.depth > 0:
        top_of(t).last_raised = NULL


# ---- that an exception is handled --------------------------------------------------------------------

cdef Status trace_raised(Thread *t, Code *code, PyObject *raised) noexcept:
    """An exception arrives in the top frame, where it may do no more than end an iteration."""
    cdef int at = rec_frame_offset(top_of(t).frame)
    cdef rec_end end = rec_ends_iteration(code.object, at, raised) if rec_can_be_stop(raised) else REC_NO_END
    if end == REC_END_MEMORY:
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM)
    if end == REC_ITERATION_ENDS:
        return event_stop_iteration(t, raised, False)
    t.unhandled = raised
    t.unhandled_in = top_of(t).number
    top_of(t).last_raised = raised
    top_of(t).last_raised_at = at
    return event_exception(t, REC_RAISE, raised)


cdef Status derive_handled(Thread *t, int what, PyObject *arg) noexcept:
    """3.11 does not tell that an exception is handled. It was, where the frame that it was raised in goes on: then the
    handler begins. A call may also come out of a finalizer, on the way to the handler."""
    cdef PyObject *raised = t.unhandled
    cdef bint begun = raised == rec_being_handled()
    cdef bint ends = what == PyTrace_RETURN and arg == NULL
    if t.depth == 0 or what == PyTrace_EXCEPTION or top_of(t).number > t.unhandled_in:
        return OK
    if what == PyTrace_CALL and not begun:
        return OK
    t.unhandled = NULL
    if top_of(t).number < t.unhandled_in:
        return OK
    top_of(t).raised = t.raised
    return OK if ends else event_exception(t, REC_HANDLED, raised if begun else NULL)
