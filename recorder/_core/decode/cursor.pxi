# Numbers and texts: taken off a cursor. What does not fit makes it `bad`, and is 0.

cdef inline uint64_t take_varint(Cursor *c) noexcept nogil:
    cdef uint64_t n = 0
    cdef uint32_t shift = 0
    cdef uint8_t byte
    while c.at < c.end:
        byte = c.at[0]
        c.at += 1
        if shift == 63 and byte > 1:
            break
        n |= <uint64_t> (byte & 0x7F) << shift
        if byte < 0x80:
            return n
        shift += 7
    c.bad = True
    return 0


cdef inline int64_t take_zigzag(Cursor *c) noexcept nogil:
    cdef uint64_t n = take_varint(c)
    return <int64_t> ((n >> 1) ^ (0 - (n & 1)))


cdef inline uint8_t take_byte(Cursor *c) noexcept nogil:
    if c.at >= c.end:
        c.bad = True
        return 0
    c.at += 1
    return (c.at - 1)[0]


cdef inline uint64_t take_u64(Cursor *c) noexcept nogil:
    """Little-endian, as every machine is that this builds for."""
    cdef uint64_t n = 0
    if c.end - c.at < 8:
        c.bad = True
        return 0
    memcpy(&n, c.at, 8)
    c.at += 8
    return n


cdef inline void skip(Cursor *c, uint64_t size) noexcept nogil:
    if size > <uint64_t> (c.end - c.at):
        c.bad = True
    else:
        c.at += size


cdef inline void skip_str(Cursor *c) noexcept nogil:
    skip(c, take_varint(c))


cdef inline size_t write_varint(uint8_t *out, uint64_t n) noexcept nogil:
    cdef size_t size = 0
    while n >= 0x80:
        out[size] = <uint8_t> (n | 0x80)
        size += 1
        n >>= 7
    out[size] = <uint8_t> n
    return size + 1


cdef inline size_t write_int(uint8_t *out, int64_t n) noexcept nogil:
    """An int as a value, in the shortest way."""
    if REC_SMALL_MIN <= n <= REC_SMALL_MAX:
        out[0] = <uint8_t> (TAG_SMALL_INT + n - REC_SMALL_MIN)
        return 1
    out[0] = TAG_INT
    return 1 + write_varint(out + 1, (<uint64_t> n << 1) ^ (0 - (<uint64_t> n >> 63)))
