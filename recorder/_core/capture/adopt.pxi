# Where the shadows are not what runs: frames that ran before they were seen are adopted, ends that were not seen are
# inferred.


cdef Status adopt(Thread *t, rec_iframe *frame, Code *code) noexcept:
    """Pushes a frame in the middle of its life, with all its variables."""
    cdef Status status
    cdef int line
    if code.session != tracer.session:
        status = write_def_code(code)
        if status != OK:
            return status
    status = record_task(t, NULL, code)
    if status != OK:
        return status
    status = reserve(SMALL_RECORD)
    if status != OK:
        return status
    status = ensure_globals(code, frame)
    if status != OK:
        return status
    line = PyCode_Addr2Line(code.object, rec_frame_offset(frame))
    if line < 0:
        line = code.first_line
    tape.cur = put_varint(put_tagged(tape.cur, REC_ADOPT, code.number), <uint64_t> line)
    status = push_shadow(t, frame, code)
    if status != OK:
        return status
    top_of(t).line = line
    return record_variables(top_of(t))


cdef Status match_stacks(Thread *t, rec_iframe *frame) noexcept:
    """Makes the shadow stack that of the real stack whose top is `frame`: ends that were not seen are
    inferred, frames that were not seen are adopted. Outer frames that are not in scope do not count."""
    cdef rec_iframe *f = frame
    cdef rec_iframe **chain
    cdef Code *code
    cdef uint32_t n = 0, i
    cdef uint32_t matched = 0
    cdef Status status = OK
    while f != NULL:
        n += 1
        f = f.previous
    chain = <rec_iframe **> rec_sys.malloc(n * sizeof(rec_iframe *))
    if chain == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, n * sizeof(rec_iframe *))
    n = 0
    f = frame
    while f != NULL:
        if rec_frame_is_complete(f):
            code = code_of(rec_object(f.code))
            if code == NULL:
                free(chain)
                return ERR_INTERNAL
            if code.in_scope:
                chain[n] = f
                n += 1
        f = f.previous
    while (matched < n and matched < t.depth and t.frames[matched].frame == chain[n - 1 - matched]
           and <PyObject *> t.frames[matched].code.object == rec_object(chain[n - 1 - matched].code)):
        matched += 1
    while t.depth > matched and status == OK:
        if top_of(t).waits != WAITS_NOT:
            suspend_waiting(t, matched)
            continue
        status = reserve(SMALL_RECORD)
        if status == OK:
            tape.cur[0] = REC_DROP
            tape.cur += 1
            pop_shadow(t)
    for i in range(matched, n):
        if status != OK:
            break
        f = chain[n - 1 - i]
        code = code_of(rec_object(f.code))
        status = reenter(t, f, code) if code.suspends else adopt(t, f, code)
    free(chain)
    REC_CHECK(status != OK or t.depth == n, b"the shadows are those of the frames that run")
    commit()
    return status
