# Reading: events as objects, one after the other or those that are watched for.

cdef enum:
    RUN_EVENTS = 100_000     # so many at most before Ctrl-C is heard

cdef struct Changer:         # of a global, as far as that is recorded
    const CodeDef *code      # NULL: outside of any frame
    uint64_t frame
    int64_t line


cdef Changer changer_of(const DecoderState *s, const GlobalChange *change) noexcept nogil:
    """Of one that the last event sees. What a frame finds when it begins or goes on, others did before it."""
    cdef Changer by
    cdef const Frame *before = s.event.frame.below
    by.code = change.code if change.thread != NULL else NULL
    by.frame, by.line = change.frame, change.line
    if change.frame != s.event.frame.number or s.event.kind not in (REC_CALL, REC_RESUME, REC_THROW):
        return by
    while before != NULL and before.flags & REC_FRAME_WAITING:
        before = before.below
    if by.code != NULL and before != NULL:
        by.code, by.frame, by.line = before.code, before.number, before.line
    return by


cdef class Reader(Decoder):
    """Reads chunk after chunk, each from its own preamble. Numbers mean the same in all of a trace.

    Events are made of `event_type`, frames of `frame_type`: RawEvent and RawFrame or subclasses.
    """

    cdef readonly dict threads       # number → Thread
    cdef readonly dict functions     # number → Function
    cdef readonly dict namespaces    # number → Namespace
    cdef readonly dict tasks         # number → Task
    cdef readonly dict types         # number → (module, qualified name)
    cdef readonly dict attributes    # number of a type → that of the namespace with its attributes
    cdef Attributes shown            # those of classes, as handed out last
    cdef uint64_t shown_as_of        # … and how often they had changed by then
    cdef readonly dict files         # number → path
    cdef object data
    cdef type event_type
    cdef type frame_type
    cdef object trace                # what its events are told from another trace's by
    cdef uint64_t ticks_per_second
    cdef uint64_t started
    cdef public uint64_t missing     # events before the next one that are in no chunk, or cannot be read
    cdef object wants_function       # what the watch asks of functions and threads, or None
    cdef object wants_thread
    cdef str watched_name
    cdef tuple named                 # by the condition
    cdef object is_ruled_out         # what is asked where the core cannot tell, or None
    cdef object remembered_of        # whose answers `ruled_out` has
    cdef object holds                # what is asked of a leaf that is new, or None
    cdef bytes steps
    cdef list texts                  # that the steps and the search point to
    cdef uint64_t conditions         # so many were watched for
    cdef bint has_approached         # what `seek` would look at next
    cdef public bint is_given_up     # nobody waits for what `approach` comes to
    cdef public object check         # is told by `seek` of each event that Python code had to rule out, or None

    def __init__(
        self, uint64_t ticks_per_second, uint64_t started, type event_type, type frame_type, trace=None
    ):
        if not (issubclass(event_type, RawEvent) and issubclass(frame_type, RawFrame)):
            raise errors.InvalidArgumentError("the types must be subclasses of the raw ones")
        self.threads = {}
        self.functions = {}
        self.namespaces = {}
        self.tasks = {}
        self.types = {}
        self.attributes = {}
        self.files = {}
        self.event_type = event_type
        self.frame_type = frame_type
        self.ticks_per_second = ticks_per_second or 10**9
        self.started = started
        self.trace = trace

    @property
    def seq(self):
        """The number of the next event."""
        return self.s.events

    @property
    def time(self):
        """When the last event with a time of its own happened, in ns since 1970."""
        return self.now()

    @property
    def clock_offset(self):
        """Nanoseconds from the monotonic clock's beginning to 1970's, as the last CLOCK said."""
        cdef DecoderState *s = &self.s
        return <int64_t> (s.clock.set_wall - s.clock.set_mono) if s.clock.is_set else 0

    def load(self, bytes payload not None, uint64_t first_event, uint64_t missing=0):
        """Goes to the beginning of a chunk, before which so many events are missing. Raises
        TraceCorruptError if its preamble is damaged."""
        cdef DecoderState *s = &self.s
        cdef Status status
        cdef Watch watch = s.watch
        cdef bint noting_ends = s.unseen_ends.on
        cdef Map known = s.leaves_known  # the same bytes are the same in all of a trace
        cdef Map ruled_out = s.ruled_out
        cdef size_t kept = (bucket_count(&known) + bucket_count(&ruled_out)) * sizeof(Entry)
        memset(&s.leaves_known, 0, sizeof(known))
        memset(&s.ruled_out, 0, sizeof(ruled_out))
        s.arena.used -= kept
        clear(s)
        s.leaves_known = known
        s.ruled_out = ruled_out
        s.arena.used += kept
        s.watch = watch
        s.unseen_ends.on = noting_ends
        self.shown = None
        self.has_approached = False
        self.data = payload
        self.missing = missing
        self.point_at(payload)
        s.events = first_event
        s.in_preamble = True
        s.marks.on = s.changes.on = True
        with nogil:
            status = read_preamble(s)
        s.changes.preamble_size = <size_t> (s.input.at - s.input.begin)
        materialize_pending(self)
        if status != OK:
            raise self.unreadable(status)

    def checkpoint(self):
        """The present state, for `rewind`: (number of the next event, offset in the payload, bytes).
        To be taken right behind an event; good as long as the chunk stays loaded."""
        cdef DecoderState *s = &self.s
        cdef ByteBuffer out
        cdef bint written
        memset(&out, 0, sizeof(out))
        self.settle()
        with nogil:
            written = write_places(s, &out) and write_checkpoint(s, &out)
        try:
            if not written:
                raise errors.OutOfMemoryError(operation="decode")
            return s.events, <size_t> (s.input.at - s.input.begin), to_bytes(&out)
        finally:
            free_bytes(s, &out)

    def rewind(self, uint64_t seq, size_t offset, bytes state not None):
        """Goes to a checkpoint of the loaded chunk, backwards or forwards."""
        cdef DecoderState *s = &self.s
        cdef Status status
        cdef bytes payload
        cdef const uint8_t *begin
        cdef size_t size
        if self.data is None or offset > <size_t> len(self.data):
            raise errors.InvalidArgumentError("a checkpoint of another chunk")
        self.has_approached = False
        clear_frames(s)
        clear_globals(s)
        self.point_at(state)
        s.events = seq
        s.marks.bytes.size = s.changes.bytes.size = 0
        s.in_preamble = s.rereading = True
        payload = self.data
        begin, size = <const uint8_t *> <const char *> payload, <size_t> len(payload)
        with nogil:
            status = read_places(s, begin, size)
            if status == OK:
                status = read_preamble(s)
            if status == OK:
                status = run(s, UINT64_MAX)      # what no event has shown yet
        materialize_pending(self)
        if status != OK:
            raise self.unreadable(status)
        s.changes.restating = offset == s.changes.preamble_size
        s.changes.restated = seq
        self.point_at(self.data)
        s.input.at += offset

    def watch(
        self, uint64_t kinds, *, functions=None, threads=None, line=None, frame=None, caller=None,
        depth=None, str name=None, tuple condition=None,
        tuple search=None,
    ):
        """What `seek` stops at: events of these kinds (KIND_BITS) that fit all the rest.

        functions  predicate on a Function          frame   number of the event's frame
        threads    predicate on a Thread            caller  number of the frame below it
        line       where the frame is at            depth   frames below it, at most
        name       a variable, which is new or changed
        condition  (names, steps, predicate): see STEPS; steps that come to what is false, or a predicate on the event
                   that says so, rule the event out. Both depend on the variables of these names alone
        search     (bytes, predicate): a part of what is new holds the bytes, and the predicate on its bytes and the
                   types that they name says that what is looked for may be there; it depends on these alone. None: that
                   the bytes are in a value that is new is enough
        """
        cdef Watch *w = &self.s.watch
        self.settle()
        memset(w, 0, sizeof(Watch))
        self.wants_function = functions
        self.wants_thread = threads
        self.watched_name = name
        w.kinds = kinds
        w.by_code = functions is not None
        w.by_thread = threads is not None
        w.by_variable = name is not None
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
        self.named = ()
        self.is_ruled_out = None
        holds = None if search is None else search[1]
        if self.holds is not holds:
            free_map(&self.s, &self.s.leaves_known)
            self.holds = holds
        self.texts = []
        if condition is not None:
            self.take_condition(condition[0], condition[1], condition[2])
        if search is not None:
            self.texts.append(search[0])
            w.by_new = True
            w.by_leaf = holds is not None
            w.needle = <const uint8_t *> <const char *> <bytes> search[0]
            w.needle_size = <size_t> len(search[0])
        w.puts_off = w.by_code and not w.by_variable and not w.by_new
        match_all(self)

    cdef int settle(self) except -1:
        """For who asks for more than the watch that was there: what was put off is looked at."""
        cdef Status status = OK
        if self.s.has_put_off:
            status = look_at_all(&self.s)
        if status != OK:
            raise self.unreadable(status)
        return 0

    cdef int take_condition(self, tuple names, list steps, object is_ruled_out) except -1:
        cdef Condition *c = &self.s.watch.condition
        cdef ByteBuffer made
        cdef Step step
        if len(names) > MOST_NAMES:
            raise errors.InvalidArgumentError("too many names for a condition")
        memset(&made, 0, sizeof(made))
        try:
            for kind, value in steps:
                self.fill_step(&step, kind, value)
                if not append(&self.s, &made, &step, sizeof(step)):
                    raise errors.OutOfMemoryError(operation="decode")
            self.steps = to_bytes(&made)
        finally:
            free_bytes(&self.s, &made)
        self.conditions += 1
        c.number = self.conditions
        c.steps = <const Step *> <const char *> self.steps
        c.step_count = <uint64_t> len(steps)
        c.name_count = <uint64_t> len(names)
        self.named = names
        self.is_ruled_out = is_ruled_out
        if self.remembered_of != is_ruled_out:
            free_map(&self.s, &self.s.ruled_out)
            self.remembered_of = is_ruled_out
        c.on = True
        return 0

    cdef int fill_step(self, Step *step, uint32_t kind, object value) except -1:
        cdef bytes text
        memset(step, 0, sizeof(Step))
        step.step = kind
        if type(value) is float:
            step.number = value
        elif type(value) is bytes:
            text = value
            self.texts.append(text)
            step.text = <const uint8_t *> <const char *> text
            step.size = <size_t> len(text)
        else:
            step.integer = value
        return 0

    def seek(self, uint64_t until):
        """The next event before number `until` that is watched for, or None. Raises as `next`."""
        cdef DecoderState *s = &self.s
        cdef Status status
        s.watch.on = True
        try:
            while True:
                if self.has_approached:
                    self.has_approached = False
                else:
                    free_deferred(s)
                    with nogil:
                        status = run(s, min(until, s.events + RUN_EVENTS))
                    if s.definitions.pending != NULL:
                        materialize_pending(self)
                    if status != OK:
                        raise self.unreadable(status)
                if s.watch.matched:
                    if not s.watch.by_leaf or self.finds():
                        event = self.event()
                        if self.is_ruled_out is None or not self.is_ruled_out(event):
                            return event
                        rule_out(s, s.event.frame)
                        remember(s, s.event.frame)
                        if self.check is not None:
                            self.check(s.events - 1)
                elif s.input.at >= s.input.end or s.events >= until:
                    return None
                PyErr_CheckSignals()
        finally:
            s.watch.on = False

    def approach(self, uint64_t until):
        """Goes to the event that `seek` would look at first, for another thread: it calls none of the predicates on
        events and values, and makes no event. Ends early where it `is_given_up`. Raises as `next`."""
        cdef DecoderState *s = &self.s
        cdef Status status = OK
        cdef bint is_there = False
        s.watch.on = True
        try:
            while not (is_there or self.is_given_up):
                free_deferred(s)
                with nogil:
                    status = run(s, min(until, s.events + RUN_EVENTS))
                if s.definitions.pending != NULL:
                    materialize_pending(self)
                if status != OK:
                    raise self.unreadable(status)
                is_there = s.watch.matched or s.input.at >= s.input.end or s.events >= until
            self.has_approached = is_there
        finally:
            s.watch.on = False

    cdef bint finds(self) except -1:
        """Whether something that is new at the last event holds what is looked for, as far as that can be told."""
        cdef DecoderState *s = &self.s
        cdef NewValues values
        cdef Leaves leaves
        cdef int answer
        values.at = 0
        while next_value(s, &values):
            begin_leaves(&leaves, &values)
            while True:
                answer = next_candidate(s, &leaves)
                if answer == LEAF_END:
                    break
                if answer == LEAF_UNKNOWN:
                    holds = self.holds(
                        PyBytes_FromStringAndSize(<char *> leaves.leaf, <Py_ssize_t> leaves.size), self.types
                    )
                    remember_leaf(s, &leaves, holds)
                    answer = LEAF_HOLDS if holds else LEAF_HOLDS_NOT
                if answer != LEAF_HOLDS_NOT:
                    return True
        return False

    def passages(self, uint64_t until, size_t most):
        """The next events before number `until` that are watched for, `most` at a time, as numbers: a bytes of
        Passages, empty if there are no more. Raises as `next`, behind what can be read."""
        cdef DecoderState *s = &self.s
        cdef Status status = OK
        cdef ByteBuffer found
        memset(&found, 0, sizeof(found))
        free_deferred(s)
        s.watch.on = True
        s.marks.on = s.changes.on = False
        try:
            while found.size < most * sizeof(Passage):
                status = run(s, min(until, s.events + RUN_EVENTS))
                if s.definitions.pending != NULL:
                    materialize_pending(self)
                if status == OK and s.watch.matched and not add_passage(s, &found, self.now()):
                    status = reject(s, b"")
                if status != OK or not s.watch.matched and (s.input.at >= s.input.end or s.events >= until):
                    break
                if not s.watch.matched:
                    PyErr_CheckSignals()
            if status != OK and not found.size:
                raise self.unreadable(status)
            return to_bytes(&found)
        finally:
            s.watch.on = False
            s.marks.on = s.changes.on = True
            free_bytes(s, &found)

    def outputs(self, size_t most):
        """What was written in the next `most` events of the chunk: a bytes of Outputs; None at its end. Raises as
        `next`, behind what can be read."""
        cdef DecoderState *s = &self.s
        cdef Status status
        if s.input.at >= s.input.end:
            return None
        free_deferred(s)
        s.marks.on = s.changes.on = False
        s.outputs.on = True
        s.outputs.ticks_per_second, s.outputs.started = self.ticks_per_second, self.started
        try:
            with nogil:
                status = run(s, UINT64_MAX if s.events + most < s.events else s.events + most)
            materialize_pending(self)
            if status != OK and not s.outputs.rows.size:
                raise self.unreadable(status)
            return to_bytes(&s.outputs.rows)
        finally:
            s.outputs.rows.size = 0
            s.outputs.on = False
            s.marks.on = s.changes.on = True

    def line_counts(self, uint64_t until):
        """How often each line before event `until` that is watched for ran: (number of the code, line) → how often."""
        cdef DecoderState *s = &self.s
        cdef const Map *lines = &s.tally.lines
        cdef Status status = OK
        cdef uint64_t key
        cdef size_t i
        cdef dict found = {}
        free_deferred(s)
        s.watch.on = True
        s.marks.on = s.changes.on = False
        try:
            while status == OK and s.input.at < s.input.end and s.events < until:
                with nogil:
                    status = count_lines(s, min(until, s.events + RUN_EVENTS))
                materialize_pending(self)
                PyErr_CheckSignals()
            for i in range(bucket_count(lines)):
                if lines.entries[i].item != NULL:
                    key = lines.entries[i].key
                    found[key >> 32, key & 0xFFFFFFFF] = <size_t> lines.entries[i].item
            if status != OK and not found:
                raise self.unreadable(status)
            return found
        finally:
            s.watch.on = False
            s.marks.on = s.changes.on = True
            free_map(s, &s.tally.lines)

    def note_ends(self):
        """Asks for `unseen_ends`."""
        self.s.unseen_ends.on = True

    def unseen_ends(self):
        """The frames, by number, that ended without an event since this was last asked."""
        cdef DecoderState *s = &self.s
        cdef const uint64_t *number = <const uint64_t *> s.unseen_ends.numbers.data
        cdef size_t i
        cdef list found = []
        for i in range(s.unseen_ends.numbers.size // sizeof(uint64_t)):
            found.append(number[i])
        s.unseen_ends.numbers.size = 0
        return found

    def next(self):
        """The next event, or None at the end of the chunk. Raises TraceCorruptError at damage."""
        cdef DecoderState *s = &self.s
        cdef Status status
        free_deferred(s)
        self.settle()
        status = run(s, s.events + 1)
        if s.definitions.pending != NULL:
            materialize_pending(self)
        if status != OK:
            raise self.unreadable(status)
        return self.event() if s.event.kind else None

    def skip_to(self, uint64_t seq):
        """Passes over the events before `seq`, or all there are. Raises as `next`."""
        cdef DecoderState *s = &self.s
        cdef Status status
        free_deferred(s)
        if seq > s.events:
            self.missing = 0
        s.marks.on = s.changes.on = False
        with nogil:
            status = run(s, seq)
        s.marks.on = s.changes.on = True
        materialize_pending(self)
        if status != OK:
            raise self.unreadable(status)

    def stacks(self):
        """(Thread, its frames from the outermost in) for every thread that has any."""
        cdef ThreadDef *t = self.s.threads.first
        cdef Frame *f
        cdef uint64_t depth
        cdef list found = []
        cdef list frames
        self.settle()
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
                found.append((self.threads[t.base.number], frames))
            t = t.next
        return found

    cdef object unreadable(self, Status status):
        """As `damage`. The chunk's checksum is right: a record that nobody knows is no damage."""
        cdef DecoderState *s = &self.s
        if s.input.unknown and status != ERR_OUT_OF_MEMORY:
            return errors.UnknownRecordError(record=s.input.at[0], offset=s.input.at - s.input.begin)
        return self.damage(status)

    cdef object event(self):
        cdef DecoderState *s = &self.s
        cdef Frame *f = s.event.frame
        cdef bint is_line = s.event.kind == REC_LINE
        cdef tuple changed = ()
        if f.flags & REC_FRAME_BODY:
            changed = changed_globals(f)
        elif f.dirty:
            changed = changed_slots(f)
        cdef uint64_t depth = s.threads.current.depth if is_line else s.event.depth
        cdef RawEvent e = self.fill(
            self.event_type.__new__(self.event_type), f, caller_of(s, f), depth - 1
        )
        e._trace = self.trace
        e.seq = s.events - 1
        e.previous_line = f.line_before
        e.kind = <str> EVENT_KINDS[s.event.kind]
        e.thread = <Thread> self.threads[s.threads.current.base.number]
        if s.threads.current.task != NULL:
            e.task = <Task> self.tasks[s.threads.current.task.number]
        e.time = self.now()
        e._changed_slots = changed
        if not is_line and s.event.value_size:
            e._raw_value = PyBytes_FromStringAndSize(
                <const char *> s.event.value, <Py_ssize_t> s.event.value_size
            )
        e._global_changes = ()
        if s.changes.bytes.size and s.changes.before == s.events - 1:
            e._global_changes = self.global_changes(f)
        if f.called != NULL and f.called_before >= f.since:
            e._called = (
                self.function_of(f.called), f.called_before if f.calls else None, f.calls
            )
        e._marks = ()
        if s.marks.bytes.size and s.marks.before == s.events - 1:
            self.fill_marks(e)
        if self.missing:
            e.gap = True
            e.lost += self.missing
            self.missing = 0
        return e

    cdef tuple global_changes(self, const Frame *f):
        """What was set since the last event."""
        cdef DecoderState *s = &self.s
        cdef const GlobalChange *change = <const GlobalChange *> s.changes.bytes.data
        cdef Changer by
        cdef RawChange made
        cdef size_t i
        cdef list found = []
        for i in range(s.changes.bytes.size // sizeof(GlobalChange)):
            made = RawChange.__new__(RawChange)
            made.namespace = <Namespace> self.namespaces[change[i].namespace.base.number]
            made.name = <str> made.namespace.names[change[i].slot]
            made.raw = variable_value(&change[i].namespace.variables[change[i].slot])
            made.found = change[i].found
            if change[i].thread != NULL:
                by = changer_of(s, &change[i])
                made.thread = <Thread> self.threads[change[i].thread.base.number]
                made.function = self.function_of(by.code)
                made.frame = by.frame
                made.line = by.line
            found.append(made)
        return tuple(found)

    cdef Function function_of(self, const CodeDef *code):
        cdef Function f = <Function> self.functions[code.base.number]
        if not f._flags & OF_FUNCTIONS and code.globals != NULL:
            f.module = (<Namespace> self.namespaces[code.globals.base.number]).name
        return f

    cdef RawFrame fill(self, RawFrame r, Frame *f, const Frame *caller, uint64_t depth):
        r.frame = f.number
        r.caller = None if caller == NULL else caller.number
        r.function = self.function_of(f.code)
        r.line = f.line
        r.depth = depth
        r.adopted = (f.flags & REC_FRAME_ADOPTED) != 0
        r._waits = (f.flags & REC_FRAME_WAITING) != 0
        r.as_of = f.next_since - 1 if f.next_since else 0
        r._types = self.types
        r._attributes = self.class_attributes()
        r._global_values = ()
        if f.globals != NULL:
            r.namespace = <Namespace> self.namespaces[f.globals.base.number]
            r._global_values = snapshot(
                &f.globals.snapshot, &f.globals.dirty, f.globals.variables, f.globals.variable_count
            )
        if f.flags & REC_FRAME_BODY:
            r._names = r.namespace.names
            r._slots = r.namespace._slots
            r._values = r._global_values
        else:
            r._names = r.function.names
            r._slots = r.function._slots
            r._values = snapshot(&f.snapshot, &f.dirty, f.locals, f.local_count)
        return r

    cdef Attributes class_attributes(self):
        """As they are now: the same object, as long as none changes."""
        cdef DecoderState *s = &self.s
        cdef const Map *map = &s.definitions.of_kind[DEF_NAMESPACE]
        cdef NamespaceDef *d
        cdef size_t i
        if self.shown is not None and self.shown_as_of == s.class_changes:
            return self.shown
        self.shown = Attributes.__new__(Attributes)
        self.shown.of_type = self.attributes
        self.shown.namespaces = self.namespaces
        self.shown.values = {}
        self.shown_as_of = s.class_changes
        for i in range(bucket_count(map) if s.class_changes else 0):
            d = <NamespaceDef *> map.entries[i].item
            if d != NULL and d.of_class:
                self.shown.values[d.base.number] = snapshot(
                    &d.snapshot, &d.dirty, d.variables, d.variable_count
                )
        return self.shown

    cdef int fill_marks(self, RawEvent e) except -1:
        cdef const uint64_t *mark = <const uint64_t *> self.s.marks.bytes.data
        cdef size_t i
        cdef list marks = []
        for i in range(self.s.marks.bytes.size // (3 * sizeof(uint64_t))):
            marks.append((mark[3 * i + 1], mark[3 * i + 2]))
            if mark[3 * i] == REC_GAP:
                e.gap = True
                e.lost += mark[3 * i + 2]
        e._marks = tuple(marks)
        return 0

    cdef int64_t now(self) noexcept:
        """The last tick as ns since 1970."""
        return time_of(&self.s.clock, self.ticks_per_second, self.started)


cdef int64_t time_of(const Clock *clock, uint64_t ticks_per_second, uint64_t started) noexcept nogil:
    """The last tick as ns since 1970."""
    cdef uint64_t base = clock.set_wall if clock.is_set else started
    cdef int64_t ticks = <int64_t> (clock.ticks - clock.set_ticks) if clock.is_set else 0
    cdef int64_t seconds = ticks // <int64_t> ticks_per_second
    cdef double rest = <double> (ticks - seconds * <int64_t> ticks_per_second)
    return <int64_t> (
        base + <uint64_t> seconds * <uint64_t> 1000000000
        + <uint64_t> <int64_t> (rest * 1e9 / <double> ticks_per_second)
    )
