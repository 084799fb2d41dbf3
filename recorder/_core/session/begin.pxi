# What arming does, when the tape is mapped: the hooks go in, and recording begins, now or with __main__.

cdef uint64_t first_tick = rec_ticks()
cdef uint64_t first_ns = rec_clock_ns(CLOCK_MONOTONIC)


cdef Status begin_recording(bint wait_for_main) except *:
    cdef Status status
    remember_stderr()
    open_notes()
    open_segment(0)
    status = open_tracer()
    if status == OK:
        status = watch_process()
    if status == OK:
        status = watch_calls()
    if status == OK:
        status = open_output()
    if status == OK:
        open_audit()
        status = install_hooks()
    if status == OK:
        status = find_main(wait_for_main)
    if status != OK:
        return status
    if tape.control == NULL:                    # an audit hook forked, and this is the child
        return ERR_FORKED
    tape.control.target_pid = tape.pid
    tape.control.image = image_of_process()
    tape.control.optimize = optimization
    tape.control.ticks_per_second = ticks_per_second()
    tape.deadline = tape.last_tick + <uint64_t> (max_seconds * <double> tape.control.ticks_per_second)
    old_page.ticks_per_second = tape.control.ticks_per_second
    plan_next_check()
    commit()
    if wait_for_main:
        hooks.state = WAITING
        return OK
    status = instrument_running_frames()
    if status != OK:
        return status
    hooks.state = RECORDING
    REC_STORE(tape.control.target_state, REC_TARGET_RECORDING)
    return OK


cdef Status find_main(bint wait_for_main) noexcept:
    """The globals of __main__ and the id of the main thread, which is the oldest one of its interpreter."""
    cdef PyThreadState *state = PyInterpreterState_ThreadHead(PyInterpreterState_Get())
    try:
        hooks.main_globals = PyModule_GetDict(PyImport_AddModule(b"__main__"))
    except BaseException:
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    while state != NULL:
        hooks.main_thread = state.id
        state = PyThreadState_Next(state)
    return OK


cdef Status instrument_running_frames() noexcept:
    """Frames in scope that run already get their events; they are adopted at their next one."""
    cdef PyThreadState *state = PyInterpreterState_ThreadHead(PyInterpreterState_Get())
    cdef rec_iframe *frame
    cdef Code *code
    if PY_VERSION_HEX < 0x030C0000:
        return OK
    while state != NULL:
        frame = rec_current_frame(state)
        while frame != NULL:
            if rec_frame_is_complete(frame):
                code = code_of(rec_object(frame.code))
                if code == NULL or (code.in_scope and not code.instrumented and not instrument(code)):
                    return ERR_INTERNAL
            frame = frame.previous
        state = PyThreadState_Next(state)
    return OK


cdef uint64_t ticks_per_second() noexcept nogil:
    """Measured since this module was loaded; over two milliseconds at least, which is exact to 10⁻⁵."""
    cdef uint64_t ns = rec_clock_ns(CLOCK_MONOTONIC) - first_ns
    while ns < 2000000:
        ns = rec_clock_ns(CLOCK_MONOTONIC) - first_ns
    return <uint64_t> (<double> (rec_ticks() - first_tick) * 1e9 / <double> ns)
