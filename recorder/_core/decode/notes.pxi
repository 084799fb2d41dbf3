# Notes: marks and spans. They change nothing of the state; who scans is given them as they are, and a preamble restates
# the spans that are open.

cdef struct Note:            # the beginning of a span that has not ended
    uint64_t span
    Note *before
    Note *next
    uint8_t *raw
    size_t raw_size

cdef struct Mentioned:       # by a Note
    Definition *thread
    Definition *task         # or NULL
    Cursor facts             # the value


cdef Status apply_note(DecoderState *s, Cursor *c) noexcept nogil:
    cdef uint64_t span = take_varint(c)
    cdef ThreadDef *thread
    cdef Definition *task = NULL
    cdef uint64_t number
    cdef uint32_t flags = 0
    take_varint(c)           # before
    take_u64(c)              # wall ns
    thread = <ThreadDef *> get(s, &s.definitions.of_kind[DEF_THREAD], take_varint(c))
    number = take_varint(c)
    if number:
        task = <Definition *> get(s, &s.definitions.of_kind[DEF_TASK], number - 1)
    skip_str(c)
    skip_value(s, c, &flags)
    if c.bad or thread == NULL or (number and task == NULL):
        return reject(s, b"a note that is not whole, or of an unknown thread or task")
    if not s.tally.on:
        return OK
    if not emit_definition(s, &thread.base) or (task != NULL and not emit_definition(s, task)):
        return reject(s, b"")
    if not keep_note(s, c.at):
        return reject(s, b"")
    if span and get(s, &s.open_spans.of_number, span) == NULL:
        return open_span(s, span, c.at)
    return OK


cdef Status apply_span_end(DecoderState *s, Cursor *c) noexcept nogil:
    """Of a span that is not open, too: its beginning may be in a chunk that cannot be read."""
    cdef uint64_t span = take_varint(c)
    take_varint(c)           # before
    take_u64(c)              # wall ns
    take_byte(c)             # flags
    if c.bad:
        return reject(s, b"a record that is not whole")
    if not s.tally.on:
        return OK
    close_span(s, <Note *> get(s, &s.open_spans.of_number, span))
    return OK if keep_note(s, c.at) else reject(s, b"")


cdef bint keep_note(DecoderState *s, const uint8_t *end) noexcept nogil:
    """The record as it is, behind its size."""
    cdef uint64_t size = <uint64_t> (end - s.input.at)
    return append(s, &s.tally.notes, &size, sizeof(size)) and append(s, &s.tally.notes, s.input.at, <size_t> size)


cdef Status open_span(DecoderState *s, uint64_t span, const uint8_t *end) noexcept nogil:
    cdef size_t size = <size_t> (end - s.input.at)
    cdef Note *note = <Note *> arena_alloc(s, sizeof(Note))
    if note == NULL:
        return reject(s, b"")
    note.raw = <uint8_t *> arena_alloc(s, size)
    if note.raw == NULL or not put(s, &s.open_spans.of_number, span, note):
        arena_free(s, note.raw, size)
        arena_free(s, note, sizeof(Note))
        return reject(s, b"")
    memcpy(note.raw, s.input.at, size)
    note.raw_size = size
    note.span = span
    note.before = s.open_spans.last
    if note.before == NULL:
        s.open_spans.first = note
    else:
        note.before.next = note
    s.open_spans.last = note
    return OK


cdef void close_span(DecoderState *s, Note *note) noexcept nogil:
    """NULL: nothing."""
    if note == NULL:
        return
    erase(s, &s.open_spans.of_number, find(s, &s.open_spans.of_number, note.span))
    if note.before == NULL:
        s.open_spans.first = note.next
    else:
        note.before.next = note.next
    if note.next == NULL:
        s.open_spans.last = note.before
    else:
        note.next.before = note.before
    arena_free(s, note.raw, note.raw_size)
    arena_free(s, note, sizeof(Note))


cdef void close_all_spans(DecoderState *s) noexcept nogil:
    while s.open_spans.first != NULL:
        close_span(s, s.open_spans.first)
    free_map(s, &s.open_spans.of_number)


cdef bint emit_open_spans(DecoderState *s) noexcept nogil:
    """Word for word, with what they speak of."""
    cdef Note *note = s.open_spans.first
    while note != NULL:
        if not emit_note_definitions(s, mentioned_by(s, note)):
            return False
        if not append(s, &s.preamble.frames, note.raw, note.raw_size):
            return False
        note = note.next
    return True


cdef Mentioned mentioned_by(const DecoderState *s, const Note *note) noexcept nogil:
    cdef Mentioned found
    cdef uint64_t number
    found.facts.at = note.raw + 1
    found.facts.end = note.raw + note.raw_size
    found.facts.bad = False
    take_varint(&found.facts)          # span
    take_varint(&found.facts)          # before
    take_u64(&found.facts)             # wall ns
    found.thread = <Definition *> get(s, &s.definitions.of_kind[DEF_THREAD], take_varint(&found.facts))
    number = take_varint(&found.facts)
    found.task = <Definition *> get(s, &s.definitions.of_kind[DEF_TASK], number - 1) if number else NULL
    skip_str(&found.facts)
    return found


cdef bint emit_note_definitions(DecoderState *s, Mentioned mentioned) noexcept nogil:
    """The thread, the task and the types of a note."""
    if mentioned.thread != NULL and not emit_definition(s, mentioned.thread):
        return False
    if mentioned.task != NULL and not emit_definition(s, mentioned.task):
        return False
    return emit_facts(s, mentioned)


cdef bint emit_facts(DecoderState *s, Mentioned mentioned) noexcept nogil:
    cdef uint32_t flags = 0
    cdef bint counting = s.tally.on
    s.tally.on = False
    skip_value(s, &mentioned.facts, &flags)      # emits the types it passes
    s.tally.on = counting
    return not mentioned.facts.bad
