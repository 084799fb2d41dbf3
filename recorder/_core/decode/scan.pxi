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
    cdef readonly list files         # paths defined here for the first time
    cdef readonly dict marks         # code number → how many MARKs and ERROR values
    cdef readonly object damage


cdef class Scanner(Decoder):
    """The state carried from segment to segment. Whatever is raised leaves it of no use."""

    @property
    def threads(self):
        """How many threads have been seen."""
        return self.s.defs[DEF_THREAD].count

    def segment(self, const uint8_t[::1] data not None, uint64_t first_event, bint whole=False):
        """Reads the records of the next segment. Its first event gets the number `first_event`.

        `whole`: the preamble states all that is known, and not just what the segment speaks of, so that
        a Scanner can begin with this chunk and go on with the next segment."""
        cdef State *s = &self.s
        cdef SegmentInfo info = SegmentInfo.__new__(SegmentInfo)
        cdef Status status
        cdef Bytes state
        cdef int kind
        memset(&state, 0, sizeof(state))
        self.begin_round(data)
        s.events = first_event
        s.restating = s.counting = True
        with nogil:
            status = OK
            if not restate_stacks(s) or not restate_state(s, &state) or (whole and not restate_all(s)):
                status = fail(s, b"")
            if status == OK:
                status = advance(s, UINT64_MAX)
            s.restating = s.counting = False
        try:
            self.report(info, status, first_event)
            definitions = []
            for kind in range(DEF_KINDS):
                definitions.append(to_bytes(&s.restated[kind]))
            info.preamble = (
                b"".join(definitions)
                + to_bytes(&s.homes) + to_bytes(&s.frames) + to_bytes(&s.woken) + to_bytes(&state)
            )
        finally:
            drop_bytes(s, &state)
        return info

    def chunk(self, const uint8_t[::1] payload not None, uint64_t first_event=0):
        """Reads an EVENTS chunk's payload, preamble included; the state is then that at its end.

        Definitions and suspended frames of earlier chunks are kept, since later segments may speak
        of them: to go on with a trace, give all its chunks in order. Damaged ones may be left out.
        """
        cdef State *s = &self.s
        cdef SegmentInfo info = SegmentInfo.__new__(SegmentInfo)
        cdef Status status
        self.begin_round(payload)
        clear_stacks(s)
        s.events = first_event
        s.counting = s.in_preamble = True
        s.begun = False
        with nogil:
            status = advance(s, UINT64_MAX)
            if status == OK and not s.begun:
                status = fail(s, b"the preamble does not end")
            s.counting = s.in_preamble = False
        self.report(info, status, first_event)
        info.preamble = b""
        return info

    cdef void begin_round(self, const uint8_t[::1] data) noexcept:
        cdef State *s = &self.s
        cdef int kind
        self.point_at(data)
        s.round += 1
        for kind in range(DEF_KINDS):
            s.restated[kind].size = 0
        s.homes.size = s.frames.size = s.woken.size = 0
        s.lost = s.gaps = 0
        drop_map(s, &s.errors)

    cdef int report(self, SegmentInfo info, Status status, uint64_t first_event) except -1:
        cdef State *s = &self.s
        cdef Def *d
        cdef Cursor c
        cdef size_t i
        if status == ERR_OUT_OF_MEMORY:
            raise self.damage(status)      # which says nothing about the records
        info.damage = None if status == OK else self.damage(status)
        info.valid = <size_t> (s.at - s.begin)
        info.events = s.events - first_event
        info.lost = s.lost
        info.gaps = s.gaps
        info.files = []
        while s.news != NULL:
            d = s.news
            s.news = d.next_new
            d.listed = False
            if d.kind == DEF_FILE:
                c = operands(d)
                info.files.append(take_str(&c))
        info.files.reverse()
        info.marks = {}
        for i in range(s.errors.mask + 1 if s.errors.entries != NULL else 0):
            if s.errors.entries[i].item != NULL:
                info.marks[s.errors.entries[i].key] = <size_t> s.errors.entries[i].item
        return 0
