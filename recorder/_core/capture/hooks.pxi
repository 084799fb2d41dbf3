# Hooks: what all Pythons have in common. CPython calls us through monitoring.pxi (3.12 and later) or settrace_311.pxi.
# A hook finds the thread and the frame and passes them to events.pxi; a status that is not OK goes to handle_fault. No
# hook ever raises.

cdef enum RecordingState:
    IDLE = 0
    WAITING = 1              # armed; recording begins with __main__
    RECORDING = 2
    ABORTING = 3             # recording has ended; the main thread still has to hear of it
    FORKED = 4               # in a child: the tape is the parent's

cdef struct Hooks:
    RecordingState state
    RecordingState forked_while  # in a child: what the parent was doing
    int tool                     # 3.12+: our tool id, −1 when there is none
    PyObject *main_globals       # not owned: the dict of __main__, while WAITING
    PyObject *disable            # owned: sys.monitoring.DISABLE
    PyObject *abort_instance     # owned, while ABORTING
    bint abort_is_queued         # deliver_abort is a pending call
    uint64_t main_thread         # id of the main thread's state
    PyThreadState *newest        # 3.11: head of the interpreter's list of threads, as last seen
    Status reported              # the fault that the session has reported; the control page may be gone by the end

cdef Hooks hooks


cdef bint is_main_thread() noexcept:
    cdef PyThreadState *state = rec_thread_state()
    return state != NULL and state.id == hooks.main_thread


# ---- the beginning of __main__ -----------------------------------------------------------------------

cdef bint begins_main(rec_iframe *frame, PyCodeObject *code) noexcept:
    """Whether this frame is the body of __main__; if so, recording begins."""
    global scope_main
    if frame.globals != hooks.main_globals or frame.locals != frame.globals:
        return False
    if not is_module_code(code.co_name):
        return False
    scope_main = <object> code.co_filename if PyUnicode_CheckExact(code.co_filename) else None
    update_scopes()
    hooks.state = RECORDING
    REC_STORE(tape.control.target_state, REC_TARGET_RECORDING)
    return True


cdef bint is_module_code(PyObject *name) noexcept:
    return rec_str_is(name, "<module>")


# ---- installed, checked, removed ---------------------------------------------------------------------

cdef Status install_hooks() except *:
    """Raises what CPython raises: no memory, and what an audit hook of the program's has against it."""
    hooks.tool = -1
    if PY_VERSION_HEX >= 0x030C0000:
        prepare_monitoring()
        return install_monitoring()
    return install_trace()


cdef Status check_hooks() noexcept:
    """Whether the hooks are still there, before they are removed at the end."""
    if PY_VERSION_HEX >= 0x030C0000:
        return check_monitoring()
    return check_trace()


cdef int remove_hooks(bint aborting) except -1:
    """Aborting: only what brings RecordingAborted to the main thread stays."""
    if PY_VERSION_HEX >= 0x030C0000:
        return remove_monitoring(aborting)
    return remove_trace(aborting)
