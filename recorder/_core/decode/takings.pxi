# The values that variables of one name took, as numbers: for a table of them, which nobody goes through row by row.

cdef struct Taking:
    uint64_t seq
    uint64_t frame           # that did it
    int64_t time
    uint64_t fact            # what else there is to tell of it: the place among the facts
    uint64_t value           # its place among the values

cdef struct Fact:            # what two rows have in common of which the same is told, but for the above
    uint64_t code
    uint64_t line_before
    uint64_t thread
    uint64_t task            # + 1; 0: none
    uint64_t globals         # + 1; 0: none
    uint64_t waited          # whether the line waited for a call
    uint64_t namespace       # whose the variable is, + 1; 0: the frame's
    uint64_t found
    uint64_t by_code         # who changed it, + 1; 0: nobody that is recorded
    uint64_t by_thread
    int64_t by_line
    uint64_t by_frame        # 1: the event's own; where frames matter its number, + 2
    uint64_t value           # what matters of it; see `mattering`

cdef enum:
    MATTERS_UNBOUND, MATTERS_PLAIN, MATTERS_ITSELF


cdef inline uint64_t number_in(dict numbers, object key) except? 0xFFFFFFFFFFFFFFFF:
    """The number of a key, which gets the next one if it is new."""
    cdef object number = numbers.get(key)
    if number is None:
        number = numbers[key] = len(numbers)
    return number


cdef uint64_t mattering(bytes raw, uint64_t number) except? 0xFFFFFFFFFFFFFFFF:
    """What matters of a value for who changed a variable: whether it can change in place."""
    cdef uint8_t tag
    if raw is None:
        return MATTERS_UNBOUND
    tag = (<const uint8_t *> <const char *> raw)[0] if raw else 0
    return MATTERS_PLAIN if is_scalar_tag(tag) else MATTERS_ITSELF + number


cdef inline bint is_scalar_tag(uint8_t tag) noexcept:
    return (
        tag >= TAG_SMALL_INT or tag == TAG_INT or tag == TAG_FLOAT or tag == TAG_STR
        or TAG_NONE <= tag <= TAG_NOTIMPLEMENTED
    )


cdef object scalar_of(bytes raw):
    """The number, the text or the constant that it is, in a tuple; None: it is something else, or damaged."""
    cdef Cursor c
    cdef uint8_t tag
    cdef double real = 0.0
    cdef size_t size
    cdef object value
    c.at = <const uint8_t *> <const char *> raw
    c.end = c.at + len(raw)
    c.bad = False
    tag = take_byte(&c)
    if c.bad or not is_scalar_tag(tag):
        return None
    if tag >= TAG_SMALL_INT:
        value = tag - TAG_SMALL_INT + REC_SMALL_MIN
    elif tag == TAG_INT:
        value = take_zigzag(&c)
    elif tag == TAG_FLOAT:
        if c.end - c.at < <Py_ssize_t> sizeof(real):
            return None
        memcpy(&real, c.at, sizeof(real))
        c.at += sizeof(real)
        value = real
    elif tag == TAG_STR:
        size = take_varint(&c)
        if c.bad or size > <size_t> (c.end - c.at):
            return None
        value = PyUnicode_DecodeUTF8(<const char *> c.at, <Py_ssize_t> size, b"surrogatepass")
        c.at += size
    else:
        value = constant(tag)
    return None if c.bad or c.at != c.end else (value,)


cdef class Takings:
    """`by_frame`: whether what is told depends on which frame it was."""

    cdef readonly list facts         # of each the first: (event, RawChange, or None for a variable of the frame)
    cdef dict numbers                # of the facts, by their bytes
    cdef dict values                 # bytes, or None → number
    cdef bint by_frame

    def __init__(self, bint by_frame):
        self.facts = []
        self.numbers = {}
        self.values = {}
        self.by_frame = by_frame

    def read(self, Reader reader not None, uint64_t until, size_t most):
        """As `Reader.passages`: the next ones, `most` events with one at a time, as a bytes of Takings."""
        cdef DecoderState *s = &reader.s
        cdef Status status = OK
        cdef ByteBuffer rows
        memset(&rows, 0, sizeof(rows))
        free_deferred(s)
        s.watch.on = True
        s.marks.on = False
        try:
            while rows.size < most * sizeof(Taking):
                status = run(s, min(until, s.events + RUN_EVENTS))
                if s.definitions.pending != NULL:
                    materialize_pending(reader)
                if status == OK and s.watch.matched and not self.take(reader, &rows):
                    status = reject(s, b"")
                if status != OK or not s.watch.matched and (s.input.at >= s.input.end or s.events >= until):
                    break
                if not s.watch.matched:
                    PyErr_CheckSignals()
            if status != OK and not rows.size:
                raise reader.unreadable(status)
            return to_bytes(&rows)
        finally:
            s.watch.on = False
            s.marks.on = True
            free_bytes(s, &rows)

    cdef bint take(self, Reader reader, ByteBuffer *rows) except? False:
        """Those of the last event: the frame's own, and globals of any module. False: there is no memory for them."""
        cdef DecoderState *s = &reader.s
        cdef Frame *f = s.event.frame
        cdef const GlobalChange *change = <const GlobalChange *> s.changes.bytes.data
        cdef size_t count = s.changes.bytes.size // sizeof(GlobalChange) if s.changes.before == s.events - 1 else 0
        cdef uint64_t slot = f.code.watched
        cdef size_t i
        if not f.flags & REC_FRAME_BODY and 0 < slot <= f.local_count and is_new(&f.locals[slot - 1], f.since):
            if not self.add(reader, rows, NULL, 0, variable_value(&f.locals[slot - 1])):
                return False
        for i in range(count):
            if change[i].slot + 1 != change[i].namespace.watched:
                continue
            value = variable_value(&change[i].namespace.variables[change[i].slot])
            if not self.add(reader, rows, &change[i], i, value):
                return False
        return True

    cdef bint add(
        self, Reader reader, ByteBuffer *rows, const GlobalChange *change, size_t at, bytes value
    ) except? False:
        cdef DecoderState *s = &reader.s
        cdef Frame *f = s.event.frame
        cdef Changer by
        cdef Taking row
        cdef Fact fact
        cdef bytes key
        cdef RawEvent event
        memset(&fact, 0, sizeof(fact))
        row.seq, row.frame, row.time = s.events - 1, f.number, reader.now()
        row.value = number_in(self.values, value)
        fact.code, fact.line_before = f.code.base.number, <uint64_t> f.line_before
        fact.thread = s.threads.current.base.number
        fact.task = 0 if s.threads.current.task == NULL else s.threads.current.task.number + 1
        if change != NULL:
            by = changer_of(s, change)
            row.frame = by.frame
            fact.globals = 0 if f.globals == NULL else f.globals.base.number + 1
            fact.waited = f.called != NULL and f.called_before >= f.since
            fact.namespace, fact.found = change.namespace.base.number + 1, change.found
            if by.code != NULL:
                fact.by_code, fact.by_thread = by.code.base.number + 1, change.thread.base.number
                fact.by_line = by.line
                fact.by_frame = 1 if by.frame == f.number else by.frame + 2 if self.by_frame else 0
            fact.value = mattering(value, row.value)
        key = PyBytes_FromStringAndSize(<const char *> &fact, sizeof(fact))
        row.fact = number_in(self.numbers, key)
        if row.fact == <uint64_t> len(self.facts):
            event = reader.event()
            self.facts.append((event, None if change == NULL else event._global_changes[at]))
        return append(s, rows, &row, sizeof(row))

    def shown(self, size_t limit, show):
        """The text and the name of the type of each value, as its repr has them, in at most `limit` characters. `show`
        is asked for what is no number or short text. Two lists."""
        cdef list texts = []
        cdef list types = []
        cdef object text, name
        cdef tuple scalar
        for raw in self.values:
            scalar = None if raw is None else scalar_of(raw)
            text = None if scalar is None else repr(scalar[0])
            if text is None or len(text) > <Py_ssize_t> limit:
                text, name = show(raw)
            else:
                name = type(scalar[0]).__name__
            texts.append(text)
            types.append(name)
        return texts, types
