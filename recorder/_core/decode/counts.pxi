# Lines, and the types of exceptions, as numbers: for who goes through all of a trace to count.

cdef uint64_t exception_type(const DecoderState *s) noexcept nogil:
    """The type of the exception that the last event is about, + 1; 0: it is about none."""
    cdef Cursor c
    cdef uint64_t number
    if s.event.kind < REC_THROW or s.event.value_size < 2:
        return 0
    c.at = s.event.value
    c.end = s.event.value + s.event.value_size
    c.bad = False
    skip_identity(&c)
    if not begins_with_type(take_byte(&c)):
        return 0
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
