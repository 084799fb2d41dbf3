# What the program wrote, who printed it, and what it told, as numbers, for who goes through all of a trace.

cdef Status apply_output(DecoderState *s, Cursor *c) noexcept nogil:
    """OUTPUT: bytes that went to the system."""
    cdef OutputRow row
    cdef uint64_t ticks
    memset(&row, 0, sizeof(row))
    row.stream = take_byte(c)
    ticks = take_varint(c)
    row.channel = take_varint(c)
    row.position = take_varint(c)
    row.size = take_varint(c)
    row.kept = take_varint(c)
    row.at = <uint64_t> (c.at - s.input.begin)
    skip(c, row.kept)
    if c.bad:
        return reject(s, b"a record that is not whole")
    if row.kept != 0 and row.kept != row.size:
        return reject(s, b"bytes that are kept in part")
    s.clock.ticks += ticks
    if row.kept == 0 and not row.stream & (REC_OUTPUT_UNWRITTEN | REC_OUTPUT_REDACTED):
        s.tally.omitted[0] += row.size
    return note_output(s, &row)


cdef Status apply_print(DecoderState *s, Cursor *c) noexcept nogil:
    """PRINT: where what comes through a channel is from."""
    cdef OutputRow row
    memset(&row, 0, sizeof(row))
    row.channel = take_varint(c)
    row.position = take_varint(c)
    row.size = take_varint(c)
    if c.bad:
        return reject(s, b"a record that is not whole")
    return note_output(s, &row)


cdef Status apply_log(DecoderState *s, Cursor *c) noexcept nogil:
    """LOG: where what is told stands, from its level on, where the values behind the first begin, and its end."""
    cdef OutputRow row
    cdef uint32_t flags = 0
    cdef uint64_t ticks
    memset(&row, 0, sizeof(row))
    row.stream = STREAM_OF_LOGS
    row.channel = take_byte(c)                  # the kind
    ticks = take_varint(c)
    row.at = <uint64_t> (c.at - s.input.begin)
    take_varint(c)                              # level
    skip_str(c)
    skip_str(c)
    skip_str(c)
    take_varint(c)                              # line
    skip_value(s, c, &flags)                    # what
    row.position = <uint64_t> (c.at - s.input.begin)
    skip_value(s, c, &flags)                    # arguments
    row.kept = <uint64_t> (c.at - s.input.begin)
    skip_value(s, c, &flags)                    # exception
    if c.bad:
        return reject(s, b"a record that is not whole")
    s.clock.ticks += ticks
    row.size = <uint64_t> (c.at - s.input.begin)
    if row.channel & REC_LOG_OMITTED:
        s.tally.omitted[2 if row.channel >= (REC_LOG_OMITTED | REC_LOG_AUDIT) else 1] += 1
    return note_output(s, &row)


cdef Status apply_within(DecoderState *s, Cursor *c) noexcept nogil:
    """WITHIN: of the record that comes next."""
    cdef uint64_t at = <uint64_t> (c.at - s.input.begin)
    skip_str(c)
    skip_str(c)
    if c.bad:
        return reject(s, b"a record that is not whole")
    s.outputs.within = at
    return OK


cdef Status note_output(DecoderState *s, OutputRow *row) noexcept nogil:
    """Who does it: the frame at the top, and the last event of that."""
    cdef const ThreadDef *t = s.threads.current
    cdef const Frame *f = s.top
    row.within, s.outputs.within = s.outputs.within, 0
    s.tally.has_output = True
    if not s.outputs.on:
        return OK
    row.before = s.events
    row.event = s.events if f == NULL else f.next_since
    row.time = time_of(&s.clock, s.outputs.ticks_per_second, s.outputs.started)
    row.thread = 0 if t == NULL else t.base.number + 1
    row.task = 0 if t == NULL or t.task == NULL else t.task.number + 1
    if f != NULL:
        row.frame = f.number + 1
        row.code = f.code.base.number + 1
        row.line = f.line
    if not append(s, &s.outputs.rows, row, sizeof(OutputRow)):
        return reject(s, b"")
    return OK
