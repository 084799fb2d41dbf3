# What the decoder knows while it reads records: threads, frames, variables, definitions.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from recorder._core.status cimport Status


cdef struct Frame            # below

cdef struct Bytes:           # grows
    uint8_t *data
    size_t size
    size_t room

cdef struct Entry:
    uint64_t key
    void *item               # NULL: the place is empty

cdef struct Map:             # number → item; open addressing
    Entry *entries
    size_t count
    size_t mask              # places − 1

cdef struct Cursor:          # takes operands apart; `bad` once they do not fit
    const uint8_t *at
    const uint8_t *end
    bint bad

cdef enum:                   # flags of a slot
    SLOT_DIRTY = 1           # set since the last snapshot of its frame
    SLOT_TYPED = 2           # the value names types
    SLOT_UNEXAMINED = 4      # kept, but not looked at again
    SLOT_SET = 8             # set since the chunk began

cdef struct Slot:            # a variable: its value's bytes, resolved
    uint32_t size            # 0: none
    uint32_t room            # of `heap`
    uint8_t *heap            # NULL: the value is in `small`
    uint8_t small[16]
    uint64_t set_before      # the event
    uint32_t flags

cdef enum:                   # kinds of definitions
    DEF_THREAD = 0
    DEF_FILE = 1
    DEF_CODE = 2
    DEF_TYPE = 3
    DEF_NAMESPACE = 4
    DEF_TASK = 5
    DEF_KINDS = 6

cdef struct Def:             # a thread, file, code, type, namespace or task
    uint64_t number
    uint32_t kind
    uint32_t born            # the round it was defined in
    uint32_t mentioned       # the last round that restated it
    bint listed              # among `news`
    bint wanted              # a code or thread: the watch asks for it
    uint64_t watched         # a code or namespace: the slot the watch is about, + 1
    Def *next_new
    uint8_t *raw             # its DEF record, to be restated word for word
    size_t raw_size
    # a code
    Def *file
    uint64_t first_line
    uint64_t slots           # of a namespace, too
    Bytes names              # DEF_NAME and DEF_GLOBAL records
    Def *home                # the namespace that is the globals of new frames
    # a namespace
    Slot *values
    uint64_t value_count     # allocated; the others are unbound
    bint dirty               # as in Frame
    uint64_t touched         # the event that the last change was before
    void *snapshot
    uint64_t told            # the last `restate_news` that looked at it
    # a thread
    Frame *top
    Frame *bottom
    uint64_t depth
    Def *next_thread
    Def *task                # that it runs, or NULL

cdef struct Frame:
    uint64_t number
    Def *code
    Def *home                # its globals, or NULL
    int64_t line
    int64_t line_before      # before the last event
    uint32_t flags           # REC_FRAME_ADOPTED, REC_FRAME_BODY
    uint32_t suspended       # the round it was suspended in
    Frame *below
    Frame *above
    Slot *slots
    uint64_t slot_count      # allocated; the others are unbound
    uint64_t since           # what was set from this event on is new to the last event,
    uint64_t next_since      # and from here on to the next
    bint dirty               # a slot is
    void *snapshot           # the reader's tuple of values, or NULL

cdef struct Watch:           # which events the reader stops at, when it seeks
    bint on
    uint32_t kinds           # 1 << kind; a line is bit 0
    bint by_code             # Def.wanted of its code
    bint by_thread           # Def.wanted of its thread
    bint by_line
    int64_t line
    bint by_frame
    uint64_t frame
    bint by_caller
    uint64_t caller
    bint by_depth
    uint64_t depth           # at most
    bint by_slot             # Def.watched of its code was set

cdef struct State:
    const uint8_t *begin
    const uint8_t *at        # the record to come
    const uint8_t *end
    const char *why          # what is wrong with it
    bint starved             # memory ran out
    bint unknown             # the record has no meaning
    bint in_preamble
    bint begun               # BEGIN was seen
    bint rereading           # definitions may be those of records to come
    Watch watch
    bint matched             # the last event is one the watch asks for
    # the machine
    Def *thread
    Frame *top               # of `thread`; in a preamble the frame that SETs are about
    uint64_t next_frame
    uint64_t clock
    uint64_t events
    bint has_clock           # the last CLOCK
    uint64_t clock_ticks
    uint64_t clock_mono
    uint64_t clock_wall
    Map defs[6]
    Map suspended
    Def *first_thread
    Def *last_thread
    Def *news                # definitions the reader has not seen
    size_t memory
    uint64_t seed
    # the last event
    uint8_t kind
    Frame *frame
    uint64_t depth
    const uint8_t *value
    size_t value_size
    Frame *ended             # popped by it, or later
    Frame *dead              # popped earlier, and still with a snapshot
    # what a round found out
    uint32_t round
    uint64_t telling         # see Def.told
    bint counting            # ERROR values count (not while restating)
    bint restating           # mentions are written to the preamble
    Bytes restated[6]
    Bytes homes              # GLOBALS records
    Bytes frames
    Bytes woken
    Bytes marks              # of event `marked`: triples of u64 (GAP or MARK, code, detail)
    uint64_t marked
    Bytes gone               # numbers of frames whose end was not seen: DROP, FORGET
    bint keeping_gone
    Map errors               # code → how many
    uint64_t lost
    uint64_t gaps
    bint keeping_marks
