# Threads and the frames on their stacks; suspended frames; the tasks that threads run.

cdef Frame *new_frame(
    DecoderState *s, uint64_t number, CodeDef *code, int64_t line, uint32_t flags
) noexcept nogil:
    cdef Frame *f = <Frame *> arena_alloc(s, sizeof(Frame))
    if f != NULL:
        f.number = number
        f.code = code
        f.globals = code.globals
        f.line = f.line_before = line
        f.flags = flags
        f.since = f.next_since = s.events
        f.dirty = True
    return f


cdef void free_frame(DecoderState *s, Frame *f) noexcept nogil:
    free_variables(s, &f.locals, &f.local_count)
    arena_free(s, f, sizeof(Frame))


cdef inline void push_frame(DecoderState *s, Frame *f) noexcept nogil:
    cdef ThreadDef *t = s.threads.current
    f.below = t.top
    f.above = NULL
    if t.top != NULL:
        t.top.above = f
        note_call(s, t.top, f)
    else:
        t.bottom = f
    t.top = f
    t.depth += 1
    s.top = f


cdef inline void note_call(const DecoderState *s, Frame *caller, const Frame *f) noexcept nogil:
    """What a frame waits for: what changes meanwhile may have been changed there."""
    if s.in_preamble or f.flags & REC_FRAME_ADOPTED:
        caller.calls = 0         # it began before, with an event that was not seen
    elif caller.called == NULL or caller.called_before < caller.next_since:
        caller.calls = 1
    elif caller.calls:
        caller.calls += 1
    caller.called = f.code
    caller.called_before = s.events


cdef inline Frame *pop_frame(DecoderState *s) noexcept nogil:
    cdef ThreadDef *t = s.threads.current
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


cdef inline Frame *end_top(DecoderState *s) noexcept nogil:
    """The top frame ends, and the one that has waited for it goes on."""
    cdef Frame *f = pop_frame(s)
    if s.top != NULL:
        s.top.flags &= <uint32_t> ~REC_FRAME_WAITING
    return f


cdef inline void end_frame(DecoderState *s, Frame *f) noexcept nogil:
    """Lets go of a frame that ended. The last one is kept for the event that ended it."""
    cdef Frame *old = s.frames.ended
    s.frames.ended = f
    if old == NULL:
        return
    if old.snapshot == NULL:
        free_frame(s, old)
    else:                    # only the reader may let go of Python's objects
        old.below = s.frames.deferred
        s.frames.deferred = old


cdef Status end_frame_unseen(DecoderState *s, Frame *f) noexcept nogil:
    """DROP and FORGET: the end of a frame without an event."""
    cdef uint64_t number = f.number
    s.tally.ends = True
    end_frame(s, f)
    if s.unseen_ends.on and not append(s, &s.unseen_ends.numbers, &number, sizeof(number)):
        return reject(s, b"")
    return OK


cdef bint add_suspended(DecoderState *s, Frame *f) noexcept nogil:
    f.suspended = s.preamble.round
    return find(s, &s.frames.suspended, f.number) == NULL and put(s, &s.frames.suspended, f.number, f)


# ---- records -------------------------------------------------------------------------------------

cdef Status apply_enter(DecoderState *s, Cursor *c, bint adopted) noexcept nogil:
    cdef uint64_t code_number = take_varint(c)
    cdef uint64_t line = take_varint(c) if adopted else 0
    cdef CodeDef *code = <CodeDef *> get(s, &s.definitions.of_kind[DEF_CODE], code_number)
    cdef uint64_t number = s.frames.next_number
    cdef Frame *f
    if c.bad or code == NULL or s.threads.current == NULL:
        return reject(s, b"a frame of an unknown code, or outside of any thread")
    if not adopted:
        line = code.first_line
    if not emit_definition(s, &code.base):
        return reject(s, b"")
    f = new_frame(s, number, code, <int64_t> line, REC_FRAME_ADOPTED if adopted else 0)
    if f == NULL:
        return reject(s, b"")
    s.frames.next_number += 1
    push_frame(s, f)
    return OK


cdef Status apply_reenter(DecoderState *s, Cursor *c, bint forget) noexcept nogil:
    """REENTER and FORGET."""
    cdef uint64_t back = take_varint(c)
    cdef Entry *entry = find(s, &s.frames.suspended, s.frames.next_number - back)
    cdef Frame *f
    if c.bad or entry == NULL or (s.threads.current == NULL and not forget):
        return reject(s, b"a frame goes on that is not suspended")
    f = <Frame *> entry.item
    # It has been suspended since before this round began: as it is now it was at the round's beginning, where the
    # preamble has to state it.
    if s.preamble.on and f.suspended != s.preamble.round:
        if not emit_frame(s, &s.preamble.resumed, f, REC_FRAME_SUSPENDED):
            return reject(s, b"")
    erase(s, &s.frames.suspended, entry)
    if forget:
        return end_frame_unseen(s, f)
    else:
        push_frame(s, f)
    return OK


cdef Status apply_wait(DecoderState *s, bint suspend) noexcept nogil:
    """WAIT and SUSPEND."""
    if s.top == NULL:
        return reject(s, b"a frame waits where there is none")
    if not suspend:
        s.top.flags |= REC_FRAME_WAITING
    elif not add_suspended(s, s.top):
        return reject(s, b"a frame is suspended twice")
    else:
        pop_frame(s).flags &= <uint32_t> ~REC_FRAME_WAITING
    return OK


cdef Status apply_thread(DecoderState *s, Cursor *c) noexcept nogil:
    cdef ThreadDef *thread = <ThreadDef *> get(s, &s.definitions.of_kind[DEF_THREAD], take_varint(c))
    if c.bad or thread == NULL:
        return reject(s, b"an unknown thread")
    if not emit_definition(s, &thread.base):
        return reject(s, b"")
    if thread == s.threads.current and not s.in_preamble:
        s.changes.restating = False
    s.threads.current = thread
    s.top = thread.top
    return OK


cdef Status apply_globals(DecoderState *s, Cursor *c) noexcept nogil:
    """GLOBALS."""
    cdef CodeDef *code = <CodeDef *> get(s, &s.definitions.of_kind[DEF_CODE], take_varint(c))
    cdef uint64_t number = take_varint(c)
    cdef NamespaceDef *namespace = NULL
    if number:
        namespace = <NamespaceDef *> get(s, &s.definitions.of_kind[DEF_NAMESPACE], number - 1)
    if c.bad or code == NULL or (number and namespace == NULL):
        return reject(s, b"globals of an unknown code, or an unknown namespace")
    if not emit_definition(s, &code.base) or (namespace != NULL and not emit_definition(s, &namespace.base)):
        return reject(s, b"")
    code.globals = namespace
    return OK


cdef Status apply_body(DecoderState *s) noexcept nogil:
    cdef Frame *f = s.top
    if f == NULL or f.globals == NULL or f.local_count or f.flags & REC_FRAME_BODY:
        return reject(s, b"a body without globals, or with variables of its own")
    f.flags |= REC_FRAME_BODY
    return OK


cdef Status apply_task(DecoderState *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Definition *task = NULL
    if number:
        task = <Definition *> get(s, &s.definitions.of_kind[DEF_TASK], number - 1)
    if c.bad or s.threads.current == NULL or (number and task == NULL):
        return reject(s, b"an unknown task, or a task outside of any thread")
    if not emit_definition(s, &s.threads.current.base) or (task != NULL and not emit_definition(s, task)):
        return reject(s, b"")
    s.threads.current.task = task
    return OK


# ---- forgetting; needs the GIL, since the reader's snapshots go, too -----------------------------

cdef void clear_stacks(DecoderState *s) noexcept:
    """Empties the stacks of all threads; suspended frames and definitions stay."""
    cdef ThreadDef *t = s.threads.first
    while t != NULL:
        s.threads.current = t
        while t.top != NULL:
            free_frame_and_snapshot(s, pop_frame(s))
        t.task = NULL
        t = t.next
    s.threads.current = NULL
    s.top = s.event.frame = NULL
    free_deferred(s)
    if s.frames.ended != NULL:
        free_frame_and_snapshot(s, s.frames.ended)
        s.frames.ended = NULL


cdef void clear_frames(DecoderState *s) noexcept:
    """Forgets all frames, the suspended ones too; definitions stay."""
    cdef size_t i
    clear_stacks(s)
    for i in range(bucket_count(&s.frames.suspended)):
        if s.frames.suspended.entries[i].item != NULL:
            free_frame_and_snapshot(s, <Frame *> s.frames.suspended.entries[i].item)
    free_map(s, &s.frames.suspended)


cdef void clear_globals(DecoderState *s) noexcept:
    """All variables of all namespaces are unbound, and no code has globals; definitions stay."""
    cdef Map *map = &s.definitions.of_kind[DEF_NAMESPACE]
    cdef NamespaceDef *namespace
    cdef size_t i
    for i in range(bucket_count(map)):
        namespace = <NamespaceDef *> map.entries[i].item
        if namespace != NULL:
            free_variables(s, &namespace.variables, &namespace.variable_count)
            Py_XDECREF(<PyObject *> namespace.snapshot)
            namespace.snapshot = NULL
            namespace.dirty = True
            s.class_changes += namespace.of_class
    map = &s.definitions.of_kind[DEF_CODE]
    for i in range(bucket_count(map)):
        if map.entries[i].item != NULL:
            (<CodeDef *> map.entries[i].item).globals = NULL


cdef void free_deferred(DecoderState *s) noexcept:
    """Frees the frames that waited for somebody who holds the GIL."""
    cdef Frame *f
    while s.frames.deferred != NULL:
        f = s.frames.deferred
        s.frames.deferred = f.below
        free_frame_and_snapshot(s, f)


cdef void free_frame_and_snapshot(DecoderState *s, Frame *f) noexcept:
    Py_XDECREF(<PyObject *> f.snapshot)
    free_frame(s, f)
