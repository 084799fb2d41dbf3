# Memory of the decoder. Every byte is counted: hostile input cannot make it grow without end.

cdef enum:
    STATE_LIMIT = 512 << 20
    FIRST_CAPACITY = 64
    SOON_ZEROED = 1024       # bytes: so much malloc has at hand for a thread, and calloc looks for

cdef void *arena_alloc(DecoderState *s, size_t size) noexcept nogil:
    """Zeroed memory, or NULL: `reject` knows why."""
    cdef void *memory
    if size <= SOON_ZEROED:
        memory = arena_take(s, size)
        if memory != NULL:
            memset(memory, 0, size)
        return memory
    return counted(s, rec_sys.calloc(1, size), size) if has_room(s, size) else NULL


cdef inline void *arena_take(DecoderState *s, size_t size) noexcept nogil:
    """As `arena_alloc`, but with anything in it."""
    return counted(s, rec_sys.malloc(size), size) if has_room(s, size) else NULL


cdef inline bint has_room(DecoderState *s, size_t size) noexcept nogil:
    if size > STATE_LIMIT or s.arena.used + size > STATE_LIMIT:
        s.input.reason = b"the state grows beyond all measure"
        return False
    return True


cdef inline void *counted(DecoderState *s, void *memory, size_t size) noexcept nogil:
    if memory == NULL:
        s.arena.out_of_memory = True
    else:
        s.arena.used += size
    return memory


cdef void arena_free(DecoderState *s, void *memory, size_t size) noexcept nogil:
    if memory != NULL:
        s.arena.used -= size
        free(memory)


cdef Status reject(DecoderState *s, const char *why) noexcept nogil:
    """The record at `at` cannot be read; the first reason given is the one that counts."""
    if s.arena.out_of_memory:
        return ERR_OUT_OF_MEMORY
    if s.input.reason == NULL:
        s.input.reason = why
    return ERR_TRACE_CORRUPT


# ---- bytes ---------------------------------------------------------------------------------------

cdef bint ensure_capacity(DecoderState *s, ByteBuffer *b, size_t extra) noexcept nogil:
    cdef size_t capacity = b.capacity if b.capacity else FIRST_CAPACITY
    cdef void *data
    if b.size + extra <= b.capacity:
        return True
    while capacity < b.size + extra:
        capacity *= 2
    data = arena_alloc(s, capacity)
    if data == NULL:
        return False
    if b.size:
        memcpy(data, b.data, b.size)
    arena_free(s, b.data, b.capacity)
    b.data = <uint8_t *> data
    b.capacity = capacity
    return True


cdef bint append(DecoderState *s, ByteBuffer *b, const void *data, size_t size) noexcept nogil:
    if not ensure_capacity(s, b, size):
        return False
    if size:
        memcpy(b.data + b.size, data, size)
        b.size += size
    return True


cdef bint append_byte(DecoderState *s, ByteBuffer *b, uint8_t byte) noexcept nogil:
    return append(s, b, &byte, 1)


cdef bint append_varint(DecoderState *s, ByteBuffer *b, uint64_t n) noexcept nogil:
    cdef uint8_t encoded[10]
    return append(s, b, encoded, write_varint(encoded, n))


cdef void free_bytes(DecoderState *s, ByteBuffer *b) noexcept nogil:
    arena_free(s, b.data, b.capacity)
    memset(b, 0, sizeof(ByteBuffer))


# ---- maps ----------------------------------------------------------------------------------------

cdef inline size_t bucket_of(const DecoderState *s, const Map *m, uint64_t key) noexcept nogil:
    """Where the search begins. Seeded, so that nobody can choose keys that collide."""
    cdef uint64_t h = key ^ s.arena.seed
    h = (h ^ (h >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    h = (h ^ (h >> 27)) * <uint64_t> 0x94D049BB133111EB
    return <size_t> (h ^ (h >> 31)) & m.mask


cdef inline size_t bucket_count(const Map *map) noexcept nogil:
    """How many to look through for all items; the empty ones have none."""
    return 0 if map.entries == NULL else map.mask + 1


cdef Entry *find(const DecoderState *s, const Map *m, uint64_t key) noexcept nogil:
    """The entry of a key, or NULL."""
    cdef size_t at
    if m.count == 0:
        return NULL
    at = bucket_of(s, m, key)
    while m.entries[at].item != NULL:
        if m.entries[at].key == key:
            return &m.entries[at]
        at = (at + 1) & m.mask
    return NULL


cdef inline void *get(const DecoderState *s, const Map *m, uint64_t key) noexcept nogil:
    cdef Entry *entry = find(s, m, key)
    return NULL if entry == NULL else entry.item


cdef bint put(DecoderState *s, Map *m, uint64_t key, void *item) noexcept nogil:
    """Enters a key that is not there yet."""
    cdef size_t at
    if (m.entries == NULL or m.count * 2 > m.mask) and not rehash(s, m):
        return False
    at = bucket_of(s, m, key)
    while m.entries[at].item != NULL:
        at = (at + 1) & m.mask
    m.entries[at].key = key
    m.entries[at].item = item
    m.count += 1
    return True


cdef bint rehash(DecoderState *s, Map *m) noexcept nogil:
    cdef Map larger
    cdef size_t i, buckets = 16 if m.entries == NULL else (m.mask + 1) * 2
    larger.entries = <Entry *> arena_alloc(s, buckets * sizeof(Entry))
    if larger.entries == NULL:
        return False
    larger.mask = buckets - 1
    larger.count = 0
    if m.entries != NULL:
        for i in range(m.mask + 1):
            if m.entries[i].item != NULL:
                put(s, &larger, m.entries[i].key, m.entries[i].item)
    free_map(s, m)
    m[0] = larger
    return True


cdef void erase(DecoderState *s, Map *m, Entry *entry) noexcept nogil:
    """Empties a bucket and moves up those that were pushed behind it."""
    cdef size_t hole = <size_t> (entry - m.entries)
    cdef size_t at = hole
    cdef size_t start
    while True:
        at = (at + 1) & m.mask
        if m.entries[at].item == NULL:
            break
        start = bucket_of(s, m, m.entries[at].key)
        if ((at - start) & m.mask) >= ((at - hole) & m.mask):
            m.entries[hole] = m.entries[at]
            hole = at
    m.entries[hole].item = NULL
    m.count -= 1


cdef void free_map(DecoderState *s, Map *m) noexcept nogil:
    if m.entries != NULL:
        arena_free(s, m.entries, (m.mask + 1) * sizeof(Entry))
    memset(m, 0, sizeof(Map))
