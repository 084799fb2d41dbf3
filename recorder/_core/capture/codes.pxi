# Code objects: what is known of each (kept in the code object itself, see cpython/code_table.h), and its definition on
# the tape.

cdef extern from "cpython/code_digest.h":
    uint64_t rec_code_digest(PyObject *) except 0

cdef extern from "cpython/linecache.h" nogil:
    PyObject *rec_cached_lines(PyObject *)
    size_t rec_lines_size(PyObject *)
    uint8_t *rec_put_lines(uint8_t *, PyObject *)

cdef enum:
    KIND_SECRET = 0x01       # free in CPython's kinds
    MOST_FILES = 4096        # that are remembered; code that is made as the program runs can have any number of them
    LARGEST_TEXT = 1 << 20   # of code without a file, in UTF-8

cdef struct Code:
    Code *next
    Code *previous
    PyCodeObject *object     # NULL once the code object is gone
    uint32_t session         # the one that has its number and definition
    uint32_t number
    uint32_t users           # shadows that point here
    uint32_t event_size      # bytes that one event's small values can take
    uint32_t slots
    uint32_t names_capacity
    Name *names
    uint8_t *kinds           # of its localsplus, with KIND_SECRET where the name is one
    uint64_t variables       # a bit for each slot that is one …
    uint64_t cells           # … for each that is a cell: compared before every event …
    uint64_t arguments       # … and for each that has a value when a frame begins
    rec_stores *stores       # which of them each line can store, or NULL
    int32_t first_line
    bint in_scope
    uint8_t log_kind         # of something that is told: the kind of LOG (logs.pxi), or NOTEBOOK_WRITE …
    const Client *client     # … and whose function it is (requests.pxi)
    bint is_body             # a module or class body: its variables are a dict's
    bint secret              # a function with the name of a secret, or one within it: its values are redacted
    bint suspends            # generator, coroutine, async generator
    bint is_async            # one of the latter two
    bint instrumented        # 3.12+: has local events
    Namespace *globals       # the globals of the last frame that began
    uint32_t globals_number  # as last written: its number + 1
    bint too_wide            # it has more than MOST_LOCALS: no variable of it is recorded
    uint32_t *mutables       # slots of `globals`: what the code names and what can change in place …
    uint32_t mutable_count
    uint32_t mutable_epoch   # … as it was then; 0: not yet listed
    Attribute *attributes    # likewise, of classes
    uint32_t attribute_count
    bint sets_attributes     # by name, where no watcher tells which
    uint32_t compared        # … all this together; 0: there is nothing to compare
    uint32_t attribute_capacity

cdef bint keeps_texts        # as the policy wants it
cdef dict files = {}         # file name → number; only touched when a code object is first seen


cdef Code *code_of(PyObject *object) noexcept:
    """What is known of a code object; NULL after a fault."""
    cdef Code *code = <Code *> rec_known_of(object)
    return code if code != NULL else new_code(<PyCodeObject *> object)


cdef Code *new_code(PyCodeObject *object) noexcept:
    cdef Code *code
    if not PyCode_Check(<PyObject *> object):
        set_fault_detail("a hook is told of a code object")
        fail(ERR_INVARIANT_BROKEN, STAGE_CAPTURE)
        return NULL
    code = <Code *> rec_sys.calloc(1, sizeof(Code))
    if code == NULL:
        fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Code))
        return NULL
    notice_greenlets()
    code.object = object
    code.first_line = object.co_firstlineno
    code.is_async = (object.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0
    code.suspends = (object.co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0
    code.is_body = (object.co_flags & CO_OPTIMIZED) == 0
    if prepare_code(code) != OK or not rec_know(<PyObject *> object, code):
        free(code.kinds)
        free(code)
        fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Code))
        return NULL
    code.next = tracer.all_codes
    if code.next != NULL:
        code.next.previous = code
    tracer.all_codes = code
    return code


cdef Status prepare_code(Code *code) noexcept:
    """What depends on the session: scope, and an empty list of names."""
    code.session = 0
    code.globals = NULL
    code.globals_number = code.mutable_epoch = code.mutable_count = code.attribute_count = 0
    code.compared = 0
    code.sets_attributes = False
    code.in_scope = is_in_scope(code.object)
    code.client = rec_client_of(code.object.co_qualname, code.object.co_filename) if audits.limit > 0 else NULL
    code.log_kind = log_kind_of(code.object) if code.client == NULL else code.client.kind
    code.instrumented = False
    code.secret = not code.is_body and rec_matches_function(&rec_secrets.names, code.object.co_qualname)
    if code.is_body:
        code.slots = 0
    else:
        code.too_wide = code.object.co_nlocalsplus > MOST_LOCALS
        code.slots = 0 if code.too_wide else <uint32_t> code.object.co_nlocalsplus
        if not copy_kinds(code):
            return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, code.slots)
        list_variables(code)
    code.event_size = SMALL_RECORD * 2 + 24 * (code.slots if not code.is_body else 0)
    return OK


cdef bint copy_kinds(Code *code) noexcept nogil:
    cdef const uint8_t *kinds = <const uint8_t *> PyBytes_AS_STRING(code.object.co_localspluskinds)
    cdef uint32_t i
    if code.kinds == NULL:
        code.kinds = <uint8_t *> rec_sys.malloc(code.slots + 1)
    if code.kinds == NULL:
        return False
    for i in range(code.slots):
        code.kinds[i] = kinds[i] & REC_KINDS
        if code.secret or is_secret(rec_tuple_items(code.object.co_localsplusnames)[i]):
            code.kinds[i] |= KIND_SECRET
    return True


cdef void list_variables(Code *code) noexcept nogil:
    """Which slots are variables, cells and arguments, a bit each."""
    cdef uint32_t i
    cdef int arguments = argument_count(code.object)
    code.variables = code.cells = code.arguments = 0
    if code.slots > <uint32_t> REC_MASKED:
        return
    for i in range(code.slots):
        if not code.kinds[i] & REC_KIND_HIDDEN:
            code.variables |= <uint64_t> 1 << i
            if code.kinds[i] & (REC_KIND_CELL | REC_KIND_FREE):
                code.cells |= <uint64_t> 1 << i
            if <int> i < arguments:
                code.arguments |= <uint64_t> 1 << i


cdef void forget_code(void *known) noexcept nogil:
    """CPython frees the code object. A shadow that still points here is stale, and lets go of it later."""
    cdef Code *code = <Code *> known
    code.object = NULL
    if code.users == 0:
        free_code(code)


cdef void release_code(Code *code) noexcept nogil:
    REC_CHECK(code.users > 0, b"a code is let go of as often as it is held")
    code.users -= 1
    if code.users == 0 and code.object == NULL:
        free_code(code)


cdef void free_code(Code *code) noexcept nogil:
    if code.previous != NULL:
        code.previous.next = code.next
    else:
        tracer.all_codes = code.next
    if code.next != NULL:
        code.next.previous = code.previous
    if code.session == tracer.session:
        retire(REC_DEF_CODE, code.number)
    release_namespace(code.globals)
    free(code.mutables)
    free(code.attributes)
    free(code.names)
    free(code.kinds)
    free(code.stores)
    free(code)


# ---- definitions -------------------------------------------------------------------------------------

cdef Status write_def_code(Code *code) noexcept:
    """DEF_FILE if need be, DEF_CODE and CODE_DIGEST."""
    cdef PyCodeObject *o = code.object
    cdef Py_ssize_t n = 0 if code.is_body else code.slots, i
    cdef uint64_t file = 0, digest = 0
    cdef uint8_t *p
    cdef PyObject *name
    cdef Status status = write_retired()
    if status != OK:
        return status
    status = file_of(o, &file)
    if status != OK:
        return status
    status = digest_of(o, &digest)
    if status != OK:
        return status
    if code.stores == NULL and not code.too_wide:
        code.stores = rec_find_stores(o, &rec_sys)
    # Names are cut at 200 code points: 4 × 200 bytes, a kind and a length each.
    status = reserve(<size_t> (n + 4) * 808 + SMALL_RECORD)
    if status != OK:
        return status
    code.number = tracer.codes
    code.session = tracer.session
    tracer.codes += 1
    p = put_tagged(tape.cur, REC_DEF_CODE, code.number)
    p = put_varint(put_varint(put_varint(p, file), <uint64_t> o.co_firstlineno), <uint64_t> o.co_flags)
    p = put_str(put_str(p, o.co_name, 200), o.co_qualname, 200)
    p = put_varint(p, <uint64_t> (0 if code.too_wide else argument_count(o)))
    p = put_varint(p, <uint64_t> n)
    for i in range(n):
        name = rec_tuple_items(o.co_localsplusnames)[i]
        if code.kinds[i] & REC_KIND_FREE:
            p[0] = REC_VARIABLE_FREE
        else:
            p[0] = REC_VARIABLE_CELL if code.kinds[i] & REC_KIND_CELL else REC_VARIABLE_LOCAL
        p = put_str(p + 1, name, 200)
    p = put_tagged(p, REC_CODE_DIGEST, code.number)
    memcpy(p, &digest, sizeof(digest))
    tape.cur = p + sizeof(digest)
    return OK


cdef int argument_count(PyCodeObject *o) noexcept nogil:
    return (o.co_argcount + o.co_kwonlyargcount + ((o.co_flags & CO_VARARGS) != 0)
            + ((o.co_flags & CO_VARKEYWORDS) != 0))


cdef Status digest_of(PyCodeObject *o, uint64_t *digest) noexcept:
    """By which the sealer finds out whether a text is what this code was compiled from."""
    cdef PyObject *handled = rec_save_handled()
    cdef Status status = OK
    try:
        digest[0] = rec_code_digest(<PyObject *> o)
    except BaseException as error:
        status = fail_by_exception(error, STAGE_CAPTURE)
    rec_restore_handled(handled)
    return status


cdef Status file_of(PyCodeObject *o, uint64_t *file) noexcept:
    """The number of a code's file. Here, and for the digest, an event makes Python objects."""
    cdef PyObject *handled = rec_save_handled()
    cdef Status status = OK
    try:
        name = file_name_of(o)
        known = files.get(name)
        is_new = known is None
        if is_new:
            if len(files) >= MOST_FILES:
                forget_files()
            known = files[name] = tracer.files
            tracer.files += 1
        # The body of a module runs anew: its file may be another one by now.
        if is_new or (is_module_code(o.co_name) and not name.startswith("<")):
            status = write_def_file(o.co_filename, known)
        if is_new and keeps_texts and status == OK:
            status = write_text(o.co_filename, known)
        file[0] = known
    except BaseException as error:
        status = fail_by_exception(error, STAGE_CAPTURE)
    rec_restore_handled(handled)
    return status


cdef int forget_files() except -1:
    """What comes again is defined again, by another number."""
    for number in files.values():
        retire(REC_DEF_FILE, number)
    files.clear()
    return 0


cdef str file_name_of(PyCodeObject *o):
    """An exact str: code.replace() takes one of a class of the program's, whose methods would be called."""
    return PyUnicode_FromObject(o.co_filename)


cdef Status write_def_file(PyObject *path, uint64_t number) noexcept nogil:
    cdef Status status = reserve(4 * 4096 + SMALL_RECORD)
    cdef uint64_t place
    if status != OK:
        return status
    place = tape.sequence << 32 | <uint64_t> (tape.cur - tape.data)
    tape.cur = put_str(put_tagged(tape.cur, REC_DEF_FILE, number), path, 4096)
    commit()
    announce_file(place)
    return OK


cdef Status write_text(PyObject *path, uint64_t number) noexcept nogil:
    """TEXT, if Python itself holds the text of this file, which nobody else has."""
    cdef PyObject *lines = rec_cached_lines(path)
    cdef size_t size = 0 if lines == NULL else rec_lines_size(lines)
    cdef Status status
    if size == 0 or size > LARGEST_TEXT:
        return OK
    status = reserve(size + SMALL_RECORD)
    if status == OK:
        tape.cur = rec_put_lines(put_varint(put_tagged(tape.cur, REC_TEXT, number), size), lines)
    return status


cdef void announce_file(uint64_t place) noexcept nogil:
    """The sealer reads the text at once, and not when the segment is full: it may be another one by then."""
    cdef uint64_t count = tape.control.file_count
    tape.control.file_places[count % REC_FILE_PLACES] = place
    REC_STORE64(tape.control.file_count, count + 1)
