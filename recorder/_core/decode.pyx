"""Reads records: the one state machine of docs/trace-format.md, for sealing, reading and verifying.

Everything it is given may be damaged or hostile. No input makes it crash, recurse, or allocate more
than STATE_LIMIT; what cannot be read ends in a Status, and here, at its border to Python, in an
exception that says where.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.math cimport fabs, isfinite, signbit
from libc.stdint cimport UINT32_MAX, UINT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memmove, memset, strlen

from recorder._core.format cimport *
from recorder._core.status cimport ERR_OUT_OF_MEMORY, ERR_TRACE_CORRUPT, OK, Status
from recorder._core.syscalls cimport rec_sys

import os
from itertools import islice

from recorder import errors

cdef extern from "cpython/code_digest.h":
    uint64_t rec_code_digest(PyObject *) except 0

cdef extern from "sys/checks.h" nogil:
    void REC_CHECK(bint condition, const char *sentence) noexcept

cdef object CodeType = type((lambda: None).__code__)

include "decode/state.pxi"
include "decode/arena.pxi"
include "decode/cursor.pxi"
include "decode/values.pxi"
include "decode/definitions.pxi"
include "decode/variables.pxi"
include "decode/told.pxi"
include "decode/put_off.pxi"
include "decode/ranges.pxi"
include "decode/digest.pxi"
include "decode/contents.pxi"
include "decode/frames.pxi"
include "decode/retired.pxi"
include "decode/condition.pxi"
include "decode/operands.pxi"
include "decode/search.pxi"
include "decode/notes.pxi"
include "decode/watch.pxi"
include "decode/outputs.pxi"
include "decode/calls.pxi"
include "decode/machine.pxi"
include "decode/counts.pxi"
include "decode/passages.pxi"
include "decode/preamble.pxi"
include "decode/restore.pxi"
include "decode/objects.pxi"
include "decode/snapshots.pxi"


# ---- the state, as an object ---------------------------------------------------------------------

cdef class Decoder:
    """Owns a DecoderState."""

    cdef DecoderState s

    def __cinit__(self):
        self.s.arena.seed = <uint64_t> int.from_bytes(os.urandom(8), "little")

    def __dealloc__(self):
        clear(&self.s)

    cdef void point_at(self, const uint8_t[::1] data) noexcept:
        self.s.input.begin = self.s.input.at = self.s.input.end = NULL
        if data.shape[0]:
            self.s.input.begin = self.s.input.at = &data[0]
            self.s.input.end = self.s.input.begin + data.shape[0]
        self.s.input.reason = NULL
        self.s.arena.out_of_memory = self.s.input.unknown = False

    cdef object damage(self, Status status):
        """A Status that is not OK as an exception. The offset is one in the data given."""
        if status == ERR_OUT_OF_MEMORY:
            return errors.OutOfMemoryError(operation="decode")
        return errors.TraceCorruptError(
            f"the record at byte {self.s.input.at - self.s.input.begin} cannot be read: {self.s.input.reason.decode()}",
            offset=self.s.input.at - self.s.input.begin,
            reason=self.s.input.reason.decode(),
        )


cdef void clear(DecoderState *s) noexcept:
    """Forgets everything. Needs the GIL: the reader's snapshots go, too."""
    cdef uint64_t seed = s.arena.seed
    cdef size_t i
    cdef int kind
    clear_frames(s)
    clear_places(s)
    close_all_spans(s)
    free_map(s, &s.tally.errors)
    free_map(s, &s.tally.lines)
    free_map(s, &s.leaves_known)
    free_map(s, &s.ruled_out)
    for kind in range(DEF_KINDS):
        for i in range(bucket_count(&s.definitions.of_kind[kind])):
            if s.definitions.of_kind[kind].entries[i].item != NULL:
                free_definition(s, <Definition *> s.definitions.of_kind[kind].entries[i].item)
        free_map(s, &s.definitions.of_kind[kind])
        free_bytes(s, &s.preamble.definitions[kind])
    free_bytes(s, &s.preamble.globals)
    free_bytes(s, &s.preamble.frames)
    free_bytes(s, &s.preamble.resumed)
    free_bytes(s, &s.preamble.classes)
    free_bytes(s, &s.marks.bytes)
    free_bytes(s, &s.changes.bytes)
    free_bytes(s, &s.unseen_ends.numbers)
    free_bytes(s, &s.outputs.rows)
    free_bytes(s, &s.tally.digests)
    free_bytes(s, &s.tally.texts)
    free_bytes(s, &s.tally.retired)
    free_bytes(s, &s.tally.seen)
    free_map(s, &s.tally.raised)
    free_bytes(s, &s.tally.notes)
    arena_free(s, s.tally.digest.words, DIGEST_WORDS * sizeof(uint64_t))
    REC_CHECK(s.arena.used == 0, b"a decoder that has forgotten everything keeps no memory")
    memset(s, 0, sizeof(DecoderState))
    s.arena.seed = seed


include "decode/scan.pxi"
include "decode/reader.pxi"
include "decode/takings.pxi"
include "decode/call_tree.pxi"
include "decode/materialize.pxi"
include "decode/tree.pxi"
