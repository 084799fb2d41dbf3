/* The state of a walk over a value: its limits, what is left of them, and the containers met so far. Each walk over a
 * value, for its fingerprint or to write it down, is one traversal (traverse.h). */
#ifndef RECORDER_WALK_H
#define RECORDER_WALK_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include "sys/checks.h"
#include "cpython/objects.h"
#include "value/identity.h"

#pragma GCC visibility push(hidden)

typedef struct {
    uint32_t items;      /* elements of one container */
    uint32_t depth;      /* containers within containers */
    uint32_t text;       /* code points of a str, bytes of a bytes */
    uint32_t nodes;      /* elements of one value in all */
    size_t soft_size;    /* bytes after which text is cut to nothing and containers are elided */
    size_t value_size;   /* most bytes one value can take, given the above */
    uint32_t memo_mask;  /* entries of the memo − 1 */
    uint32_t unreadable; /* the number of the error that stands for what could not be read */
} rec_limits_of_values;

typedef struct {
    uint32_t number;     /* which walk this is: an entry of an older one in the memo is void */
    uint32_t containers;
    uint32_t node_limit; /* elements of the value that is looked at: rec_limits.nodes, or fewer */
    uint32_t nodes_left;
    size_t bytes;        /* that were looked at in what has no parts: texts, large numbers, arrays */
    uint64_t alike;      /* doubts that are not written with each object that has them; 0: none */
    uint64_t inner_doubts; /* a hash of those of objects within the value that came into doubt at another moment */
    uint8_t *soft_end;
    bool is_alike;       /* something was written so */
    bool writing;        /* inside put_value: no record can start */
    uint64_t order;      /* debug builds: of what has been met, and in which order */
} rec_walk_state;

typedef struct {         /* a container met in this value → its index, for REF */
    PyObject *object;
    uint32_t walk;
    uint32_t index;
} rec_met;

/* A power of two. A node can enter three times (instance, built-in part, args). Of the memo no more is used than the limits
 * take, so that it stays near at hand: `memo_mask`. */
enum { REC_MEMO_SIZE = 131072 };

extern rec_limits_of_values rec_limits;
extern rec_walk_state rec_walk;
extern rec_met rec_memo[REC_MEMO_SIZE];

static inline void rec_begin_walk(void)
{
    rec_walk.number++;
    rec_walk.containers = 0;
    rec_walk.bytes = 0;
    rec_walk.inner_doubts = 0;
    rec_identities.current = NULL;
    rec_walk.nodes_left = rec_walk.node_limit;
    if (REC_CHECKING)
        rec_walk.order = 0;
}

/* How many bytes of an item that stands by itself in memory take as long to look at as one element of a container does. */
enum { REC_BYTES_PER_ELEMENT = 64 };

/* `size` bytes in one piece are looked at. */
static inline void rec_count_bytes(size_t size) { rec_walk.bytes += size; }

/* Items that are looked at one by one, each where it stands. */
static inline void rec_count_items(size_t count) { rec_walk.bytes += count * REC_BYTES_PER_ELEMENT; }

/* The index of a container met earlier in this walk, or -1 after it has become the next one. */
static inline int64_t rec_seen_before(PyObject *o)
{
    if (REC_CHECKING)
        rec_walk.order = rec_fold(rec_walk.order, (uintptr_t)o);
    REC_CHECK(rec_walk.containers <= rec_limits.memo_mask, "the memo holds every container of a value");
    rec_identity_entry *entry = rec_identities.current;
    if (entry != NULL && entry->object == o) { /* what has a number stands in the table of these, and not in the memo */
        if (entry->walk == rec_walk.number)
            return entry->index;
        entry->walk = rec_walk.number;
        entry->index = rec_walk.containers++;
        return -1;
    }
    uint32_t at = ((uint32_t)((uintptr_t)o >> 4) * 2654435761u) >> 14 & rec_limits.memo_mask;
    for (; rec_memo[at].walk == rec_walk.number; at = (at + 1) & rec_limits.memo_mask)
        if (rec_memo[at].object == o)
            return rec_memo[at].index;
    rec_memo[at] = (rec_met){o, rec_walk.number, rec_walk.containers++};
    return -1;
}

/* The number of one that is no object, and cannot be met again. */
static inline void rec_count_container(void)
{
    REC_CHECK(rec_walk.containers <= rec_limits.memo_mask, "there is a number for every container of a value");
    rec_walk.containers++;
}

static inline bool rec_is_elided(Py_ssize_t n, uint32_t depth)
{
    return n > 0 && (depth >= rec_limits.depth || rec_walk.nodes_left == 0);
}

/* How many elements of a container are looked at; takes them from what the value may have. */
static inline Py_ssize_t rec_take_nodes(Py_ssize_t n)
{
    Py_ssize_t shown = n;
    if (shown > (Py_ssize_t)rec_limits.items)
        shown = rec_limits.items;
    if (shown > (Py_ssize_t)rec_walk.nodes_left)
        shown = rec_walk.nodes_left;
    rec_walk.nodes_left -= (uint32_t)shown;
    return shown;
}

/* What stands for the built-in part of an instance in the memo: an address that no object has. */
static inline PyObject *rec_part_of(PyObject *o) { return (PyObject *)((uintptr_t)o | 1); }

/* ---- kinds of types ---- */

static inline bool rec_is_container(PyTypeObject *t)
{
    return t == &PyList_Type || t == &PyTuple_Type || t == &PyDict_Type || t == &PySet_Type || t == &PyFrozenSet_Type;
}

/* Recorded by name: functions and modules. */
static inline bool rec_is_named(PyTypeObject *t)
{
    return t == &PyFunction_Type || t == &PyCFunction_Type || t == &PyModule_Type || t == &PyMethodDescr_Type
           || t == &PyWrapperDescr_Type || t == &PyClassMethodDescr_Type;
}

/* The built-in type whose storage an instance of a subclass has, by CPython's own type flags. */
static inline PyTypeObject *rec_builtin_base(PyTypeObject *t)
{
    if (t->tp_flags & Py_TPFLAGS_LONG_SUBCLASS)
        return &PyLong_Type;
    if (t->tp_flags & Py_TPFLAGS_UNICODE_SUBCLASS)
        return &PyUnicode_Type;
    if (t->tp_flags & Py_TPFLAGS_TUPLE_SUBCLASS)
        return &PyTuple_Type;
    if (t->tp_flags & Py_TPFLAGS_LIST_SUBCLASS)
        return &PyList_Type;
    if (t->tp_flags & Py_TPFLAGS_DICT_SUBCLASS)
        return &PyDict_Type;
    if (t->tp_flags & Py_TPFLAGS_BYTES_SUBCLASS)
        return &PyBytes_Type;
#if PY_VERSION_HEX >= 0x030F0000
    if (PyType_IsSubtype(t, &PyFrozenDict_Type)) /* kept as a dict is */
        return &PyDict_Type;
#endif
    for (; t != NULL; t = t->tp_base)
        if (t == &PyFloat_Type || t == &PySet_Type || t == &PyFrozenSet_Type || t == &PyByteArray_Type
            || t == &PyComplex_Type)
            return t;
    return NULL;
}

static inline Py_ssize_t rec_container_size(PyObject *o, PyTypeObject *t)
{
    if (t == &PyDict_Type)
        return rec_dict_size(o);
    if (t == &PySet_Type || t == &PyFrozenSet_Type)
        return PySet_GET_SIZE(o);
    return rec_size(o);
}

static inline const char *rec_bytes_data(PyObject *o, PyTypeObject *t)
{
    return t == &PyBytes_Type ? PyBytes_AS_STRING(o) : PyByteArray_AS_STRING(o);
}

static inline PyObject **rec_sequence_items(PyObject *o, PyTypeObject *t)
{
    return t == &PyList_Type ? rec_list_items(o) : rec_tuple_items(o);
}

#pragma GCC visibility pop
#endif
