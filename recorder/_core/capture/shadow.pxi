# The shadow of a thread's stack: one shadow for each frame that runs, and the slots of its variables.

cdef struct Written:         # a value on the tape, there as long as this is its segment
    uint8_t *start
    size_t size
    uint64_t segment

cdef enum Waits:             # a frame that was put on the stack since an exception is thrown into what it awaits
    WAITS_NOT = 0
    WAITS_FOR_NEXT           # for the frame above it
    WAITS_FOR_UNKNOWN        # for one that is not recorded, and that waits for the frame above

cdef struct Shadow:          # one frame as last recorded
    rec_iframe *frame
    Code *code
    Recorded *slots
    uint64_t number
    uint64_t stores          # variables that may have been stored since its last event, a bit each …
    uint64_t changing        # … and those that hold what can change in place, or are cells
    bint holds               # a frame that it was called by has what can change
    int32_t line
    uint32_t slot_count
    Namespace *globals       # its globals, or NULL
    bint is_module_body      # a module's body: its variables are its globals
    Shadow *node             # suspending code: where the shadow lives between yield and resume
    Shadow *chain            # … and the next one in that bucket
    uint32_t *order          # body: the slot of the n-th entry of the dict, as last seen
    uint32_t bound           # body: entries of the dict, as last seen
    bint marked              # body: a MARK says that it cannot be read
    Waits waits              # suspending code: what for, where it runs nothing itself (waiting.pxi)
    uint64_t version         # body: version of the dict, if all its values were scalars
    PyObject *passing        # 3.12+, not owned: what a handler of the compiler's raises again; Py_None: another one
    PyObject *last_raised    # 3.11, not owned: the exception that CPython told of last …
    int last_raised_at       # … and where, in bytes of its code
    Written raised           # 3.11: the exception that was handled last, or that unwinds the frame

cdef struct Block:           # slots of running frames, allocated as a stack
    Block *previous
    Block *next
    uint32_t used
    uint32_t size


cdef inline Shadow *top_of(Thread *t) noexcept nogil:
    REC_CHECK(0 < t.depth <= t.capacity, b"a frame that runs has a shadow")
    return &t.frames[t.depth - 1]


cdef inline bint is_top(Thread *t, rec_iframe *frame) noexcept nogil:
    return (t.depth > 0 and top_of(t).frame == frame
            and <PyObject *> top_of(t).code.object == rec_object(frame.code))


cdef Status push_shadow(Thread *t, rec_iframe *frame, Code *code) noexcept nogil:
    """A new shadow with nothing recorded in it, and the next frame number."""
    cdef Shadow *s
    cdef Status status = ensure_capacity(t)
    if status != OK:
        return status
    s = &t.frames[t.depth]
    begin_shadow(s, frame, code)
    s.holds = t.depth > 0 and (t.frames[t.depth - 1].holds or t.frames[t.depth - 1].changing != 0)
    if s.is_module_body:
        tape.cur[0] = REC_BODY
        tape.cur += 1
    if code.suspends:
        s.node = <Shadow *> rec_sys.calloc(1, sizeof(Shadow))
        if s.node == NULL:
            return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Shadow))
    if not code.is_body:
        s.slot_count = code.slots
        s.slots = (<Recorded *> rec_sys.malloc((code.slots + 1) * sizeof(Recorded)) if code.suspends
                   else take_slots(t, code.slots))
        if s.slots == NULL:
            free(s.node)
            return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, code.slots * sizeof(Recorded))
        memset(s.slots, 0, code.slots * sizeof(Recorded))
    if code.too_wide:
        tape.cur = put_varint(put_tagged(tape.cur, REC_MARK, ERR_FRAME_UNREADABLE), 0)
        tape.control.degraded[0] += 1
    tracer.frames += 1
    code.users += 1
    if s.globals != NULL:
        s.globals.users += 1
    t.depth += 1
    return OK


cdef inline void begin_shadow(Shadow *s, rec_iframe *frame, Code *code) noexcept nogil:
    """Field by field: zeroing all of it at once takes longer than all the rest of a call."""
    s.frame = frame
    s.code = code
    s.slots = NULL
    s.number = tracer.frames
    s.stores = code.variables
    s.changing = code.cells
    s.line = code.first_line
    s.slot_count = 0
    s.globals = code.globals
    s.is_module_body = code.is_body and s.globals != NULL and frame.locals == frame.globals
    s.node = NULL
    s.chain = NULL
    s.order = NULL
    s.bound = 0
    s.marked = False
    s.waits = WAITS_NOT
    s.version = 0
    if PY_VERSION_HEX >= 0x030C0000:
        s.passing = NULL
    else:
        s.last_raised = NULL
    s.raised.start = NULL


cdef inline Status ensure_capacity(Thread *t) noexcept nogil:
    cdef uint32_t capacity
    cdef Shadow *frames
    if t.depth < t.capacity:
        return OK
    capacity = t.capacity * 2 if t.capacity else 64
    frames = <Shadow *> rec_sys.realloc(t.frames, capacity * sizeof(Shadow))
    if frames == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, capacity * sizeof(Shadow))
    t.frames = frames
    t.capacity = capacity
    return OK


cdef inline void pop_shadow(Thread *t) noexcept nogil:
    pop_top(t, top_of(t))


cdef void pop_top(Thread *t, Shadow *s) noexcept nogil:
    """`s` is the top one of the thread."""
    REC_CHECK(s.slots != NULL or s.code.is_body, b"a shadow on the stack has its slots")
    t.depth -= 1
    if s.code.suspends or s.code.is_body:
        free_shadow(s)
        if t.depth > 0 and top_of(t).waits != WAITS_NOT:
            stop_waiting(t)
    else:
        return_slots(t, s.slot_count)
        release_code(s.code)
        release_namespace(s.globals)


cdef void free_shadow(Shadow *s) noexcept nogil:
    """What a suspending frame or a body has of its own."""
    release_code(s.code)
    release_namespace(s.globals)
    free(s.slots)
    free(s.order)
    free(s.node)


# ---- slots -------------------------------------------------------------------------------------------

cdef Recorded *take_slots(Thread *t, uint32_t n) noexcept nogil:
    cdef Block *block = t.block
    cdef Block *fresh
    cdef uint32_t size
    if block == NULL or block.used + n > block.size:
        fresh = block.next if block != NULL else NULL
        if fresh == NULL or fresh.size < n:
            size = max(n, <uint32_t> 2048)
            free_blocks(fresh)
            fresh = <Block *> rec_sys.malloc(sizeof(Block) + size * sizeof(Recorded))
            if fresh == NULL:
                if block != NULL:
                    block.next = NULL
                return NULL
            fresh.size = size
            fresh.used = 0
            fresh.next = NULL
            fresh.previous = block
            if block != NULL:
                block.next = fresh
        t.block = block = fresh
    block.used += n
    REC_CHECK(block.used <= block.size, b"slots are taken of what a block has")
    return <Recorded *> (block + 1) + (block.used - n)


cdef void return_slots(Thread *t, uint32_t n) noexcept nogil:
    REC_CHECK(t.block.used >= n, b"slots are given back as often as they are taken")
    t.block.used -= n
    while t.block.used == 0 and t.block.previous != NULL:
        t.block = t.block.previous


cdef void free_blocks(Block *block) noexcept nogil:
    cdef Block *following
    while block != NULL:
        following = block.next
        free(block)
        block = following
