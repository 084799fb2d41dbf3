# Which events a seek stops at.

cdef inline bint is_watched_for(DecoderState *s) noexcept nogil:
    if not matches(s) or (s.watch.condition.on and is_ruled_out(s, s.event.frame)):
        return False
    return not s.watch.by_new or may_hold(s)


cdef inline bint matches(DecoderState *s) noexcept nogil:
    """Whether the last event is one the watch asks for."""
    cdef const Watch *w = &s.watch
    cdef const Frame *f = s.event.frame
    cdef const Frame *caller
    if not (w.kinds >> (0 if s.event.kind == REC_LINE else s.event.kind)) & 1:
        return False
    if w.by_variable and global_changed(s):
        return True              # by whom, the change itself says
    if w.by_code and not f.code.wanted:
        return False
    if w.by_line and f.line != w.line:
        return False
    if w.by_thread and not s.threads.current.wanted:
        return False
    if w.by_frame and f.number != w.frame:
        return False
    if w.by_variable and (f.flags & REC_FRAME_BODY or not was_set(f, f.code.watched)):
        return False
    if w.by_depth and (s.threads.current.depth if s.event.kind == REC_LINE else s.event.depth) > w.depth + 1:
        return False
    if w.by_caller:
        caller = caller_of(s, f)
        return caller != NULL and caller.number == w.caller
    return True


cdef inline const Frame *caller_of(const DecoderState *s, const Frame *f) noexcept nogil:
    """The frame below the one that the last event is about."""
    if s.event.kind == REC_RETURN or s.event.kind == REC_YIELD or s.event.kind == REC_UNWIND:
        return s.threads.current.top  # the event's own is popped
    return f.below


cdef inline bint global_changed(const DecoderState *s) noexcept nogil:
    """Whether a global of the name that is watched was set before the last event, in whatever namespace."""
    cdef const GlobalChange *change = <const GlobalChange *> s.changes.bytes.data
    cdef size_t i
    if s.changes.before != s.events - 1:
        return False
    for i in range(s.changes.bytes.size // sizeof(GlobalChange)):
        if change[i].namespace.watched == change[i].slot + 1:
            return True
    return False


cdef inline bint was_set(const Frame *f, uint64_t watched) noexcept nogil:
    """Whether the last event was the first to see a new value in variable `watched - 1`."""
    if not f.dirty or watched == 0 or watched > f.local_count:
        return False
    return is_new(&f.locals[watched - 1], f.since)


cdef inline bint is_new(const Variable *variable, uint64_t since) noexcept nogil:
    """Whether it was set before an event from number `since` on."""
    return variable.flags & VAR_SET != 0 and variable.set_before >= since
