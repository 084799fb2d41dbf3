# How CPython calls the tracer. 3.12 and later: sys.monitoring. 3.11: the C trace function of every thread.
# Each hook finds the thread and the frame, hands over, and settles what comes back; none ever raises.

cdef enum State:
    IDLE = 0
    WAITING = 1              # armed; recording begins with __main__
    RECORDING = 2
    ABORTING = 3             # recording has ended; the main thread still has to hear of it
    FORKED = 4               # in a child: the tape is the parent's

cdef enum Disposition:
    DEGRADE = 1
    DISABLE = 2
    ABORT = 3

cdef struct Hooks:
    State state
    State forked_while       # in a child: what the parent was doing
    int tool                 # 3.12+: our tool id, −1 when there is none
    PyObject *main_globals   # not owned: the dict of __main__, while WAITING
    PyObject *disable        # owned: sys.monitoring.DISABLE
    PyObject *abort_instance  # owned, while ABORTING
    bint abort_is_queued     # deliver_abort is a pending call
    uint64_t main_thread     # id of the main thread's state
    PyThreadState *newest    # 3.11: head of the interpreter's list of threads, as last seen
    Status told_of           # the fault that the session has told of; the page that says so may be gone by the end

cdef Hooks hooks
cdef object monitoring = None
cdef object tool_name = None  # this very object, so that another tool of that name is not taken for us
cdef dict callbacks = {}     # event bit → built-in function


# ---- what all hooks share -------------------------------------------------------------------------------

cdef inline PyObject *none() noexcept:
    Py_INCREF(Py_None)
    return Py_None


cdef PyObject *disabled() noexcept:
    Py_INCREF(hooks.disable)
    return hooks.disable


cdef void settle(Status status) noexcept:
    """Ends a hook whose status was not OK: recording stops, what was recorded is handed over to be published, the
    policy decides about the program. What the session does here can let other threads run, which can stop the
    recording or start one: nothing below it may rely on what was before."""
    cdef PyObject *kind = NULL
    cdef PyObject *value = NULL
    cdef PyObject *trace = NULL
    cdef PyObject *handled
    cdef uint32_t session = tracer.session
    if hooks.state != RECORDING:
        return
    REC_CHECK(tape.control != NULL and current is not None, b"what is recorded has a tape and a session")
    handled = rec_save_handled()
    rec_lend_depth(REC_OWN_DEPTH)
    fail(status, STAGE_CAPTURE)                 # in case only the status was known
    hooks.state = IDLE
    PyErr_Fetch(&kind, &value, &trace)
    if tape.control.target_fault.status // 1000 == 4:
        poison_core(<Status> tape.control.target_fault.status)
    tape.control.target_fault.disposition = DISABLE
    close_tape(REC_TARGET_FINISHED)
    close_tracer()
    ask_session(session)
    if session == tracer.session and tape.control != NULL:
        if hooks.state == ABORTING:
            tape.control.target_fault.disposition = ABORT
        take_hooks_away(hooks.state == ABORTING)
    if hooks.state == ABORTING:
        queue_abort()
    queue_interruption()
    rec_lend_depth(-REC_OWN_DEPTH)
    PyErr_Restore(kind, value, trace)
    rec_restore_handled(handled)


cdef enum:
    MOST_INTERRUPTIONS = 8   # of one decision, by signal handlers that raise


cdef void ask_session(uint32_t session) noexcept:
    """Has the session decide. A signal handler of the program's can run in there: what it raises is the program's, and
    is raised where it would have been without us, after the decision."""
    global deciding
    cdef Recording recording = current
    cdef int attempts = 0
    if recording is None:
        return
    facts = None
    deciding = rec_thread_state()
    while attempts < <int> MOST_INTERRUPTIONS:
        attempts += 1
        try:
            if tape.control == NULL or session != tracer.session:
                break                           # another thread has put an end to it
            if facts is None:
                facts = fault_facts(current_fault(), tape.control.target_detail)
            outcome = recording.on_fault(facts)
            hooks.told_of = <Status> <int> facts["status"]
            if session == tracer.session and tape.control != NULL and recording.closed is None:
                set_abort(outcome)
            break
        except BaseException as exc:
            if is_programs(exc):                # deliver_interruption raises it again
                pass_on(exc)
                continue
            # The session's own code failed. The fault stands in the control page, and recording is over all the same.
            poison_core(ERR_INTERNAL)
            write_ended(<Status> current_fault().status)
            break
    deciding = NULL


cdef bint is_programs(exc) noexcept:
    """Whether it came out of a signal handler or the like, and not out of the session's own code."""
    if not isinstance(exc, Exception):
        return True
    try:
        return errors.is_programs(exc)
    # audit: a second one in the very look at the first
    except BaseException:
        return True


cdef object interruption_due = None


cdef void pass_on(interruption) noexcept:
    """An exception that a signal handler raised inside of ours is raised again in the main thread."""
    global interruption_due
    PyException_SetTraceback(interruption, Py_None)     # audit: None is what it may be set to
    interruption_due = interruption


cdef void queue_interruption() noexcept:
    """At the end of a hook, when no code of ours runs any more that it could be raised in."""
    if interruption_due is not None:
        # audit: the queue is full only when 31 others already interrupt the main thread
        Py_AddPendingCall(deliver_interruption, NULL)


cdef int deliver_interruption(void *unused) noexcept:
    global interruption_due
    cdef PyObject *due = <PyObject *> interruption_due
    if due == Py_None:
        return 0
    PyErr_SetObject(<PyObject *> due.ob_type, due)  # audit: the program's own, out of its signal handler
    interruption_due = None
    return -1


cdef void take_hooks_away(bint aborting) noexcept:
    """Inside a hook: nothing may come out. The audit hook that CPython calls here is code of the program's."""
    global changing
    changing = rec_thread_state()
    try:
        remove_hooks(aborting)
    except Exception:  # audit: a hook that CPython kept finds the state IDLE and does nothing
        pass
    # audit: deliver_interruption raises it again
    except BaseException as interruption:
        pass_on(interruption)
    changing = NULL


cdef void poison_core(Status status) noexcept:
    """After an internal failure nothing is started again until reset()."""
    global poison
    if poison == OK:
        poison = status


cdef int set_abort(outcome) except -1:
    """What the session decided: None to disable, or the exception that ends the program."""
    if outcome is None:
        return 0
    Py_XDECREF(hooks.abort_instance)
    hooks.abort_instance = <PyObject *> outcome
    Py_INCREF(hooks.abort_instance)
    hooks.state = ABORTING
    return 0


cdef void forget_abort() noexcept:
    cdef PyObject *instance = hooks.abort_instance
    hooks.abort_instance = NULL
    Py_XDECREF(instance)


cdef bint is_main_thread() noexcept:
    cdef PyThreadState *state = rec_thread_state()
    return state != NULL and state.id == hooks.main_thread


cdef void queue_abort() noexcept:
    """Asks for deliver_abort. Where the queue is full, the next event of the main thread asks again."""
    if not hooks.abort_is_queued:
        hooks.abort_is_queued = Py_AddPendingCall(deliver_abort, NULL) == 0


cdef int deliver_abort(void *unused) noexcept:
    """A pending call: runs in the main thread, where Ctrl-C would be raised too. Only there is it safe: a line
    event may stand before the instruction that begins an except block, and an exception from it would skip
    the block and leave a wrong sys.exc_info()."""
    hooks.abort_is_queued = False
    if not is_abort_due():
        return 0
    # audit: RecordingAborted, raised where Ctrl-C would be
    PyErr_SetObject(<PyObject *> hooks.abort_instance.ob_type, hooks.abort_instance)
    return -1


cdef void repeat_abort() noexcept:
    """An event after the abort: if the program has swallowed it, it is raised again."""
    if is_abort_due():
        queue_abort()


cdef bint is_abort_due() noexcept:
    """Not while except and finally blocks handle it, and not when it has got through: what runs then, such as
    atexit's functions, is below no module body."""
    cdef PyThreadState *state = rec_thread_state()
    cdef rec_iframe *frame
    cdef PyCodeObject *code
    if hooks.state != ABORTING or hooks.abort_instance == NULL or not is_main_thread():
        return False
    if rec_is_handling(state, hooks.abort_instance.ob_type):
        return False
    frame = rec_current_frame(state)
    while frame != NULL:
        code = rec_frame_code(frame)
        if code != NULL and is_named_module(code.co_name):
            return True
        frame = frame.previous
    return False


cdef bint begins_main(rec_iframe *frame, PyCodeObject *code) noexcept:
    """Whether this frame is the body of __main__; if so, recording begins."""
    global scope_main
    if frame.globals != hooks.main_globals or frame.locals != frame.globals:
        return False
    if not is_named_module(code.co_name):
        return False
    scope_main = <object> code.co_filename if PyUnicode_CheckExact(code.co_filename) else None
    forget_scopes()
    hooks.state = RECORDING
    REC_STORE(tape.control.target_state, REC_TARGET_RECORDING)
    return True


cdef bint is_named_module(PyObject *name) noexcept:
    return rec_str_is(name, "<module>")


cdef void forget_scopes() noexcept:
    cdef Code *code = tracer.all_codes
    while code != NULL:
        if code.object != NULL:
            code.in_scope = is_in_scope(code.object)
        code = code.next


# ---- 3.12 and later: sys.monitoring ---------------------------------------------------------------------

cdef inline PyObject *answer(Status status) noexcept:
    if status == OK:
        return none()
    settle(status)
    return none()


# 3.15 and later: the events of exceptions can be those of one code object, and be switched off there.
cdef bint HAS_LOCAL_EXCEPTIONS = PY_VERSION_HEX >= 0x030F0000


cdef PyObject *inactive(bint can_be_disabled) noexcept:
    """A hook that fires while nothing is recorded. Where exception events cannot be switched off one by one, CPython
    would complain and drop the callback."""
    if hooks.state == ABORTING:
        repeat_abort()
    return disabled() if (can_be_disabled or HAS_LOCAL_EXCEPTIONS) and hooks.state == FORKED else none()


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
    if not code.in_scope:
        return disabled()
    if not code.instrumented and not instrument(code):
        return answer(ERR_INTERNAL)
    t = thread_of(state)
    if t == NULL:
        return answer(ERR_OUT_OF_MEMORY)
    if needs_attention():
        status = attend()
        if status != OK:
            return answer(status)
    return answer(event_call(t, frame, code))


cdef PyObject *on_line(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    cdef PyThreadState *state = rec_thread_state()
    cdef rec_iframe *frame = rec_current_frame(state)
    cdef Thread *t
    cdef Status status
    cdef int64_t line = 0
    if hooks.state != RECORDING:
        return inactive(True)
    t = thread_of(state)
    if t == NULL:
        return answer(ERR_OUT_OF_MEMORY)
    if is_called_for():
        status = attend()
        if status != OK:
            return answer(status)
    if not is_top(t, frame):
        status = sync(t, frame)
        if status != OK or not is_top(t, frame):
            return answer(status)
    if not rec_int_small(args[1], &line):
        blame("a line has a small number")
        return answer(fail(ERR_INVARIANT_BROKEN, STAGE_CAPTURE))
    status = event_line(top_of(t), <int32_t> line)
    if status != OK:
        return answer(status)
    return none()


cdef PyObject *on_resume(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return resumed(args, NULL)


cdef PyObject *on_throw(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return resumed(args, args[2])


cdef PyObject *resumed(PyObject **args, PyObject *thrown) noexcept:
    cdef PyThreadState *state = rec_thread_state()
    cdef rec_iframe *frame = rec_current_frame(state)
    cdef Code *code
    cdef Thread *t
    if hooks.state != RECORDING:
        return inactive(thrown == NULL)
    code = code_of(args[0])
    if code == NULL:
        return answer(ERR_INTERNAL)
    if not code.in_scope:
        return none() if thrown != NULL else disabled()
    if not code.instrumented and not instrument(code):
        return answer(ERR_INTERNAL)
    t = thread_of(state)
    if t == NULL:
        return answer(ERR_OUT_OF_MEMORY)
    return answer(event_resume(t, frame, code, thrown))


cdef PyObject *on_return(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return ended(args, REC_RETURN)


cdef PyObject *on_yield(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return ended(args, REC_YIELD)


cdef PyObject *on_unwind(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return ended(args, REC_UNWIND)


cdef PyObject *on_raise(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return ended(args, REC_RAISE)


cdef PyObject *on_reraise(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return ended(args, REC_RERAISE)


cdef PyObject *on_handled(PyObject *self, PyObject **args, Py_ssize_t nargs) noexcept:
    return ended(args, REC_HANDLED)


cdef PyObject *ended(PyObject **args, uint8_t record) noexcept:
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
            status = sync(t, frame)
            if status != OK or not is_top(t, frame):
                return answer(status)
    if record <= REC_YIELD or record == REC_UNWIND:
        return answer(event_end(t, record, args[2]))
    return answer(event_exception(t, record, args[2]))


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


cdef PyMethodDef methods[11]
cdef int LOCAL_EVENTS = 0
cdef int GLOBAL_EVENTS = 0


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
    define_method(10, b"on_stop_iteration", <void *> on_raise, e.STOP_ITERATION)
    LOCAL_EVENTS = e.LINE | e.PY_RETURN | e.PY_YIELD | e.STOP_ITERATION
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
    for tool in (3, 4, 1, 0, 2, 5):
        if monitoring.get_tool(tool) is None:
            tool_name = "".join(("record", "er"))
            monitoring.use_tool_id(tool, tool_name)
            hooks.tool = tool
            break
    else:
        names = []
        for tool in range(6):
            names.append(str(monitoring.get_tool(tool)))
        blame(", ".join(names).encode("utf-8", "replace"))
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
            name_thief(monitoring.get_tool(hooks.tool))
    # audit: a broken sys.monitoring is not ours any more either
    except BaseException:
        pass
    return OK if ours else fail(ERR_HOOK_STOLEN, STAGE_STOP)


cdef int name_thief(tool) except -1:
    """Who has the id now, unless an earlier fault stands, whose detail it would overwrite."""
    if tool is not None and tool is not tool_name and REC_LOAD(tape.control.target_fault.status) == 0:
        copy_text(tape.control.target_detail, tool.encode("utf-8", "replace"), sizeof(tape.control.target_detail))
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


# ---- 3.11: the C trace function -------------------------------------------------------------------------

# A thread has one such function. Where a debugger, coverage or the program has set one, ours takes its place and
# calls it: both see every event, and sys.gettrace() answers as if we were not there. An audit hook tells when
# sys.settrace is about to put its own in our place; right after that ours is put in front again.

cdef struct Chained:         # the function that a thread had, and that ours calls
    Chained *next
    PyThreadState *state
    uint64_t state_id
    Py_tracefunc function

cdef Chained *chained = NULL
cdef PyObjectArenaAllocator arenas   # where memory for frames comes from; alloc is NULL while ours is not in front
cdef bint audited = False        # the audit hook is there; it stays as long as the process


cdef int on_trace(PyObject *self, PyFrameObject *object, int what, PyObject *arg) noexcept:
    cdef PyThreadState *state = rec_thread_state()
    cdef Py_tracefunc other = NULL
    cdef int answer = 0
    if self != NULL:
        other = function_behind(state)          # asked first: the recording may end here, and forgets it
    record_trace(object, what, arg)
    if other != NULL:
        answer = other(self, object, what, arg)
        if hooks.state == RECORDING and take_trace(state) != OK:  # it may have removed or exchanged itself
            settle(ERR_OUT_OF_MEMORY)
    return answer


cdef void record_trace(PyFrameObject *object, int what, PyObject *arg) noexcept:
    cdef PyThreadState *state = rec_thread_state()
    cdef rec_iframe *frame = (<rec_frame_object *> object).iframe
    cdef Thread *t
    cdef Status status = OK
    if hooks.state != RECORDING:
        if hooks.state != WAITING or what != PyTrace_CALL or not begins_main(frame, rec_frame_code(frame)):
            if hooks.state == ABORTING:
                repeat_abort()
            return
    if PyInterpreterState_ThreadHead(state.interp) != hooks.newest:
        status = trace_all_threads(state)
    if status == OK and what == PyTrace_LINE and is_called_for():
        status = attend()
    t = tracer.thread
    if status != OK:
        pass
    elif (what == PyTrace_LINE and t != NULL and t.state == state and t.state_id == state.id
            and is_top(t, frame) and t.raising == NULL):
        status = event_line(top_of(t), (<rec_frame_object *> object).lineno)
    elif what != PyTrace_OPCODE:
        status = traced(state, frame, (<rec_frame_object *> object).lineno, what, arg)
    if status != OK:
        settle(status)


cdef Status traced(PyThreadState *state, rec_iframe *frame, int32_t line, int what, PyObject *arg) noexcept:
    cdef Code *code = code_of(rec_object(frame.code))
    cdef Thread *t
    cdef Status status
    if code == NULL:
        return ERR_INTERNAL
    if not code.in_scope:
        return OK
    t = thread_of(state)
    if t == NULL:
        return ERR_OUT_OF_MEMORY
    if what == PyTrace_CALL:
        if needs_attention():
            status = attend()
            if status != OK:
                return status
        if t.raising != NULL:
            status = derive_handled(t, what, arg)
            if status != OK:
                return status
        return trace_call(t, frame, code)
    if not is_top(t, frame):
        status = sync(t, frame)
        if status != OK or not is_top(t, frame):
            return status
    if t.raising != NULL:
        status = derive_handled(t, what, arg)
        if status != OK:
            return status
    if t.thrown:
        t.thrown = False
        status = event_exception(t, REC_THROW, rec_tuple_items(arg)[1] if what == PyTrace_EXCEPTION else Py_None)
        if status != OK:
            return status
    if what == PyTrace_LINE:
        return event_line(top_of(t), line)
    if what == PyTrace_EXCEPTION:
        watch_raised(t, rec_tuple_items(arg)[1])
        return event_exception(t, REC_RAISE, t.raising)
    if arg == NULL:
        return event_end(t, REC_UNWIND, NULL)
    return event_end(t, REC_YIELD if code.suspends and rec_is_yielding(frame) else REC_RETURN, arg)


cdef void watch_raised(Thread *t, PyObject *raised) noexcept:
    t.raising = raised
    t.raising_in = top_of(t).number
    t.raising_ends_loop = <PyObject *> raised.ob_type == PyExc_StopIteration


cdef Status derive_handled(Thread *t, int what, PyObject *arg) noexcept:
    """3.11 does not tell that an exception is handled. It was, where the frame that it was raised in goes on: then the
    handler begins. A call may also come out of a finalizer, on the way to the handler."""
    cdef PyObject *raised = t.raising
    cdef bint begun = raised == rec_being_handled()
    cdef bint ends = what == PyTrace_RETURN and arg == NULL
    if t.depth == 0 or what == PyTrace_EXCEPTION or top_of(t).number > t.raising_in:
        return OK
    if what == PyTrace_CALL and not begun:
        return OK
    t.raising = NULL
    if top_of(t).number < t.raising_in or (t.raising_ends_loop and not begun and not ends):
        return OK
    top_of(t).raised = t.raised
    return OK if ends else event_exception(t, REC_HANDLED, raised if begun else NULL)


cdef Status trace_call(Thread *t, rec_iframe *frame, Code *code) noexcept:
    cdef int kind = rec_resume_kind(frame) if code.suspends else 0
    cdef Status status
    if kind == 0:
        return event_call(t, frame, code)
    if kind != 4:
        return event_resume(t, frame, code, NULL)
    # Thrown into. What is thrown comes with the very next event of this thread: it is raised where the frame stands.
    status = note_task(t, frame, code)
    if status != OK:
        return status
    status = reenter(t, frame, code)
    t.thrown = status == OK
    return status


cdef Status trace_all_threads(PyThreadState *state) noexcept:
    """Threads that are new since the last look get the hook; the list grows at its head."""
    cdef PyThreadState *head = PyInterpreterState_ThreadHead(state.interp)
    cdef PyThreadState *other = head
    cdef Status status
    while other != NULL:
        status = take_trace(other)
        if status != OK:
            return status
        other = PyThreadState_Next(other)
    hooks.newest = head
    return OK


cdef void *on_first_frame(void *context, size_t size) noexcept:
    """A thread that C made enters Python: nobody else may have an event before it has its first. Room for frames is
    asked for, as for all objects, in large pieces, and by each new thread before anything else."""
    cdef PyThreadState *state = rec_thread_state()
    if (hooks.state == RECORDING or hooks.state == WAITING) and state != NULL and not rec_had_a_frame(state):
        if state.interp == PyInterpreterState_Main() and rec_trace_of(state) == NULL:
            rec_set_trace(state, on_trace)
    return arenas.alloc(context, size)


cdef void watch_first_frames() noexcept:
    cdef PyObjectArenaAllocator ours
    if arenas.alloc != NULL:
        return
    PyObject_GetArenaAllocator(&arenas)
    ours = arenas
    ours.alloc = on_first_frame
    PyObject_SetArenaAllocator(&ours)


cdef void forget_first_frames() noexcept:
    """Somebody who put an allocator in front of ours goes on to call it."""
    cdef PyObjectArenaAllocator now
    PyObject_GetArenaAllocator(&now)
    if now.alloc == <void *(*)(void *, size_t) noexcept> on_first_frame:
        PyObject_SetArenaAllocator(&arenas)
        arenas.alloc = NULL


cdef Status take_trace(PyThreadState *state) noexcept nogil:
    """Puts our function in front of what the thread has."""
    cdef Py_tracefunc function = rec_trace_of(state)
    cdef Chained *link
    if function == <Py_tracefunc> on_trace:
        return OK
    link = link_of(state)
    if link == NULL and function != NULL:
        link = <Chained *> rec_sys.calloc(1, sizeof(Chained))
        if link == NULL:
            return fail(ERR_OUT_OF_MEMORY, STAGE_CAPTURE, ENOMEM, sizeof(Chained))
        link.state = state
        link.next = chained
        global chained
        chained = link
    if link != NULL:
        link.state_id = state.id
        link.function = function
    rec_set_trace(state, on_trace)
    return OK


cdef Chained *link_of(PyThreadState *state) noexcept nogil:
    cdef Chained *link = chained
    while link != NULL and link.state != state:
        link = link.next
    return link


cdef Py_tracefunc function_behind(PyThreadState *state) noexcept nogil:
    cdef Chained *link = link_of(state)
    return link.function if link != NULL and link.state_id == state.id else NULL


cdef int on_audit(const char *event, PyObject *args, void *unused) noexcept:
    """sys.settrace is about to replace our function. In the main thread a pending call puts it back before the next
    instruction. Other threads make no pending calls: there the next call or return does, and a gap says so."""
    cdef PyThreadState *state
    if event[0] != c's' or (hooks.state != RECORDING and hooks.state != WAITING) or strcmp(event, "sys.settrace") != 0:
        return 0
    state = rec_thread_state()
    if state == NULL or rec_trace_of(state) != <Py_tracefunc> on_trace:
        return 0
    if state.id != hooks.main_thread and rec_profile_of(state) == NULL:
        rec_set_profile(state, on_profile)
    queue_take_back(state)
    return 0


cdef void queue_take_back(PyThreadState *state) noexcept:
    if Py_AddPendingCall(take_back, NULL) != 0 and state.id == hooks.main_thread and rec_profile_of(state) == NULL:
        rec_set_profile(state, on_profile)      # too many pending calls


cdef int take_back(void *unused) noexcept:
    cdef PyThreadState *state = rec_thread_state()
    if hooks.state == RECORDING or hooks.state == WAITING:
        if rec_trace_of(state) == <Py_tracefunc> on_trace and state.tracing != 0:
            queue_take_back(state)              # an audit hook of the program's runs first: ours is still in place
        elif trace_all_threads(state) != OK:
            settle(ERR_OUT_OF_MEMORY)
    return 0


cdef int on_profile(PyObject *self, PyFrameObject *object, int what, PyObject *arg) noexcept:
    """For one event only: see on_audit."""
    cdef PyThreadState *state = rec_thread_state()
    rec_set_profile(state, NULL)
    if hooks.state != RECORDING and hooks.state != WAITING:
        return 0
    if rec_trace_of(state) == <Py_tracefunc> on_trace:
        return 0
    if take_trace(state) != OK:
        settle(ERR_OUT_OF_MEMORY)
    elif hooks.state == RECORDING and thread_of(state) != NULL and reserve(DEF_ROOM) == OK:
        tape.cur = put_varint(put_tagged(tape.cur, REC_GAP, ERR_HOOK_STOLEN), 0)
    return 0


cdef Status install_trace() except *:
    global audited
    if not audited:
        if PySys_AddAuditHook(on_audit, NULL) != 0:
            PyErr_Clear()                       # somebody forbids it: a stolen hook is found when recording stops
        audited = True
    watch_first_frames()
    return trace_all_threads(rec_thread_state())


cdef Status check_trace() noexcept:
    """Whether this thread's hook is still ours."""
    if rec_trace_of(rec_thread_state()) == <Py_tracefunc> on_trace:
        return OK
    return fail(ERR_HOOK_STOLEN, STAGE_STOP)


cdef int remove_trace(bint aborting) except -1:
    """What ours was put in front of is in its old place again."""
    cdef PyThreadState *state = PyInterpreterState_ThreadHead(PyInterpreterState_Get())
    cdef Chained *link
    global chained
    if aborting:
        return 0
    forget_first_frames()
    hooks.newest = NULL
    while state != NULL:
        if rec_trace_of(state) == <Py_tracefunc> on_trace:
            rec_set_trace(state, function_behind(state))
        if rec_profile_of(state) == <Py_tracefunc> on_profile:
            rec_set_profile(state, NULL)
        state = PyThreadState_Next(state)
    while chained != NULL:
        link = chained
        chained = link.next
        free(link)
    return 0


# ---- either -----------------------------------------------------------------------------------------------

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
