# Whom a line waits for while something is written, read or told that is none of its own: the function that it called,
# whose code is not recorded.

cdef enum:
    CALLEE_FILE = 1024       # code points
    CALLEE_SIZE = 5120       # of a WITHIN, whose two texts have so many code points at most


cdef PyCodeObject *called_by_top(rec_iframe *frame) noexcept nogil:
    """The code of the function that the thread's top frame waits for, as long as `frame` runs; NULL: it runs itself,
    there is none, or it is not below. Borrowed of a frame."""
    cdef Thread *t = tracer.last_thread
    cdef PyCodeObject *code = NULL
    if t == NULL or t.depth == 0 or rec_frames_public:
        return NULL
    while frame != NULL and not is_top(t, frame):
        if rec_frame_is_complete(frame):
            code = rec_frame_code(frame)
        frame = frame.previous
    return NULL if frame == NULL else code


cdef PyCodeObject *called_from_elsewhere(rec_iframe *frame) noexcept nogil:
    """As below `frame`, but NULL where that is a function of the same file: then the line has called that library
    itself, and it is the line's own doing."""
    cdef PyCodeObject *code = called_by_top(frame.previous)
    if code != NULL and rec_is_same_str(code.co_filename, rec_frame_code(frame).co_filename):
        return NULL
    return code


cdef inline PyCodeObject *called_now() noexcept nogil:
    """As above, while a function in C runs."""
    return called_by_top(rec_current_frame(rec_thread_state())) if hooks.state == RECORDING else NULL


cdef inline size_t size_of_callee(PyCodeObject *code) noexcept nogil:
    return 0 if code == NULL else CALLEE_SIZE


cdef inline uint8_t *put_callee(uint8_t *p, PyCodeObject *code) noexcept nogil:
    """WITHIN, in one piece with the record that it is about."""
    if code == NULL:
        return p
    p[0] = REC_WITHIN
    return put_name(put_name(p + 1, code.co_qualname, NAME_SIZE), code.co_filename, CALLEE_FILE)
