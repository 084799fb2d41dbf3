# Scope: which code is recorded.

cdef enum Scope:                   # by what the policy calls it
    SCOPE_OWN = 0
    SCOPE_DEPS = 1
    SCOPE_ALL = 2

SCOPES = {"own": <int> SCOPE_OWN, "deps": <int> SCOPE_DEPS, "all": <int> SCOPE_ALL}

cdef int scope_mode
cdef tuple scope_own = ()          # folders of the program's own code; empty: whatever is not elsewhere
cdef tuple scope_outside = ()      # folders of the recorder itself: never recorded
cdef tuple scope_stdlib = ()
cdef tuple scope_include = ()      # patterns of paths: what they match is in scope, or is not, whatever the mode says
cdef tuple scope_exclude = ()
cdef object scope_main = None      # the file run as __main__: always recorded


cdef bint is_in_scope(PyCodeObject *o) noexcept:
    cdef PyObject *handled = rec_save_handled()
    cdef bint inside = False
    try:
        path = file_name_of(o)
        inside = path_in_scope(path) if has_file(o) else fileless_in_scope(path, o)
    except BaseException as error:
        fail_by_exception(error, STAGE_CAPTURE)
    rec_restore_handled(handled)
    return inside


cdef bint path_in_scope(str path) except -1:
    if path.startswith(scope_outside):
        return False
    if matches_any(path, scope_exclude):
        return False
    if path == scope_main or scope_mode == SCOPE_ALL or matches_any(path, scope_include):
        return True
    if scope_own and path.startswith(scope_own):
        return True
    if "/site-packages/" in path or "/dist-packages/" in path:
        return scope_mode == SCOPE_DEPS
    return not scope_own and not path.startswith(scope_stdlib)


# ---- code without a file -----------------------------------------------------------------------------
# What a program makes of text (`<string>`, `<attrs generated init …>`, a template), and what says a path that leads
# nowhere, as Cython's does. It belongs to the module in whose globals it runs; where these are no module's, to the one
# that the function is said to be of (`__module__`, which decorators copy); else to the code that runs it. So it is
# decided where it is first met, anew in each recording.

cdef enum:
    NO_MODULE = 2

cdef bint has_file(PyCodeObject *o) noexcept nogil:
    return rec_str_matches(o.co_filename, b"/*")


cdef bint fileless_in_scope(str name, PyCodeObject *o) except -1:
    cdef rec_iframe *frame = rec_current_frame(rec_thread_state())
    if matches_any(name, scope_exclude):
        return False
    if name.startswith("<frozen "):
        return scope_mode == SCOPE_ALL or matches_any(name, scope_include)
    if is_of_dataclasses(o):
        return scope_mode == SCOPE_ALL or matches_any(name, scope_include)
    while frame != NULL and rec_object(frame.code) != <PyObject *> o:
        frame = frame.previous
    return owner_in_scope(frame) or matches_any(name, scope_include)


cdef bint is_of_dataclasses(PyCodeObject *o) noexcept nogil:
    """A text that `dataclasses` makes for a class, the function in it and the methods in that: the standard library's,
    in whose globals they ever run."""
    if not rec_str_is(o.co_filename, "<string>"):
        return False
    if rec_str_matches(o.co_qualname, b"__create_fn__*"):
        return True
    return rec_size(o.co_names) == 1 and rec_str_is(rec_tuple_items(o.co_names)[0], "__create_fn__")


cdef bint owner_in_scope(rec_iframe *frame) except -1:
    """Of what runs in this frame."""
    cdef int answer
    while frame != NULL:
        if rec_frame_is_complete(frame):
            if has_file(rec_frame_code(frame)):
                return path_in_scope(file_name_of(rec_frame_code(frame)))
            answer = module_in_scope(frame.globals)
            if answer == NO_MODULE:
                answer = module_in_scope(rec_module_of_function(rec_object(frame.func)))
            if answer != NO_MODULE:
                return answer
        frame = frame.previous
    return True


cdef int module_in_scope(PyObject *globals) except -1:
    """Whose globals these are. A named tuple's methods are made by `collections`, whoever calls them."""
    cdef PyObject *found
    if globals == NULL:
        return NO_MODULE
    found = rec_dict_find(globals, "__file__")
    if found != NULL and PyUnicode_CheckExact(found) and rec_str_matches(found, b"/*"):
        return path_in_scope(<str> <object> found)
    found = rec_dict_find(globals, "__name__")
    if found != NULL and PyUnicode_CheckExact(found):
        if rec_str_is(found, "__main__"):
            return True
        if rec_str_matches(found, b"namedtuple_*"):
            return scope_mode == SCOPE_ALL
    return NO_MODULE


cdef bint matches_any(str path, tuple patterns) except -1:
    for pattern in patterns:
        if rec_str_matches(<PyObject *> path, <const char *> <bytes> pattern):
            return True
    return False


cdef void update_scopes() noexcept:
    cdef Code *code = tracer.all_codes
    while code != NULL:
        if code.object != NULL:
            code.in_scope = is_in_scope(code.object)
        code = code.next
