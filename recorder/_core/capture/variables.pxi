# Variables: what was last recorded of each, and the SETs for what has changed since.

cdef enum:
    MOST_LOCALS = 5000       # of a function: the names of all of them have to fit into one record

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


cdef inline uint8_t *put_set(uint8_t *p, uint32_t slot) noexcept nogil:
    if slot < 64:
        p[0] = <uint8_t> (REC_SET | slot)
        return p + 1
    return put_tagged(p, REC_SET_LONG, slot)


cdef inline uint8_t *put_place(uint8_t *p, Space *space, uint32_t slot) noexcept nogil:
    """A variable of the top frame, or a global."""
    return put_set(p, slot) if space == NULL else put_global(p, space, slot)


cdef inline Status note_variables(Shadow *s) noexcept nogil:
    """SETs for what changed since the last event of this frame. Afterwards DEF_ROOM bytes are free."""
    cdef Code *code = s.code
    cdef PyObject **values = s.frame.localsplus
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
        v = values[i]
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


# ---- what can be compared at once --------------------------------------------------------------------

cdef inline bint is_plain(PyObject *o) noexcept nogil:
    return (o == Py_None or o.ob_type == &PyLong_Type or o.ob_type == &PyUnicode_Type
            or o.ob_type == &PyBool_Type or o.ob_type == &PyFloat_Type)


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


# ---- objects -----------------------------------------------------------------------------------------

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


cdef inline bint is_known(Slot *slot, PyObject *v, PyTypeObject *t) noexcept nogil:
    """Whether it is the object that was looked at last."""
    return slot.type == t and <uintptr_t> slot.object & ~<uintptr_t> MARKS == <uintptr_t> v


cdef void leave_unexamined(Slot *slot, uint32_t i, Space *space) noexcept nogil:
    """Says once that the variable may hold something else by now."""
    if <uintptr_t> slot.object & IS_UNEXAMINED:
        return
    slot.object = <PyObject *> (<uintptr_t> slot.object | IS_UNEXAMINED)
    tape.cur = put_place(tape.cur, space, i)
    tape.cur[0] = TAG_UNEXAMINED
    tape.cur += 1
