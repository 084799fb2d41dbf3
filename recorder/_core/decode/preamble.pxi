# The preamble of a chunk, written: the state as it was when a segment began, as far as the segment speaks of it.

cdef inline bint emit_definition(DecoderState *s, Definition *d) noexcept nogil:
    """The preamble is to have this definition, of whatever the segment speaks of it: once a round, as it was when
    the round began, and only if it was made in an earlier one."""
    if not s.preamble.on or d.emitted_in == s.preamble.round or d.defined_in == s.preamble.round:
        return True
    d.emitted_in = s.preamble.round
    if d.kind == DEF_CODE and not emit_definition(s, (<CodeDef *> d).file):
        return False
    if not (
        append(s, &s.preamble.definitions[<int> d.kind], d.raw, d.raw_size)
        and append(s, &s.preamble.definitions[<int> d.kind], d.more.data, d.more.size)
    ):
        return False
    if d.kind == DEF_NAMESPACE:
        return emit_namespace_values(s, <NamespaceDef *> d) and emit_bases(s, <NamespaceDef *> d)
    if d.kind == DEF_CODE:
        return emit_code_globals(s, <CodeDef *> d)
    return d.attributes == 0 or (
        append(s, &s.preamble.classes, &d.attributes, sizeof(uint64_t)) and emit_classes(s)
    )


cdef bint emit_bases(DecoderState *s, const NamespaceDef *d) noexcept nogil:
    """The attributes of what a class is derived from."""
    cdef Cursor c
    cdef uint64_t left, base
    if not d.of_class:
        return True
    c = operands(&d.base)
    skip_str(&c)
    skip_str(&c)
    left = take_varint(&c)
    while left and not c.bad:
        left -= 1
        base = take_varint(&c)
        if base and not append(s, &s.preamble.classes, &base, sizeof(base)):
            return False
    return emit_classes(s)


cdef bint emit_classes(DecoderState *s) noexcept nogil:
    """Values lead to types, these to attributes, and so on: one after the other, however far it goes."""
    cdef Definition *namespace
    cdef uint64_t number = 0
    cdef bint done = True
    if s.preamble.emitting:
        return True
    s.preamble.emitting = True
    while done and s.preamble.classes.size:
        s.preamble.classes.size -= sizeof(number)
        memcpy(&number, s.preamble.classes.data + s.preamble.classes.size, sizeof(number))
        namespace = <Definition *> get(s, &s.definitions.of_kind[DEF_NAMESPACE], number - 1)
        done = namespace == NULL or emit_definition(s, namespace)
    s.preamble.emitting = False
    return done


cdef bint emit_code_globals(DecoderState *s, const CodeDef *code) noexcept nogil:
    """Which namespace new frames of the code get."""
    return code.globals == NULL or (
        emit_definition(s, &code.globals.base) and append_globals(s, &s.preamble.globals, code)
    )


cdef bint emit_frame(DecoderState *s, ByteBuffer *out, Frame *f, uint32_t flags) noexcept nogil:
    cdef uint64_t i
    if not (
        emit_definition(s, &f.code.base)
        and (f.globals == NULL or emit_definition(s, &f.globals.base))
        and append_byte(s, out, REC_FRAME)
        and append_varint(s, out, f.number)
        and append_varint(s, out, f.code.base.number)
        and append_varint(s, out, <uint64_t> f.line)
        and append_varint(s, out, 0 if f.globals == NULL else f.globals.base.number + 1)
        and append_byte(s, out, <uint8_t> (flags | f.flags))
    ):
        return False
    for i in range(f.local_count):
        if not emit_variable(s, out, NULL, i, &f.locals[i]):
            return False
    return True


cdef bint emit_namespace_values(DecoderState *s, NamespaceDef *d) noexcept nogil:
    """The values of a namespace as they are now, after its definition."""
    cdef uint64_t i
    for i in range(d.variable_count):
        if not emit_variable(s, &s.preamble.definitions[DEF_NAMESPACE], d, i, &d.variables[i]):
            return False
    return True


cdef bint append_globals(DecoderState *s, ByteBuffer *out, const CodeDef *code) noexcept nogil:
    return (
        append_byte(s, out, REC_GLOBALS)
        and append_varint(s, out, code.base.number)
        and append_varint(s, out, code.globals.base.number + 1)
    )


cdef bint append_set(DecoderState *s, ByteBuffer *out, NamespaceDef *namespace, uint64_t number) noexcept nogil:
    if namespace != NULL:
        return (
            append_byte(s, out, REC_SET_GLOBAL)
            and append_varint(s, out, namespace.base.number)
            and append_varint(s, out, number)
        )
    if number < 64:
        return append_byte(s, out, <uint8_t> (REC_SET + number))
    return append_byte(s, out, REC_SET_LONG) and append_varint(s, out, number)


cdef bint emit_variable(
    DecoderState *s, ByteBuffer *out, NamespaceDef *namespace, uint64_t number, Variable *variable
) noexcept nogil:
    if variable.size and not (
        emit_types(s, variable)
        and append_set(s, out, namespace, number)
        and append(s, out, variable_data(variable), variable.size)
    ):
        return False
    return not variable.flags & VAR_UNEXAMINED or (
        append_set(s, out, namespace, number) and append_byte(s, out, TAG_UNEXAMINED)
    )


cdef bint emit_types(DecoderState *s, Variable *variable) noexcept nogil:
    cdef Cursor c
    cdef uint32_t flags = 0
    cdef bint counting = s.tally.on
    if variable.flags & VAR_TYPED:
        c.at = variable_data(variable)
        c.end = c.at + variable.size
        c.bad = False
        s.tally.on = False
        skip_value(s, &c, &flags)      # emits the types it passes
        s.tally.on = counting
        if c.bad:
            return False
    return True


cdef bint emit_stacks(DecoderState *s) noexcept nogil:
    """The frames that are live now, when a segment begins."""
    cdef ThreadDef *t = s.threads.first
    cdef Frame *f
    while t != NULL:
        if (t.bottom != NULL or t.task != NULL) and not (
            emit_definition(s, &t.base)
            and append_byte(s, &s.preamble.frames, REC_THREAD)
            and append_varint(s, &s.preamble.frames, t.base.number)
            and emit_task(s, t)
        ):
            return False
        f = t.bottom
        while f != NULL:
            if not emit_frame(s, &s.preamble.frames, f, 0):
                return False
            f = f.above
        t = t.next
    return s.threads.current == NULL or emit_definition(s, &s.threads.current.base)


cdef bint emit_task(DecoderState *s, ThreadDef *thread) noexcept nogil:
    return thread.task == NULL or (
        emit_definition(s, thread.task)
        and append_byte(s, &s.preamble.frames, REC_TASK)
        and append_varint(s, &s.preamble.frames, thread.task.number + 1)
    )


cdef bint emit_everything(DecoderState *s) noexcept nogil:
    """Everything an earlier segment has defined, and all suspended frames: what comes later may speak of
    them, and the chunks they are in may be gone by then."""
    cdef Map *map
    cdef Definition *d
    cdef Frame *f
    cdef size_t i
    cdef int kind
    for kind in range(DEF_KINDS):
        map = &s.definitions.of_kind[kind]
        for i in range(bucket_count(map)):
            d = <Definition *> map.entries[i].item
            if d != NULL and not emit_definition(s, d):
                return False
    for i in range(bucket_count(&s.frames.suspended)):
        f = <Frame *> s.frames.suspended.entries[i].item
        if f != NULL:
            if not emit_frame(s, &s.preamble.resumed, f, REC_FRAME_SUSPENDED):
                return False
            f.suspended = s.preamble.round          # once is enough
    return True


cdef bint emit_state(DecoderState *s, ByteBuffer *out) noexcept nogil:
    cdef uint64_t clock[3]
    clock[0] = s.clock.set_ticks
    clock[1] = s.clock.set_mono
    clock[2] = s.clock.set_wall
    if s.clock.is_set and not (append_byte(s, out, REC_CLOCK) and append(s, out, clock, sizeof(clock))):
        return False
    return (
        append_byte(s, out, REC_STATE)
        and append_varint(s, out, s.frames.next_number)
        and append_varint(s, out, s.clock.ticks)
        and append_varint(s, out, 0 if s.threads.current == NULL else s.threads.current.base.number + 1)
        and append_byte(s, out, REC_BEGIN)
        and emit_unseen(s, out)
    )


# ---- what no event has shown yet -----------------------------------------------------------------

cdef bint emit_unseen(DecoderState *s, ByteBuffer *out) noexcept nogil:
    """Behind BEGIN, once more: what was set, and no event of the frame has shown yet."""
    cdef ThreadDef *there = s.threads.current
    cdef ThreadDef *t = s.threads.first
    cdef Frame *f
    s.preamble.visit += 1
    while t != NULL and there != NULL:
        f = t.top
        if f != NULL and not f.flags & REC_FRAME_BODY and not emit_unseen_locals(s, out, t, f, &there):
            return False
        while f != NULL:         # of the bodies with these globals, the innermost was the last to see them
            if f.flags & REC_FRAME_BODY and f.globals.visited != s.preamble.visit:
                f.globals.visited = s.preamble.visit
                if not emit_unseen_globals(s, out, f.globals, f.next_since):
                    return False
            f = f.below
        t = t.next
    if there != s.threads.current and not append_thread(s, out, s.threads.current):
        return False
    return emit_unseen_of_new_bodies(s, out) and emit_unseen_once_more(s, out)


cdef bint emit_unseen_of_new_bodies(DecoderState *s, ByteBuffer *out) noexcept nogil:
    """What is set since the last event in globals whose body has not begun: it begins with them."""
    cdef Map *map = &s.definitions.of_kind[DEF_NAMESPACE]
    cdef NamespaceDef *d
    cdef size_t i
    for i in range(bucket_count(map)):
        d = <NamespaceDef *> map.entries[i].item
        if d == NULL or d.visited == s.preamble.visit or d.changed_before < s.events:
            continue
        if not emit_definition(s, &d.base) or not emit_unseen_globals(s, out, d, s.events):
            return False
    return True


cdef bint emit_unseen_once_more(DecoderState *s, ByteBuffer *out) noexcept nogil:
    """What is set since the last event, whoever's: by this, a reader tells it from what a body alone has not seen.
    A namespace that was defined since then is so again: its values were found, and are no changes. A THREAD that
    changes nothing ends this part."""
    cdef Map *map = &s.definitions.of_kind[DEF_NAMESPACE]
    cdef NamespaceDef *d
    cdef size_t i
    for i in range(bucket_count(map)):
        d = <NamespaceDef *> map.entries[i].item
        if d == NULL or (d.opened_before != s.events + 1 and d.changed_before < s.events):
            continue
        if not emit_definition(s, &d.base):
            return False
        if d.opened_before == s.events + 1 and not append(s, out, d.base.raw, d.base.raw_size):
            return False
        if not emit_unseen_globals(s, out, d, s.events):
            return False
    return s.threads.current == NULL or append_thread(s, out, s.threads.current)


cdef bint append_thread(DecoderState *s, ByteBuffer *out, const ThreadDef *thread) noexcept nogil:
    return append_byte(s, out, REC_THREAD) and append_varint(s, out, thread.base.number)


cdef bint emit_unseen_locals(
    DecoderState *s, ByteBuffer *out, ThreadDef *thread, Frame *f, ThreadDef **there
) noexcept nogil:
    """Those of a top frame. A SET is about that of the present thread, which is `there`."""
    cdef uint64_t i
    for i in range(f.local_count):
        if is_new(&f.locals[i], f.next_since):
            if there[0] != thread and not append_thread(s, out, thread):
                return False
            there[0] = thread
            if s.tally.on and not note_set(s, f.code, i):
                return False
            note_new(s, &f.locals[i])
            if not emit_unseen_variable(s, out, NULL, i, &f.locals[i]):
                return False
    return True


cdef bint emit_unseen_globals(
    DecoderState *s, ByteBuffer *out, NamespaceDef *namespace, uint64_t since
) noexcept nogil:
    cdef uint64_t i
    for i in range(namespace.variable_count if namespace.changed_before >= since else 0):
        if not is_new(&namespace.variables[i], since):
            continue
        if not emit_unseen_variable(s, out, namespace, i, &namespace.variables[i]):
            return False
        note_new(s, &namespace.variables[i])
        if s.tally.on:
            namespace.variables[i].flags |= VAR_RESTATED
            namespace.restated = True
    return True


cdef bint emit_unseen_variable(
    DecoderState *s, ByteBuffer *out, NamespaceDef *namespace, uint64_t number, Variable *variable
) noexcept nogil:
    if variable.size == 0 and not variable.flags & VAR_UNEXAMINED:
        return append_set(s, out, namespace, number) and append_byte(s, out, TAG_UNBOUND)
    return emit_variable(s, out, namespace, number, variable)


# ---- checkpoints ---------------------------------------------------------------------------------

cdef bint write_checkpoint(DecoderState *s, ByteBuffer *out) noexcept nogil:
    """Everything but definitions, which are known. Threads are defined again, since a later definition of
    one may give it another name."""
    cdef ThreadDef *t = s.threads.first
    cdef Frame *f
    cdef size_t i
    s.preamble.frames.size = 0
    while t != NULL:
        if not append(s, out, t.base.raw, t.base.raw_size):
            return False
        t = t.next
    if not emit_all_globals(s, out) or not emit_stacks(s):
        return False
    for i in range(bucket_count(&s.frames.suspended)):
        f = <Frame *> s.frames.suspended.entries[i].item
        if f != NULL and not emit_frame(s, &s.preamble.frames, f, REC_FRAME_SUSPENDED):
            return False
    return append(s, out, s.preamble.frames.data, s.preamble.frames.size) and emit_state(s, out)


cdef bint emit_all_globals(DecoderState *s, ByteBuffer *out) noexcept nogil:
    """The values of all namespaces, and which of them new frames of each code get."""
    cdef Map *map = &s.definitions.of_kind[DEF_NAMESPACE]
    cdef NamespaceDef *d
    cdef CodeDef *code
    cdef size_t i
    cdef uint64_t number
    for i in range(bucket_count(map)):
        d = <NamespaceDef *> map.entries[i].item
        for number in range(d.variable_count if d != NULL else 0):
            if not emit_variable(s, out, d, number, &d.variables[number]):
                return False
    map = &s.definitions.of_kind[DEF_CODE]
    for i in range(bucket_count(map)):
        code = <CodeDef *> map.entries[i].item
        if code != NULL and code.globals != NULL and not append_globals(s, out, code):
            return False
    return True
