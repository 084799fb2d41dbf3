# What CPython tells its audit hooks of the world outside: files, processes, connections. Only where the policy asks for
# it: an audit hook stays for as long as the process lives, and is called for whatever CPython tells.
#
# An argument is written as far as it is a number, a text, or a list, tuple or dict of these; anything else is named by
# its type. It is looked at before CPython does what it tells of.

cdef extern from "Python.h":
    int add_audit_hook "PySys_AddAuditHook"(int (*)(const char *, PyObject *, void *) noexcept, void *) except -1

cdef enum:
    MOST_ARGUMENTS = 8
    MOST_WORDS = 64          # of an argument that is a list, such as a command …
    MOST_PAIRS = 32          # … or a dict

cdef LogQuota audits
cdef bint has_audit_hook     # since then, whatever later recordings ask for

# What they begin with. Others are about Python itself: `import`, `compile`, `object.__getattr__`.
cdef const char *outside[24]
outside[:] = [
    b"open", b"os.", b"subprocess.", b"socket.", b"shutil.", b"tempfile.", b"glob.", b"pathlib.", b"fcntl.", b"mmap.",
    b"pty.", b"sqlite3.", b"http.", b"urllib.", b"ftplib.", b"smtplib.", b"imaplib.", b"poplib.", b"nntplib.",
    b"telnetlib.", b"webbrowser.", b"ctypes.dlopen", b"signal.pthread_kill", b"syslog.",
]


cdef int open_audit() except -1:
    """Once per session. Raises what an audit hook of the program's has against it."""
    global has_audit_hook
    audits.size = 0
    if audits.limit > 0 and not has_audit_hook:
        add_audit_hook(on_outside, NULL)
        has_audit_hook = True
    watch_sqlite()
    return 0


cdef int on_outside(const char *event, PyObject *arguments, void *unused) noexcept:
    """Something is about to happen that CPython tells of. What the recorder does itself is passed over."""
    cdef LogEntry entry
    cdef PyThreadState *state
    if audits.limit == 0 or hooks.state != RECORDING or not is_outside(event):
        return 0
    state = rec_thread_state()
    if not takes_audits(state) or is_import(state):
        return 0
    if strcmp(event, b"sqlite3.connect") == 0:
        watch_sqlite()
    memset(&entry, 0, sizeof(entry))
    entry.kind = REC_LOG_AUDIT
    entry.event = event
    entry.arguments = arguments
    log_outside_hook(&entry)
    return 0


cdef bint takes_audits(PyThreadState *state) noexcept:
    """Whether it is the program that does something now."""
    return (audits.limit > 0 and hooks.state == RECORDING and state != NULL and state != changing
            and state != deciding and is_recorded_caller())


cdef bint is_import(PyThreadState *state) noexcept nogil:
    """Whether it is `import` that looks for a module, or reads one: there are hundreds of them."""
    cdef rec_iframe *frame = rec_current_frame(state)
    cdef PyObject *file
    if frame == NULL or not rec_frame_is_complete(frame):
        return False
    file = rec_frame_code(frame).co_filename
    return PyUnicode_CheckExact(file) and rec_str_is(file, b"<frozen importlib._bootstrap_external>")


cdef bint is_outside(const char *event) noexcept nogil:
    cdef const char *begin
    for begin in outside:
        if begins_with(event, begin):
            return True
    return False


cdef inline bint begins_with(const char *event, const char *begin) noexcept nogil:
    """Or is that very name, where it does not end in a dot."""
    cdef char last = 0
    while begin[0] != 0 and event[0] == begin[0]:
        last = begin[0]
        event += 1
        begin += 1
    return begin[0] == 0 and (event[0] == 0 or last == c'.')


# ---- arguments -------------------------------------------------------------------------------------------------

cdef inline bint is_text(PyObject *o) noexcept nogil:
    return o.ob_type == &PyUnicode_Type or o.ob_type == &PyBytes_Type


cdef inline bint is_words(PyObject *o) noexcept nogil:
    return o.ob_type == &PyList_Type or o.ob_type == &PyTuple_Type


cdef inline PyObject **words_of(PyObject *o) noexcept nogil:
    return rec_tuple_items(o) if o.ob_type == &PyTuple_Type else rec_list_items(o)


cdef size_t define_arguments(PyObject *arguments) noexcept nogil:
    """The types in them; returns how many bytes they may take."""
    cdef size_t size = LOG_SIZE
    cdef Py_ssize_t i
    for i in range(min(rec_size(arguments), <Py_ssize_t> MOST_ARGUMENTS)):
        size += define_argument(rec_tuple_items(arguments)[i], True)
    return size


cdef size_t define_argument(PyObject *o, bint with_parts) noexcept nogil:
    cdef size_t size = LOG_SIZE
    cdef Py_ssize_t i, left
    cdef rec_items items
    cdef PyObject *key = NULL
    cdef PyObject *value = NULL
    if is_plain(o) or is_text(o):
        return LOG_SIZE + 4 * limits.text
    if with_parts and is_words(o):
        for i in range(min(rec_size(o), <Py_ssize_t> MOST_WORDS)):
            size += define_argument(words_of(o)[i], False)
    elif with_parts and o.ob_type == &PyDict_Type:
        rec_items_of(&items, o)
        left = min(items.size, <Py_ssize_t> MOST_PAIRS)
        while left > 0 and rec_items_next(&items, &key, &value):
            left -= 1
            size += define_argument(key, False) + define_argument(value, False)
    else:
        number_type(o.ob_type)
    return size


cdef bint names_hosts(const char *event) noexcept nogil:
    """Whether a text among its arguments is a host, before which a name and a password may stand without any `://`."""
    cdef size_t size = strlen(event)
    if size > 7 and memcmp(event, <const char *> b"socket.", 7) == 0:
        return True
    return size > 8 and memcmp(event + size - 8, <const char *> b".connect", 8) == 0


cdef uint8_t *put_arguments(uint8_t *p, PyObject *arguments, bint are_hosts) noexcept nogil:
    cdef Py_ssize_t shown = min(rec_size(arguments), <Py_ssize_t> MOST_ARGUMENTS)
    cdef PyObject **items = rec_tuple_items(arguments)
    cdef bint is_pair = rec_is_secret_pair(items, rec_size(arguments))
    cdef Printed printed
    cdef uint8_t *end
    cdef Py_ssize_t i
    p = put_container(p, TAG_TUPLE, rec_size(arguments), shown)
    for i in range(shown):
        memset(&printed, 0, sizeof(printed))
        end = put_redacted(p) if is_pair and i > 0 else put_argument(p, items[i], &printed, True)
        if are_hosts and memchr(p, c'@', <size_t> (end - p)) != NULL:
            memset(&printed, 0, sizeof(printed))
            rec_copy_printed(&printed, NULL, <const uint8_t *> b"host://", 7, 0)  # audit: it is only read
            end = put_argument(p, items[i], &printed, True)
        p = end
    return p


cdef uint8_t *put_argument(uint8_t *p, PyObject *o, Printed *printed, bint with_parts) noexcept nogil:
    if is_text(o):
        return put_printed(p, o, printed)
    if is_plain(o):
        return put_value(p, o, False)
    if with_parts and is_words(o):
        return put_words(p, o, printed)
    if with_parts and o.ob_type == &PyDict_Type:
        return put_pairs(p, o)
    return put_tagged(p, TAG_OBJECT, type_of(o.ob_type).id)


cdef uint8_t *put_words(uint8_t *p, PyObject *o, Printed *printed) noexcept nogil:
    """One behind the other, as those of a command: `--token` is in one of them, and what it stands for in the next."""
    cdef Py_ssize_t shown = min(rec_size(o), <Py_ssize_t> MOST_WORDS)
    cdef bint is_pair = rec_is_secret_pair(words_of(o), rec_size(o))
    cdef Py_ssize_t i
    p = put_container(p, TAG_TUPLE if o.ob_type == &PyTuple_Type else TAG_LIST, rec_size(o), shown)
    for i in range(shown):
        if (is_pair and i > 0) or rec_awaits_value(printed):
            memset(printed, 0, sizeof(printed[0]))
            p = put_redacted(p)
        else:
            p = put_argument(p, words_of(o)[i], printed, False)
            rec_copy_printed(printed, NULL, <const uint8_t *> b" ", 1, 0)  # audit: nothing is written, and so left out
    return p


cdef uint8_t *put_pairs(uint8_t *p, PyObject *dict) noexcept nogil:
    cdef rec_items items
    cdef PyObject *key = NULL
    cdef PyObject *value = NULL
    cdef Printed printed
    cdef Py_ssize_t left
    rec_items_of(&items, dict)
    left = min(items.size, <Py_ssize_t> MOST_PAIRS)
    p = put_container(p, TAG_DICT, items.size, left)
    while left > 0:
        left -= 1
        if not rec_items_next(&items, &key, &value):
            key = value = Py_None               # there are fewer than it says
        memset(&printed, 0, sizeof(printed))
        p = put_argument(p, key, &printed, False)
        memset(&printed, 0, sizeof(printed))
        p = put_redacted(p) if is_secret(key) else put_argument(p, value, &printed, False)
    return p


cdef inline uint8_t *put_container(uint8_t *p, uint8_t tag, Py_ssize_t size, Py_ssize_t shown) noexcept nogil:
    p = put_tagged(p, tag + 1, <uint64_t> size) if shown < size else put_tag(p, tag)
    return put_varint(p, <uint64_t> shown)


cdef inline uint8_t *put_redacted(uint8_t *p) noexcept nogil:
    return put_tag(p, TAG_REDACTED)


cdef inline uint8_t *put_tag(uint8_t *p, uint8_t tag) noexcept nogil:
    p[0] = tag
    return p + 1


cdef uint8_t *put_printed(uint8_t *p, PyObject *text, Printed *printed) noexcept nogil:
    """A text, without what looks like a secret in it."""
    cdef uint8_t *end = put_value(p, text, False)
    cdef size_t size
    if rec_secrets.names.count == 0:
        return end
    if text.ob_type == &PyUnicode_Type:
        size = rec_utf8_size(text, min(PyUnicode_GET_LENGTH(text), <Py_ssize_t> limits.text))
    else:
        size = <size_t> min(rec_size(text), <Py_ssize_t> limits.text)
    rec_copy_printed(printed, end - size, end - size, size, 0)  # audit: each byte that was left out is `*` now
    return end
