# Class bodies, and code that is run with a dict for its variables: the dict is walked.

cdef enum:
    MOST_NAMES = 20000


cdef Status record_class_body(Shadow *s) noexcept nogil:
    cdef PyObject *dict = s.frame.locals
    cdef rec_items items
    cdef uint32_t n = 0, slot = 0
    cdef PyObject *key = NULL
    cdef PyObject *value = NULL
    cdef bint scalars = True
    cdef uint64_t version
    cdef Status status
    if dict == NULL:
        return OK                               # in a comprehension, which changes none of them (frames_public.c)
    if not rec_is_dict(dict):
        return mark_unreadable(s)               # a mapping of the program's own: reading it runs user code
    version = rec_dict_version(dict)
    if version != 0 and version == s.version:
        return OK
    tracer.reordered = False
    rec_items_of(&items, dict)
    while rec_items_next(&items, &key, &value):
        if not PyUnicode_CheckExact(key) or n >= MOST_NAMES or rec_str_is(key, "__builtins__"):
            continue                            # __builtins__ is CPython's, not the program's
        status = find_name(s, key, n, &slot)
        if status != OK:
            return status
        if s.code.names[slot].secret:
            record_secret(&s.slots[slot], slot, value, NULL)
        else:
            status = record_variable(&s.slots[slot], slot, value, s.code.event_size, NULL)
        if status != OK:
            return status
        scalars = scalars and is_plain(value)
        n += 1
        status = reserve(s.code.event_size)
        if status != OK:
            return status
    if n < s.bound or (tracer.reordered and slots_in_use(s) > n):
        status = record_deletions(s, n)
        if status != OK:
            return status
    s.bound = n
    s.version = version if scalars else 0
    return OK


cdef Status mark_unreadable(Shadow *s) noexcept nogil:
    """Writes, once, that the variables of this body are not recorded."""
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


cdef Status record_deletions(Shadow *s, uint32_t n) noexcept nogil:
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
            status = record_variable(&s.slots[i], i, NULL, s.code.event_size, NULL)
            if status == OK:
                status = reserve(s.code.event_size)
            if status != OK:
                return status
    return OK


cdef Status find_name(Shadow *s, PyObject *key, uint32_t n, uint32_t *slot) noexcept nogil:
    """The slot of the n-th entry's name. Nearly always the one it had last time."""
    cdef Code *code = s.code
    cdef Py_hash_t hash = rec_str_hash(key)
    cdef uint64_t fingerprint = 0
    cdef uint32_t i, k
    cdef Status status
    if n < s.bound and s.order[n] < code.slots:
        slot[0] = s.order[n]
        if code.names[slot[0]].key == key and code.names[slot[0]].hash == hash:
            return OK
    tracer.reordered = True
    fingerprint = rec_key_fingerprint(key)
    for k in range(code.slots):
        i = (n + k) % code.slots                # near where it was, if something before it was deleted
        if code.names[i].fingerprint == fingerprint:
            code.names[i].key = key
            code.names[i].hash = hash
            break
    else:
        i = code.slots
        status = add_name(code, key, hash, fingerprint)
        if status != OK:
            return status
    status = grow_body(s)
    if status != OK:
        return status
    s.order[n] = i
    slot[0] = i
    return OK


cdef Status add_name(Code *code, PyObject *key, Py_hash_t hash, uint64_t fingerprint) noexcept nogil:
    cdef uint32_t size = code.names_capacity
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
        code.names_capacity = size
    code.names[code.slots].key = key
    code.names[code.slots].hash = hash
    code.names[code.slots].fingerprint = fingerprint
    code.names[code.slots].secret = is_secret(key)
    tape.cur = put_varint(put_tagged(tape.cur, REC_DEF_NAME, code.number), code.slots)
    tape.cur = put_str(tape.cur, key, 500)
    code.slots += 1
    return reserve(code.event_size)


cdef Status grow_body(Shadow *s) noexcept nogil:
    """As many slots as the code has names."""
    cdef uint32_t size = s.code.names_capacity
    cdef Recorded *slots
    cdef uint32_t *order
    if s.slot_count >= s.code.slots:
        return OK
    slots = <Recorded *> rec_sys.realloc(s.slots, size * sizeof(Recorded))
    if slots == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, size * sizeof(Recorded))
    s.slots = slots
    order = <uint32_t *> rec_sys.realloc(s.order, size * sizeof(uint32_t))
    if order == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, size * sizeof(uint32_t))
    s.order = order
    memset(slots + s.slot_count, 0, (size - s.slot_count) * sizeof(Recorded))
    memset(order + s.slot_count, 0, (size - s.slot_count) * sizeof(uint32_t))
    s.slot_count = size
    return OK
