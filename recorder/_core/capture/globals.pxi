# Globals: for every dict that recorded code has as its globals, what was last recorded of it.
#
# A rebinding is written when it happens. 3.12 and later: a dict watcher tells of it, and names the variable. 3.11
# (and later versions, should all watchers be taken): the dict's version tells that something changed, and the dict is
# walked. A value that changes in place is noticed at the next line of code that names the variable.

cdef struct Space:           # a namespace
    Space *next              # in its bucket
    PyObject *dict           # not owned; NULL once it is gone
    uint32_t number
    uint32_t users           # codes and shadows that point here
    bint watched             # the watcher tells of every change
    bint stale               # more may have changed than was told: it has to be walked
    uint64_t version         # not watched: of the dict, as last walked
    uint32_t epoch           # goes up when variables begin or cease to hold what can change in place
    uint32_t walk            # number of the last walk
    uint32_t slots
    uint32_t size            # room for so many
    Name *names
    Slot *values
    PyObject **objects       # not owned: what the dict holds, as long as it is not stale
    uint32_t *seen           # the walk in which the slot was last met
    uint32_t *index          # slot + 1 by hash of the name; twice as many places as `size`

cdef enum:
    SPACE_BUCKETS = 1024

cdef Space *spaces[SPACE_BUCKETS]
cdef uint32_t spaces_made = 0
cdef int watcher = -1            # our dict watcher, while recording


cdef inline Space **space_bucket(PyObject *dict) noexcept nogil:
    return &spaces[<uint32_t> ((<uintptr_t> dict >> 4) * 2654435761u) % SPACE_BUCKETS]


cdef Space *find_space(PyObject *dict) noexcept nogil:
    cdef Space *space = space_bucket(dict)[0]
    while space != NULL and space.dict != dict:
        space = space.next
    return space


# ---- the globals of a code ------------------------------------------------------------------------------

cdef inline Status bind_globals(Code *code, rec_iframe *frame) noexcept nogil:
    """Before a frame of this code is pushed: says which globals it has, unless they are those of last time."""
    if code.home != NULL and code.home.dict == frame.globals:
        return OK
    return rebind_globals(code, frame.globals)


cdef Status rebind_globals(Code *code, PyObject *dict) noexcept nogil:
    cdef Space *space = NULL
    cdef Status status
    if dict != NULL and rec_is_dict(dict):
        status = open_space(dict, &space)
        if status != OK:
            return status
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


cdef Status open_space(PyObject *dict, Space **out) noexcept nogil:
    """The namespace of a dict; a new one is written down whole."""
    cdef Space *space = find_space(dict)
    cdef PyObject *name
    cdef Status status
    out[0] = space
    if space != NULL:
        return OK
    status = reserve(DEF_ROOM + 4 * 200)
    if status != OK:
        return status
    space = <Space *> rec_sys.calloc(1, sizeof(Space))
    if space == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Space))
    space.dict = dict
    space.number = spaces_made
    space.epoch = 1
    space.stale = True
    space.next = space_bucket(dict)[0]
    space_bucket(dict)[0] = space
    global spaces_made
    spaces_made += 1
    name = rec_dict_find(dict, "__name__")
    tape.cur = put_tagged(tape.cur, REC_DEF_NAMESPACE, space.number)
    if name != NULL and PyUnicode_CheckExact(name):
        tape.cur = put_str(tape.cur, name, 200)
    else:
        tape.cur = put_varint(tape.cur, 0)
    space.watched = watcher >= 0 and rec_watch_dict(watcher, dict) == 0
    out[0] = space
    return walk_space(space)


cdef void release_space(Space *space) noexcept nogil:
    if space == NULL:
        return
    REC_CHECK(space.users > 0, b"a namespace is let go of as often as it is held")
    space.users -= 1
    if space.users == 0 and space.dict == NULL:
        free_space(space)


cdef void free_space(Space *space) noexcept nogil:
    free(space.names)
    free(space.values)
    free(space.objects)
    free(space.seen)
    free(space.index)
    free(space)


cdef void forget_space(Space *space) noexcept nogil:
    """The dict is gone."""
    cdef Space **link = space_bucket(space.dict)
    while link[0] != space:
        link = &link[0].next
    link[0] = space.next
    space.dict = NULL
    if space.users == 0:
        free_space(space)


cdef void close_spaces() noexcept nogil:
    """The end of a session: after this no code and no shadow may point to a namespace."""
    cdef Space *space
    cdef int i
    for i in range(<int> SPACE_BUCKETS):
        while spaces[i] != NULL:
            space = spaces[i]
            REC_CHECK(space.users == 0, b"no code and no shadow holds a namespace at the end")
            spaces[i] = space.next
            if space.watched and watcher >= 0:
                rec_unwatch_dict(watcher, space.dict)
            free_space(space)


# ---- what changed -----------------------------------------------------------------------------------------

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


# ---- names ------------------------------------------------------------------------------------------------

cdef uint32_t *place_of_name(Space *space, PyObject *key) noexcept nogil:
    """Where the index has, or would have, the slot of a name; NULL where there is no index yet."""
    cdef Py_hash_t hash = rec_str_hash(key)
    cdef uint64_t print = rec_str_print(key, limits.text)
    cdef uint32_t mask = space.size * 2 - 1
    cdef uint32_t at = <uint32_t> (<uint64_t> hash * 0x9E3779B97F4A7C15u >> 40) & mask
    cdef Name *name
    if space.size == 0:
        return NULL
    while space.index[at] != 0:
        name = &space.names[space.index[at] - 1]
        if name.hash == hash and (name.key == key or name.print == print):
            break
        at = (at + 1) & mask
    return &space.index[at]


cdef Status slot_of_name(Space *space, PyObject *key, uint32_t *slot) noexcept nogil:
    """The slot of a name, which may be new; MOST_NAMES: there are too many."""
    cdef uint32_t *place = place_of_name(space, key)
    cdef Status status
    cdef Name *name
    if place != NULL and place[0] != 0:
        slot[0] = place[0] - 1
        space.names[slot[0]].key = key
        return OK
    slot[0] = MOST_NAMES
    if space.slots >= MOST_NAMES:
        return OK
    if space.slots == space.size:
        if not widen_space(space):
            return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, space.size * sizeof(Name))
        place = place_of_name(space, key)
    status = reserve(4096)
    if status != OK:
        return status
    slot[0] = space.slots
    name = &space.names[slot[0]]
    name.key = key
    name.hash = rec_str_hash(key)
    name.print = rec_str_print(key, limits.text)
    name.secret = is_secret(key)
    space.slots += 1
    place[0] = space.slots
    tape.cur = put_varint(put_tagged(tape.cur, REC_DEF_GLOBAL, space.number), slot[0])
    tape.cur = put_str(tape.cur, key, 500)
    return OK


cdef bint widen_space(Space *space) noexcept nogil:
    """Twice the room, and a new index."""
    cdef uint32_t size = space.size * 2 if space.size else 32, i, at
    cdef uint32_t *index
    if not widen(<void **> &space.names, space.size, size, sizeof(Name)):
        return False
    if not widen(<void **> &space.values, space.size, size, sizeof(Slot)):
        return False
    if not widen(<void **> &space.objects, space.size, size, sizeof(PyObject *)):
        return False
    if not widen(<void **> &space.seen, space.size, size, sizeof(uint32_t)):
        return False
    index = <uint32_t *> rec_sys.calloc(size * 2, sizeof(uint32_t))
    if index == NULL:
        return False
    free(space.index)
    space.index = index
    space.size = size
    for i in range(space.slots):
        at = <uint32_t> (<uint64_t> space.names[i].hash * 0x9E3779B97F4A7C15u >> 40) & (size * 2 - 1)
        while index[at] != 0:
            at = (at + 1) & (size * 2 - 1)
        index[at] = i + 1
    return True


cdef bint widen(void **place, uint32_t old, uint32_t new, size_t item) noexcept nogil:
    cdef void *wider = rec_sys.realloc(place[0], new * item)
    if wider == NULL:
        return False
    place[0] = wider
    memset(<char *> wider + old * item, 0, (new - old) * item)
    return True


# ---- the watcher: 3.12 and later ---------------------------------------------------------------------------

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
