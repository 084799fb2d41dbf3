# Classes: their attributes are a namespace each, followed as a module's globals are (globals.pxi).
#
# A class is met when its type is first defined on the tape: as the type of a value, or as a value itself. As soon as
# that value is written, the attributes are. No class is held: whether it is still there is told by the weak reference
# that CPython itself keeps of each. Those of code that is not recorded are left out, and so is what nobody wrote.

cdef enum:
    MOST_CLASSES = 1000      # that are followed at a time
    MOST_ATTRIBUTES = 1000   # of a class
    MOST_BASES = 60          # of a class, that are written down
    NAME_BUCKETS = 1024
    MOST_COMPARED = 128      # at once, where nobody tells of changes …
    COMPARED_EVERY = 64      # … and where no code says that it makes any, so many events after the last time

cdef struct Attribute:
    Namespace *namespace     # NULL: none
    uint32_t slot

cdef struct Link:            # of an attribute that can change in place: its neighbours among those of such a name
    Attribute before
    Attribute behind

cdef struct Classes:
    Namespace *first
    Namespace *to_compare    # the next one that is compared with what was recorded of it
    uint32_t count
    uint32_t unwatched       # of these
    uint32_t epoch           # goes up when attributes begin or cease to hold what can change in place
    Attribute[NAME_BUCKETS] named  # the first ones that can change in place, of all, by the hash of their names
    bint stale               # one of them is
    bint opening
    PyObject **met           # weak references, owned: what is to be opened
    uint32_t met_count
    uint32_t met_capacity

cdef Classes classes

# What CPython, dataclasses, abc and typing keep in a class for themselves. Not `_abc_impl`: by that it is told which
# class has code of abc's say what is an instance.
cdef const char **NOT_ATTRIBUTES = [
    "__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__static_attributes__", "__firstlineno__",
    "__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__classcell__",
    "__classdictcell__", "__orig_bases__", "__parameters__", "__type_params__", "__abstractmethods__",
    "__dataclass_fields__", "__dataclass_params__", "__match_args__", "__slots__", NULL,
]


# What an enum may have of its own among the names with lines at both ends, which else the enum module gives to each: by
# these it is asked whether it is true, and how it compares.
cdef const char **OF_ENUMS = [
    "__bool__", "__len__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__contains__", "__iter__",
    "__getitem__", NULL,
]


cdef inline bint is_left_out(const Namespace *namespace, PyObject *key) noexcept nogil:
    """Whether this entry of a namespace's dict is no variable, but CPython's."""
    if not PyUnicode_CheckExact(key):
        return True
    if namespace.of_class == NULL:
        return rec_str_is(key, "__builtins__")
    return rec_str_matches(key, "_*") and is_not_attribute(namespace.of_class, key)


cdef bint is_not_attribute(PyTypeObject *t, PyObject *key) noexcept nogil:
    if is_one_of(NOT_ATTRIBUTES, key):
        return True
    return rec_str_matches(key, "_*_") and rec_shape_of(t) == REC_ENUM and not is_one_of(OF_ENUMS, key)


cdef bint is_one_of(const char **names, PyObject *key) noexcept nogil:
    cdef int i = 0
    while names[i] != NULL:
        if rec_str_is(key, names[i]):
            return True
        i += 1
    return False


# ---- classes that are met ----------------------------------------------------------------------------

cdef void meet_class(TypeEntry *entry) noexcept nogil:
    """A type that has just been defined: where it is a class whose attributes are known, they are its; else they are
    written as soon as a value is."""
    cdef PyTypeObject *t = entry.type
    cdef PyObject *reference = rec_weak_reference(t)
    cdef Namespace *namespace = space_of(t)
    cdef PyObject **wider
    if namespace != NULL:
        write_attributes_of(entry, namespace)
        return
    if not rec_is_type_of_python(t) or reference == NULL or classes.count >= MOST_CLASSES:
        return
    if classes.met_count == classes.met_capacity:
        wider = <PyObject **> rec_sys.realloc(classes.met, (classes.met_capacity * 2 + 16) * sizeof(PyObject *))
        if wider == NULL:
            return                              # it is not followed, which the reader says
        classes.met = wider
        classes.met_capacity = classes.met_capacity * 2 + 16
    Py_INCREF(reference)
    classes.met[classes.met_count] = reference
    classes.met_count += 1


cdef void write_attributes_of(TypeEntry *entry, const Namespace *namespace) noexcept nogil:
    if reserve(SMALL_RECORD) == OK:
        entry.space = namespace.number + 1
        tape.cur = put_varint(put_tagged(tape.cur, REC_ATTRIBUTES, entry.id), namespace.number)


cdef bint is_other_class(const TypeEntry *entry) noexcept nogil:
    """Whether there is another class of the same name at the address of the one that the entry was made for."""
    cdef const Namespace *namespace
    if entry.space == 0:
        return False
    namespace = space_of(entry.type)
    return namespace == NULL or namespace.number + 1 != entry.space


cdef Status open_met_classes() noexcept nogil:
    """At a record boundary. The attributes of a class may lead to further ones, which are opened here as well."""
    cdef uint32_t small_cost = tracer.small_cost
    cdef PyObject *reference
    cdef PyObject *t
    cdef Status status = OK
    if classes.opening:
        return OK
    classes.opening = True
    while classes.met_count > 0:
        classes.met_count -= 1
        reference = classes.met[classes.met_count]
        t = rec_referred(reference)
        if t != NULL and status == OK:
            status = open_class(<PyTypeObject *> t)
        Py_XDECREF(reference)
    classes.opening = False
    tracer.small_cost = small_cost
    return status


cdef Status open_class(PyTypeObject *t) noexcept nogil:
    """It, and what it is derived from, as far as that is recorded."""
    cdef PyObject *mro = t.tp_mro
    cdef Py_ssize_t i
    cdef PyTypeObject *base
    cdef Status status
    if mro == NULL or not is_followed_class(t):
        return OK
    i = PyTuple_GET_SIZE(mro)
    while i > 0:                                # what a class names is there before it
        i -= 1
        base = <PyTypeObject *> PyTuple_GET_ITEM(mro, i)
        if is_followed_class(base) and space_of(base) == NULL:
            status = open_alone(base)
            if status != OK:
                return status
    return OK


cdef bint is_followed_class(PyTypeObject *t) noexcept nogil:
    """Whether it was made by code of a module that is recorded."""
    cdef PyObject *module
    if not rec_is_type_of_python(t) or t.tp_dict == NULL or rec_weak_reference(t) == NULL:
        return False
    module = module_of_type(t)
    return module != NULL and is_name_of_namespace(rec_key_fingerprint(module))


cdef bint is_name_of_namespace(uint64_t fingerprint) noexcept nogil:
    cdef const Namespace *namespace
    cdef int i
    for i in range(<int> NAMESPACE_BUCKETS):
        namespace = namespaces[i]
        while namespace != NULL:
            if namespace.name == fingerprint and namespace.of_class == NULL:
                return True
            namespace = namespace.next
    return False


cdef Namespace *space_of(PyTypeObject *t) noexcept nogil:
    """Where the attributes of a class are followed, or NULL."""
    cdef Namespace *namespace = find_namespace(t.tp_dict) if t.tp_dict != NULL else NULL
    if namespace == NULL or namespace.of_class != t or rec_referred(namespace.reference) != <PyObject *> t:
        return NULL
    return namespace


cdef Status open_alone(PyTypeObject *t) noexcept nogil:
    cdef Namespace *namespace = find_namespace(t.tp_dict)
    cdef Status status
    if classes.count >= MOST_CLASSES:
        return OK
    if namespace != NULL:
        forget_namespace(namespace)             # of one that is gone: nobody told
    status = write_retired()
    if status == OK:
        status = reserve(SMALL_RECORD + 2 * 4 * 200 + 10 * MOST_BASES)
    if status != OK:
        return status
    namespace = new_namespace(t.tp_dict, type_name_fingerprint(t))
    if namespace == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Namespace))
    namespace.of_class = t
    namespace.reference = rec_weak_reference(t)
    Py_INCREF(namespace.reference)
    namespace.next_class = classes.first
    classes.first = namespace
    classes.count += 1
    write_def_class(namespace, t)
    watch_namespace(namespace)
    classes.unwatched += not namespace.watched
    write_attributes_of(type_of(t), namespace)
    return compare_namespace(namespace)


cdef void write_def_class(Namespace *namespace, PyTypeObject *t) noexcept nogil:
    """Its module and name, and where the attributes are of what it is derived from, in the order of its MRO."""
    cdef PyObject *mro = t.tp_mro
    cdef PyObject *module = module_of_type(t)
    cdef Py_ssize_t n = min(PyTuple_GET_SIZE(mro), <Py_ssize_t> MOST_BASES), i
    cdef const Namespace *base
    cdef uint8_t *p = put_tagged(tape.cur, REC_DEF_CLASS, namespace.number)
    if <PyTypeObject *> PyTuple_GET_ITEM(mro, n - 1) == &PyBaseObject_Type and n > 1:
        n -= 1                                  # which has no attributes of the program's
    p = put_str(put_str(p, module, 200), rec_heap_type_name(t), 200)
    p = put_varint(p, <uint64_t> (n - 1))
    for i in range(1, n):
        base = space_of(<PyTypeObject *> PyTuple_GET_ITEM(mro, i))
        p = put_varint(p, 0 if base == NULL else base.number + 1)
    tape.cur = p


# ---- what changed ------------------------------------------------------------------------------------

cdef void note_attribute(Namespace *namespace, uint32_t slot, PyObject *value) noexcept nogil:
    """Whether the attribute holds what can change in place, now that this value was recorded. What a descriptor holds
    is no value of the attribute."""
    cdef bint changing = (value != NULL and not namespace.names[slot].secret
                          and can_change(namespace.values[slot].type) and value.ob_type.tp_descr_get == NULL)
    if changing != namespace.changing[slot]:
        namespace.changing[slot] = changing
        namespace.changing_count += 1 if changing else -1
        if changing:
            link_attribute(namespace, slot)
        else:
            unlink_attribute(namespace, slot)
        classes.epoch += 1


cdef inline Attribute *first_named(Py_hash_t hash) noexcept nogil:
    return &classes.named[<uint64_t> hash % NAME_BUCKETS]


cdef void link_attribute(Namespace *namespace, uint32_t slot) noexcept nogil:
    cdef Attribute *first = first_named(namespace.names[slot].hash)
    cdef Link *link = &namespace.links[slot]
    link.before.namespace = NULL
    link.behind = first[0]
    first.namespace = namespace
    first.slot = slot
    if link.behind.namespace != NULL:
        link.behind.namespace.links[link.behind.slot].before = first[0]


cdef void unlink_attribute(Namespace *namespace, uint32_t slot) noexcept nogil:
    cdef Link *link = &namespace.links[slot]
    if link.before.namespace != NULL:
        link.before.namespace.links[link.before.slot].behind = link.behind
    else:
        first_named(namespace.names[slot].hash)[0] = link.behind
    if link.behind.namespace != NULL:
        link.behind.namespace.links[link.behind.slot].before = link.before


cdef Status list_attributes(Code *code) noexcept nogil:
    """Lists the attributes of classes that the code names and that can change in place; where no watcher tells of
    changes, all that are no methods."""
    cdef PyObject *names = code.object.co_names
    cdef Py_ssize_t i
    cdef Status status = compare_stale_classes()
    if status != OK:
        return status
    code.attribute_count = 0
    code.sets_attributes = classes.unwatched != 0 and names_setting(names)
    for i in range(PyTuple_GET_SIZE(names)):
        if not list_named(code, rec_tuple_items(names)[i]):
            return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM)
    return OK


cdef bint list_named(Code *code, PyObject *name) noexcept nogil:
    """Those of all classes that have this name."""
    cdef Attribute *at = first_named(rec_str_hash(name))
    cdef uint64_t fingerprint = rec_key_fingerprint(name) if at.namespace != NULL or classes.unwatched != 0 else 0
    cdef const Name *named
    cdef Namespace *namespace = classes.first if classes.unwatched != 0 else NULL
    cdef uint32_t *entry
    while at.namespace != NULL:
        named = &at.namespace.names[at.slot]
        if named.hash == rec_str_hash(name) and named.fingerprint == fingerprint:
            if not add_attribute(code, at.namespace, at.slot):
                return False
        at = &at.namespace.links[at.slot].behind
    while namespace != NULL:
        entry = index_entry(namespace, name) if not namespace.watched else NULL
        if entry != NULL and entry[0] != 0 and is_compared_by_version(namespace, entry[0] - 1):
            if not add_attribute(code, namespace, entry[0] - 1):
                return False
        namespace = namespace.next_class
    return True


cdef inline bint is_compared_by_version(const Namespace *namespace, uint32_t slot) noexcept nogil:
    """Of an attribute that is not listed for what it holds, where no watcher tells of changes: it is no method."""
    return not namespace.changing[slot] and namespace.values[slot].type != &PyFunction_Type


cdef bint names_setting(PyObject *names) noexcept nogil:
    """Whether code with these names sets attributes whose own names need not be among them."""
    cdef PyObject *name
    cdef Py_ssize_t i
    for i in range(PyTuple_GET_SIZE(names)):
        name = rec_tuple_items(names)[i]
        if rec_str_is(name, "setattr") or rec_str_is(name, "delattr") or rec_str_is(name, "__setattr__"):
            return True
        if rec_str_is(name, "__delattr__"):
            return True
    return False


cdef bint add_attribute(Code *code, Namespace *namespace, uint32_t slot) noexcept nogil:
    cdef uint32_t capacity = code.attribute_capacity
    if code.attribute_count == capacity:
        if not grow_array(<void **> &code.attributes, capacity, capacity * 2 + 4, sizeof(Attribute)):
            return False
        code.attribute_capacity = capacity * 2 + 4
    code.attributes[code.attribute_count].namespace = namespace
    code.attributes[code.attribute_count].slot = slot
    code.attribute_count += 1
    return True


cdef Status record_attributes(Code *code) noexcept nogil:
    """Compares those that are listed."""
    cdef Namespace *namespace
    cdef uint32_t i = 0, slot
    cdef uint32_t epoch = classes.epoch
    cdef Status status
    while i < code.attribute_count:
        if classes.epoch != epoch:              # a value led to further classes: some that are gone may be listed
            status = list_attributes(code)
            if status != OK:
                return status
            epoch = classes.epoch
            i = 0
            continue
        namespace = code.attributes[i].namespace
        slot = code.attributes[i].slot
        i += 1
        if not namespace.watched:
            if rec_referred(namespace.reference) == NULL:
                continue                        # forgotten when all are compared
            if rec_dict_version(namespace.dict) != namespace.version:
                status = compare_namespace(namespace)
                if status != OK:
                    return status
        if classes.epoch != epoch or not namespace.changing[slot]:
            continue
        if not identities.exact and namespace.watched:
            hold_global(namespace, slot)
        status = record_global(namespace, slot, namespace.objects[slot])
        if status != OK:
            return status
    return OK


cdef Status compare_stale_classes() noexcept nogil:
    cdef Namespace *namespace = classes.first
    cdef Status status
    if not classes.stale:
        return OK
    classes.stale = False
    while namespace != NULL:
        if namespace.stale and namespace.watched:
            status = compare_namespace(namespace)
            if status != OK:
                return status
        namespace = namespace.next_class
    return OK


cdef Status compare_unwatched_classes() noexcept nogil:
    """Where no watcher tells of changes: some of them, in turn."""
    cdef Namespace *namespace
    cdef uint32_t n = min(classes.count, <uint32_t> MOST_COMPARED)
    cdef Status status
    while n > 0:
        n -= 1
        if classes.to_compare == NULL:
            classes.to_compare = classes.first
        namespace = classes.to_compare
        if namespace == NULL:
            return OK
        classes.to_compare = namespace.next_class
        if rec_referred(namespace.reference) == NULL:
            forget_namespace(namespace)
        elif namespace.stale or rec_dict_version(namespace.dict) != namespace.version:
            status = compare_namespace(namespace)
            if status != OK:
                return status
    return OK


cdef void forget_class(Namespace *namespace) noexcept nogil:
    """The class is gone, or nobody records any more."""
    cdef Namespace **link = &classes.first
    cdef uint32_t slot
    while link[0] != namespace:
        link = &link[0].next_class
    link[0] = namespace.next_class
    if classes.to_compare == namespace:
        classes.to_compare = namespace.next_class
    classes.count -= 1
    classes.unwatched -= not namespace.watched
    classes.epoch += namespace.changing_count > 0 or not namespace.watched
    for slot in range(namespace.slots):
        if namespace.changing[slot]:
            unlink_attribute(namespace, slot)
    Py_XDECREF(namespace.reference)
    namespace.reference = NULL


cdef void close_classes() noexcept nogil:
    """Those that were met, and never opened."""
    while classes.met_count > 0:
        classes.met_count -= 1
        Py_XDECREF(classes.met[classes.met_count])
    classes.stale = classes.opening = False
