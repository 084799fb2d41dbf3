# Places: contents that variables refer to, in place of having them written again. What stands at one is plain bytes of a
# value: in what is read, or, of what was patched, in memory of its own.

cdef inline Place *place_of(DecoderState *s, Cursor *c) noexcept nogil:
    """That of the number that comes next; NULL: there is no such."""
    cdef uint64_t number = take_varint(c)
    return &s.places[number] if not c.bad and number < REC_PLACES else NULL


cdef Status set_contents(DecoderState *s, Variable *variable, NamespaceDef *namespace, Cursor *c) noexcept nogil:
    """TELL, TOLD and PATCH: the variable takes what stands at the place, so that it stands for itself."""
    cdef uint8_t tag = take_byte(c)
    cdef Place *place = place_of(s, c)
    cdef Status status = OK
    if place == NULL or s.in_preamble:
        return reject(s, b"contents at a place that there is not")
    if tag == TAG_TELL:
        status = tell(s, place, c)
    elif tag == TAG_PATCH:
        status = patch(s, place, c)
    if status != OK:
        return status
    if place.size == 0:
        return reject(s, b"contents of a place at which there are none")
    if not store_value(s, variable, place.bytes, place.size):
        return reject(s, b"")
    if not place.is_new:
        note_new(s, variable)
        place.is_new = s.tally.on
    mark_changed(s, variable, namespace, place.flags)
    return OK


cdef Status tell(DecoderState *s, Place *place, Cursor *c) noexcept nogil:
    """The value that comes next stands there from now on."""
    cdef const uint8_t *value = c.at
    cdef uint32_t flags = 0
    take_new_value(s, c, &flags)
    if c.bad or c.at - value > REC_MOST_TOLD:
        return reject(s, b"a value that is not whole or not known, or too long to stand at a place")
    place.bytes = value
    place.size = <uint32_t> (c.at - value)
    place.flags = flags
    place.is_new = s.tally.on and not s.in_preamble
    return OK


cdef Status patch(DecoderState *s, Place *place, Cursor *c) noexcept nogil:
    """What stands there stays but for its middle."""
    cdef uint64_t prefix = take_varint(c)
    cdef uint64_t suffix = take_varint(c)
    cdef uint64_t size = take_varint(c)
    cdef const uint8_t *middle = c.at
    cdef uint8_t *made
    cdef uint32_t flags = 0
    cdef Cursor value
    skip(c, size)
    if c.bad or prefix > place.size or suffix > place.size - prefix or size > REC_MOST_TOLD - prefix - suffix:
        return reject(s, b"a difference to contents that there are not")
    made = room_for(s, place, <uint32_t> (prefix + size + suffix))
    if made == NULL:
        return reject(s, b"")
    memcpy(made, place.bytes, prefix)
    memcpy(made + prefix, middle, size)
    memcpy(made + prefix + size, place.bytes + place.size - suffix, suffix)
    value.at = made
    value.end = made + prefix + size + suffix
    value.bad = False
    take_new_value(s, &value, &flags)
    if value.bad or value.at != value.end:
        return reject(s, b"what is made of contents and a difference is no value")
    place.bytes = made
    place.size = <uint32_t> (value.end - made)
    place.flags = flags
    place.is_new = s.tally.on
    return OK


cdef uint8_t *room_for(DecoderState *s, Place *place, uint32_t size) noexcept nogil:
    """For what is made of what stands there: the one of its two pieces of memory in which that is not."""
    cdef int i = 1 if place.bytes == place.heap[0] else 0
    cdef uint32_t capacity = size + size // 2 + 16      # store_value may read 16 bytes
    if place.capacity[i] < size + 16:
        arena_free(s, place.heap[i], place.capacity[i])
        place.heap[i] = <uint8_t *> arena_take(s, capacity)
        place.capacity[i] = capacity if place.heap[i] != NULL else 0
    return place.heap[i]


cdef Status apply_place(DecoderState *s, Cursor *c) noexcept nogil:
    """PLACE."""
    cdef Place *place = place_of(s, c)
    if place == NULL:
        return reject(s, b"contents at a place that there is not")
    return tell(s, place, c)


cdef void clear_places(DecoderState *s) noexcept nogil:
    cdef uint64_t i
    for i in range(<uint64_t> REC_PLACES):
        arena_free(s, s.places[i].heap[0], s.places[i].capacity[0])
        arena_free(s, s.places[i].heap[1], s.places[i].capacity[1])
    memset(s.places, 0, sizeof(s.places))


cdef bint keep_places(DecoderState *s) noexcept nogil:
    """What is read goes, and what stands at the places is of use to what comes next."""
    cdef uint8_t *made
    cdef Place *place
    cdef uint64_t i
    for i in range(<uint64_t> REC_PLACES):
        place = &s.places[i]
        if s.input.begin <= place.bytes < s.input.end:
            made = room_for(s, place, place.size)
            if made == NULL:
                place.size = 0
                return False
            memcpy(made, place.bytes, place.size)
            place.bytes = made
    return True


cdef bint emit_places(DecoderState *s, ByteBuffer *out) noexcept nogil:
    """PLACE records: the segment goes on with what was read before."""
    cdef Cursor c
    cdef uint32_t flags = 0
    cdef uint64_t i
    cdef const Place *place
    for i in range(<uint64_t> REC_PLACES):
        place = &s.places[i]
        if place.size == 0:
            continue
        c.at = place.bytes
        c.end = place.bytes + place.size
        c.bad = False
        s.tally.on = False
        skip_value(s, &c, &flags)          # emits the types it passes
        s.tally.on = True
        if c.bad or not (append_byte(s, out, REC_PLACE) and append_varint(s, out, i)
                         and append(s, out, place.bytes, place.size)):
            return False
        s.places[i].is_new = False
    return True


# ---- in a checkpoint: what stands in the payload is told by where, the rest as it is ------------------

cdef bint write_places(DecoderState *s, ByteBuffer *out) noexcept nogil:
    cdef uint64_t i, at, count = 0
    cdef const Place *place
    for i in range(<uint64_t> REC_PLACES):
        count += s.places[i].size != 0
    if not append_varint(s, out, count):
        return False
    for i in range(<uint64_t> REC_PLACES):
        place = &s.places[i]
        if place.size == 0:
            continue
        at = 0
        if s.input.begin <= place.bytes < s.input.end:
            at = <uint64_t> (place.bytes - s.input.begin) + 1
        if not (append_varint(s, out, i) and append_varint(s, out, place.flags) and append_varint(s, out, place.size)
                and append_varint(s, out, at) and append(s, out, place.bytes, 0 if at else place.size)):
            return False
    return True


cdef Status read_places(DecoderState *s, const uint8_t *payload, size_t size) noexcept nogil:
    """What write_places wrote, at the beginning of the input."""
    cdef Cursor c
    cdef Place *place
    cdef uint64_t flags, length, at, left
    cdef uint8_t *made
    c.at = s.input.at
    c.end = s.input.end
    c.bad = False
    clear_places(s)
    left = take_varint(&c)
    while left and not c.bad:
        left -= 1
        place = place_of(s, &c)
        flags = take_varint(&c)
        length = take_varint(&c)
        at = take_varint(&c)
        if place == NULL or length > REC_MOST_TOLD or (at and (at - 1 > size or length > size - (at - 1))):
            return reject(s, b"a checkpoint that is not whole")
        place.bytes = payload + (at - 1)
        if not at:
            made = room_for(s, place, <uint32_t> length)
            place.bytes = c.at
            skip(&c, length)
            if made == NULL or c.bad:
                return reject(s, b"a checkpoint that is not whole")
            memcpy(made, place.bytes, length)
            place.bytes = made
        place.size = <uint32_t> length
        place.flags = <uint32_t> flags
    s.input.at = c.at
    return reject(s, b"a checkpoint that is not whole") if c.bad else OK
