# The state machine of docs/trace-format.md, section 2: one record after the other.

cdef Status run(DecoderState *s, uint64_t until) noexcept nogil:
    """Runs until `until` events have happened, to the end, or to an event that is watched for;
    on a watch also after each definition, so that it can be held against the watch before it is used.

    On failure `at` is the record that cannot be read, and everything before it has been applied.
    """
    cdef Cursor c
    cdef uint8_t byte
    cdef Status status
    c.bad = False
    c.end = s.input.end
    s.event.kind = 0
    s.watch.matched = False
    while s.input.at < s.input.end and s.events < until:
        byte = s.input.at[0]
        c.at = s.input.at + 1
        if byte >= REC_LINE and s.top != NULL and not s.in_preamble:
            s.top.line_before = s.top.line
            s.top.line += <int64_t> (byte & 0x7F) + REC_SMALL_MIN
            s.event.kind = REC_LINE
            begin_event(s, s.top)
            if s.tally.on and not note_event(s, s.top, c.at):
                return reject(s, b"")
            if s.watch.on and is_watched_for(s):
                s.input.at = c.at
                s.watch.matched = True
                return look_at_frame(s, s.top)
        else:
            if byte < REC_LINE and byte >= REC_SET:
                status = apply_set(s, byte & 0x3F, &c)
            elif s.in_preamble:
                status = apply_preamble_record(s, byte, &c)
            elif byte < REC_LINE and is_event(byte):
                status = apply_event(s, byte, &c)
                s.watch.matched = status == OK and s.watch.on and is_watched_for(s)
                if s.watch.matched:
                    status = look_at_frame(s, s.event.frame)
            else:
                status = apply_record(s, byte, &c)
            if status != OK:
                return status
            if s.watch.on and (s.watch.matched or s.definitions.pending != NULL):
                s.input.at = c.at
                return OK
        s.input.at = c.at
    return OK


cdef inline void begin_event(DecoderState *s, Frame *f) noexcept nogil:
    """An event about a frame has happened."""
    s.event.frame = f
    s.events += 1
    f.since = f.next_since
    f.next_since = s.events


cdef inline bint is_event(uint8_t byte) noexcept nogil:
    return (REC_CALL <= byte <= REC_HANDLED and byte != REC_REENTER or byte == REC_LINE_LONG
            or byte == REC_STOP_ITERATION)


cdef Status apply_event(DecoderState *s, uint8_t kind, Cursor *c) noexcept nogil:
    """An event other than a short LINE."""
    cdef Frame *f = s.top
    cdef uint64_t ticks = 0
    cdef int64_t lines = 0
    cdef uint32_t flags = 0
    cdef const uint8_t *value
    if f == NULL:
        return reject(s, b"an event outside of any frame")
    if kind == REC_LINE_LONG:
        lines = take_zigzag(c)
    elif kind < REC_RAISE:
        ticks = take_varint(c)
    value = c.at
    if kind >= REC_THROW or kind == REC_RETURN or kind == REC_YIELD:
        take_new_value(s, c, &flags)
    if c.bad:
        return reject(s, b"an event that is not whole")
    if kind == REC_YIELD and not add_suspended(s, f):
        return reject(s, b"a frame is suspended twice")
    f.line_before = f.line
    f.line = <int64_t> (<uint64_t> f.line + <uint64_t> lines)
    s.clock.ticks += ticks
    s.event.kind = REC_LINE if kind == REC_LINE_LONG else kind
    begin_event(s, f)
    s.event.depth = s.threads.current.depth
    s.event.value = value
    s.event.value_size = <size_t> (c.at - value)
    if s.tally.on and not (note_event(s, f, c.at) and note_exception(s)):
        return reject(s, b"")
    if kind == REC_RETURN or kind == REC_UNWIND:
        end_frame(s, end_top(s))
    elif kind == REC_YIELD:
        s.event.frame = pop_frame(s)
    if s.calls != NULL and is_of_calls(s.event.kind):
        add_call_or_stop(s.calls, s)
    return OK


cdef Status apply_record(DecoderState *s, uint8_t byte, Cursor *c) noexcept nogil:
    """A record that is no event."""
    cdef uint64_t number
    if byte == REC_SET_LONG:
        number = take_varint(c)
        return apply_set(s, number, c)
    if byte == REC_ENTER or byte == REC_ADOPT:
        return apply_enter(s, c, byte == REC_ADOPT)
    if byte == REC_REENTER or byte == REC_FORGET:
        return apply_reenter(s, c, byte == REC_FORGET)
    if byte == REC_DROP:
        if s.top == NULL:
            return reject(s, b"a frame ends where there is none")
        return end_frame_unseen(s, end_top(s))
    if byte == REC_WAIT or byte == REC_SUSPEND:
        return apply_wait(s, byte == REC_SUSPEND)
    if byte == REC_THREAD:
        return apply_thread(s, c)
    if byte == REC_CLOCK:
        return apply_clock(s, c)
    if byte == REC_GAP or byte == REC_MARK:
        return apply_mark(s, byte, c)
    if byte == REC_RETIRE:
        return apply_retire(s, c)
    if byte == REC_OUTPUT:
        return apply_output(s, c)
    if byte == REC_PRINT:
        return apply_print(s, c)
    if byte == REC_LOG:
        return apply_log(s, c)
    if byte == REC_WITHIN:
        return apply_within(s, c)
    return apply_shared_record(s, byte, c)


cdef Status apply_shared_record(DecoderState *s, uint8_t byte, Cursor *c) noexcept nogil:
    """Globals, tasks and definitions: records that a preamble has, too."""
    if byte == REC_SET_GLOBAL:
        return apply_set_global(s, c)
    if byte == REC_GLOBALS:
        return apply_globals(s, c)
    if byte == REC_TASK:
        return apply_task(s, c)
    if byte == REC_NOTE:
        return apply_note(s, c)
    if byte == REC_SPAN_END and not s.in_preamble:
        return apply_span_end(s, c)
    if byte == REC_BODY and not s.in_preamble:
        return apply_body(s)
    return apply_definition(s, byte, c)


cdef Status apply_clock(DecoderState *s, Cursor *c) noexcept nogil:
    cdef uint64_t ticks = take_u64(c)
    cdef uint64_t mono = take_u64(c)
    cdef uint64_t wall = take_u64(c)
    if c.bad:
        return reject(s, b"a record that is not whole")
    s.changes.restating = s.changes.restating and s.in_preamble    # the segment's own bytes begin with it
    s.clock.is_set = True
    s.clock.ticks = s.clock.set_ticks = ticks
    s.clock.set_mono = mono
    s.clock.set_wall = wall
    return OK


cdef Status apply_mark(DecoderState *s, uint8_t byte, Cursor *c) noexcept nogil:
    """GAP and MARK: counted, and kept for the next event if somebody reads on."""
    cdef uint64_t mark[3]
    mark[0] = byte
    mark[1] = take_varint(c)
    mark[2] = take_varint(c)
    if c.bad:
        return reject(s, b"a record that is not whole")
    if s.marks.before != s.events:
        s.marks.bytes.size = 0
        s.marks.before = s.events
    if s.marks.on and not append(s, &s.marks.bytes, mark, sizeof(mark)):
        return reject(s, b"")
    if byte == REC_GAP:
        s.tally.gaps += 1
        s.tally.lost += mark[2]
    elif s.tally.on and not count(s, &s.tally.errors, mark[1]):
        return reject(s, b"")
    return OK
