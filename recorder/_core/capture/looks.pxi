# Looks: what an object was when it was looked at last. As long as no code has run since, it need not be looked at
# again, whichever variables lead to it: `self` of the caller, and `self` of the method.

cdef extern from "known/forms.h" nogil:
    bint rec_layout_was_unknown

cdef enum:
    LOOKS = 256              # the last ones, by the addresses of the objects; a power of two

cdef struct Look:
    PyObject *object         # not owned, only compared: no code has run, so that it is the same
    uint64_t at              # before which event …
    uint32_t interludes      # … and after so many moments that are none
    uintptr_t limited        # IS_LIMITED: at LIMITED_NODES of it
    uint64_t fingerprint
    Identity identity
    uint64_t alike           # what an object was doubted by that came into doubt at that moment
    uint64_t inner_doubts    # as in Contents
    uint64_t due             # as in Recorded
    uint64_t[4] reached      # as in Walk
    uint64_t touches         # what was touched before is in it

cdef Look[LOOKS] looks


cdef inline Look *look_of(PyObject *o) noexcept nogil:
    """The place for it."""
    return &looks[(<uintptr_t> o >> 4 ^ <uintptr_t> o >> 12) & (LOOKS - 1)]


cdef inline bint is_current(Look *look, PyObject *o) noexcept nogil:
    """Whether it tells what the object is at this moment."""
    if look.object != o or look.interludes != identities.interludes:
        return False
    if look.at != tape.events and (tracer.quiet_until != tape.events or look.at < tracer.quiet_since):
        return False
    return look.touches == tracer.touches or is_untouched(look)


cdef bint is_untouched(Look *look) noexcept nogil:
    """Whether nothing that has been touched since is among what it holds."""
    cdef uint64_t n = look.touches
    if tracer.touches - n > <uint64_t> TOUCHES:
        return False
    for n in range(n, tracer.touches):
        if rec_has_reached(look.reached, tracer.log[n & (TOUCHES - 1)]):
            return False
    look.touches = tracer.touches
    return True


cdef inline void take_look(Look *look, PyObject *o, uintptr_t limited) noexcept nogil:
    look.object = NULL                          # meanwhile: types that are met have attributes, which are looked at
    cdef uint64_t fingerprint = take_fingerprint(o)
    tracer.looks += 1
    look.object = o
    look.at = tape.events
    look.interludes = identities.interludes
    look.limited = limited
    look.fingerprint = fingerprint
    look.identity = identities.top
    look.alike = identities.alike
    look.inner_doubts = walk.inner_doubts
    look.due = 0
    look.reached = walk.reached
    look.touches = tracer.touches


cdef inline bint note_touched() noexcept nogil:
    """What was foreseen to be touched until this event was. Whether anything was."""
    cdef int i
    for i in range(tracer.touched.count):
        tracer.log[tracer.touches & (TOUCHES - 1)] = tracer.touched.objects[i]
        tracer.touches += 1
    return tracer.touched.count > 0


cdef inline void nothing_ran() noexcept nogil:
    """Since the last event, but for code that touches what was noted."""
    if tracer.quiet_until != tape.events - 1 or tracer.round_at == tape.events - 1:
        tracer.quiet_since = tape.events - 1
    tracer.quiet_until = tape.events


cdef inline void check_look(const Look *look) noexcept nogil:
    """Debug builds: what was not looked at again is what it was."""
    if rec_layout_was_unknown:
        return                                  # perhaps by the look itself
    if tracer.round_at == tape.events:
        return                                  # other code may have had its turn: it is looked at for the next event
    if tape.events - types_forgotten_at >= 1000 and types.used * 2 <= types.size:
        REC_CHECK(take_fingerprint(look.object) == look.fingerprint, b"where no code has run nothing has changed")
        identities.top = look.identity


cdef void forget_looks() noexcept nogil:
    memset(looks, 0, sizeof(looks))
