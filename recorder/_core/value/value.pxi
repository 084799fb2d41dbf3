# Values, as the tracer sees them: fingerprints, writing, limits, redaction. C does it (traverse.h, fingerprint.c,
# encode.c); what is declared here never runs code of the program's, allocates, or takes a reference.

cdef extern from "value/walk.h" nogil:
    ctypedef struct Limits "rec_limits_of_values":
        uint32_t items, depth, text, nodes
        size_t soft_size, value_size
        uint32_t memo_mask
        uint32_t unreadable
    enum: REC_BYTES_PER_ELEMENT
    ctypedef struct Walk "rec_walk_state":
        uint32_t containers, node_limit, nodes_left
        size_t bytes
        uint64_t inner_doubts, alike
        uint8_t *soft_end
        bint writing, is_alike
    int REC_MEMO_SIZE
    Limits limits "rec_limits"
    Walk walk "rec_walk"
    void begin_walk "rec_begin_walk"()
    bint is_named "rec_is_named"(PyTypeObject *)
    PyTypeObject *builtin_base "rec_builtin_base"(PyTypeObject *)

cdef extern from "value/fingerprint.h" nogil:
    void rec_prepare_fingerprints()
    void rec_forget_fingerprints()
    uint64_t rec_fingerprint(PyObject *, PyTypeObject *)

cdef extern from "value/encode.h" nogil:
    uint8_t *put_value "rec_put_value"(uint8_t *, PyObject *, bint walked)

cdef extern from "value/redaction.h" nogil:
    ctypedef struct rec_patterns:
        uint32_t count
    ctypedef struct rec_secret_names:
        rec_patterns names
    rec_secret_names rec_secrets
    size_t rec_patterns_size(PyObject *)
    rec_patterns rec_read_patterns(PyObject *, void *)
    bint rec_matches_name(const rec_patterns *, PyObject *)
    bint rec_matches_function(const rec_patterns *, PyObject *)
    bint rec_is_secret_pair(PyObject **, Py_ssize_t)
    void rec_forget_matches()
    bint is_secret "rec_is_secret"(PyObject *)

cdef extern from "value/printed.h" nogil:
    ctypedef struct Printed "rec_printed":
        bint is_late
        size_t open
        uint8_t size
    bint rec_copy_printed(Printed *, uint8_t *, const uint8_t *, size_t, size_t)
    bint rec_awaits_value(const Printed *)

cdef extern from "value/identity.h" nogil:
    ctypedef struct Identity "rec_identity":
        uint64_t number
        uint64_t doubts
    uint64_t NO_OBJECT "REC_NO_OBJECT"
    uint32_t REC_NOT_FOLLOWED, REC_MAYBE_ANOTHER
    ctypedef struct IdentityTable "rec_identity_table":
        Identity top
        uint64_t alike
        bint followed
        uint32_t interludes
        bint exact
    IdentityTable identities "rec_identities"
    bint open_identities "rec_open_identities"(const RecSys *)
    void close_identities "rec_close_identities"()
    void begin_moment "rec_begin_moment"(uint64_t)
    void hold_object "rec_hold_object"(PyObject *)
    uint64_t object_number "rec_number_of"(PyObject *)

cdef extern from "value/types.h" nogil:
    ctypedef struct TypeEntry "rec_type_entry":
        PyTypeObject *type
        uint64_t name_fingerprint
        unsigned int version
        uint32_t id, space
        uint8_t shape
        bint part, slotted, ordered, shared, plain, machinery
        uint8_t known
        void *keys
    ctypedef struct TypeTable "rec_type_table":
        TypeEntry *entries
        uint32_t size, used, next_id
        TypeEntry *(*lookup)(PyTypeObject *) noexcept
    TypeTable types "rec_types"
    uint32_t rec_type_bucket(PyTypeObject *)
    TypeEntry *type_of "rec_type_of"(PyTypeObject *)


cdef void set_limits(uint32_t items, uint32_t depth, uint32_t text, uint32_t nodes) noexcept nogil:
    limits.items = items
    limits.depth = depth if depth < 60 else 60
    limits.text = text
    limits.nodes = nodes if nodes < REC_MEMO_SIZE // 4 else REC_MEMO_SIZE // 4
    limits.memo_mask = 1
    while limits.memo_mask < 4 * limits.nodes:
        limits.memo_mask = 2 * limits.memo_mask + 1
    walk.node_limit = limits.nodes
    limits.soft_size = <size_t> 48 << 10
    if limits.soft_size < <size_t> 24 * limits.nodes:
        limits.soft_size = <size_t> 24 * limits.nodes
    limits.unreadable = ERR_VALUE_UNREADABLE
    # Beyond the soft end an element takes at most 96 bytes, and at most `nodes` + one container's are left.
    limits.value_size = limits.soft_size + 96 * (limits.nodes + 2 * limits.items) + 4 * limits.text + 8192


cdef uint64_t types_forgotten_at = <uint64_t> 1 << 63   # the event before which; values have other fingerprints since


cdef inline uint64_t take_fingerprint(PyObject *o) noexcept nogil:
    """What a variable's content is compared by. May write DEF records: call it at a record boundary."""
    global types_forgotten_at
    if types.used * 2 > types.size:
        retire_types()
        forget_types()
        forget_told()
        types_forgotten_at = tape.events
    begin_moment(tape.events)
    begin_walk()
    return rec_fingerprint(o, o.ob_type)


# ---- redaction: names whose values are never written --------------------------------------------------

cdef bytearray secret_patterns = bytearray()     # owns what rec_secrets points to


cdef int set_secrets(tuple patterns) except -1:
    """patterns: exact strs, with `*` and `?` as in a shell."""
    global secret_patterns
    memory = bytearray(rec_patterns_size(<PyObject *> patterns))
    rec_secrets.names = rec_read_patterns(<PyObject *> patterns, <char *> memory)
    secret_patterns = memory
    rec_forget_matches()
    rec_forget_fingerprints()
    return 0


def is_secret_name(str name not None, tuple patterns not None):
    """Whether the patterns stand for this name: for words of a command line, which are no values."""
    memory = bytearray(rec_patterns_size(<PyObject *> patterns))
    read = rec_read_patterns(<PyObject *> patterns, <char *> memory)
    return rec_matches_name(&read, <PyObject *> name)
