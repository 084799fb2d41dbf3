# Scope: which code is recorded.

cdef int scope_mode                # 0 own, 1 deps, 2 all
cdef tuple scope_outside = ()      # folders of the recorder itself: never recorded
cdef tuple scope_stdlib = ()
cdef tuple scope_include = ()      # patterns of paths: what they match is in scope, or is not, whatever the mode says
cdef tuple scope_exclude = ()
cdef object scope_main = None      # the file run as __main__: always recorded


cdef bint is_in_scope(PyCodeObject *o) noexcept:
    cdef PyObject *handled = rec_save_handled()
    cdef bint inside = False
    try:
        inside = path_in_scope(file_name_of(o))
    except BaseException as error:
        fail_by_exception(error, STAGE_CAPTURE)
    rec_restore_handled(handled)
    return inside


cdef bint path_in_scope(str path) except -1:
    if path.startswith(scope_outside):
        return False
    if matches_any(path, scope_exclude):
        return False
    if path == scope_main or scope_mode == 2 or matches_any(path, scope_include):
        return True
    if "/site-packages/" in path or "/dist-packages/" in path:
        return scope_mode == 1
    if path.startswith("<frozen "):
        return False
    return not path.startswith(scope_stdlib)


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
