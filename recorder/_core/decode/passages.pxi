# Events as numbers, without objects and values: for who goes through all of a trace to count and to time.

cdef bint add_passage(DecoderState *s, ByteBuffer *found, int64_t time) noexcept nogil:
    """The last event, which is one that is watched for."""
    cdef Passage *passage
    cdef const Frame *f = s.event.frame
    cdef bint is_line = s.event.kind == REC_LINE
    if not ensure_capacity(s, found, sizeof(Passage)):
        return False
    passage = <Passage *> (found.data + found.size)
    found.size += sizeof(Passage)
    passage.seq = s.events - 1
    passage.kind = 0 if is_line else s.event.kind
    passage.frame = f.number
    passage.code = f.code.base.number
    passage.thread = s.threads.current.base.number
    passage.depth = (s.threads.current.depth if is_line else s.event.depth) - 1
    passage.time = time
    passage.task = 0 if s.threads.current.task == NULL else s.threads.current.task.number + 1
    passage.globals = 0 if f.globals == NULL else f.globals.base.number + 1
    passage.line = f.line
    passage.exception = 0 if is_line else exception_type(s)
    return True
