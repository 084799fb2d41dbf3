# What occurs in a segment or chunk, so that who looks for something else need not read it: an entry of CONTENTS.

cdef enum:
    MOST_LINES = 8192        # of one code are told apart
    CONTENTS_ENDS = 1        # a frame ended without an event
    CONTENTS_SILENT = 2      # nothing was written, printed or logged


cdef inline bint note_event(DecoderState *s, Frame *f, const uint8_t *end) noexcept nogil:
    """The last event, in the tally of its code. `end`: of its record."""
    cdef CodeDef *code = f.code
    cdef uint64_t line = <uint64_t> (f.line - <int64_t> code.first_line)
    s.threads.current.seen_in = s.preamble.round
    if code.seen.round != s.preamble.round and not begin_seen(s, code):
        return False
    if f.ranged_in != s.preamble.round:
        note_all_held(s, f)
    code.seen.last = end
    code.seen.kinds |= <uint64_t> 1 << (0 if s.event.kind == REC_LINE else s.event.kind)
    if line >> 3 < code.seen.lines.size:
        code.seen.lines.data[line >> 3] |= <uint8_t> (1 << (line & 7))
        return True
    return note_far_line(s, code, line)


cdef bint begin_seen(DecoderState *s, CodeDef *code) noexcept nogil:
    """The first that is seen of a code in this round."""
    code.seen.round = s.preamble.round
    code.seen.kinds = code.seen.slots = 0
    code.seen.last = s.input.begin
    code.seen.lines.size = 0
    code.seen.far = False
    return begin_ranges(s, code) and append(s, &s.tally.seen, &code, sizeof(code))


cdef bint note_far_line(DecoderState *s, CodeDef *code, uint64_t line) noexcept nogil:
    """A line behind those there is room for. One that is too far, or before the first, makes that none are told."""
    if line >= MOST_LINES:
        code.seen.far = True
        return True
    return set_bit(s, &code.seen.lines, line)


cdef bint set_bit(DecoderState *s, ByteBuffer *bits, uint64_t number) noexcept nogil:
    """The buffer grows as far as it has to."""
    cdef size_t size = <size_t> (number >> 3) + 1
    if size > bits.size:
        if not ensure_capacity(s, bits, size - bits.size):
            return False
        memset(bits.data + bits.size, 0, size - bits.size)
        bits.size = size
    bits.data[number >> 3] |= <uint8_t> (1 << (number & 7))
    return True


cdef inline bint note_set(DecoderState *s, CodeDef *code, uint64_t number) noexcept nogil:
    """A variable of a frame of this code is new to an event of this round."""
    if code.seen.round != s.preamble.round and not begin_seen(s, code):
        return False
    code.seen.slots |= <uint64_t> 1 << min(number, <uint64_t> LAST_SLOT)
    return True


cdef inline bint note_exception(DecoderState *s) noexcept nogil:
    return not REC_THROW <= s.event.kind <= REC_HANDLED or count(s, &s.tally.raised, exception_type(s))


cdef bint write_contents(DecoderState *s, ByteBuffer *out, uint64_t first_event) noexcept nogil:
    """The entry, see docs/trace-format.md, as far as its digest."""
    return (
        append_byte(s, out, (CONTENTS_ENDS if s.tally.ends else 0) | (0 if s.tally.has_output else CONTENTS_SILENT))
        and append_seen_threads(s, out)
        and append_raised_types(s, out)
        and append_seen_codes(s, out)
        and append_set_globals(s, out, first_event)
        and append_ranges(s, out)
        and append_rests(s, out)
    )


cdef bint append_seen_threads(DecoderState *s, ByteBuffer *out) noexcept nogil:
    cdef ThreadDef *t = s.threads.first
    cdef uint64_t found = 0
    while t != NULL:
        found += t.seen_in == s.preamble.round
        t = t.next
    if not append_varint(s, out, found):
        return False
    t = s.threads.first
    while t != NULL:
        if t.seen_in == s.preamble.round and not append_varint(s, out, t.base.number):
            return False
        t = t.next
    return True


cdef bint append_raised_types(DecoderState *s, ByteBuffer *out) noexcept nogil:
    cdef size_t i
    if not append_varint(s, out, s.tally.raised.count):
        return False
    for i in range(bucket_count(&s.tally.raised)):
        if s.tally.raised.entries[i].item != NULL and not append_varint(s, out, s.tally.raised.entries[i].key):
            return False
    return True


cdef bint append_seen_codes(DecoderState *s, ByteBuffer *out) noexcept nogil:
    cdef CodeDef **code = <CodeDef **> s.tally.seen.data
    cdef size_t i, count = s.tally.seen.size // sizeof(code[0])
    if not append_varint(s, out, count):
        return False
    for i in range(count):
        if not (
            append_varint(s, out, code[i].base.number)
            and append_varint(s, out, code[i].seen.kinds)
            and append_varint(s, out, code[i].seen.slots)
            and append_bits(s, out, &code[i].seen.lines, code[i].seen.far)
        ):
            return False
    return True


cdef bint append_rests(DecoderState *s, ByteBuffer *out) noexcept nogil:
    """How many bytes there are behind the last event of each code, as these are listed."""
    cdef CodeDef **code = <CodeDef **> s.tally.seen.data
    cdef size_t i
    for i in range(s.tally.seen.size // sizeof(code[0])):
        if not append_varint(s, out, <uint64_t> (s.input.at - code[i].seen.last)):
            return False
    return True


cdef bint append_bits(DecoderState *s, ByteBuffer *out, const ByteBuffer *bits, bint unknown) noexcept nogil:
    """So many bytes + 1, and the bytes; 0: it may be any of them."""
    if unknown:
        return append_varint(s, out, 0)
    return append_varint(s, out, bits.size + 1) and append(s, out, bits.data, bits.size)


cdef bint append_set_globals(DecoderState *s, ByteBuffer *out, uint64_t first_event) noexcept nogil:
    """The namespaces of which something was set in this round, or restated at its beginning as new."""
    cdef Map *map = &s.definitions.of_kind[DEF_NAMESPACE]
    cdef ByteBuffer bits
    cdef NamespaceDef *d
    cdef size_t i
    cdef bint good = True
    memset(&bits, 0, sizeof(bits))
    for i in range(bucket_count(map)):
        d = <NamespaceDef *> map.entries[i].item
        if d == NULL or not good or (d.changed_before < first_event and not d.restated):
            continue
        good = collect_set(s, d, &bits, first_event) and (
            not bits.size
            or append_varint(s, out, d.base.number + 1) and append_bits(s, out, &bits, False)
        )
    free_bytes(s, &bits)
    return good and append_varint(s, out, 0)


cdef bint collect_set(DecoderState *s, NamespaceDef *d, ByteBuffer *bits, uint64_t first_event) noexcept nogil:
    """A bit for each slot."""
    cdef Variable *variable
    cdef uint64_t i
    bits.size = 0
    d.restated = False
    for i in range(d.variable_count):
        variable = &d.variables[i]
        if variable.flags & VAR_RESTATED or (
            variable.flags & VAR_SET and variable.set_before >= first_event
        ):
            variable.flags &= ~<uint32_t> VAR_RESTATED
            if not set_bit(s, bits, i):
                return False
    return True


# ---- read ----------------------------------------------------------------------------------------

def read_contents(bytes entry not None, frozenset others=frozenset()):
    """An entry as (whether a frame ended unseen, whether there is no output and no log, numbers of threads, of types
    of exceptions + 1, code → (kinds, slots, lines or None), namespace → slots, code → slot → (lowest, highest), code →
    bytes behind its last event, digest of what is new). None if it is none. `others`: codes of which nobody asks, and
    of which no objects are made."""
    cdef Cursor c
    cdef set threads
    cdef set raised
    cdef dict codes = {}
    cdef dict namespaces = {}
    cdef dict ranges = {}
    cdef dict rests = {}
    cdef list listed = []        # the codes, in order
    cdef bytes digest = b""
    cdef uint64_t left, number, kinds, slots, rest
    cdef uint8_t flags
    c.at = <const uint8_t *> <const char *> entry
    c.end = c.at + len(entry)
    c.bad = False
    flags = take_byte(&c)
    threads = take_numbers(&c)
    raised = take_numbers(&c)
    left = take_varint(&c)
    while left and not c.bad:
        left -= 1
        number = take_varint(&c)
        kinds = take_varint(&c)
        slots = take_varint(&c)
        listed.append(number)
        if listed[len(listed) - 1] in others:
            skip_bits(&c)
        else:
            codes[number] = kinds, slots, take_bits(&c)
    number = take_varint(&c)
    while number and not c.bad:
        namespaces[number - 1] = take_bits(&c)
        number = take_varint(&c)
    if c.at != c.end:
        ranges = take_ranges(&c, others)
    if c.at != c.end:
        for code in listed:
            rest = take_varint(&c)
            if code in codes:
                rests[code] = rest
        digest = take_digest(&c)
    if c.bad or c.at != c.end:
        return None
    return (
        bool(flags & CONTENTS_ENDS), bool(flags & CONTENTS_SILENT), threads, raised, codes, namespaces, ranges,
        rests, digest,
    )


cdef set take_numbers(Cursor *c):
    cdef uint64_t left = take_varint(c)
    cdef set found = set()
    while left and not c.bad:
        left -= 1
        found.add(take_varint(c))
    return found


cdef void skip_bits(Cursor *c) noexcept:
    cdef uint64_t size = take_varint(c)
    if size:
        skip(c, size - 1)


cdef bytes take_bits(Cursor *c):
    """As `append_bits` has them; None: it may be any."""
    cdef uint64_t size = take_varint(c)
    cdef const char *bits = <const char *> c.at
    if size == 0:
        return None
    skip(c, size - 1)
    return None if c.bad else PyBytes_FromStringAndSize(bits, <Py_ssize_t> (size - 1))
