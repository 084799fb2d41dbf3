# Which events have something new that holds what is looked for. Values are looked at leaf by leaf, a leaf being what is
# no list, dict, instance or the like: most of a value that changes is what it was, and who asks is asked of each
# different leaf once.

cdef enum:                       # what is known of a leaf, or of what may be one
    LEAF_END = 0                 # there is no more
    LEAF_HOLDS_NOT = 1
    LEAF_HOLDS = 2
    LEAF_UNKNOWN = 3             # nobody was asked yet
    LEAF_HARD = 4                # it cannot be told without the rest of the value

cdef struct NewValues:           # at the last event: an iteration
    size_t at
    const uint8_t *value
    size_t size

cdef struct Leaves:              # of one value: an iteration
    Cursor c
    const uint8_t *leaf
    size_t size
    uint32_t level
    uint64_t left[REC_MAX_NESTING + 1]
    bint named[REC_MAX_NESTING + 1]


cdef bint may_hold(DecoderState *s) noexcept nogil:
    """Whether a value that is new at the last event may hold it."""
    cdef NewValues values
    cdef Leaves leaves
    cdef int answer
    values.at = 0
    while next_value(s, &values):
        if not s.watch.by_leaf:
            return True
        begin_leaves(&leaves, &values)
        while True:
            answer = next_candidate(s, &leaves)
            if answer == LEAF_END:
                break
            if answer != LEAF_HOLDS_NOT:
                return True
    return False


cdef bint next_value(DecoderState *s, NewValues *v) noexcept nogil:
    """The next one that is not passed over at once: the event's own, of a variable, of a global."""
    cdef const Frame *f = s.event.frame
    cdef const GlobalChange *change = <const GlobalChange *> s.changes.bytes.data
    cdef size_t changes = s.changes.bytes.size // sizeof(GlobalChange) if s.changes.before == s.events - 1 else 0
    cdef size_t i
    while v.at <= f.local_count + changes:
        i = v.at
        v.at += 1
        v.size = 0
        if i == 0:
            if s.event.kind != REC_LINE:
                v.value = s.event.value
                v.size = s.event.value_size
        elif i <= f.local_count:
            if f.dirty and is_new(&f.locals[i - 1], f.since):
                take_new(v, &f.locals[i - 1])
        else:
            i -= f.local_count + 1
            take_new(v, &change[i].namespace.variables[change[i].slot])
        if v.size and has_needle(s, v.value, v.size):
            return True
    return False


cdef inline void take_new(NewValues *v, Variable *variable) noexcept nogil:
    v.value = variable_data(variable)
    v.size = variable.size


cdef inline bint has_needle(const DecoderState *s, const uint8_t *value, size_t size) noexcept nogil:
    cdef const Watch *w = &s.watch
    return w.needle_size == 0 or memmem(value, size, w.needle, w.needle_size) != NULL


# ---- leaves --------------------------------------------------------------------------------------

cdef inline void begin_leaves(Leaves *l, const NewValues *v) noexcept nogil:
    l.c.at = v.value
    l.c.end = v.value + v.size
    l.c.bad = False
    l.level = 0
    l.left[0] = 1
    l.named[0] = False


cdef inline bint has_leaves(uint8_t tag) noexcept nogil:
    """Whether it is its parts, and nothing else, in which something can be found."""
    return TAG_LIST <= tag <= TAG_DICT_CUT or TAG_INSTANCE <= tag <= TAG_NAMED_CUT or tag == TAG_FORM


cdef int next_candidate(DecoderState *s, Leaves *l) noexcept nogil:
    """The next leaf that has the needle, and what is known of it."""
    cdef uint32_t flags = 0
    cdef uint64_t count
    cdef uint8_t tag
    while not l.c.bad:
        if l.left[l.level] == 0:
            if l.level == 0:
                return LEAF_END
            l.level -= 1
            continue
        l.left[l.level] -= 1
        if l.named[l.level]:
            skip_str(&l.c)
        skip_identity(&l.c)
        if l.c.bad or l.c.at >= l.c.end:
            break
        tag = l.c.at[0]
        if tag == TAG_REF:
            l.c.at += 1
            take_varint(&l.c)
        elif has_leaves(tag):
            l.c.at += 1
            count = take_count(s, &l.c, tag, &flags)
            if l.level == REC_MAX_NESTING:
                break
            l.level += 1
            l.left[l.level] = count * 2 if tag == TAG_DICT or tag == TAG_DICT_CUT else count
            l.named[l.level] = TAG_INSTANCE <= tag <= TAG_NAMED_CUT
        else:
            l.leaf = l.c.at
            skip_value(s, &l.c, &flags)
            l.size = <size_t> (l.c.at - l.leaf)
            if not l.c.bad and has_needle(s, l.leaf, l.size):
                return known_of(s, l)
    return LEAF_HARD


cdef inline int known_of(const DecoderState *s, const Leaves *l) noexcept nogil:
    cdef size_t known = <size_t> get(s, &s.leaves_known, key_of(s, l.leaf, l.size))
    return <int> known if known else LEAF_UNKNOWN


cdef void remember_leaf(DecoderState *s, const Leaves *l, bint holds) noexcept nogil:
    """Remembers it. Where there is no room, it is asked again."""
    cdef uint64_t key = key_of(s, l.leaf, l.size)
    if s.leaves_known.count >= MOST_REMEMBERED:
        free_map(s, &s.leaves_known)
    if find(s, &s.leaves_known, key) == NULL:
        put(s, &s.leaves_known, key, <void *> <size_t> (LEAF_HOLDS if holds else LEAF_HOLDS_NOT))


cdef uint64_t key_of(const DecoderState *s, const uint8_t *value, size_t size) noexcept nogil:
    """A short leaf itself; of a longer one a hash that nobody can foresee."""
    cdef uint64_t key = 0
    cdef uint64_t part
    cdef size_t i = 0
    if size < 8:
        memcpy(&key, value, size)
        return key | <uint64_t> size << 56
    key = s.arena.seed ^ size
    while i < size:
        part = 0
        memcpy(&part, value + i, min(size - i, <size_t> 8))
        key = (key ^ part) * <uint64_t> 0x9E3779B97F4A7C15
        key ^= key >> 29
        i += 8
    key = (key ^ (key >> 32)) * <uint64_t> 0xD6E8FEB86659FD93
    return (key ^ (key >> 32)) | <uint64_t> 8 << 56
