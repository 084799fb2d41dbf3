# What the core uses of the C files that look at values.

cdef extern from "value/walk.h" nogil:
    ctypedef struct Limits "rec_limits_of_values":
        uint32_t items, depth, text, nodes
        size_t soft_size, value_size
    ctypedef struct Walk "rec_walk_state":
        uint32_t containers, node_limit, nodes_left
        uint8_t *soft_end
        bint writing
    int REC_MEMO_SIZE
    Limits limits "rec_limits"
    Walk walk "rec_walk"
    void begin_walk "rec_begin_walk"()
    int64_t seen_before "rec_seen_before"(PyObject *)
    bint is_elided "rec_is_elided"(Py_ssize_t, uint32_t)
    Py_ssize_t take_nodes "rec_take_nodes"(Py_ssize_t)
    PyObject *part_of "rec_part_of"(PyObject *)
    bint is_container "rec_is_container"(PyTypeObject *)
    bint is_named "rec_is_named"(PyTypeObject *)
    PyTypeObject *builtin_base "rec_builtin_base"(PyTypeObject *)
    Py_ssize_t container_size "rec_container_size"(PyObject *, PyTypeObject *)
    const char *bytes_data "rec_bytes_data"(PyObject *, PyTypeObject *)
    PyObject **sequence_items "rec_sequence_items"(PyObject *, PyTypeObject *)

cdef extern from "value/fingerprint.h" nogil:
    void rec_prepare_fingerprints()
    void rec_forget_dicts()
    uint64_t rec_fingerprint(PyObject *, PyTypeObject *, uint32_t)

cdef extern from "value/redaction.h" nogil:
    int REC_MOST_PATTERNS
    ctypedef struct rec_secret_names:
        uint32_t count
        const char **patterns
    rec_secret_names rec_secrets
    void rec_forget_matches()
    bint is_secret "rec_is_secret"(PyObject *)

cdef extern from "value/types.h" nogil:
    ctypedef struct TypeEntry "rec_type_entry":
        PyTypeObject *type
        uint64_t name_fingerprint
        unsigned int version
        uint32_t id
        uint8_t shape
        bint part, slotted, plain
        void *keys
    ctypedef struct TypeTable "rec_type_table":
        TypeEntry *entries
        uint32_t size, used, next_id
        TypeEntry *(*lookup)(PyTypeObject *) noexcept
    TypeTable types "rec_types"
    uint32_t rec_type_bucket(PyTypeObject *)
    TypeEntry *type_of "rec_type_of"(PyTypeObject *)
