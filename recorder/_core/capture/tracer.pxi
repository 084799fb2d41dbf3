# The tracer: for every thread a shadow of its stack, holding what was last recorded of each frame, so that an
# event writes down only what changed. All of it runs under the GIL, allocates next to nothing, owns no object.

cdef struct Space            # globals.pxi
cdef struct Task             # whose.pxi

cdef enum:                   # marks in an address
    IS_UNEXAMINED = 1        # it was said that it may hold something else by now
    IS_BRIEF = 2             # only BRIEF_NODES of it are recorded
    MARKS = 3

cdef struct Slot:            # what was last recorded of one variable; type NULL: unbound
    PyTypeObject *type       # lowest bit set: an int of more than 60 bits
    uint64_t print
    PyObject *object         # not owned, only compared: what was walked last, and MARKS
    uint64_t due             # the event from which on it is walked again

cdef struct Name:            # one variable of a module or class body
    PyObject *key            # not owned: only compared, and only together with the hash
    Py_hash_t hash
    uint64_t print
    bint secret

cdef enum:
    KIND_SECRET = 0x01       # free in CPython's kinds

cdef struct Code:            # what is known of a code object
    Code *next
    Code *previous
    PyCodeObject *object     # NULL once the code object is gone
    uint32_t session         # the one that has its number and definition
    uint32_t number
    uint32_t users           # shadows that point here
    uint32_t room            # bytes that one event's small values can take
    uint32_t slots
    uint32_t names_size
    Name *names
    uint8_t *kinds           # of its localsplus, with KIND_SECRET where the name is one
    int32_t first_line
    bint in_scope
    bint is_namespace        # a module or class body: its variables are a dict's
    bint suspends            # generator, coroutine, async generator
    bint is_async            # one of the latter two
    bint instrumented        # 3.12+: has local events
    Space *home              # the globals of the last frame that began
    uint32_t home_number     # as last written: its number + 1
    bint too_wide            # it has more than MOST_LOCALS: no variable of it is recorded
    uint32_t *mutables       # slots of `home`: what the code names and what can change in place …
    uint32_t mutable_count
    uint32_t mutable_epoch   # … as it was then; 0: not yet listed

cdef struct Written:         # a value on the tape, there as long as this is its segment
    uint8_t *start
    size_t size
    uint64_t segment

cdef struct Shadow:          # one frame as last recorded
    rec_iframe *frame
    Code *code
    Slot *slots
    uint64_t number
    int32_t line
    uint32_t slot_count
    Space *space             # its globals, or NULL
    bint body                # a module's body: its variables are its globals
    Shadow *node             # suspending code: where the shadow lives between yield and resume
    Shadow *chain            # … and the next one in that bucket
    uint32_t *order          # namespace: the slot of the n-th entry of the dict, as last seen
    uint32_t bound           # namespace: entries of the dict, as last seen
    bint marked              # namespace: it was said that it cannot be read
    uint64_t version         # namespace: version of the dict, if all its values were scalars
    Written raised           # 3.11: the exception that was handled last, or that unwinds the frame

cdef struct Block:           # slots of running frames, allocated as a stack
    Block *previous
    Block *next
    uint32_t used
    uint32_t size

cdef struct Thread:
    Thread *next
    PyThreadState *state
    uint64_t state_id        # the address of a thread state is used again; its id is not
    uint32_t number
    uint32_t depth
    uint32_t capacity
    Shadow *frames
    Block *block
    Written raised           # the value of the last RAISE
    uint64_t name_print      # 0: not defined yet
    PyObject *loop           # not owned, only compared: where its task was found last
    Task *task               # that it was last said to run
    uint32_t task_number
    bint thrown              # 3.11: the top frame goes on with an exception that its next event names
    PyObject *raising        # 3.11: not owned, only compared: what was raised last, and may yet be handled …
    uint64_t raising_in      # … in this frame
    bint raising_ends_loop   # … unless it is a StopIteration that only ended a loop

cdef enum:
    BUCKETS = 16384          # of suspended frames
    MOST_SUSPENDED = 65536   # then the longest chains forget; a forgotten frame is adopted when it goes on
    MOST_NAMES = 20000
    MOST_LOCALS = 5000       # of a function: the names of all of them have to fit into one record
    SMALL_WALK = 512         # elements: a variable that leads to no more is looked at before every event …
    SMALL_WALKS = 2048       # … as long as those of a frame lead to no more than this together
    WALK_PER_EVENT = 64      # of what is beyond: so much for each event …
    MOST_WALK = 200000       # … and what was not used up is kept, up to this
    BRIEF_NODES = 60         # elements of a value that is met when it is used up
    WRITING = 3              # what it costs to write an element, in elements that are looked at

cdef struct Tracer:
    uint32_t session
    uint32_t codes
    uint32_t files
    uint32_t threads
    uint32_t suspended_count
    bint reordered           # a namespace did not have the names of last time, in their order
    uint64_t frames
    uint32_t walked          # for the variables of this event, within SMALL_WALKS
    int64_t walk             # what larger values may still cost …
    uint64_t walk_at         # … as of this event
    Thread *thread           # the one the tape is at; NULL: to be looked at anew
    Thread *last_thread      # the one of the last THREAD record
    Thread *all_threads
    Code *all_codes
    Shadow **suspended

cdef Tracer tracer
cdef dict files = {}         # file name → number; only touched when a code object is first seen


# ---- events -------------------------------------------------------------------------------------------

cdef inline Shadow *top_of(Thread *t) noexcept nogil:
    REC_CHECK(0 < t.depth <= t.capacity, b"a frame that runs has a shadow")
    return &t.frames[t.depth - 1]


cdef inline bint is_top(Thread *t, rec_iframe *frame) noexcept nogil:
    return (t.depth > 0 and top_of(t).frame == frame
            and <PyObject *> top_of(t).code.object == rec_object(frame.code))


cdef inline Status event_line(Shadow *s, int32_t line) noexcept nogil:
    cdef Status status = note_variables(s)
    cdef int32_t delta = line - s.line
    cdef uint8_t *p
    if status != OK:
        return status
    p = tape.cur
    if -32 <= delta <= 95:
        p[0] = <uint8_t> (0x80 | (delta + 32))
        p += 1
    else:
        p[0] = REC_LINE_LONG
        p = put_varint(p + 1, zigzag(delta))
    s.line = line
    commit_event(p)
    return OK


cdef Status event_call(Thread *t, rec_iframe *frame, Code *code) noexcept:
    """A frame starts: ENTER, its arguments, CALL."""
    cdef Status status
    if code.session != tracer.session:
        status = define_code(code)
        if status != OK:
            return status
    status = note_task(t, frame, code)
    if status != OK:
        return status
    if code.suspends:
        forget_frame(frame)
    # A thread is listed by name while its first frames run, which are `threading`'s own.
    if t.depth < 3 and (t.depth == 0 or t.name_print == 1):
        status = reserve(2048)
        if status != OK:
            return status
        name_thread(t)
    status = reserve(DEF_ROOM)
    if status != OK:
        return status
    status = bind_globals(code, frame)
    if status != OK:
        return status
    tape.cur = put_tagged(tape.cur, REC_ENTER, code.number)
    status = push(t, frame, code)
    if status != OK:
        return status
    status = note_variables(top_of(t))
    if status != OK:
        return status
    tape.cur[0] = REC_CALL
    commit_event(put_ticks(tape.cur + 1))
    return OK


cdef Status event_resume(Thread *t, rec_iframe *frame, Code *code, PyObject *thrown) noexcept:
    """A suspended frame goes on, with `thrown` raised in it if there is one."""
    cdef Status status = note_task(t, frame, code)
    if status != OK:
        return status
    status = reenter(t, frame, code)
    if status != OK:
        return status
    status = note_variables(top_of(t))
    if status != OK:
        return status
    if thrown != NULL:
        return event_value(t, REC_THROW, thrown)
    tape.cur[0] = REC_RESUME
    commit_event(put_ticks(tape.cur + 1))
    return OK


cdef Status event_end(Thread *t, uint8_t record, PyObject *value) noexcept nogil:
    """The top frame returns, yields or is unwound."""
    cdef Status status = note_variables(top_of(t))
    if status != OK:
        return status
    status = event_value(t, record, value)
    if t.task != NULL and top_of(t).code.is_async and (t.depth == 1 or not t.frames[t.depth - 2].code.is_async):
        tracer.thread = NULL                    # a task's turn may end here: the next event has to look
    if record == REC_YIELD and top_of(t).node != NULL:
        suspend(t)
    else:
        pop(t)
    return status


cdef Status event_exception(Thread *t, uint8_t record, PyObject *value) noexcept nogil:
    cdef Status status = note_variables(top_of(t))
    if status != OK:
        return status
    return event_value(t, record, value)


cdef Status event_value(Thread *t, uint8_t record, PyObject *value) noexcept nogil:
    """An event that carries a value. The end of a frame is stamped with the time, an exception is not."""
    cdef Status status
    cdef uint8_t *p
    cdef uint8_t *start
    if value != NULL and not is_plain(value) and not is_plain_exception(value):
        if is_short():
            be_brief()
        fingerprint(value)                      # defines the types that the value needs
        if cost_of_walk() > SMALL_WALK:
            spend(cost_of_walk() * (1 + WRITING), False)
    status = reserve(limits.room + DEF_ROOM)
    if status != OK:
        return status
    p = tape.cur
    p[0] = record
    p += 1
    if record != REC_RAISE and record != REC_RERAISE and record != REC_HANDLED:
        p = put_ticks(p)
    start = p
    if value != NULL:
        p = put_value(p, value)
        walk.most = limits.nodes
    else:
        p = put_again(&top_of(t).raised, p)
    if record == REC_RAISE:
        t.raised.start = start
        t.raised.size = <size_t> (p - start)
        t.raised.segment = tape.sequence
    commit_event(p)
    return OK


cdef inline bint is_plain(PyObject *o) noexcept nogil:
    return (o == Py_None or o.ob_type == &PyLong_Type or o.ob_type == &PyUnicode_Type
            or o.ob_type == &PyBool_Type or o.ob_type == &PyFloat_Type)


cdef bint is_plain_exception(PyObject *o) noexcept nogil:
    """Whether all that it needs is its own type, which is defined here."""
    cdef PyTypeObject *t = o.ob_type
    cdef PyObject *args
    cdef TypeEntry *entry
    cdef rec_items items
    cdef Py_ssize_t i
    if not t.tp_flags & Py_TPFLAGS_BASE_EXC_SUBCLASS:
        return False
    args = (<PyBaseExceptionObject *> o).args
    entry = type_of(t)
    if entry.slotted or entry.shape > REC_INSTANCE or args == NULL or args.ob_type != &PyTuple_Type:
        return False
    for i in range(rec_size(args)):
        if i == 4 or not is_plain(rec_tuple_items(args)[i]):
            return False
    rec_storage_of(&items, o, t)
    return items.size == 0


cdef uint8_t *put_again(const Written *value, uint8_t *p) noexcept nogil:
    """3.11 does not say which exception unwinds a frame: the one that it raised, or did not handle for good."""
    if value.start == NULL or value.segment != tape.sequence:
        p[0] = TAG_NONE
        return p + 1
    memcpy(p, value.start, value.size)
    return p + value.size


# ---- variables ----------------------------------------------------------------------------------------

cdef inline uint8_t *put_set(uint8_t *p, uint32_t slot) noexcept nogil:
    if slot < 64:
        p[0] = <uint8_t> (REC_SET | slot)
        return p + 1
    return put_tagged(p, REC_SET_LONG, slot)


cdef inline Status note_variables(Shadow *s) noexcept nogil:
    """SETs for what changed since the last event of this frame. Afterwards DEF_ROOM bytes are free."""
    cdef Code *code = s.code
    cdef rec_ref *values = s.frame.localsplus
    cdef PyObject *v
    cdef uint8_t *kinds = code.kinds
    cdef uint32_t i
    cdef Status status = reserve(code.room)
    if status != OK:
        return status
    tracer.walked = 0
    if s.space != NULL:
        status = note_globals(s)
        if status != OK:
            return status
    if code.is_namespace:
        return OK if s.body else note_namespace(s)
    for i in range(s.slot_count):
        v = rec_object(values[i])
        if kinds[i] != REC_KIND_LOCAL:
            if kinds[i] & REC_KIND_HIDDEN:
                continue
            if kinds[i] & KIND_SECRET:
                note_secret(&s.slots[i], i, v, NULL)
                continue
            if v != NULL and v.ob_type == &PyCell_Type and kinds[i] & (REC_KIND_CELL | REC_KIND_FREE):
                v = (<PyCellObject *> v).ob_ref
        status = note(&s.slots[i], i, v, code.room, NULL)
        if status != OK:
            return status
    return OK


cdef inline uint8_t *put_place(uint8_t *p, Space *space, uint32_t slot) noexcept nogil:
    """A variable of the top frame, or a global."""
    return put_set(p, slot) if space == NULL else put_global(p, space, slot)


cdef inline Status note(Slot *slot, uint32_t i, PyObject *v, uint32_t room, Space *space) noexcept nogil:
    cdef PyTypeObject *t
    cdef uint64_t n = 0
    if v == NULL:
        if slot.type != NULL:
            slot.type = NULL
            tape.cur = put_place(tape.cur, space, i)
            tape.cur[0] = TAG_UNBOUND
            tape.cur += 1
        return OK
    t = v.ob_type
    if not print_scalar(v, t, &n):
        if t == &PyUnicode_Type:
            return note_text(slot, i, v, room, space)
        return note_object(slot, i, v, t, room, space)
    if slot.type != t or slot.print != n:
        set_scalar(slot, i, v, t, n, space)
    return OK


cdef inline bint is_redacted(PyTypeObject *t) noexcept nogil:
    """Whether this is what stands for the type of a secret."""
    return t == <PyTypeObject *> &rec_secrets


cdef void note_secret(Slot *slot, uint32_t i, PyObject *v, Space *space) noexcept nogil:
    """That the variable has a value, not which."""
    if (v == NULL) == (slot.type == NULL):
        return
    slot.type = NULL if v == NULL else <PyTypeObject *> &rec_secrets
    tape.cur = put_place(tape.cur, space, i)
    tape.cur[0] = TAG_UNBOUND if v == NULL else TAG_REDACTED
    tape.cur += 1


cdef void set_scalar(Slot *slot, uint32_t i, PyObject *v, PyTypeObject *t, uint64_t n,
                     Space *space) noexcept nogil:
    cdef uint8_t *p = put_place(tape.cur, space, i)
    cdef uint64_t delta = zigzag(<int64_t> (n - slot.print))
    if t == &PyLong_Type:
        if slot.type == t and not -32 <= <int64_t> n <= 95 and delta < zigzag(<int64_t> n):
            p = put_tagged(p, TAG_INT_DELTA, delta)
        else:
            p = put_int(p, <int64_t> n)
    elif t == &PyFloat_Type:
        p[0] = TAG_FLOAT
        memcpy(p + 1, &n, 8)
        p += 9
    else:
        put_singleton(p, v)
        p += 1
    slot.type = t
    slot.print = n
    tape.cur = p


cdef Status note_text(Slot *slot, uint32_t i, PyObject *v, uint32_t room, Space *space) noexcept nogil:
    cdef uint64_t n = rec_print(v, &PyUnicode_Type, 0)
    cdef Status status
    if slot.type == &PyUnicode_Type and slot.print == n:
        return OK
    status = reserve(limits.room + room)
    if status != OK:
        return status
    slot.type = &PyUnicode_Type
    slot.print = n
    slot.object = NULL
    slot.due = 0
    tape.cur = put_value(put_place(tape.cur, space, i), v)
    return reserve(room)


cdef Status note_object(Slot *slot, uint32_t i, PyObject *v, PyTypeObject *t, uint32_t room,
                        Space *space) noexcept nogil:
    cdef uint64_t n
    cdef uint32_t cost
    cdef uintptr_t brief
    cdef bint known = is_known(slot, v, t)
    cdef bint written = False
    cdef Status status
    if known and can_wait(slot):
        leave_unexamined(slot, i, space)
        return OK
    brief = <uintptr_t> slot.object & IS_BRIEF if known else IS_BRIEF * is_short()
    if brief:
        be_brief()
    n = fingerprint(v)
    cost = cost_of_walk()
    if t == &PyLong_Type:
        t = <PyTypeObject *> (<uintptr_t> t | 1)
    if slot.type != t or slot.print != n:
        status = reserve(limits.room + room)
        if status != OK:
            return status
        slot.type = t
        slot.print = n
        tape.cur = put_value(put_place(tape.cur, space, i), v)
        written = True
    elif <uintptr_t> slot.object & IS_UNEXAMINED:
        status = reserve(room)
        if status != OK:
            return status
        tape.cur = put_place(tape.cur, space, i)
        tape.cur[0] = TAG_EXAMINED
        tape.cur += 1
    slot.object = <PyObject *> (<uintptr_t> v | brief)
    walk.most = limits.nodes
    if is_small(cost):
        slot.due = 0
    else:
        slot.due = tape.events + 1 + cost // WALK_PER_EVENT
        spend(cost * (1 + WRITING * written), known)
    return reserve(room)                        # the fingerprint may have written DEFs


# What leads to many objects is not looked at before every event, once that has cost too much: each such variable is
# due again after as many events as it cost, and later still if many are: each may only go as far into debt as it has
# waited, so that all together keep to the budget and none waits for ever. Another object in its place is looked at
# right away.

cdef inline uint32_t cost_of_walk() noexcept nogil:
    """In elements, of the walk that has just ended. A container is worth some of them."""
    return walk.most - walk.nodes_left + 4 * walk.containers


cdef inline bint is_small(uint32_t cost) noexcept nogil:
    """Whether it is within what is looked at before every event."""
    if cost > SMALL_WALK or tracer.walked + cost > SMALL_WALKS:
        return False
    tracer.walked += cost
    return True


cdef inline int64_t walk_left() noexcept nogil:
    """What may be looked at by now."""
    tracer.walk = min(<int64_t> MOST_WALK, tracer.walk + <int64_t> (tape.events - tracer.walk_at) * WALK_PER_EVENT)
    tracer.walk_at = tape.events
    return tracer.walk


cdef inline bint is_short() noexcept nogil:
    """Whether there is not enough left to write down a large value."""
    return walk_left() < (1 + WRITING) * <int64_t> limits.nodes


cdef inline void be_brief() noexcept nogil:
    """About the value that is looked at and written down next."""
    walk.most = min(limits.nodes, <uint32_t> BRIEF_NODES)


cdef inline void spend(int64_t cost, bint known) noexcept nogil:
    """What had to be looked at right away makes no debt."""
    tracer.walk = tracer.walk - cost if known else max(min(0, tracer.walk), tracer.walk - cost)


cdef inline bint is_known(Slot *slot, PyObject *v, PyTypeObject *t) noexcept nogil:
    """Whether it is the object that was looked at last."""
    return slot.type == t and <uintptr_t> slot.object & ~<uintptr_t> MARKS == <uintptr_t> v


cdef inline bint can_wait(Slot *slot) noexcept nogil:
    return slot.due != 0 and walk_left() < <int64_t> (slot.due - tape.events) * WALK_PER_EVENT


cdef void leave_unexamined(Slot *slot, uint32_t i, Space *space) noexcept nogil:
    """Says once that the variable may hold something else by now."""
    if <uintptr_t> slot.object & IS_UNEXAMINED:
        return
    slot.object = <PyObject *> (<uintptr_t> slot.object | IS_UNEXAMINED)
    tape.cur = put_place(tape.cur, space, i)
    tape.cur[0] = TAG_UNEXAMINED
    tape.cur += 1


# ---- class bodies: the namespace is a dict -----------------------------------------------------

cdef Status note_namespace(Shadow *s) noexcept nogil:
    cdef PyObject *namespace = s.frame.locals
    cdef rec_items items
    cdef uint32_t n = 0, slot = 0
    cdef PyObject *key = NULL
    cdef PyObject *value = NULL
    cdef bint scalars = True
    cdef uint64_t version
    cdef Status status
    if namespace == NULL or not rec_is_dict(namespace):
        return mark_unreadable(s)               # a mapping of the program's own: reading it runs user code
    version = rec_dict_version(namespace)
    if version != 0 and version == s.version:
        return OK
    tracer.reordered = False
    rec_items_of(&items, namespace)
    while rec_items_next(&items, &key, &value):
        if not PyUnicode_CheckExact(key) or n >= MOST_NAMES or rec_str_is(key, "__builtins__"):
            continue                            # __builtins__ is CPython's, not the program's
        status = find_name(s, key, n, &slot)
        if status != OK:
            return status
        if s.code.names[slot].secret:
            note_secret(&s.slots[slot], slot, value, NULL)
        else:
            status = note(&s.slots[slot], slot, value, s.code.room, NULL)
        if status != OK:
            return status
        scalars = scalars and is_plain(value)
        n += 1
        status = reserve(s.code.room)
        if status != OK:
            return status
    if n < s.bound or (tracer.reordered and slots_in_use(s) > n):
        status = note_deletions(s, n)
        if status != OK:
            return status
    s.bound = n
    s.version = version if scalars else 0
    return OK


cdef Status mark_unreadable(Shadow *s) noexcept nogil:
    """Says once that the variables of this body are not recorded."""
    if not s.marked:
        s.marked = True
        tape.cur = put_varint(put_tagged(tape.cur, REC_MARK, ERR_NAMESPACE_UNREADABLE), 0)
        tape.control.degraded[0] += 1
    return OK


cdef uint32_t slots_in_use(Shadow *s) noexcept nogil:
    cdef uint32_t i, used = 0
    for i in range(s.slot_count):
        used += s.slots[i].type != NULL
    return used


cdef Status note_deletions(Shadow *s, uint32_t n) noexcept nogil:
    """Slots that no entry of the dict stands for any more are unbound."""
    cdef uint32_t i, k
    cdef Status status
    for i in range(s.slot_count):
        if s.slots[i].type == NULL:
            continue
        for k in range(n):
            if s.order[k] == i:
                break
        else:
            status = note(&s.slots[i], i, NULL, s.code.room, NULL)
            if status == OK:
                status = reserve(s.code.room)
            if status != OK:
                return status
    return OK


cdef Status find_name(Shadow *s, PyObject *key, uint32_t n, uint32_t *slot) noexcept nogil:
    """The slot of the n-th entry's name. Nearly always the one it had last time."""
    cdef Code *code = s.code
    cdef Py_hash_t hash = rec_str_hash(key)
    cdef uint64_t print = 0
    cdef uint32_t i, k
    cdef Status status
    if n < s.bound and s.order[n] < code.slots:
        slot[0] = s.order[n]
        if code.names[slot[0]].key == key and code.names[slot[0]].hash == hash:
            return OK
    tracer.reordered = True
    print = rec_str_print(key, limits.text)
    for k in range(code.slots):
        i = (n + k) % code.slots                # near its old place, if something before it was deleted
        if code.names[i].print == print:
            code.names[i].key = key
            code.names[i].hash = hash
            break
    else:
        i = code.slots
        status = add_name(code, key, hash, print)
        if status != OK:
            return status
    status = grow_namespace(s)
    if status != OK:
        return status
    s.order[n] = i
    slot[0] = i
    return OK


cdef Status add_name(Code *code, PyObject *key, Py_hash_t hash, uint64_t print) noexcept nogil:
    cdef uint32_t size = code.names_size
    cdef Name *names
    cdef Status status = reserve(4096)
    if status != OK:
        return status
    if code.slots == size:
        size = size * 2 if size else 32
        names = <Name *> rec_sys.realloc(code.names, size * sizeof(Name))
        if names == NULL:
            return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, size * sizeof(Name))
        code.names = names
        code.names_size = size
    code.names[code.slots].key = key
    code.names[code.slots].hash = hash
    code.names[code.slots].print = print
    code.names[code.slots].secret = is_secret(key)
    tape.cur = put_varint(put_tagged(tape.cur, REC_DEF_NAME, code.number), code.slots)
    tape.cur = put_str(tape.cur, key, 500)
    code.slots += 1
    return reserve(code.room)


cdef Status grow_namespace(Shadow *s) noexcept nogil:
    """Room for as many slots as the code has names."""
    cdef uint32_t size = s.code.names_size
    cdef Slot *slots
    cdef uint32_t *order
    if s.slot_count >= s.code.slots:
        return OK
    slots = <Slot *> rec_sys.realloc(s.slots, size * sizeof(Slot))
    if slots == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, size * sizeof(Slot))
    s.slots = slots
    order = <uint32_t *> rec_sys.realloc(s.order, size * sizeof(uint32_t))
    if order == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, size * sizeof(uint32_t))
    s.order = order
    memset(slots + s.slot_count, 0, (size - s.slot_count) * sizeof(Slot))
    memset(order + s.slot_count, 0, (size - s.slot_count) * sizeof(uint32_t))
    s.slot_count = size
    return OK


# ---- the stack ----------------------------------------------------------------------------------------

cdef Status push(Thread *t, rec_iframe *frame, Code *code) noexcept nogil:
    """A new shadow with nothing recorded in it, and the next frame number."""
    cdef Shadow *s
    cdef Status status = make_room(t)
    if status != OK:
        return status
    s = &t.frames[t.depth]
    memset(s, 0, sizeof(Shadow))
    s.frame = frame
    s.code = code
    s.line = code.first_line
    s.number = tracer.frames
    s.space = code.home
    s.body = code.is_namespace and s.space != NULL and frame.locals == frame.globals
    if s.body:
        tape.cur[0] = REC_BODY
        tape.cur += 1
    if code.suspends:
        s.node = <Shadow *> rec_sys.calloc(1, sizeof(Shadow))
        if s.node == NULL:
            return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Shadow))
    if not code.is_namespace:
        s.slot_count = code.slots
        s.slots = (<Slot *> rec_sys.malloc((code.slots + 1) * sizeof(Slot)) if code.suspends
                   else take_slots(t, code.slots))
        if s.slots == NULL:
            free(s.node)
            return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, code.slots * sizeof(Slot))
        memset(s.slots, 0, code.slots * sizeof(Slot))
    if code.too_wide:
        tape.cur = put_varint(put_tagged(tape.cur, REC_MARK, ERR_FRAME_UNREADABLE), 0)
        tape.control.degraded[0] += 1
    tracer.frames += 1
    code.users += 1
    if s.space != NULL:
        s.space.users += 1
    t.depth += 1
    return OK


cdef inline Status make_room(Thread *t) noexcept nogil:
    cdef uint32_t capacity
    cdef Shadow *frames
    if t.depth < t.capacity:
        return OK
    capacity = t.capacity * 2 if t.capacity else 64
    frames = <Shadow *> rec_sys.realloc(t.frames, capacity * sizeof(Shadow))
    if frames == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, capacity * sizeof(Shadow))
    t.frames = frames
    t.capacity = capacity
    return OK


cdef void pop(Thread *t) noexcept nogil:
    cdef Shadow *s = top_of(t)
    REC_CHECK(s.slots != NULL or s.code.is_namespace, b"a shadow on the stack has its slots")
    t.depth -= 1
    if s.code.suspends or s.code.is_namespace:
        free_shadow(s)
    else:
        give_slots(t, s.slot_count)
        release_code(s.code)
        release_space(s.space)


cdef void free_shadow(Shadow *s) noexcept nogil:
    """What a suspending frame or a namespace has of its own."""
    release_code(s.code)
    release_space(s.space)
    free(s.slots)
    free(s.order)
    free(s.node)


cdef void release_code(Code *code) noexcept nogil:
    REC_CHECK(code.users > 0, b"a code is let go of as often as it is held")
    code.users -= 1
    if code.users == 0 and code.object == NULL:
        free_code(code)


cdef Slot *take_slots(Thread *t, uint32_t n) noexcept nogil:
    cdef Block *block = t.block
    cdef Block *fresh
    cdef uint32_t size
    if block == NULL or block.used + n > block.size:
        fresh = block.next if block != NULL else NULL
        if fresh == NULL or fresh.size < n:
            size = max(n, <uint32_t> 2048)
            free_blocks(fresh)
            fresh = <Block *> rec_sys.malloc(sizeof(Block) + size * sizeof(Slot))
            if fresh == NULL:
                if block != NULL:
                    block.next = NULL
                return NULL
            fresh.size = size
            fresh.used = 0
            fresh.next = NULL
            fresh.previous = block
            if block != NULL:
                block.next = fresh
        t.block = block = fresh
    block.used += n
    REC_CHECK(block.used <= block.size, b"slots are taken of what a block has")
    return <Slot *> (block + 1) + (block.used - n)


cdef void give_slots(Thread *t, uint32_t n) noexcept nogil:
    REC_CHECK(t.block.used >= n, b"slots are given back as often as they are taken")
    t.block.used -= n
    while t.block.used == 0 and t.block.previous != NULL:
        t.block = t.block.previous


cdef void free_blocks(Block *block) noexcept nogil:
    cdef Block *following
    while block != NULL:
        following = block.next
        free(block)
        block = following


# ---- suspended frames -----------------------------------------------------------------------------------

cdef inline Shadow **bucket_of(rec_iframe *frame) noexcept nogil:
    return &tracer.suspended[<uint32_t> ((<uintptr_t> frame >> 4) * 2654435761u) % BUCKETS]


cdef void suspend(Thread *t) noexcept nogil:
    cdef Shadow *s = top_of(t)
    cdef Shadow *node = s.node
    cdef Shadow **bucket = bucket_of(s.frame)
    if tracer.suspended_count >= MOST_SUSPENDED and bucket[0] != NULL:
        forget_node(bucket)
    node[0] = s[0]
    node.chain = bucket[0]
    bucket[0] = node
    tracer.suspended_count += 1
    t.depth -= 1


cdef Status reenter(Thread *t, rec_iframe *frame, Code *code) noexcept:
    """Pushes a suspended frame again; one that was never seen, or forgotten, is adopted."""
    cdef Shadow **link = bucket_of(frame)
    cdef Shadow *node
    cdef Status status = reserve(DEF_ROOM)
    if status != OK:
        return status
    while link[0] != NULL and link[0].frame != frame:
        link = &link[0].chain
    node = link[0]
    REC_CHECK(node == NULL or node.node == node, b"a suspended frame is kept in its own node")
    if node != NULL and node.code != code:
        forget_node(link)
        node = NULL
    if node == NULL:
        return adopt(t, frame, code)
    status = make_room(t)
    if status != OK:
        return status
    REC_CHECK(tracer.suspended_count > 0, b"suspended frames are counted")
    link[0] = node.chain
    tracer.suspended_count -= 1
    t.frames[t.depth] = node[0]
    t.depth += 1
    tape.cur = put_tagged(tape.cur, REC_REENTER, tracer.frames - node.number)
    return OK


cdef void forget_frame(rec_iframe *frame) noexcept nogil:
    """A new frame at the address of a suspended one: that one's end was not seen."""
    cdef Shadow **link = bucket_of(frame)
    while link[0] != NULL:
        if link[0].frame == frame:
            forget_node(link)
            return
        link = &link[0].chain


cdef void forget_node(Shadow **link) noexcept nogil:
    cdef Shadow *node = link[0]
    link[0] = node.chain
    tracer.suspended_count -= 1
    if reserve(DEF_ROOM) == OK:                 # else the fault is set, and the hook will answer for it
        tape.cur = put_tagged(tape.cur, REC_FORGET, tracer.frames - node.number)
    free_shadow(node)                           # frees the node itself, which is its own `node`


# ---- frames that were running before they were seen -----------------------------------------------------

cdef Status adopt(Thread *t, rec_iframe *frame, Code *code) noexcept:
    """Pushes a frame in the middle of its life, with all its variables."""
    cdef Status status
    cdef int line
    if code.session != tracer.session:
        status = define_code(code)
        if status != OK:
            return status
    status = note_task(t, NULL, code)
    if status != OK:
        return status
    status = reserve(DEF_ROOM)
    if status != OK:
        return status
    status = bind_globals(code, frame)
    if status != OK:
        return status
    line = PyCode_Addr2Line(code.object, rec_frame_offset(frame))
    if line < 0:
        line = code.first_line
    tape.cur = put_varint(put_tagged(tape.cur, REC_ADOPT, code.number), <uint64_t> line)
    status = push(t, frame, code)
    if status != OK:
        return status
    top_of(t).line = line
    return note_variables(top_of(t))


cdef Status sync(Thread *t, rec_iframe *frame) noexcept:
    """Makes the shadow stack that of the real stack whose top is `frame`: ends that were not seen are
    inferred, frames that were not seen are adopted. Outer frames that are not in scope do not count."""
    cdef rec_iframe *f = frame
    cdef rec_iframe **chain
    cdef Code *code
    cdef uint32_t n = 0, i
    cdef uint32_t matched = 0
    cdef Status status = OK
    while f != NULL:
        n += 1
        f = f.previous
    chain = <rec_iframe **> rec_sys.malloc(n * sizeof(rec_iframe *))
    if chain == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, n * sizeof(rec_iframe *))
    n = 0
    f = frame
    while f != NULL:
        if rec_frame_is_complete(f):
            code = code_of(rec_object(f.code))
            if code == NULL:
                free(chain)
                return ERR_INTERNAL
            if code.in_scope:
                chain[n] = f
                n += 1
        f = f.previous
    while (matched < n and matched < t.depth and t.frames[matched].frame == chain[n - 1 - matched]
           and <PyObject *> t.frames[matched].code.object == rec_object(chain[n - 1 - matched].code)):
        matched += 1
    while t.depth > matched and status == OK:
        status = reserve(DEF_ROOM)
        if status == OK:
            tape.cur[0] = REC_DROP
            tape.cur += 1
            pop(t)
    for i in range(matched, n):
        if status != OK:
            break
        f = chain[n - 1 - i]
        code = code_of(rec_object(f.code))
        status = reenter(t, f, code) if code.suspends else adopt(t, f, code)
    free(chain)
    REC_CHECK(status != OK or t.depth == n, b"the shadows are those of the frames that run")
    commit()
    return status


# ---- threads ------------------------------------------------------------------------------------------

cdef inline Thread *thread_of(PyThreadState *state) noexcept nogil:
    """The thread the event belongs to; NULL when it could not be made. Writes THREAD when it is another one."""
    if tracer.thread != NULL and tracer.thread.state == state and tracer.thread.state_id == state.id:
        return tracer.thread
    return switch_thread(state)


cdef Thread *switch_thread(PyThreadState *state) noexcept nogil:
    cdef Thread *t = tracer.all_threads
    while t != NULL and (t.state != state or t.state_id != state.id):
        t = t.next
    if reserve(2048) != OK:
        return NULL
    if t == NULL:
        t = new_thread(state)
        if t == NULL:
            return NULL
    name_thread(t)
    if t != tracer.last_thread:
        t.loop = NULL
        tape.cur = put_tagged(tape.cur, REC_THREAD, t.number)
    tracer.thread = tracer.last_thread = t
    if t.task != NULL and find_task(t, NULL) != OK:
        return NULL
    return t


cdef Thread *new_thread(PyThreadState *state) noexcept nogil:
    """A thread not met before; takes over the memory of one that has ended, told by its reused state."""
    cdef Thread *t = tracer.all_threads
    while t != NULL and t.state != state:
        t = t.next
    if t == NULL:
        t = <Thread *> rec_sys.calloc(1, sizeof(Thread))
        if t == NULL:
            fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Thread))
            return NULL
        t.next = tracer.all_threads
        tracer.all_threads = t
    if t.depth > 0 and not drop_frames(t):
        return NULL
    tracer.last_thread = NULL
    t.state = state
    t.state_id = state.id
    t.raised.start = NULL
    t.raising = NULL
    t.name_print = 0
    t.task = NULL
    t.number = tracer.threads
    tracer.threads += 1
    return t


cdef bint drop_frames(Thread *t) noexcept nogil:
    """The thread ended in the middle of frames: their ends are inferred."""
    if reserve(DEF_ROOM) != OK:
        return False
    tape.cur = put_tagged(tape.cur, REC_THREAD, t.number)
    while t.depth > 0:
        tape.cur[0] = REC_DROP
        tape.cur += 1
        pop(t)
        if reserve(2048) != OK:
            return False
    return True


# ---- code objects -------------------------------------------------------------------------------------

cdef Code *code_of(PyObject *object) noexcept:
    """What is known of a code object; NULL after a fault."""
    cdef Code *code = <Code *> rec_known_of(object)
    return code if code != NULL else new_code(<PyCodeObject *> object)


cdef Code *new_code(PyCodeObject *object) noexcept:
    cdef Code *code
    if not PyCode_Check(<PyObject *> object):
        blame("a hook is told of a code object")
        fail(ERR_INVARIANT_BROKEN, STAGE_CAPTURE)
        return NULL
    code = <Code *> rec_sys.calloc(1, sizeof(Code))
    if code == NULL:
        fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Code))
        return NULL
    code.object = object
    code.first_line = object.co_firstlineno
    code.is_async = (object.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0
    code.suspends = (object.co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0
    code.is_namespace = (object.co_flags & CO_OPTIMIZED) == 0
    if prepare_code(code) != OK or not rec_know(<PyObject *> object, code):
        free(code.kinds)
        free(code)
        fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Code))
        return NULL
    code.next = tracer.all_codes
    if code.next != NULL:
        code.next.previous = code
    tracer.all_codes = code
    return code


cdef Status prepare_code(Code *code) noexcept:
    """What depends on the session: scope, and an empty list of names."""
    code.session = 0
    code.home = NULL
    code.home_number = code.mutable_epoch = code.mutable_count = 0
    code.in_scope = is_in_scope(code.object)
    code.instrumented = False
    if code.is_namespace:
        code.slots = 0
    else:
        code.too_wide = code.object.co_nlocalsplus > MOST_LOCALS
        code.slots = 0 if code.too_wide else <uint32_t> code.object.co_nlocalsplus
        if not copy_kinds(code):
            return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, code.slots)
    code.room = DEF_ROOM * 2 + 24 * (code.slots if not code.is_namespace else 0)
    return OK


cdef bint copy_kinds(Code *code) noexcept nogil:
    cdef const uint8_t *kinds = <const uint8_t *> PyBytes_AS_STRING(code.object.co_localspluskinds)
    cdef uint32_t i
    if code.kinds == NULL:
        code.kinds = <uint8_t *> rec_sys.malloc(code.slots + 1)
    if code.kinds == NULL:
        return False
    for i in range(code.slots):
        code.kinds[i] = kinds[i] & REC_KINDS
        if is_secret(rec_tuple_items(code.object.co_localsplusnames)[i]):
            code.kinds[i] |= KIND_SECRET
    return True


cdef void forget_code(void *known) noexcept nogil:
    """CPython frees the code object. A shadow that still points here is stale, and lets go of it later."""
    cdef Code *code = <Code *> known
    code.object = NULL
    if code.users == 0:
        free_code(code)


cdef void free_code(Code *code) noexcept nogil:
    if code.previous != NULL:
        code.previous.next = code.next
    else:
        tracer.all_codes = code.next
    if code.next != NULL:
        code.next.previous = code.previous
    release_space(code.home)
    free(code.mutables)
    free(code.names)
    free(code.kinds)
    free(code)


cdef Status define_code(Code *code) noexcept:
    """DEF_FILE if need be, and DEF_CODE."""
    cdef PyCodeObject *o = code.object
    cdef Py_ssize_t n = 0 if code.is_namespace else code.slots, i
    cdef uint64_t file = 0
    cdef uint8_t *p
    cdef PyObject *name
    cdef Status status
    status = file_of(o, &file)
    if status != OK:
        return status
    # Names are cut at 200 code points: 4 × 200 bytes, a kind and a length each.
    status = reserve(<size_t> (n + 4) * 808)
    if status != OK:
        return status
    code.number = tracer.codes
    code.session = tracer.session
    tracer.codes += 1
    p = put_tagged(tape.cur, REC_DEF_CODE, code.number)
    p = put_varint(put_varint(put_varint(p, file), <uint64_t> o.co_firstlineno), <uint64_t> o.co_flags)
    p = put_str(put_str(p, o.co_name, 200), o.co_qualname, 200)
    p = put_varint(p, <uint64_t> (0 if code.too_wide else argument_count(o)))
    p = put_varint(p, <uint64_t> n)
    for i in range(n):
        name = rec_tuple_items(o.co_localsplusnames)[i]
        p[0] = (4 if code.kinds[i] & REC_KIND_FREE else 2 if code.kinds[i] & REC_KIND_CELL else 1)
        p = put_str(p + 1, name, 200)
    tape.cur = p
    return OK


cdef Status file_of(PyCodeObject *o, uint64_t *file) noexcept:
    """The number of a code's file. The only place on the way of an event that makes Python objects."""
    cdef PyObject *handled = rec_save_handled()
    cdef Status status = OK
    try:
        name = file_name_of(o)
        known = files.get(name)
        if known is None:
            known = files[name] = tracer.files
            status = define_file(o.co_filename, tracer.files)
            tracer.files += 1
        file[0] = known
    except BaseException as error:
        status = fail_by_exception(error, STAGE_CAPTURE)
    rec_restore_handled(handled)
    return status


cdef str file_name_of(PyCodeObject *o):
    """An exact str: code.replace() takes one of a class of the program's, whose methods would be called."""
    return PyUnicode_FromObject(o.co_filename)


cdef Status define_file(PyObject *path, uint64_t number) noexcept nogil:
    cdef Status status = reserve(4 * 4096 + DEF_ROOM)
    if status == OK:
        tape.cur = put_str(put_tagged(tape.cur, REC_DEF_FILE, number), path, 4096)
    return status


cdef int argument_count(PyCodeObject *o) noexcept nogil:
    return (o.co_argcount + o.co_kwonlyargcount + ((o.co_flags & CO_VARARGS) != 0)
            + ((o.co_flags & CO_VARKEYWORDS) != 0))


# ---- scope --------------------------------------------------------------------------------------------

cdef int scope_mode                # 0 own, 1 deps, 2 all
cdef tuple scope_outside = ()      # folders of the recorder itself: never recorded
cdef tuple scope_stdlib = ()
cdef tuple scope_include = ()      # patterns of paths: what they match is in scope, or is not, whatever the mode says
cdef tuple scope_exclude = ()
cdef object scope_main = None      # the file run as __main__: always recorded


cdef bint is_in_scope(PyCodeObject *o) noexcept:
    cdef PyObject *handled = rec_save_handled()
    cdef bint inside = False
    try:
        inside = path_in_scope(file_name_of(o))
    except BaseException as error:
        fail_by_exception(error, STAGE_CAPTURE)
    rec_restore_handled(handled)
    return inside


cdef bint path_in_scope(str path) except -1:
    if path.startswith(scope_outside):
        return False
    if matches_any(path, scope_exclude):
        return False
    if path == scope_main or scope_mode == 2 or matches_any(path, scope_include):
        return True
    if "/site-packages/" in path or "/dist-packages/" in path:
        return scope_mode == 1
    if path.startswith("<frozen "):
        return False
    return not path.startswith(scope_stdlib)


cdef bint matches_any(str path, tuple patterns) except -1:
    for pattern in patterns:
        if rec_str_matches(<PyObject *> path, <const char *> <bytes> pattern):
            return True
    return False


# ---- a session's beginning and end --------------------------------------------------------------------

cdef Status open_tracer() noexcept:
    """State of a new session. What hangs on code objects from an earlier one is made new."""
    global spaces_made
    cdef Code *code
    cdef rec_watch_outcome watching
    tracer.session += 1
    tracer.codes = tracer.files = tracer.threads = tracer.suspended_count = 0
    tracer.frames = 0
    tracer.walk = MOST_WALK
    tracer.walk_at = 0
    tracer.thread = tracer.last_thread = NULL
    spaces_made = 0
    types.next_id = 0
    if tracer.suspended == NULL:
        tracer.suspended = <Shadow **> rec_sys.calloc(BUCKETS, sizeof(Shadow *))
    if types.entries == NULL:
        types.size = 65536
        types.entries = <TypeEntry *> rec_sys.calloc(types.size, sizeof(TypeEntry))
        types.meet = meet_type
        rec_prepare_prints()
    if tracer.suspended == NULL or types.entries == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    PyDict_Clear(files)
    watching = rec_watch_codes(&rec_sys, forget_code)
    if watching == REC_WATCHERS_TAKEN:
        blame("as many tools as can watch code objects")
        return fail(ERR_TRACER_INSTALL_CONFLICT, STAGE_START)
    if watching == REC_WATCH_MEMORY:
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    code = tracer.all_codes
    while code != NULL:
        if code.object != NULL and prepare_code(code) != OK:
            return ERR_OUT_OF_MEMORY
        code = code.next
    forget_types()
    watch_dicts()
    return open_whose()


cdef void close_tracer() noexcept nogil:
    """Frees every shadow and namespace. No record is written."""
    cdef Code *code
    cdef Thread *t = tracer.all_threads
    cdef Thread *following
    cdef Shadow *node
    cdef Block *block
    cdef uint32_t i
    while t != NULL:
        following = t.next
        while t.depth > 0:
            pop(t)
        block = t.block
        REC_CHECK(block == NULL or block.used == 0, b"slots go with the frames they are of")
        while block != NULL and block.previous != NULL:
            block = block.previous
        free_blocks(block)
        free(t.frames)
        free(t)
        t = following
    tracer.all_threads = tracer.thread = tracer.last_thread = NULL
    if tracer.suspended != NULL:
        for i in range(<uint32_t> BUCKETS):
            while tracer.suspended[i] != NULL:
                node = tracer.suspended[i]
                tracer.suspended[i] = node.chain
                free_shadow(node)
    tracer.suspended_count = 0
    code = tracer.all_codes                     # only now: those whose code object is gone went with the last shadow
    while code != NULL:
        REC_CHECK(code.users == 0 and code.object != NULL, b"no shadow is left that holds a code")
        release_space(code.home)
        code.home = NULL
        code = code.next
    close_spaces()
    unwatch_dicts()
