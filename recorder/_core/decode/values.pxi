# Values: passed over and checked to be whole, without making anything of them.

cdef inline void skip_value(DecoderState *s, Cursor *c, uint32_t *flags) noexcept nogil:
    """Passes over one value; `bad` if it is not whole. Notes the types it names."""
    cdef uint8_t tag
    if c.at >= c.end:
        c.bad = True
        return
    tag = c.at[0]
    if tag >= TAG_SMALL_INT or TAG_NONE <= tag <= TAG_NOTIMPLEMENTED:
        c.at += 1
    elif tag == TAG_INT:
        c.at += 1
        take_varint(c)
    elif tag == TAG_FLOAT:
        skip(c, 9)
    elif tag == TAG_STR:
        c.at += 1
        skip_str(c)
    else:
        skip_nested(s, c, flags, NULL)


cdef void skip_nested(DecoderState *s, Cursor *c, uint32_t *flags, Digest *digest) noexcept nogil:
    """Any value, without recursion: `left` counts what is to come on each level. `digest`: gets what is in it."""
    cdef uint64_t left[REC_MAX_NESTING + 1]
    cdef bint named[REC_MAX_NESTING + 1]
    cdef uint64_t containers = 0
    cdef uint64_t count
    cdef uint32_t level = 0
    cdef const uint8_t *leaf
    cdef uint8_t tag
    left[0] = 1
    named[0] = False
    while not c.bad:
        if digest == NULL:
            left[level] -= skip_scalars(c, left[level], named[level], NULL)
        else:
            left[level] -= skip_scalars(c, left[level], named[level], digest)
        if left[level] == 0:
            if level == 0:
                return
            level -= 1
            continue
        left[level] -= 1
        if named[level]:
            skip_str(c)
        if c.at < c.end and c.at[0] == TAG_IDENTITY_LIKE:
            note_like(s, c)
        else:
            skip_identity(c)
        tag = take_byte(c)
        if tag == TAG_TYPED:
            note_type(s, c, flags)
            tag = take_byte(c)
            if tag == TAG_TYPED:
                c.bad = True
        if tag >= TAG_SMALL_INT or not is_container(tag):
            leaf = c.at - 1
            skip_leaf(s, c, tag, containers, flags)
            if digest != NULL and not c.bad:
                add_scalar(digest, leaf, c.at)
            continue
        containers += 1
        count = take_count(s, c, tag, flags)
        # An item takes a byte at least: a count that cannot be is found at once.
        if level == REC_MAX_NESTING or count > <uint64_t> (c.end - c.at):
            c.bad = True
            return
        level += 1
        left[level] = count * 2 if tag == TAG_DICT or tag == TAG_DICT_CUT else count
        named[level] = TAG_INSTANCE <= tag <= TAG_NAMED_CUT


cdef inline uint64_t skip_scalars(Cursor *c, uint64_t most, bint named, Digest *digest) noexcept nogil:
    """Passes over the numbers, constants and short texts that come next, each behind its name if they are `named`; how
    many. A container of thousands of them is written again whenever one changes: this loop is what reading such a trace
    costs. An int's length is told by branches, which a processor foresees, and not computed, for which it would have to
    wait."""
    cdef const uint8_t *at = c.at
    cdef const uint8_t *safe
    cdef const uint8_t *value
    cdef uint64_t left = most
    cdef uint8_t tag
    if c.end - at < 16:
        return 0
    safe = c.end - 16            # from what stands before it so many bytes may be looked at
    while left and at <= safe:
        value = at
        if named:
            if at[0] >= 0x80 or at[0] >= safe - at:
                break
            value += 1 + at[0]
        tag = value[0]
        if tag >= TAG_SMALL_INT or TAG_NONE <= tag <= TAG_NOTIMPLEMENTED:
            at = value + 1
        elif tag == TAG_INT:
            if value[1] < 0x80:
                at = value + 2
            elif value[2] < 0x80:
                at = value + 3
            elif value[3] < 0x80:
                at = value + 4
            elif value[4] < 0x80:
                at = value + 5
            else:
                break
        elif tag == TAG_FLOAT:
            at = value + 9
        elif tag == TAG_STR and value[1] < 0x80 and value[1] <= c.end - value - 2:
            at = value + 2 + value[1]
        else:
            break
        if digest != NULL:
            add_short(digest, value, <size_t> (at - value))
        left -= 1
    c.at = at
    return most - left


cdef inline void skip_identity(Cursor *c) noexcept nogil:
    """Of which object the value is, where that is said."""
    if c.at < c.end and TAG_IDENTITY <= c.at[0] <= TAG_IDENTITY_UNSURE:
        take_identity(c)


cdef void note_like(DecoderState *s, Cursor *c) noexcept nogil:
    """IDENTITY_LIKE: only in what stands at a place."""
    cdef uint32_t at = 0
    if s.telling == NULL:
        c.bad = True
        return
    at = <uint32_t> (c.at - s.telling.bytes)
    if s.telling.likes.size + sizeof(at) > s.telling.likes.capacity:
        c.bad |= not ensure_capacity(s, &s.telling.likes, sizeof(at))
    if not c.bad:
        memcpy(s.telling.likes.data + s.telling.likes.size, &at, sizeof(at))
        s.telling.likes.size += sizeof(at)
    c.at += 1
    take_varint(c)


cdef inline uint64_t take_identity(Cursor *c) noexcept nogil:
    """The number of the object, behind whose tag the value begins."""
    cdef uint8_t tag = take_byte(c)
    cdef uint64_t number = take_varint(c)
    if tag == TAG_IDENTITY_UNSURE:
        take_varint(c)
    return number


cdef inline bint is_container(uint8_t tag) noexcept nogil:
    return (
        TAG_LIST <= tag <= TAG_DICT_CUT or tag == TAG_EXCEPTION or TAG_INSTANCE <= tag <= TAG_ENUM
        or tag == TAG_TIME or tag == TAG_DATETIME or tag == TAG_FORM
    )


cdef inline uint64_t take_count(DecoderState *s, Cursor *c, uint8_t tag, uint32_t *flags) noexcept nogil:
    """How many items follow the tag of a container."""
    if tag == TAG_EXCEPTION or tag >= TAG_INSTANCE:
        note_type(s, c, flags)
    if tag == TAG_EXCEPTION:
        return 1
    if tag == TAG_FORM:
        take_byte(c)
        return take_varint(c)
    if tag == TAG_ENUM:
        skip_str(c)
        return 1
    if tag == TAG_TIME or tag == TAG_DATETIME:
        skip(c, 4 if tag == TAG_TIME else 8)
        take_varint(c)
        return 1
    if tag & 1:              # …_CUT
        take_varint(c)
    return take_varint(c)


cdef void skip_leaf(
    DecoderState *s, Cursor *c, uint8_t tag, uint64_t containers, uint32_t *flags
) noexcept nogil:
    if tag >= TAG_SMALL_INT or TAG_NONE <= tag <= TAG_NOTIMPLEMENTED or tag == TAG_REDACTED:
        return
    if tag == TAG_INT:
        take_varint(c)
    elif tag == TAG_FLOAT:
        skip(c, 8)
    elif tag == TAG_COMPLEX:
        skip(c, 16)
    elif (
        tag == TAG_STR or tag == TAG_BYTES or tag == TAG_BYTEARRAY
        or tag == TAG_FUNCTION or tag == TAG_MODULE
    ):
        skip_str(c)
    elif tag == TAG_STR_CUT or tag == TAG_BYTES_CUT or tag == TAG_BYTEARRAY_CUT:
        take_varint(c)
        skip_str(c)
    elif tag == TAG_BIGINT or tag == TAG_INT_CUT:
        if take_byte(c) > 1:
            c.bad = True
        if tag == TAG_BIGINT:
            skip_str(c)
        else:
            take_varint(c)
    elif tag == TAG_REF:
        if take_varint(c) >= containers:
            c.bad = True
    elif tag == TAG_ERROR:
        count_error_value(s, c)
    elif tag == TAG_OBJECT or tag == TAG_CLASS:
        note_type(s, c, flags)
    elif tag == TAG_ELIDED:
        note_type(s, c, flags)
        take_varint(c)
    elif tag >= TAG_DATE:
        note_type(s, c, flags)
        skip_plain(c, tag)
    else:
        c.bad = True


cdef void skip_plain(Cursor *c, uint8_t tag) noexcept nogil:
    """What follows the type of a value that holds no other."""
    cdef uint64_t dimensions
    if tag == TAG_DATE:
        skip(c, 4)
    elif tag == TAG_TIMEDELTA:
        take_varint(c)
        take_varint(c)
        take_varint(c)
    elif tag == TAG_GENERATOR:
        c.bad |= take_byte(c) > REC_GENERATOR_ENDED
        skip_str(c)
        take_varint(c)
    elif tag == TAG_ARRAY:
        skip_str(c)
        take_varint(c)
        dimensions = take_varint(c)
        while dimensions and not c.bad:
            dimensions -= 1
            take_varint(c)
        skip_str(c)
    else:
        c.bad = True


cdef inline void note_type(DecoderState *s, Cursor *c, uint32_t *flags) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Definition *type = <Definition *> get(s, &s.definitions.of_kind[DEF_TYPE], number)
    flags[0] |= VAR_TYPED
    if type == NULL:
        c.bad = True
    elif s.tally.marking:
        mark_used(s, type)
    elif not emit_definition(s, type):
        c.bad = True


cdef void count_error_value(DecoderState *s, Cursor *c) noexcept nogil:
    cdef uint64_t code = take_varint(c)
    if s.tally.on and not c.bad and not count(s, &s.tally.errors, code):
        c.bad = True


cdef bint count(DecoderState *s, Map *counts, uint64_t key) noexcept nogil:
    """One more of what the key stands for. The map's items are plain numbers."""
    cdef Entry *entry = find(s, counts, key)
    if entry == NULL:
        return put(s, counts, key, <void *> <size_t> 1)
    entry.item = <void *> (<size_t> entry.item + 1)
    return True
