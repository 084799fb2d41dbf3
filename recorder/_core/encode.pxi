# Values. Two walks over an object, in the same order and with the same limits: `print_of` computes the
# fingerprint that says whether a variable changed (and defines the types it meets, so that a SET never has to),
# `put_value` writes it down. Neither runs any code of the target's, allocates, or takes a reference.

cdef struct Limits:
    uint32_t items           # elements of one container
    uint32_t depth           # containers within containers
    uint32_t text            # code points of a str, bytes of a bytes
    uint32_t nodes           # elements of one value in all
    size_t soft              # bytes after which text is cut to nothing and containers are elided
    size_t room              # most bytes one value can take, given the above

cdef struct Memo:            # containers met in this value: object → index, for REF
    PyObject *object
    uint32_t walk
    uint32_t index

cdef struct Walk:
    uint32_t number          # which walk this is: an entry of an older one is void
    uint32_t containers
    uint32_t nodes_left
    uint8_t *soft_end
    bint writing             # inside put_value: no record can start

cdef enum:
    MEMO_SIZE = 8192         # a power of two; a node can enter three times (instance, built-in part, args)

cdef Limits limits
cdef Walk walk
cdef Memo memo[MEMO_SIZE]


cdef void set_limits(uint32_t items, uint32_t depth, uint32_t text, uint32_t nodes) noexcept nogil:
    limits.items = items
    limits.depth = depth if depth < 60 else 60
    limits.text = text
    limits.nodes = nodes if nodes < MEMO_SIZE // 4 else MEMO_SIZE // 4
    limits.soft = 48 << 10
    # Beyond the soft end an element takes at most 80 bytes, and at most `nodes` + one container's are left.
    limits.room = limits.soft + 80 * (limits.nodes + 2 * limits.items) + 4 * limits.text + 8192


cdef inline uint64_t fingerprint(PyObject *o) noexcept nogil:
    """What a variable's content is compared by. May write DEF records: call it at a record boundary."""
    if types.used * 2 > types.size:
        forget_types()
    begin_walk()
    return print_of(o, o.ob_type, 0)


cdef inline void begin_walk() noexcept nogil:
    walk.number += 1
    walk.containers = 0
    walk.nodes_left = limits.nodes


cdef int64_t seen_before(PyObject *o) noexcept nogil:
    """The index of a container met earlier in this walk, or −1 after noting it as the next one."""
    cdef uint32_t at = <uint32_t> ((<uintptr_t> o >> 4) * 2654435761u) & (MEMO_SIZE - 1)
    REC_CHECK(walk.containers < MEMO_SIZE, b"the memo has room for every container of a value")
    while memo[at].walk == walk.number:
        if memo[at].object == o:
            return memo[at].index
        at = (at + 1) & (MEMO_SIZE - 1)
    memo[at].object = o
    memo[at].walk = walk.number
    memo[at].index = walk.containers
    walk.containers += 1
    return -1


# ---- fingerprints -------------------------------------------------------------------------------------

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


cdef uint64_t print_element(PyObject *o, uint32_t depth) noexcept nogil:
    cdef PyTypeObject *t = o.ob_type
    cdef uint64_t h = 0
    if print_scalar(o, t, &h):
        return rec_fold(<uint64_t> <uintptr_t> t, h)
    return print_of(o, t, depth)


cdef uint64_t print_of(PyObject *o, PyTypeObject *t, uint32_t depth) noexcept nogil:
    """Fingerprint of anything, as far as it is recorded. Defines the types it meets."""
    cdef const digit *digits = NULL
    cdef bint negative = False
    cdef Py_ssize_t n
    if t == &PyUnicode_Type:
        return rec_str_print(o, limits.text)
    if t == &PyLong_Type:
        n = rec_int_digits(o, &digits, &negative)
        return rec_fold(rec_hash_bytes(digits, <size_t> n * sizeof(digit)), negative)
    if t == &PyBytes_Type or t == &PyByteArray_Type:
        n = rec_size(o)
        return rec_fold(rec_hash_bytes(bytes_data(o, t), <size_t> min(n, <Py_ssize_t> limits.text)), <uint64_t> n)
    if t == &PyComplex_Type:
        return rec_hash_bytes(&(<PyComplexObject *> o).real, 16)
    if is_container(t):
        return print_container(o, t, depth, o)
    if t.tp_flags & Py_TPFLAGS_TYPE_SUBCLASS:
        return rec_fold(1, intern_type(<PyTypeObject *> o))
    if is_named(t):
        return rec_fold(2, <uint64_t> <uintptr_t> o)
    return print_typed(o, t, depth)


cdef uint64_t print_container(PyObject *o, PyTypeObject *t, uint32_t depth, PyObject *identity) noexcept nogil:
    """`identity` stands for the container in the memo: not itself where it is the part of an instance."""
    cdef Py_ssize_t n = container_size(o, t), shown, i, at = 0
    cdef uint64_t h
    cdef PyObject *key = NULL
    cdef PyObject *value = NULL
    cdef PyObject **items
    cdef int64_t index
    if is_elided(n, depth):
        return rec_fold(intern_type(t), <uint64_t> n)
    index = seen_before(identity)
    if index >= 0:
        return rec_fold(5, <uint64_t> index)
    shown = take_nodes(n, t)
    h = rec_fold(<uint64_t> <uintptr_t> t, <uint64_t> n)
    if t == &PyDict_Type:
        while shown > 0 and PyDict_Next(o, &at, &key, &value):
            h = rec_fold(h, print_element(key, depth + 1))
            if not is_secret(key):
                h = rec_fold(h, print_element(value, depth + 1))
            shown -= 1
    elif t == &PyList_Type or t == &PyTuple_Type:
        items = sequence_items(o, t)
        for i in range(shown):
            h = rec_fold(h, print_element(items[i], depth + 1))
    else:
        while shown > 0 and rec_set_next(o, &at, &key):
            h = rec_fold(h, print_element(key, depth + 1))
            shown -= 1
    return h


# ---- what both walks agree on -------------------------------------------------------------------------

cdef inline bint is_container(PyTypeObject *t) noexcept nogil:
    return (t == &PyList_Type or t == &PyTuple_Type or t == &PyDict_Type or t == &PySet_Type
            or t == &PyFrozenSet_Type)


cdef inline PyTypeObject *builtin_base(PyTypeObject *t) noexcept nogil:
    """The built-in type whose storage an instance of a subclass has, by CPython's own type flags."""
    if t.tp_flags & Py_TPFLAGS_LONG_SUBCLASS:
        return &PyLong_Type
    if t.tp_flags & Py_TPFLAGS_UNICODE_SUBCLASS:
        return &PyUnicode_Type
    if t.tp_flags & Py_TPFLAGS_TUPLE_SUBCLASS:
        return &PyTuple_Type
    if t.tp_flags & Py_TPFLAGS_LIST_SUBCLASS:
        return &PyList_Type
    if t.tp_flags & Py_TPFLAGS_DICT_SUBCLASS:
        return &PyDict_Type
    if t.tp_flags & Py_TPFLAGS_BYTES_SUBCLASS:
        return &PyBytes_Type
    while t != NULL:
        if (t == &PyFloat_Type or t == &PySet_Type or t == &PyFrozenSet_Type or t == &PyByteArray_Type
                or t == &PyComplex_Type):
            return t
        t = t.tp_base
    return NULL


cdef inline bint is_named(PyTypeObject *t) noexcept nogil:
    """Recorded by name: functions and modules."""
    return (t == &PyFunction_Type or t == &PyCFunction_Type or t == &PyModule_Type or t == &PyMethodDescr_Type
            or t == &PyWrapperDescr_Type or t == &PyClassMethodDescr_Type)


cdef inline const char *bytes_data(PyObject *o, PyTypeObject *t) noexcept nogil:
    return PyBytes_AS_STRING(o) if t == &PyBytes_Type else PyByteArray_AS_STRING(o)


cdef inline Py_ssize_t container_size(PyObject *o, PyTypeObject *t) noexcept nogil:
    if t == &PyDict_Type:
        return rec_dict_size(o)
    if t == &PySet_Type or t == &PyFrozenSet_Type:
        return PySet_GET_SIZE(o)
    return rec_size(o)


cdef inline bint is_elided(Py_ssize_t n, uint32_t depth) noexcept nogil:
    return n > 0 and (depth >= limits.depth or walk.nodes_left == 0)


cdef inline Py_ssize_t take_nodes(Py_ssize_t n, PyTypeObject *t) noexcept nogil:
    """How many elements of a container are looked at; takes them from the budget of the value."""
    cdef Py_ssize_t shown = min(n, min(<Py_ssize_t> limits.items, <Py_ssize_t> walk.nodes_left))
    walk.nodes_left -= <uint32_t> shown
    return shown


# ---- writing ------------------------------------------------------------------------------------------

cdef inline uint8_t *put_int(uint8_t *p, int64_t n) noexcept nogil:
    if -32 <= n <= 95:
        p[0] = <uint8_t> (0x80 | (n + 32))
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
    """A whole value, of at most limits.room bytes. print_of has walked it before."""
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


cdef inline PyObject **sequence_items(PyObject *o, PyTypeObject *t) noexcept nogil:
    return rec_list_items(o) if t == &PyList_Type else rec_tuple_items(o)


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
    cdef PyObject **items
    cdef int64_t index
    if is_elided(n, depth) or (n > 0 and p >= walk.soft_end):
        return put_varint(put_tagged(p, TAG_ELIDED, intern_type(t)), <uint64_t> n)
    index = seen_before(identity)
    if index >= 0:
        return put_tagged(p, TAG_REF, <uint64_t> index)
    shown = take_nodes(n, t)
    p = put_count(p, container_tag(t), n, shown)
    if t == &PyDict_Type:
        while shown > 0 and PyDict_Next(o, &at, &key, &value):
            p = put_any(p, key, key.ob_type, depth + 1)
            if is_secret(key):
                p[0] = TAG_REDACTED
                p += 1
            else:
                p = put_any(p, value, value.ob_type, depth + 1)
            shown -= 1
    elif t == &PyList_Type or t == &PyTuple_Type:
        items = sequence_items(o, t)
        for i in range(shown):
            p = put_any(p, items[i], items[i].ob_type, depth + 1)
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

cdef struct Verdict:         # is this name secret? By hash, since the same keys come again and again
    Py_hash_t hash
    Py_ssize_t length
    bint known
    bint secret

cdef enum:
    MOST_PATTERNS = 64
    VERDICTS = 1024

cdef const char *secret_patterns[MOST_PATTERNS]
cdef uint32_t secret_count = 0
cdef tuple secret_texts = ()     # owns the patterns
cdef Verdict verdicts[VERDICTS]


cdef int set_secrets(tuple patterns) except -1:
    """patterns: bytes, ASCII, lower case."""
    global secret_count, secret_texts
    memset(verdicts, 0, sizeof(verdicts))
    secret_count = 0
    secret_texts = patterns
    for pattern in patterns[:MOST_PATTERNS]:
        secret_patterns[secret_count] = <const char *> <bytes> pattern
        secret_count += 1
    return 0


cdef bint is_secret(PyObject *name) noexcept nogil:
    cdef Py_hash_t hash
    cdef Verdict *verdict
    cdef uint32_t i
    if secret_count == 0 or name == NULL or not PyUnicode_CheckExact(name):
        return False
    hash = rec_str_hash(name)
    verdict = &verdicts[<uint64_t> hash % VERDICTS]
    if hash != -1 and verdict.known and verdict.hash == hash and verdict.length == PyUnicode_GET_LENGTH(name):
        return verdict.secret
    for i in range(secret_count):
        if rec_str_matches(name, secret_patterns[i]):
            break
    else:
        i = MOST_PATTERNS
    verdict.hash = hash
    verdict.length = PyUnicode_GET_LENGTH(name)
    verdict.secret = i < MOST_PATTERNS
    verdict.known = True
    return verdict.secret


# ---- types --------------------------------------------------------------------------------------------

cdef struct TypeEntry:
    PyTypeObject *type
    uint64_t name_print      # a type's address is used again after its death: the name tells
    uint32_t id
    rec_shape shape
    bint part                # instances have content besides their attributes
    bint slotted

cdef struct TypeTable:
    TypeEntry *entries
    uint32_t size            # a power of two
    uint32_t used
    uint32_t next_id

cdef TypeTable types


cdef uint64_t type_name_print(PyTypeObject *t) noexcept nogil:
    cdef PyObject *name = rec_heap_type_name(t)
    if name == NULL:
        return 0             # a static type lives as long as the process
    return rec_fold(rec_fold(rec_str_print(name, 200), <uint64_t> <uintptr_t> t.tp_base), <uint64_t> t.tp_basicsize)


cdef inline uint64_t intern_type(PyTypeObject *t) noexcept nogil:
    return type_entry(t).id


cdef TypeEntry *type_entry(PyTypeObject *t) noexcept nogil:
    """The number of a type; written to the tape the first time, where a record boundary is (see print_of)."""
    cdef uint64_t name_print = type_name_print(t)
    cdef uint32_t at = <uint32_t> ((<uintptr_t> t >> 4) * 2654435761u) & (types.size - 1)
    while types.entries[at].type != NULL:
        if types.entries[at].type == t:
            if types.entries[at].name_print == name_print:
                return &types.entries[at]
            break
        at = (at + 1) & (types.size - 1)
    if types.entries[at].type == NULL:
        types.used += 1
    types.entries[at].type = t
    types.entries[at].name_print = name_print
    types.entries[at].shape = rec_shape_of(t)
    types.entries[at].part = has_part(t, types.entries[at].shape)
    types.entries[at].slotted = rec_has_slots(t)
    types.entries[at].id = types.next_id
    types.next_id += 1
    define_type(t, types.entries[at].id)
    return &types.entries[at]


cdef void forget_types() noexcept nogil:
    """An empty table: types get numbers (again) as they are met. The containers come first: put_container
    may need their numbers for a value that print_of did not elide."""
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
