# Places: contents that variables refer to, in place of having them written again. What stands at one is plain bytes of
# a value: in what is read, or, of what was patched, in memory of its own.

cdef enum:
    NOT_FOLLOWED = 2         # in doubts


cdef inline Place *place_of(DecoderState *s, Cursor *c) noexcept nogil:
    """That of the number that comes next; NULL: there is no such."""
    cdef uint64_t number = take_varint(c)
    return &s.places[number] if not c.bad and number < REC_PLACES else NULL


cdef Status set_contents(DecoderState *s, Variable *variable, NamespaceDef *namespace, Cursor *c) noexcept nogil:
    """TELL, TOLD and PATCH: the variable takes what stands at the place, so that it stands for itself."""
    cdef uint8_t tag = take_byte(c)
    cdef Place *place = place_of(s, c)
    cdef uint64_t doubts = take_varint(c)
    cdef Status status = OK
    if c.bad or place == NULL or s.in_preamble:
        return reject(s, b"contents at a place that there is not")
    if tag == TAG_TELL:
        status = tell(s, place, c)
    elif place.size == 0:
        status = reject(s, b"contents of a place at which there are none")
    elif tag == TAG_PATCH:
        status = patch(s, place, c)
    if status != OK:
        return status
    if may_put_off(s, variable, namespace, doubts):
        if place.is_put_off:
            return put_off(s, variable, place, doubts)
    elif place.is_put_off and not look_at_place(s, place):
        return reject(s, b"what is made of contents and a difference is no value")
    if not (store_value(s, variable, place.bytes, place.size) if place.likes.size == 0
            else store_unlike(s, variable, place, doubts)):
        return reject(s, b"")
    if not place.is_new:
        note_new(s, variable)
        place.is_new = s.tally.on
    mark_changed(s, variable, namespace, place.flags)
    return OK


cdef bint store_unlike(DecoderState *s, Variable *variable, const Place *place, uint64_t doubts) noexcept nogil:
    """The value with these doubts wherever it has IDENTITY_LIKE."""
    cdef const uint32_t *like = <const uint32_t *> place.likes.data
    cdef const uint8_t *copied = place.bytes
    cdef const uint8_t *end
    cdef size_t i, count = place.likes.size // sizeof(uint32_t)
    cdef uint8_t *out = room_in(s, variable, place.size + 10 * count)
    cdef uint8_t inner[16]
    cdef size_t size
    if out == NULL:
        return False
    size = write_varint(inner, doubts | NOT_FOLLOWED)
    for i in range(count):
        end = place.bytes + like[i] + 1
        while end[0] >= 0x80:                   # the number, which is whole
            end += 1
        end += 1
        memcpy(out, copied, <size_t> (end - copied))
        out[place.bytes + like[i] - copied] = TAG_IDENTITY_UNSURE
        out += end - copied
        copied = end
        if like[i] == 0:
            out += write_varint(out, doubts)
        else:
            memcpy(out, inner, 10)
            out += size
    end = place.bytes + place.size
    memcpy(out, copied, <size_t> (end - copied))
    variable.size = <uint32_t> (out + (end - copied) - variable.heap)
    return True


cdef inline uint8_t *room_in(DecoderState *s, Variable *variable, size_t size) noexcept nogil:
    """For another value of a variable, the old one of which goes."""
    cdef uint32_t capacity = <uint32_t> (size + size // 2 + 16)
    cdef uint8_t *heap
    if variable.heap == NULL or variable.capacity < size + 16:
        heap = <uint8_t *> arena_take(s, capacity)
        if heap == NULL:
            return NULL
        if variable.heap != NULL:
            arena_free(s, variable.heap, variable.capacity)
        variable.heap = heap
        variable.capacity = capacity
    return variable.heap


cdef inline bint take_contents(DecoderState *s, Place *place, const uint8_t *value, Cursor *c) noexcept nogil:
    """What is at the cursor stands there from now on. False: it is no value, or too long."""
    place.bytes = value
    place.size = 0
    place.flags = 0
    place.likes.size = 0
    place.is_put_off = False
    s.telling = place
    take_new_value(s, c, &place.flags)
    s.telling = NULL
    if c.bad or c.at - value > REC_MOST_TOLD:
        return False
    place.size = <uint32_t> (c.at - value)
    place.is_new = s.tally.on and not s.in_preamble
    return True


cdef Status tell(DecoderState *s, Place *place, Cursor *c) noexcept nogil:
    """The value that comes next stands there from now on."""
    if not take_contents(s, place, c.at, c):
        return reject(s, b"a value that is not whole or not known, or too long to stand at a place")
    return OK


cdef Status patch(DecoderState *s, Place *place, Cursor *c) noexcept nogil:
    """What stands there stays but for its middle."""
    cdef uint64_t prefix = take_varint(c)
    cdef uint64_t suffix = take_varint(c)
    cdef uint64_t size = take_varint(c)
    cdef const uint8_t *middle = c.at
    cdef uint8_t *made
    skip(c, size)
    if c.bad or prefix > place.size or suffix > place.size - prefix or size > REC_MOST_TOLD - prefix - suffix:
        return reject(s, b"a difference to contents that there are not")
    made = room_for(s, place, <uint32_t> (prefix + size + suffix))
    if made == NULL:
        return reject(s, b"")
    memcpy(made, place.bytes, prefix)
    memcpy(made + prefix, middle, size)
    memcpy(made + prefix + size, place.bytes + place.size - suffix, suffix)
    place.bytes = made
    place.size = <uint32_t> (prefix + size + suffix)
    place.is_put_off = True              # until the variable takes it
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
        free_place(s, &s.places[i])
    memset(s.places, 0, sizeof(s.places))


cdef void free_place(DecoderState *s, Place *place) noexcept nogil:
    arena_free(s, place.heap[0], place.capacity[0])
    arena_free(s, place.heap[1], place.capacity[1])
    free_bytes(s, &place.likes)


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
    cdef Place *place
    for i in range(<uint64_t> REC_PLACES):
        place = &s.places[i]
        if place.size == 0:
            continue
        c.at = place.bytes
        c.end = place.bytes + place.size
        c.bad = False
        s.tally.on = False
        place.likes.size = 0
        s.telling = place
        skip_value(s, &c, &flags)          # emits the types it passes
        s.telling = NULL
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
        if not (append_varint(s, out, i) and append_varint(s, out, place.size) and append_varint(s, out, at)
                and append(s, out, place.bytes, 0 if at else place.size)):
            return False
    return True


cdef Status read_places(DecoderState *s, const uint8_t *payload, size_t size) noexcept nogil:
    """What write_places wrote, at the beginning of the input."""
    cdef Cursor c, value
    cdef Place *place
    cdef uint64_t length, at, left
    cdef uint8_t *made
    c.at = s.input.at
    c.end = s.input.end
    c.bad = False
    clear_places(s)
    left = take_varint(&c)
    while left and not c.bad:
        left -= 1
        place = place_of(s, &c)
        length = take_varint(&c)
        at = take_varint(&c)
        if place == NULL or length > REC_MOST_TOLD or (at and (at - 1 > size or length > size - (at - 1))):
            return reject(s, b"a checkpoint that is not whole")
        value.at = payload + (at - 1)
        if not at:
            made = room_for(s, place, <uint32_t> length)
            value.at = c.at
            skip(&c, length)
            if made == NULL or c.bad:
                return reject(s, b"a checkpoint that is not whole")
            memcpy(made, value.at, length)
            value.at = made
        value.end = value.at + length
        value.bad = False
        if not take_contents(s, place, value.at, &value):
            return reject(s, b"a checkpoint that is not whole")
    s.input.at = c.at
    return reject(s, b"a checkpoint that is not whole") if c.bad else OK
