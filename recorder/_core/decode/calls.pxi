# Calls, put together by the way in which they were made, and by function: recorder/trace/profile.py says what the
# numbers mean. Who reads a trace adds up what is asked for, and who seals one adds up everything, for CALLS.

cdef enum:
    MOST_CALL_NODES = 100_000    # further ways of calling are put together, below who called
    MOST_SUMS = 48 << 20         # bytes for who seals; then it adds up no more
    BY_WAY = 1                   # a node for each way in which a function was called
    BY_FUNCTION = 2              # a node a function and thread, whoever called it
    IS_KNOWN = 1                 # what is known of a code
    IS_WANTED = 2
    IS_WITHIN = 4

cdef uint64_t OTHERS = UINT32_MAX    # the code of what was put together
cdef uint64_t NOBODY = UINT64_MAX    # a node that is none

cdef struct CallNode:
    uint64_t parent
    uint64_t code
    uint64_t names           # the namespace it first ran in, + 1
    uint64_t seq
    uint64_t calls
    uint64_t handled
    uint64_t deepest
    uint64_t running
    int64_t total
    int64_t own

cdef struct CallRoot:        # the node of a thread, of the tasks that it ran, or of its functions
    uint64_t node
    uint64_t kind
    uint64_t thread
    uint64_t task            # the last one, + 1; 0: of a thread
    Map tasks

cdef enum:                   # kinds of roots
    OF_THREAD = 0
    OF_TASKS = 1
    OF_FUNCTIONS_OF = 2

cdef struct ActiveCall:      # a frame on the stack of its thread
    uint64_t frame
    uint64_t way             # of the innermost function that is asked for, from here on down
    uint64_t function        # its node by function
    bint is_wanted
    int64_t began
    int64_t inner            # ns in what it called, as far as that is asked for
    uint64_t task

cdef struct CallStack:
    int64_t last             # when something was last heard of the thread
    ByteBuffer frames

cdef struct CallSums:
    DecoderState *memory     # that it is made of
    uint64_t parts           # BY_WAY, BY_FUNCTION
    bint asks                # what is known of a code is in `answers`; else all are wanted
    bint is_full             # nothing is added up any more
    uint64_t ticks_per_second
    uint64_t started
    uint64_t ways            # so many nodes there are of each part, roots left out
    uint64_t functions
    ByteBuffer nodes         # CallNodes
    ByteBuffer roots         # CallRoots
    ByteBuffer stacks        # CallStacks
    Map node_of              # parent and code → number of the node, + 1
    Map raised               # node and type + 1 → how often
    Map stack_of             # thread → number of its stack, + 1
    Map root_of              # thread and kind → number of the root, + 1
    Map answers              # code → IS_KNOWN, …


cdef void free_sums(CallSums *sums) noexcept nogil:
    cdef size_t i
    for i in range(sums.roots.size // sizeof(CallRoot)):
        free_map(sums.memory, &(<CallRoot *> sums.roots.data)[i].tasks)
    for i in range(sums.stacks.size // sizeof(CallStack)):
        free_bytes(sums.memory, &(<CallStack *> sums.stacks.data)[i].frames)
    free_bytes(sums.memory, &sums.nodes)
    free_bytes(sums.memory, &sums.roots)
    free_bytes(sums.memory, &sums.stacks)
    free_map(sums.memory, &sums.node_of)
    free_map(sums.memory, &sums.raised)
    free_map(sums.memory, &sums.stack_of)
    free_map(sums.memory, &sums.root_of)
    free_map(sums.memory, &sums.answers)


# ---- events --------------------------------------------------------------------------------------

cdef inline bint is_of_calls(uint8_t kind) noexcept nogil:
    """Whether calls are added up by events of this kind."""
    return (kind == REC_CALL or kind == REC_RETURN or kind == REC_YIELD or kind == REC_RESUME
            or kind == REC_THROW or kind == REC_UNWIND or kind == REC_HANDLED)


cdef Status sum_calls(CallSums *sums, DecoderState *s, uint64_t until) noexcept nogil:
    """Adds up what is watched for; stops at a definition that has to be held against the watch."""
    cdef Status status
    while True:
        status = run(s, until)
        if status != OK or not s.watch.matched:
            return status
        if not add_call(sums, s):
            return reject(s, b"")
        if s.definitions.pending != NULL:
            return OK


cdef void add_call_or_stop(CallSums *sums, DecoderState *s) noexcept nogil:
    """For who seals: what there is no room for is not told, and nothing else is missing."""
    if not sums.is_full and (not add_call(sums, s) or sums.memory.arena.used > MOST_SUMS):
        sums.is_full = True
        free_sums(sums)


cdef bint add_call(CallSums *sums, DecoderState *s) noexcept nogil:
    """The last event. False: there is no memory."""
    cdef const Frame *f = s.event.frame
    cdef uint8_t kind = s.event.kind
    cdef uint64_t depth = s.event.depth - 1
    cdef int64_t time = time_of(&s.clock, sums.ticks_per_second, sums.started)
    cdef uint64_t task = 0 if s.threads.current.task == NULL else s.threads.current.task.number + 1
    cdef CallStack *stack = stack_of(sums, s.threads.current.base.number)
    cdef uint64_t type_raised
    cdef ActiveCall *top
    if stack == NULL:
        return False
    stack.last = time
    if kind == REC_CALL or kind == REC_RESUME or kind == REC_THROW:
        if stack.frames.size != depth * sizeof(ActiveCall) and not align_calls(sums, stack, s, depth, time):
            return False
        return enter_call(sums, stack, s, f, task, time, kind == REC_CALL)
    if stack.frames.size != (depth + 1) * sizeof(ActiveCall) or last_of(stack).frame != f.number:
        if not align_calls(sums, stack, s, depth, time) or not enter_call(sums, stack, s, f, task, time, False):
            return False
    top = last_of(stack)
    if top.is_wanted and kind == REC_UNWIND:
        type_raised = exception_type(s)
        if not (note_raised(sums, top.way, type_raised) and note_raised(sums, top.function, type_raised)):
            return False
    if top.is_wanted and kind == REC_HANDLED:
        note_handled(sums, top.way)
        note_handled(sums, top.function)
    if kind != REC_HANDLED:
        leave_call(sums, stack, time)
    if kind == REC_YIELD:
        leave_waiting(sums, stack, s.threads.current.top, time)
    return True


cdef void leave_waiting(CallSums *sums, CallStack *stack, const Frame *f, int64_t time) noexcept nogil:
    """A frame has yielded: those around it that waited for it are suspended, too."""
    while f != NULL and f.flags & REC_FRAME_WAITING and stack.frames.size and last_of(stack).frame == f.number:
        leave_call(sums, stack, time)
        f = f.below


cdef bint enter_call(
    CallSums *sums, CallStack *stack, DecoderState *s, const Frame *f, uint64_t task, int64_t time, bint is_call
) noexcept nogil:
    cdef ActiveCall *below = last_of(stack) if stack.frames.size else NULL
    cdef uint64_t number = NOBODY if below == NULL else below.way
    cdef uint64_t answer = answer_of(sums, f.code.base.number)
    cdef ActiveCall entered
    memset(&entered, 0, sizeof(entered))
    entered.frame = f.number
    entered.began = time
    entered.task = task
    entered.function = NOBODY
    entered.is_wanted = (answer & IS_WANTED) != 0 and (number != NOBODY or (answer & IS_WITHIN) != 0)
    if entered.is_wanted and sums.parts & BY_WAY:
        if number == NOBODY or (task and below != NULL and below.task != task):
            number = root_of(sums, s, OF_TASKS if task else OF_THREAD, task)
        number = enter_node(sums, number, f, s.events - 1, is_call, &sums.ways)
        if number == NOBODY:
            return False
    if entered.is_wanted and sums.parts & BY_FUNCTION:
        entered.function = root_of(sums, s, OF_FUNCTIONS_OF, 0)
        entered.function = enter_node(sums, entered.function, f, s.events - 1, is_call, &sums.functions)
        if entered.function == NOBODY:
            return False
    entered.way = number
    return append(sums.memory, &stack.frames, &entered, sizeof(entered))


cdef void leave_call(CallSums *sums, CallStack *stack, int64_t time) noexcept nogil:
    cdef ActiveCall *top = last_of(stack)
    cdef int64_t elapsed = time - top.began  # less than nothing, where the clock was set back
    cdef int64_t counted = top.inner     # so much of it is some node's below
    if top.is_wanted:
        leave_node(sums, top.way, elapsed, top.inner)
        leave_node(sums, top.function, elapsed, top.inner)
        counted = elapsed
    stack.frames.size -= sizeof(ActiveCall)
    if stack.frames.size:
        last_of(stack).inner += counted


cdef bint align_calls(CallSums *sums, CallStack *stack, DecoderState *s, uint64_t depth, int64_t time) noexcept nogil:
    """What is below the event's frame: what ended unseen is taken off, what was not seen to begin is put on."""
    cdef const Frame *f = caller_of(s, s.event.frame)
    cdef uint64_t task = 0 if s.threads.current.task == NULL else s.threads.current.task.number + 1
    cdef ByteBuffer frames
    cdef uint64_t i, same = 0
    cdef bint good = True
    while stack.frames.size > depth * sizeof(ActiveCall):
        leave_call(sums, stack, time)
    if stack.frames.size == depth * sizeof(ActiveCall):
        return True
    memset(&frames, 0, sizeof(frames))
    while f != NULL and good:        # from the innermost out
        good = append(sums.memory, &frames, &f, sizeof(f))
        f = f.below
    depth = min(depth, frames.size // sizeof(f))
    while same < stack.frames.size // sizeof(ActiveCall) and same < depth and (
        (<ActiveCall *> stack.frames.data)[same].frame == (<const Frame **> frames.data)[depth - 1 - same].number
    ):
        same += 1
    while stack.frames.size > same * sizeof(ActiveCall):
        leave_call(sums, stack, time)
    for i in range(same, depth):
        f = (<const Frame **> frames.data)[depth - 1 - i]
        good = good and enter_call(sums, stack, s, f, task if f.flags & REC_FRAME_WAITING else 0, time, False)
    free_bytes(sums.memory, &frames)
    return good


cdef void finish_calls(CallSums *sums) noexcept nogil:
    """What still runs has run until something was last heard of its thread."""
    cdef size_t i
    cdef CallStack *stack
    for i in range(sums.stacks.size // sizeof(CallStack)):
        stack = &(<CallStack *> sums.stacks.data)[i]
        while stack.frames.size:
            leave_call(sums, stack, stack.last)


# ---- nodes ---------------------------------------------------------------------------------------

cdef inline CallNode *node_at(CallSums *sums, uint64_t number) noexcept nogil:
    return &(<CallNode *> sums.nodes.data)[number]


cdef inline ActiveCall *last_of(const CallStack *stack) noexcept nogil:
    return <ActiveCall *> (stack.frames.data + stack.frames.size) - 1


cdef uint64_t enter_node(
    CallSums *sums, uint64_t parent, const Frame *f, uint64_t seq, bint is_call, uint64_t *made
) noexcept nogil:
    """The node of a function that begins, or goes on; `made`: so many there are. NOBODY: there is no memory."""
    cdef uint64_t number = NOBODY if parent == NOBODY else child_of(sums, parent, f, seq, made)
    cdef CallNode *node
    if number != NOBODY:
        node = node_at(sums, number)
        node.calls += is_call
        node.running += 1
        node.deepest = max(node.deepest, node.running)
    return number


cdef inline void leave_node(CallSums *sums, uint64_t number, int64_t elapsed, int64_t inner) noexcept nogil:
    cdef CallNode *node
    if number == NOBODY:
        return
    node = node_at(sums, number)
    node.own += elapsed - inner
    node.running -= 1
    if not node.running:
        node.total += elapsed


cdef inline void note_handled(CallSums *sums, uint64_t number) noexcept nogil:
    if number != NOBODY:
        node_at(sums, number).handled += 1


cdef inline bint note_raised(CallSums *sums, uint64_t number, uint64_t type_raised) noexcept nogil:
    return number == NOBODY or count(
        sums.memory, &sums.raised, number << 32 | min(type_raised, <uint64_t> UINT32_MAX)
    )


cdef uint64_t child_of(
    CallSums *sums, uint64_t parent, const Frame *f, uint64_t seq, uint64_t *made
) noexcept nogil:
    cdef uint64_t code = min(f.code.base.number, OTHERS)
    cdef size_t known
    if node_at(sums, parent).code == code and node_at(sums, parent).parent != NOBODY:
        return parent                # it calls itself
    known = <size_t> get(sums.memory, &sums.node_of, parent << 32 | code)
    if known == 0 and made[0] >= MOST_CALL_NODES:
        code = OTHERS
        known = <size_t> get(sums.memory, &sums.node_of, parent << 32 | code)
    if known == 0:
        known = 1 + add_node(sums, parent, code, 0 if f.globals == NULL else f.globals.base.number + 1, seq)
        if known == 0 or not put(sums.memory, &sums.node_of, parent << 32 | code, <void *> known):
            return NOBODY
        made[0] += 1
    return known - 1


cdef uint64_t add_node(CallSums *sums, uint64_t parent, uint64_t code, uint64_t names, uint64_t seq) noexcept nogil:
    """Its number, or NOBODY."""
    cdef CallNode made
    memset(&made, 0, sizeof(made))
    made.parent = parent
    made.code = code
    made.names = names
    made.seq = seq
    if not append(sums.memory, &sums.nodes, &made, sizeof(made)):
        return NOBODY
    return sums.nodes.size // sizeof(CallNode) - 1


cdef uint64_t root_of(CallSums *sums, DecoderState *s, uint64_t kind, uint64_t task) noexcept nogil:
    """The node of the current thread, of all tasks that it ran, or of its functions. NOBODY: there is no memory."""
    cdef uint64_t thread = s.threads.current.base.number
    cdef size_t known = <size_t> get(sums.memory, &sums.root_of, thread << 2 | kind)
    cdef CallRoot made
    cdef CallRoot *root
    if known == 0:
        memset(&made, 0, sizeof(made))
        made.kind = kind
        made.thread = thread
        made.node = add_node(sums, NOBODY, OTHERS, 0, s.events - 1)
        if made.node == NOBODY or not append(sums.memory, &sums.roots, &made, sizeof(made)):
            return NOBODY
        known = sums.roots.size // sizeof(CallRoot)
        if not put(sums.memory, &sums.root_of, thread << 2 | kind, <void *> known):
            return NOBODY
    root = &(<CallRoot *> sums.roots.data)[known - 1]
    if kind == OF_TASKS:
        root.task = task
        if not count(sums.memory, &root.tasks, task):
            return NOBODY
    return root.node


cdef CallStack *stack_of(CallSums *sums, uint64_t thread) noexcept nogil:
    cdef size_t known = <size_t> get(sums.memory, &sums.stack_of, thread)
    cdef CallStack made
    if known == 0:
        memset(&made, 0, sizeof(made))
        if not append(sums.memory, &sums.stacks, &made, sizeof(made)):
            return NULL
        known = sums.stacks.size // sizeof(CallStack)
        if not put(sums.memory, &sums.stack_of, thread, <void *> known):
            return NULL
    return &(<CallStack *> sums.stacks.data)[known - 1]


cdef inline uint64_t answer_of(CallSums *sums, uint64_t code) noexcept nogil:
    if not sums.asks:
        return IS_KNOWN | IS_WANTED | IS_WITHIN
    return <size_t> get(sums.memory, &sums.answers, code)


# ---- as bytes ------------------------------------------------------------------------------------

cdef bint write_calls(CallSums *sums, DecoderState *s, ByteBuffer *out) noexcept nogil:
    """What CALLS says, see docs/trace-format.md; `s` has the memory for it."""
    cdef size_t i
    cdef CallRoot *root
    if not append_varint(s, out, sums.roots.size // sizeof(CallRoot)):
        return False
    for i in range(sums.roots.size // sizeof(CallRoot)):
        root = &(<CallRoot *> sums.roots.data)[i]
        if not (append_varint(s, out, root.kind) and append_varint(s, out, root.node)
                and append_varint(s, out, root.thread) and append_varint(s, out, root.task)
                and append_varint(s, out, root.tasks.count)):
            return False
    if not append_varint(s, out, sums.nodes.size // sizeof(CallNode)):
        return False
    for i in range(sums.nodes.size // sizeof(CallNode)):
        if not append_node(s, out, node_at(sums, i)):
            return False
    return append_raised(sums, s, out)


cdef bint append_node(DecoderState *s, ByteBuffer *out, const CallNode *node) noexcept nogil:
    return (
        append_varint(s, out, node.parent + 1)      # of a root 0
        and append_varint(s, out, 0 if node.code == OTHERS else node.code + 1)
        and append_varint(s, out, node.names)
        and append_varint(s, out, node.seq)
        and append_varint(s, out, node.calls)
        and append_zigzag(s, out, node.total)
        and append_zigzag(s, out, node.own)
        and append_varint(s, out, node.handled)
        and append_varint(s, out, node.deepest)
    )


cdef bint append_raised(CallSums *sums, DecoderState *s, ByteBuffer *out) noexcept nogil:
    cdef size_t i
    cdef Entry *entry
    if not append_varint(s, out, sums.raised.count):
        return False
    for i in range(bucket_count(&sums.raised)):
        entry = &sums.raised.entries[i]
        if entry.item != NULL and not (
            append_varint(s, out, entry.key >> 32)
            and append_varint(s, out, entry.key & UINT32_MAX)
            and append_varint(s, out, <size_t> entry.item)
        ):
            return False
    return True


def read_calls(bytes payload not None, size_t at=0):
    """What CALLS says from byte `at` on, as (roots, nodes). Of roots (kind, node, thread, task + 1 or 0, how many
    tasks); of nodes (parent or None, code or None, namespace + 1, seq, calls, total, own, handled, deepest, type + 1 →
    how often one was raised). None if it is none."""
    cdef Cursor c
    cdef list roots = []
    cdef list nodes = []
    cdef uint64_t left, parent, code, node
    if at > <size_t> len(payload):
        return None
    c.at = <const uint8_t *> <const char *> payload + at
    c.end = <const uint8_t *> <const char *> payload + len(payload)
    c.bad = False
    left = take_varint(&c)
    while left and not c.bad:
        left -= 1
        roots.append((take_varint(&c), take_varint(&c), take_varint(&c), take_varint(&c), take_varint(&c)))
    left = take_varint(&c)
    while left and not c.bad:
        left -= 1
        parent = take_varint(&c)
        code = take_varint(&c)
        if parent > <uint64_t> len(nodes):
            return None                  # who called was met before
        nodes.append((
            parent - 1 if parent else None, code - 1 if code else None, take_varint(&c), take_varint(&c),
            take_varint(&c), take_zigzag(&c), take_zigzag(&c), take_varint(&c), take_varint(&c), {},
        ))
    left = take_varint(&c)
    while left and not c.bad:
        left -= 1
        node = take_varint(&c)
        if node >= <uint64_t> len(nodes):
            return None
        raised = nodes[node][9]
        code = take_varint(&c)
        raised[code] = take_varint(&c)
    for root in roots:
        if root[1] >= len(nodes):
            return None
    return None if c.bad or c.at != c.end else (roots, nodes)
