# Definitions: threads, files, codes, types, namespaces and tasks. Operands are taken and checked before anything
# changes, so that a record that does not fit leaves the state as it was before it.

cdef void queue_definition(DecoderState *s, Definition *d) noexcept nogil:
    if not d.is_pending:
        d.is_pending = True
        d.next_pending = s.definitions.pending
        s.definitions.pending = d


cdef Status define(
    DecoderState *s, uint32_t kind, uint64_t number, const uint8_t *end, Definition **out
) noexcept nogil:
    """Enters the definition that lies from `at` to `end`. It may be repeated word for word."""
    cdef size_t size = <size_t> (end - s.input.at)
    cdef Definition *d = <Definition *> get(s, &s.definitions.of_kind[<int> kind], number)
    cdef uint8_t *raw
    out[0] = d
    if d != NULL and d.raw_size == size and memcmp(d.raw, s.input.at, size) == 0:
        return OK
    if d != NULL and kind != DEF_THREAD and kind != DEF_TASK:
        return reject(s, b"a number is defined twice")
    if d != NULL and not emit_definition(s, d):
        return reject(s, b"")
    raw = <uint8_t *> arena_alloc(s, size)
    if raw == NULL:
        return reject(s, b"")
    memcpy(raw, s.input.at, size)
    if d == NULL:
        d = new_definition(s, kind, number)
        if d == NULL:
            arena_free(s, raw, size)
            return reject(s, b"")
    arena_free(s, d.raw, d.raw_size)
    d.raw = raw
    d.raw_size = size
    queue_definition(s, d)
    out[0] = d
    return OK


cdef Definition *new_definition(DecoderState *s, uint32_t kind, uint64_t number) noexcept nogil:
    cdef Definition *d = <Definition *> arena_alloc(s, size_of(kind))
    if d == NULL:
        return NULL
    d.kind = kind
    d.number = number
    d.defined_in = s.preamble.round
    if not put(s, &s.definitions.of_kind[<int> kind], number, d):
        arena_free(s, d, size_of(kind))
        return NULL
    if kind == DEF_THREAD:
        add_thread(s, <ThreadDef *> d)
    return d


cdef size_t size_of(uint32_t kind) noexcept nogil:
    if kind == DEF_THREAD:
        return sizeof(ThreadDef)
    if kind == DEF_CODE:
        return sizeof(CodeDef)
    return sizeof(NamespaceDef) if kind == DEF_NAMESPACE else sizeof(Definition)


cdef void add_thread(DecoderState *s, ThreadDef *thread) noexcept nogil:
    if s.threads.last != NULL:
        s.threads.last.next = thread
    else:
        s.threads.first = thread
    s.threads.last = thread


cdef void remove_thread(DecoderState *s, ThreadDef *thread) noexcept nogil:
    cdef ThreadDef *before = NULL
    cdef ThreadDef *t = s.threads.first
    while t != thread:
        before = t
        t = t.next
    if before == NULL:
        s.threads.first = thread.next
    else:
        before.next = thread.next
    if s.threads.last == thread:
        s.threads.last = before
    s.threads.forgotten += thread.native_id != 0


cdef void free_definition(DecoderState *s, Definition *d) noexcept:
    cdef NamespaceDef *namespace
    arena_free(s, d.raw, d.raw_size)
    free_bytes(s, &d.more)
    if d.kind == DEF_CODE:
        free_bytes(s, &(<CodeDef *> d).seen.lines)
        free_bytes(s, &(<CodeDef *> d).seen.ranges)
    if d.kind == DEF_NAMESPACE:
        namespace = <NamespaceDef *> d
        Py_XDECREF(<PyObject *> namespace.snapshot)
        free_variables(s, &namespace.variables, &namespace.variable_count)
    arena_free(s, d, size_of(d.kind))


# ---- records -------------------------------------------------------------------------------------

cdef Status apply_definition(DecoderState *s, uint8_t byte, Cursor *c) noexcept nogil:
    if byte == REC_DEF_TYPE:
        return apply_def_type(s, c)
    if byte == REC_DEF_CODE:
        return apply_def_code(s, c)
    if byte == REC_DEF_NAME:
        return apply_def_name(s, c)
    if byte == REC_DEF_FILE:
        return apply_def_file(s, c)
    if byte == REC_DEF_THREAD:
        return apply_def_thread(s, c)
    if byte == REC_DEF_NAMESPACE:
        return apply_def_namespace(s, c)
    if byte == REC_DEF_GLOBAL:
        return apply_def_global(s, c)
    if byte == REC_DEF_CLASS:
        return apply_def_class(s, c)
    if byte == REC_ATTRIBUTES:
        return apply_attributes(s, c)
    if byte == REC_DEF_TASK:
        return apply_def_task(s, c)
    if byte == REC_TASK_OBJECT:
        return apply_task_object(s, c)
    if byte == REC_CODE_DIGEST:
        return apply_code_digest(s, c)
    if byte == REC_TEXT:
        return apply_text(s, c)
    s.input.unknown = REC_STOP_ITERATION < byte < REC_SET
    return reject(s, b"a record that is not known, or not here")


cdef Status apply_def_code(DecoderState *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Definition *file = <Definition *> get(s, &s.definitions.of_kind[DEF_FILE], take_varint(c))
    cdef uint64_t first_line = take_varint(c)
    cdef uint64_t slots
    cdef uint64_t left
    cdef Definition *d = NULL
    cdef CodeDef *code
    cdef Status status
    take_varint(c)           # co_flags
    skip_str(c)
    skip_str(c)
    take_varint(c)           # arguments
    slots = take_varint(c)
    left = slots
    while left and not c.bad:
        left -= 1
        take_byte(c)
        skip_str(c)
    if c.bad or file == NULL:
        return reject(s, b"a definition of a code that is not whole, or of an unknown file")
    if not emit_definition(s, file):
        return reject(s, b"")
    status = define(s, DEF_CODE, number, c.at, &d)
    code = <CodeDef *> d
    if status == OK and code.file == NULL:
        code.file = file
        code.first_line = first_line
        code.name_count = slots
    return status


cdef Status apply_code_digest(DecoderState *s, Cursor *c) noexcept nogil:
    """Kept for who looks for the code's text; a reader has no use for it."""
    cdef uint64_t about[2]
    cdef Definition *code
    about[0] = take_varint(c)
    about[1] = take_u64(c)
    code = <Definition *> get(s, &s.definitions.of_kind[DEF_CODE], about[0])
    if c.bad or (s.tally.on and code == NULL):
        return reject(s, b"a digest that is not whole, or of an unknown code")
    if s.tally.on and not (emit_definition(s, code) and append(s, &s.tally.digests, about, sizeof(about))):
        return reject(s, b"")
    return OK


cdef Status apply_text(DecoderState *s, Cursor *c) noexcept nogil:
    """Likewise."""
    cdef uint64_t about[3]
    cdef Definition *file
    about[0] = take_varint(c)
    about[2] = take_varint(c)
    about[1] = <uint64_t> (c.at - s.input.begin)
    skip(c, about[2])
    file = <Definition *> get(s, &s.definitions.of_kind[DEF_FILE], about[0])
    if c.bad or file == NULL:
        return reject(s, b"a text that is not whole, or of an unknown file")
    if s.tally.on and not (emit_definition(s, file) and append(s, &s.tally.texts, about, sizeof(about))):
        return reject(s, b"")
    return OK


cdef Status apply_def_name(DecoderState *s, Cursor *c) noexcept nogil:
    cdef CodeDef *code = <CodeDef *> get(s, &s.definitions.of_kind[DEF_CODE], take_varint(c))
    cdef uint64_t slot = take_varint(c)
    skip_str(c)
    if c.bad or code == NULL or slot > code.name_count:
        return reject(s, b"a name for a slot that cannot be")
    if slot < code.name_count:    # repeated
        if s.in_preamble or s.rereading:
            return OK
        return reject(s, b"a slot gets a second name")
    if not emit_definition(s, &code.base) or not append(s, &code.base.more, s.input.at, <size_t> (c.at - s.input.at)):
        return reject(s, b"")
    code.name_count += 1
    queue_definition(s, &code.base)
    return OK


cdef Status apply_def_namespace(DecoderState *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    skip_str(c)
    if c.bad:
        return reject(s, b"a definition of a namespace that is not whole")
    return define_namespace(s, number, c, False)


cdef Status apply_def_class(DecoderState *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef uint64_t bases
    skip_str(c)
    skip_str(c)
    bases = take_varint(c)
    while bases and not c.bad:
        bases -= 1
        take_varint(c)
    if c.bad:
        return reject(s, b"a definition of a class that is not whole")
    return define_namespace(s, number, c, True)


cdef Status define_namespace(DecoderState *s, uint64_t number, Cursor *c, bint of_class) noexcept nogil:
    cdef Definition *d = NULL
    cdef NamespaceDef *namespace
    cdef uint64_t i
    cdef Status status = define(s, DEF_NAMESPACE, number, c.at, &d)
    if status == OK:
        (<NamespaceDef *> d).of_class = of_class
    if status == OK and not s.in_preamble:
        (<NamespaceDef *> d).opened_before = s.events + 1
    elif status == OK:
        namespace = <NamespaceDef *> d
        for i in range(namespace.variable_count):
            namespace.variables[i].size = namespace.variables[i].flags = 0
            mark_global_changed(s, namespace, &namespace.variables[i], 0)
    return status


cdef Status apply_attributes(DecoderState *s, Cursor *c) noexcept nogil:
    """In a preamble the namespace comes later."""
    cdef Definition *type = <Definition *> get(s, &s.definitions.of_kind[DEF_TYPE], take_varint(c))
    cdef uint64_t number = take_varint(c)
    cdef Definition *namespace = <Definition *> get(s, &s.definitions.of_kind[DEF_NAMESPACE], number)
    if c.bad or type == NULL or number >= UINT32_MAX or (namespace == NULL and not s.in_preamble):
        return reject(s, b"attributes of an unknown type, or in an unknown namespace")
    if type.attributes == number + 1:
        return OK
    if type.attributes:
        return reject(s, b"a type has other attributes than before")
    if not emit_definition(s, type) or (namespace != NULL and not emit_definition(s, namespace)):
        return reject(s, b"")
    if not append(s, &type.more, s.input.at, <size_t> (c.at - s.input.at)):
        return reject(s, b"")
    type.attributes = number + 1
    queue_definition(s, type)
    return OK


cdef Status apply_def_global(DecoderState *s, Cursor *c) noexcept nogil:
    cdef NamespaceDef *d = <NamespaceDef *> get(s, &s.definitions.of_kind[DEF_NAMESPACE], take_varint(c))
    cdef uint64_t slot = take_varint(c)
    skip_str(c)
    if c.bad or d == NULL or slot > d.name_count:
        return reject(s, b"a name for a slot that cannot be")
    if slot < d.name_count:       # repeated
        if s.in_preamble or s.rereading:
            return OK
        return reject(s, b"a slot gets a second name")
    if not emit_definition(s, &d.base) or not append(s, &d.base.more, s.input.at, <size_t> (c.at - s.input.at)):
        return reject(s, b"")
    d.name_count += 1
    queue_definition(s, &d.base)
    return OK


cdef Status apply_def_task(DecoderState *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Definition *d = NULL
    skip_str(c)
    return reject(s, b"a definition of a task that is not whole") if c.bad else define(
        s, DEF_TASK, number, c.at, &d
    )


cdef Status apply_task_object(DecoderState *s, Cursor *c) noexcept nogil:
    cdef Definition *task = <Definition *> get(s, &s.definitions.of_kind[DEF_TASK], take_varint(c))
    cdef uint64_t object = take_varint(c)
    if c.bad or task == NULL or object == UINT64_MAX:
        return reject(s, b"the object of an unknown task")
    if task.object == object + 1:
        return OK
    if task.object:
        return reject(s, b"a task is another object than before")
    if not emit_definition(s, task) or not append(s, &task.more, s.input.at, <size_t> (c.at - s.input.at)):
        return reject(s, b"")
    task.object = object + 1
    queue_definition(s, task)
    return OK


cdef Status apply_def_thread(DecoderState *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Definition *d = NULL
    cdef uint64_t native_id = take_varint(c)
    cdef Status status
    skip_str(c)
    if c.bad:
        return reject(s, b"a definition of a thread that is not whole")
    status = define(s, DEF_THREAD, number, c.at, &d)
    if status == OK:
        (<ThreadDef *> d).native_id = native_id
    return status


cdef Status apply_def_file(DecoderState *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Definition *d = NULL
    skip_str(c)
    return reject(s, b"a definition of a file that is not whole") if c.bad else define(
        s, DEF_FILE, number, c.at, &d
    )


cdef Status apply_def_type(DecoderState *s, Cursor *c) noexcept nogil:
    cdef uint64_t number = take_varint(c)
    cdef Definition *d = NULL
    skip_str(c)
    skip_str(c)
    return reject(s, b"a definition of a type that is not whole") if c.bad else define(
        s, DEF_TYPE, number, c.at, &d
    )
