# Values. Two walks over an object, in the same order and with the same limits (walk.h): prints.c computes the
# fingerprint that says whether a variable changed (and defines the types it meets, so that a SET never has to),
# `put_value` writes it down. Neither runs any code of the target's, allocates, or takes a reference.

cdef void set_limits(uint32_t items, uint32_t depth, uint32_t text, uint32_t nodes) noexcept nogil:
    limits.items = items
    limits.depth = depth if depth < 60 else 60
    limits.text = text
    limits.nodes = nodes if nodes < REC_MEMO_SIZE // 4 else REC_MEMO_SIZE // 4
    walk.most = limits.nodes
    limits.soft = 48 << 10
    # Beyond the soft end an element takes at most 80 bytes, and at most `nodes` + one container's are left.
    limits.room = limits.soft + 80 * (limits.nodes + 2 * limits.items) + 4 * limits.text + 8192


cdef inline uint64_t fingerprint(PyObject *o) noexcept nogil:
    """What a variable's content is compared by. May write DEF records: call it at a record boundary."""
    if types.used * 2 > types.size:
        forget_types()
    begin_walk()
    return rec_print(o, o.ob_type, 0)


cdef inline bint print_scalar(PyObject *o, PyTypeObject *t, uint64_t *out) noexcept nogil:
    """The exact content of a small scalar. An int of more than 60 bits is no small one."""
    if t == &PyLong_Type:
        return rec_int_small(o, <int64_t *> out)
    if t == &PyFloat_Type:
        out[0] = rec_float_bits(o)
        return True
    if o == Py_None or t == &PyBool_Type:
        out[0] = <uint64_t> <uintptr_t> o
        return True
    return False


# ---- writing ------------------------------------------------------------------------------------------

cdef inline uint8_t *put_int(uint8_t *p, int64_t n) noexcept nogil:
    if REC_SMALL_MIN <= n <= REC_SMALL_MAX:
        p[0] = <uint8_t> (TAG_SMALL_INT | (n - REC_SMALL_MIN))
        return p + 1
    p[0] = TAG_INT
    return put_varint(p + 1, zigzag(n))


cdef uint8_t *put_str(uint8_t *p, PyObject *o, Py_ssize_t limit) noexcept nogil:
    """A bare str: length and UTF-8, at most `limit` code points."""
    cdef Py_ssize_t n = min(PyUnicode_GET_LENGTH(o), limit)
    p = put_varint(p, rec_utf8_size(o, n))
    return p + rec_str_utf8(o, n, p)


cdef inline uint8_t *put_tagged(uint8_t *p, uint8_t tag, uint64_t number) noexcept nogil:
    p[0] = tag
    return put_varint(p + 1, number)


cdef uint8_t *put_value(uint8_t *p, PyObject *o) noexcept nogil:
    """A whole value, of at most limits.room bytes. rec_print has walked it before."""
    begin_walk()
    walk.soft_end = p + limits.soft
    walk.writing = True
    p = put_any(p, o, o.ob_type, 0)
    walk.writing = False
    REC_CHECK(p <= walk.soft_end - limits.soft + limits.room, b"a value keeps to its limits")
    return p


cdef uint8_t *put_any(uint8_t *p, PyObject *o, PyTypeObject *t, uint32_t depth) noexcept nogil:
    cdef int64_t n = 0
    cdef uint64_t bits
    if t == &PyLong_Type:
        return put_int(p, n) if rec_int_small(o, &n) else put_big_int(p, o)
    if t == &PyUnicode_Type:
        return put_text(p, o)
    if t == &PyFloat_Type:
        bits = rec_float_bits(o)
        p[0] = TAG_FLOAT
        memcpy(p + 1, &bits, 8)
        return p + 9
    if is_container(t):
        return put_container(p, o, t, depth, o)
    if put_singleton(p, o):
        return p + 1
    if t == &PyBytes_Type:
        return put_bytes(p, o, t, TAG_BYTES)
    if t == &PyByteArray_Type:
        return put_bytes(p, o, t, TAG_BYTEARRAY)
    if t == &PyComplex_Type:
        p[0] = TAG_COMPLEX
        memcpy(p + 1, &(<PyComplexObject *> o).real, 16)
        return p + 17
    if t.tp_flags & Py_TPFLAGS_TYPE_SUBCLASS:
        return put_tagged(p, TAG_CLASS, intern_type(<PyTypeObject *> o))
    if is_named(t):
        return put_named(p, o, t)
    return put_typed(p, o, t, depth)


cdef bint put_singleton(uint8_t *p, PyObject *o) noexcept nogil:
    if o == Py_None:
        p[0] = TAG_NONE
    elif o == Py_True:
        p[0] = TAG_TRUE
    elif o == Py_False:
        p[0] = TAG_FALSE
    elif o == Py_Ellipsis:
        p[0] = TAG_ELLIPSIS
    elif o == Py_NotImplemented:
        p[0] = TAG_NOTIMPLEMENTED
    else:
        return False
    return True


cdef uint8_t *put_big_int(uint8_t *p, PyObject *o) noexcept nogil:
    cdef const digit *digits = NULL
    cdef bint negative = False
    cdef Py_ssize_t n = rec_int_digits(o, &digits, &negative)
    cdef size_t bits = rec_int_bits(digits, n)
    cdef size_t size = (bits + 7) // 8
    if size > limits.text * 4 or p >= walk.soft_end:
        p[0] = TAG_INT_CUT
        p[1] = negative
        return put_varint(p + 2, bits)
    p[0] = TAG_BIGINT
    p[1] = negative
    p = put_varint(p + 2, size)
    return p + rec_int_bytes(digits, n, p)


cdef uint8_t *put_text(uint8_t *p, PyObject *o) noexcept nogil:
    cdef Py_ssize_t n = PyUnicode_GET_LENGTH(o)
    cdef Py_ssize_t limit = limits.text if p < walk.soft_end else 0
    if n <= limit:
        p[0] = TAG_STR
        return put_str(p + 1, o, n)
    return put_str(put_tagged(p, TAG_STR_CUT, <uint64_t> n), o, limit)


cdef uint8_t *put_bytes(uint8_t *p, PyObject *o, PyTypeObject *t, uint8_t tag) noexcept nogil:
    cdef Py_ssize_t n = rec_size(o)
    cdef Py_ssize_t shown = min(n, <Py_ssize_t> limits.text if p < walk.soft_end else 0)
    if shown < n:
        p = put_tagged(p, tag + 1, <uint64_t> n)
        p = put_varint(p, <uint64_t> shown)
    else:
        p = put_tagged(p, tag, <uint64_t> n)
    memcpy(p, bytes_data(o, t), <size_t> shown)
    return p + shown


cdef inline uint8_t container_tag(PyTypeObject *t) noexcept nogil:
    if t == &PyList_Type:
        return TAG_LIST
    if t == &PyTuple_Type:
        return TAG_TUPLE
    if t == &PyDict_Type:
        return TAG_DICT
    return TAG_SET if t == &PySet_Type else TAG_FROZENSET


cdef uint8_t *put_container(uint8_t *p, PyObject *o, PyTypeObject *t, uint32_t depth,
                            PyObject *identity) noexcept nogil:
    cdef Py_ssize_t n = container_size(o, t), shown, i, at = 0
    cdef PyObject *key = NULL
    cdef PyObject *value = NULL
    cdef PyObject **elements
    cdef rec_items items
    cdef int64_t index
    if is_elided(n, depth) or (n > 0 and p >= walk.soft_end):
        return put_varint(put_tagged(p, TAG_ELIDED, intern_type(t)), <uint64_t> n)
    index = seen_before(identity)
    if index >= 0:
        return put_tagged(p, TAG_REF, <uint64_t> index)
    shown = take_nodes(n)
    p = put_count(p, container_tag(t), n, shown)
    if t == &PyDict_Type:
        rec_items_of(&items, o)
        while shown > 0 and rec_items_next(&items, &key, &value):
            p = put_any(p, key, key.ob_type, depth + 1)
            if is_secret(key):
                p[0] = TAG_REDACTED
                p += 1
            else:
                p = put_any(p, value, value.ob_type, depth + 1)
            shown -= 1
    elif t == &PyList_Type or t == &PyTuple_Type:
        elements = sequence_items(o, t)
        for i in range(shown):
            p = put_any(p, elements[i], elements[i].ob_type, depth + 1)
    else:
        while shown > 0 and rec_set_next(o, &at, &key):
            p = put_any(p, key, key.ob_type, depth + 1)
            shown -= 1
    return p


cdef inline uint8_t *put_count(uint8_t *p, uint8_t tag, Py_ssize_t n, Py_ssize_t shown) noexcept nogil:
    """The tag of a container, or of a cut one, and how many items follow."""
    if shown < n:
        return put_varint(put_tagged(p, tag + 1, <uint64_t> n), <uint64_t> shown)
    return put_tagged(p, tag, <uint64_t> n)


cdef uint8_t *put_named(uint8_t *p, PyObject *o, PyTypeObject *t) noexcept nogil:
    """A function or a module, by name."""
    cdef PyObject *module = NULL
    cdef PyObject *name = NULL
    cdef const char *text
    cdef size_t size
    if t == &PyCFunction_Type:
        text = (<PyCFunctionObject *> o).m_ml.ml_name
        size = min(strlen(text), <size_t> name_limit(p))
        p = put_tagged(p, TAG_FUNCTION, size)
        memcpy(p, text, size)
        return p + size
    if t == &PyModule_Type:
        name = rec_module_name(o)
        p[0] = TAG_MODULE
    elif t != &PyFunction_Type:
        name = (<PyDescrObject *> o).d_name
        p[0] = TAG_FUNCTION
    else:
        name = (<PyFunctionObject *> o).func_qualname
        module = (<PyFunctionObject *> o).func_module
        p[0] = TAG_FUNCTION
    return put_dotted(p + 1, module, name)


cdef uint8_t *put_dotted(uint8_t *p, PyObject *module, PyObject *name) noexcept nogil:
    """The bare str `module.name`, without what is not an exact str."""
    cdef size_t size = 0
    cdef Py_ssize_t nm = 0, nn = 0, limit = name_limit(p)
    if module != NULL and PyUnicode_CheckExact(module):
        nm = min(PyUnicode_GET_LENGTH(module), limit)
        size += rec_utf8_size(module, nm) + 1
    if name != NULL and PyUnicode_CheckExact(name):
        nn = min(PyUnicode_GET_LENGTH(name), limit)
        size += rec_utf8_size(name, nn)
    p = put_varint(p, size)
    if nm > 0 or (module != NULL and PyUnicode_CheckExact(module)):
        p += rec_str_utf8(module, nm, p)
        p[0] = c'.'
        p += 1
    if nn > 0:
        p += rec_str_utf8(name, nn, p)
    return p


cdef inline Py_ssize_t name_limit(uint8_t *p) noexcept nogil:
    """Code points of a name: few, once a value has become too long."""
    return 200 if p < walk.soft_end else 8


cdef inline uint8_t *put_name(uint8_t *p, PyObject *name) noexcept nogil:
    """The bare str of an attribute's name; `?` for what is none."""
    if name == NULL or not PyUnicode_CheckExact(name):
        return put_chars(p, "?", 1)
    return put_str(p, name, name_limit(p))


# ---- secrets: names whose values are never written -------------------------------------------------------

cdef tuple secret_texts = ()     # owns the patterns


cdef int set_secrets(tuple patterns) except -1:
    """patterns: bytes, ASCII, lower case."""
    global secret_texts
    rec_secrets.count = 0
    secret_texts = patterns
    for pattern in patterns[:REC_MOST_PATTERNS]:
        rec_secrets.patterns[rec_secrets.count] = <const char *> <bytes> pattern
        rec_secrets.count += 1
    rec_forget_verdicts()
    rec_forget_dicts()
    return 0


# ---- types --------------------------------------------------------------------------------------------

cdef uint64_t type_name_print(PyTypeObject *t) noexcept nogil:
    cdef PyObject *name = rec_heap_type_name(t)
    if name == NULL:
        return 0             # a static type lives as long as the process
    return rec_fold(rec_fold(rec_str_print(name, 200), <uint64_t> <uintptr_t> t.tp_base), <uint64_t> t.tp_basicsize)


cdef inline uint64_t intern_type(PyTypeObject *t) noexcept nogil:
    return type_of(t).id


cdef TypeEntry *meet_type(PyTypeObject *t) noexcept nogil:
    """The entry of a type; written to the tape the first time, where a record boundary is (see prints.h)."""
    cdef uint64_t name_print = type_name_print(t)
    cdef uint32_t at = rec_type_place(t)
    cdef TypeEntry *entry
    while types.entries[at].type != NULL and types.entries[at].type != t:
        at = (at + 1) & (types.size - 1)
    entry = &types.entries[at]
    if entry.type == t and entry.name_print == name_print:
        entry.version = t.tp_version_tag
        entry.keys = NULL
        return entry
    if entry.type == NULL:
        types.used += 1
    entry.type = t
    entry.name_print = name_print
    entry.version = t.tp_version_tag
    entry.keys = NULL
    entry.shape = rec_shape_of(t)
    entry.part = has_part(t, <rec_shape> entry.shape)
    entry.slotted = rec_has_slots(t)
    entry.plain = entry.shape == REC_INSTANCE and not entry.part and not entry.slotted
    entry.id = types.next_id
    types.next_id += 1
    define_type(t, entry.id)
    return entry


cdef void forget_types() noexcept nogil:
    """An empty table: types get numbers (again) as they are met. The containers come first: put_container
    may need their numbers for a value that rec_print did not elide."""
    memset(types.entries, 0, types.size * sizeof(TypeEntry))
    types.used = 0
    intern_type(&PyList_Type)
    intern_type(&PyTuple_Type)
    intern_type(&PyDict_Type)
    intern_type(&PySet_Type)
    intern_type(&PyFrozenSet_Type)


cdef void define_type(PyTypeObject *t, uint32_t number) noexcept nogil:
    """A DEF_TYPE record: at most 2 × 200 code points. A fault is sticky and seen by the caller's caller."""
    cdef PyObject *name = rec_heap_type_name(t)
    cdef PyObject *module = NULL
    cdef const char *dot = NULL
    cdef const char *c
    cdef uint8_t *p
    if walk.writing:
        blame("a type is defined before its value is written")
        fail(ERR_INVARIANT_BROKEN, STAGE_CAPTURE, 0, number)
        return
    if reserve(4096) != OK:
        return
    p = put_tagged(tape.cur, REC_DEF_TYPE, number)
    if name != NULL:
        module = rec_dict_find(t.tp_dict, "__module__") if t.tp_dict != NULL else NULL
        if module != NULL and PyUnicode_CheckExact(module):
            p = put_str(p, module, 200)
        else:
            p = put_varint(p, 0)
        tape.cur = put_str(p, name, 200)
        return
    c = t.tp_name
    while c[0] != 0:
        if c[0] == c'.':
            dot = c
        c += 1
    if dot == NULL:
        p = put_chars(p, "builtins", 8)
        tape.cur = put_chars(p, t.tp_name, min(<size_t> (c - t.tp_name), <size_t> 400))
    else:
        p = put_chars(p, t.tp_name, min(<size_t> (dot - t.tp_name), <size_t> 400))
        tape.cur = put_chars(p, dot + 1, min(<size_t> (c - dot - 1), <size_t> 400))


cdef uint8_t *put_chars(uint8_t *p, const char *text, size_t n) noexcept nogil:
    p = put_varint(p, n)
    memcpy(p, text, n)
    return p + n
