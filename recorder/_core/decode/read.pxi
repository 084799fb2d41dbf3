# Reading: events as objects.

cdef dict NAMES_OF_KINDS = {
    REC_CALL: "call", REC_RETURN: "return", REC_YIELD: "yield", REC_RESUME: "resume",
    REC_THROW: "throw", REC_UNWIND: "unwind", REC_RAISE: "raise", REC_RERAISE: "reraise",
    REC_HANDLED: "handled", REC_LINE: "line",
}
cdef tuple EVENT_KINDS = tuple(map(NAMES_OF_KINDS.get, range(REC_LINE + 1)))

KIND_BITS = {                    # for Reader.watch
    kind: 1 << (0 if kind == "line" else byte) for byte, kind in NAMES_OF_KINDS.items()
}


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
    cdef readonly object caller      # the number of the one below it, or None
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
    cdef readonly int64_t previous_line  # where the frame was before: what changed, changed there
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
    cdef public uint64_t missing     # events before the next one that are in no chunk, or cannot be read
    cdef object wants_function       # what the watch asks of functions and threads, or None
    cdef object wants_thread
    cdef str watched_name

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

    @property
    def time(self):
        """When the last event with a time of its own happened, in ns since 1970."""
        return self.now()

    def load(self, bytes payload not None, uint64_t first_event, uint64_t missing=0):
        """Goes to the beginning of a chunk, before which so many events are missing. Raises
        TraceCorruptError if its preamble is damaged."""
        cdef State *s = &self.s
        cdef Status status
        cdef Watch watch = s.watch
        cdef bint keeping_gone = s.keeping_gone
        clear(s)
        s.watch = watch
        s.keeping_gone = keeping_gone
        self.data = payload
        self.missing = missing
        self.point_at(payload)
        s.events = first_event
        s.in_preamble = True
        s.keeping_marks = True
        with nogil:
            status = read_preamble(s)
        self.learn()
        if status != OK:
            raise self.unreadable(status)

    def checkpoint(self):
        """The present state, for `rewind`: (number of the next event, offset in the payload, bytes).
        To be taken right behind an event; good as long as the chunk stays loaded."""
        cdef State *s = &self.s
        cdef Bytes out
        cdef bint written
        memset(&out, 0, sizeof(out))
        with nogil:
            written = write_checkpoint(s, &out)
        try:
            if not written:
                raise errors.OutOfMemoryError(operation="decode")
            return s.events, <size_t> (s.at - s.begin), to_bytes(&out)
        finally:
            drop_bytes(s, &out)

    def rewind(self, uint64_t seq, size_t offset, bytes state not None):
        """Goes to a checkpoint of the loaded chunk, backwards or forwards."""
        cdef State *s = &self.s
        cdef Status status
        if self.data is None or offset > <size_t> len(self.data):
            raise errors.InvalidArgumentError("a checkpoint of another chunk")
        clear_frames(s)
        clear_globals(s)
        self.point_at(state)
        s.events = seq
        s.in_preamble = s.rereading = True
        with nogil:
            status = read_preamble(s)
            if status == OK:
                status = advance(s, UINT64_MAX)      # what no event has shown yet
        self.learn()
        if status != OK:
            raise self.unreadable(status)
        self.point_at(self.data)
        s.at += offset

    def watch(
        self, uint32_t kinds, *, functions=None, threads=None, line=None, frame=None, caller=None,
        depth=None, str name=None,
    ):
        """What `seek` stops at: events of these kinds (KIND_BITS) that fit all the rest.

        functions  predicate on a Function          frame   number of the event's frame
        threads    predicate on a Thread            caller  number of the frame below it
        line       where the frame is at            depth   frames below it, at most
        name       a variable, which is new or changed
        """
        cdef Watch *w = &self.s.watch
        memset(w, 0, sizeof(Watch))
        self.wants_function = functions
        self.wants_thread = threads
        self.watched_name = name
        w.kinds = kinds
        w.by_code = functions is not None
        w.by_thread = threads is not None
        w.by_slot = name is not None
        if line is not None:
            w.by_line = True
            w.line = line
        if frame is not None:
            w.by_frame = True
            w.frame = frame
        if caller is not None:
            w.by_caller = True
            w.caller = caller
        if depth is not None:
            w.by_depth = True
            w.depth = depth
        self.judge_all()

    def seek(self, uint64_t until):
        """The next event before number `until` that is watched for, or None. Raises as `next`."""
        cdef State *s = &self.s
        cdef Status status
        s.watch.on = True
        try:
            while True:
                bury(s)
                with nogil:
                    status = advance(s, until)
                if s.news != NULL:
                    self.learn()
                if status != OK:
                    raise self.unreadable(status)
                if s.matched:
                    return self.event()
                if s.at >= s.end or s.events >= until:
                    return None
        finally:
            s.watch.on = False

    def note_ends(self):
        """Asks for `unseen_ends`."""
        self.s.keeping_gone = True

    def unseen_ends(self):
        """The frames, by number, that ended without an event since this was last asked."""
        cdef State *s = &self.s
        cdef const uint64_t *number = <const uint64_t *> s.gone.data
        cdef size_t i
        cdef list found = []
        for i in range(s.gone.size // sizeof(uint64_t)):
            found.append(number[i])
        s.gone.size = 0
        return found

    cdef int judge_all(self) except -1:
        """Holds everything that is defined against the watch."""
        cdef State *s = &self.s
        cdef int kind
        cdef size_t i
        for kind in (DEF_THREAD, DEF_CODE, DEF_NAMESPACE):
            for i in range(s.defs[kind].mask + 1 if s.defs[kind].entries != NULL else 0):
                if s.defs[kind].entries[i].item != NULL:
                    self.judge(<Def *> s.defs[kind].entries[i].item)
        return 0

    cdef int judge(self, Def *d) except -1:
        cdef Function function
        if d.kind == DEF_THREAD and self.wants_thread is not None:
            d.wanted = bool(self.wants_thread(self.threads[d.number]))
        elif d.kind == DEF_CODE:
            function = self.functions[d.number]
            if self.wants_function is not None:
                d.wanted = bool(self.wants_function(function))
            if self.watched_name is not None:
                slot = function.slots.get(self.watched_name)
                d.watched = 0 if slot is None else <uint64_t> slot + 1
        elif d.kind == DEF_NAMESPACE and self.watched_name is not None:
            slot = self.namespaces[d.number].slots.get(self.watched_name)
            d.watched = 0 if slot is None else <uint64_t> slot + 1
        return 0

    def next(self):
        """The next event, or None at the end of the chunk. Raises TraceCorruptError at damage."""
        cdef State *s = &self.s
        cdef Status status
        bury(s)
        status = advance(s, s.events + 1)
        if s.news != NULL:
            self.learn()
        if status != OK:
            raise self.unreadable(status)
        return self.event() if s.kind else None

    def skip_to(self, uint64_t seq):
        """Passes over the events before `seq`, or all there are. Raises as `next`."""
        cdef State *s = &self.s
        cdef Status status
        bury(s)
        if seq > s.events:
            self.missing = 0
        s.keeping_marks = False
        with nogil:
            status = advance(s, seq)
        s.keeping_marks = True
        self.learn()
        if status != OK:
            raise self.unreadable(status)

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
                    frames.append(
                        self.fill(self.frame_type.__new__(self.frame_type), f, f.below, depth)
                    )
                    f = f.above
                    depth += 1
                found.append((self.threads[t.number], frames))
            t = t.next_thread
        return found

    cdef object unreadable(self, Status status):
        """As `damage`. The chunk's checksum is right: a record that nobody knows is no damage."""
        cdef State *s = &self.s
        if s.unknown and status != ERR_OUT_OF_MEMORY:
            return errors.UnknownRecordError(record=s.at[0], offset=s.at - s.begin)
        return self.damage(status)

    cdef object event(self):
        cdef State *s = &self.s
        cdef Frame *f = s.frame
        cdef bint is_line = s.kind == REC_LINE
        cdef tuple changed = ()
        if f.flags & REC_FRAME_BODY:
            changed = changed_globals(f)
        elif f.dirty:
            changed = changed_slots(f)
        cdef uint64_t depth = s.thread.depth if is_line else s.depth
        cdef RawEvent e = self.fill(
            self.event_type.__new__(self.event_type), f, caller_of(s, f), depth - 1
        )
        e.seq = s.events - 1
        e.previous_line = f.line_before
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
        if s.marks.size and s.marked == s.events - 1:
            self.fill_marks(e)
        if self.missing:
            e.gap = True
            e.lost += self.missing
            self.missing = 0
        return e

    cdef RawFrame fill(self, RawFrame r, Frame *f, const Frame *caller, uint64_t depth):
        r.frame = f.number
        r.caller = None if caller == NULL else caller.number
        r.function = <Function> self.functions[f.code.number]
        r.line = f.line
        r.depth = depth
        r.adopted = (f.flags & REC_FRAME_ADOPTED) != 0
        r.types = self.types
        r.global_values = ()
        if f.home != NULL:
            r.namespace = <Namespace> self.namespaces[f.home.number]
            r.global_values = snapshot(
                &f.home.snapshot, &f.home.dirty, f.home.values, f.home.value_count
            )
        if f.flags & REC_FRAME_BODY:
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
            if mark[3 * i] == REC_GAP:
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
            self.judge(d)
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
        if REC_SET <= s.at[0] < REC_LINE:
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
        if is_new(&f.slots[i], f.since):
            changed.append(i)
    return tuple(changed)


cdef tuple changed_globals(const Frame *f):
    """As changed_slots, for a module's body: its own changes, and those of functions it called."""
    cdef uint64_t i
    cdef list changed = []
    if f.home.touched >= f.since:
        for i in range(f.home.value_count):
            if is_new(&f.home.values[i], f.since):
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
    return bytes([TAG_UNEXAMINED]) + value if slot.flags & SLOT_UNEXAMINED else value
