# Events as numbers, without objects and values: for who goes through all of a trace to count and to time.

cdef bint add_passage(DecoderState *s, ByteBuffer *found, int64_t time) noexcept nogil:
    """The last event, which is one that is watched for."""
    cdef Passage *passage
    cdef const Frame *f = s.event.frame
    cdef bint is_line = s.event.kind == REC_LINE
    if not ensure_capacity(s, found, sizeof(Passage)):
        return False
    passage = <Passage *> (found.data + found.size)
    found.size += sizeof(Passage)
    passage.seq = s.events - 1
    passage.kind = 0 if is_line else s.event.kind
    passage.frame = f.number
    passage.code = f.code.base.number
    passage.thread = s.threads.current.base.number
    passage.depth = (s.threads.current.depth if is_line else s.event.depth) - 1
    passage.time = time
    passage.task = 0 if s.threads.current.task == NULL else s.threads.current.task.number + 1
    passage.globals = 0 if f.globals == NULL else f.globals.base.number + 1
    passage.line = f.line
    passage.exception = 0 if is_line else exception_type(s)
    return True


cdef uint64_t exception_type(const DecoderState *s) noexcept nogil:
    """The type of the exception that the last event is about, + 1; 0: it is about none."""
    cdef Cursor c
    cdef uint64_t number
    if s.event.kind < REC_THROW or s.event.value_size < 2 or not begins_with_type(s.event.value[0]):
        return 0
    c.at = s.event.value + 1
    c.end = s.event.value + s.event.value_size
    c.bad = False
    number = take_varint(&c)
    return 0 if c.bad else number + 1


cdef bint begins_with_type(uint8_t tag) noexcept nogil:
    """What an exception is recorded as: one with attributes of its own is an instance, whose first part is the
    exception; what is too deep or too much is left out."""
    return (
        tag == TAG_EXCEPTION or tag == TAG_INSTANCE or tag == TAG_INSTANCE_CUT
        or tag == TAG_OBJECT or tag == TAG_ELIDED
    )


cdef Status count_lines(DecoderState *s, uint64_t until) noexcept nogil:
    """Counts the lines that are watched for, by code and line; stops at a definition that has to be held against the
    watch."""
    cdef Status status
    cdef uint64_t key
    while True:
        status = run(s, until)
        if status != OK or not s.watch.matched:
            return status
        key = (s.event.frame.code.base.number << 32) | <uint32_t> s.event.frame.line
        if not count(s, &s.tally.lines, key):
            return reject(s, b"")
        if s.definitions.pending != NULL:
            return OK
