# Variables: of frames, and of namespaces. Each keeps the bytes of its value, with differences resolved.

cdef Variable *local_variable(DecoderState *s, uint64_t number) noexcept nogil:
    """A variable of the top frame, allocated when first needed."""
    cdef Frame *f = s.top
    if f == NULL:
        s.input.reason = b"a variable outside of any frame"
        return NULL
    if f.flags & REC_FRAME_BODY:
        return global_variable(s, f.globals, number)
    if number < f.local_count:
        return &f.locals[number]
    return more_variables(s, &f.locals, &f.local_count, number, f.code.name_count)


cdef Variable *global_variable(DecoderState *s, NamespaceDef *namespace, uint64_t number) noexcept nogil:
    if s.preamble.on and not emit_definition(s, &namespace.base):
        return NULL
    if number < namespace.variable_count:
        return &namespace.variables[number]
    return more_variables(s, &namespace.variables, &namespace.variable_count, number, namespace.name_count)


cdef Variable *more_variables(
    DecoderState *s, Variable **variables, uint64_t *count, uint64_t number, uint64_t most
) noexcept nogil:
    cdef uint64_t wanted
    cdef Variable *larger
    if number >= most:
        s.input.reason = b"a variable its code or namespace does not have"
        return NULL
    wanted = max(number + 1, count[0] * 2, <uint64_t> 8)
    wanted = min(wanted, most)
    larger = <Variable *> arena_alloc(s, wanted * sizeof(Variable))
    if larger == NULL:
        return NULL
    if count[0]:
        memcpy(larger, variables[0], count[0] * sizeof(Variable))
    arena_free(s, variables[0], count[0] * sizeof(Variable))
    variables[0] = larger
    count[0] = wanted
    return &larger[number]


cdef void free_variables(DecoderState *s, Variable **variables, uint64_t *count) noexcept nogil:
    cdef uint64_t i
    for i in range(count[0]):
        if variables[0][i].heap != NULL:
            arena_free(s, variables[0][i].heap, variables[0][i].capacity)
    arena_free(s, variables[0], count[0] * sizeof(Variable))
    variables[0] = NULL
    count[0] = 0


cdef inline uint8_t *variable_data(Variable *variable) noexcept nogil:
    return &variable.small[0] if variable.heap == NULL else variable.heap


cdef inline bint store_value(
    DecoderState *s, Variable *variable, const uint8_t *value, size_t size
) noexcept nogil:
    cdef uint8_t *heap
    cdef uint32_t capacity
    if variable.heap == NULL and size <= sizeof(variable.small):
        # A copy of constant size is one instruction; there are almost always so many bytes to read.
        if s.input.end - value >= 16:
            memcpy(variable.small, value, 16)
        else:
            memcpy(variable.small, value, size)
    else:
        if size > variable.capacity:
            capacity = <uint32_t> (size + size // 2 + 16)
            heap = <uint8_t *> arena_take(s, capacity)
            if heap == NULL:
                return False
            if variable.heap != NULL:
                arena_free(s, variable.heap, variable.capacity)
            variable.heap = heap
            variable.capacity = capacity
        memcpy(variable.heap, value, size)
    variable.size = <uint32_t> size
    return True


# ---- records -------------------------------------------------------------------------------------

cdef inline Status apply_set(DecoderState *s, uint64_t number, Cursor *c) noexcept nogil:
    cdef Variable *variable = local_variable(s, number) if not c.bad else NULL
    cdef NamespaceDef *namespace
    cdef Status status
    if variable == NULL:
        return reject(s, b"a record that is not whole")
    if s.tally.on and not s.in_preamble and not note_set(s, s.top.code, number):
        return reject(s, b"")
    namespace = s.top.globals if s.top.flags & REC_FRAME_BODY else NULL
    status = take_variable(s, variable, namespace, c)
    if s.tally.on and not s.in_preamble and namespace == NULL and status == OK:
        note_held(s.top.code, number, variable)
    return status


cdef Status apply_set_global(DecoderState *s, Cursor *c) noexcept nogil:
    cdef NamespaceDef *namespace = <NamespaceDef *> get(s, &s.definitions.of_kind[DEF_NAMESPACE], take_varint(c))
    cdef uint64_t number = take_varint(c)
    cdef Variable *variable
    if c.bad or namespace == NULL:
        return reject(s, b"a variable of an unknown namespace")
    variable = global_variable(s, namespace, number)
    return reject(s, b"a record that is not whole") if variable == NULL else take_variable(
        s, variable, namespace, c
    )


cdef inline Status take_variable(
    DecoderState *s, Variable *variable, NamespaceDef *namespace, Cursor *c
) noexcept nogil:
    """What follows a SET. `namespace`: whose the variable is, if not the top frame's."""
    cdef const uint8_t *value = c.at
    cdef uint32_t flags = 0
    if c.at >= c.end:
        return reject(s, b"a record that is not whole")
    if TAG_INT_DELTA <= c.at[0] <= TAG_EXAMINED:
        if c.at[0] == TAG_INT_DELTA:
            return add_to_variable(s, variable, namespace, c)
        if c.at[0] == TAG_UNEXAMINED or c.at[0] == TAG_UNBOUND or c.at[0] == TAG_EXAMINED:
            return unset_variable(s, variable, namespace, c)
    if TAG_REBOUND <= c.at[0] <= TAG_PATCH:
        if c.at[0] >= TAG_TELL:
            return set_contents(s, variable, namespace, c)
        if c.at[0] == TAG_CALLERS:
            return copy_from_caller(s, variable, namespace, c)
        return rebind_variable(s, variable, namespace, c)
    take_new_value(s, c, &flags)
    if c.bad:
        return reject(s, b"a value that is not whole or not known")
    if not store_value(s, variable, value, <size_t> (c.at - value)):
        return reject(s, b"")
    mark_changed(s, variable, namespace, flags)
    return OK


cdef inline void mark_changed(
    DecoderState *s, Variable *variable, NamespaceDef *namespace, uint32_t flags
) noexcept nogil:
    if namespace != NULL:
        mark_global_changed(s, namespace, variable, flags)
        return
    variable.flags = flags
    variable.set_before = s.events
    if not s.in_preamble:
        variable.flags |= VAR_DIRTY | VAR_SET
        s.top.dirty = True


cdef inline void mark_global_changed(
    DecoderState *s, NamespaceDef *namespace, Variable *variable, uint32_t flags
) noexcept nogil:
    if s.changes.on and not s.in_preamble:
        note_global_change(s, namespace, variable)
    variable.flags = flags | VAR_DIRTY | (0 if s.in_preamble else VAR_SET)
    variable.set_before = namespace.changed_before = s.events
    namespace.dirty = True
    if namespace.of_class:
        s.class_changes += 1
        s.class_changed_before = s.events


cdef void note_global_change(DecoderState *s, NamespaceDef *namespace, Variable *variable) noexcept nogil:
    """Lists it, with who made it, for the next event. Where memory lacks it is not listed, and has its value."""
    cdef GlobalChange change
    cdef bint again = variable.flags & VAR_SET and variable.set_before == s.events
    if s.changes.restating and s.changes.restated == s.events and not again:
        return                       # told with an event of an earlier chunk; what was not is set twice
    if s.changes.before != s.events:
        s.changes.before = s.events
        s.changes.bytes.size = 0
    if variable.noted == <uint32_t> (s.events + 1):
        return
    variable.noted = <uint32_t> (s.events + 1)
    memset(&change, 0, sizeof(change))
    change.namespace = namespace
    change.slot = <uint64_t> (variable - namespace.variables)
    change.found = namespace.opened_before == s.events + 1
    if s.top != NULL:
        change.thread = s.threads.current
        change.code = s.top.code
        change.frame = s.top.number
        change.line = s.top.line
    append(s, &s.changes.bytes, &change, sizeof(change))


cdef inline Status add_to_variable(
    DecoderState *s, Variable *variable, NamespaceDef *namespace, Cursor *c
) noexcept nogil:
    """INT_DELTA: the variable takes the sum, so that it stands for itself."""
    cdef uint8_t sum[16]
    cdef Cursor old
    cdef uint64_t n
    c.at += 1
    n = <uint64_t> take_zigzag(c)
    old.at = variable_data(variable)
    old.end = old.at + variable.size
    old.bad = c.bad or s.in_preamble or variable.size == 0
    if not old.bad and old.at[0] >= TAG_SMALL_INT:
        n += <uint64_t> <int64_t> (<int64_t> old.at[0] - TAG_SMALL_INT + REC_SMALL_MIN)
    elif not old.bad and old.at[0] == TAG_INT:
        old.at += 1
        n += <uint64_t> take_zigzag(&old)
    else:
        return reject(s, b"a difference to a variable that holds no int")
    variable.size = <uint32_t> write_int(sum, <int64_t> n)
    memcpy(variable_data(variable), sum, 16)
    note_new(s, variable)
    mark_changed(s, variable, namespace, 0)
    return OK


cdef bint replace_beginning(
    DecoderState *s, Variable *variable, const uint8_t *beginning, size_t size, size_t before
) noexcept nogil:
    """Of the variable's value: its first `before` bytes are these from now on."""
    cdef size_t rest = variable.size - before
    cdef uint8_t *data = variable_data(variable)
    if size <= before:               # as almost always
        memcpy(data, beginning, size)
        memmove(data + size, data + before, rest)
        variable.size = <uint32_t> (size + rest)
        return True
    return lengthen_beginning(s, variable, beginning, size, before)


cdef bint lengthen_beginning(
    DecoderState *s, Variable *variable, const uint8_t *beginning, size_t size, size_t before
) noexcept nogil:
    cdef size_t rest = variable.size - before
    cdef uint32_t capacity = <uint32_t> (size + rest + 16)      # store_value may read 16 bytes
    cdef uint8_t *made = <uint8_t *> arena_alloc(s, capacity)
    cdef bint stored
    if made == NULL:
        return False
    memcpy(made, beginning, size)
    memcpy(made + size, variable_data(variable) + before, rest)
    stored = store_value(s, variable, made, size + rest)
    arena_free(s, made, capacity)
    return stored


cdef Status rebind_variable(DecoderState *s, Variable *variable, NamespaceDef *namespace, Cursor *c) noexcept nogil:
    """REBOUND: the variable takes the object's number, so that it stands for itself."""
    cdef uint8_t identity[24]
    cdef size_t size = 1
    cdef Cursor old
    cdef uint64_t number, doubts, before
    c.at += 1
    number = take_varint(c)
    doubts = take_varint(c)
    identity[0] = TAG_IDENTITY_UNSURE if doubts else TAG_IDENTITY
    size += write_varint(identity + size, number)
    if doubts:
        size += write_varint(identity + size, doubts)
    old.at = variable_data(variable)
    old.end = old.at + variable.size
    old.bad = c.bad or s.in_preamble or variable.size == 0
    if old.bad or not (TAG_IDENTITY <= old.at[0] <= TAG_IDENTITY_UNSURE
                       or (variable.flags & VAR_PUT_OFF and old.at[0] == TAG_IDENTITY_LIKE)):
        return reject(s, b"another object for a variable that holds none")
    before = take_identity(&old)
    if old.bad or not replace_beginning(s, variable, identity, size, variable.size - <size_t> (old.end - old.at)):
        return reject(s, b"")
    if number == before:
        keep_variable(s, variable, namespace)
    else:
        note_new(s, variable)
        mark_changed(s, variable, namespace, variable.flags & <uint32_t> (VAR_TYPED | VAR_PUT_OFF))
    return OK


cdef Status copy_from_caller(DecoderState *s, Variable *variable, NamespaceDef *namespace, Cursor *c) noexcept nogil:
    """CALLERS: the argument takes what a variable of the frame below holds, so that it stands for itself."""
    cdef const Frame *below = s.top.below
    cdef Variable *held
    cdef uint64_t number
    c.at += 1
    number = take_varint(c)
    if c.bad or s.in_preamble or namespace != NULL or below == NULL or number >= below.local_count:
        return reject(s, b"a variable of a caller that is not there")
    held = &below.locals[number]
    if not look_at(s, held):
        return reject(s, b"what is made of contents and a difference is no value")
    if held.size == 0 or variable_data(held)[0] == TAG_INT or variable_data(held)[0] >= TAG_SMALL_INT:
        return reject(s, b"a variable of a caller that holds nothing, or an int")
    if not store_value(s, variable, variable_data(held), held.size):
        return reject(s, b"")
    note_new(s, variable)
    mark_changed(s, variable, NULL, held.flags & <uint32_t> (VAR_TYPED | VAR_UNEXAMINED))
    return OK


cdef inline void keep_variable(DecoderState *s, Variable *variable, NamespaceDef *namespace) noexcept nogil:
    """It has been looked at, and has not changed."""
    variable.flags = variable.flags & ~<uint32_t> VAR_UNEXAMINED | VAR_DIRTY
    if namespace != NULL:
        namespace.dirty = True
        s.class_changes += namespace.of_class
    else:
        s.top.dirty = True


cdef Status unset_variable(DecoderState *s, Variable *variable, NamespaceDef *namespace, Cursor *c) noexcept nogil:
    """UNBOUND, UNEXAMINED and EXAMINED."""
    cdef uint8_t tag = take_byte(c)
    if tag == TAG_UNBOUND:
        variable.size = 0
        mark_changed(s, variable, namespace, 0)
    elif tag == TAG_UNEXAMINED:
        note_new(s, variable)
        mark_changed(
            s, variable, namespace, variable.flags & <uint32_t> (VAR_TYPED | VAR_PUT_OFF) | VAR_UNEXAMINED
        )
    else:
        keep_variable(s, variable, namespace)
    return OK
