# The preamble of a chunk, read back into a state.

cdef enum:
    KEPT_FRAME_FLAGS = REC_FRAME_ADOPTED | REC_FRAME_BODY | REC_FRAME_WAITING
    ALL_FRAME_FLAGS = KEPT_FRAME_FLAGS | REC_FRAME_SUSPENDED


cdef Status read_preamble(DecoderState *s) noexcept nogil:
    """Runs up to BEGIN. There are no events in a preamble, so only BEGIN ends it early."""
    cdef Status status = OK
    cdef Cursor c
    c.end = s.input.end
    c.bad = False
    while s.in_preamble:
        if s.input.at >= s.input.end:
            return reject(s, b"the preamble does not end")
        c.at = s.input.at + 1
        if REC_SET <= s.input.at[0] < REC_LINE:
            status = apply_set(s, s.input.at[0] & 0x3F, &c)
        else:
            status = apply_preamble_record(s, s.input.at[0], &c)
        if status != OK:
            return status
        s.input.at = c.at
    return OK


cdef Status apply_preamble_record(DecoderState *s, uint8_t byte, Cursor *c) noexcept nogil:
    """A record of a preamble other than a short SET."""
    cdef uint64_t number
    if byte == REC_SET_LONG:
        number = take_varint(c)
        return apply_set(s, number, c)
    if byte == REC_THREAD:
        return apply_thread(s, c)
    if byte == REC_FRAME:
        return apply_frame(s, c)
    if byte == REC_STATE:
        return apply_state(s, c)
    if byte == REC_CLOCK:
        return apply_clock(s, c)
    if byte == REC_PLACE:
        return apply_place(s, c)
    if byte == REC_BEGIN:
        s.in_preamble = False
        s.begun = s.changes.restating = True
        s.changes.restated = s.events
        s.top = NULL if s.threads.current == NULL else s.threads.current.top
        return OK
    return apply_shared_record(s, byte, c)


cdef Status apply_frame(DecoderState *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef CodeDef *code = <CodeDef *> get(s, &s.definitions.of_kind[DEF_CODE], take_varint(c))
    cdef int64_t line = <int64_t> take_varint(c)
    cdef uint64_t globals_number = take_varint(c)
    cdef uint8_t flags = take_byte(c)
    cdef bint asleep = (flags & REC_FRAME_SUSPENDED) != 0
    cdef NamespaceDef *namespace = NULL
    cdef Entry *entry
    cdef Frame *f
    if globals_number:
        namespace = <NamespaceDef *> get(s, &s.definitions.of_kind[DEF_NAMESPACE], globals_number - 1)
        c.bad |= namespace == NULL
    elif flags & REC_FRAME_BODY:
        c.bad = True
    if c.bad or code == NULL or flags > ALL_FRAME_FLAGS or (s.threads.current == NULL and not asleep):
        return reject(s, b"a frame of an unknown code, or outside of any thread")
    entry = find(s, &s.frames.suspended, number)
    if entry != NULL:        # known from an earlier chunk
        end_frame(s, <Frame *> entry.item)
        erase(s, &s.frames.suspended, entry)
    f = new_frame(s, number, code, line, flags & <uint32_t> KEPT_FRAME_FLAGS)
    if f == NULL:
        return reject(s, b"")
    f.globals = namespace
    f.suspended = s.preamble.round
    if not asleep:
        push_frame(s, f)
    elif not put(s, &s.frames.suspended, number, f):
        free_frame(s, f)
        return reject(s, b"")
    s.top = f
    return OK


cdef Status apply_state(DecoderState *s, Cursor *c) noexcept nogil:
    cdef uint64_t next_frame = take_varint(c)
    cdef uint64_t clock = take_varint(c)
    cdef uint64_t current = take_varint(c)
    cdef ThreadDef *thread = NULL
    if current:
        thread = <ThreadDef *> get(s, &s.definitions.of_kind[DEF_THREAD], current - 1)
    if c.bad or (current and thread == NULL):
        return reject(s, b"a state that is not whole, or of an unknown thread")
    s.frames.next_number = next_frame
    s.clock.ticks = clock
    s.threads.current = thread
    return OK
