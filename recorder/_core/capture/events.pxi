# Events: each writes the variables that changed, then itself, and is committed.


cdef inline Status event_line(Shadow *s, int32_t line) noexcept nogil:
    cdef Status status = record_variables(s)
    cdef int32_t delta = line - s.line
    cdef uint8_t *p
    if status != OK:
        return status
    p = tape.cur
    if REC_SMALL_MIN <= delta <= REC_SMALL_MAX:
        p[0] = <uint8_t> (REC_LINE | (delta - REC_SMALL_MIN))
        p += 1
    else:
        p[0] = REC_LINE_LONG
        p = put_varint(p + 1, zigzag(delta))
    s.line = line
    s.stores = rec_stores_of(s.code.stores, line, s.code.variables)
    commit_event(p)
    if s.changing != 0 or s.holds:
        foresee_line(s)
    return OK


cdef Status event_call(Thread *t, rec_iframe *frame, Code *code) noexcept:
    """A frame starts: ENTER, its arguments, CALL."""
    cdef Status status
    if code.session != tracer.session:
        status = write_def_code(code)
        if status != OK:
            return status
    status = record_task(t, frame, code)
    if status != OK:
        return status
    if code.suspends:
        forget_frame(frame)
    # A thread is listed by name while its first frames run, which are `threading`'s own.
    if t.depth < 3 and (t.depth == 0 or t.name_fingerprint == 1):
        status = reserve(2048)
        if status != OK:
            return status
        name_thread(t)
    status = reserve(SMALL_RECORD)
    if status != OK:
        return status
    status = ensure_globals(code, frame)
    if status != OK:
        return status
    tape.cur = put_tagged(tape.cur, REC_ENTER, code.number)
    status = push_shadow(t, frame, code)
    if status != OK:
        return status
    top_of(t).stores = code.arguments
    if t.depth > 1 and (top_of(t) - 1).changing != 0:
        tracer.caller = top_of(t) - 1
        if is_called_quietly(top_of(t), tracer.caller):
            note_touched()
            nothing_ran()
        if not identities.exact:
            hold_arguments(tracer.caller)
    status = record_variables(top_of(t))
    tracer.caller = NULL
    if status != OK:
        return status
    top_of(t).stores = code.variables if code.stores == NULL else code.stores.unlined
    tape.cur[0] = REC_CALL
    commit_event(put_ticks(tape.cur + 1))
    if top_of(t).changing != 0 or top_of(t).holds:
        foresee_nothing(top_of(t))
    return OK


cdef Status event_resume(Thread *t, rec_iframe *frame, Code *code, PyObject *thrown, bint by_throw) noexcept:
    """A suspended frame goes on, with `thrown` raised in it if there is one. `by_throw`: by throw(), which may have
    been answered by what the frame awaits."""
    cdef Status status = go_on(t, frame, code, by_throw)
    if status != OK:
        return status
    status = record_variables(top_of(t))
    if status != OK:
        return status
    if thrown != NULL:
        return event_value(t, REC_THROW, thrown, False)
    tape.cur[0] = REC_RESUME
    commit_event(put_ticks(tape.cur + 1))
    return OK


cdef Status go_on(Thread *t, rec_iframe *frame, Code *code, bint by_throw) noexcept:
    """A suspended frame is on the stack again; it may be there already: it waited for one that was thrown into."""
    cdef bint waited = is_top(t, frame)
    cdef Status status = record_task(t, frame if not waited else NULL, code)
    if waited or status != OK:
        return status
    if by_throw:
        status = push_waiting(t, frame)
    return status if status != OK else reenter(t, frame, code)


cdef Status event_end(Thread *t, uint8_t record, PyObject *value) noexcept nogil:
    """The top frame returns, yields or is unwound."""
    cdef Shadow *s = top_of(t)
    cdef uint32_t left = t.depth - 1
    cdef Status status = record_variables(s)
    if status != OK:
        return status
    t.ended_secret = s.code.secret
    if record == REC_YIELD and s.code.is_async and value != NULL:
        value = rec_yielded(value)
    status = event_value(t, record, value, t.ended_secret and record != REC_UNWIND)
    if record == REC_RETURN and left > 0 and t.frames[left - 1].changing != 0:
        foresee_return(s, &t.frames[left - 1], value)
    while record == REC_YIELD and left > 0 and t.frames[left - 1].waits != WAITS_NOT:
        left -= 1
    if t.task != NULL and t.frames[left].code.is_async and (left == 0 or not t.frames[left - 1].code.is_async):
        tracer.thread = NULL                    # a task's turn may end here: the next event has to look
        tracer.look_again = True
    if record == REC_YIELD and s.node != NULL:
        suspend_shadow(t, s)
        if t.depth > left:
            suspend_waiting(t, left)
    else:
        pop_top(t, s)
    return status


cdef Status event_exception(Thread *t, uint8_t record, PyObject *value) noexcept nogil:
    cdef Status status = record_variables(top_of(t))
    if status != OK:
        return status
    if PY_VERSION_HEX < 0x030C0000:
        forget_line(top_of(t))
    # What ends an `await`, a `yield from` or a loop has with it what the function returned.
    return event_value(t, record, value, t.ended_secret and (
        record == REC_STOP_ITERATION or (value != NULL and <PyObject *> value.ob_type == PyExc_StopIteration)))


cdef inline void forget_line(Shadow *s) noexcept nogil:
    """An exception is on its way: on 3.11 it may lead to code of another line of which CPython does not tell. Since
    3.12 each handler begins a line."""
    s.stores = s.code.variables


cdef Status event_stop_iteration(Thread *t, PyObject *raised, bint made_for_end) noexcept nogil:
    """An iteration ends, of which CPython tells by an exception; `made_for_end`: CPython made it for nothing else."""
    return event_exception(t, REC_STOP_ITERATION, rec_end_value(raised, made_for_end))


cdef Status event_value(Thread *t, uint8_t record, PyObject *value, bint secret) noexcept nogil:
    """An event that carries a value. The end of a frame is stamped with the time, an exception is not."""
    cdef Status status
    cdef uint8_t *p
    cdef uint8_t *start
    cdef uint64_t n = 0
    cdef bint walked
    if record < REC_RAISE and value != NULL and not secret and scalar_content(value, value.ob_type, &n):
        event_scalar(record, value, n)
        return OK
    walked = value != NULL and not secret and not is_plain(value)
    if walked and is_plain_exception(value):
        begin_moment(tape.events)
        walked = False
    if walked:
        if is_budget_low():
            limit_walk()
        take_fingerprint(value)                 # defines the types that the value needs
        if walk_cost() > small_cost_limit():
            charge_walk(walk_cost() * (1 + WRITE_COST), False)
    status = reserve(limits.value_size + SMALL_RECORD)
    if status != OK:
        return status
    p = tape.cur
    p[0] = record
    p += 1
    if record < REC_RAISE:
        p = put_ticks(p)
    start = p
    if secret:
        p[0] = TAG_REDACTED
        p += 1
    elif value != NULL:
        identities.followed = True              # it is what it is at this moment
        p = put_value(p, value, walked)
        walk.node_limit = limits.nodes
    else:
        p = put_raised(&top_of(t).raised, p)
    if record == REC_RAISE:
        t.raised.start = start
        t.raised.size = <size_t> (p - start)
        t.raised.segment = tape.sequence
    commit_event(p)
    return OK if classes.met_count == 0 else open_met_classes()


cdef inline void event_scalar(uint8_t record, PyObject *value, uint64_t n) noexcept nogil:
    """The end of a frame, or its going on, with a number, None or a truth value."""
    tape.cur[0] = record
    commit_event(put_scalar(put_ticks(tape.cur + 1), value, value.ob_type, n))


cdef bint is_plain_exception(PyObject *o) noexcept nogil:
    """An exception that has no more than four plain args, and came of no other: all that it needs is its own type,
    which is defined here. Then it need not be walked for the types in it."""
    cdef PyTypeObject *t = o.ob_type
    cdef PyObject *args
    cdef TypeEntry *entry
    cdef rec_items items
    cdef Py_ssize_t i
    if not t.tp_flags & Py_TPFLAGS_BASE_EXC_SUBCLASS:
        return False
    args = (<PyBaseExceptionObject *> o).args
    entry = type_of(t)
    if entry.slotted or entry.shape > REC_INSTANCE or args == NULL or args.ob_type != &PyTuple_Type:
        return False
    for i in range(rec_size(args)):
        if i == 4 or not is_plain(rec_tuple_items(args)[i]):
            return False
    rec_storage_of(&items, o, t)
    return items.size == 0 and not rec_exception_may_have_fields(o)


cdef uint8_t *put_raised(const Written *value, uint8_t *p) noexcept nogil:
    """The value of an event for which 3.11 does not say which exception it is about: one that was handled, or one that
    ends a frame of code that another compiler made. It is the exception that was raised last and is still under way,
    copied from where it was written; None if that is in another segment."""
    if value.start == NULL or value.segment != tape.sequence:
        p[0] = TAG_NONE
        return p + 1
    memcpy(p, value.start, value.size)
    return p + value.size
