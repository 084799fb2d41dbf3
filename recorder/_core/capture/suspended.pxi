# Generators and coroutines between yield and resume: their shadows wait in a table, by the address of the frame.

cdef enum:
    BUCKETS = 16384          # of suspended frames
    MOST_SUSPENDED = 65536   # then the longest chains forget; a forgotten frame is adopted when it goes on


cdef inline Shadow **bucket_of(rec_iframe *frame) noexcept nogil:
    return &tracer.suspended[<uint32_t> ((<uintptr_t> frame >> 4) * 2654435761u) % BUCKETS]


cdef Shadow *suspended_shadow(rec_iframe *frame) noexcept nogil:
    """What is known of this frame, or NULL."""
    cdef Shadow *s = bucket_of(frame)[0]
    while s != NULL and s.frame != frame:
        s = s.chain
    return s


cdef inline bint is_suspended(rec_iframe *frame) noexcept nogil:
    """Whether this frame is known, and goes on."""
    return suspended_shadow(frame) != NULL


cdef void suspend_shadow(Thread *t, Shadow *s) noexcept nogil:
    """`s` is the top one of the thread."""
    cdef Shadow *node = s.node
    cdef Shadow **bucket = bucket_of(s.frame)
    if tracer.suspended_count >= MOST_SUSPENDED and bucket[0] != NULL:
        forget_node(bucket)
    node[0] = s[0]
    node.chain = bucket[0]
    bucket[0] = node
    tracer.suspended_count += 1
    t.depth -= 1


cdef Status reenter(Thread *t, rec_iframe *frame, Code *code) noexcept:
    """Pushes a suspended frame again; one that was never seen, or forgotten, is adopted."""
    cdef Shadow **link = bucket_of(frame)
    cdef Shadow *node
    cdef Status status = reserve(SMALL_RECORD)
    if status != OK:
        return status
    while link[0] != NULL and link[0].frame != frame:
        link = &link[0].chain
    node = link[0]
    REC_CHECK(node == NULL or node.node == node, b"a suspended frame is kept in its own node")
    if node != NULL and node.code != code:
        forget_node(link)
        node = NULL
    if node == NULL:
        return adopt(t, frame, code)
    status = ensure_capacity(t)
    if status != OK:
        return status
    REC_CHECK(tracer.suspended_count > 0, b"suspended frames are counted")
    link[0] = node.chain
    tracer.suspended_count -= 1
    t.frames[t.depth] = node[0]
    t.frames[t.depth].stores = code.variables
    t.depth += 1
    tape.cur = put_tagged(tape.cur, REC_REENTER, tracer.frames - node.number)
    return OK


cdef void forget_frame(rec_iframe *frame) noexcept nogil:
    """A new frame at the address of a suspended one: that one's end was not seen."""
    cdef Shadow **link = bucket_of(frame)
    while link[0] != NULL:
        if link[0].frame == frame:
            forget_node(link)
            return
        link = &link[0].chain


cdef void forget_node(Shadow **link) noexcept nogil:
    cdef Shadow *node = link[0]
    link[0] = node.chain
    tracer.suspended_count -= 1
    if reserve(SMALL_RECORD) == OK:             # else the fault is set, and the hook will answer for it
        tape.cur = put_tagged(tape.cur, REC_FORGET, tracer.frames - node.number)
    free_shadow(node)                           # frees the node itself, which is its own `node`
