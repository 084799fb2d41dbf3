# The preamble of a chunk: written from the state, and read back into one.

# ---- reading -------------------------------------------------------------------------------------

cdef Status restore(State *s, uint8_t byte, Cursor *c) noexcept nogil:
    """A record of a preamble other than a short SET."""
    cdef uint64_t number
    if byte == REC_SET_LONG:
        number = take_varint(c)
        return set_slot(s, number, c)
    if byte == REC_THREAD:
        return switch_thread(s, c)
    if byte == REC_FRAME:
        return restore_frame(s, c)
    if byte == REC_STATE:
        return restore_state(s, c)
    if byte == REC_CLOCK:
        return set_clock(s, c)
    if byte == REC_BEGIN:
        s.in_preamble = False
        s.begun = True
        s.top = NULL if s.thread == NULL else s.thread.top
        return OK
    return change_around(s, byte, c)


cdef Status restore_frame(State *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Def *code = <Def *> get(s, &s.defs[DEF_CODE], take_varint(c))
    cdef int64_t line = <int64_t> take_varint(c)
    cdef uint64_t home = take_varint(c)
    cdef uint8_t flags = take_byte(c)
    cdef bint asleep = (flags & REC_FRAME_SUSPENDED) != 0
    cdef Def *namespace = NULL
    cdef Entry *entry
    cdef Frame *f
    if home:
        namespace = <Def *> get(s, &s.defs[DEF_NAMESPACE], home - 1)
        c.bad |= namespace == NULL
    elif flags & REC_FRAME_BODY:
        c.bad = True
    if c.bad or code == NULL or flags > 7 or (s.thread == NULL and not asleep):
        return fail(s, b"a frame of an unknown code, or outside of any thread")
    entry = find(s, &s.suspended, number)
    if entry != NULL:        # known from an earlier chunk
        retire(s, <Frame *> entry.item)
        erase(s, &s.suspended, entry)
    f = new_frame(s, number, code, line, flags & <uint32_t> (REC_FRAME_ADOPTED | REC_FRAME_BODY))
    if f == NULL:
        return fail(s, b"")
    f.home = namespace
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
        and (f.home == NULL or mention(s, f.home))
        and append_byte(s, out, REC_FRAME)
        and append_varint(s, out, f.number)
        and append_varint(s, out, f.code.number)
        and append_varint(s, out, <uint64_t> f.line)
        and append_varint(s, out, 0 if f.home == NULL else f.home.number + 1)
        and append_byte(s, out, <uint8_t> (flags | f.flags))
    ):
        return False
    for i in range(f.slot_count):
        if not restate_slot(s, out, NULL, i, &f.slots[i]):
            return False
    return True


cdef bint restate_namespace(State *s, Def *d) noexcept nogil:
    """The values of a namespace as they are now, after its definition."""
    cdef uint64_t i
    for i in range(d.value_count):
        if not restate_slot(s, &s.restated[DEF_NAMESPACE], d, i, &d.values[i]):
            return False
    return True


cdef bint restate_home(State *s, Def *code) noexcept nogil:
    return (
        append_byte(s, &s.homes, REC_GLOBALS)
        and append_varint(s, &s.homes, code.number)
        and append_varint(s, &s.homes, code.home.number + 1)
    )


cdef bint append_set(State *s, Bytes *out, Def *namespace, uint64_t number) noexcept nogil:
    if namespace != NULL:
        return (
            append_byte(s, out, REC_SET_GLOBAL)
            and append_varint(s, out, namespace.number)
            and append_varint(s, out, number)
        )
    if number < 64:
        return append_byte(s, out, <uint8_t> (REC_SET + number))
    return append_byte(s, out, REC_SET_LONG) and append_varint(s, out, number)


cdef bint restate_slot(
    State *s, Bytes *out, Def *namespace, uint64_t number, Slot *slot
) noexcept nogil:
    if slot.size and not (
        mention_types(s, slot)
        and append_set(s, out, namespace, number)
        and append(s, out, slot_data(slot), slot.size)
    ):
        return False
    return not slot.flags & SLOT_UNEXAMINED or (
        append_set(s, out, namespace, number) and append_byte(s, out, TAG_UNEXAMINED)
    )


cdef bint mention_types(State *s, Slot *slot) noexcept nogil:
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
    return True


cdef bint restate_stacks(State *s) noexcept nogil:
    """The frames that are live now, when a segment begins."""
    cdef Def *t = s.first_thread
    cdef Frame *f
    while t != NULL:
        if (t.bottom != NULL or t.task != NULL) and not (
            mention(s, t)
            and append_byte(s, &s.frames, REC_THREAD)
            and append_varint(s, &s.frames, t.number)
            and restate_task(s, t)
        ):
            return False
        f = t.bottom
        while f != NULL:
            if not restate_frame(s, &s.frames, f, 0):
                return False
            f = f.above
        t = t.next_thread
    return s.thread == NULL or mention(s, s.thread)


cdef bint restate_task(State *s, Def *thread) noexcept nogil:
    return thread.task == NULL or (
        mention(s, thread.task)
        and append_byte(s, &s.frames, REC_TASK)
        and append_varint(s, &s.frames, thread.task.number + 1)
    )


cdef bint restate_all(State *s) noexcept nogil:
    """Everything an earlier segment has defined, and all suspended frames: what comes later may speak of
    them, and the chunks they are in may be gone by then."""
    cdef Map *map
    cdef Def *d
    cdef Frame *f
    cdef size_t i
    cdef int kind
    for kind in range(DEF_KINDS):
        map = &s.defs[kind]
        for i in range(map.mask + 1 if map.entries != NULL else 0):
            d = <Def *> map.entries[i].item
            if d != NULL and not mention(s, d):
                return False
    for i in range(s.suspended.mask + 1 if s.suspended.entries != NULL else 0):
        f = <Frame *> s.suspended.entries[i].item
        if f != NULL:
            if not restate_frame(s, &s.woken, f, REC_FRAME_SUSPENDED):
                return False
            f.suspended = s.round          # once is enough
    return True


cdef bint restate_state(State *s, Bytes *out) noexcept nogil:
    cdef uint64_t clock[3]
    clock[0] = s.clock_ticks
    clock[1] = s.clock_mono
    clock[2] = s.clock_wall
    if s.has_clock and not (append_byte(s, out, REC_CLOCK) and append(s, out, clock, sizeof(clock))):
        return False
    return (
        append_byte(s, out, REC_STATE)
        and append_varint(s, out, s.next_frame)
        and append_varint(s, out, s.clock)
        and append_varint(s, out, 0 if s.thread == NULL else s.thread.number + 1)
        and append_byte(s, out, REC_BEGIN)
        and restate_news(s, out)
    )


cdef bint restate_news(State *s, Bytes *out) noexcept nogil:
    """Behind BEGIN, once more: what was set, and no event of the frame has shown yet."""
    cdef Def *there = s.thread
    cdef Def *t = s.first_thread
    cdef Frame *f
    s.telling += 1
    while t != NULL and there != NULL:
        f = t.top
        if f != NULL and not f.flags & REC_FRAME_BODY and not tell_slots(s, out, t, f, &there):
            return False
        while f != NULL:         # of the bodies with these globals, the innermost was the last to see them
            if f.flags & REC_FRAME_BODY and f.home.told != s.telling:
                f.home.told = s.telling
                if not tell_globals(s, out, f.home, f.next_since):
                    return False
            f = f.below
        t = t.next_thread
    return (there == s.thread or append_thread(s, out, s.thread)) and tell_beginnings(s, out)


cdef bint tell_beginnings(State *s, Bytes *out) noexcept nogil:
    """What is set since the last event in globals whose body has not begun: it begins with them."""
    cdef Map *map = &s.defs[DEF_NAMESPACE]
    cdef Def *d
    cdef size_t i
    for i in range(map.mask + 1 if map.entries != NULL else 0):
        d = <Def *> map.entries[i].item
        if d == NULL or d.told == s.telling or d.touched < s.events:
            continue
        if not mention(s, d) or not tell_globals(s, out, d, s.events):
            return False
    return True


cdef bint append_thread(State *s, Bytes *out, const Def *thread) noexcept nogil:
    return append_byte(s, out, REC_THREAD) and append_varint(s, out, thread.number)


cdef bint tell_slots(State *s, Bytes *out, Def *thread, Frame *f, Def **there) noexcept nogil:
    """Those of a top frame. A SET is about that of the present thread, which is `there`."""
    cdef uint64_t i
    for i in range(f.slot_count):
        if is_new(&f.slots[i], f.next_since):
            if there[0] != thread and not append_thread(s, out, thread):
                return False
            there[0] = thread
            if not tell_slot(s, out, NULL, i, &f.slots[i]):
                return False
    return True


cdef bint tell_globals(State *s, Bytes *out, Def *namespace, uint64_t since) noexcept nogil:
    cdef uint64_t i
    for i in range(namespace.value_count if namespace.touched >= since else 0):
        if is_new(&namespace.values[i], since) and not tell_slot(
            s, out, namespace, i, &namespace.values[i]
        ):
            return False
    return True


cdef bint tell_slot(State *s, Bytes *out, Def *namespace, uint64_t number, Slot *slot) noexcept nogil:
    if slot.size == 0 and not slot.flags & SLOT_UNEXAMINED:
        return append_set(s, out, namespace, number) and append_byte(s, out, TAG_UNBOUND)
    return restate_slot(s, out, namespace, number, slot)


cdef bint write_checkpoint(State *s, Bytes *out) noexcept nogil:
    """Everything but definitions, which are known. Threads are restated, since a later definition of
    one may give it another name."""
    cdef Def *t = s.first_thread
    cdef size_t i
    s.frames.size = 0
    while t != NULL:
        if not append(s, out, t.raw, t.raw_size):
            return False
        t = t.next_thread
    if not write_globals(s, out) or not restate_stacks(s):
        return False
    for i in range(s.suspended.mask + 1 if s.suspended.entries != NULL else 0):
        if s.suspended.entries[i].item != NULL and not restate_frame(
            s, &s.frames, <Frame *> s.suspended.entries[i].item, REC_FRAME_SUSPENDED
        ):
            return False
    return append(s, out, s.frames.data, s.frames.size) and restate_state(s, out)


cdef bint write_globals(State *s, Bytes *out) noexcept nogil:
    """The values of all namespaces, and which of them is the home of new frames of each code."""
    cdef Map *map = &s.defs[DEF_NAMESPACE]
    cdef Def *d
    cdef size_t i
    cdef uint64_t number
    for i in range(map.mask + 1 if map.entries != NULL else 0):
        d = <Def *> map.entries[i].item
        for number in range(d.value_count if d != NULL else 0):
            if not restate_slot(s, out, d, number, &d.values[number]):
                return False
    map = &s.defs[DEF_CODE]
    for i in range(map.mask + 1 if map.entries != NULL else 0):
        d = <Def *> map.entries[i].item
        if d != NULL and d.home != NULL and not (
            append_byte(s, out, REC_GLOBALS)
            and append_varint(s, out, d.number)
            and append_varint(s, out, d.home.number + 1)
        ):
            return False
    return True
