# Globals: which of them changed.
#
# A rebinding (`name = …`, `del name`, a write to the dict) is written when it happens. On 3.12 and later CPython calls
# our dict watcher before each, with the name. On 3.11, and where all watchers are taken, the dict's version says that
# something changed, and the whole dict is compared. A value that changes in place (a list that grows) changes no dict:
# it is compared before each event of code that names the variable.


# ---- the globals of a code ---------------------------------------------------------------------------

cdef inline Status ensure_globals(Code *code, rec_iframe *frame) noexcept nogil:
    """Before a frame of this code is pushed: its globals are written, unless they are those of last time."""
    if code.globals != NULL and code.globals.dict == frame.globals:
        return OK
    return write_globals(code, frame.globals)


cdef Status write_globals(Code *code, PyObject *dict) noexcept nogil:
    cdef Namespace *namespace = NULL
    cdef Status status
    if dict != NULL and rec_is_dict(dict):
        status = open_namespace(dict, &namespace)
        if status != OK:
            return status
    release_namespace(code.globals)
    code.globals = namespace
    if namespace != NULL:
        namespace.users += 1
    code.mutable_epoch = 0
    status = reserve(SMALL_RECORD)
    if status == OK and code.globals_number != (namespace.number + 1 if namespace != NULL else 0):
        code.globals_number = namespace.number + 1 if namespace != NULL else 0
        tape.cur = put_varint(put_tagged(tape.cur, REC_GLOBALS, code.number), code.globals_number)
    return status


# ---- what changed ------------------------------------------------------------------------------------

cdef inline Status record_globals(Shadow *s, Code *code) noexcept nogil:
    """Before each event of a frame: SETs for the changes of its globals that the watcher has not seen."""
    cdef Namespace *namespace = s.globals
    cdef Status status
    if tape.events % COMPARED_EVERY == 0 and classes.unwatched != 0:
        status = compare_unwatched_classes()
        if status != OK:
            return status
    if namespace.stale or (not namespace.watched and rec_dict_version(namespace.dict) != namespace.version):
        return record_stale_globals(s)
    if code.mutable_epoch != epoch_of(namespace):
        return record_mutables(s)
    if code.compared != 0:
        return record_mutables(s)
    return OK


cdef inline uint32_t epoch_of(const Namespace *namespace) noexcept nogil:
    """Since when a list of what can change in place stands, of its variables and of all classes."""
    return namespace.epoch + classes.epoch


cdef Status record_stale_globals(Shadow *s) noexcept nogil:
    cdef Status status = compare_namespace(s.globals)
    return status if status != OK else record_mutables(s)


cdef Status record_mutables(Shadow *s) noexcept nogil:
    """Compares the globals, and the attributes of classes, that this code names and that can change in place."""
    cdef Namespace *namespace = s.globals
    cdef Code *code = s.code
    cdef Status status
    if code.mutable_epoch != epoch_of(namespace):
        status = list_mutables(code, namespace)
        if status != OK:
            return status
    tracer.changes_globals = rec_changed_on(code.stores, s.line) & REC_OF_GLOBALS != 0
    status = record_what_is_named(s)
    tracer.changes_globals = False
    return status


cdef Status record_what_is_named(Shadow *s) noexcept nogil:
    cdef Namespace *namespace = s.globals
    cdef Code *code = s.code
    cdef uint32_t i, slot
    cdef Status status
    for i in range(code.mutable_count):
        slot = code.mutables[i]
        REC_CHECK(slot < namespace.slots, b"what a code names is a slot of its globals")
        if not identities.exact and namespace.watched:
            hold_global(namespace, slot)
        status = record_global(namespace, slot, namespace.objects[slot])
        if status != OK:
            return status
    if code.sets_attributes:
        status = compare_unwatched_classes()
        if status != OK:
            return status
    if code.attribute_count != 0:
        status = record_attributes(code)
        if status != OK:
            return status
    return reserve(code.event_size)


cdef void hold_global(Namespace *namespace, uint32_t slot) noexcept nogil:
    """As `hold`: of a global each rebinding is told."""
    cdef PyObject *v = namespace.objects[slot]
    if v != NULL and is_known(&namespace.values[slot], v, v.ob_type):
        begin_moment(tape.events)
        hold_object(v)


cdef Status list_mutables(Code *code, Namespace *namespace) noexcept nogil:
    """Lists what the code names and what can change in place."""
    cdef PyObject *names = code.object.co_names
    cdef Py_ssize_t n = PyTuple_GET_SIZE(names), i
    cdef uint32_t *entry
    cdef uint32_t slot
    cdef Status status
    if code.mutables == NULL and n > 0:
        code.mutables = <uint32_t *> rec_sys.malloc(<size_t> n * sizeof(uint32_t))
        if code.mutables == NULL:
            return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM)
    code.mutable_count = 0
    for i in range(n):
        entry = index_entry(namespace, rec_tuple_items(names)[i])
        if entry == NULL or entry[0] == 0:
            continue
        slot = entry[0] - 1
        if not namespace.names[slot].secret and can_change(namespace.values[slot].type):
            code.mutables[code.mutable_count] = slot
            code.mutable_count += 1
    status = list_attributes(code)
    code.mutable_epoch = epoch_of(namespace)
    code.compared = code.mutable_count + code.attribute_count + code.sets_attributes
    return status


cdef inline bint can_change(PyTypeObject *t) noexcept nogil:
    """Whether a value of this type can change and be the same object. `t` as in Recorded."""
    if t == NULL or <uintptr_t> t & 1 or t == &PyLong_Type or t == &PyUnicode_Type or t == &PyFloat_Type:
        return False
    if t == Py_None.ob_type or t == &PyBool_Type or t == &PyBytes_Type or t == &PyComplex_Type or is_named(t):
        return False
    return not is_redacted(t) and not t.tp_flags & Py_TPFLAGS_TYPE_SUBCLASS


cdef Status compare_namespace(Namespace *namespace) noexcept nogil:
    """Everything in the dict, compared with what was last recorded."""
    cdef PyObject *key = NULL
    cdef PyObject *value = NULL
    cdef rec_items items
    cdef uint32_t i, slot = 0
    cdef Status status
    namespace.walk += 1
    namespace.version = rec_dict_version(namespace.dict)
    namespace.stale = False
    rec_items_of(&items, namespace.dict)
    while rec_items_next(&items, &key, &value):
        if is_left_out(namespace, key):
            continue
        status = slot_of_name(namespace, key, &slot)
        if status != OK:
            return status
        if slot < MOST_NAMES:
            namespace.seen[slot] = namespace.walk
            status = record_global(namespace, slot, value)
            if status != OK:
                return status
    for i in range(namespace.slots):
        if namespace.seen[i] != namespace.walk and namespace.values[i].type != NULL:
            status = record_global(namespace, i, NULL)
            if status != OK:
                return status
    if not namespace.watched and rec_dict_version(namespace.dict) == 0:
        namespace.stale = True                  # neither a watcher nor a version: compared every time
    return OK


cdef Status record_global(Namespace *namespace, uint32_t slot, PyObject *value) noexcept nogil:
    """A SET if the variable is not what was last recorded."""
    cdef Recorded *last = &namespace.values[slot]
    cdef bint could = can_change(last.type)
    cdef Status status = reserve(2 * SMALL_RECORD)
    if status != OK:
        return status
    namespace.objects[slot] = value
    if namespace.names[slot].secret:
        record_secret(last, slot, value, namespace)
        return OK
    status = record_variable(last, slot, value, 2 * SMALL_RECORD, namespace)
    if namespace.of_class != NULL:
        note_attribute(namespace, slot, value)
    elif could != can_change(last.type):
        namespace.epoch += 1
    return status


cdef inline uint8_t *put_global_set(uint8_t *p, Namespace *namespace, uint32_t slot) noexcept nogil:
    """In a module's body, where most globals change, its globals are its variables, and a SET is shorter."""
    if tracer.thread != NULL and tracer.thread.depth > 0 and top_of(tracer.thread).is_module_body:
        if top_of(tracer.thread).globals == namespace:
            return put_local_set(p, slot)
    return put_varint(put_tagged(p, REC_SET_GLOBAL, namespace.number), slot)


# ---- the watcher: 3.12 and later ---------------------------------------------------------------------

cdef int on_dict(int event, PyObject *dict, PyObject *key, PyObject *value) noexcept nogil:
    """Called by CPython just before a watched dict changes. What fails here is a fault that the next hook finds."""
    identities.interludes += 1                  # the program ran since the last event, and runs on before the next
    cdef int done = note_rebinding(event, dict, key, value)
    identities.interludes += 1
    return done


cdef int note_rebinding(int event, PyObject *dict, PyObject *key, PyObject *value) noexcept nogil:
    cdef Namespace *namespace = find_namespace(dict)
    cdef uint32_t slot = 0
    if namespace == NULL:
        return 0
    if event == REC_DICT_DEALLOCATED:
        forget_namespace(namespace)
        return 0
    if namespace.stale:
        return 0
    if hooks.state != RECORDING or key == NULL or event == REC_DICT_CLEARED or event == REC_DICT_CLONED:
        make_stale(namespace)
        return 0
    if is_left_out(namespace, key):
        return 0
    if thread_of(rec_thread_state()) == NULL or slot_of_name(namespace, key, &slot) != OK:
        make_stale(namespace)                   # the tape says whose thread it was
    elif slot < MOST_NAMES and record_global(namespace, slot, value if event != REC_DICT_DELETED else NULL) != OK:
        make_stale(namespace)
    return 0


cdef inline void make_stale(Namespace *namespace) noexcept nogil:
    namespace.stale = True
    if namespace.of_class != NULL:
        classes.stale = True
        classes.epoch += 1                      # for who comes next, to look


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
