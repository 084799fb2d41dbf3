# Reading: events as objects.

cdef tuple EVENT_KINDS = tuple([
    {
        R_CALL: "call", R_RETURN: "return", R_YIELD: "yield", R_RESUME: "resume",
        R_THROW: "throw", R_UNWIND: "unwind", R_RAISE: "raise", R_RERAISE: "reraise",
        R_HANDLED: "handled", R_LINE: "line",
    }.get(byte) for byte in range(R_LINE + 1)
])


cdef class Thread:
    """A thread of the recorded program."""

    cdef readonly uint64_t number
    cdef readonly uint64_t native_id
    cdef readonly str name

    def __repr__(self):
        return f"<thread {self.number} {self.name!r}>"


cdef class Task:
    """An asyncio task of the recorded program."""

    cdef readonly uint64_t number
    cdef readonly str name

    def __repr__(self):
        return f"<task {self.number} {self.name!r}>"


cdef class Namespace:
    """The globals of a module, or of other code that had globals of its own. `names` may grow."""

    cdef readonly uint64_t number
    cdef readonly str name           # __name__, as it was at first
    cdef readonly list names
    cdef readonly dict slots         # name → slot

    def __repr__(self):
        return f"<namespace {self.number} {self.name!r}>"


cdef class Function:
    """A code object: a function, a lambda, a comprehension, or the body of a module or class.

    `names` are those of its slots: its variables. A body gains them as its names are first bound,
    so the list may grow while the trace is read; it never shrinks or changes otherwise.
    """

    cdef readonly uint64_t number
    cdef readonly str file
    cdef readonly uint64_t first_line
    cdef readonly uint64_t flags
    cdef readonly str name
    cdef readonly str qualified_name
    cdef readonly uint64_t argument_count
    cdef readonly list names
    cdef readonly list kinds         # of the names: "local", "cell", "free" or "name"
    cdef readonly dict slots         # name → slot

    def __repr__(self):
        return f"<function {self.qualified_name} at {self.file}:{self.first_line}>"

    @property
    def is_body(self):
        """Whether it is the body of a module or class: no CO_OPTIMIZED, no CO_NEWLOCALS."""
        return not self.flags & 3

    cdef int add(self, str name, str kind) except -1:
        self.slots.setdefault(name, len(self.names))
        self.names.append(name)
        self.kinds.append(kind)
        return 0


cdef class RawFrame:
    """A frame as it stood then. Values are bytes of docs/trace-format.md, section 3."""

    cdef readonly uint64_t frame     # its number
    cdef readonly Function function
    cdef readonly int64_t line
    cdef readonly uint64_t depth     # frames below it
    cdef readonly bint adopted       # it already ran when it was first seen
    cdef readonly tuple values       # by slot; None: unbound
    cdef readonly list names         # of the slots
    cdef readonly dict slots         # name → slot
    cdef readonly Namespace namespace  # its globals, or None
    cdef readonly tuple global_values  # by slot of the namespace
    cdef readonly dict types         # number → (module, qualified name), for the values


cdef class RawEvent(RawFrame):
    """An event, and the frame it is about."""

    cdef readonly uint64_t seq
    cdef readonly str kind
    cdef readonly Thread thread
    cdef readonly Task task          # that the thread ran, or None
    cdef readonly int64_t time       # ns since 1970; of the last event with a time of its own
    cdef readonly bytes raw_value    # what is returned, yielded, raised, …; or None
    cdef readonly tuple changed_slots  # those set since the frame's last event
    cdef readonly tuple marks        # (code number, detail) of what about it was not recorded
    cdef readonly bint gap           # events were lost just before it,
    cdef readonly uint64_t lost      # so many (0: unknown)


cdef class Reader(Decoder):
    """Reads chunk after chunk, each from its own preamble. Numbers mean the same in all of a trace.

    Events are made of `event_type`, frames of `frame_type`: RawEvent and RawFrame or subclasses.
    """

    cdef readonly dict threads       # number → Thread
    cdef readonly dict functions     # number → Function
    cdef readonly dict namespaces    # number → Namespace
    cdef readonly dict tasks         # number → Task
    cdef readonly dict types         # number → (module, qualified name)
    cdef readonly dict files         # number → path
    cdef object data
    cdef type event_type
    cdef type frame_type
    cdef uint64_t ticks_per_second
    cdef uint64_t started

    def __init__(
        self, uint64_t ticks_per_second, uint64_t started, type event_type, type frame_type
    ):
        if not (issubclass(event_type, RawEvent) and issubclass(frame_type, RawFrame)):
            raise errors.InvalidArgumentError("the types must be subclasses of the raw ones")
        self.threads = {}
        self.functions = {}
        self.namespaces = {}
        self.tasks = {}
        self.types = {}
        self.files = {}
        self.event_type = event_type
        self.frame_type = frame_type
        self.ticks_per_second = ticks_per_second or 10**9
        self.started = started

    @property
    def seq(self):
        """The number of the next event."""
        return self.s.events

    def load(self, bytes payload not None, uint64_t first_event):
        """Goes to the beginning of a chunk. Raises TraceCorruptError if its preamble is damaged."""
        cdef State *s = &self.s
        cdef Status status
        clear(s)
        self.data = payload
        self.point_at(payload)
        s.events = first_event
        s.in_preamble = True
        s.keeping_marks = True
        with nogil:
            status = read_preamble(s)
        self.learn()
        if status != OK:
            raise self.damage(status)

    def next(self):
        """The next event, or None at the end of the chunk. Raises TraceCorruptError at damage."""
        cdef State *s = &self.s
        cdef Status status
        bury(s)
        s.marks.size = 0
        status = advance(s, s.events + 1)
        if s.news != NULL:
            self.learn()
        if status != OK:
            raise self.damage(status)
        return self.event() if s.kind else None

    def skip_to(self, uint64_t seq):
        """Passes over the events before `seq`, or all there are. Raises as `next`."""
        cdef State *s = &self.s
        cdef Status status
        bury(s)
        s.keeping_marks = False
        with nogil:
            status = advance(s, seq)
        s.keeping_marks = True
        self.learn()
        if status != OK:
            raise self.damage(status)

    def stacks(self):
        """(Thread, its frames from the outermost in) for every thread that has any."""
        cdef Def *t = self.s.first_thread
        cdef Frame *f
        cdef uint64_t depth
        cdef list found = []
        cdef list frames
        while t != NULL:
            if t.bottom != NULL:
                frames = []
                f = t.bottom
                depth = 0
                while f != NULL:
                    frames.append(self.fill(self.frame_type.__new__(self.frame_type), f, depth))
                    f = f.above
                    depth += 1
                found.append((self.threads[t.number], frames))
            t = t.next_thread
        return found

    cdef object event(self):
        cdef State *s = &self.s
        cdef Frame *f = s.frame
        cdef bint is_line = s.kind == R_LINE
        cdef tuple changed = ()
        if f.flags & FRAME_BODY:
            changed = changed_globals(f)
        elif f.dirty:
            changed = changed_slots(f)
        cdef uint64_t depth = s.thread.depth if is_line else s.depth
        cdef RawEvent e = self.fill(self.event_type.__new__(self.event_type), f, depth - 1)
        e.seq = s.events - 1
        e.kind = <str> EVENT_KINDS[s.kind]
        e.thread = <Thread> self.threads[s.thread.number]
        if s.thread.task != NULL:
            e.task = <Task> self.tasks[s.thread.task.number]
        e.time = self.now()
        e.changed_slots = changed
        if not is_line and s.value_size:
            e.raw_value = PyBytes_FromStringAndSize(
                <const char *> s.value, <Py_ssize_t> s.value_size
            )
        e.marks = ()
        if s.marks.size:
            self.fill_marks(e)
        return e

    cdef RawFrame fill(self, RawFrame r, Frame *f, uint64_t depth):
        r.frame = f.number
        r.function = <Function> self.functions[f.code.number]
        r.line = f.line
        r.depth = depth
        r.adopted = (f.flags & FRAME_ADOPTED) != 0
        r.types = self.types
        r.global_values = ()
        if f.home != NULL:
            r.namespace = <Namespace> self.namespaces[f.home.number]
            r.global_values = snapshot(
                &f.home.snapshot, &f.home.dirty, f.home.values, f.home.value_count
            )
        if f.flags & FRAME_BODY:
            r.names = r.namespace.names
            r.slots = r.namespace.slots
            r.values = r.global_values
        else:
            r.names = r.function.names
            r.slots = r.function.slots
            r.values = snapshot(&f.snapshot, &f.dirty, f.slots, f.slot_count)
        return r

    cdef int fill_marks(self, RawEvent e) except -1:
        cdef const uint64_t *mark = <const uint64_t *> self.s.marks.data
        cdef size_t i
        cdef list marks = []
        for i in range(self.s.marks.size // (3 * sizeof(uint64_t))):
            marks.append((mark[3 * i + 1], mark[3 * i + 2]))
            if mark[3 * i] == R_GAP:
                e.gap = True
                e.lost += mark[3 * i + 2]
        e.marks = tuple(marks)
        return 0

    cdef int64_t now(self) noexcept:
        """The last tick as ns since 1970."""
        cdef State *s = &self.s
        cdef uint64_t base = s.clock_wall if s.has_clock else self.started
        cdef int64_t ticks = <int64_t> (s.clock - s.clock_ticks) if s.has_clock else 0
        cdef int64_t seconds = ticks // <int64_t> self.ticks_per_second
        cdef double rest = <double> (ticks - seconds * <int64_t> self.ticks_per_second)
        return <int64_t> (
            base + <uint64_t> seconds * <uint64_t> 1000000000
            + <uint64_t> <int64_t> (rest * 1e9 / <double> self.ticks_per_second)
        )

    cdef int learn(self) except -1:
        """Makes objects of the definitions that are new."""
        cdef State *s = &self.s
        cdef Def *d
        cdef list waiting = []
        while s.news != NULL:
            d = s.news
            s.news = d.next_new
            d.listed = False
            waiting.append(<size_t> d)
        while waiting:                   # in the order of definition: a file before its code
            d = <Def *> <size_t> waiting.pop()
            if d.kind == DEF_CODE:
                self.learn_code(d)
            elif d.kind == DEF_NAMESPACE:
                self.learn_namespace(d)
            else:
                self.learn_other(d)
        return 0

    cdef int learn_other(self, const Def *d) except -1:
        cdef Cursor c = operands(d)
        cdef Thread thread
        cdef Task task
        if d.kind == DEF_FILE:
            self.files[d.number] = take_str(&c)
        elif d.kind == DEF_TYPE:
            self.types[d.number] = (take_str(&c), take_str(&c))
        elif d.kind == DEF_TASK:
            task = Task.__new__(Task)
            task.number = d.number
            task.name = take_str(&c)
            self.tasks[d.number] = task
        else:
            thread = Thread.__new__(Thread)
            thread.number = d.number
            thread.native_id = take_varint(&c)
            thread.name = take_str(&c)
            self.threads[d.number] = thread
        return 0

    cdef int learn_namespace(self, const Def *d) except -1:
        cdef Namespace n = self.namespaces.get(d.number)
        cdef Cursor c = operands(d)
        if n is None:
            n = Namespace.__new__(Namespace)
            n.number = d.number
            n.name = take_str(&c)
            n.names = []
            n.slots = {}
            self.namespaces[d.number] = n
        for slot, name in learn_names(d, <uint64_t> len(n.names)):
            n.slots.setdefault(name, slot)
            n.names.append(name)
        return 0

    cdef int learn_code(self, const Def *d) except -1:
        cdef Function f = self.functions.get(d.number)
        cdef Cursor c = operands(d)
        cdef uint64_t left
        cdef uint8_t kind
        if f is None:
            f = Function.__new__(Function)
            f.number = d.number
            f.names = []
            f.kinds = []
            f.slots = {}
            f.file = self.files[take_varint(&c)]
            f.first_line = take_varint(&c)
            f.flags = take_varint(&c)
            f.name = take_str(&c)
            f.qualified_name = take_str(&c)
            f.argument_count = take_varint(&c)
            left = take_varint(&c)
            while left:
                left -= 1
                kind = take_byte(&c)
                f.add(take_str(&c), "cell" if kind == 2 else "free" if kind == 4 else "local")
            self.functions[d.number] = f
        if <uint64_t> len(f.names) < d.slots:
            for _, name in learn_names(d, <uint64_t> len(f.names)):
                f.add(name, "name")
        return 0


cdef Status read_preamble(State *s) noexcept nogil:
    """Runs up to BEGIN. There are no events in a preamble, so only BEGIN ends it early."""
    cdef Status status = OK
    cdef Cursor c
    c.end = s.end
    c.bad = False
    while s.in_preamble:
        if s.at >= s.end:
            return fail(s, b"the preamble does not end")
        c.at = s.at + 1
        if R_SET <= s.at[0] < R_LINE:
            status = set_slot(s, s.at[0] & 0x3F, &c)
        else:
            status = restore(s, s.at[0], &c)
        if status != OK:
            return status
        s.at = c.at
    return OK


cdef list learn_names(const Def *d, uint64_t known):
    """(slot, name) of the names that a body or namespace has gained. Their definitions come in the
    order of the slots."""
    cdef Cursor c
    cdef str name
    cdef uint64_t slot
    cdef list gained = []
    c.at = d.names.data
    c.end = c.at + d.names.size
    c.bad = False
    while c.at < c.end:
        take_byte(&c)
        take_varint(&c)
        slot = take_varint(&c)
        name = take_str(&c)
        if slot == known:
            known += 1
            gained.append((slot, name))
    return gained


cdef tuple changed_slots(const Frame *f):
    cdef uint64_t i
    cdef list changed = []
    for i in range(f.slot_count):
        if f.slots[i].flags & SLOT_DIRTY and <int32_t> (f.slots[i].set_before - f.since) >= 0:
            changed.append(i)
    return tuple(changed)


cdef tuple changed_globals(const Frame *f):
    """As changed_slots, for a module's body: its own changes, and those of functions it called."""
    cdef uint64_t i
    cdef const Slot *slot
    cdef list changed = []
    if <int32_t> (f.home.touched - f.since) >= 0:
        for i in range(f.home.value_count):
            slot = &f.home.values[i]
            if slot.flags & SLOT_SET and <int32_t> (slot.set_before - f.since) >= 0:
                changed.append(i)
    return tuple(changed)


cdef tuple snapshot(void **kept, bint *dirty, Slot *slots, uint64_t count):
    """The values of a frame or namespace now. One that did not change since is the same object as before."""
    cdef tuple old = None
    cdef tuple new
    cdef object value
    cdef uint64_t i
    cdef uint64_t known = 0
    if kept[0] != NULL and not dirty[0]:
        return <tuple> kept[0]
    if kept[0] != NULL:
        old = <tuple> kept[0]
        known = <uint64_t> PyTuple_GET_SIZE(old)
    new = PyTuple_New(<Py_ssize_t> count)
    for i in range(count):
        if i < known and not slots[i].flags & SLOT_DIRTY:
            value = <object> PyTuple_GET_ITEM(old, <Py_ssize_t> i)
        else:
            value = slot_value(&slots[i])
            slots[i].flags &= ~<uint32_t> SLOT_DIRTY
        Py_INCREF(value)
        PyTuple_SET_ITEM(new, <Py_ssize_t> i, value)
    Py_XDECREF(<PyObject *> kept[0])
    Py_INCREF(new)
    kept[0] = <void *> new
    dirty[0] = False
    return new


cdef object slot_value(Slot *slot):
    """A value's bytes, with UNEXAMINED before them if that is what is known; None if unbound."""
    cdef bytes value
    if slot.size == 0 and not slot.flags & SLOT_UNEXAMINED:
        return None
    value = PyBytes_FromStringAndSize(<const char *> slot_data(slot), <Py_ssize_t> slot.size)
    return bytes([V_UNEXAMINED]) + value if slot.flags & SLOT_UNEXAMINED else value
