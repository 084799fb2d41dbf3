# What becomes of a fault that a hook came back with: the recording ends, and the session decides about the program.

cdef enum:
    MOST_ATTEMPTS = 8        # at one decision, each ended by a signal handler that raised


cdef void handle_fault(Status status) noexcept:
    """Ends a hook whose status was not OK: recording stops, what was recorded is handed over to be published, the
    policy decides about the program. What the session does here can let other threads run, which can stop the
    recording or start one: nothing below it may rely on what was before."""
    cdef PyObject *kind = NULL
    cdef PyObject *value = NULL
    cdef PyObject *trace = NULL
    cdef PyObject *handled
    cdef uint32_t session = tracer.session
    if hooks.state != RECORDING:
        return
    REC_CHECK(tape.control != NULL and current is not None, b"what is recorded has a tape and a session")
    handled = rec_save_handled()
    rec_lend_depth(REC_OWN_DEPTH)
    fail(status, STAGE_CAPTURE)                 # in case only the status was known
    hooks.state = IDLE
    PyErr_Fetch(&kind, &value, &trace)
    if kind_of(<Status> sticky_fault.status) == KIND_INTERNAL:
        poison_core(<Status> sticky_fault.status)
    set_disposition(REC_DISPOSITION_DISABLE)
    close_tape(REC_TARGET_FINISHED)
    close_tracer()
    ask_session(session)
    if session == tracer.session and tape.control != NULL:
        if hooks.state == ABORTING:
            set_disposition(REC_DISPOSITION_ABORT)
        remove_hooks_in_hook(hooks.state == ABORTING)
    if hooks.state == ABORTING:
        queue_abort()
    queue_interruption()
    rec_lend_depth(-REC_OWN_DEPTH)
    PyErr_Restore(kind, value, trace)
    rec_restore_handled(handled)


cdef void ask_session(uint32_t session) noexcept:
    """Has the session decide. A signal handler of the program's can run in there: what it raises is the program's, and
    is raised where it would have been without us, after the decision."""
    global deciding
    cdef Recording recording = current
    cdef int attempts = 0
    if recording is None:
        return
    facts = None
    deciding = rec_thread_state()
    while attempts < <int> MOST_ATTEMPTS:
        attempts += 1
        try:
            if tape.control == NULL or session != tracer.session:
                break                           # another thread has put an end to it
            if facts is None:
                facts = fault_facts(&sticky_fault, sticky_detail)
            outcome = recording.on_fault(facts)
            hooks.reported = <Status> <int> facts["status"]
            if session == tracer.session and tape.control != NULL and recording.closed is None:
                set_abort(outcome)
            break
        except BaseException as exc:
            if is_from_program(exc):            # deliver_interruption raises it again
                defer_interruption(exc)
                continue
            # The session's own code failed. The fault stands in the control page, and recording is over all the same.
            poison_core(ERR_INTERNAL)
            write_ended(<Status> sticky_fault.status)
            break
    deciding = NULL


cdef bint is_from_program(exc) noexcept:
    """Whether it came out of a signal handler or the like, and not out of the session's own code."""
    if not isinstance(exc, Exception):
        return True
    try:
        return errors.is_from_program(exc)
    # audit: a second one in the very look at the first
    except BaseException:
        return True


cdef void remove_hooks_in_hook(bint aborting) noexcept:
    """Inside a hook: nothing may come out. The audit hook that CPython calls here is code of the program's."""
    global changing
    changing = rec_thread_state()
    try:
        remove_hooks(aborting)
    except Exception:  # audit: a hook that CPython kept finds the state IDLE and does nothing
        pass
    # audit: deliver_interruption raises it again
    except BaseException as interruption:
        defer_interruption(interruption)
    changing = NULL


cdef void poison_core(Status status) noexcept:
    """After an internal failure nothing is started again until reset()."""
    global poison
    if poison == OK:
        poison = status
