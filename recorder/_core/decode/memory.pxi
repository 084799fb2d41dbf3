# Memory of the decoder. Every byte is counted: hostile input cannot make it grow without end.

cdef enum:
    STATE_LIMIT = 512 << 20
    FIRST_ROOM = 64


cdef void *grab(State *s, size_t size) noexcept nogil:
    """Zeroed memory, or NULL: `fail` knows why."""
    cdef void *memory
    if size > STATE_LIMIT or s.memory + size > STATE_LIMIT:
        s.why = b"the state grows beyond all measure"
        return NULL
    memory = rec_sys.calloc(1, size)
    if memory == NULL:
        s.starved = True
        return NULL
    s.memory += size
    return memory


cdef void release(State *s, void *memory, size_t size) noexcept nogil:
    if memory != NULL:
        s.memory -= size
        free(memory)


cdef Status fail(State *s, const char *why) noexcept nogil:
    """The record at `at` cannot be read; the first reason given is the one that counts."""
    if s.starved:
        return ERR_OUT_OF_MEMORY
    if s.why == NULL:
        s.why = why
    return ERR_TRACE_CORRUPT


# ---- bytes ---------------------------------------------------------------------------------------

cdef bint reserve(State *s, Bytes *b, size_t extra) noexcept nogil:
    cdef size_t room = b.room if b.room else FIRST_ROOM
    cdef void *data
    if b.size + extra <= b.room:
        return True
    while room < b.size + extra:
        room *= 2
    data = grab(s, room)
    if data == NULL:
        return False
    if b.size:
        memcpy(data, b.data, b.size)
    release(s, b.data, b.room)
    b.data = <uint8_t *> data
    b.room = room
    return True


cdef bint append(State *s, Bytes *b, const void *data, size_t size) noexcept nogil:
    if not reserve(s, b, size):
        return False
    if size:
        memcpy(b.data + b.size, data, size)
        b.size += size
    return True


cdef bint append_byte(State *s, Bytes *b, uint8_t byte) noexcept nogil:
    return append(s, b, &byte, 1)


cdef bint append_varint(State *s, Bytes *b, uint64_t n) noexcept nogil:
    cdef uint8_t encoded[10]
    return append(s, b, encoded, write_varint(encoded, n))


cdef void drop_bytes(State *s, Bytes *b) noexcept nogil:
    release(s, b.data, b.room)
    memset(b, 0, sizeof(Bytes))


# ---- maps ----------------------------------------------------------------------------------------

cdef inline size_t place_of(const State *s, const Map *m, uint64_t key) noexcept nogil:
    """Where the search begins. Seeded, so that nobody can choose keys that collide."""
    cdef uint64_t h = key ^ s.seed
    h = (h ^ (h >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    h = (h ^ (h >> 27)) * <uint64_t> 0x94D049BB133111EB
    return <size_t> (h ^ (h >> 31)) & m.mask


cdef Entry *find(const State *s, const Map *m, uint64_t key) noexcept nogil:
    """The entry of a key, or NULL."""
    cdef size_t at
    if m.count == 0:
        return NULL
    at = place_of(s, m, key)
    while m.entries[at].item != NULL:
        if m.entries[at].key == key:
            return &m.entries[at]
        at = (at + 1) & m.mask
    return NULL


cdef inline void *get(const State *s, const Map *m, uint64_t key) noexcept nogil:
    cdef Entry *entry = find(s, m, key)
    return NULL if entry == NULL else entry.item


cdef bint put(State *s, Map *m, uint64_t key, void *item) noexcept nogil:
    """Enters a key that is not there yet."""
    cdef size_t at
    if (m.entries == NULL or m.count * 2 > m.mask) and not widen(s, m):
        return False
    at = place_of(s, m, key)
    while m.entries[at].item != NULL:
        at = (at + 1) & m.mask
    m.entries[at].key = key
    m.entries[at].item = item
    m.count += 1
    return True


cdef bint widen(State *s, Map *m) noexcept nogil:
    cdef Map wider
    cdef size_t i, places = 16 if m.entries == NULL else (m.mask + 1) * 2
    wider.entries = <Entry *> grab(s, places * sizeof(Entry))
    if wider.entries == NULL:
        return False
    wider.mask = places - 1
    wider.count = 0
    if m.entries != NULL:
        for i in range(m.mask + 1):
            if m.entries[i].item != NULL:
                put(s, &wider, m.entries[i].key, m.entries[i].item)
    drop_map(s, m)
    m[0] = wider
    return True


cdef void erase(State *s, Map *m, Entry *entry) noexcept nogil:
    """Empties a place and moves up those that were pushed behind it."""
    cdef size_t hole = <size_t> (entry - m.entries)
    cdef size_t at = hole
    cdef size_t home
    while True:
        at = (at + 1) & m.mask
        if m.entries[at].item == NULL:
            break
        home = place_of(s, m, m.entries[at].key)
        if ((at - home) & m.mask) >= ((at - hole) & m.mask):
            m.entries[hole] = m.entries[at]
            hole = at
    m.entries[hole].item = NULL
    m.count -= 1


cdef void drop_map(State *s, Map *m) noexcept nogil:
    if m.entries != NULL:
        release(s, m.entries, (m.mask + 1) * sizeof(Entry))
    memset(m, 0, sizeof(Map))
