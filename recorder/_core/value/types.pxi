# The table of types: numbers and definitions of the types that recorded values have.

cdef enum:
    DESCRIBING = 16          # a type that can have no version tag is described at each look: its cost, in elements


cdef uint64_t type_name_fingerprint(PyTypeObject *t) noexcept nogil:
    cdef PyObject *name = rec_heap_type_name(t)
    cdef PyObject *module
    if name == NULL:
        return 0             # a static type lives as long as the process
    cdef uint64_t h = rec_fold(rec_str_fingerprint(name, 200), <uint64_t> <uintptr_t> t.tp_base)
    module = module_of_type(t)
    if module != NULL:
        h = rec_fold(h, rec_str_fingerprint(module, 200))
    return rec_fold(h, <uint64_t> t.tp_basicsize)


cdef PyObject *module_of_type(PyTypeObject *t) noexcept nogil:
    """What `__module__` of a class says. Borrowed; NULL where that is no str."""
    cdef PyObject *module = rec_dict_find(t.tp_dict, "__module__") if t.tp_dict != NULL else NULL
    return module if module != NULL and PyUnicode_CheckExact(module) else NULL


cdef TypeEntry *lookup_type(PyTypeObject *t) noexcept nogil:
    """The entry of a type; written to the tape the first time, where a record boundary is (see traverse.h)."""
    cdef uint64_t name_fingerprint
    cdef uint32_t at = rec_type_bucket(t)
    cdef TypeEntry *entry
    while types.entries[at].type != NULL and types.entries[at].type != t:
        at = (at + 1) & (types.size - 1)
    entry = &types.entries[at]
    if entry.type == t and entry.version == t.tp_version_tag and (
            entry.version != 0 or not t.tp_flags & Py_TPFLAGS_HEAPTYPE):
        return entry                            # its place was another one's, or it has no states
    name_fingerprint = type_name_fingerprint(t)
    walk.bytes += DESCRIBING * REC_BYTES_PER_ELEMENT
    if entry.type == t and entry.name_fingerprint == name_fingerprint and not is_other_class(entry):
        describe_type(entry)                    # it has changed, or is another one of that name
        return entry
    if entry.type == NULL:
        types.used += 1
    elif not walk.writing and reserve(SMALL_RECORD) == OK:
        tape.cur = put_retire(tape.cur, REC_DEF_TYPE, entry.id)     # or it had another name
    entry.type = t
    entry.name_fingerprint = name_fingerprint
    describe_type(entry)
    entry.id = types.next_id
    types.next_id += 1
    entry.space = 0
    write_def_type(t, entry.id)
    meet_class(entry)
    return entry


cdef void describe_type(TypeEntry *entry) noexcept nogil:
    """How values of the type are laid out."""
    cdef PyTypeObject *t = entry.type
    entry.version = rec_type_version(t)
    entry.keys = NULL
    entry.shape = rec_shape_of(t)
    entry.known = rec_known_type(t)
    if entry.known == 0 and entry.shape <= REC_INSTANCE and not has_part(t, <rec_shape> entry.shape):
        entry.known = rec_type_with_members(t)
    entry.part = entry.known != 0 or has_part(t, <rec_shape> entry.shape)
    entry.slotted = rec_has_slots(t)
    entry.ordered = rec_is_ordered(t)
    entry.shared = has_identity(t, entry)
    entry.machinery = entry.shape == REC_INSTANCE and rec_is_machinery(t)
    entry.plain = entry.shape == REC_INSTANCE and not entry.part and not entry.slotted and not entry.machinery


cdef inline void number_type(PyTypeObject *t) noexcept nogil:
    if type_of(t).type != t:
        fail(ERR_INVARIANT_BROKEN, STAGE_CAPTURE)


cdef void retire_types() noexcept nogil:
    """Their numbers are used no more: the sealer need not know them for longer than it restates values of them."""
    cdef uint32_t i
    for i in range(types.size):
        if types.entries[i].type != NULL:
            if reserve(SMALL_RECORD) != OK:
                return
            tape.cur = put_retire(tape.cur, REC_DEF_TYPE, types.entries[i].id)


cdef void forget_types() noexcept nogil:
    """An empty table: types get numbers (again) as they are met. The containers come first: a value that is too long is
    written with less than its fingerprint was computed of, and may need their numbers for what it leaves out."""
    memset(types.entries, 0, types.size * sizeof(TypeEntry))
    types.used = 0
    number_type(&PyList_Type)
    number_type(&PyTuple_Type)
    number_type(&PyDict_Type)
    number_type(&PySet_Type)
    number_type(&PyFrozenSet_Type)


cdef void write_def_type(PyTypeObject *t, uint32_t number) noexcept nogil:
    """A DEF_TYPE record: at most 2 × 200 code points. A fault is sticky and seen by the caller's caller."""
    cdef PyObject *name = rec_heap_type_name(t)
    cdef PyObject *module = NULL
    cdef const char *dot = NULL
    cdef const char *c
    cdef uint8_t *p
    if walk.writing:
        set_fault_detail("a type is defined before its value is written")
        fail(ERR_INVARIANT_BROKEN, STAGE_CAPTURE, 0, number)
        return
    if reserve(4096) != OK:
        return
    p = put_tagged(tape.cur, REC_DEF_TYPE, number)
    if name != NULL:
        module = module_of_type(t)
        if module != NULL:
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


cdef bint has_identity(PyTypeObject *t, const TypeEntry *entry) noexcept nogil:
    """Whether it matters which object an instance is: not of what is a value and no more, or is made anew each time."""
    cdef PyTypeObject *base
    if t == Py_Ellipsis.ob_type or t == Py_NotImplemented.ob_type:
        return False
    if REC_ENUM <= entry.shape <= REC_METHOD or entry.shape == REC_MODULE or entry.shape == REC_NAMED_TUPLE:
        return False
    if entry.shape == REC_ARRAY and rec_is_numpy_number(t):
        return False
    if entry.known != 0:
        return rec_known_changes(entry.known)
    base = builtin_base(t)
    return base == NULL or base == &PyList_Type or base == &PyDict_Type or base == &PySet_Type or (
        base == &PyByteArray_Type)


cdef inline bint has_part(PyTypeObject *t, rec_shape shape) noexcept nogil:
    """Whether an instance has content besides its attributes."""
    return (REC_NAMED_TUPLE <= shape <= REC_TIMEDELTA or t.tp_flags & Py_TPFLAGS_BASE_EXC_SUBCLASS != 0
            or builtin_base(t) != NULL)
