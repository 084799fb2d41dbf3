# The state machine of docs/trace-format.md, section 2. Operands are taken and checked before
# anything changes, so that a record that does not fit leaves the state as it was before it.

# ---- definitions ---------------------------------------------------------------------------------

cdef inline bint mention(State *s, Def *d) noexcept nogil:
    """Restates a definition of an earlier round, once, as it was when this round began."""
    if not s.restating or d.mentioned == s.round or d.born == s.round:
        return True
    d.mentioned = s.round
    if d.kind == DEF_CODE and not mention(s, d.file):
        return False
    if not (
        append(s, &s.restated[<int> d.kind], d.raw, d.raw_size)
        and append(s, &s.restated[<int> d.kind], d.names.data, d.names.size)
    ):
        return False
    if d.kind == DEF_NAMESPACE:
        return restate_namespace(s, d)
    if d.kind == DEF_CODE and d.home != NULL:
        return mention(s, d.home) and restate_home(s, d)
    return True


cdef void announce(State *s, Def *d) noexcept nogil:
    if not d.listed:
        d.listed = True
        d.next_new = s.news
        s.news = d


cdef Status define(
    State *s, uint32_t kind, uint64_t number, const uint8_t *end, Def **out
) noexcept nogil:
    """Enters the definition that lies from `at` to `end`. It may be repeated word for word."""
    cdef size_t size = <size_t> (end - s.at)
    cdef Def *d = <Def *> get(s, &s.defs[<int> kind], number)
    cdef uint8_t *raw
    out[0] = d
    if d != NULL and d.raw_size == size and memcmp(d.raw, s.at, size) == 0:
        return OK
    if d != NULL and kind != DEF_THREAD and kind != DEF_TASK:
        return fail(s, b"a number is defined twice")
    if d != NULL and not mention(s, d):
        return fail(s, b"")
    raw = <uint8_t *> grab(s, size)
    if raw == NULL:
        return fail(s, b"")
    memcpy(raw, s.at, size)
    if d == NULL:
        d = new_def(s, kind, number)
        if d == NULL:
            release(s, raw, size)
            return fail(s, b"")
    release(s, d.raw, d.raw_size)
    d.raw = raw
    d.raw_size = size
    announce(s, d)
    out[0] = d
    return OK


cdef Def *new_def(State *s, uint32_t kind, uint64_t number) noexcept nogil:
    cdef Def *d = <Def *> grab(s, sizeof(Def))
    if d == NULL:
        return NULL
    d.kind = kind
    d.number = number
    d.born = s.round
    if not put(s, &s.defs[<int> kind], number, d):
        release(s, d, sizeof(Def))
        return NULL
    if kind == DEF_THREAD:
        if s.last_thread != NULL:
            s.last_thread.next_thread = d
        else:
            s.first_thread = d
        s.last_thread = d
    return d


cdef Status define_code(State *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Def *file = <Def *> get(s, &s.defs[DEF_FILE], take_varint(c))
    cdef uint64_t first_line = take_varint(c)
    cdef uint64_t slots
    cdef uint64_t left
    cdef Def *d = NULL
    cdef Status status
    take_varint(c)           # co_flags
    skip_str(c)
    skip_str(c)
    take_varint(c)           # arguments
    slots = take_varint(c)
    left = slots
    while left and not c.bad:
        left -= 1
        take_byte(c)
        skip_str(c)
    if c.bad or file == NULL:
        return fail(s, b"a definition of a code that is not whole, or of an unknown file")
    if not mention(s, file):
        return fail(s, b"")
    status = define(s, DEF_CODE, number, c.at, &d)
    if status == OK and d.file == NULL:
        d.file = file
        d.first_line = first_line
        d.slots = slots
    return status


cdef Status define_name(State *s, Cursor *c) noexcept nogil:
    cdef Def *code = <Def *> get(s, &s.defs[DEF_CODE], take_varint(c))
    cdef uint64_t slot = take_varint(c)
    skip_str(c)
    if c.bad or code == NULL or slot > code.slots:
        return fail(s, b"a name for a slot that cannot be")
    if slot < code.slots:    # restated
        if s.in_preamble or s.rereading:
            return OK
        return fail(s, b"a slot gets a second name")
    if not mention(s, code) or not append(s, &code.names, s.at, <size_t> (c.at - s.at)):
        return fail(s, b"")
    code.slots += 1
    announce(s, code)
    return OK


cdef Status define_namespace(State *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Def *d = NULL
    cdef uint64_t i
    cdef Status status
    skip_str(c)
    if c.bad:
        return fail(s, b"a definition of a namespace that is not whole")
    status = define(s, DEF_NAMESPACE, number, c.at, &d)
    if status == OK and s.in_preamble:
        for i in range(d.value_count):
            d.values[i].size = d.values[i].flags = 0
            change_global(s, d, &d.values[i], 0)
    return status


cdef Status define_global(State *s, Cursor *c) noexcept nogil:
    cdef Def *d = <Def *> get(s, &s.defs[DEF_NAMESPACE], take_varint(c))
    cdef uint64_t slot = take_varint(c)
    skip_str(c)
    if c.bad or d == NULL or slot > d.slots:
        return fail(s, b"a name for a slot that cannot be")
    if slot < d.slots:       # restated
        if s.in_preamble or s.rereading:
            return OK
        return fail(s, b"a slot gets a second name")
    if not mention(s, d) or not append(s, &d.names, s.at, <size_t> (c.at - s.at)):
        return fail(s, b"")
    d.slots += 1
    announce(s, d)
    return OK


cdef Status define_task(State *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Def *d = NULL
    skip_str(c)
    return fail(s, b"a definition of a task that is not whole") if c.bad else define(
        s, DEF_TASK, number, c.at, &d
    )


cdef Status define_thread(State *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Def *d = NULL
    take_varint(c)           # native id
    skip_str(c)
    return fail(s, b"a definition of a thread that is not whole") if c.bad else define(
        s, DEF_THREAD, number, c.at, &d
    )


cdef Status define_file(State *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Def *d = NULL
    skip_str(c)
    return fail(s, b"a definition of a file that is not whole") if c.bad else define(
        s, DEF_FILE, number, c.at, &d
    )


cdef Status define_type(State *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Def *d = NULL
    skip_str(c)
    skip_str(c)
    return fail(s, b"a definition of a type that is not whole") if c.bad else define(
        s, DEF_TYPE, number, c.at, &d
    )


# ---- frames --------------------------------------------------------------------------------------

cdef Frame *new_frame(
    State *s, uint64_t number, Def *code, int64_t line, uint32_t flags
) noexcept nogil:
    cdef Frame *f = <Frame *> grab(s, sizeof(Frame))
    if f != NULL:
        f.number = number
        f.code = code
        f.home = code.home
        f.line = f.line_before = line
        f.flags = flags
        f.since = f.next_since = s.events
        f.dirty = True
    return f


cdef void free_frame(State *s, Frame *f) noexcept nogil:
    drop_slots(s, &f.slots, &f.slot_count)
    release(s, f, sizeof(Frame))


cdef void drop_slots(State *s, Slot **slots, uint64_t *count) noexcept nogil:
    cdef uint64_t i
    for i in range(count[0]):
        if slots[0][i].heap != NULL:
            release(s, slots[0][i].heap, slots[0][i].room)
    release(s, slots[0], count[0] * sizeof(Slot))
    slots[0] = NULL
    count[0] = 0


cdef inline void push(State *s, Frame *f) noexcept nogil:
    cdef Def *t = s.thread
    f.below = t.top
    f.above = NULL
    if t.top != NULL:
        t.top.above = f
    else:
        t.bottom = f
    t.top = f
    t.depth += 1
    s.top = f


cdef inline Frame *pop(State *s) noexcept nogil:
    cdef Def *t = s.thread
    cdef Frame *f = t.top
    t.top = f.below
    if t.top != NULL:
        t.top.above = NULL
    else:
        t.bottom = NULL
    t.depth -= 1
    s.top = t.top
    f.below = NULL
    return f


cdef inline void retire(State *s, Frame *f) noexcept nogil:
    """Lets go of a frame that ended. The last one is kept for the event that ended it."""
    cdef Frame *old = s.ended
    s.ended = f
    if old == NULL:
        return
    if old.snapshot == NULL:
        free_frame(s, old)
    else:                    # only the reader may let go of Python's objects
        old.below = s.dead
        s.dead = old


cdef Status end_unseen(State *s, Frame *f) noexcept nogil:
    """DROP and FORGET: the end of a frame without an event."""
    cdef uint64_t number = f.number
    retire(s, f)
    if s.keeping_gone and not append(s, &s.gone, &number, sizeof(number)):
        return fail(s, b"")
    return OK


cdef Status enter(State *s, Cursor *c, bint adopted) noexcept nogil:
    cdef uint64_t code_number = take_varint(c)
    cdef uint64_t line = take_varint(c) if adopted else 0
    cdef Def *code = <Def *> get(s, &s.defs[DEF_CODE], code_number)
    cdef uint64_t number = s.next_frame
    cdef Frame *f
    if c.bad or code == NULL or s.thread == NULL:
        return fail(s, b"a frame of an unknown code, or outside of any thread")
    if not adopted:
        line = code.first_line
    if not mention(s, code):
        return fail(s, b"")
    f = new_frame(s, number, code, <int64_t> line, REC_FRAME_ADOPTED if adopted else 0)
    if f == NULL:
        return fail(s, b"")
    s.next_frame += 1
    push(s, f)
    return OK


cdef Status wake(State *s, Cursor *c, bint forget) noexcept nogil:
    """REENTER and FORGET."""
    cdef uint64_t back = take_varint(c)
    cdef Entry *entry = find(s, &s.suspended, s.next_frame - back)
    cdef Frame *f
    if c.bad or entry == NULL or (s.thread == NULL and not forget):
        return fail(s, b"a frame goes on that is not suspended")
    f = <Frame *> entry.item
    # Suspended all through this round so far: what it is now is what it was at the beginning.
    if s.restating and f.suspended != s.round:
        if not restate_frame(s, &s.woken, f, REC_FRAME_SUSPENDED):
            return fail(s, b"")
    erase(s, &s.suspended, entry)
    if forget:
        return end_unseen(s, f)
    else:
        push(s, f)
    return OK


cdef Status switch_thread(State *s, Cursor *c) noexcept nogil:
    cdef Def *thread = <Def *> get(s, &s.defs[DEF_THREAD], take_varint(c))
    if c.bad or thread == NULL:
        return fail(s, b"an unknown thread")
    if not mention(s, thread):
        return fail(s, b"")
    s.thread = thread
    s.top = thread.top
    return OK


cdef Status bind_globals(State *s, Cursor *c) noexcept nogil:
    """GLOBALS."""
    cdef Def *code = <Def *> get(s, &s.defs[DEF_CODE], take_varint(c))
    cdef uint64_t number = take_varint(c)
    cdef Def *home = NULL
    if number:
        home = <Def *> get(s, &s.defs[DEF_NAMESPACE], number - 1)
    if c.bad or code == NULL or (number and home == NULL):
        return fail(s, b"globals of an unknown code, or an unknown namespace")
    if not mention(s, code) or (home != NULL and not mention(s, home)):
        return fail(s, b"")
    code.home = home
    return OK


cdef Status begin_body(State *s) noexcept nogil:
    cdef Frame *f = s.top
    if f == NULL or f.home == NULL or f.slot_count or f.flags & REC_FRAME_BODY:
        return fail(s, b"a body without globals, or with variables of its own")
    f.flags |= REC_FRAME_BODY
    return OK


cdef Status switch_task(State *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Def *task = NULL
    if number:
        task = <Def *> get(s, &s.defs[DEF_TASK], number - 1)
    if c.bad or s.thread == NULL or (number and task == NULL):
        return fail(s, b"an unknown task, or a task outside of any thread")
    if not mention(s, s.thread) or (task != NULL and not mention(s, task)):
        return fail(s, b"")
    s.thread.task = task
    return OK


# ---- variables -----------------------------------------------------------------------------------

cdef Slot *slot_of(State *s, uint64_t number) noexcept nogil:
    """A slot of the top frame, allocated when first needed."""
    cdef Frame *f = s.top
    if f == NULL:
        s.why = b"a variable outside of any frame"
        return NULL
    if f.flags & REC_FRAME_BODY:
        return global_slot(s, f.home, number)
    if number < f.slot_count:
        return &f.slots[number]
    return widen_slots(s, &f.slots, &f.slot_count, number, f.code.slots)


cdef Slot *global_slot(State *s, Def *namespace, uint64_t number) noexcept nogil:
    if s.restating and not mention(s, namespace):
        return NULL
    if number < namespace.value_count:
        return &namespace.values[number]
    return widen_slots(s, &namespace.values, &namespace.value_count, number, namespace.slots)


cdef Slot *widen_slots(
    State *s, Slot **slots, uint64_t *count, uint64_t number, uint64_t most
) noexcept nogil:
    cdef uint64_t wanted
    cdef Slot *wider
    if number >= most:
        s.why = b"a variable its code or namespace does not have"
        return NULL
    wanted = max(number + 1, count[0] * 2, <uint64_t> 8)
    wanted = min(wanted, most)
    wider = <Slot *> grab(s, wanted * sizeof(Slot))
    if wider == NULL:
        return NULL
    if count[0]:
        memcpy(wider, slots[0], count[0] * sizeof(Slot))
    release(s, slots[0], count[0] * sizeof(Slot))
    slots[0] = wider
    count[0] = wanted
    return &wider[number]


cdef inline uint8_t *slot_data(Slot *slot) noexcept nogil:
    return &slot.small[0] if slot.heap == NULL else slot.heap


cdef inline bint store(State *s, Slot *slot, const uint8_t *value, size_t size) noexcept nogil:
    cdef uint8_t *heap
    cdef uint32_t room
    if slot.heap == NULL and size <= sizeof(slot.small):
        # A copy of constant size is one instruction; there are almost always so many bytes to read.
        if s.end - value >= 16:
            memcpy(slot.small, value, 16)
        else:
            memcpy(slot.small, value, size)
    else:
        if size > slot.room:
            room = <uint32_t> (size + size // 2 + 16)
            heap = <uint8_t *> grab(s, room)
            if heap == NULL:
                return False
            if slot.heap != NULL:
                release(s, slot.heap, slot.room)
            slot.heap = heap
            slot.room = room
        memcpy(slot.heap, value, size)
    slot.size = <uint32_t> size
    return True


cdef inline Status set_slot(State *s, uint64_t number, Cursor *c) noexcept nogil:
    cdef Slot *slot = slot_of(s, number) if not c.bad else NULL
    cdef Def *namespace
    if slot == NULL:
        return fail(s, b"a record that is not whole")
    namespace = s.top.home if s.top.flags & REC_FRAME_BODY else NULL
    return take_slot(s, slot, namespace, c)


cdef Status set_global(State *s, Cursor *c) noexcept nogil:
    cdef Def *namespace = <Def *> get(s, &s.defs[DEF_NAMESPACE], take_varint(c))
    cdef uint64_t number = take_varint(c)
    cdef Slot *slot
    if c.bad or namespace == NULL:
        return fail(s, b"a variable of an unknown namespace")
    slot = global_slot(s, namespace, number)
    return fail(s, b"a record that is not whole") if slot == NULL else take_slot(
        s, slot, namespace, c
    )


cdef inline Status take_slot(State *s, Slot *slot, Def *namespace, Cursor *c) noexcept nogil:
    """What follows a SET. `namespace`: whose the slot is, if not the top frame's."""
    cdef const uint8_t *value = c.at
    cdef uint32_t flags = 0
    if c.at >= c.end:
        return fail(s, b"a record that is not whole")
    if TAG_INT_DELTA <= c.at[0] <= TAG_EXAMINED:
        if c.at[0] == TAG_INT_DELTA:
            return add_to_slot(s, slot, namespace, c)
        if c.at[0] == TAG_UNEXAMINED or c.at[0] == TAG_UNBOUND or c.at[0] == TAG_EXAMINED:
            return unset_slot(s, slot, namespace, c)
    skip_value(s, c, &flags)
    if c.bad:
        return fail(s, b"a value that is not whole or not known")
    if not store(s, slot, value, <size_t> (c.at - value)):
        return fail(s, b"")
    touch(s, slot, namespace, flags)
    return OK


cdef inline void touch(State *s, Slot *slot, Def *namespace, uint32_t flags) noexcept nogil:
    if namespace != NULL:
        change_global(s, namespace, slot, flags)
        return
    slot.flags = flags
    slot.set_before = s.events
    if not s.in_preamble:
        slot.flags |= SLOT_DIRTY | SLOT_SET
        s.top.dirty = True


cdef inline void change_global(State *s, Def *namespace, Slot *slot, uint32_t flags) noexcept nogil:
    slot.flags = flags | SLOT_DIRTY | (0 if s.in_preamble else SLOT_SET)
    slot.set_before = namespace.touched = s.events
    namespace.dirty = True


cdef inline Status add_to_slot(State *s, Slot *slot, Def *namespace, Cursor *c) noexcept nogil:
    """INT_DELTA: the slot takes the sum, so that it stands for itself."""
    cdef uint8_t sum[16]
    cdef Cursor old
    cdef uint64_t n
    c.at += 1
    n = <uint64_t> take_zigzag(c)
    old.at = slot_data(slot)
    old.end = old.at + slot.size
    old.bad = c.bad or s.in_preamble or slot.size == 0
    if not old.bad and old.at[0] >= TAG_SMALL_INT:
        n += <uint64_t> <int64_t> (<int64_t> old.at[0] - TAG_SMALL_INT + REC_SMALL_MIN)
    elif not old.bad and old.at[0] == TAG_INT:
        old.at += 1
        n += <uint64_t> take_zigzag(&old)
    else:
        return fail(s, b"a difference to a variable that holds no int")
    slot.size = <uint32_t> write_int(sum, <int64_t> n)
    memcpy(slot_data(slot), sum, 16)
    touch(s, slot, namespace, 0)
    return OK


cdef Status unset_slot(State *s, Slot *slot, Def *namespace, Cursor *c) noexcept nogil:
    """UNBOUND, UNEXAMINED and EXAMINED."""
    cdef uint64_t before = slot.set_before
    cdef uint32_t was_set = slot.flags & <uint32_t> SLOT_SET
    cdef uint8_t tag = take_byte(c)
    if tag == TAG_UNBOUND:
        slot.size = 0
        touch(s, slot, namespace, 0)
    elif tag == TAG_UNEXAMINED:
        touch(s, slot, namespace, slot.flags & <uint32_t> SLOT_TYPED | SLOT_UNEXAMINED)
    else:
        touch(s, slot, namespace, slot.flags & <uint32_t> SLOT_TYPED)
        slot.set_before = before       # it has not changed
        slot.flags = slot.flags & ~<uint32_t> SLOT_SET | was_set
    return OK


# ---- records -------------------------------------------------------------------------------------

cdef Status advance(State *s, uint64_t until) noexcept nogil:
    """Runs until `until` events have happened, to the end, or to an event that is watched for;
    on a watch also after each definition, so that it can be judged before it is used.

    On failure `at` is the record that cannot be read, and everything before it has been applied.
    """
    cdef Cursor c
    cdef uint8_t byte
    cdef Status status
    c.bad = False
    c.end = s.end
    s.kind = 0
    s.matched = False
    while s.at < s.end and s.events < until:
        byte = s.at[0]
        c.at = s.at + 1
        if byte >= REC_LINE and s.top != NULL and not s.in_preamble:
            s.top.line_before = s.top.line
            s.top.line += <int64_t> (byte & 0x7F) + REC_SMALL_MIN
            s.kind = REC_LINE
            tell(s, s.top)
            if s.watch.on and matches(s):
                s.at = c.at
                s.matched = True
                return OK
        else:
            if byte < REC_LINE and byte >= REC_SET:
                status = set_slot(s, byte & 0x3F, &c)
            elif s.in_preamble:
                status = restore(s, byte, &c)
            elif byte < REC_LINE and is_event(byte):
                status = happen(s, byte, &c)
                s.matched = status == OK and s.watch.on and matches(s)
            else:
                status = change(s, byte, &c)
            if status != OK:
                return status
            if s.watch.on and (s.matched or s.news != NULL):
                s.at = c.at
                return OK
        s.at = c.at
    return OK


cdef inline void tell(State *s, Frame *f) noexcept nogil:
    """An event about a frame has happened."""
    s.frame = f
    s.events += 1
    f.since = f.next_since
    f.next_since = s.events


cdef inline bint matches(State *s) noexcept nogil:
    """Whether the last event is one the watch asks for."""
    cdef const Watch *w = &s.watch
    cdef const Frame *f = s.frame
    cdef const Frame *caller
    if not (w.kinds >> (0 if s.kind == REC_LINE else s.kind)) & 1:
        return False
    if w.by_code and not f.code.wanted:
        return False
    if w.by_line and f.line != w.line:
        return False
    if w.by_thread and not s.thread.wanted:
        return False
    if w.by_frame and f.number != w.frame:
        return False
    if w.by_slot and not (
        global_was_set(f, f.home.watched) if f.flags & REC_FRAME_BODY else was_set(f, f.code.watched)
    ):
        return False
    if w.by_depth and (s.thread.depth if s.kind == REC_LINE else s.depth) > w.depth + 1:
        return False
    if w.by_caller:
        caller = caller_of(s, f)
        return caller != NULL and caller.number == w.caller
    return True


cdef inline const Frame *caller_of(const State *s, const Frame *f) noexcept nogil:
    """The frame below the one that the last event is about."""
    if s.kind == REC_RETURN or s.kind == REC_YIELD or s.kind == REC_UNWIND:
        return s.thread.top  # the event's own is popped
    return f.below


cdef inline bint global_was_set(const Frame *f, uint64_t watched) noexcept nogil:
    """As was_set, for a module's body."""
    if watched == 0 or watched > f.home.value_count:
        return False
    return is_new(&f.home.values[watched - 1], f.since)


cdef inline bint was_set(const Frame *f, uint64_t watched) noexcept nogil:
    """Whether the last event was the first to see a new value in slot `watched - 1`."""
    if not f.dirty or watched == 0 or watched > f.slot_count:
        return False
    return is_new(&f.slots[watched - 1], f.since)


cdef inline bint is_new(const Slot *slot, uint64_t since) noexcept nogil:
    """Whether it was set before an event from number `since` on."""
    return slot.flags & SLOT_SET != 0 and slot.set_before >= since


cdef inline bint is_event(uint8_t byte) noexcept nogil:
    return REC_CALL <= byte <= REC_HANDLED and byte != REC_REENTER or byte == REC_LINE_LONG


cdef Status happen(State *s, uint8_t kind, Cursor *c) noexcept nogil:
    """An event other than a short LINE."""
    cdef Frame *f = s.top
    cdef uint64_t ticks = 0
    cdef int64_t lines = 0
    cdef uint32_t flags = 0
    cdef const uint8_t *value
    if f == NULL:
        return fail(s, b"an event outside of any frame")
    if kind == REC_LINE_LONG:
        lines = take_zigzag(c)
    elif kind < REC_RAISE:
        ticks = take_varint(c)
    value = c.at
    if kind >= REC_THROW or kind == REC_RETURN or kind == REC_YIELD:
        skip_value(s, c, &flags)
    if c.bad:
        return fail(s, b"an event that is not whole")
    if kind == REC_YIELD and not suspend(s, f):
        return fail(s, b"a frame is suspended twice")
    f.line_before = f.line
    f.line = <int64_t> (<uint64_t> f.line + <uint64_t> lines)
    s.clock += ticks
    s.kind = REC_LINE if kind == REC_LINE_LONG else kind
    tell(s, f)
    s.depth = s.thread.depth
    s.value = value
    s.value_size = <size_t> (c.at - value)
    if kind == REC_RETURN or kind == REC_UNWIND:
        retire(s, pop(s))
    elif kind == REC_YIELD:
        s.frame = pop(s)
    return OK


cdef bint suspend(State *s, Frame *f) noexcept nogil:
    f.suspended = s.round
    return find(s, &s.suspended, f.number) == NULL and put(s, &s.suspended, f.number, f)


cdef Status change(State *s, uint8_t byte, Cursor *c) noexcept nogil:
    """A record that is no event."""
    cdef uint64_t number
    if byte == REC_SET_LONG:
        number = take_varint(c)
        return set_slot(s, number, c)
    if byte == REC_ENTER or byte == REC_ADOPT:
        return enter(s, c, byte == REC_ADOPT)
    if byte == REC_REENTER or byte == REC_FORGET:
        return wake(s, c, byte == REC_FORGET)
    if byte == REC_DROP:
        if s.top == NULL:
            return fail(s, b"a frame ends where there is none")
        return end_unseen(s, pop(s))
    if byte == REC_THREAD:
        return switch_thread(s, c)
    if byte == REC_CLOCK:
        return set_clock(s, c)
    if byte == REC_GAP or byte == REC_MARK:
        return note_mark(s, byte, c)
    return change_around(s, byte, c)


cdef Status change_around(State *s, uint8_t byte, Cursor *c) noexcept nogil:
    """Globals, tasks and definitions: records that a preamble has, too."""
    if byte == REC_SET_GLOBAL:
        return set_global(s, c)
    if byte == REC_GLOBALS:
        return bind_globals(s, c)
    if byte == REC_TASK:
        return switch_task(s, c)
    if byte == REC_BODY and not s.in_preamble:
        return begin_body(s)
    return define_any(s, byte, c)


cdef Status define_any(State *s, uint8_t byte, Cursor *c) noexcept nogil:
    if byte == REC_DEF_TYPE:
        return define_type(s, c)
    if byte == REC_DEF_CODE:
        return define_code(s, c)
    if byte == REC_DEF_NAME:
        return define_name(s, c)
    if byte == REC_DEF_FILE:
        return define_file(s, c)
    if byte == REC_DEF_THREAD:
        return define_thread(s, c)
    if byte == REC_DEF_NAMESPACE:
        return define_namespace(s, c)
    if byte == REC_DEF_GLOBAL:
        return define_global(s, c)
    if byte == REC_DEF_TASK:
        return define_task(s, c)
    s.unknown = REC_TASK < byte < REC_SET
    return fail(s, b"a record that is not known, or not here")


cdef Status set_clock(State *s, Cursor *c) noexcept nogil:
    cdef uint64_t ticks = take_u64(c)
    cdef uint64_t mono = take_u64(c)
    cdef uint64_t wall = take_u64(c)
    if c.bad:
        return fail(s, b"a record that is not whole")
    s.has_clock = True
    s.clock = s.clock_ticks = ticks
    s.clock_mono = mono
    s.clock_wall = wall
    return OK


cdef Status note_mark(State *s, uint8_t byte, Cursor *c) noexcept nogil:
    """GAP and MARK: counted, and kept for the next event if somebody reads on."""
    cdef uint64_t mark[3]
    mark[0] = byte
    mark[1] = take_varint(c)
    mark[2] = take_varint(c)
    if c.bad:
        return fail(s, b"a record that is not whole")
    if s.marked != s.events:
        s.marks.size = 0
        s.marked = s.events
    if s.keeping_marks and not append(s, &s.marks, mark, sizeof(mark)):
        return fail(s, b"")
    if byte == REC_GAP:
        s.gaps += 1
        s.lost += mark[2]
    elif s.counting and not count(s, mark[1]):
        return fail(s, b"")
    return OK
