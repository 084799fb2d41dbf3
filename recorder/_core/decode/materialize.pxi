# Definitions become objects, and are held against the watch, before an event speaks of them.

cdef int materialize_pending(Reader r) except -1:
    """Makes objects of the definitions that no object was made of yet."""
    cdef DecoderState *s = &r.s
    cdef Definition *d
    cdef list waiting = []
    while s.definitions.pending != NULL:
        d = s.definitions.pending
        s.definitions.pending = d.next_pending
        d.is_pending = False
        waiting.append(<size_t> d)
    while waiting:                   # in the order of definition: a file before its code
        d = <Definition *> <size_t> waiting.pop()
        if d.kind == DEF_CODE:
            materialize_code(r, d)
        elif d.kind == DEF_NAMESPACE:
            materialize_namespace(r, d)
        else:
            materialize_other(r, d)
        match_watch(r, d)
    return 0


cdef int materialize_other(Reader r, const Definition *d) except -1:
    cdef Cursor c = operands(d)
    cdef Thread thread
    cdef Task task
    if d.kind == DEF_FILE:
        if d.number not in r.files:
            r.files[d.number] = take_str(&c)
    elif d.kind == DEF_TYPE:
        if d.number not in r.types:
            r.types[d.number] = new_type_name(d.number, take_str(&c), take_str(&c))
        if d.attributes:
            r.attributes[d.number] = d.attributes - 1
    elif d.kind == DEF_TASK:
        task = Task.__new__(Task)
        task.number = d.number
        task.name = take_str(&c)
        task.object_number = d.object - 1 if d.object else None
        r.tasks[d.number] = task
    else:
        thread = Thread.__new__(Thread)
        thread.number = d.number
        thread.native_id = take_varint(&c)
        thread.name = take_str(&c)
        r.threads[d.number] = thread
    return 0


cdef object new_type_name(uint64_t number, str module, str name):
    made = NumberedType((module, name))
    made.number = number
    return made


cdef int materialize_namespace(Reader r, const Definition *d) except -1:
    cdef Namespace n = r.namespaces.get(d.number)
    cdef Cursor c = operands(d)
    if n is None:
        n = Namespace.__new__(Namespace)
        n.number = d.number
        n.name = take_str(&c)
        if (<const NamespaceDef *> d).of_class:
            n.class_name = take_str(&c)
            n.bases = take_bases(&c)
            n.name = n.name + "." + n.class_name
        n.names = []
        n._slots = {}
        r.namespaces[d.number] = n
    for slot, name in gained_names(d, <uint64_t> len(n.names)):
        if name not in n._slots:
            n._slots[name] = slot
        n.names.append(name)
    return 0


cdef tuple take_bases(Cursor *c):
    """By number; None: one whose attributes are not known."""
    cdef uint64_t left = take_varint(c), base
    cdef list found = []
    while left:
        left -= 1
        base = take_varint(c)
        found.append(base - 1 if base else None)
    return tuple(found)


cdef int materialize_code(Reader r, const Definition *d) except -1:
    cdef Function f = r.functions.get(d.number)
    if f is None:
        f = new_function(r, d)
        r.functions[d.number] = f
    if <uint64_t> len(f.names) < (<const CodeDef *> d).name_count:
        for _, name in gained_names(d, <uint64_t> len(f.names)):
            f.add(name, "name")
    return 0


cdef Function new_function(Reader r, const Definition *d):
    cdef Function f = Function.__new__(Function)
    cdef Cursor c = operands(d)
    cdef uint64_t left
    cdef uint8_t kind
    f.number = d.number
    f.names = []
    f._kinds = []
    f._slots = {}
    f.file = r.files[take_varint(&c)]
    f.first_line = take_varint(&c)
    f._flags = take_varint(&c)
    f.name = take_str(&c)
    f.qualified_name = take_str(&c)
    f.module = ""
    f.argument_count = take_varint(&c)
    left = take_varint(&c)
    while left:
        left -= 1
        kind = take_byte(&c)
        f.add(take_str(&c), kind_name(kind))
    return f


cdef str kind_name(uint8_t kind):
    if kind == REC_VARIABLE_CELL:
        return "cell"
    return "free" if kind == REC_VARIABLE_FREE else "local"


cdef list gained_names(const Definition *d, uint64_t known):
    """(slot, name) of the names that a body or namespace has gained. Their definitions come in the
    order of the slots."""
    cdef Cursor c
    cdef str name
    cdef uint64_t slot
    cdef list gained = []
    c.at = d.more.data
    c.end = c.at + d.more.size
    c.bad = False
    while c.at < c.end:
        take_byte(&c)
        take_varint(&c)
        slot = take_varint(&c)
        name = take_str(&c)
        if slot == known:
            known += 1
            gained.append((slot, name))
    return gained


# ---- the watch -----------------------------------------------------------------------------------

cdef int match_all(Reader r) except -1:
    """Holds everything that is defined against the watch."""
    cdef const Map *map
    cdef int kind
    cdef size_t i
    for kind in (DEF_THREAD, DEF_CODE, DEF_NAMESPACE):
        map = &r.s.definitions.of_kind[kind]
        for i in range(bucket_count(map)):
            if map.entries[i].item != NULL:
                match_watch(r, <Definition *> map.entries[i].item)
    return 0


cdef int match_watch(Reader r, Definition *d) except -1:
    """Asks of a definition once what the watch would have to ask of every event."""
    if d.kind == DEF_THREAD and r.wants_thread is not None:
        (<ThreadDef *> d).wanted = bool(r.wants_thread(r.threads[d.number]))
    elif d.kind == DEF_CODE:
        match_code(r, <CodeDef *> d)
    elif d.kind == DEF_NAMESPACE:
        slots = r.namespaces[d.number]._slots
        if r.watched_name is not None:
            (<NamespaceDef *> d).watched = <uint64_t> slot_or_zero(slots, r.watched_name)
        match_names(r, slots, (<NamespaceDef *> d).named)
    return 0


cdef int match_names(Reader r, dict slots, uint32_t *named) except -1:
    cdef size_t i
    cdef size_t count = 0 if r.named is None else <size_t> len(r.named)
    for i in range(count):
        named[i] = slot_or_zero(slots, r.named[i])
    return 0


cdef inline uint32_t slot_or_zero(dict slots, str name) except? 0:
    """The slot of a variable, + 1; 0 if there is none."""
    slot = slots.get(name)
    return 0 if slot is None else <uint32_t> slot + 1


cdef int match_code(Reader r, CodeDef *code) except -1:
    cdef Function function = r.functions[code.base.number]
    if r.wants_function is not None:
        code.wanted = bool(r.wants_function(function))
    if r.watched_name is not None:
        code.watched = slot_or_zero(function._slots, r.watched_name)
    return match_names(r, function._slots, code.named)
