# Statements for databases and requests over HTTP: of what is outside of the program, as in audit.pxi, and by the same
# setting of the policy; but CPython has no audit event for them.
#
# A client that is written in Python is recognised where the function begins through which all of its requests go,
# whether that is in scope or not. The methods of sqlite3, which are in C, lead through here, as os.write does.

cdef extern from "known/clients.h" nogil:
    ctypedef struct Request "rec_request":
        PyObject *method
        const char *scheme
        PyObject *host
        PyObject *port
        PyObject *path
        PyObject *query
    ctypedef struct Client "rec_client":
        const char *name
        uint8_t kind
        void (*look)(PyObject **, Request *) noexcept
    const Client *rec_client_of(PyObject *function, PyObject *file)

cdef extern from "value/statement.h" nogil:
    bint rec_names_a_secret(PyObject *)
    void rec_mask_literals(uint8_t *, size_t)

cdef extern from "cpython/type_tables.h":
    PyMethodDef *rec_find_method(PyTypeObject *, const char *) noexcept

cdef extern from "Python.h":
    PyObject *PyImport_GetModuleDict() noexcept
    PyObject *PyModule_GetDict(PyObject *) noexcept
    bint PyModule_CheckExact(PyObject *) noexcept
    PyObject *PyCell_GET(PyObject *) noexcept nogil

cdef struct Statements:
    Watched execute
    Watched executemany
    Watched executescript
    Watched at_once          # a connection's
    Watched many_at_once

cdef Statements statements


# ---- clients in Python -----------------------------------------------------------------------------------------

cdef Status tell_of_client(rec_iframe *frame, Code *code) noexcept:
    """The function of a client begins."""
    cdef PyObject *arguments[3]
    cdef int i
    for i in range(3):
        arguments[i] = argument_in(frame, code, i)
    if arguments[0] == NULL:
        return OK
    if code.client.kind == REC_LOG_SQL:
        return tell_statement(code.client.name, called_from_elsewhere(frame), arguments[1], arguments[2])
    return tell_request(code.client, frame, arguments)


cdef PyObject *argument_in(rec_iframe *frame, Code *code, int i) noexcept nogil:
    """Borrowed of the frame; NULL: there is none."""
    cdef PyObject *found
    if i >= code.object.co_argcount:
        return NULL
    found = rec_object((<rec_ref *> frame.localsplus)[i])
    return PyCell_GET(found) if found != NULL and found.ob_type == &PyCell_Type else found


cdef Status tell_request(const Client *client, rec_iframe *frame, PyObject **arguments) noexcept:
    cdef LogEntry entry
    cdef Request request
    memset(&entry, 0, sizeof(entry))
    memset(&request, 0, sizeof(request))
    client.look(arguments, &request)
    entry.kind = REC_LOG_HTTP
    entry.event = client.name
    entry.what = request.method
    entry.request = &request
    entry.callee = called_from_elsewhere(frame)
    return write_log(&entry)


cdef Status tell_statement(
        const char *driver, PyCodeObject *callee, PyObject *statement, PyObject *parameters) noexcept:
    cdef LogEntry entry
    if statement == NULL:
        return OK
    memset(&entry, 0, sizeof(entry))
    entry.kind = REC_LOG_SQL
    entry.event = driver
    entry.what = statement
    entry.arguments = parameters
    entry.callee = callee
    return write_log(&entry)


cdef uint8_t *put_request(uint8_t *p, const Request *request) noexcept nogil:
    """Its method, and where it goes: scheme, host, port, path and what is asked of that."""
    cdef Printed printed
    cdef PyObject *parts[4]
    cdef const char *before[4]
    cdef Py_ssize_t i
    parts[:] = [request.host, request.port, request.path, request.query]
    before[:] = [b"://", b":", b"", b"?"]
    memset(&printed, 0, sizeof(printed))
    p = put_part(p, request.method, &printed)
    p = put_container(p, TAG_TUPLE, 5, 5)
    p = put_scheme(p, request.scheme)
    for i in range(4):                          # one behind the other, as they stand in an address
        rec_copy_printed(&printed, NULL, <const uint8_t *> before[i], strlen(before[i]), 0)  # audit: it is only read
        p = put_part(p, parts[i], &printed)
    return p


cdef uint8_t *put_scheme(uint8_t *p, const char *scheme) noexcept nogil:
    if scheme == NULL:
        return put_value(p, Py_None, False)
    p[0] = TAG_STR
    return put_chars(p + 1, scheme, strlen(scheme))


cdef uint8_t *put_part(uint8_t *p, PyObject *part, Printed *printed) noexcept nogil:
    return put_value(p, Py_None, False) if part == NULL else put_argument(p, part, printed, False)


cdef uint8_t *put_statement(uint8_t *p, const LogEntry *entry) noexcept nogil:
    """Which parameter is whose, the statement alone tells: all are secret where it names one."""
    cdef bint is_secret = True
    cdef size_t size
    if entry.what.ob_type == &PyUnicode_Type:
        is_secret = rec_names_a_secret(entry.what)
        p = put_value(p, entry.what, False)
        if is_secret:
            size = rec_utf8_size(entry.what, min(PyUnicode_GET_LENGTH(entry.what), <Py_ssize_t> limits.text))
            rec_mask_literals(p - size, size)
        else:
            is_secret = redact_text(p, entry.what)
    else:
        p = put_tagged(p, TAG_OBJECT, type_of(entry.what.ob_type).id)
    if is_secret and entry.arguments != NULL and entry.arguments != Py_None:
        return put_redacted(p)
    return put_logged(p, entry.arguments)


cdef size_t define_request(const LogEntry *entry) noexcept nogil:
    """The types in it; returns how many bytes it may take."""
    cdef PyObject *parts[5]
    cdef size_t size = LOG_SIZE
    cdef Py_ssize_t i
    if entry.kind == REC_LOG_SQL:
        number_type(entry.what.ob_type)
        return LOG_SIZE + 4 * limits.text + define_types_in(entry.arguments)
    parts[:] = [entry.request.method, entry.request.host, entry.request.port, entry.request.path, entry.request.query]
    for i in range(5):
        size += LOG_SIZE if parts[i] == NULL else define_argument(parts[i], False)
    return size


# ---- sqlite3 ---------------------------------------------------------------------------------------------------

cdef void watch_sqlite() noexcept:
    """As soon as it is there. A connection's executescript goes by its cursor's."""
    cdef PyObject *module = rec_dict_find(PyImport_GetModuleDict(), b"_sqlite3")
    cdef PyTypeObject *cursor
    cdef PyTypeObject *connection
    if statements.execute.method != NULL or audits.limit == 0 or module == NULL or not PyModule_CheckExact(module):
        return
    cursor = type_in(module, b"Cursor")
    connection = type_in(module, b"Connection")
    if cursor == NULL or connection == NULL:
        return
    watch_method(&statements.execute, rec_find_method(cursor, b"execute"), METH_FASTCALL, <void *> watched_execute)
    watch_method(&statements.executemany, rec_find_method(cursor, b"executemany"), METH_FASTCALL,
                 <void *> watched_executemany)
    watch_method(&statements.executescript, rec_find_method(cursor, b"executescript"), METH_O,
                 <void *> watched_executescript)
    watch_method(&statements.at_once, rec_find_method(connection, b"execute"), METH_FASTCALL,
                 <void *> watched_at_once)
    watch_method(&statements.many_at_once, rec_find_method(connection, b"executemany"), METH_FASTCALL,
                 <void *> watched_many_at_once)


cdef void unwatch_sqlite() noexcept nogil:
    unwatch(&statements.execute, <void *> watched_execute)
    unwatch(&statements.executemany, <void *> watched_executemany)
    unwatch(&statements.executescript, <void *> watched_executescript)
    unwatch(&statements.at_once, <void *> watched_at_once)
    unwatch(&statements.many_at_once, <void *> watched_many_at_once)


cdef PyTypeObject *type_in(PyObject *module, const char *name) noexcept:
    cdef PyObject *found = rec_dict_find(PyModule_GetDict(module), name)
    return <PyTypeObject *> found if found != NULL and PyType_IsSubtype(found.ob_type, &PyType_Type) else NULL


cdef PyObject *watched_execute(PyObject *self, PyObject **args, Py_ssize_t n) noexcept:
    tell_of_sqlite(args, n)
    return (<FastCall> statements.execute.original)(self, args, n)


cdef PyObject *watched_executemany(PyObject *self, PyObject **args, Py_ssize_t n) noexcept:
    tell_of_sqlite(args, n)
    return (<FastCall> statements.executemany.original)(self, args, n)


cdef PyObject *watched_executescript(PyObject *self, PyObject *script) noexcept:
    tell_of_sqlite(&script, 1)
    return (<OneArgument> statements.executescript.original)(self, script)


cdef PyObject *watched_at_once(PyObject *self, PyObject **args, Py_ssize_t n) noexcept:
    tell_of_sqlite(args, n)
    return (<FastCall> statements.at_once.original)(self, args, n)


cdef PyObject *watched_many_at_once(PyObject *self, PyObject **args, Py_ssize_t n) noexcept:
    tell_of_sqlite(args, n)
    return (<FastCall> statements.many_at_once.original)(self, args, n)


cdef void tell_of_sqlite(PyObject **args, Py_ssize_t n) noexcept:
    """A statement, and perhaps its parameters."""
    cdef PyThreadState *state = rec_thread_state()
    cdef Status status = ERR_OUT_OF_MEMORY
    if n < 1 or not takes_audits(state):
        return
    if thread_of(state) != NULL:
        status = tell_statement(b"sqlite3", called_now(), args[0], args[1] if n > 1 else NULL)
    if status != OK:
        handle_fault(status)
