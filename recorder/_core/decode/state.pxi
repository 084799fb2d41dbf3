# What the decoder knows while it reads records.

cdef struct Frame            # below
cdef struct CodeDef
cdef struct NamespaceDef
cdef struct ThreadDef
cdef struct Note             # notes.pxi


# ---- memory and input ----------------------------------------------------------------------------

cdef struct Arena:
    size_t used              # bytes; at most STATE_LIMIT
    uint64_t seed            # of the maps
    bint out_of_memory

cdef struct ByteBuffer:      # grows
    uint8_t *data
    size_t size
    size_t capacity

cdef struct Entry:
    uint64_t key
    void *item               # NULL: the bucket is empty

cdef struct Map:             # number → item; open addressing
    Entry *entries
    size_t count
    size_t mask              # buckets − 1

cdef struct Cursor:          # takes operands apart; `bad` once they do not fit
    const uint8_t *at
    const uint8_t *end
    bint bad

cdef struct Input:
    const uint8_t *begin
    const uint8_t *at        # the record to come
    const uint8_t *end
    const char *reason       # what is wrong with it
    bint unknown             # it has no meaning


# ---- variables -----------------------------------------------------------------------------------

cdef enum:                   # flags of a variable
    VAR_DIRTY = 1            # set since the last snapshot of its frame
    VAR_TYPED = 2            # the value names types
    VAR_UNEXAMINED = 4       # kept, but not looked at again
    VAR_SET = 8              # set since the chunk began
    VAR_RESTATED = 16        # set before this round began, and new to an event of it
    VAR_PUT_OFF = 32         # the value is as it stood at a place, and was not looked at: put_off.pxi

cdef struct Variable:        # its value's bytes, with differences resolved
    uint32_t size            # 0: none
    uint32_t capacity        # of `heap`
    uint8_t *heap            # NULL: the value is in `small`
    uint8_t small[16]
    uint64_t set_before      # the event
    uint32_t flags
    uint32_t noted           # the event it is listed for in GlobalChanges, + 1 (the lower half); VAR_PUT_OFF: doubts


cdef struct Place:           # at which contents stand: told.pxi
    const uint8_t *bytes     # in the input, or in `heap`
    uint32_t size            # 0: nothing stands there
    uint32_t flags           # VAR_TYPED
    ByteBuffer likes         # where an IDENTITY_LIKE is in it: offsets, uint32_t
    bint is_new              # it is in the digest of this round
    bint is_put_off          # it was not looked at; of `flags` and `likes` nothing is known
    uint8_t *heap[2]
    uint32_t capacity[2]


# ---- definitions ---------------------------------------------------------------------------------

cdef enum:                   # kinds
    DEF_THREAD = 0
    DEF_FILE = 1
    DEF_CODE = 2
    DEF_TYPE = 3
    DEF_NAMESPACE = 4
    DEF_TASK = 5
    DEF_KINDS = 6

cdef struct Definition:      # all there is of a file, a type or a task; the others begin with it
    uint64_t number
    uint32_t kind
    uint32_t defined_in      # the round
    uint32_t emitted_in      # the last round whose preamble has it
    uint32_t used_in         # the last round after which something in the state led to it
    bint is_pending
    Definition *next_pending
    uint8_t *raw             # its DEF record, to be emitted word for word
    size_t raw_size
    ByteBuffer more          # the DEF_NAMEs, DEF_GLOBALs, ATTRIBUTES or TASK_OBJECT that came after it
    uint64_t attributes      # of a type that is a class: the namespace that has them, + 1
    uint64_t object          # of a task: the object that it is, + 1

cdef enum:
    MOST_NAMES = 8           # in a condition

cdef struct Seen:            # of a code, in this round
    uint32_t round
    bint far                 # a line that `lines` has no room for
    uint64_t kinds           # of its events, as those of a Watch
    uint64_t slots           # of its variables that were set
    ByteBuffer lines         # a bit for each, from the first one of the code on
    ByteBuffer ranges        # a Range for each variable
    const uint8_t *last      # the end of its last event's record

cdef struct CodeDef:
    Definition base
    Definition *file
    uint64_t first_line
    uint64_t name_count      # of its variables
    NamespaceDef *globals    # of new frames, or NULL
    bint wanted              # the watch asks for it
    uint64_t watched         # the variable that the watch is about, + 1
    uint32_t named[8]        # those that its condition names, + 1; 0: it has none of that name
    Seen seen

cdef struct NamespaceDef:
    Definition base
    uint64_t name_count
    Variable *variables
    uint64_t variable_count  # allocated; the others are unbound
    uint64_t changed_before  # the event that the last change was before
    uint64_t opened_before   # the event it was defined before, + 1; 0: in an earlier chunk
    bint dirty               # as in Frame
    void *snapshot
    uint64_t watched         # as in CodeDef
    uint32_t named[8]        # likewise
    uint64_t visited         # the last `emit_unseen` that looked at it
    bint restated            # a variable is VAR_RESTATED
    bint of_class

cdef struct ThreadDef:
    Definition base
    ThreadDef *next
    uint64_t native_id       # 0: the stack of a greenlet
    Frame *top
    Frame *bottom
    uint64_t depth
    Definition *task         # that it runs, or NULL
    uint32_t seen_in         # the last round with an event of it
    bint wanted              # as in CodeDef

cdef struct Definitions:
    Map of_kind[6]
    Definition *pending      # those that the reader has not seen

cdef struct Threads:
    ThreadDef *current
    ThreadDef *first
    ThreadDef *last
    uint64_t forgotten       # so many are not in the list any more


# ---- frames --------------------------------------------------------------------------------------

cdef struct Frame:
    uint64_t number
    CodeDef *code
    NamespaceDef *globals    # or NULL
    int64_t line
    int64_t line_before      # before the last event
    uint32_t flags           # REC_FRAME_ADOPTED, …_BODY, …_WAITING
    uint32_t suspended       # the round it was suspended in
    uint32_t ranged_in       # the last round in which its variables were noted in `ranges`
    Frame *below
    Frame *above
    Variable *locals
    uint64_t local_count     # allocated; the others are unbound
    uint64_t since           # what was set from this event on is new to the last event,
    uint64_t next_since      # and from here on to the next
    CodeDef *called          # last, or NULL
    uint64_t called_before   # the event that this call begins with
    uint64_t calls           # made since the frame's last event; 0: nobody knows how many
    bint dirty               # a local is
    uint64_t ruled_out_at    # the event number at which a condition was found to be false, + 1
    uint64_t ruled_out_for   # of which condition, or 0
    void *snapshot           # the reader's tuple of values, or NULL

cdef struct Frames:
    uint64_t next_number
    Map suspended
    Frame *ended             # by the last event, or later
    Frame *deferred          # ended earlier, and still with a snapshot: freed with the GIL


# ---- events --------------------------------------------------------------------------------------

cdef struct Clock:
    uint64_t ticks           # the last tick
    bint is_set              # by a CLOCK, which said:
    uint64_t set_ticks
    uint64_t set_mono
    uint64_t set_wall

cdef struct Event:           # the last one
    uint8_t kind
    Frame *frame
    uint64_t depth
    const uint8_t *value
    size_t value_size

cdef struct Step:            # see condition.pxi
    uint32_t step
    int64_t integer
    double number
    const uint8_t *text
    size_t size

cdef struct Condition:       # that an event has to fulfil
    bint on
    uint64_t number          # of all that there have been
    uint64_t name_count
    const Step *steps        # none: it is left to who asks
    uint64_t step_count

cdef struct Watch:           # which events a seek stops at
    bint on
    bint matched             # the last event is one
    uint64_t kinds           # 1 << kind; a line is bit 0
    bint by_code             # CodeDef.wanted
    bint by_thread           # ThreadDef.wanted
    bint by_line
    int64_t line
    bint by_frame
    uint64_t frame
    bint by_caller
    uint64_t caller
    bint by_depth
    uint64_t depth           # at most
    bint by_variable         # `watched` of its code or globals was set
    Condition condition
    bint by_new              # something that is new may hold what is looked for
    bint by_leaf             # … within one leaf
    const uint8_t *needle    # the bytes of that, or none
    size_t needle_size
    bint puts_off            # what it does not ask for; see put_off.pxi

cdef struct Marks:           # GAPs and MARKs of event number `before`, for who reads on
    bint on
    uint64_t before
    ByteBuffer bytes         # triples of u64: record, code, detail

cdef struct GlobalChange:    # a SET of a global
    NamespaceDef *namespace
    uint64_t slot
    bint found               # it had this value when its namespace was first seen
    ThreadDef *thread        # who set it; NULL: outside of any frame
    CodeDef *code
    uint64_t frame
    int64_t line

cdef struct GlobalChanges:   # those before event number `before`, for who reads on
    bint on
    bint restating           # what is read restates what earlier chunks have told: it is no change
    uint64_t restated        # … as far as it comes before this event
    size_t preamble_size
    uint64_t before
    ByteBuffer bytes

cdef struct UnseenEnds:      # frames whose end was not seen: DROP, FORGET
    bint on
    ByteBuffer numbers

cdef enum:
    STREAM_OF_LOGS = 4

cdef struct OutputRow:       # an OUTPUT; a PRINT, whose stream is 0; a LOG
    uint64_t stream
    uint64_t channel
    uint64_t position
    uint64_t size            # of what was written; of a PRINT, of what is inserted
    uint64_t at              # where that stands in the chunk's payload …
    uint64_t kept            # … as far as it was kept
    uint64_t before          # the event that comes next
    uint64_t event           # the last one of the frame that wrote it, + 1; 0: none
    int64_t time             # ns since 1970
    uint64_t thread          # + 1; 0: none
    uint64_t task            # + 1; 0: none
    uint64_t frame           # + 1; 0: none
    uint64_t code            # + 1; 0: none
    uint64_t within          # where the function that it waited for stands in the payload; 0: none
    int64_t line

cdef struct Outputs:         # for who asks for them
    bint on
    uint64_t within          # of the record that comes next
    uint64_t ticks_per_second
    uint64_t started
    ByteBuffer rows          # Outputs

cdef struct Passage:         # an event without its values: all that who counts and times has to know
    uint64_t seq
    uint64_t kind
    uint64_t frame
    uint64_t code
    uint64_t thread
    uint64_t depth           # frames below it
    int64_t time
    uint64_t task            # + 1; 0: none
    uint64_t globals         # the namespace, + 1; 0: none
    uint64_t exception       # the type of the one it is about, + 1; 0: none, or not known
    int64_t line


# ---- what a round finds out ----------------------------------------------------------------------
# A round is one segment or chunk given to a Scanner.

cdef struct Digest:          # digest.pxi
    uint64_t *words          # NULL until the first round

cdef struct Preamble:
    bint on                  # what is spoken of is emitted
    uint32_t round
    uint64_t visit           # see NamespaceDef.visited
    ByteBuffer definitions[6]
    ByteBuffer classes       # numbers (u64) of namespaces that are to be emitted, + 1
    bint emitting            # somebody goes through them
    ByteBuffer globals       # GLOBALS records
    ByteBuffer frames
    ByteBuffer resumed       # suspended frames that go on, or are forgotten

cdef struct Tally:
    bint on                  # ERROR values count (not while they are emitted)
    bint marking             # the types that are passed are noted as used
    Map errors               # code → how many
    Map lines                # code and line → how often, of who counts lines
    ByteBuffer digests       # pairs of u64: code, digest
    ByteBuffer texts         # triples of u64: file, where in the input, how long
    ByteBuffer notes         # NOTE and SPAN_END records as they are, each behind its size (u64)
    ByteBuffer retired       # pairs of u64: kind and number of definitions that are to be forgotten
    ByteBuffer seen          # the codes that are `seen` in this round
    Digest digest            # of what is new
    Map raised               # types of exceptions, + 1 → how often; 0: of one that is not told
    bint ends                # a frame ended unseen
    bint has_output          # an OUTPUT, PRINT or LOG
    uint64_t lost
    uint64_t gaps
    uint64_t omitted[3]      # bytes of output, LOGs, AUDITs: what was not kept


cdef struct OpenSpans:       # in the order in which they began
    Note *first
    Note *last
    Map of_number


cdef struct CallSums         # calls.pxi

cdef struct DecoderState:
    Arena arena
    Input input
    bint in_preamble
    bint begun               # BEGIN was seen
    bint rereading           # definitions may be those of records to come
    uint64_t events          # the number of the next event
    Frame *top               # of the current thread; in a preamble the frame that SETs are about
    Threads threads
    Frames frames
    Definitions definitions
    uint64_t class_changes   # so often an attribute of a class was set, or they were forgotten
    uint64_t class_changed_before  # the event that the last one was set before
    OpenSpans open_spans     # only of who scans
    Clock clock
    Event event
    Watch watch
    Map leaves_known         # keys of leaves that hold what is looked for, or do not
    Map ruled_out            # keys of values of which a condition is false
    Marks marks
    GlobalChanges changes
    UnseenEnds unseen_ends
    Outputs outputs
    Preamble preamble
    Tally tally
    Place places[1024]       # REC_PLACES
    Place *telling           # whose contents are gone through, or NULL
    bint has_put_off         # something, or had
    CallSums *calls          # of who scans, and adds up calls; or NULL
