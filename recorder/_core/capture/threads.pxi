# Threads: which one an event belongs to, and what is known of each: its shadow stack, its name, its task. A greenlet
# has a stack of its own and is such a Thread, too (greenlets.pxi).

cdef struct Thread:
    Thread *next
    PyThreadState *state
    uint64_t state_id          # the address of a thread state is used again; its id is not
    uint32_t number
    uint32_t depth
    uint32_t capacity
    Shadow *frames
    Block *block
    Written raised             # the value of the last RAISE
    uint64_t name_fingerprint  # 0: not defined yet
    PyObject *loop             # not owned, only compared: where its task was found last
    Task *task                 # that it runs, as last written
    uint32_t task_number
    bint ended_secret          # the values of the function that ended last are redacted
    uint64_t *root             # where its memory for frames begins
    uint64_t mark              # a greenlet's: what stands there; 0: the stack that the thread began with
    uint32_t greenlet          # … and the number of its name, as a task, + 1
    bint thrown                # 3.11: the top frame goes on with an exception that its next event names
    PyObject *unhandled        # 3.11: not owned, only compared: what was raised last, and may yet be handled …
    uint64_t unhandled_in      # … in this frame


cdef inline Thread *thread_of(PyThreadState *state) noexcept nogil:
    """The thread the event belongs to; NULL when it could not be made. Writes THREAD when it is another one."""
    if tracer.thread != NULL and tracer.thread.state == state and tracer.thread.state_id == state.id:
        return tracer.thread
    return switch_thread(state)


cdef Thread *switch_thread(PyThreadState *state) noexcept nogil:
    cdef Thread *before = tracer.last_thread
    cdef Thread *t
    if tracer.has_greenlets and not tracer.look_again and runs_on(before, state):
        return before
    t = tracer.all_threads
    while t != NULL and (t.state != state or t.state_id != state.id):
        t = t.next
    if reserve(2048) != OK:
        return NULL
    if t == NULL:
        t = new_thread(state)
        if t == NULL:
            return NULL
    if tracer.has_greenlets:
        t = stack_of(t)
        if t == NULL or reserve(2048) != OK:
            return NULL
    name_thread(t)
    if t != tracer.last_thread:
        t.loop = NULL
        tape.cur = put_tagged(tape.cur, REC_THREAD, t.number)
        if t.greenlet != 0 and t.task == NULL:
            tape.cur = put_tagged(tape.cur, REC_TASK, t.greenlet)
        if before != NULL and before.mark != 0 and before.depth == 0 and before != t and before == tracer.last_thread:
            recycle_stack(before)
    tracer.thread = t if not tracer.has_greenlets else NULL
    tracer.last_thread = t
    tracer.look_again = False
    if (t.task != NULL or (before != NULL and before.task != NULL)) and find_task(t, NULL) != OK:
        return NULL
    return t


cdef Thread *new_thread(PyThreadState *state) noexcept nogil:
    """A thread not met before. The address of a state is used again: then its thread has ended, and the new one takes
    over the memory."""
    cdef Thread *t = tracer.all_threads
    while t != NULL and t.state != state:
        t = t.next
    if t == NULL:
        t = <Thread *> rec_sys.calloc(1, sizeof(Thread))
        if t == NULL:
            fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Thread))
            return NULL
        t.next = tracer.all_threads
        tracer.all_threads = t
    if t.depth > 0 and not drop_frames(t):
        return NULL
    if t.name_fingerprint != 0:                 # somebody else had this memory
        tape.cur = put_retire(tape.cur, REC_DEF_THREAD, t.number)
    tracer.last_thread = NULL
    t.state = state
    t.state_id = state.id
    t.name_fingerprint = 0
    t.root = tracer.first_root if state.id == tracer.first_state_id else rec_stack_root(state)
    forget_events(t)
    t.number = tracer.threads
    tracer.threads += 1
    return t


cdef void forget_events(Thread *t) noexcept nogil:
    """What the last events of whoever had this memory before have left."""
    t.raised.start = NULL
    t.unhandled = NULL
    t.thrown = False
    t.task = NULL


cdef bint drop_frames(Thread *t) noexcept nogil:
    """The thread ended in the middle of frames: their ends are inferred."""
    if reserve(SMALL_RECORD) != OK:
        return False
    tape.cur = put_tagged(tape.cur, REC_THREAD, t.number)
    while t.depth > 0:
        tape.cur[0] = REC_DROP
        tape.cur += 1
        pop_shadow(t)
        if reserve(2048) != OK:
            return False
    return True


cdef void name_thread(Thread *t) noexcept nogil:
    """DEF_THREAD, if the thread has no definition yet or another name than it says. A greenlet's stack has the name of
    the thread that runs it, and no number of the system's. Needs 1024 bytes."""
    cdef PyObject *name
    cdef uint64_t fingerprint = 1
    cdef uint8_t *p
    if t.mark != 0 and t.name_fingerprint != 0:
        return
    name = rec_thread_name(t.state)
    if name != NULL:
        fingerprint = rec_str_fingerprint(name, limits.text)
    elif t.name_fingerprint != 0:
        return                                  # it is not listed any more, or not yet: it keeps its name
    if fingerprint == t.name_fingerprint:
        return
    t.name_fingerprint = fingerprint
    p = put_varint(put_tagged(tape.cur, REC_DEF_THREAD, t.number), t.state.native_thread_id if t.mark == 0 else 0)
    if name != NULL:
        p = put_str(p, name, 200)
    elif t.state_id == hooks.main_thread:
        p = put_chars(p, "MainThread", 10)
    else:
        p = put_varint(p, 0)
    tape.cur = p
