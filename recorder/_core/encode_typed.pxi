# Instances of types that are not built in: two walks again, as in encode.pxi. What is not in an instance's dict,
# slots or built-in part is not looked for.

# ---- what both walks agree on -------------------------------------------------------------------------

cdef struct Fields:          # of a value that is written as an instance, but has no attributes as such
    int count
    const char *names[3]
    PyObject *values[3]


cdef inline bint has_part(PyTypeObject *t, rec_shape shape) noexcept nogil:
    """Whether an instance has content besides its attributes."""
    return (REC_NAMED_TUPLE <= shape <= REC_TIMEDELTA or t.tp_flags & Py_TPFLAGS_BASE_EXC_SUBCLASS != 0
            or builtin_base(t) != NULL)


cdef inline Py_ssize_t begin_attributes(rec_attributes *walk, PyObject *o, TypeEntry *entry) noexcept nogil:
    """How many attributes there are to be recorded."""
    cdef PyObject *name = NULL
    cdef PyObject *value = NULL
    cdef Py_ssize_t n
    if entry.shape != REC_INSTANCE and not entry.part:
        return 0
    n = rec_attributes_begin(walk, o, entry.slotted)
    if entry.shape != REC_ENUM or n == 0:
        return n
    n = 0
    while rec_attributes_next(walk, &name, &value):
        n += not is_enums_own(name)
    rec_attributes_begin(walk, o, entry.slotted)  # audit: a walk over nothing ends at its first step
    return n


cdef inline bint next_attribute(rec_attributes *walk, rec_shape shape, PyObject **name,
                                PyObject **value) noexcept nogil:
    while rec_attributes_next(walk, name, value):
        if shape != REC_ENUM or not is_enums_own(name[0]):
            return True
    return False


cdef bint is_enums_own(PyObject *name) noexcept nogil:
    """What the enum module itself keeps in a member."""
    return name != NULL and (rec_str_is(name, "_value_") or rec_str_is(name, "_name_")
                             or rec_str_is(name, "__objclass__") or rec_str_is(name, "_sort_order_"))


cdef inline PyObject *part_of(PyObject *o) noexcept nogil:
    """What stands for the built-in part of an instance in the memo: an address that no object has."""
    return <PyObject *> (<uintptr_t> o | 1)


cdef PyObject *names_of_fields(PyObject *o, PyTypeObject *t) noexcept nogil:
    """The field names of a named tuple, if there is one for each item."""
    cdef PyObject *names = rec_field_names(t)
    return names if names != NULL and PyTuple_GET_SIZE(names) == PyTuple_GET_SIZE(o) else NULL


cdef bint find_fields(Fields *f, PyObject *o, rec_shape shape) noexcept nogil:
    """Ranges, slices, time zones of a fixed offset, bound methods."""
    f.count = 3
    if shape == REC_RANGE or shape == REC_SLICE:
        f.names[0] = "start"
        f.names[1] = "stop"
        f.names[2] = "step"
        rec_read_range(o, shape, f.values)
        return True
    f.count = 2
    if shape == REC_TIMEZONE:
        f.names[0] = "offset"
        f.names[1] = "name"
        rec_read_timezone(o, &f.values[0], &f.values[1])
        if f.values[1] == NULL:
            f.values[1] = Py_None
        return True
    if shape == REC_METHOD:
        f.names[0] = "__func__"
        f.names[1] = "__self__"
        f.values[0] = (<PyMethodObject *> o).im_func
        f.values[1] = (<PyMethodObject *> o).im_self
        return True
    return False


# ---- fingerprints -------------------------------------------------------------------------------------

cdef uint64_t print_typed(PyObject *o, PyTypeObject *t, uint32_t depth) noexcept nogil:
    """An instance: its built-in part and its attributes, what its type has instead, or its type alone."""
    cdef TypeEntry *entry = type_entry(t)
    cdef rec_shape shape = entry.shape
    cdef bint part = entry.part
    cdef rec_attributes attributes
    cdef Py_ssize_t n = begin_attributes(&attributes, o, entry)
    cdef Fields fields
    if part and n == 0:
        return print_part(o, t, entry, depth, o)
    if shape == REC_INSTANCE or part:
        return print_instance(o, entry, &attributes, n, part, depth)
    if find_fields(&fields, o, shape):
        return print_fields(o, entry, &fields, depth)
    if shape == REC_GENERATOR:
        return print_generator(o)
    if shape == REC_ARRAY:
        return print_array(o, entry)
    if shape == REC_MODULE:
        return rec_fold(2, <uint64_t> <uintptr_t> o)
    return rec_fold(3, entry.id)


cdef uint64_t print_instance(PyObject *o, TypeEntry *entry, rec_attributes *attributes, Py_ssize_t n, bint part,
                             uint32_t depth) noexcept nogil:
    cdef PyObject *name = NULL
    cdef PyObject *value = NULL
    cdef uint64_t h = rec_fold(rec_fold(6, entry.id), <uint64_t> n)
    cdef Py_ssize_t shown
    cdef int64_t index
    if is_elided(n + part, depth):
        return h
    index = seen_before(o)
    if index >= 0:
        return rec_fold(5, <uint64_t> index)
    shown = take_nodes(n, NULL)
    if part:
        h = rec_fold(h, print_part(o, o.ob_type, entry, depth + 1, part_of(o)))
    while shown > 0 and next_attribute(attributes, entry.shape, &name, &value):
        if name != NULL:
            h = rec_fold(h, <uint64_t> rec_str_hash(name))
        if not is_secret(name):
            h = rec_fold(h, print_element(value, depth + 1))
        shown -= 1
    return h


cdef uint64_t print_part(PyObject *o, PyTypeObject *t, TypeEntry *entry, uint32_t depth,
                         PyObject *identity) noexcept nogil:
    """What an instance has besides its attributes."""
    cdef rec_shape shape = entry.shape
    cdef uint64_t h = rec_fold(4, entry.id)
    cdef PyTypeObject *base
    cdef PyObject *args
    if shape == REC_NAMED_TUPLE and names_of_fields(o, t) != NULL:
        return rec_fold(h, print_container(o, &PyTuple_Type, depth, identity))
    if shape == REC_ENUM:
        return rec_fold(h, print_member(o, depth, identity))
    if REC_DATE <= shape <= REC_TIMEDELTA:
        return rec_fold(h, print_moment(o, shape, depth, identity))
    if t.tp_flags & Py_TPFLAGS_BASE_EXC_SUBCLASS:
        args = (<PyBaseExceptionObject *> o).args
        if seen_before(identity) >= 0 or args == NULL or args.ob_type != &PyTuple_Type:
            return h
        return rec_fold(h, print_container(args, &PyTuple_Type, depth + 1, args))
    base = builtin_base(t)
    if is_container(base):
        return rec_fold(h, print_container(o, base, depth, identity))
    if base == &PyFloat_Type:
        return rec_fold(h, rec_float_bits(o))
    return rec_fold(h, print_of(o, base, depth))


cdef uint64_t print_member(PyObject *o, uint32_t depth, PyObject *identity) noexcept nogil:
    """A member of an enum. It is what it is: only one that is being made can still change."""
    cdef PyObject *value = rec_attribute(o, "_value_")
    cdef uint64_t h = <uint64_t> <uintptr_t> o
    if seen_before(identity) >= 0 or value == NULL:
        return h
    return rec_fold(h, print_element(value, depth + 1))


cdef uint64_t print_moment(PyObject *o, rec_shape shape, uint32_t depth, PyObject *identity) noexcept nogil:
    cdef rec_moment moment
    cdef uint64_t h
    rec_read_moment(o, shape, &moment)
    h = rec_hash_bytes(&moment, 10 * sizeof(int))
    if shape == REC_DATE or shape == REC_TIMEDELTA or seen_before(identity) >= 0 or moment.zone == NULL:
        return h
    return rec_fold(h, print_element(moment.zone, depth + 1))


cdef uint64_t print_fields(PyObject *o, TypeEntry *entry, Fields *fields, uint32_t depth) noexcept nogil:
    cdef uint64_t h = rec_fold(7, entry.id)
    cdef int i
    if is_elided(fields.count, depth) or seen_before(o) >= 0:
        return rec_fold(h, <uint64_t> <uintptr_t> o)
    for i in range(fields.count):
        h = rec_fold(h, print_element(fields.values[i], depth + 1))
    return h


cdef uint64_t print_generator(PyObject *o) noexcept nogil:
    cdef rec_generator generator
    rec_read_generator(o, &generator)
    return rec_fold(rec_fold(<uint64_t> <uintptr_t> generator.name, <uint64_t> generator.state),
                    <uint64_t> generator.line)


cdef uint64_t print_array(PyObject *o, TypeEntry *entry) noexcept nogil:
    cdef rec_array array
    cdef uint64_t h = rec_fold(8, entry.id)
    cdef size_t size
    if not rec_array_begin(o, &array):
        return h
    size = rec_array_fit(&array, array_limit())
    rec_array_copy(&array, array_items, size)
    h = rec_fold(h, rec_hash_bytes(array.view.shape, <size_t> array.view.ndim * sizeof(Py_ssize_t)))
    if array.view.format != NULL:
        h = rec_fold(h, rec_hash_bytes(array.view.format, strlen(array.view.format)))
    h = rec_fold(h, rec_hash_bytes(array_items, size))
    rec_array_end(&array)
    return h


cdef enum:
    ARRAY_BYTES = 16384

cdef uint8_t array_items[ARRAY_BYTES]


cdef inline size_t array_limit() noexcept nogil:
    """Bytes of an array that are looked at."""
    return min(<size_t> limits.text * 4, <size_t> ARRAY_BYTES)


# ---- writing ------------------------------------------------------------------------------------------

cdef uint8_t *put_typed(uint8_t *p, PyObject *o, PyTypeObject *t, uint32_t depth) noexcept nogil:
    cdef TypeEntry *entry = type_entry(t)
    cdef rec_shape shape = entry.shape
    cdef bint part = entry.part
    cdef rec_attributes attributes
    cdef Py_ssize_t n = begin_attributes(&attributes, o, entry)
    cdef Fields fields
    if part and n == 0:
        return put_part(p, o, t, entry, depth, o)
    if shape == REC_INSTANCE or part:
        return put_instance(p, o, entry, &attributes, n, part, depth)
    if find_fields(&fields, o, shape):
        return put_fields(p, o, entry, &fields, depth)
    if shape == REC_GENERATOR:
        return put_generator(p, o, entry)
    if shape == REC_ARRAY and p < walk.soft_end:
        return put_array(p, o, entry)
    if shape == REC_MODULE:
        return put_named(p, o, &PyModule_Type)
    return put_tagged(p, TAG_OBJECT, entry.id)


cdef uint8_t *put_instance(uint8_t *p, PyObject *o, TypeEntry *entry, rec_attributes *attributes, Py_ssize_t n,
                           bint part, uint32_t depth) noexcept nogil:
    cdef PyObject *name = NULL
    cdef PyObject *value = NULL
    cdef Py_ssize_t shown
    cdef int64_t index
    if is_elided(n + part, depth) or (n + part > 0 and p >= walk.soft_end):
        return put_varint(put_tagged(p, TAG_ELIDED, entry.id), <uint64_t> n)
    index = seen_before(o)
    if index >= 0:
        return put_tagged(p, TAG_REF, <uint64_t> index)
    shown = take_nodes(n, NULL)
    p[0] = TAG_INSTANCE if shown == n else TAG_INSTANCE + 1
    p = put_varint(p + 1, entry.id)
    if shown < n:
        p = put_varint(p, <uint64_t> (n + part))
    p = put_varint(p, <uint64_t> (shown + part))
    if part:
        p[0] = 0                                # the empty name
        p = put_part(p + 1, o, o.ob_type, entry, depth + 1, part_of(o))
    while shown > 0 and next_attribute(attributes, entry.shape, &name, &value):
        p = put_attribute(put_name(p, name), name, value, depth)
        shown -= 1
    while shown > 0:                            # the dict said that it has more than it has
        p = put_tagged(put_name(p, NULL), TAG_ERROR, ERR_VALUE_UNREADABLE)
        shown -= 1
    return p


cdef inline uint8_t *put_attribute(uint8_t *p, PyObject *name, PyObject *value, uint32_t depth) noexcept nogil:
    if is_secret(name):
        p[0] = TAG_REDACTED
        return p + 1
    return put_any(p, value, value.ob_type, depth + 1)


cdef uint8_t *put_part(uint8_t *p, PyObject *o, PyTypeObject *t, TypeEntry *entry, uint32_t depth,
                       PyObject *identity) noexcept nogil:
    cdef rec_shape shape = entry.shape
    cdef PyTypeObject *base
    if shape == REC_NAMED_TUPLE and names_of_fields(o, t) != NULL:
        return put_named_tuple(p, o, t, entry, depth, identity)
    if shape == REC_ENUM:
        return put_member(p, o, entry, depth, identity)
    if REC_DATE <= shape <= REC_TIMEDELTA:
        return put_moment(p, o, entry, depth, identity)
    if t.tp_flags & Py_TPFLAGS_BASE_EXC_SUBCLASS:
        return put_exception(p, o, entry, depth, identity)
    base = builtin_base(t)
    p = put_tagged(p, TAG_TYPED, entry.id)
    if is_container(base):
        return put_container(p, o, base, depth, identity)
    return put_any(p, o, base, depth)


cdef uint8_t *put_exception(uint8_t *p, PyObject *o, TypeEntry *entry, uint32_t depth,
                            PyObject *identity) noexcept nogil:
    cdef PyObject *args = (<PyBaseExceptionObject *> o).args
    cdef int64_t index = seen_before(identity)
    if index >= 0:
        return put_tagged(p, TAG_REF, <uint64_t> index)
    p = put_tagged(p, TAG_EXCEPTION, entry.id)
    if args == NULL or args.ob_type != &PyTuple_Type:
        return put_tagged(p, TAG_ERROR, ERR_VALUE_UNREADABLE)
    return put_container(p, args, &PyTuple_Type, depth + 1, args)


cdef uint8_t *put_named_tuple(uint8_t *p, PyObject *o, PyTypeObject *t, TypeEntry *entry, uint32_t depth,
                              PyObject *identity) noexcept nogil:
    cdef PyObject **names = rec_tuple_items(names_of_fields(o, t))
    cdef PyObject **items = rec_tuple_items(o)
    cdef Py_ssize_t n = rec_size(o), shown, i
    cdef int64_t index
    if is_elided(n, depth) or (n > 0 and p >= walk.soft_end):
        return put_varint(put_tagged(p, TAG_ELIDED, entry.id), <uint64_t> n)
    index = seen_before(identity)
    if index >= 0:
        return put_tagged(p, TAG_REF, <uint64_t> index)
    shown = take_nodes(n, t)
    p[0] = TAG_NAMED if shown == n else TAG_NAMED + 1
    p = put_varint(p + 1, entry.id)
    if shown < n:
        p = put_varint(p, <uint64_t> n)
    p = put_varint(p, <uint64_t> shown)
    for i in range(shown):
        p = put_attribute(put_name(p, names[i]), names[i], items[i], depth)
    return p


cdef uint8_t *put_member(uint8_t *p, PyObject *o, TypeEntry *entry, uint32_t depth,
                         PyObject *identity) noexcept nogil:
    cdef PyObject *value = rec_attribute(o, "_value_")
    cdef int64_t index = seen_before(identity)
    if index >= 0:
        return put_tagged(p, TAG_REF, <uint64_t> index)
    p = put_name(put_tagged(p, TAG_ENUM, entry.id), rec_attribute(o, "_name_"))
    if value == NULL:                           # it is still being made
        return put_tagged(p, TAG_OBJECT, entry.id)
    return put_any(p, value, value.ob_type, depth + 1)


cdef uint8_t *put_moment(uint8_t *p, PyObject *o, TypeEntry *entry, uint32_t depth,
                         PyObject *identity) noexcept nogil:
    cdef rec_shape shape = entry.shape
    cdef rec_moment moment
    cdef int64_t index
    rec_read_moment(o, shape, &moment)
    if shape == REC_TIMEDELTA:
        p = put_varint(put_tagged(p, TAG_TIMEDELTA, entry.id), zigzag(moment.days))
        return put_varint(put_varint(p, <uint64_t> moment.seconds), <uint64_t> moment.microsecond)
    if shape == REC_DATE:
        return put_date(put_tagged(p, TAG_DATE, entry.id), &moment)
    index = seen_before(identity)
    if index >= 0:
        return put_tagged(p, TAG_REF, <uint64_t> index)
    if shape == REC_TIME:
        p = put_tagged(p, TAG_TIME, entry.id)
    else:
        p = put_date(put_tagged(p, TAG_DATETIME, entry.id), &moment)
    p[0] = <uint8_t> moment.hour
    p[1] = <uint8_t> moment.minute
    p[2] = <uint8_t> moment.second
    p[3] = <uint8_t> moment.fold
    p = put_varint(p + 4, <uint64_t> moment.microsecond)
    if moment.zone == NULL:
        p[0] = TAG_NONE
        return p + 1
    return put_any(p, moment.zone, moment.zone.ob_type, depth + 1)


cdef inline uint8_t *put_date(uint8_t *p, rec_moment *moment) noexcept nogil:
    p[0] = <uint8_t> (moment.year & 0xFF)
    p[1] = <uint8_t> (moment.year >> 8)
    p[2] = <uint8_t> moment.month
    p[3] = <uint8_t> moment.day
    return p + 4


cdef uint8_t *put_fields(uint8_t *p, PyObject *o, TypeEntry *entry, Fields *fields, uint32_t depth) noexcept nogil:
    cdef int64_t index
    cdef int i
    if is_elided(fields.count, depth) or p >= walk.soft_end:
        return put_varint(put_tagged(p, TAG_ELIDED, entry.id), <uint64_t> fields.count)
    index = seen_before(o)
    if index >= 0:
        return put_tagged(p, TAG_REF, <uint64_t> index)
    p = put_varint(put_tagged(p, TAG_INSTANCE, entry.id), <uint64_t> fields.count)
    for i in range(fields.count):
        p = put_chars(p, fields.names[i], strlen(fields.names[i]))
        p = put_any(p, fields.values[i], fields.values[i].ob_type, depth + 1)
    return p


cdef uint8_t *put_generator(uint8_t *p, PyObject *o, TypeEntry *entry) noexcept nogil:
    cdef rec_generator generator
    rec_read_generator(o, &generator)
    p = put_tagged(p, TAG_GENERATOR, entry.id)
    p[0] = <uint8_t> generator.state
    p = put_name(p + 1, generator.name)
    return put_varint(p, <uint64_t> generator.line)


cdef uint8_t *put_array(uint8_t *p, PyObject *o, TypeEntry *entry) noexcept nogil:
    cdef rec_array array
    cdef size_t size
    cdef int i
    if not rec_array_begin(o, &array):
        return put_tagged(p, TAG_OBJECT, entry.id)
    p = put_tagged(p, TAG_ARRAY, entry.id)
    if array.view.format == NULL:
        p = put_chars(p, "B", 1)
    else:
        p = put_chars(p, array.view.format, strlen(array.view.format))
    p = put_varint(put_varint(p, <uint64_t> array.view.itemsize), <uint64_t> array.view.ndim)
    for i in range(array.view.ndim):
        p = put_varint(p, <uint64_t> array.view.shape[i])
    size = rec_array_fit(&array, array_limit())
    p = put_varint(p, size)
    rec_array_copy(&array, p, size)
    rec_array_end(&array)
    return p + size
