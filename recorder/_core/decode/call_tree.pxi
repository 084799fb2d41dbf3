# Calls, added up as an object: calls.pxi has what is done.

cdef class CallTree(Decoder):
    """`parts`: BY_WAY, BY_FUNCTION. `within`: only calls of these functions count, and what they called. `wanted`: what
    other functions do counts as their caller's. By function all count."""

    cdef CallSums sums
    cdef object within
    cdef object wanted
    cdef Py_ssize_t asked    # so many functions

    def __init__(self, uint64_t parts, within=None, wanted=None):
        self.within = within
        self.wanted = wanted
        self.sums.memory = &self.s
        self.sums.parts = parts
        self.sums.asks = within is not None or wanted is not None

    def __dealloc__(self):
        free_sums(&self.sums)

    def set_clock(self, uint64_t ticks_per_second, uint64_t started):
        """As the file header has them."""
        self.sums.ticks_per_second = ticks_per_second or 10**9
        self.sums.started = started

    def read(self, Reader reader not None, uint64_t until):
        """Takes the events before number `until` that the reader watches for. Raises as `Reader.next`."""
        cdef DecoderState *s = &reader.s
        cdef Status status = OK
        self.set_clock(reader.ticks_per_second, reader.started)
        self.ask(reader)
        free_deferred(s)
        s.watch.on = True
        s.marks.on = s.changes.on = False
        try:
            while status == OK and s.input.at < s.input.end and s.events < until:
                with nogil:
                    status = sum_calls(&self.sums, s, min(until, s.events + RUN_EVENTS))
                if s.definitions.pending != NULL:
                    materialize_pending(reader)
                    self.ask(reader)
                PyErr_CheckSignals()
            if status != OK:
                raise reader.unreadable(status)
        finally:
            s.watch.on = False
            s.marks.on = s.changes.on = True

    cdef int ask(self, Reader reader) except -1:
        """What is wanted of the functions that nobody was asked of yet: those that came last."""
        cdef size_t answer
        if not self.sums.asks or len(reader.functions) == self.asked:
            return 0
        for number, function in islice(reader.functions.items(), self.asked, None):
            answer = IS_KNOWN
            if self.wanted is None or self.wanted(function):
                answer |= IS_WANTED
                if self.within is None or self.within(function):
                    answer |= IS_WITHIN
            if not put(&self.s, &self.sums.answers, number, <void *> answer):
                raise errors.OutOfMemoryError(operation="decode")
        self.asked = len(reader.functions)
        return 0

    def encoded(self):
        """All of it, as CALLS has it; what still runs ends here. Empty if there was no room for all."""
        cdef ByteBuffer out
        if self.sums.is_full:
            return b""
        memset(&out, 0, sizeof(out))
        finish_calls(&self.sums)
        try:
            if not write_calls(&self.sums, &self.s, &out):
                raise errors.OutOfMemoryError(operation="decode")
            return to_bytes(&out)
        finally:
            free_bytes(&self.s, &out)
