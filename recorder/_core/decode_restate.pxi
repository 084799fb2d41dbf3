# The preamble of a chunk: written from the state, and read back into one.

# ---- reading -------------------------------------------------------------------------------------

cdef Status restore(State *s, uint8_t byte, Cursor *c) noexcept nogil:
    """A record of a preamble other than a short SET."""
    cdef uint64_t number
    if byte == R_SET_LONG:
        number = take_varint(c)
        return set_slot(s, number, c)
    if byte == R_THREAD:
        return switch_thread(s, c)
    if byte == R_FRAME:
        return restore_frame(s, c)
    if byte == R_STATE:
        return restore_state(s, c)
    if byte == R_CLOCK:
        return set_clock(s, c)
    if byte == R_BEGIN:
        s.in_preamble = False
        s.begun = True
        s.top = NULL if s.thread == NULL else s.thread.top
        return OK
    return define_any(s, byte, c)


cdef Status restore_frame(State *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Def *code = <Def *> get(s, &s.defs[DEF_CODE], take_varint(c))
    cdef int64_t line = <int64_t> take_varint(c)
    cdef uint8_t flags = take_byte(c)
    cdef bint asleep = (flags & FRAME_SUSPENDED) != 0
    cdef Entry *entry
    cdef Frame *f
    if c.bad or code == NULL or flags > 3 or (s.thread == NULL and not asleep):
        return fail(s, b"a frame of an unknown code, or outside of any thread")
    entry = find(s, &s.suspended, number)
    if entry != NULL:        # known from an earlier chunk
        retire(s, <Frame *> entry.item)
        erase(s, &s.suspended, entry)
    f = new_frame(s, number, code, line, flags & FRAME_ADOPTED)
    if f == NULL:
        return fail(s, b"")
    f.suspended = s.round
    if not asleep:
        push(s, f)
    elif not put(s, &s.suspended, number, f):
        free_frame(s, f)
        return fail(s, b"")
    s.top = f
    return OK


cdef Status restore_state(State *s, Cursor *c) noexcept nogil:
    cdef uint64_t next_frame = take_varint(c)
    cdef uint64_t clock = take_varint(c)
    cdef uint64_t current = take_varint(c)
    cdef Def *thread = NULL
    if current:
        thread = <Def *> get(s, &s.defs[DEF_THREAD], current - 1)
    if c.bad or (current and thread == NULL):
        return fail(s, b"a state that is not whole, or of an unknown thread")
    s.next_frame = next_frame
    s.clock = clock
    s.thread = thread
    return OK


# ---- writing -------------------------------------------------------------------------------------

cdef bint restate_frame(State *s, Bytes *out, Frame *f, uint32_t flags) noexcept nogil:
    cdef uint64_t i
    if not (
        mention(s, f.code)
        and append_byte(s, out, R_FRAME)
        and append_varint(s, out, f.number)
        and append_varint(s, out, f.code.number)
        and append_varint(s, out, <uint64_t> f.line)
        and append_byte(s, out, <uint8_t> (flags | f.flags))
    ):
        return False
    for i in range(f.slot_count):
        if f.slots[i].size and not restate_slot(s, out, i, &f.slots[i]):
            return False
        if f.slots[i].flags & SLOT_UNEXAMINED and not (
            append_set(s, out, i) and append_byte(s, out, V_UNEXAMINED)
        ):
            return False
    return True


cdef bint append_set(State *s, Bytes *out, uint64_t number) noexcept nogil:
    if number < 64:
        return append_byte(s, out, <uint8_t> (R_SET + number))
    return append_byte(s, out, R_SET_LONG) and append_varint(s, out, number)


cdef bint restate_slot(
    State *s, Bytes *out, uint64_t number, Slot *slot
) noexcept nogil:
    cdef Cursor c
    cdef uint32_t flags = 0
    cdef bint counting = s.counting
    if slot.flags & SLOT_TYPED:
        c.at = slot_data(slot)
        c.end = c.at + slot.size
        c.bad = False
        s.counting = False
        skip_value(s, &c, &flags)      # mentions the types
        s.counting = counting
        if c.bad:
            return False
    return append_set(s, out, number) and append(s, out, slot_data(slot), slot.size)


cdef bint restate_stacks(State *s) noexcept nogil:
    """The frames that are live now, when a segment begins."""
    cdef Def *t = s.first_thread
    cdef Frame *f
    while t != NULL:
        if t.bottom != NULL and not (
            mention(s, t)
            and append_byte(s, &s.frames, R_THREAD)
            and append_varint(s, &s.frames, t.number)
        ):
            return False
        f = t.bottom
        while f != NULL:
            if not restate_frame(s, &s.frames, f, 0):
                return False
            f = f.above
        t = t.next_thread
    return s.thread == NULL or mention(s, s.thread)


cdef bint restate_state(State *s, Bytes *out) noexcept nogil:
    cdef uint64_t clock[3]
    clock[0] = s.clock_ticks
    clock[1] = s.clock_mono
    clock[2] = s.clock_wall
    if s.has_clock and not (append_byte(s, out, R_CLOCK) and append(s, out, clock, sizeof(clock))):
        return False
    return (
        append_byte(s, out, R_STATE)
        and append_varint(s, out, s.next_frame)
        and append_varint(s, out, s.clock)
        and append_varint(s, out, 0 if s.thread == NULL else s.thread.number + 1)
        and append_byte(s, out, R_BEGIN)
    )


cdef bint restate_all(State *s, Bytes *out) noexcept nogil:
    """Everything but definitions, which are known: what a checkpoint holds. Threads are restated,
    since a later definition of one may give it another name."""
    cdef Def *t = s.first_thread
    cdef size_t i
    s.frames.size = 0
    while t != NULL:
        if not append(s, out, t.raw, t.raw_size):
            return False
        t = t.next_thread
    if not restate_stacks(s):
        return False
    for i in range(s.suspended.mask + 1 if s.suspended.entries != NULL else 0):
        if s.suspended.entries[i].item != NULL and not restate_frame(
            s, &s.frames, <Frame *> s.suspended.entries[i].item, FRAME_SUSPENDED
        ):
            return False
    return append(s, out, s.frames.data, s.frames.size) and restate_state(s, out)
