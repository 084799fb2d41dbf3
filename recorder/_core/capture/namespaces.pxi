# Namespaces: the table of the dicts that are some code's globals, and of the names in each.

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


# ---- names -------------------------------------------------------------------------------------------

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
