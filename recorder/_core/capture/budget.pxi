# BUDGET

cdef enum:
    SMALL_WALK = 512         # elements: a variable that leads to no more is looked at before every event …
    SMALL_WALKS = 2048       # … as long as those of a frame lead to no more than this together
    WALK_PER_EVENT = 64      # of what is beyond: so much for each event …
    MOST_WALK = 200000       # … and what was not used up is kept, up to this
    BRIEF_NODES = 60         # elements of a value that is met when it is used up
    WRITING = 3              # what it costs to write an element, in elements that are looked at


cdef inline uint32_t cost_of_walk() noexcept nogil:
    """In elements, of the walk that has just ended. A container is worth some of them."""
    return walk.most - walk.nodes_left + 4 * walk.containers


cdef inline bint is_small(uint32_t cost) noexcept nogil:
    """Whether it is within what is looked at before every event."""
    if cost > SMALL_WALK or tracer.walked + cost > SMALL_WALKS:
        return False
    tracer.walked += cost
    return True


cdef inline int64_t walk_left() noexcept nogil:
    """What may be looked at by now."""
    tracer.walk = min(<int64_t> MOST_WALK, tracer.walk + <int64_t> (tape.events - tracer.walk_at) * WALK_PER_EVENT)
    tracer.walk_at = tape.events
    return tracer.walk


cdef inline bint is_short() noexcept nogil:
    """Whether there is not enough left to write down a large value."""
    return walk_left() < (1 + WRITING) * <int64_t> limits.nodes


cdef inline void be_brief() noexcept nogil:
    """About the value that is looked at and written down next."""
    walk.most = min(limits.nodes, <uint32_t> BRIEF_NODES)


cdef inline void spend(int64_t cost, bint known) noexcept nogil:
    """What had to be looked at right away makes no debt."""
    tracer.walk = tracer.walk - cost if known else max(min(0, tracer.walk), tracer.walk - cost)


cdef inline bint can_wait(Slot *slot) noexcept nogil:
    return slot.due != 0 and walk_left() < <int64_t> (slot.due - tape.events) * WALK_PER_EVENT
