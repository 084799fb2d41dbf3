# 3.12 and later: sys.monitoring. Code out of scope is switched off code object by code object.

cdef object monitoring = None
cdef object tool_name = None  # this very object, so that another tool of that name is not taken for us
cdef dict callbacks = {}     # event bit → built-in function


# ---- answers -----------------------------------------------------------------------------------------

cdef inline PyObject *none() noexcept:
    Py_INCREF(Py_None)
    return Py_None


cdef PyObject *disabled() noexcept:
    Py_INCREF(hooks.disable)
    return hooks.disable


cdef inline PyObject *answer(Status status) noexcept:
    if status == OK:
        return none()
    handle_fault(status)
    return none()


# 3.15 and later: the events of exceptions can be those of one code object, and be switched off there.
cdef bint HAS_LOCAL_EXCEPTIONS = PY_VERSION_HEX >= 0x030F0000


cdef PyObject *inactive(bint can_be_disabled) noexcept:
    """A hook that fires while nothing is recorded. Where exception events cannot be switched off one by one, CPython
    would complain and drop the callback."""
    if hooks.state == ABORTING:
        repeat_abort()
    return disabled() if (can_be_disabled or HAS_LOCAL_EXCEPTIONS) and hooks.state == FORKED else none()


# ---- the hooks ---------------------------------------------------------------------------------------

cdef PyObject *on_start(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    cdef PyThreadState *state = rec_thread_state()
    cdef rec_iframe *frame = rec_current_frame(state)
    cdef Code *code
    cdef Thread *t
    cdef Status status
    if hooks.state != RECORDING:
        if hooks.state != WAITING or not begins_main(frame, <PyCodeObject *> args[0]):
            return inactive(True)
    code = code_of(args[0])
    if code == NULL:
        return answer(ERR_INTERNAL)
    if code.log_kind:
        status = log_call(state, frame, code)
        if status != OK or not code.in_scope:
            return answer(status)
    if not code.in_scope:
        return disabled()
    if not code.instrumented and not instrument(code):
        return answer(ERR_INTERNAL)
    t = thread_of(state)
    if t == NULL:
        return answer(ERR_OUT_OF_MEMORY)
    if needs_attention_at_call():
        status = handle_attention()
        if status != OK:
            return answer(status)
    return answer(event_call(t, frame, code))


cdef PyObject *on_line(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    cdef int64_t line = 0
    if hooks.state != RECORDING:
        return inactive(True)
    if not rec_int_small(args[1], &line):
        set_fault_detail("a line has a small number")
        return answer(fail(ERR_INVARIANT_BROKEN, STAGE_CAPTURE))
    return line_begins(<int32_t> line)


cdef inline PyObject *line_begins(int32_t line) noexcept:
    cdef PyThreadState *state = rec_thread_state()
    cdef rec_iframe *frame = rec_current_frame(state)
    cdef Thread *t
    cdef Status status
    t = thread_of(state)
    if t == NULL:
        return answer(ERR_OUT_OF_MEMORY)
    if needs_attention_at_line():
        status = handle_attention()
        if status != OK:
            return answer(status)
    if not is_top(t, frame):
        status = match_stacks(t, frame)
        if status != OK or not is_top(t, frame):
            return answer(status)
    status = event_line(top_of(t), line)
    if status != OK:
        return answer(status)
    return none()


cdef PyObject *on_jump(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    """A jump back within a line is that line once more: the next round of a loop on one line. All other jumps are
    switched off, each where it stands: what they lead to is told by LINE, or is no new line."""
    cdef int64_t source = 0, target = 0
    cdef int line
    if hooks.state == ABORTING:
        return none()          # it comes again at the next line: here it would pass by a `try` in the loop
    if hooks.state != RECORDING:
        return inactive(True)
    if not rec_int_small(args[1], &source) or not rec_int_small(args[2], &target):
        set_fault_detail("a jump has small numbers")
        return answer(fail(ERR_INVARIANT_BROKEN, STAGE_CAPTURE))
    if target >= source:
        return disabled()
    line = PyCode_Addr2Line(<PyCodeObject *> args[0], <int> target)
    if line < 0 or line != PyCode_Addr2Line(<PyCodeObject *> args[0], <int> source):
        return disabled()
    return line_begins(line)


cdef PyObject *on_resume(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return frame_resumed(args, NULL, False)


cdef PyObject *on_throw(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return frame_resumed(args, args[2], True)


cdef PyObject *frame_resumed(PyObject **args, PyObject *thrown, bint by_throw) noexcept:
    cdef PyThreadState *state = rec_thread_state()
    cdef rec_iframe *frame = rec_current_frame(state)
    cdef Code *code
    cdef Thread *t
    cdef Status status
    cdef rec_end end = REC_NO_END
    if hooks.state != RECORDING:
        return inactive(not by_throw)
    code = code_of(args[0])
    if code == NULL:
        return answer(ERR_INTERNAL)
    if not code.in_scope:
        return none() if by_throw and not HAS_LOCAL_EXCEPTIONS else disabled()
    if not code.instrumented and not instrument(code):
        return answer(ERR_INTERNAL)
    t = thread_of(state)
    if t == NULL:
        return answer(ERR_OUT_OF_MEMORY)
    if by_throw:
        status = end_of(args, REC_RAISE, &end)
        if status != OK:
            return answer(status)
        if end == REC_ITERATION_ENDS:
            thrown = NULL                       # a sub-iterator's answer to what was thrown into it
    return answer(event_resume(t, frame, code, thrown, by_throw))


cdef PyObject *on_return(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return frame_event(args, REC_RETURN)


cdef PyObject *on_yield(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return frame_event(args, REC_YIELD)


cdef PyObject *on_unwind(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return frame_event(args, REC_UNWIND)


cdef PyObject *on_raise(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return frame_event(args, REC_RAISE)


cdef PyObject *on_reraise(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return frame_event(args, REC_RERAISE)


cdef PyObject *on_handled(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return frame_event(args, REC_HANDLED)


cdef PyObject *on_stop_iteration(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return frame_event(args, REC_STOP_ITERATION)


cdef PyObject *frame_event(PyObject **args, uint8_t record) noexcept:
    """An event with a value, about the frame at the top: its end, or an exception in it."""
    cdef PyThreadState *state = rec_thread_state()
    cdef rec_iframe *frame = rec_current_frame(state)
    cdef Thread *t
    cdef Code *code
    cdef Status status
    if hooks.state != RECORDING:
        return inactive(record == REC_RETURN or record == REC_YIELD)
    t = tracer.thread
    if t == NULL or t.state != state or t.state_id != state.id or not is_top(t, frame):
        code = code_of(args[0])                 # most likely out of scope: these events come from all code
        if code == NULL:
            return answer(ERR_INTERNAL)
        if not code.in_scope or not code.instrumented:
            return none()
        t = thread_of(state)
        if t == NULL:
            return answer(ERR_OUT_OF_MEMORY)
        if not is_top(t, frame):
            status = match_stacks(t, frame)
            if status != OK or not is_top(t, frame):
                return answer(status)
    if record <= REC_YIELD or record == REC_UNWIND:
        return answer(event_end(t, record, args[2]))
    if record == REC_STOP_ITERATION:
        return answer(event_stop_iteration(t, args[2], True))
    return answer(exception_event(t, record, args))


cdef Status exception_event(Thread *t, uint8_t record, PyObject **args) noexcept:
    """RAISE, RERAISE or HANDLED, unless all that the exception does is to end an iteration, or to pass a handler that
    is none of the program's."""
    cdef Shadow *s = top_of(t)
    cdef PyObject *passing = s.passing
    cdef rec_end end = REC_NO_END
    cdef Status status
    s.passing = NULL
    if record == REC_RERAISE:
        if passing == args[2]:
            return OK
        if passing == Py_None:                  # the handler around a generator has made another one of it
            record = REC_RAISE
    elif record == REC_HANDLED or rec_can_be_stop(args[2]):
        status = end_of(args, record, &end)
        if status != OK:
            return status
    if end == REC_ITERATION_ENDS:
        return event_stop_iteration(t, args[2], False) if record == REC_RAISE else OK
    if end != REC_NO_END:
        s.passing = args[2] if end == REC_RERAISES else Py_None
    return event_exception(t, record, args[2]) if end != REC_RERAISES else OK


cdef Status end_of(PyObject **args, uint8_t record, rec_end *end) noexcept:
    """What becomes of the exception that is raised or handled there, so far as the compiler has a hand in it."""
    cdef PyCodeObject *code = <PyCodeObject *> args[0]
    cdef int64_t offset = 0
    if not rec_int_small(args[1], &offset):
        set_fault_detail("an offset in a code is a small number")
        return fail(ERR_INVARIANT_BROKEN, STAGE_CAPTURE)
    if record == REC_RAISE:
        end[0] = rec_ends_iteration(code, <int> offset, args[2])
    else:
        end[0] = rec_handler_of(code, <int> offset, args[2])
    return OK if end[0] != REC_END_MEMORY else fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM)


# ---- installation ------------------------------------------------------------------------------------

cdef PyMethodDef methods[12]
cdef int LOCAL_EVENTS = 0
cdef int GLOBAL_EVENTS = 0


cdef bint instrument(Code *code) noexcept:
    """Local events for a code object in scope."""
    cdef PyObject *handled = rec_save_handled()
    rec_lend_depth(REC_OWN_DEPTH)
    try:
        monitoring.set_local_events(hooks.tool, <object> <PyObject *> code.object, LOCAL_EVENTS)
        code.instrumented = True
    except ValueError:                          # the tool id is nobody's any more
        fail(ERR_HOOK_STOLEN, STAGE_CAPTURE)
    except BaseException as error:
        fail_by_exception(error, STAGE_CAPTURE)
    rec_lend_depth(-REC_OWN_DEPTH)
    rec_restore_handled(handled)
    return code.instrumented


cdef int define_method(int i, const char *name, void *function, int event) except -1:
    methods[i].ml_name = name
    methods[i].ml_meth = function
    methods[i].ml_flags = METH_FASTCALL
    methods[i].ml_doc = NULL
    cdef PyObject *made = PyCFunction_NewEx(&methods[i], NULL, NULL)
    if made == NULL:
        return -1
    callbacks[event] = <object> made
    Py_XDECREF(made)
    return 0


cdef int prepare_monitoring() except -1:
    """Once per process: the callbacks and the sets of events."""
    global monitoring, LOCAL_EVENTS, GLOBAL_EVENTS
    if monitoring is not None:
        return 0
    import sys
    module = sys.monitoring
    e = module.events
    define_method(0, b"on_start", <void *> on_start, e.PY_START)
    define_method(1, b"on_resume", <void *> on_resume, e.PY_RESUME)
    define_method(2, b"on_throw", <void *> on_throw, e.PY_THROW)
    define_method(3, b"on_line", <void *> on_line, e.LINE)
    define_method(4, b"on_return", <void *> on_return, e.PY_RETURN)
    define_method(5, b"on_yield", <void *> on_yield, e.PY_YIELD)
    define_method(6, b"on_unwind", <void *> on_unwind, e.PY_UNWIND)
    define_method(7, b"on_raise", <void *> on_raise, e.RAISE)
    define_method(8, b"on_reraise", <void *> on_reraise, e.RERAISE)
    define_method(9, b"on_handled", <void *> on_handled, e.EXCEPTION_HANDLED)
    define_method(10, b"on_stop_iteration", <void *> on_stop_iteration, e.STOP_ITERATION)
    define_method(11, b"on_jump", <void *> on_jump, e.JUMP)
    LOCAL_EVENTS = e.LINE | e.JUMP | e.PY_RETURN | e.PY_YIELD | e.STOP_ITERATION
    GLOBAL_EVENTS = e.PY_START | e.PY_RESUME | e.PY_THROW
    exceptions = e.PY_UNWIND | e.RAISE | e.RERAISE | e.EXCEPTION_HANDLED
    if HAS_LOCAL_EXCEPTIONS:
        LOCAL_EVENTS |= exceptions              # code out of scope has none
    else:
        GLOBAL_EVENTS |= exceptions
    hooks.disable = <PyObject *> module.DISABLE
    Py_INCREF(hooks.disable)
    monitoring = module
    return 0


cdef Status install_monitoring() except *:
    """Takes a tool id and switches the events on. All ids taken is a fault of its own."""
    global tool_name
    cdef int tool
    for tool in (4, 3, 1, 0, 2, 5):         # 3 is what Hypothesis asks for, in the middle of a test
        if monitoring.get_tool(tool) is None:
            tool_name = "".join(("record", "er"))
            monitoring.use_tool_id(tool, tool_name)
            hooks.tool = tool
            break
    else:
        names = []
        for tool in range(6):
            names.append(str(monitoring.get_tool(tool)))
        set_fault_detail(", ".join(names).encode("utf-8", "replace"))
        return fail(ERR_TOOL_IDS_TAKEN, STAGE_START)
    for event, function in callbacks.items():
        monitoring.register_callback(tool, event, function)
    monitoring.restart_events()                 # an earlier session's DISABLE answers are void
    monitoring.set_events(tool, GLOBAL_EVENTS)
    return OK


cdef Status check_monitoring() noexcept:
    """Whether the tool id and its events are still ours. Another tool can take them without a word."""
    cdef bint ours = False
    try:
        ours = (monitoring.get_tool(hooks.tool) is tool_name
                and monitoring.get_events(hooks.tool) == GLOBAL_EVENTS)
        if not ours:
            blame_owner(monitoring.get_tool(hooks.tool))
    # audit: a broken sys.monitoring is not ours any more either
    except BaseException:
        pass
    return OK if ours else fail(ERR_HOOK_STOLEN, STAGE_STOP)


cdef int blame_owner(tool) except -1:
    """Who has the id now, unless an earlier fault stands, whose detail it would overwrite."""
    if tool is not None and tool is not tool_name and sticky_fault.status == 0:
        copy_text(sticky_detail, tool.encode("utf-8", "replace"), sizeof(sticky_detail))
    return 0


cdef int remove_monitoring(bint aborting) except -1:
    cdef Code *code
    cdef int tool = hooks.tool
    if tool < 0:
        return 0
    if monitoring.get_tool(tool) is not tool_name:
        hooks.tool = -1                         # another tool's: nothing of it is ours to change
        return 0
    if aborting:
        monitoring.set_events(tool, monitoring.events.PY_START | monitoring.events.PY_RESUME)
        monitoring.restart_events()
        return 0
    monitoring.set_events(tool, 0)
    code = tracer.all_codes
    while code != NULL:
        if code.object != NULL and code.instrumented:
            monitoring.set_local_events(tool, <object> <PyObject *> code.object, 0)
            code.instrumented = False
        code = code.next
    hooks.tool = -1
    try:
        for event, function in callbacks.items():
            if not rec_forget_callable(tool, event.bit_length() - 1, <PyObject *> function):
                monitoring.register_callback(tool, event, None)     # audit hooks hear of it, and can raise
    finally:
        monitoring.free_tool_id(tool)
    return 0
