# Told: what was written last of objects, in the segment that is being written. A variable that comes to lead to one of
# them needs only to say so, and what has changed of one is written as a difference.
#
# Each segment can be read without the others: what another one told is as good as never told. So nothing here has to be
# restated, and nothing is lost with a segment.

cdef enum:
    LEAST_TOLD = 18          # bytes: what is shorter is written each time
    LONGEST_HEAD = 32        # bytes before a value, or its difference
    LEAST_KEPT = 24          # bytes that a patch leaves as they are: more than it takes to say so
    PATCHED = 1 << 20        # bytes for what was patched, in all of a segment

cdef struct Contents:        # of an object at a moment. Compared as bytes: there is no padding
    uint64_t type            # its address
    uint64_t fingerprint
    uint64_t number
    uint64_t doubts          # that are written with the number; 0: `alike`
    uint64_t inner_doubts    # as in Walk: of what is in it, but for what is `alike`
    uint64_t limited         # and whether nothing can be alike

cdef struct Told:
    Contents contents
    uint64_t segment         # in which it was told; another one: never
    bint is_alike            # it leaves out doubts
    const uint8_t *bytes     # what was written: in the segment, or in `copy`
    size_t size
    uint8_t *copy            # of what was patched, which stands nowhere as a whole …
    size_t capacity
    uint64_t copied_in       # … in this segment

cdef Told[REC_PLACES] told
cdef uint8_t[PATCHED] patched
cdef size_t patched_size
cdef uint64_t patched_in     # which segment


cdef void forget_told() noexcept nogil:
    memset(told, 0, sizeof(told))
    global patched_in
    patched_in = 0


cdef inline Contents contents_of(const Look *look, PyTypeObject *t, uint64_t doubts) noexcept nogil:
    """Of an object that was looked at for this moment. `doubts`: as they are written with its number."""
    cdef Contents contents
    contents.type = <uint64_t> <uintptr_t> t
    contents.fingerprint = look.fingerprint
    contents.number = look.identity.number
    contents.doubts = 0
    if contents.number != NO_OBJECT and (doubts != look.alike or doubts == 0):
        contents.doubts = doubts << 1 | 1
    contents.inner_doubts = look.inner_doubts
    contents.limited = look.limited | (look.alike == 0)
    return contents


cdef inline uint32_t place_for(const Contents *contents) noexcept nogil:
    """Numbers are given in order: what is new displaces what is old. What has none stands where its like does."""
    cdef uint64_t key = contents.number if contents.number != NO_OBJECT else contents.fingerprint
    return <uint32_t> (key & (REC_PLACES - 1))


cdef inline bint is_told(const Contents *contents) noexcept nogil:
    cdef const Told *there = &told[place_for(contents)]
    return there.segment == tape.sequence and memcmp(&there.contents, contents, sizeof(Contents)) == 0


cdef inline uint8_t *put_told(uint8_t *p, const Contents *contents, uint64_t alike) noexcept nogil:
    """What `is_told`."""
    return put_place(p, TAG_TOLD, contents, alike if told[place_for(contents)].is_alike else 0)


cdef inline uint8_t *put_place(uint8_t *p, uint8_t tag, const Contents *contents, uint64_t alike) noexcept nogil:
    return put_varint(put_tagged(p, tag, place_for(contents)), alike)


cdef uint8_t *put_contents(uint8_t *p, PyObject *v, const Contents *contents) noexcept nogil:
    """The object, which was looked at just now: told, or patched."""
    cdef Told *there = &told[place_for(contents)]
    cdef uint8_t *value = p + LONGEST_HEAD
    cdef uint8_t *end = NULL
    cdef uint64_t alike
    cdef size_t size
    walk.alike = identities.alike
    walk.is_alike = False
    size = <size_t> (put_value(value, v, True) - value)
    walk.alike = 0
    if size < LEAST_TOLD or size > REC_MOST_TOLD:
        if walk.is_alike:
            return put_value(p, v, True)
        memmove(p, value, size)
        return p + size
    alike = identities.alike if walk.is_alike else 0
    if there.segment == tape.sequence:
        end = put_patch(put_place(p, TAG_PATCH, contents, alike), there, value, size)
    if end == NULL:
        p = put_place(p, TAG_TELL, contents, alike)
        memmove(p, value, size)
        end = p + size
        there.bytes = p
        there.size = size
    there.contents = contents[0]
    there.segment = tape.sequence
    there.is_alike = walk.is_alike
    return end


cdef uint8_t *put_patch(uint8_t *p, Told *there, const uint8_t *value, size_t size) noexcept nogil:
    """What makes the value of that which stands at the place. NULL: that is not worth it, or there is no room."""
    cdef size_t most = min(size, there.size)
    cdef size_t prefix = common_prefix(there.bytes, value, most)
    cdef size_t suffix = common_suffix(there.bytes + there.size, value + size, most - prefix)
    if prefix + suffix < LEAST_KEPT or not has_copy(there, size):
        return NULL
    memcpy(there.copy, value, size)
    there.bytes = there.copy
    there.size = size
    p = put_varint(put_varint(p, prefix), suffix)
    size -= prefix + suffix
    p = put_varint(p, size)
    memcpy(p, there.copy + prefix, size)
    return p + size


cdef bint has_copy(Told *there, size_t size) noexcept nogil:
    """Room for a value of this size that is to be patched."""
    global patched_size, patched_in
    cdef size_t wanted = size + size // 2
    if patched_in != tape.sequence:
        patched_in = tape.sequence
        patched_size = 0
    if there.copied_in == tape.sequence and there.capacity >= size:
        return True
    if wanted > PATCHED - patched_size:
        return False
    there.copy = &patched[patched_size]
    there.capacity = wanted
    there.copied_in = tape.sequence
    patched_size += wanted
    return True


cdef inline size_t common_prefix(const uint8_t *a, const uint8_t *b, size_t most) noexcept nogil:
    cdef size_t n = 0
    cdef uint64_t x = 0, y = 0
    while n + 8 <= most:
        memcpy(&x, a + n, 8)
        memcpy(&y, b + n, 8)
        if x != y:
            break
        n += 8
    while n < most and a[n] == b[n]:
        n += 1
    return n


cdef inline size_t common_suffix(const uint8_t *a, const uint8_t *b, size_t most) noexcept nogil:
    """Of what ends there."""
    cdef size_t n = 0
    cdef uint64_t x = 0, y = 0
    while n + 8 <= most:
        memcpy(&x, a - n - 8, 8)
        memcpy(&y, b - n - 8, 8)
        if x != y:
            break
        n += 8
    while n < most and a[-1 - <ssize_t> n] == b[-1 - <ssize_t> n]:
        n += 1
    return n
