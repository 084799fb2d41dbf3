# Which texts, numbers and bytes are new in a segment or chunk: a part of an entry of CONTENTS, so that who looks for
# another one need not read it. One 64-bit word has a few bits for each; a table may only say too much.

cdef enum:
    DIGEST_WORDS = 8192      # while a segment is read
    MOST_WORDS = 1024        # that are written
    MOST_BITS = 26           # of 64 are set, on average, in a table that is folded

cdef extern from *:
    int count_bits "__builtin_popcountll" (uint64_t) noexcept nogil


cdef bint begin_digest(DecoderState *s) noexcept nogil:
    """An empty one for a round."""
    if s.tally.digest.words == NULL:
        s.tally.digest.words = <uint64_t *> arena_take(s, DIGEST_WORDS * sizeof(uint64_t))
        if s.tally.digest.words == NULL:
            return False
    memset(s.tally.digest.words, 0, DIGEST_WORDS * sizeof(uint64_t))
    return True


# ---- keys ----------------------------------------------------------------------------------------

cdef inline uint64_t mixed_in(uint64_t key, uint64_t piece) noexcept nogil:
    key = (key ^ piece) * <uint64_t> 0x9E3779B97F4A7C15
    return key ^ (key >> 32)


cdef inline uint64_t key_of_text(uint8_t tag, const uint8_t *data, size_t size) noexcept nogil:
    """Of a text or bytes: of its size, and of eight bytes at a time, the last eight among them."""
    cdef uint64_t key, piece = 0
    cdef size_t i
    if size < 8:
        for i in range(size):
            piece |= <uint64_t> data[i] << (8 * i)
        return key_of_short(tag, piece, size)
    key = mixed_in(tag, size)
    for i in range(0, size - 7, 8):
        memcpy(&piece, data + i, 8)
        key = mixed_in(key, piece)
    memcpy(&piece, data + size - 8, 8)
    return mixed_in(key, piece)


cdef inline uint64_t key_of_short(uint8_t tag, uint64_t piece, size_t size) noexcept nogil:
    """Of less than eight bytes, with zeros behind them."""
    return mixed_in(mixed_in(tag, size), piece)


cdef inline void add_short(Digest *digest, const uint8_t *at, size_t size) noexcept nogil:
    """A number or text within `skip_scalars`, where more may be looked at than it has."""
    cdef uint64_t piece = 0
    if at[0] == TAG_INT:
        memcpy(&piece, at + 1, 4)
        piece = piece & 0x7F | piece >> 1 & 0x3F80 | piece >> 2 & 0x1FC000 | piece >> 3 & 0xFE00000
        piece &= (<uint64_t> 1 << 7 * (size - 1)) - 1
        add_key(digest, mixed_in(TAG_INT, (piece >> 1) ^ (0 - (piece & 1))))
    elif at[0] == TAG_FLOAT:
        add_key(digest, key_of_float(at + 1))
    elif at[0] == TAG_STR and size < 10:
        memcpy(&piece, at + 2, 8)
        add_key(digest, key_of_short(TAG_STR, piece & (<uint64_t> 1 << 8 * (size - 2)) - 1, size - 2))
    elif at[0] == TAG_STR:
        add_key(digest, key_of_text(TAG_STR, at + 2, size - 2))


cdef inline uint64_t key_of_float(const uint8_t *data) noexcept nogil:
    """What is equal has one key: zeros; and NaNs, which are looked for as well."""
    cdef double number = 0
    cdef uint64_t bits = 0
    memcpy(&number, data, sizeof(number))
    memcpy(&bits, data, sizeof(bits))
    if number == 0:
        bits = 0
    elif number != number:
        bits = <uint64_t> 0x7FF8000000000000
    return mixed_in(TAG_FLOAT, bits)


cdef bint key_of_scalar(const uint8_t *at, size_t size, uint64_t *key) noexcept nogil:
    """Of a whole value. False: of what it is none is kept."""
    cdef Cursor c
    cdef uint64_t length
    cdef uint8_t tag
    c.at = at
    c.end = at + size
    c.bad = False
    tag = take_byte(&c)
    if tag >= TAG_SMALL_INT:
        return False             # they are everywhere
    if tag == TAG_INT:
        key[0] = mixed_in(TAG_INT, <uint64_t> take_zigzag(&c))
    elif tag == TAG_FLOAT and size == 9:
        key[0] = key_of_float(c.at)
        c.at += 8
    elif tag == TAG_STR or tag == TAG_BYTES:
        length = take_varint(&c)
        if c.bad or length != <uint64_t> (c.end - c.at):
            return False
        key[0] = key_of_text(tag, c.at, <size_t> length)
        c.at += length
    else:
        return False
    return not c.bad and c.at == c.end


cdef inline void add_key(Digest *digest, uint64_t key) noexcept nogil:
    digest.words[key & (DIGEST_WORDS - 1)] |= bits_of(key)


cdef inline uint64_t bits_of(uint64_t key) noexcept nogil:
    cdef uint64_t one = 1
    return one << (key >> 40 & 63) | one << (key >> 46 & 63) | one << (key >> 52 & 63) | one << (key >> 58)


cdef inline void add_scalar(Digest *digest, const uint8_t *at, const uint8_t *end) noexcept nogil:
    cdef uint64_t key = 0
    if key_of_scalar(at, <size_t> (end - at), &key):
        add_key(digest, key)


# ---- what is new ---------------------------------------------------------------------------------

cdef inline void take_new_value(DecoderState *s, Cursor *c, uint32_t *flags) noexcept nogil:
    """As `skip_value`, of a value that may be new to an event."""
    if s.tally.on and not s.in_preamble:
        skip_nested(s, c, flags, &s.tally.digest)
    else:
        skip_value(s, c, flags)


cdef inline void note_new(DecoderState *s, Variable *variable) noexcept nogil:
    """A variable is new to an event of this round without a value that was written for it."""
    if s.tally.on and not s.in_preamble and variable.size:
        digest_variable(s, variable)


cdef void digest_variable(DecoderState *s, Variable *variable) noexcept nogil:
    cdef Cursor c
    cdef uint32_t flags = 0
    c.at = variable_data(variable)
    c.end = c.at + variable.size
    c.bad = False
    s.tally.on = False           # the errors in it were counted when it was set
    skip_nested(s, &c, &flags, &s.tally.digest)
    s.tally.on = True


# ---- written and read ----------------------------------------------------------------------------

cdef bint append_digest(DecoderState *s, ByteBuffer *out) noexcept nogil:
    """As many words as it needs. None where so many bits are set that it says nothing."""
    cdef uint64_t *words = s.tally.digest.words
    cdef size_t i, count = DIGEST_WORDS
    while count > 1 and (count > MOST_WORDS or bits_if_folded(words, count) <= MOST_BITS * (count // 2)):
        count //= 2
        for i in range(count):
            words[i] |= words[count + i]
    if bits_in(words, count) > 2 * MOST_BITS * count:
        count = 0
    return append_varint(s, out, count) and append(s, out, words, count * sizeof(uint64_t))


cdef size_t bits_in(const uint64_t *words, size_t count) noexcept nogil:
    cdef size_t i, found = 0
    for i in range(count):
        found += <size_t> count_bits(words[i])
    return found


cdef size_t bits_if_folded(const uint64_t *words, size_t count) noexcept nogil:
    cdef size_t i, found = 0
    for i in range(count // 2):
        found += <size_t> count_bits(words[i] | words[count // 2 + i])
    return found


cdef bytes take_digest(Cursor *c):
    """As `append_digest` has it."""
    cdef uint64_t count = take_varint(c)
    cdef const char *words = <const char *> c.at
    if count & (count - 1) or count > DIGEST_WORDS:
        c.bad = True
        return b""
    skip(c, count * sizeof(uint64_t))
    return b"" if c.bad else PyBytes_FromStringAndSize(words, <Py_ssize_t> (count * sizeof(uint64_t)))


def digest_key(bytes scalar not None):
    """The key in digests of a text, a number or bytes, as a value is written. None: there is none of its kind."""
    cdef uint64_t key = 0
    if not key_of_scalar(<const uint8_t *> <const char *> scalar, <size_t> len(scalar), &key):
        return None
    return key


def digest_has(bytes digest not None, uint64_t key):
    """Whether what has this key may be in it. An empty one says nothing."""
    cdef size_t count = <size_t> len(digest) // sizeof(uint64_t)
    cdef uint64_t word = 0
    if count == 0:
        return True
    memcpy(&word, <const char *> digest + (key & (count - 1)) * sizeof(uint64_t), sizeof(word))
    return word & bits_of(key) == bits_of(key)
