# Instances of types that are not built in: two walks again, as in encode.pxi. What is not in an instance's dict,
# slots or built-in part is not looked for.

# ---- what both walks agree on -------------------------------------------------------------------------

cdef inline bint has_part(PyTypeObject *t, rec_shape shape) noexcept nogil:
    """Whether an instance has content besides its attributes."""
    return (REC_NAMED_TUPLE <= shape <= REC_TIMEDELTA or t.tp_flags & Py_TPFLAGS_BASE_EXC_SUBCLASS != 0
            or builtin_base(t) != NULL)


# ---- writing ------------------------------------------------------------------------------------------

cdef uint8_t *put_typed(uint8_t *p, PyObject *o, PyTypeObject *t, uint32_t depth) noexcept nogil:
    cdef TypeEntry *entry = type_of(t)
    cdef rec_shape shape = <rec_shape> entry.shape
    cdef bint part = entry.part
    cdef rec_attributes attributes
    cdef Py_ssize_t n = rec_attributes_begin(&attributes, o, entry)
    cdef rec_fields fields
    if part and n == 0:
        return put_part(p, o, t, entry, depth, o)
    if shape == REC_INSTANCE or part:
        return put_instance(p, o, entry, &attributes, n, part, depth)
    if rec_find_fields(&fields, o, shape):
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
    shown = take_nodes(n)
    p[0] = TAG_INSTANCE if shown == n else TAG_INSTANCE + 1
    p = put_varint(p + 1, entry.id)
    if shown < n:
        p = put_varint(p, <uint64_t> (n + part))
    p = put_varint(p, <uint64_t> (shown + part))
    if part:
        p[0] = 0                                # the empty name
        p = put_part(p + 1, o, o.ob_type, entry, depth + 1, part_of(o))
    while shown > 0 and rec_attributes_next(attributes, &name, &value):
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
    cdef rec_shape shape = <rec_shape> entry.shape
    cdef PyTypeObject *base
    if shape == REC_NAMED_TUPLE and rec_names_of_fields(o, t) != NULL:
        return put_named_tuple(p, o, t, entry, depth, identity)
    if shape == REC_ENUM:
        return put_member(p, o, entry, depth, identity)
    if REC_DATE <= shape <= REC_TIMEDELTA:
        return put_datetime(p, o, entry, depth, identity)
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
    cdef PyObject **names = rec_tuple_items(rec_names_of_fields(o, t))
    cdef PyObject **items = rec_tuple_items(o)
    cdef Py_ssize_t n = rec_size(o), shown, i
    cdef int64_t index
    if is_elided(n, depth) or (n > 0 and p >= walk.soft_end):
        return put_varint(put_tagged(p, TAG_ELIDED, entry.id), <uint64_t> n)
    index = seen_before(identity)
    if index >= 0:
        return put_tagged(p, TAG_REF, <uint64_t> index)
    shown = take_nodes(n)
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


cdef uint8_t *put_datetime(uint8_t *p, PyObject *o, TypeEntry *entry, uint32_t depth,
                           PyObject *identity) noexcept nogil:
    cdef rec_shape shape = <rec_shape> entry.shape
    cdef rec_datetime moment
    cdef int64_t index
    rec_read_datetime(o, shape, &moment)
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


cdef inline uint8_t *put_date(uint8_t *p, rec_datetime *moment) noexcept nogil:
    p[0] = <uint8_t> (moment.year & 0xFF)
    p[1] = <uint8_t> (moment.year >> 8)
    p[2] = <uint8_t> moment.month
    p[3] = <uint8_t> moment.day
    return p + 4


cdef uint8_t *put_fields(uint8_t *p, PyObject *o, TypeEntry *entry, rec_fields *fields, uint32_t depth) noexcept nogil:
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
    size = rec_array_fit(&array, rec_array_limit())
    p = put_varint(p, size)
    rec_array_copy(&array, p, size)
    rec_array_end(&array)
    return p + size
