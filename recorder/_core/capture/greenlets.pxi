# Greenlets: each has a stack of its own, and so a Thread of its own, beside that of the thread in which it runs.
#
# Which greenlet runs is seen by its memory for frames. greenlet cannot be asked: its C API takes the occasion to let go
# of dead greenlets, and that runs code of the program's. The first piece of that memory stays as long as the greenlet
# lives, and CPython leaves its first word unused. There each greenlet's mark is put; fresh memory has none, so that the
# next greenlet is told from one that died, though its memory is at the same place.

cdef enum:
    STACK_BUCKETS = 1024     # by where the stack begins
    RESTING_BUCKETS = 1024   # by the mark; one that is pushed out gets another number when it comes back

cdef struct Resting:
    uint64_t mark
    uint32_t greenlet

cdef Resting resting[RESTING_BUCKETS]     # without frames: most have ended, others go on
cdef Thread *stacks[STACK_BUCKETS]
cdef Thread *spare_stacks = NULL     # without frames: for the next greenlet
cdef uint32_t stacks_made = 0
cdef uint32_t greenlets_made = 0


cdef inline Thread **stack_bucket(uint64_t *root) noexcept nogil:
    return &stacks[<uint32_t> ((<uintptr_t> root >> 12) * 2654435761u) % STACK_BUCKETS]


cdef inline Thread *stack_at(uint64_t *root) noexcept nogil:
    cdef Thread *t = stack_bucket(root)[0]
    while t != NULL and t.root != root:
        t = t.next
    return t


cdef uint64_t *first_frame(PyThreadState *state) noexcept nogil:
    """Of all that are on the stack now."""
    cdef rec_iframe *frame = rec_current_frame(state)
    cdef rec_iframe *first = frame
    while frame != NULL:
        if rec_frame_is_complete(frame):
            first = frame
        frame = frame.previous
    return <uint64_t *> first


cdef inline bint is_marked(uint64_t *root) noexcept nogil:
    return root[0] >> 32 == tracer.session and 0 < <uint32_t> root[0] <= greenlets_made


cdef void notice_greenlets() noexcept nogil:
    """From now on each event has to look whose it is."""
    if not tracer.has_greenlets and rec_has_greenlets():
        tracer.has_greenlets = True
        tracer.thread = NULL


cdef bint runs_on(Thread *t, PyThreadState *state) noexcept nogil:
    """Whether it is this stack that the thread runs on."""
    cdef uint64_t *root
    if t == NULL or t.state != state or t.state_id != state.id:
        return False
    root = rec_stack_root(state)
    return root == t.root and (t.mark == 0 or root[0] == t.mark)


cdef Thread *stack_of(Thread *thread) noexcept nogil:
    """The stack that a thread runs on: its own, or that of a greenlet. NULL after a fault. Needs 2048 bytes."""
    cdef uint64_t *root = rec_stack_root(thread.state)
    cdef Thread *t = NULL
    if thread.root == NULL:
        thread.root = root
    if root == thread.root:
        return thread
    if root != NULL:
        t = stack_at(root)
        if t != NULL and t.mark == root[0]:
            return t
    if t != NULL:                               # of a greenlet that is gone
        if t.depth > 0 and not drop_frames(t):
            return NULL
        tracer.last_thread = NULL
        recycle_stack(t)
    return new_stack(thread, root)


cdef Thread *new_stack(Thread *thread, uint64_t *root) noexcept nogil:
    """For a greenlet that has no frames on any stack, be it new or not. One that runs a generator and nothing else has
    no memory for frames yet: then the generator's frame stands for it."""
    cdef uint64_t *first = first_frame(thread.state)
    cdef Thread *t = stack_at(first)
    if t == NULL:
        name_thread(thread)                     # counted among the threads, though nothing may run on its own stack
        t = allocate_stack(thread)
        if t == NULL:
            return NULL
        t.mark = root[0] if root != NULL and is_marked(root) else next_mark()
        t.greenlet = number_of_greenlet(t.mark)
    elif root == NULL:
        return t
    else:
        remove_stack(t)
    t.root = root if root != NULL else first
    t.next = stack_bucket(t.root)[0]
    stack_bucket(t.root)[0] = t
    if root != NULL:
        root[0] = t.mark
    return t


cdef Thread *allocate_stack(Thread *thread) noexcept nogil:
    cdef Thread *t = spare_stacks
    global spare_stacks, stacks_made
    if t != NULL:
        spare_stacks = t.next
    else:
        t = <Thread *> rec_sys.calloc(1, sizeof(Thread))
        if t == NULL:
            fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Thread))
            return NULL
        t.number = tracer.threads
        tracer.threads += 1
        stacks_made += 1
    if t.state != thread.state or t.state_id != thread.state_id:
        t.name_fingerprint = 0
    t.state = thread.state
    t.state_id = thread.state_id
    forget_events(t)
    return t


cdef uint64_t next_mark() noexcept nogil:
    """The number of this recording, and how many greenlets it has met."""
    global greenlets_made
    greenlets_made += 1
    return <uint64_t> tracer.session << 32 | greenlets_made


cdef inline Resting *resting_place(uint64_t mark) noexcept nogil:
    return &resting[mark % RESTING_BUCKETS]


cdef uint32_t number_of_greenlet(uint64_t mark) noexcept nogil:
    """What TASK says of it. It is named as a task is, if it is new or has been pushed out. Needs 64 bytes."""
    cdef Resting *place = resting_place(mark)
    cdef char text[32]
    cdef int size
    global tasks_made
    if place.mark == mark:
        place.mark = 0
        return place.greenlet
    size = snprintf(text, sizeof(text), "Greenlet-%lu", <unsigned long> <uint32_t> mark)
    tape.cur = put_chars(put_tagged(tape.cur, REC_DEF_TASK, tasks_made), text, <size_t> max(size, 0))
    tasks_made += 1
    return tasks_made


cdef void recycle_stack(Thread *t) noexcept nogil:
    """A stack that has no frames any more goes to the greenlet that needs one next. Needs 16 bytes."""
    cdef Resting *place = resting_place(t.mark)
    global spare_stacks
    REC_CHECK(t.depth == 0, b"a stack at rest has no frames")
    remove_stack(t)
    t.next = spare_stacks
    spare_stacks = t
    if place.mark != 0:
        tape.cur = put_retire(tape.cur, REC_DEF_TASK, place.greenlet - 1)
    place.mark = t.mark
    place.greenlet = t.greenlet


cdef void remove_stack(Thread *t) noexcept nogil:
    cdef Thread **link = stack_bucket(t.root)
    while link[0] != t:
        link = &link[0].next
    link[0] = t.next


cdef void open_greenlets() noexcept nogil:
    global greenlets_made, stacks_made
    greenlets_made = stacks_made = 0
    memset(resting, 0, sizeof(resting))
    tracer.first_state_id = rec_thread_state().id
    tracer.first_root = rec_stack_root(rec_thread_state())
    tracer.has_greenlets = rec_has_greenlets()


cdef void close_greenlets() noexcept nogil:
    cdef int i
    global spare_stacks
    for i in range(<int> STACK_BUCKETS):
        free_threads(stacks[i])
        stacks[i] = NULL
    free_threads(spare_stacks)
    spare_stacks = NULL
