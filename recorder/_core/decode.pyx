"""Reads records: the one state machine of docs/trace-format.md, for sealing, reading and verifying.

Everything it is given may be damaged or hostile. No input makes it crash, recurse, or allocate more
than STATE_LIMIT; what cannot be read ends in a Status, and here, at its border to Python, in an
exception that says where.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport UINT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

from recorder._core.format cimport *
from recorder._core.status cimport ERR_OUT_OF_MEMORY, ERR_TRACE_CORRUPT, OK, Status
from recorder._core.syscalls cimport rec_sys

import os

from recorder import errors

include "decode/memory.pxi"
include "decode/value.pxi"
include "decode/machine.pxi"
include "decode/restate.pxi"


# ---- the state, as an object ---------------------------------------------------------------------

cdef class Decoder:
    """Owns a State."""

    cdef State s

    def __cinit__(self):
        self.s.seed = <uint64_t> int.from_bytes(os.urandom(8), "little")

    def __dealloc__(self):
        clear(&self.s)

    cdef void point_at(self, const uint8_t[::1] data) noexcept:
        self.s.begin = self.s.at = self.s.end = NULL
        if data.shape[0]:
            self.s.begin = self.s.at = &data[0]
            self.s.end = self.s.begin + data.shape[0]
        self.s.why = NULL
        self.s.starved = self.s.unknown = False

    cdef object damage(self, Status status):
        """A Status that is not OK as an exception. The offset is one in the data given."""
        if status == ERR_OUT_OF_MEMORY:
            return errors.OutOfMemoryError(operation="decode")
        return errors.TraceCorruptError(
            f"the record at byte {self.s.at - self.s.begin} cannot be read: {self.s.why.decode()}",
            offset=self.s.at - self.s.begin,
            reason=self.s.why.decode(),
        )


cdef void clear(State *s) noexcept:
    """Forgets everything. Needs the GIL: the reader's snapshots go, too."""
    cdef uint64_t seed = s.seed
    cdef size_t i
    cdef int kind
    clear_frames(s)
    drop_map(s, &s.errors)
    for kind in range(DEF_KINDS):
        for i in range(s.defs[kind].mask + 1 if s.defs[kind].entries != NULL else 0):
            if s.defs[kind].entries[i].item != NULL:
                free_def(s, <Def *> s.defs[kind].entries[i].item)
        drop_map(s, &s.defs[kind])
        drop_bytes(s, &s.restated[kind])
    drop_bytes(s, &s.homes)
    drop_bytes(s, &s.frames)
    drop_bytes(s, &s.woken)
    drop_bytes(s, &s.marks)
    drop_bytes(s, &s.gone)
    memset(s, 0, sizeof(State))
    s.seed = seed


cdef void clear_frames(State *s) noexcept:
    """Forgets all frames, the suspended ones too; definitions stay."""
    cdef size_t i
    clear_stacks(s)
    for i in range(s.suspended.mask + 1 if s.suspended.entries != NULL else 0):
        if s.suspended.entries[i].item != NULL:
            let_go(s, <Frame *> s.suspended.entries[i].item)
    drop_map(s, &s.suspended)


cdef void clear_globals(State *s) noexcept:
    """All variables of all namespaces are unbound, and no code has a home; definitions stay."""
    cdef Map *map = &s.defs[DEF_NAMESPACE]
    cdef Def *d
    cdef size_t i
    for i in range(map.mask + 1 if map.entries != NULL else 0):
        d = <Def *> map.entries[i].item
        if d != NULL:
            drop_slots(s, &d.values, &d.value_count)
            Py_XDECREF(<PyObject *> d.snapshot)
            d.snapshot = NULL
            d.dirty = True
    map = &s.defs[DEF_CODE]
    for i in range(map.mask + 1 if map.entries != NULL else 0):
        d = <Def *> map.entries[i].item
        if d != NULL:
            d.home = NULL


cdef void clear_stacks(State *s) noexcept:
    """Empties the stacks of all threads; suspended frames and definitions stay."""
    cdef Def *t = s.first_thread
    while t != NULL:
        s.thread = t
        while t.top != NULL:
            let_go(s, pop(s))
        t.task = NULL
        t = t.next_thread
    s.thread = NULL
    s.top = s.frame = NULL
    bury(s)
    if s.ended != NULL:
        let_go(s, s.ended)
        s.ended = NULL


cdef void bury(State *s) noexcept:
    """Frees the frames that waited for somebody who holds the GIL."""
    cdef Frame *f
    while s.dead != NULL:
        f = s.dead
        s.dead = f.below
        let_go(s, f)


cdef void let_go(State *s, Frame *f) noexcept:
    Py_XDECREF(<PyObject *> f.snapshot)
    free_frame(s, f)


cdef void free_def(State *s, Def *d) noexcept:
    release(s, d.raw, d.raw_size)
    drop_bytes(s, &d.names)
    Py_XDECREF(<PyObject *> d.snapshot)
    drop_slots(s, &d.values, &d.value_count)
    release(s, d, sizeof(Def))


cdef bytes to_bytes(const Bytes *b):
    return PyBytes_FromStringAndSize(<const char *> b.data, <Py_ssize_t> b.size)


cdef str take_str(Cursor *c):
    """A str that was checked to be whole. Text that is no UTF-8 is shown as it is, escaped."""
    cdef uint64_t size = take_varint(c)
    cdef const char *text = <const char *> c.at
    skip(c, size)
    try:
        return PyUnicode_DecodeUTF8(text, <Py_ssize_t> size, "surrogatepass")
    except UnicodeDecodeError:
        return PyUnicode_DecodeUTF8(text, <Py_ssize_t> size, "backslashreplace")


cdef Cursor operands(const Def *d) noexcept:
    """The operands of a definition, after its number."""
    cdef Cursor c
    c.at = d.raw + 1
    c.end = d.raw + d.raw_size
    c.bad = False
    take_varint(&c)
    return c


include "decode/scan.pxi"
include "decode/read.pxi"
