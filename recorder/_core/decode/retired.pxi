# Definitions that no later record speaks of. Who reads one segment after another forgets them, once nothing that is
# still to be restated leads to them: so a program may make code for as long as it likes.

cdef Status apply_retire(DecoderState *s, Cursor *c) noexcept nogil:
    """Noted, for the end of the segment. Only one who scans forgets: a reader goes back and forth."""
    cdef uint64_t about[2]
    about[0] = kind_of_definition(take_byte(c))
    about[1] = take_varint(c)
    if c.bad:
        return reject(s, b"a record that is not whole")
    if s.tally.on and about[0] != DEF_KINDS and not append(s, &s.tally.retired, about, sizeof(about)):
        return reject(s, b"")
    return OK


cdef uint64_t kind_of_definition(uint8_t record) noexcept nogil:
    if record == REC_DEF_FILE:
        return DEF_FILE
    if record == REC_DEF_CODE:
        return DEF_CODE
    if record == REC_DEF_NAMESPACE:
        return DEF_NAMESPACE
    if record == REC_DEF_TYPE:
        return DEF_TYPE
    if record == REC_DEF_THREAD:
        return DEF_THREAD
    return DEF_TASK if record == REC_DEF_TASK else DEF_KINDS


cdef void forget_retired(DecoderState *s) noexcept:
    """At the end of a segment. What is still in use waits for the end of another one."""
    if s.tally.retired.size == 0:
        return
    mark_used_by_stacks(s)
    mark_used_by_spans(s)
    forget_of_kind(s, DEF_CODE)
    mark_used_by_codes(s)                       # those that are left
    forget_of_kind(s, DEF_NAMESPACE)            # of a class, too: its type then has no attributes any more
    forget_of_kind(s, DEF_FILE)
    forget_of_kind(s, DEF_TASK)
    forget_of_kind(s, DEF_THREAD)
    if is_retired(s, DEF_TYPE):
        mark_used_by_values(s)                  # of what is left
        forget_of_kind(s, DEF_TYPE)


cdef bint is_retired(const DecoderState *s, uint64_t kind) noexcept nogil:
    """Whether one of this kind is to be forgotten."""
    cdef const uint64_t *about = <const uint64_t *> s.tally.retired.data
    cdef size_t i
    for i in range(0, s.tally.retired.size // sizeof(uint64_t), 2):
        if about[i] == kind:
            return True
    return False


cdef void forget_of_kind(DecoderState *s, uint64_t kind) noexcept:
    cdef uint64_t *about = <uint64_t *> s.tally.retired.data
    cdef size_t i, kept = 0
    cdef Entry *entry
    for i in range(s.tally.retired.size // (2 * sizeof(uint64_t))):
        entry = find(s, &s.definitions.of_kind[<int> about[2 * i]], about[2 * i + 1])
        if entry == NULL:
            continue                            # it is gone, or was never seen
        if about[2 * i] == kind and not is_used(s, <Definition *> entry.item):
            if kind == DEF_THREAD:
                remove_thread(s, <ThreadDef *> entry.item)
            free_definition(s, <Definition *> entry.item)
            erase(s, &s.definitions.of_kind[<int> kind], entry)
            continue
        about[2 * kept] = about[2 * i]
        about[2 * kept + 1] = about[2 * i + 1]
        kept += 1
    s.tally.retired.size = kept * 2 * sizeof(uint64_t)


cdef bint is_used(const DecoderState *s, const Definition *d) noexcept nogil:
    cdef const NamespaceDef *namespace
    if d.used_in == s.preamble.round:
        return True
    if d.kind != DEF_NAMESPACE:
        return False
    namespace = <const NamespaceDef *> d        # its changes may have to be set once more (emit_unseen)
    return namespace.changed_before >= s.events or namespace.opened_before == s.events + 1


cdef inline void mark_used(const DecoderState *s, Definition *d) noexcept nogil:
    if d != NULL:
        d.used_in = s.preamble.round


cdef void mark_used_by_stacks(DecoderState *s) noexcept nogil:
    cdef ThreadDef *t = s.threads.first
    cdef Frame *f
    cdef size_t i
    if s.threads.current != NULL:
        mark_used(s, &s.threads.current.base)
    while t != NULL:
        mark_used(s, t.task)
        if t.bottom != NULL:
            mark_used(s, &t.base)
        f = t.bottom
        while f != NULL:
            mark_used_by_frame(s, f)
            f = f.above
        t = t.next
    for i in range(bucket_count(&s.frames.suspended)):
        f = <Frame *> s.frames.suspended.entries[i].item
        if f != NULL:
            mark_used_by_frame(s, f)
    if s.frames.ended != NULL:
        mark_used_by_frame(s, s.frames.ended)


cdef void mark_used_by_frame(DecoderState *s, Frame *f) noexcept nogil:
    f.called = NULL                             # which only a reader asks for
    mark_used(s, &f.code.base)
    if f.globals != NULL:
        mark_used(s, &f.globals.base)


cdef void mark_used_by_codes(DecoderState *s) noexcept nogil:
    cdef Map *codes = &s.definitions.of_kind[DEF_CODE]
    cdef CodeDef *code
    cdef size_t i
    for i in range(bucket_count(codes)):
        code = <CodeDef *> codes.entries[i].item
        if code != NULL:
            mark_used(s, code.file)
            if code.globals != NULL:
                mark_used(s, &code.globals.base)


cdef void mark_used_by_spans(DecoderState *s) noexcept nogil:
    """What the NOTEs speak of that a preamble restates."""
    cdef Note *note = s.open_spans.first
    cdef Mentioned mentioned
    while note != NULL:
        mentioned = mentioned_by(s, note)
        mark_used(s, mentioned.thread)
        mark_used(s, mentioned.task)
        note = note.next


# ---- types ---------------------------------------------------------------------------------------

cdef void mark_used_by_values(DecoderState *s) noexcept nogil:
    """Of variables and open spans."""
    cdef ThreadDef *t = s.threads.first
    cdef Map *namespaces = &s.definitions.of_kind[DEF_NAMESPACE]
    cdef NamespaceDef *namespace
    cdef Note *note = s.open_spans.first
    cdef Frame *f
    cdef size_t i
    s.tally.marking = True
    while t != NULL:
        f = t.bottom
        while f != NULL:
            pass_values(s, f.locals, f.local_count)
            f = f.above
        t = t.next
    for i in range(bucket_count(&s.frames.suspended)):
        f = <Frame *> s.frames.suspended.entries[i].item
        if f != NULL:
            pass_values(s, f.locals, f.local_count)
    for i in range(bucket_count(namespaces)):
        namespace = <NamespaceDef *> namespaces.entries[i].item
        if namespace != NULL:
            pass_values(s, namespace.variables, namespace.variable_count)
    while note != NULL:
        emit_facts(s, mentioned_by(s, note))
        note = note.next
    s.tally.marking = False


cdef void pass_values(DecoderState *s, Variable *variables, uint64_t count) noexcept nogil:
    """Over the types that they name: they are marked."""
    cdef uint64_t i
    for i in range(count):
        if variables[i].size:
            emit_types(s, &variables[i])
