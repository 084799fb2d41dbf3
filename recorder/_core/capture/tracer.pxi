# The tracer: for every thread a shadow of its stack, holding what was last recorded of each frame, so that an
# event writes down only what changed. All of it runs under the GIL, allocates next to nothing, owns no object.
#
# Here: its state as a whole, and how a recording's state begins and ends. README.md says which file does what.

cdef struct Namespace        # namespaces.pxi
cdef struct Attribute        # classes.pxi
cdef struct Task             # tasks.pxi
cdef struct Code             # codes.pxi
cdef struct Shadow           # shadow.pxi
cdef struct Thread           # threads.pxi

cdef struct Tracer:
    uint32_t session
    uint32_t codes
    uint32_t files
    uint32_t threads
    uint32_t suspended_count
    bint reordered           # a namespace did not have the names of last time, in their order
    uint64_t frames
    uint32_t small_cost      # of the small variables looked at for this event
    int64_t budget           # budget.pxi: what larger ones may still cost …
    int64_t changes_budget   # … and those that lines have changed, though they could wait …
    uint64_t budget_at       # … as of this event
    bint changes_globals     # while globals are looked at: the line that ran has changed one
    Shadow *looking          # the frame whose variables are looked at
    Shadow *caller           # while a call's arguments are: the frame that it was made in, or NULL
    uint64_t foreseen_at     # the event that comes next: until then nothing runs but …
    uint64_t foreseen_frame  # … code of this frame …
    bint is_looked_at        # … whose variables were looked at for the last event, or not …
    int32_t reads_until      # … which up to there only reads (cpython/reading.h)
    bint has_gone_back       # to the head of a loop, where other code may have its turn; nothing was looked at since
    uint64_t looks           # objects that were gone through
    uint64_t quiet_since     # between this event …
    uint64_t quiet_until     # … and this one no code has run
    Thread *thread           # the one the tape is at; NULL: to be looked at anew
    bint has_greenlets       # … as always once there can be greenlets
    bint look_again          # … for another task in it, too
    uint64_t first_state_id  # of the thread that began the recording, and where its memory for frames begins
    uint64_t *first_root
    Thread *last_thread      # the one of the last THREAD record
    Thread *all_threads
    Code *all_codes
    Shadow **suspended

cdef Tracer tracer


cdef Status open_tracer() noexcept:
    """State of a new session. What hangs on code objects from an earlier one is made new."""
    global namespaces_made
    cdef Code *code
    cdef Code *following
    cdef Status status
    cdef rec_watch_outcome watching
    tracer.session += 1
    tracer.codes = tracer.files = tracer.threads = tracer.suspended_count = 0
    tracer.frames = 0
    tracer.budget = MOST_BUDGET
    tracer.changes_budget = most_changes()
    tracer.budget_at = 0
    tracer.has_gone_back = False
    tracer.looks = 0
    tracer.foreseen_at = tracer.quiet_until = <uint64_t> -1
    forget_looks()
    forget_told()
    tracer.thread = tracer.last_thread = NULL
    namespaces_made = 0
    types.next_id = 0
    if tracer.suspended == NULL:
        tracer.suspended = <Shadow **> rec_sys.calloc(BUCKETS, sizeof(Shadow *))
    if types.entries == NULL:
        types.size = 65536
        types.entries = <TypeEntry *> rec_sys.calloc(types.size, sizeof(TypeEntry))
        types.lookup = lookup_type
        rec_prepare_fingerprints()
    rec_prove_ordered()
    if tracer.suspended == NULL or types.entries == NULL:
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    if not rec_prepare_reading():
        PyErr_Clear()
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    if not open_identities(&rec_sys):
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    PyDict_Clear(files)
    watching = rec_watch_codes(&rec_sys, forget_code)
    if watching == REC_WATCHERS_TAKEN:
        set_fault_detail("as many tools as can watch code objects")
        return fail(ERR_TRACER_INSTALL_CONFLICT, STAGE_START)
    if watching == REC_WATCH_MEMORY:
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    code = tracer.all_codes
    while code != NULL:
        following = code.next
        if code.object != NULL and not has_file(code.object):
            rec_forget_code(<PyObject *> code.object)
        elif code.object != NULL and prepare_code(code) != OK:
            return ERR_OUT_OF_MEMORY
        code = following
    forget_types()
    watch_dicts()
    status = open_tasks()
    if status == OK:
        open_greenlets()
    return status


cdef void close_tracer() noexcept nogil:
    """Frees every shadow and namespace. No record is written."""
    cdef Code *code
    cdef Shadow *node
    cdef uint32_t i
    free_threads(tracer.all_threads)
    close_greenlets()
    tracer.all_threads = tracer.thread = tracer.last_thread = NULL
    if tracer.suspended != NULL:
        for i in range(<uint32_t> BUCKETS):
            while tracer.suspended[i] != NULL:
                node = tracer.suspended[i]
                tracer.suspended[i] = node.chain
                free_shadow(node)
    tracer.suspended_count = 0
    code = tracer.all_codes                     # only now: those whose code object is gone went with the last shadow
    while code != NULL:
        REC_CHECK(code.users == 0 and code.object != NULL, b"no shadow is left that holds a code")
        release_namespace(code.globals)
        code.globals = NULL
        code = code.next
    close_classes()
    close_namespaces()
    drop_retired()
    unwatch_dicts()
    close_identities()


cdef void free_threads(Thread *t) noexcept nogil:
    """A list of them, with their shadows."""
    cdef Thread *following
    cdef Block *block
    while t != NULL:
        following = t.next
        while t.depth > 0:
            pop_shadow(t)
        block = t.block
        REC_CHECK(block == NULL or block.used == 0, b"slots go with the frames they are of")
        while block != NULL and block.previous != NULL:
            block = block.previous
        free_blocks(block)
        free(t.frames)
        free(t)
        t = following
