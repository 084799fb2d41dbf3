# Globals: for every dict that recorded code has as its globals, what was last recorded of it.
#
# A rebinding is written when it happens. 3.12 and later: a dict watcher tells of it, and names the variable. 3.11
# (and later versions, should all watchers be taken): the dict's version tells that something changed, and the dict is
# walked. A value that changes in place is noticed at the next line of code that names the variable.


# ---- the globals of a code ---------------------------------------------------------------------------

cdef inline Status bind_globals(Code *code, rec_iframe *frame) noexcept nogil:
    """Before a frame of this code is pushed: says which globals it has, unless they are those of last time."""
    if code.home != NULL and code.home.dict == frame.globals:
        return OK
    return rebind_globals(code, frame.globals)


cdef Status rebind_globals(Code *code, PyObject *dict) noexcept nogil:
    cdef Space *space = NULL
    cdef Status status
    if dict != NULL and dict.ob_type == &PyDict_Type:
        status = open_space(dict, &space)
        if status != OK:
            return status
    elif not code.unreadable:
        # A dict of a class of the program's own: what it answers may be anything.
        code.unreadable = True
        status = reserve(DEF_ROOM)
        if status != OK:
            return status
        tape.cur = put_varint(put_tagged(tape.cur, REC_MARK, ERR_GLOBALS_UNREADABLE), 0)
        tape.control.degraded[0] += 1
    release_space(code.home)
    code.home = space
    if space != NULL:
        space.users += 1
    code.mutable_epoch = 0
    status = reserve(DEF_ROOM)
    if status == OK and code.home_number != (space.number + 1 if space != NULL else 0):
        code.home_number = space.number + 1 if space != NULL else 0
        tape.cur = put_varint(put_tagged(tape.cur, REC_GLOBALS, code.number), code.home_number)
    return status


# ---- what changed ------------------------------------------------------------------------------------

cdef inline Status note_globals(Shadow *s) noexcept nogil:
    """SETs for globals that changed unnoticed so far: before each event of a frame."""
    cdef Space *space = s.space
    if space.stale or (not space.watched and rec_dict_version(space.dict) != space.version):
        return note_walk(s)
    if s.code.mutable_epoch != space.epoch:
        return note_mutables(s)
    if s.code.mutable_count != 0:
        return note_mutables(s)
    return OK


cdef Status note_walk(Shadow *s) noexcept nogil:
    cdef Status status = walk_space(s.space)
    return status if status != OK else note_mutables(s)


cdef Status note_mutables(Shadow *s) noexcept nogil:
    """Looks again at what this code names and what can change in place."""
    cdef Space *space = s.space
    cdef Code *code = s.code
    cdef uint32_t i, slot
    cdef Status status
    if code.mutable_epoch != space.epoch and not list_mutables(code, space):
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM)
    for i in range(code.mutable_count):
        slot = code.mutables[i]
        REC_CHECK(slot < space.slots, b"what a code names is a slot of its globals")
        status = note_global(space, slot, space.objects[slot])
        if status != OK:
            return status
    return reserve(code.room)


cdef bint list_mutables(Code *code, Space *space) noexcept nogil:
    """The slots of what the code names and what can change in place."""
    cdef PyObject *names = code.object.co_names
    cdef Py_ssize_t n = PyTuple_GET_SIZE(names), i
    cdef uint32_t *place
    cdef uint32_t slot
    if code.mutables == NULL and n > 0:
        code.mutables = <uint32_t *> rec_sys.malloc(<size_t> n * sizeof(uint32_t))
        if code.mutables == NULL:
            return False
    code.mutable_count = 0
    for i in range(n):
        place = place_of_name(space, rec_tuple_items(names)[i])
        if place == NULL or place[0] == 0:
            continue
        slot = place[0] - 1
        if not space.names[slot].secret and can_change(space.values[slot].type):
            code.mutables[code.mutable_count] = slot
            code.mutable_count += 1
    code.mutable_epoch = space.epoch
    return True


cdef inline bint can_change(PyTypeObject *t) noexcept nogil:
    """Whether a value of this type can change and be the same object. `t` as in Slot."""
    if t == NULL or <uintptr_t> t & 1 or t == &PyLong_Type or t == &PyUnicode_Type or t == &PyFloat_Type:
        return False
    if t == Py_None.ob_type or t == &PyBool_Type or t == &PyBytes_Type or t == &PyComplex_Type or is_named(t):
        return False
    return not is_redacted(t) and not t.tp_flags & Py_TPFLAGS_TYPE_SUBCLASS


cdef Status walk_space(Space *space) noexcept nogil:
    """Everything in the dict, compared with what was last recorded."""
    cdef PyObject *key = NULL
    cdef PyObject *value = NULL
    cdef rec_items items
    cdef uint32_t i, slot = 0
    cdef Status status
    space.walk += 1
    space.version = rec_dict_version(space.dict)
    space.stale = False
    rec_items_of(&items, space.dict)
    while rec_items_next(&items, &key, &value):
        if not PyUnicode_CheckExact(key) or rec_str_is(key, "__builtins__"):
            continue                            # __builtins__ is CPython's, not the program's
        status = slot_of_name(space, key, &slot)
        if status != OK:
            return status
        if slot < MOST_NAMES:
            space.seen[slot] = space.walk
            status = note_global(space, slot, value)
            if status != OK:
                return status
    for i in range(space.slots):
        if space.seen[i] != space.walk and space.values[i].type != NULL:
            status = note_global(space, i, NULL)
            if status != OK:
                return status
    if not space.watched and rec_dict_version(space.dict) == 0:
        space.stale = True                      # nothing tells of changes: every time anew
    return OK


cdef Status note_global(Space *space, uint32_t slot, PyObject *value) noexcept nogil:
    """A SET if the variable is not what was last recorded."""
    cdef Slot *kept = &space.values[slot]
    cdef bint could = can_change(kept.type)
    cdef Status status = reserve(2 * DEF_ROOM)
    if status != OK:
        return status
    space.objects[slot] = value
    if space.names[slot].secret:
        note_secret(kept, slot, value, space)
        return OK
    status = note(kept, slot, value, 2 * DEF_ROOM, space)
    if could != can_change(kept.type):
        space.epoch += 1
    return status


cdef inline uint8_t *put_global(uint8_t *p, Space *space, uint32_t slot) noexcept nogil:
    """In a module's body, where most of them happen, a change of a global is one of a variable."""
    if tracer.thread != NULL and tracer.thread.depth > 0 and top_of(tracer.thread).body:
        if top_of(tracer.thread).space == space:
            return put_set(p, slot)
    return put_varint(put_tagged(p, REC_SET_GLOBAL, space.number), slot)


# ---- the watcher: 3.12 and later ---------------------------------------------------------------------

cdef int on_dict(int event, PyObject *dict, PyObject *key, PyObject *value) noexcept nogil:
    """Called by CPython just before a watched dict changes. What fails here is a fault that the next hook finds."""
    cdef Space *space = find_space(dict)
    cdef uint32_t slot = 0
    if space == NULL:
        return 0
    if event == REC_DICT_DEALLOCATED:
        forget_space(space)
        return 0
    if space.stale:
        return 0
    if hooks.state != RECORDING or key == NULL or event == REC_DICT_CLEARED or event == REC_DICT_CLONED:
        space.stale = True
        return 0
    if not PyUnicode_CheckExact(key) or rec_str_is(key, "__builtins__"):
        return 0
    if slot_of_name(space, key, &slot) != OK:
        space.stale = True
    elif slot < MOST_NAMES and note_global(space, slot, value if event != REC_DICT_DELETED else NULL) != OK:
        space.stale = True
    return 0


cdef void watch_dicts() noexcept nogil:
    """All watchers may be taken: then dicts are walked."""
    global watcher
    if watcher < 0:
        watcher = rec_add_dict_watcher(on_dict)


cdef void unwatch_dicts() noexcept nogil:
    global watcher
    if watcher >= 0:
        rec_clear_dict_watcher(watcher)
    watcher = -1
