# Between which numbers the variables of a code are in a segment or chunk: a part of an entry of CONTENTS, so that who
# looks for another number need not read it.

cdef enum:
    LAST_SLOT = 63           # of a code: stands for all variables from it on, and of these nothing is told here

cdef enum:                   # kinds of a range
    RANGE_NONE = 0           # no event has seen the variable
    RANGE_INT = 1            # ints and bools
    RANGE_FLOAT = 2          # floats, none of them a NaN
    RANGE_ANY = 3            # something else, or nothing, at some event

cdef struct Range:
    int kind
    int64_t low
    int64_t high
    double least
    double most


cdef bint begin_ranges(DecoderState *s, CodeDef *code) noexcept nogil:
    """A range for each variable that the code has by now: of one that it gains later nothing is told."""
    cdef size_t size = sizeof(Range) * min(code.name_count, <uint64_t> LAST_SLOT)
    code.seen.ranges.size = 0
    if not ensure_capacity(s, &code.seen.ranges, size):
        return False
    if size:
        memset(code.seen.ranges.data, 0, size)
    code.seen.ranges.size = size
    return True


cdef void note_all_held(DecoderState *s, Frame *f) noexcept nogil:
    """All variables of a frame that has its first event of the round. What is set later, `note_held` notes."""
    cdef size_t slot
    f.ranged_in = s.preamble.round
    for slot in range(f.code.seen.ranges.size // sizeof(Range)):
        if f.flags & REC_FRAME_BODY or slot >= f.local_count:
            range_of(f.code, slot).kind = RANGE_ANY
        else:
            widen(range_of(f.code, slot), &f.locals[slot])


cdef inline void note_held(CodeDef *code, uint64_t slot, Variable *variable) noexcept nogil:
    if slot < code.seen.ranges.size // sizeof(Range):
        widen(range_of(code, slot), variable)


cdef inline Range *range_of(CodeDef *code, size_t slot) noexcept nogil:
    return &(<Range *> code.seen.ranges.data)[slot]


cdef void widen(Range *r, Variable *variable) noexcept nogil:
    """So that it holds the value of the variable, too."""
    cdef const uint8_t *data = variable_data(variable)
    cdef double number = 0
    cdef Cursor c
    if r.kind == RANGE_ANY:
        return
    if variable.size == 0 or variable.flags & VAR_UNEXAMINED:
        r.kind = RANGE_ANY
    elif data[0] >= TAG_SMALL_INT:
        widen_to_int(r, <int64_t> data[0] - TAG_SMALL_INT + REC_SMALL_MIN)
    elif data[0] == TAG_INT:
        c.at = data + 1
        c.end = data + variable.size
        c.bad = False
        widen_to_int(r, take_zigzag(&c))
    elif data[0] == TAG_TRUE or data[0] == TAG_FALSE:
        widen_to_int(r, data[0] == TAG_TRUE)
    elif data[0] == TAG_FLOAT:
        memcpy(&number, data + 1, sizeof(number))
        widen_to_float(r, number)
    else:
        r.kind = RANGE_ANY


cdef inline void widen_to_int(Range *r, int64_t n) noexcept nogil:
    if r.kind == RANGE_NONE:
        r.kind = RANGE_INT
        r.low = r.high = n
    elif r.kind == RANGE_INT:
        r.low = min(r.low, n)
        r.high = max(r.high, n)
    else:
        r.kind = RANGE_ANY


cdef inline void widen_to_float(Range *r, double x) noexcept nogil:
    if x != x or r.kind == RANGE_INT:
        r.kind = RANGE_ANY
    elif r.kind == RANGE_NONE:
        r.kind = RANGE_FLOAT
        r.least = r.most = x
    else:
        r.least = min(r.least, x)
        r.most = max(r.most, x)


# ---- written and read ----------------------------------------------------------------------------

cdef bint append_ranges(DecoderState *s, ByteBuffer *out) noexcept nogil:
    """Of the codes that have any."""
    cdef CodeDef **code = <CodeDef **> s.tally.seen.data
    cdef size_t i, count = s.tally.seen.size // sizeof(code[0])
    cdef uint64_t found = 0
    for i in range(count):
        found += count_ranges(code[i]) != 0
    if not append_varint(s, out, found):
        return False
    for i in range(count):
        if count_ranges(code[i]) and not append_ranges_of(s, out, code[i]):
            return False
    return True


cdef uint64_t count_ranges(CodeDef *code) noexcept nogil:
    cdef size_t slot
    cdef uint64_t found = 0
    for slot in range(code.seen.ranges.size // sizeof(Range)):
        found += is_range(range_of(code, slot))
    return found


cdef inline bint is_range(const Range *r) noexcept nogil:
    return r.kind == RANGE_INT or r.kind == RANGE_FLOAT


cdef bint append_ranges_of(DecoderState *s, ByteBuffer *out, CodeDef *code) noexcept nogil:
    cdef size_t slot
    cdef Range *r
    if not (append_varint(s, out, code.base.number) and append_varint(s, out, count_ranges(code))):
        return False
    for slot in range(code.seen.ranges.size // sizeof(Range)):
        r = range_of(code, slot)
        if is_range(r) and not (
            append_varint(s, out, slot) and append_byte(s, out, <uint8_t> r.kind)
            and (append_ints(s, out, r) if r.kind == RANGE_INT else append_floats(s, out, r))
        ):
            return False
    return True


cdef bint append_ints(DecoderState *s, ByteBuffer *out, const Range *r) noexcept nogil:
    return append_zigzag(s, out, r.low) and append_zigzag(s, out, r.high)


cdef inline bint append_zigzag(DecoderState *s, ByteBuffer *out, int64_t n) noexcept nogil:
    return append_varint(s, out, (<uint64_t> n << 1) ^ (0 - (<uint64_t> n >> 63)))


cdef bint append_floats(DecoderState *s, ByteBuffer *out, const Range *r) noexcept nogil:
    return append(s, out, &r.least, sizeof(double)) and append(s, out, &r.most, sizeof(double))


cdef dict take_ranges(Cursor *c, frozenset others):
    """Code → slot → (lowest, highest), without the `others`."""
    cdef uint64_t left = take_varint(c)
    cdef uint64_t more, number
    cdef dict found = {}
    cdef dict slots
    while left and not c.bad:
        left -= 1
        number = take_varint(c)
        more = take_varint(c)
        slots = None if number in others else {}
        while more and not c.bad:
            more -= 1
            slot = take_varint(c)
            if slots is None:
                skip_range(c)
            else:
                slots[slot] = take_range(c)
        if slots is not None:
            found[number] = slots
    return found


cdef void skip_range(Cursor *c) noexcept:
    cdef uint8_t kind = take_byte(c)
    if kind == RANGE_INT:
        take_varint(c)
        take_varint(c)
    elif kind == RANGE_FLOAT:
        skip(c, 16)
    else:
        c.bad = True


cdef tuple take_range(Cursor *c):
    cdef uint8_t kind = take_byte(c)
    if kind == RANGE_INT:
        return take_zigzag(c), take_zigzag(c)
    if kind == RANGE_FLOAT:
        return take_float(c), take_float(c)
    c.bad = True
    return None


cdef inline double take_float(Cursor *c) noexcept nogil:
    cdef uint64_t bits = take_u64(c)
    cdef double x = 0
    memcpy(&x, &bits, sizeof(x))
    return x
