# Scanning: what the sealer and recovery need to make chunks of segments.

cdef class SegmentInfo:
    """What a segment, or a whole chunk, holds.

    `preamble + data[:valid]` is the payload of the segment's chunk. `damage` is None, or the
    exception that says why the record at `valid` cannot be read; everything before it is counted
    and sound.
    """

    cdef readonly bytes preamble
    cdef readonly size_t valid
    cdef readonly uint64_t events
    cdef readonly uint64_t lost      # events that GAPs speak of
    cdef readonly uint64_t gaps      # how many GAPs
    cdef readonly tuple omitted      # what was not kept: bytes of output, logs, audit events
    cdef readonly list files         # paths defined here for the first time
    cdef readonly list texts         # (path, UTF-8) of files that are none
    cdef readonly list codes         # (number, path, digest) of each code defined here
    cdef readonly list notes         # NOTE and SPAN_END records; of a chunk those that its preamble restates, too
    cdef readonly dict marks         # code number → how many MARKs and ERROR values
    cdef readonly bytes definitions  # the records of those that are new or have gained names
    cdef readonly bytes contents     # what occurs in it: an entry of CONTENTS …
    cdef readonly bytes digest       # … and its last part
    cdef readonly object damage


cdef class Scanner(Decoder):
    """The state carried from segment to segment. Whatever is raised leaves it of no use. `calls`: adds them up."""

    cdef readonly CallTree calls

    def __init__(self, CallTree calls=None):
        self.calls = calls
        if calls is not None:
            self.s.calls = &calls.sums

    @property
    def threads(self):
        """How many threads have been seen. A greenlet's stack is none: it has no native id."""
        cdef ThreadDef *thread = self.s.threads.first
        cdef uint64_t found = self.s.threads.forgotten
        while thread != NULL:
            found += thread.native_id != 0
            thread = thread.next
        return found

    @property
    def held(self):
        """How many definitions are kept for what is to come: of threads, files, codes, types, namespaces, tasks."""
        cdef int kind
        cdef list found = []
        for kind in range(DEF_KINDS):
            found.append(self.s.definitions.of_kind[kind].count)
        return tuple(found)

    def segment(
        self, const uint8_t[::1] data not None, uint64_t first_event, bint whole=False, bint goes_on=False
    ):
        """Reads the records of the next segment. Its first event gets the number `first_event`.

        `whole`: the preamble states all that is known, and not just what the segment speaks of, so that
        a Scanner can begin with this chunk and go on with the next segment. `goes_on`: it is the rest of the segment
        whose beginning was read last, and may refer to what was told there."""
        cdef DecoderState *s = &self.s
        cdef SegmentInfo info = SegmentInfo.__new__(SegmentInfo)
        cdef Status status
        cdef ByteBuffer places, state
        cdef int kind
        memset(&places, 0, sizeof(places))
        memset(&state, 0, sizeof(state))
        if not goes_on:
            clear_places(s)
        self.begin_round(data)
        s.events = first_event
        s.preamble.on = s.tally.on = True
        with nogil:
            status = OK
            if (
                not begin_digest(s) or not emit_stacks(s) or not emit_open_spans(s) or not emit_places(s, &places)
                or not emit_state(s, &state)
                or (whole and not emit_everything(s))
            ):
                status = reject(s, b"")
            if status == OK:
                status = run(s, UINT64_MAX)
            if goes_on and not keep_places(s):
                status = reject(s, b"")
            s.preamble.on = s.tally.on = False
        try:
            self.report(info, status, first_event)
            parts = []
            for kind in range(DEF_KINDS):
                parts.append(to_bytes(&s.preamble.definitions[kind]))
            for part in (to_bytes(&s.preamble.globals), to_bytes(&s.preamble.frames), to_bytes(&s.preamble.resumed)):
                parts.append(part)
            parts += (to_bytes(&places), to_bytes(&state))
            info.preamble = b"".join(parts)
        finally:
            free_bytes(s, &places)
            free_bytes(s, &state)
        return info

    def chunk(self, const uint8_t[::1] payload not None, uint64_t first_event=0):
        """Reads an EVENTS chunk's payload, preamble included; the state is then that at its end.

        Definitions and suspended frames of earlier chunks are kept, since later segments may speak
        of them: to go on with a trace, give all its chunks in order. Damaged ones may be left out.
        """
        cdef DecoderState *s = &self.s
        cdef SegmentInfo info = SegmentInfo.__new__(SegmentInfo)
        cdef Status status
        clear_places(s)
        self.begin_round(payload)
        clear_stacks(s)
        close_all_spans(s)
        s.events = first_event
        s.tally.on = s.in_preamble = True
        s.begun = False
        with nogil:
            status = run(s, UINT64_MAX) if begin_digest(s) else reject(s, b"")
            if status == OK and not s.begun:
                status = reject(s, b"the preamble does not end")
            if not keep_places(s):
                status = reject(s, b"")
            s.tally.on = s.in_preamble = False
        self.report(info, status, first_event)
        info.preamble = b""
        return info

    cdef void begin_round(self, const uint8_t[::1] data) noexcept:
        cdef DecoderState *s = &self.s
        cdef int kind
        self.point_at(data)
        s.preamble.round += 1
        for kind in range(DEF_KINDS):
            s.preamble.definitions[kind].size = 0
        s.preamble.globals.size = s.preamble.frames.size = s.preamble.resumed.size = 0
        s.tally.lost = s.tally.gaps = 0
        memset(s.tally.omitted, 0, sizeof(s.tally.omitted))
        s.tally.digests.size = s.tally.texts.size = s.tally.notes.size = s.tally.seen.size = 0
        s.tally.ends = s.tally.has_output = False
        free_map(s, &s.tally.errors)
        free_map(s, &s.tally.raised)

    cdef int report(self, SegmentInfo info, Status status, uint64_t first_event) except -1:
        cdef DecoderState *s = &self.s
        cdef Definition *d
        cdef Cursor c
        cdef size_t i
        if status == ERR_OUT_OF_MEMORY:
            raise self.damage(status)      # which says nothing about the records
        info.damage = None if status == OK else self.damage(status)
        info.valid = <size_t> (s.input.at - s.input.begin)
        info.events = s.events - first_event
        info.lost = s.tally.lost
        info.gaps = s.tally.gaps
        info.omitted = (s.tally.omitted[0], s.tally.omitted[1], s.tally.omitted[2])
        info.files = []
        definitions = []
        while s.definitions.pending != NULL:
            d = s.definitions.pending
            s.definitions.pending = d.next_pending
            d.is_pending = False
            definitions += (to_bytes(&d.more), PyBytes_FromStringAndSize(<char *> d.raw, <Py_ssize_t> d.raw_size))
            if d.kind == DEF_FILE:
                c = operands(d)
                info.files.append(take_str(&c))
        info.files.reverse()
        info.definitions = b"".join(reversed(definitions))
        info.contents = self.contents(first_event)
        info.digest = self.digest()
        info.codes = self.codes()
        info.texts = self.texts()
        info.notes = self.notes()
        info.marks = {}
        for i in range(bucket_count(&s.tally.errors)):
            if s.tally.errors.entries[i].item != NULL:
                info.marks[s.tally.errors.entries[i].key] = <size_t> s.tally.errors.entries[i].item
        forget_retired(s)
        return 0

    cdef bytes contents(self, uint64_t first_event):
        cdef DecoderState *s = &self.s
        cdef ByteBuffer out
        memset(&out, 0, sizeof(out))
        try:
            if not write_contents(s, &out, first_event):
                raise self.damage(reject(s, b""))
            return to_bytes(&out)
        finally:
            free_bytes(s, &out)

    cdef bytes digest(self):
        cdef DecoderState *s = &self.s
        cdef ByteBuffer out
        memset(&out, 0, sizeof(out))
        try:
            if not append_digest(s, &out):
                raise self.damage(reject(s, b""))
            return to_bytes(&out)
        finally:
            free_bytes(s, &out)

    cdef list codes(self):
        """What CODE_DIGESTs speak of."""
        cdef DecoderState *s = &self.s
        cdef const uint64_t *about = <const uint64_t *> s.tally.digests.data
        cdef CodeDef *code
        cdef Cursor c
        cdef size_t i
        cdef list found = []
        for i in range(s.tally.digests.size // (2 * sizeof(uint64_t))):
            code = <CodeDef *> get(s, &s.definitions.of_kind[DEF_CODE], about[2 * i])
            c = operands(code.file)
            found.append((about[2 * i], take_str(&c), about[2 * i + 1]))
        return found

    cdef list notes(self):
        """NOTE and SPAN_END records, each as it is."""
        cdef const ByteBuffer *kept = &self.s.tally.notes
        cdef size_t at = 0
        cdef uint64_t size = 0
        cdef list found = []
        while at < kept.size:
            memcpy(&size, kept.data + at, sizeof(size))
            at += sizeof(size)
            found.append(PyBytes_FromStringAndSize(<char *> kept.data + at, <Py_ssize_t> size))
            at += <size_t> size
        return found

    cdef list texts(self):
        """What TEXTs hold."""
        cdef DecoderState *s = &self.s
        cdef const uint64_t *about = <const uint64_t *> s.tally.texts.data
        cdef Cursor c
        cdef size_t i
        cdef list found = []
        for i in range(0, s.tally.texts.size // sizeof(uint64_t), 3):
            c = operands(<Definition *> get(s, &s.definitions.of_kind[DEF_FILE], about[i]))
            found.append((take_str(&c), PyBytes_FromStringAndSize(<char *> s.input.begin + about[i + 1], about[i + 2])))
        return found


# ---- texts -----------------------------------------------------------------------------------------

def code_digests(code):
    """The digests of a code object and of all within it, as CODE_DIGEST has them."""
    cdef set found = set()
    cdef list left = [code]
    while left:
        code = left.pop()
        found.add(rec_code_digest(<PyObject *> code))
        for constant in code.co_consts:
            if type(constant) is CodeType:
                left.append(constant)
    return found
