# What the program tells by way of the standard library: records of `logging`, warnings that are shown, exceptions that
# nobody caught and those that could not be raised.
#
# No handler and no hook is installed. Two functions of the standard library are recognised where they begin, whether
# they are in scope or not; three built-in ones lead through here, as os.write does. As with notes, a record says what
# was handed over, before anybody makes a text of it: the format and its arguments.

cdef extern from "Python.h":
    ctypedef struct Traceback "PyTracebackObject":
        Traceback *tb_next
        PyFrameObject *tb_frame
        int tb_lasti
    ctypedef struct RaisedException "PyBaseExceptionObject":
        PyObject *traceback
    PyTypeObject PyTraceBack_Type
    PyCodeObject *PyFrame_GetCode(PyFrameObject *) noexcept

import sys
import _thread

cdef enum:
    LOG_SIZE = 64            # of a LOG, without texts and values
    NAME_SIZE = 200          # code points

cdef struct LogEntry:        # borrowed; NULL: there is none
    uint8_t kind
    uint64_t level
    uint64_t line
    PyObject *level_name
    PyObject *name           # of the logger …
    PyTypeObject *type       # … or the warning's or the exception's
    PyObject *file
    PyObject *what
    PyObject *arguments
    PyObject *exception
    const char *event        # of an AUDIT, instead of a name; of a client
    const Request *request   # of HTTP
    PyCodeObject *callee     # that tells it, as in within.pxi

cdef struct LogQuota:        # of LOGs
    uint64_t limit           # in bytes; behind it there is only told that there were more
    uint64_t size

cdef struct ExceptionHooks:
    Watched excepthook
    Watched unraisablehook
    Watched thread_excepthook

cdef LogQuota logs           # all but AUDITs
cdef ExceptionHooks exception_hooks
# Now, and not when the program can have put others in their places.
cdef object excepthook = sys.__excepthook__
cdef object unraisablehook = sys.__unraisablehook__
cdef object thread_excepthook = _thread._excepthook


cdef int open_logs() except -1:
    """Once per session."""
    logs.size = 0
    watch(&exception_hooks.excepthook, excepthook, METH_FASTCALL, <void *> watched_excepthook)
    watch(&exception_hooks.unraisablehook, unraisablehook, METH_O, <void *> watched_unraisablehook)
    watch(&exception_hooks.thread_excepthook, thread_excepthook, METH_O, <void *> watched_thread_excepthook)
    return 0


cdef void close_logs() noexcept nogil:
    unwatch(&exception_hooks.excepthook, <void *> watched_excepthook)
    unwatch(&exception_hooks.unraisablehook, <void *> watched_unraisablehook)
    unwatch(&exception_hooks.thread_excepthook, <void *> watched_thread_excepthook)


# ---- functions of the standard library's -----------------------------------------------------------------------

cdef uint8_t log_kind_of(PyCodeObject *code) noexcept nogil:
    """What is told where this code begins; 0: nothing."""
    if output.limit == 0:
        return 0
    if writes_to_notebook(code):
        return NOTEBOOK_WRITE
    if rec_str_is(code.co_qualname, b"Logger.callHandlers"):
        return REC_LOG_RECORD if rec_str_matches(code.co_filename, b"*/logging/__init__.py") else 0
    if rec_str_is(code.co_qualname, b"_showwarnmsg"):
        return REC_LOG_WARNING if rec_str_matches(code.co_filename, b"*warnings.py") else 0
    return 0


cdef Status log_call(PyThreadState *state, rec_iframe *frame, Code *code) noexcept:
    """One of these begins: its argument has all that is told."""
    cdef int argument = 1 if code.log_kind == REC_LOG_RECORD else 0
    cdef PyObject *given
    cdef LogEntry entry
    if code.object.co_argcount <= argument:
        return OK
    if thread_of(state) == NULL:
        return ERR_OUT_OF_MEMORY
    if code.client != NULL:
        return tell_of_client(frame, code)
    if code.log_kind == NOTEBOOK_WRITE:
        return record_notebook_write(frame, code)
    given = rec_object((<rec_ref *> frame.localsplus)[argument])
    if given == NULL:
        return OK
    memset(&entry, 0, sizeof(entry))
    entry.kind = code.log_kind
    if code.log_kind == REC_LOG_RECORD:
        read_log_record(given, &entry)
    else:
        read_warning(given, &entry)
    entry.callee = called_from_elsewhere(frame)
    return write_log(&entry)


cdef void read_log_record(PyObject *record, LogEntry *entry) noexcept:
    cdef PyObject *raised = rec_attribute(record, b"exc_info")
    entry.name = rec_attribute(record, b"name")
    entry.level = number_in(rec_attribute(record, b"levelno"))
    entry.level_name = rec_attribute(record, b"levelname")
    entry.file = rec_attribute(record, b"pathname")
    entry.line = number_in(rec_attribute(record, b"lineno"))
    entry.what = rec_attribute(record, b"msg")
    entry.arguments = rec_attribute(record, b"args")
    if raised != NULL and PyTuple_CheckExact(raised) and rec_size(raised) == 3:
        entry.exception = rec_tuple_items(raised)[1]


cdef void read_warning(PyObject *message, LogEntry *entry) noexcept:
    cdef PyObject *category = rec_attribute(message, b"category")
    cdef PyObject *warning = rec_attribute(message, b"message")
    entry.file = rec_attribute(message, b"filename")
    entry.line = number_in(rec_attribute(message, b"lineno"))
    if category != NULL and PyType_IsSubtype(category.ob_type, &PyType_Type):
        entry.type = <PyTypeObject *> category
    entry.what = text_in(warning)


cdef PyObject *text_in(PyObject *exception) noexcept nogil:
    """Its only argument, if that is a text; else the exception itself."""
    cdef PyObject *arguments
    if exception == NULL or not PyType_IsSubtype(exception.ob_type, <PyTypeObject *> PyExc_BaseException):
        return exception
    arguments = (<PyBaseExceptionObject *> exception).args
    if arguments != NULL and rec_size(arguments) == 1 and PyUnicode_CheckExact(rec_tuple_items(arguments)[0]):
        return rec_tuple_items(arguments)[0]
    return exception


cdef uint64_t number_in(PyObject *object) noexcept nogil:
    cdef int64_t number = 0
    if object == NULL or not PyType_IsSubtype(object.ob_type, &PyLong_Type) or not rec_int_small(object, &number):
        return 0
    return <uint64_t> max(number, 0)


# ---- built-in functions ----------------------------------------------------------------------------------------

cdef PyObject *watched_excepthook(PyObject *self, PyObject **args, Py_ssize_t n) noexcept:
    if n == 3:
        log_exception(REC_LOG_UNCAUGHT, args[1], NULL, NULL)
    return (<FastCall> exception_hooks.excepthook.original)(self, args, n)


cdef PyObject *watched_thread_excepthook(PyObject *self, PyObject *about) noexcept:
    """Its argument is a named tuple: type, exception, traceback, thread."""
    if PyType_IsSubtype(about.ob_type, &PyTuple_Type) and rec_size(about) == 4:
        if rec_tuple_items(about)[0] != PyExc_SystemExit:
            log_exception(REC_LOG_UNCAUGHT, rec_tuple_items(about)[1], NULL, NULL)
    return (<OneArgument> exception_hooks.thread_excepthook.original)(self, about)


cdef PyObject *watched_unraisablehook(PyObject *self, PyObject *about) noexcept:
    """Its argument is a named tuple: type, exception, traceback, what is said of it, and what could not raise it."""
    cdef PyObject **items
    if PyType_IsSubtype(about.ob_type, &PyTuple_Type) and rec_size(about) == 5:
        items = rec_tuple_items(about)
        log_exception(REC_LOG_UNRAISABLE, items[1], items[3], items[4])
    return (<OneArgument> exception_hooks.unraisablehook.original)(self, about)


cdef void log_exception(uint8_t kind, PyObject *exception, PyObject *what, PyObject *where) noexcept:
    cdef LogEntry entry
    if hooks.state != RECORDING or not is_recorded_caller():
        return
    memset(&entry, 0, sizeof(entry))
    entry.kind = kind
    entry.what = what
    entry.arguments = where
    entry.exception = exception
    if exception != NULL:
        entry.type = exception.ob_type
        find_raise_line(exception, &entry)
    log_outside_hook(&entry)


cdef void log_outside_hook(LogEntry *entry) noexcept:
    """Outside of a hook."""
    cdef Status status = ERR_OUT_OF_MEMORY
    if thread_of(rec_thread_state()) != NULL:
        entry.callee = called_now()
        status = write_log(entry)
    if status != OK:
        handle_fault(status)


cdef void find_raise_line(PyObject *exception, LogEntry *entry) noexcept:
    """Where it was raised: the end of its traceback."""
    cdef Traceback *last
    cdef PyCodeObject *code
    if not PyType_IsSubtype(exception.ob_type, <PyTypeObject *> PyExc_BaseException):
        return
    last = <Traceback *> (<RaisedException *> exception).traceback
    if last == NULL or (<PyObject *> last).ob_type != &PyTraceBack_Type:
        return
    while last.tb_next != NULL:
        last = last.tb_next
    code = PyFrame_GetCode(last.tb_frame)
    if code == NULL:
        return
    entry.file = code.co_filename
    entry.line = <uint64_t> max(PyCode_Addr2Line(code, last.tb_lasti), 0)
    Py_XDECREF(<PyObject *> code)               # the frame has it, too


# ---- the record ------------------------------------------------------------------------------------------------

cdef Status write_log(const LogEntry *entry) noexcept:
    """A moment of its own: what is told may die before the next event, and another object be at its address."""
    cdef Status status = find_task(tracer.last_thread, NULL)
    cdef LogQuota *quota = &audits if entry.kind >= REC_LOG_AUDIT else &logs
    if status != OK:
        return status
    if quota.size >= quota.limit:
        return put_omitted(entry)
    identities.interludes += 1
    status = put_log(entry, quota)
    identities.interludes += 1
    return status


cdef Status put_omitted(const LogEntry *entry) noexcept nogil:
    """Behind the limit: that there was one more."""
    cdef LogEntry nothing
    cdef uint8_t *p
    cdef Status status = reserve(LOG_SIZE)
    if status != OK:
        return status
    memset(&nothing, 0, sizeof(nothing))
    nothing.kind = entry.kind | REC_LOG_OMITTED
    p = put_logged(put_head(&nothing), NULL)
    tape.cur = put_logged(put_logged(p, NULL), NULL)
    commit()
    return OK


cdef Status put_log(const LogEntry *entry, LogQuota *quota) noexcept nogil:
    cdef uint8_t *p
    cdef size_t size = LOG_SIZE + 4 * (2 * NAME_SIZE + 4096) + size_of_callee(entry.callee)
    cdef Status status
    if entry.kind == REC_LOG_AUDIT:
        size += define_arguments(entry.arguments)
    elif entry.kind > REC_LOG_AUDIT:
        size += define_request(entry)
    else:
        size += define_types_in(entry.what) + define_types_in(entry.arguments) + define_types_in(entry.exception)
    status = reserve(size)
    if status != OK:
        return status
    identities.followed = True                  # it is what it is at this moment
    p = put_head(entry)
    if entry.kind == REC_LOG_AUDIT:
        p = put_logged(put_arguments(put_logged(p, NULL), entry.arguments, names_hosts(entry.event)), NULL)
    elif entry.kind == REC_LOG_SQL:
        p = put_logged(put_statement(p, entry), NULL)
    elif entry.kind == REC_LOG_HTTP:
        p = put_logged(put_request(p, entry.request), NULL)
    else:
        p = put_logged(put_text(p, entry), entry.exception)
    quota.size += <uint64_t> (p - tape.cur)
    tape.cur = p
    commit()
    return OK


cdef uint8_t *put_head(const LogEntry *entry) noexcept nogil:
    cdef uint8_t *p = put_callee(tape.cur, entry.callee)
    p[0] = REC_LOG
    p[1] = entry.kind
    p = put_varint(put_ticks(p + 2), entry.level)
    p = put_name(p, entry.level_name, NAME_SIZE)
    if entry.event != NULL:
        p = put_chars(p, entry.event, min(strlen(entry.event), <size_t> NAME_SIZE))
    elif entry.type != NULL:
        p = put_type_name(p, entry.type)
    else:
        p = put_name(p, entry.name, NAME_SIZE)
    return put_varint(put_name(p, entry.file, 4096), entry.line)


cdef uint8_t *put_text(uint8_t *p, const LogEntry *entry) noexcept nogil:
    """What is told, and its arguments."""
    cdef bint is_secret_text = False
    p = put_logged(p, entry.what)
    if entry.what != NULL and PyUnicode_CheckExact(entry.what):
        is_secret_text = redact_text(p, entry.what)
    if is_secret_text and entry.arguments != NULL and entry.arguments != Py_None:
        return put_redacted(p)                  # they would stand where the secret does
    return put_logged(p, entry.arguments)


cdef size_t define_types_in(PyObject *value) noexcept nogil:
    """The types in it; returns how many bytes it may take."""
    if value == NULL or value == Py_None:
        return 1
    take_fingerprint(value)
    return 4 * limits.text + LOG_SIZE if PyUnicode_CheckExact(value) else limits.value_size


cdef inline uint8_t *put_logged(uint8_t *p, PyObject *value) noexcept nogil:
    return put_value(p, Py_None if value == NULL else value, False)


cdef uint8_t *put_name(uint8_t *p, PyObject *text, Py_ssize_t limit) noexcept nogil:
    """Empty where there is none, or it is no text."""
    if text == NULL or not PyUnicode_CheckExact(text):
        return put_varint(p, 0)
    return put_str(p, text, limit)


cdef uint8_t *put_type_name(uint8_t *p, PyTypeObject *type) noexcept nogil:
    cdef PyObject *name = rec_heap_type_name(type)
    cdef const char *dot = strrchr(type.tp_name, c'.')
    cdef const char *last = type.tp_name if dot == NULL else dot + 1
    return put_str(p, name, NAME_SIZE) if name != NULL else put_chars(p, last, min(strlen(last), <size_t> NAME_SIZE))


cdef bint redact_text(uint8_t *end, PyObject *text) noexcept nogil:
    """A text that was just written ends here. Whether a secret was in it."""
    cdef Printed printed
    cdef size_t size
    if rec_secrets.names.count == 0:
        return False
    memset(&printed, 0, sizeof(printed))
    size = rec_utf8_size(text, min(PyUnicode_GET_LENGTH(text), <Py_ssize_t> limits.text))
    return rec_copy_printed(&printed, end - size, end - size, size, 0)
