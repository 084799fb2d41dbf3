# Variables: what was last recorded of each, and the SETs for what has changed since.
#
# Before each event of a frame record_variables compares every variable with what was last recorded of it. A number's
# content is compared itself; anything else is compared by a fingerprint of its content (value/fingerprint.c), since an
# unchanged address does not mean an unchanged object, and a kept reference would change the program.

cdef enum:
    MOST_LOCALS = 5000       # of a function: the names of all of them have to fit into one record

cdef enum:                   # marks in an address, whose lowest bits are zero
    IS_UNEXAMINED = 1        # UNEXAMINED was written: the variable may hold something else by now
    IS_LIMITED = 2           # only LIMITED_NODES of it are recorded
    MARKS = 3

cdef struct Recorded:        # of one variable: what was last recorded; type NULL: unbound
    PyTypeObject *type       # lowest bit set: an int of more than 60 bits. &rec_secrets: a value that is redacted
    uint64_t fingerprint     # of a number: its content
    uint64_t number          # of that object (value/identity.h), or NO_OBJECT
    PyObject *object         # not owned, only compared: the object that was looked at last, and MARKS
    uint64_t due             # the event from which on it is looked at again; 0: before every event (budget.pxi: due_of)

cdef struct Name:            # one variable of a class body, or one global
    PyObject *key            # not owned: only compared, and only together with the hash
    Py_hash_t hash
    uint64_t fingerprint     # of the name
    bint secret


cdef inline Status record_variables(Shadow *s) noexcept nogil:
    """SETs for what changed since the last event of this frame. Afterwards SMALL_RECORD bytes are free."""
    if s.stores | s.changing != 0 or not has_only_its_own_code(s):
        return compare_variables(s)
    if REC_CHECKING:
        check_passed_over(s, s.code.variables)
    return reserve(SMALL_RECORD)


cdef inline bint has_only_its_own_code(Shadow *s) noexcept nogil:
    """Whether nothing but the code of the frame's lines, of which it is known what it stores, changes its variables,
    and nobody its globals."""
    cdef Code *code = s.code
    if rec_is_exposed(s.frame) or code.is_body or code.slots > <uint32_t> REC_MASKED:
        return False
    if PY_VERSION_HEX < 0x030C0000 and has_hidden_ways(s):
        return False
    return s.globals == NULL or (
        s.globals.watched and not s.globals.stale
        and code.mutable_epoch == epoch_of(s.globals) and code.compared == 0)


cdef Status compare_variables(Shadow *s) noexcept nogil:
    cdef Code *code = s.code
    cdef uint64_t looked_at
    cdef uint32_t slot
    cdef Status status
    if s.changing != 0 or s.stores & REC_STILL:
        if is_still(s):
            return compare_stored(s)
        tracer.has_gone_back = False
        s.stores &= ~REC_STILL
    status = reserve(code.event_size)
    if status != OK:
        return status
    tracer.small_cost = 0
    tracer.looking = s
    if s.globals != NULL:
        status = record_globals(s, code)
        if status != OK:
            return status
    if code.is_body:
        return OK if s.is_module_body else record_class_body(s)
    if code.slots > <uint32_t> REC_MASKED:
        return record_all_locals(s)
    looked_at = s.stores | s.changing
    if rec_is_exposed(s.frame) or (PY_VERSION_HEX < 0x030C0000 and has_hidden_ways(s)):
        looked_at = code.variables
    if REC_CHECKING:
        check_passed_over(s, code.variables & ~looked_at)
    if s.changing != 0 and not identities.exact:
        hold(s, s.changing & ~s.stores & ~code.cells)
    while looked_at != 0:
        slot = rec_lowest_bit(looked_at)
        looked_at &= looked_at - 1
        status = record_local(s, slot)
        if status != OK:
            return status
    return OK


cdef Status compare_stored(Shadow *s) noexcept nogil:
    """Behind a line that has only read: the variables that it has stored to."""
    cdef uint64_t stored = s.stores & ~REC_STILL
    cdef uint32_t slot
    cdef Status status
    s.stores = stored
    if REC_CHECKING:
        if not tracer.has_gone_back:
            check_still(s)
        check_passed_over(s, s.code.variables & ~stored & ~s.changing)
    if stored == 0:
        return reserve(SMALL_RECORD)
    status = reserve(s.code.event_size)
    tracer.small_cost = 0
    tracer.looking = s
    if not identities.exact:
        hold(s, s.changing & ~stored & ~s.code.cells)
    while stored != 0 and status == OK:
        slot = rec_lowest_bit(stored)
        stored &= stored - 1
        status = record_local(s, slot)
    return status


cdef inline bint is_still(Shadow *s) noexcept nogil:
    """Whether nothing has run since the frame's last event but a line that only reads, or nothing at all: that event
    was the call, and no other came since. What such a line stores to has still to be looked at."""
    if tracer.has_gone_back:
        return False
    if is_foreseen(s):
        if tracer.reads_until == REC_WHOLE_LINE:
            nothing_ran()
            return tracer.is_looked_at
        if tracer.reads_until == REC_WHOLE_ROUND:
            tracer.has_gone_back = tracer.is_looked_at
            return tracer.is_looked_at
    return s.stores & REC_STILL != 0 and is_as_foreseen(s)


cdef inline bint is_foreseen(const Shadow *s) noexcept nogil:
    return tape.events == tracer.foreseen_at and s.number == tracer.foreseen_frame and is_as_foreseen(s)


cdef inline bint is_as_foreseen(const Shadow *s) noexcept nogil:
    """Whether the frame can only have run what its bytecode says. What an exception lets go of on its way is not of the
    line: but then there is a traceback, and with it a frame object."""
    if rec_is_exposed(s.frame) or s.code.is_body:
        return False
    return PY_VERSION_HEX >= 0x030C0000 or not has_hidden_ways(s)


cdef inline void foresee(const Shadow *s, int32_t reads_until, bint is_looked_at) noexcept nogil:
    """What runs until the next event. One was just written."""
    tracer.foreseen_at = tape.events
    tracer.foreseen_frame = s.number
    tracer.reads_until = reads_until
    tracer.is_looked_at = is_looked_at


cdef inline void foresee_line(const Shadow *s) noexcept nogil:
    """How far the line that begins only reads."""
    if s.stores & REC_STILL:
        foresee(s, REC_WHOLE_LINE, True)
    elif has_bits(s.code):
        foresee(s, rec_reads_until(s.code.stores, s.frame, s.line), True)


cdef void foresee_return(const Shadow *s, const Shadow *caller, PyObject *value) noexcept nogil:
    """The frame returns: how far what is left of the caller's line only reads."""
    if rec_is_called_by(s.frame, caller.frame) and has_bits(caller.code) and is_as_foreseen(caller) and (
            leaves_all_alive(s, value)):
        foresee(caller, rec_reads_behind_call(
            caller.code.stores, caller.frame, caller.line, value, rec_count_bits(s.changing)), False)


cdef bint leaves_all_alive(const Shadow *s, const PyObject *value) noexcept nogil:
    """Whether nothing ends with the frame, but for what code does not hear of: others have each object, too."""
    cdef uint64_t holding = s.changing
    cdef PyObject *v
    if s.code.suspends or not has_bits(s.code) or not is_as_foreseen(s):
        return False
    if rec_references(rec_object(s.frame.func)) < 2:
        return False
    while holding != 0:
        v = held_in(s, rec_lowest_bit(holding))
        holding &= holding - 1
        if v != NULL and v != value and rec_references(v) <= times_held(s, v):
            return False
    return True


cdef Py_ssize_t times_held(const Shadow *s, const PyObject *o) noexcept nogil:
    """By variables of the frame."""
    cdef uint64_t holding = s.changing
    cdef Py_ssize_t times = 0
    while holding != 0:
        times += held_in(s, rec_lowest_bit(holding)) == o
        holding &= holding - 1
    return times


cdef inline PyObject *held_in(const Shadow *s, uint32_t slot) noexcept nogil:
    """By a variable, which may be a cell."""
    cdef PyObject *v = rec_object((<rec_ref *> s.frame.localsplus)[slot])
    return (<PyCellObject *> v).ob_ref if v != NULL and v.ob_type == &PyCell_Type else v


cdef inline bint has_bits(const Code *code) noexcept nogil:
    """Whether there is a bit for each of its variables."""
    return not code.is_body and code.slots <= <uint32_t> REC_MASKED


cdef inline bint is_called_quietly(const Shadow *s, const Shadow *caller) noexcept nogil:
    """Whether the caller's line has only read until it called the frame, which begins."""
    return (is_foreseen(caller) and not s.code.suspends and rec_is_called_by(s.frame, caller.frame)
            and rec_calls_at(caller.code.stores, caller.frame, tracer.reads_until))


cdef inline bint has_hidden_ways(const Shadow *s) noexcept nogil:
    """3.11: whether code of a line may run of which CPython does not tell: where an exception leads, which comes up
    again at the end of a handler, or somebody else's trace function, which sets where the frame goes on."""
    return s.last_raised != NULL or chained != NULL


cdef void hold(Shadow *s, uint64_t holding) noexcept nogil:
    """Where no death is told: an object in a variable that no code can have stored to since it was looked at last is
    the one that it was then."""
    cdef Recorded *last
    cdef PyObject *v
    cdef uint32_t slot
    if s.code.slots > <uint32_t> REC_MASKED or rec_is_exposed(s.frame):
        return
    begin_moment(tape.events)
    while holding != 0:
        slot = rec_lowest_bit(holding)
        holding &= holding - 1
        v = rec_object((<rec_ref *> s.frame.localsplus)[slot])
        last = &s.slots[slot]
        if v != NULL and is_known(last, v, v.ob_type):
            hold_object(v)


cdef inline void hold_arguments(Shadow *s) noexcept nogil:
    """What the variables of a caller hold may be among the arguments."""
    cdef uint64_t holding = s.changing & ~s.stores & ~s.code.cells
    if holding != 0 and not s.code.is_body:
        hold(s, holding)


cdef Status record_all_locals(Shadow *s) noexcept nogil:
    """Of a function with more variables than there are bits for."""
    cdef uint32_t slot
    cdef Status status
    for slot in range(s.slot_count):
        status = record_local(s, slot)
        if status != OK:
            return status
    return OK


cdef inline Status record_local(Shadow *s, uint32_t slot) noexcept nogil:
    cdef PyObject *v = rec_object((<rec_ref *> s.frame.localsplus)[slot])
    cdef uint8_t kind = s.code.kinds[slot]
    cdef Recorded *last = &s.slots[slot]
    cdef PyTypeObject *before = last.type
    cdef Status status
    if kind != REC_KIND_LOCAL:
        if kind & REC_KIND_HIDDEN:
            return OK
        if v != NULL and v.ob_type == &PyCell_Type and kind & (REC_KIND_CELL | REC_KIND_FREE):
            v = (<PyCellObject *> v).ob_ref
        if kind & KIND_SECRET:
            record_secret(last, slot, v, NULL)
            return OK
    status = record_variable(last, slot, v, s.code.event_size, NULL)
    if last.type != before:
        note_changing(s, slot)
    return status


cdef inline void note_changing(Shadow *s, uint32_t slot) noexcept nogil:
    """The variable holds a value of another type than before: can that change while no code of this frame runs?"""
    cdef uint64_t bit = <uint64_t> 1 << (slot & 63)
    if is_lasting(s.slots[slot].type):
        s.changing = (s.changing & ~bit) | (s.code.cells & bit)
    else:
        s.changing |= bit


cdef inline bint is_lasting(PyTypeObject *t) noexcept nogil:
    """Whether a variable with a value of this type, as in Recorded, has that value until it is stored to."""
    return (t == NULL or t == &PyLong_Type or t == &PyUnicode_Type or t == &PyFloat_Type or t == &PyBool_Type
            or t == Py_None.ob_type)


cdef void check_passed_over(Shadow *s, uint64_t passed_over) noexcept nogil:
    """Debug builds: what is not looked at is what was recorded."""
    cdef uint32_t slot
    cdef PyObject *v
    cdef Recorded *last
    cdef uint64_t n = 0
    while passed_over != 0:
        slot = rec_lowest_bit(passed_over)
        passed_over &= passed_over - 1
        v = rec_object((<rec_ref *> s.frame.localsplus)[slot])
        last = &s.slots[slot]
        if s.code.kinds[slot] & KIND_SECRET or v == NULL or last.type == NULL:
            REC_CHECK((v == NULL) == (last.type == NULL), b"a variable is bound and unbound by its line's own code")
            continue
        REC_CHECK(last.type == v.ob_type and is_lasting(last.type), b"what is passed over cannot change in place")
        if not scalar_content(v, v.ob_type, &n):
            n = rec_fingerprint(v, v.ob_type)
        REC_CHECK(last.fingerprint == n, b"what is passed over was stored by no code of the line")


cdef void check_still(Shadow *s) noexcept nogil:
    """Debug builds: what a still line, which nothing can interrupt, leaves as it was."""
    cdef uint64_t holding = s.changing
    cdef uint32_t slot
    cdef PyObject *v
    cdef Recorded *last
    if tape.events - types_forgotten_at < 1000 or types.used * 2 > types.size:
        return                                  # the numbers of types are others now, or would be
    if not identities.exact:
        hold(s, s.changing & ~s.code.cells)
    while holding != 0:
        slot = rec_lowest_bit(holding)
        holding &= holding - 1
        v = rec_object((<rec_ref *> s.frame.localsplus)[slot])
        last = &s.slots[slot]
        if v != NULL and is_known(last, v, v.ob_type) and <uintptr_t> last.object & MARKS == 0:
            REC_CHECK(take_fingerprint(v) == last.fingerprint, b"a still line changes nothing")


# Below, `slot` and `namespace` say which variable it is: one of the top frame (NULL), or a global of that namespace.
# `reserved` bytes are free before and afterwards.

cdef inline Status record_variable(Recorded *last, uint32_t slot, PyObject *v, uint32_t reserved,
                                   Namespace *namespace) noexcept nogil:
    """A SET, if `v` (NULL: unbound) is not what was last recorded."""
    cdef PyTypeObject *t
    cdef uint64_t n = 0
    if v == NULL:
        if last.type != NULL:
            last.type = NULL
            tape.cur = put_set(tape.cur, namespace, slot)
            tape.cur[0] = TAG_UNBOUND
            tape.cur += 1
        return OK
    t = v.ob_type
    if not scalar_content(v, t, &n):
        if t == &PyUnicode_Type:
            return record_text(last, slot, v, reserved, namespace)
        return record_object(last, slot, v, t, reserved, namespace)
    if last.type != t or last.fingerprint != n:
        set_scalar(last, slot, v, t, n, namespace)
    return OK


cdef inline uint8_t *put_set(uint8_t *p, Namespace *namespace, uint32_t slot) noexcept nogil:
    """The beginning of a SET, before its value."""
    return put_local_set(p, slot) if namespace == NULL else put_global_set(p, namespace, slot)


cdef inline uint8_t *put_local_set(uint8_t *p, uint32_t slot) noexcept nogil:
    if slot < 64:
        p[0] = <uint8_t> (REC_SET | slot)
        return p + 1
    return put_tagged(p, REC_SET_LONG, slot)


# ---- numbers, texts, secrets --------------------------------------------------------------------------

cdef inline bint scalar_content(PyObject *o, PyTypeObject *t, uint64_t *out) noexcept nogil:
    """The exact content of a small scalar. An int of more than 60 bits is no small one."""
    if t == &PyLong_Type:
        return rec_int_small(o, <int64_t *> out)
    if t == &PyFloat_Type:
        out[0] = rec_float_bits(o)
        return True
    if o == Py_None or t == &PyBool_Type:
        out[0] = <uint64_t> <uintptr_t> o
        return True
    return False


cdef inline bint is_plain(PyObject *o) noexcept nogil:
    """A number, a text or None: it can be written without being looked into before."""
    return (o == Py_None or o.ob_type == &PyLong_Type or o.ob_type == &PyUnicode_Type
            or o.ob_type == &PyBool_Type or o.ob_type == &PyFloat_Type)


cdef inline bint is_small_int(int64_t n) noexcept nogil:
    """Whether its tag says which it is: no delta is shorter."""
    return REC_SMALL_MIN <= n <= REC_SMALL_MAX


cdef void set_scalar(Recorded *last, uint32_t slot, PyObject *v, PyTypeObject *t, uint64_t n,
                     Namespace *namespace) noexcept nogil:
    cdef uint8_t *p = put_set(tape.cur, namespace, slot)
    cdef uint64_t delta = zigzag(<int64_t> (n - last.fingerprint))
    if t == &PyLong_Type and last.type == t and not is_small_int(<int64_t> n) and delta < zigzag(<int64_t> n):
        tape.cur = put_tagged(p, TAG_INT_DELTA, delta)
    else:
        tape.cur = put_scalar(p, v, t, n)
    last.type = t
    last.fingerprint = n


cdef inline uint8_t *put_scalar(uint8_t *p, PyObject *v, PyTypeObject *t, uint64_t n) noexcept nogil:
    """What scalar_content told the content of."""
    if t == &PyLong_Type:
        return put_int(p, <int64_t> n)
    if t == &PyFloat_Type:
        return put_float(p, n)
    p[0] = TAG_NONE if v == Py_None else TAG_TRUE if v == Py_True else TAG_FALSE
    return p + 1


cdef Status record_text(Recorded *last, uint32_t slot, PyObject *v, uint32_t reserved,
                        Namespace *namespace) noexcept nogil:
    cdef uint64_t n = rec_fingerprint(v, &PyUnicode_Type)
    cdef Status status
    if last.type == &PyUnicode_Type and last.fingerprint == n:
        return OK
    status = reserve(limits.value_size + reserved)
    if status != OK:
        return status
    last.type = &PyUnicode_Type
    last.fingerprint = n
    last.object = NULL
    last.due = 0
    tape.cur = put_value(put_set(tape.cur, namespace, slot), v, False)
    return reserve(reserved)


cdef inline bint is_redacted(PyTypeObject *t) noexcept nogil:
    """Whether this is what stands for the type of a secret."""
    return t == <PyTypeObject *> &rec_secrets


cdef void record_secret(Recorded *last, uint32_t slot, PyObject *v, Namespace *namespace) noexcept nogil:
    """That the variable has a value, not which."""
    if (v == NULL) == (last.type == NULL):
        return
    last.type = NULL if v == NULL else <PyTypeObject *> &rec_secrets
    tape.cur = put_set(tape.cur, namespace, slot)
    tape.cur[0] = TAG_UNBOUND if v == NULL else TAG_REDACTED
    tape.cur += 1


# ---- objects ------------------------------------------------------------------------------------------

cdef Status record_object(Recorded *last, uint32_t slot, PyObject *v, PyTypeObject *t, uint32_t reserved,
                          Namespace *namespace) noexcept nogil:
    cdef uint64_t n
    cdef uint32_t cost
    cdef uintptr_t limited
    cdef bint known, current, waits
    cdef bint written = False, changed = False
    cdef Look *look = look_of(v)
    cdef Recorded *theirs = NULL
    cdef Contents contents
    cdef Status status
    if t == &PyLong_Type:
        t = <PyTypeObject *> (<uintptr_t> t | 1)
    known = is_known(last, v, t)
    current = is_current(look, v)
    if known and not current:
        waits = can_wait(last)
        changed = (waits or <uintptr_t> last.object & IS_LIMITED) and is_changed_by_line(last, slot, namespace)
        if waits and not changed:
            leave_unexamined(last, slot, namespace)
            return OK
    if tracer.caller != NULL and namespace == NULL and last.type == NULL and not <uintptr_t> t & 1:
        theirs = held_by_caller(slot, v, t)
        if theirs != NULL and is_budget_small() and not current and can_wait(theirs):
            take_over(last, slot, theirs)
            leave_unexamined(last, slot, NULL)
            return reserve(reserved)
    identities.top = look.identity
    if current and theirs != NULL and is_as_recorded(theirs, look.fingerprint, look.limited):
        limited = look.limited
    else:
        limited = <uintptr_t> last.object & IS_LIMITED * (not changed) if known else IS_LIMITED * is_budget_low()
        current = current and look.limited == limited and (
            (last.type == t and last.fingerprint == look.fingerprint)
            or is_told_now(look, slot, t, reserved, namespace))
    if limited:
        limit_walk()
    if not current:                             # or it has to be written, for which it is gone through before
        take_look(look, v, limited)
    elif REC_CHECKING:
        check_look(look)
    n = look.fingerprint
    cost = walk_cost()
    if theirs != NULL and is_as_recorded(theirs, n, limited):
        status = reserve(reserved)
        if status != OK:
            return status
        take_over(last, slot, theirs)
    elif last.type != t or last.fingerprint != n:
        status = reserve(limits.value_size + reserved)
        if status != OK:
            return status
        last.type = t
        last.fingerprint = n
        last.number = identities.top.number
        contents = contents_of(look, t, doubts_written(slot, namespace))
        written = not is_told(&contents)
        tape.cur = put_set(tape.cur, namespace, slot)
        tape.cur = (
            put_contents(tape.cur, v, &contents) if written
            else put_told(tape.cur, &contents, look.alike))
    elif last.number != identities.top.number or (
            not identities.exact and may_be_stored(slot, known, namespace) and may_be_rebound(last, slot, namespace)):
        status = reserve(reserved)
        if status != OK:
            return status
        put_rebound(last, slot, namespace)
    elif <uintptr_t> last.object & IS_UNEXAMINED:
        status = reserve(reserved)
        if status != OK:
            return status
        tape.cur = put_set(tape.cur, namespace, slot)
        tape.cur[0] = TAG_EXAMINED
        tape.cur += 1
    last.object = <PyObject *> (<uintptr_t> v | limited)
    walk.node_limit = limits.nodes
    if not current and not charge_small(cost):
        look.due = tape.events + 1 + cost // budget_per_event
        cost *= 1 + WRITE_COST * written
        if changed:
            pay_for_change(last, cost)
        else:
            charge_walk(cost, known)
    set_due(last, look.due)
    if classes.met_count != 0:
        status = open_met_classes()
        if status != OK:
            return status
    return reserve(reserved)                    # the fingerprint may have written DEFs


cdef inline uint64_t doubts_written(uint32_t slot, Namespace *namespace) noexcept nogil:
    """With the number of the object that was looked at."""
    identities.followed = identities.exact or is_followed(slot, namespace)
    return identities.top.doubts if identities.followed else identities.top.doubts | REC_NOT_FOLLOWED


cdef bint is_told_now(const Look *look, uint32_t slot, PyTypeObject *t, uint32_t reserved,
                      Namespace *namespace) noexcept nogil:
    """Whether an object whose look is current stands on the tape as it is, so that it need not be looked at again. Then
    there is room for it in this segment."""
    cdef Contents contents = contents_of(look, t, doubts_written(slot, namespace))
    return is_told(&contents) and reserve(limits.value_size + reserved) == OK and is_told(&contents)


# An argument is most often what a variable of the caller holds, which was looked at before the line with the call. Its
# content is written once.

cdef Recorded *held_by_caller(uint32_t slot, PyObject *v, PyTypeObject *t) noexcept nogil:
    """What was recorded of the variable of the caller's that holds this object, as it did when it was looked at last. A
    cell may have been stored to by others, and a variable of the line that runs by that: neither counts. `slot`: of the
    argument, of whose object as much has to be known from now on."""
    cdef Shadow *s = tracer.caller
    cdef uint64_t holding = s.changing & ~s.stores & ~s.code.cells
    if holding == 0 or s.code.is_body or s.code.slots > <uint32_t> REC_MASKED or rec_is_exposed(s.frame):
        return NULL
    if PY_VERSION_HEX < 0x030C0000 and has_hidden_ways(s):
        return NULL
    if not identities.exact and not is_followed(slot, NULL):
        return NULL
    while holding != 0:
        slot = rec_lowest_bit(holding)
        holding &= holding - 1
        if is_known(&s.slots[slot], v, t) and rec_object((<rec_ref *> s.frame.localsplus)[slot]) == v:
            return &s.slots[slot]
    return NULL


cdef inline bint is_as_recorded(const Recorded *theirs, uint64_t fingerprint, uintptr_t limited) noexcept nogil:
    """Whether the object that was just looked at is what was recorded of it last, and as much of it."""
    return (theirs.fingerprint == fingerprint and theirs.number == identities.top.number
            and <uintptr_t> theirs.object & MARKS == limited)


cdef inline void take_over(Recorded *last, uint32_t slot, const Recorded *theirs) noexcept nogil:
    """The argument is, from now on, what the caller's variable is. Needs SMALL_RECORD bytes."""
    last[0] = theirs[0]
    tape.cur = put_tagged(put_local_set(tape.cur, slot), TAG_CALLERS, <uint64_t> (theirs - tracer.caller.slots))


cdef bint is_followed(uint32_t slot, Namespace *namespace) noexcept nogil:
    """Where no death is told: whether it is known when the variable is stored to."""
    cdef const Shadow *s = tracer.looking
    if namespace != NULL:
        return namespace.watched
    return not s.code.is_body and s.code.slots <= <uint32_t> REC_MASKED and not (s.code.cells >> slot) & 1


cdef inline bint may_be_stored(uint32_t slot, bint known, Namespace *namespace) noexcept nogil:
    return not known or (namespace == NULL and (tracer.looking.stores >> (slot & 63)) & 1)


cdef bint may_be_rebound(const Recorded *last, uint32_t slot, Namespace *namespace) noexcept nogil:
    """Where no death is told: whether an object at the address of the one before, in which the same is, may be
    another."""
    identities.followed = is_followed(slot, namespace)
    return last.number != NO_OBJECT and identities.followed


cdef void put_rebound(Recorded *last, uint32_t slot, Namespace *namespace) noexcept nogil:
    cdef uint64_t doubts = doubts_written(slot, namespace)
    last.number = identities.top.number
    tape.cur = put_tagged(put_set(tape.cur, namespace, slot), TAG_REBOUND, last.number)
    tape.cur = put_varint(tape.cur, doubts)


cdef inline bint is_known(Recorded *last, PyObject *v, PyTypeObject *t) noexcept nogil:
    """Whether it is the object that was looked at last."""
    return last.type == t and <uintptr_t> last.object & ~<uintptr_t> MARKS == <uintptr_t> v


cdef void leave_unexamined(Recorded *last, uint32_t slot, Namespace *namespace) noexcept nogil:
    """Writes, once, that the variable may hold something else by now."""
    if <uintptr_t> last.object & IS_UNEXAMINED:
        return
    last.object = <PyObject *> (<uintptr_t> last.object | IS_UNEXAMINED)
    tape.cur = put_set(tape.cur, namespace, slot)
    tape.cur[0] = TAG_UNEXAMINED
    tape.cur += 1
