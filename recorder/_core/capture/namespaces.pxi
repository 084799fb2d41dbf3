# Namespaces: the dicts that are some code's globals, or the attributes of a class (classes.pxi), and the names in each.
# What their values are is globals.pxi's.

cdef struct Namespace:
    Namespace *next          # in its bucket
    PyObject *dict           # not owned; NULL once it is gone
    uint32_t number
    uint32_t users           # codes and shadows that point here
    uint64_t name            # fingerprint of `__name__` as it was written down, or of the class; 0: there was none
    bint superseded          # another dict is at the address, and has a namespace of its own
    bint watched             # the watcher is called for every change
    bint stale               # more may have changed than was recorded: it has to be compared
    uint64_t version         # not watched: of the dict, as last walked
    uint32_t epoch           # goes up when variables begin or cease to hold what can change in place
    uint32_t walk            # number of the last walk
    uint32_t slots
    uint32_t capacity        # slots that there is memory for
    Name *names
    Recorded *values
    PyObject **objects       # not owned: what the dict holds, as long as it is not stale
    uint32_t *seen           # the walk in which the slot was last met
    uint32_t *index          # slot + 1 by hash of the name; twice as many entries as `capacity`
    PyTypeObject *of_class   # not owned: whose attributes they are; NULL: of a module, or of other code
    PyObject *reference      # … a weak one, which is owned
    Namespace *next_class
    uint8_t *changing        # of a class: the slot holds what can change in place
    Link *links              # … then: where it stands among those of such a name
    uint32_t changing_count

cdef enum:
    NAMESPACE_BUCKETS = 1024

cdef Namespace *namespaces[NAMESPACE_BUCKETS]
cdef uint32_t namespaces_made = 0
cdef int watcher = -1            # our dict watcher, while recording


cdef inline Namespace **namespace_bucket(PyObject *dict) noexcept nogil:
    return &namespaces[<uint32_t> ((<uintptr_t> dict >> 4) * 2654435761u) % NAMESPACE_BUCKETS]


cdef Namespace *find_namespace(PyObject *dict) noexcept nogil:
    cdef Namespace *namespace = namespace_bucket(dict)[0]
    while namespace != NULL and namespace.dict != dict:
        namespace = namespace.next
    return namespace


cdef Status open_namespace(PyObject *dict, Namespace **out) noexcept nogil:
    """The namespace of a dict; a new one is written down whole."""
    cdef Namespace *namespace = find_namespace(dict)
    cdef PyObject *name = rec_dict_find(dict, "__name__")
    cdef uint64_t fingerprint = 0
    cdef Status status
    if name != NULL and PyUnicode_CheckExact(name):
        fingerprint = rec_key_fingerprint(name)
    out[0] = NULL
    if namespace != NULL:
        # Nothing says when a dict goes that is not watched: by its name one tells a later one at its address.
        if namespace.watched or namespace.name == fingerprint:
            out[0] = namespace
            return OK
        supersede_namespace(namespace)
    status = write_retired()
    if status != OK:
        return status
    status = reserve(SMALL_RECORD + 4 * 200)
    if status != OK:
        return status
    namespace = new_namespace(dict, fingerprint)
    if namespace == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Namespace))
    tape.cur = put_tagged(tape.cur, REC_DEF_NAMESPACE, namespace.number)
    if fingerprint != 0:
        tape.cur = put_str(tape.cur, name, 200)
    else:
        tape.cur = put_varint(tape.cur, 0)
    watch_namespace(namespace)
    out[0] = namespace
    return compare_namespace(namespace)


cdef Namespace *new_namespace(PyObject *dict, uint64_t name) noexcept nogil:
    """One that is not written down yet; NULL: there is no memory for it."""
    global namespaces_made
    cdef Namespace *namespace = <Namespace *> rec_sys.calloc(1, sizeof(Namespace))
    if namespace == NULL:
        return NULL
    namespace.dict = dict
    namespace.number = namespaces_made
    namespace.name = name
    namespace.epoch = 1
    namespace.stale = True
    namespace.next = namespace_bucket(dict)[0]
    namespace_bucket(dict)[0] = namespace
    namespaces_made += 1
    return namespace


cdef inline void watch_namespace(Namespace *namespace) noexcept nogil:
    namespace.watched = watcher >= 0 and rec_watch_dict(watcher, namespace.dict) == 0


cdef void release_namespace(Namespace *namespace) noexcept nogil:
    if namespace == NULL:
        return
    REC_CHECK(namespace.users > 0, b"a namespace is let go of as often as it is held")
    namespace.users -= 1
    if namespace.users > 0:
        return
    if namespace.dict == NULL:
        retire_namespace(namespace)
    elif namespace.superseded:
        forget_namespace(namespace)


cdef void supersede_namespace(Namespace *namespace) noexcept nogil:
    """Its dict may live on, renamed, and codes and shadows point here: it stays for them."""
    namespace.superseded = True
    if namespace.users == 0:
        forget_namespace(namespace)


cdef void retire_namespace(Namespace *namespace) noexcept nogil:
    """Neither its dict nor anybody who could speak of it is left."""
    retire(REC_DEF_NAMESPACE, namespace.number)
    free_namespace(namespace)


cdef void free_namespace(Namespace *namespace) noexcept nogil:
    free(namespace.names)
    free(namespace.values)
    free(namespace.objects)
    free(namespace.seen)
    free(namespace.index)
    free(namespace.changing)
    free(namespace.links)
    free(namespace)


cdef void forget_namespace(Namespace *namespace) noexcept nogil:
    """The dict is gone."""
    cdef Namespace **link = namespace_bucket(namespace.dict)
    while link[0] != namespace:
        link = &link[0].next
    link[0] = namespace.next
    namespace.dict = NULL
    if namespace.of_class != NULL:
        forget_class(namespace)
    if namespace.users == 0:
        retire_namespace(namespace)


cdef void close_namespaces() noexcept nogil:
    """The end of a session: after this no code and no shadow may point to a namespace."""
    cdef Namespace *namespace
    cdef int i
    for i in range(<int> NAMESPACE_BUCKETS):
        while namespaces[i] != NULL:
            namespace = namespaces[i]
            REC_CHECK(namespace.users == 0, b"no code and no shadow holds a namespace at the end")
            namespaces[i] = namespace.next
            if namespace.of_class != NULL:
                forget_class(namespace)
            if namespace.watched and watcher >= 0:
                rec_unwatch_dict(watcher, namespace.dict)
            free_namespace(namespace)


# ---- names -------------------------------------------------------------------------------------------

cdef uint32_t *index_entry(Namespace *namespace, PyObject *key) noexcept nogil:
    """Where the index has, or would have, the slot of a name; NULL where there is no index yet."""
    cdef Py_hash_t hash = rec_str_hash(key)
    cdef uint64_t fingerprint = rec_key_fingerprint(key)
    cdef uint32_t mask = namespace.capacity * 2 - 1
    cdef uint32_t at = <uint32_t> (<uint64_t> hash * 0x9E3779B97F4A7C15u >> 40) & mask
    cdef Name *name
    if namespace.capacity == 0:
        return NULL
    while namespace.index[at] != 0:
        name = &namespace.names[namespace.index[at] - 1]
        if name.hash == hash and (name.key == key or name.fingerprint == fingerprint):
            break
        at = (at + 1) & mask
    return &namespace.index[at]


cdef Status slot_of_name(Namespace *namespace, PyObject *key, uint32_t *slot) noexcept nogil:
    """The slot of a name, which may be new; MOST_NAMES: there are too many."""
    cdef uint32_t *entry = index_entry(namespace, key)
    cdef uint32_t most = MOST_NAMES if namespace.of_class == NULL else MOST_ATTRIBUTES
    cdef Status status
    cdef Name *name
    if entry != NULL and entry[0] != 0:
        slot[0] = entry[0] - 1
        namespace.names[slot[0]].key = key
        return OK
    slot[0] = MOST_NAMES
    if namespace.slots >= most:
        return OK
    if namespace.slots == namespace.capacity:
        if not grow_namespace(namespace):
            return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, namespace.capacity * sizeof(Name))
        entry = index_entry(namespace, key)
    status = reserve(4096)
    if status != OK:
        return status
    slot[0] = namespace.slots
    name = &namespace.names[slot[0]]
    name.key = key
    name.hash = rec_str_hash(key)
    name.fingerprint = rec_key_fingerprint(key)
    name.secret = is_secret(key)
    namespace.slots += 1
    entry[0] = namespace.slots
    classes.epoch += namespace.of_class != NULL and not namespace.watched
    tape.cur = put_varint(put_tagged(tape.cur, REC_DEF_GLOBAL, namespace.number), slot[0])
    tape.cur = put_str(tape.cur, key, 500)
    return OK


cdef bint grow_namespace(Namespace *namespace) noexcept nogil:
    """Doubles the capacity, and makes a new index."""
    cdef uint32_t size = namespace.capacity * 2 if namespace.capacity else 32, i, at
    cdef uint32_t *index
    if not grow_array(<void **> &namespace.names, namespace.capacity, size, sizeof(Name)):
        return False
    if not grow_array(<void **> &namespace.values, namespace.capacity, size, sizeof(Recorded)):
        return False
    if not grow_array(<void **> &namespace.objects, namespace.capacity, size, sizeof(PyObject *)):
        return False
    if not grow_array(<void **> &namespace.seen, namespace.capacity, size, sizeof(uint32_t)):
        return False
    if not grow_array(<void **> &namespace.changing, namespace.capacity, size, sizeof(uint8_t)):
        return False
    if namespace.of_class != NULL and not grow_array(
            <void **> &namespace.links, namespace.capacity, size, sizeof(Link)):
        return False
    index = <uint32_t *> rec_sys.calloc(size * 2, sizeof(uint32_t))
    if index == NULL:
        return False
    free(namespace.index)
    namespace.index = index
    namespace.capacity = size
    for i in range(namespace.slots):
        at = <uint32_t> (<uint64_t> namespace.names[i].hash * 0x9E3779B97F4A7C15u >> 40) & (size * 2 - 1)
        while index[at] != 0:
            at = (at + 1) & (size * 2 - 1)
        index[at] = i + 1
    return True


cdef bint grow_array(void **array, uint32_t old, uint32_t new, size_t item) noexcept nogil:
    cdef void *wider = rec_sys.realloc(array[0], new * item)
    if wider == NULL:
        return False
    array[0] = wider
    memset(<char *> wider + old * item, 0, (new - old) * item)
    return True
