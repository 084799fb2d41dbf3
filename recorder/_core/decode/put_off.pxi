# Contents that no question asks for: they are kept as bytes, and looked at when somebody asks after all. Who looks for
# a line of one function, and by one of its variables, passes over most of what a chunk tells.

cdef inline bint may_put_off(
    const DecoderState *s, const Variable *variable, const NamespaceDef *namespace, uint64_t doubts
) noexcept nogil:
    """Whether the watch stops at no event because of what the variable takes."""
    cdef const CodeDef *code
    cdef uint64_t i, slot
    if not s.watch.puts_off or not s.watch.on or namespace != NULL or doubts > UINT32_MAX:
        return False
    code = s.top.code
    if not code.wanted:
        return True
    slot = <uint64_t> (variable - s.top.locals) + 1
    for i in range(s.watch.condition.name_count):
        if code.named[i] == slot:
            return False
    return s.watch.condition.on


cdef Status put_off(DecoderState *s, Variable *variable, const Place *place, uint64_t doubts) noexcept nogil:
    """The variable takes what stands at the place, as it stands there."""
    if not store_value(s, variable, place.bytes, place.size):
        return reject(s, b"")
    variable.noted = <uint32_t> doubts
    mark_changed(s, variable, NULL, VAR_PUT_OFF)
    s.has_put_off = True
    return OK


cdef bint look_at_place(DecoderState *s, Place *place) noexcept nogil:
    """What was put off. False: it is no value."""
    cdef Cursor value
    value.at = place.bytes
    value.end = place.bytes + place.size
    value.bad = False
    return take_contents(s, place, place.bytes, &value) and value.at == value.end


cdef bint look_at(DecoderState *s, Variable *variable) noexcept nogil:
    """Likewise; what the variable holds stands for itself from now on."""
    cdef Place place
    cdef uint8_t *made
    cdef bint good
    if not variable.flags & VAR_PUT_OFF:
        return True
    memset(&place, 0, sizeof(place))
    made = room_for(s, &place, variable.size)
    if made == NULL:
        return False
    memcpy(made, variable_data(variable), variable.size)
    place.bytes = made
    place.size = variable.size
    good = look_at_place(s, &place)
    if good and place.likes.size:
        good = store_unlike(s, variable, &place, variable.noted)
    variable.flags = variable.flags & ~<uint32_t> VAR_PUT_OFF | place.flags
    free_place(s, &place)
    return good


cdef Status look_at_frame(DecoderState *s, Frame *f) noexcept nogil:
    """All that was put off in a frame."""
    cdef uint64_t i
    for i in range(f.local_count if s.has_put_off else 0):
        if not look_at(s, &f.locals[i]):
            return reject(s, b"what is made of contents and a difference is no value")
    return OK


cdef Status look_at_all(DecoderState *s) noexcept nogil:
    """All that was put off: somebody asks for more than the watch."""
    cdef ThreadDef *t = s.threads.first
    cdef Status status = OK
    cdef Frame *f
    cdef uint64_t i
    while t != NULL:
        f = t.bottom
        while f != NULL and status == OK:
            status = look_at_frame(s, f)
            f = f.above
        t = t.next
    for i in range(bucket_count(&s.frames.suspended)):
        f = <Frame *> s.frames.suspended.entries[i].item
        if f != NULL and status == OK:
            status = look_at_frame(s, f)
    for i in range(<uint64_t> REC_PLACES):
        if status == OK and s.places[i].is_put_off and not look_at_place(s, &s.places[i]):
            status = reject(s, b"what is made of contents and a difference is no value")
    s.has_put_off = False
    return status
