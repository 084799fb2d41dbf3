# What is thrown into a frame that awaits another one goes on to the innermost. CPython puts those in between on the
# stack meanwhile, and tells of none of them: there they wait, until the frame that they await has ended, or yields.


cdef Status push_waiting(Thread *t, rec_iframe *frame) noexcept:
    """Something is thrown into `frame`: those around it that await it are on the stack, too."""
    cdef rec_iframe *f = frame.previous
    cdef rec_iframe **between
    cdef uint32_t found = 0
    cdef Status status = OK
    while f != NULL and not is_top(t, f):
        found += is_waiting(f)
        f = f.previous
    if found == 0:
        return OK
    between = <rec_iframe **> rec_sys.malloc(found * sizeof(rec_iframe *))
    if between == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, found * sizeof(rec_iframe *))
    found = 0
    f = frame.previous
    while f != NULL and not is_top(t, f):
        if is_waiting(f):
            between[found] = f
            found += 1
        f = f.previous
    while found > 0 and status == OK:
        found -= 1
        status = put_waiting(t, between[found], frame if found == 0 else between[found - 1])
    free(between)
    return status


cdef inline bint is_waiting(rec_iframe *frame) noexcept nogil:
    """Of one on the stack: whether it is a frame that was suspended, and that has not gone on by itself."""
    cdef Shadow *s = suspended_shadow(frame)
    return s != NULL and <PyObject *> s.code.object == rec_object(frame.code)


cdef Status put_waiting(Thread *t, rec_iframe *frame, rec_iframe *awaited) noexcept:
    """`awaited`: the next recorded one above it."""
    cdef Status status = reenter(t, frame, suspended_shadow(frame).code)
    cdef rec_iframe *f = awaited.previous
    if status != OK:
        return status
    while f != frame and not rec_frame_is_complete(f):
        f = f.previous
    top_of(t).waits = WAITS_FOR_NEXT if f == frame else WAITS_FOR_UNKNOWN
    tape.cur[0] = REC_WAIT
    tape.cur += 1
    return OK


cdef void stop_waiting(Thread *t) noexcept nogil:
    """The frame above the top one has ended, which waited for it: it goes on. Or it waited for one that waited for
    that: what becomes of it will not be told."""
    if top_of(t).waits == WAITS_FOR_NEXT:
        top_of(t).waits = WAITS_NOT
    else:
        suspend_waiting(t, 0)


cdef void suspend_waiting(Thread *t, uint32_t left) noexcept nogil:
    """Those that wait at the top of the stack go on waiting, without being on it; `left` frames stay in any case."""
    while t.depth > left and top_of(t).waits != WAITS_NOT:
        if reserve(SMALL_RECORD) == OK:         # else the fault is set, and the hook will answer for it
            tape.cur[0] = REC_SUSPEND
            tape.cur += 1
        top_of(t).waits = WAITS_NOT
        suspend_shadow(t, top_of(t))
    commit()
