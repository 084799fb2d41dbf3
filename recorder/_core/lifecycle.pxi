# The entry points: start, stop, and what happens to the process in between and afterwards.

cdef extern from "<stdlib.h>" nogil:
    int on_exit(void (*)(int, void *) noexcept nogil, void *)

cdef extern from "<pthread.h>" nogil:
    int pthread_atfork(void (*)() noexcept nogil, void (*)() noexcept nogil, void (*)() noexcept nogil)

cdef extern from "failures.h" nogil:
    ctypedef struct rec_failure_text:
        const char *name
        const char *title
        const char *hint
    const rec_failure_text *rec_failure(int)

cdef extern from "<string.h>" nogil:
    const char *strrchr(const char *, int)
    char *strerror(int)

cdef extern from "<stdio.h>" nogil:
    ctypedef struct FILE:
        pass
    int fflush(FILE *)

cdef extern from "<unistd.h>" nogil:
    void process_exit "_exit"(int)
    ssize_t write_all "write"(int, const void *, size_t)

cdef extern from "Python.h" nogil:
    PyInterpreterState *PyInterpreterState_Main()
    int64_t PyInterpreterState_GetID(PyInterpreterState *)

cdef struct Exit:                # what is left to do when the process ends
    bint registered
    bint summary
    bint require_trace
    int override                 # the exit status the policy wants, or −1
    char name[512]               # the trace, as the user would write it
    char missing[512]            # what to say if there is no trace

cdef Exit ending
cdef uint64_t first_tick = rec_ticks()
cdef uint64_t first_ns = rec_clock_ns(CLOCK_MONOTONIC)
cdef int FINISH_MS = 10000       # how long the end of a process waits for a sealer that shows no sign of life


def arm(bytes folder not None, dict options not None, callback not None):
    """Starts recording into the staging folder, in one step: all of it, or nothing.

    options: scope (0 own, 1 deps, 2 all), outside and stdlib (tuples of path prefixes), secrets, include
    and exclude (patterns), max_events, max_seconds, items, depth, text, nodes
    (limits of a value), wait_ms, wait_for_main, summary, require_trace, name, missing.
    callback(facts) is told of a fault, once, inside the hook: it answers None to go on without recording, or the
    exception that ends the program.
    Answers ALREADY_RECORDING, SUBINTERPRETER, STAGING_LOST, OPEN_FAILED, MAP_FAILED, TOOL_IDS_TAKEN,
    TRACER_INSTALL_CONFLICT, OUT_OF_MEMORY."""
    global on_fault
    cdef Status status
    if hooks.state == RECORDING or hooks.state == WAITING or hooks.state == ABORTING:
        return refuse(ERR_ALREADY_RECORDING)
    if PyInterpreterState_Get() != PyInterpreterState_Main():
        return refuse(ERR_SUBINTERPRETER, <uint64_t> PyInterpreterState_GetID(PyInterpreterState_Get()))
    status = map_tape(folder)
    if status != OK:
        return result(status)
    try:
        apply_options(options)
        on_fault = callback
    except BaseException as error:
        status = fail_by_exception(error, STAGE_START)
        answer = result(status)
        unmap_tape()
        return answer
    status = begin(options["wait_for_main"])
    if status != OK:
        answer = result(status)
        end_session()
        return answer
    return result(OK)


cdef int apply_options(dict options) except -1:
    global scope_mode, scope_outside, scope_stdlib, scope_main, scope_include, scope_exclude, max_seconds
    scope_mode = options["scope"]
    scope_outside = tuple(options["outside"])
    scope_stdlib = tuple(options["stdlib"])
    scope_main = None
    scope_include = tuple(options["include"])
    scope_exclude = tuple(options["exclude"])
    set_secrets(options["secrets"])
    set_limits(options["items"], options["depth"], options["text"], options["nodes"])
    tape.wait_ms = options["wait_ms"]
    tape.most_events = options["max_events"]
    max_seconds = options["max_seconds"]
    ending.summary = options["summary"]
    ending.require_trace = options["require_trace"]
    ending.override = -1
    copy_text(ending.name, options["name"])
    copy_text(ending.missing, options["missing"])
    return 0


cdef int copy_text(char *place, bytes text) except -1:
    cdef Py_ssize_t n = min(len(text), 511)
    memcpy(place, <const char *> text, n)
    place[n] = 0
    return 0


cdef Status begin(bint wait_for_main) noexcept:
    cdef Status status
    open_segment(0)
    status = open_tracer()
    if status == OK:
        status = watch_process()
    if status == OK:
        status = install_hooks()
    if status == OK:
        status = find_main(wait_for_main)
    if status != OK:
        return status
    tape.control.target_pid = tape.pid
    tape.control.ticks_per_second = ticks_per_second()
    tape.deadline = tape.last_tick + <uint64_t> (max_seconds * <double> tape.control.ticks_per_second)
    commit()
    if wait_for_main:
        hooks.state = WAITING
        return OK
    status = see_running_frames()
    if status != OK:
        return status
    hooks.state = RECORDING
    REC_STORE(tape.control.target_state, REC_TARGET_RECORDING)
    return OK


cdef Status find_main(bint wait_for_main) noexcept:
    """The globals of __main__ and the id of the main thread, which is the oldest one of its interpreter."""
    cdef PyThreadState *state = PyInterpreterState_ThreadHead(PyInterpreterState_Get())
    try:
        hooks.main_globals = PyModule_GetDict(PyImport_AddModule(b"__main__"))
    except BaseException:
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    while state != NULL:
        hooks.main_thread = state.id
        state = PyThreadState_Next(state)
    return OK


cdef Status see_running_frames() noexcept:
    """Frames in scope that run already get their events; they are adopted at their next one."""
    cdef PyThreadState *state = PyInterpreterState_ThreadHead(PyInterpreterState_Get())
    cdef rec_iframe *frame
    cdef Code *code
    if PY_VERSION_HEX < 0x030C0000:
        return OK
    while state != NULL:
        frame = rec_current_frame(state)
        while frame != NULL:
            code = scoped_code(frame) if rec_frame_is_complete(frame) else NULL
            if code != NULL and not code.instrumented and not instrument(code):
                return ERR_INTERNAL
            frame = frame.previous
        state = PyThreadState_Next(state)
    return OK


cdef uint64_t ticks_per_second() noexcept nogil:
    """Measured since this module was loaded; over two milliseconds at least, which is exact to 10⁻⁵."""
    cdef uint64_t ns = rec_clock_ns(CLOCK_MONOTONIC) - first_ns
    while ns < 2000000:
        ns = rec_clock_ns(CLOCK_MONOTONIC) - first_ns
    return <uint64_t> (<double> (rec_ticks() - first_tick) * 1e9 / <double> ns)


# ---- the end ------------------------------------------------------------------------------------------

cdef void close_tape(uint32_t state) noexcept nogil:
    """The tape is whole up to here; the sealer may take what is left. The live segment keeps its state: its
    committed size says how much of it counts."""
    if tape.head != NULL and <size_t> (tape.end - tape.cur) >= DEF_ROOM:
        put_clock()
    if tape.head != NULL:
        commit()
    tape.control.events = tape.events
    tape.control.stopped_mono_ns = rec_clock_ns(CLOCK_MONOTONIC)
    REC_STORE(tape.control.target_state, state)


cdef void end_session() noexcept:
    """Back to the state before arm: no hooks, no shadows, no mapping. Never fails."""
    try:
        remove_hooks(False)
    except BaseException as error:
        fail_by_exception(error, STAGE_STOP)    # CPython kept a hook: it finds the state IDLE and does nothing
    hooks.state = IDLE
    hooks.main_globals = NULL
    close_tracer()
    unmap_tape()


def stop(bint final):
    """Removes the hooks and closes the tape, in one step. final: nothing more will be said about this run (else the
    exit status follows when the process ends). Answers NOT_RECORDING; a fault that stands is in the result."""
    cdef Status status
    if tape.control == NULL or hooks.state == FORKED:
        return refuse(ERR_NOT_RECORDING)
    if hooks.state == RECORDING and check_hooks() != OK:
        tape.control.target_fault.disposition = DISABLE
    if adopt_sealer_fault() == OK and not sealer_is_alive():
        fail(ERR_SEALER_DIED, STAGE_STOP, 0, 0, tape.control.sealer_pid)
    try:
        remove_hooks(False)
    except BaseException as error:
        fail_by_exception(error, STAGE_STOP)
    hooks.state = IDLE
    status = <Status> REC_LOAD(tape.control.target_fault.status)
    if REC_LOAD(tape.control.target_state) < REC_TARGET_STOPPED:
        close_tape(REC_TARGET_FINISHED if final else REC_TARGET_STOPPED)
    elif final:
        REC_STORE(tape.control.target_state, REC_TARGET_FINISHED)
    close_tracer()
    return result(status, tape.events)


def wait_published():
    """Waits for the sealer, as long as it shows signs of life, and gives the tape back. The value is the sealer's
    state (PUBLISHED, DISCARDED, FAILED) and the size of the trace. Answers SEALER_DIED, SEALER_STALLED, or the
    sealer's own fault."""
    cdef Status status
    if tape.control == NULL:
        return refuse(ERR_NOT_RECORDING)
    with nogil:
        status = wait_for_sealer()
    answer = result(status, (tape.control.sealer_state, tape.control.trace_bytes, tape.control.target_fault.status))
    unmap_tape()
    return answer


cdef Status wait_for_sealer() noexcept nogil:
    cdef uint64_t now, started = rec_clock_ns(CLOCK_MONOTONIC), beat = 0
    cdef uint32_t state
    while True:
        state = REC_LOAD(tape.control.sealer_state)
        if state == REC_SEALER_PUBLISHED or state == REC_SEALER_DISCARDED:
            return OK
        if state == REC_SEALER_FAILED:
            return adopt_sealer_fault()
        now = rec_clock_ns(CLOCK_MONOTONIC)
        if REC_LOAD64(tape.control.heartbeat) != beat:
            beat = REC_LOAD64(tape.control.heartbeat)
            started = now
        if now - started > 50000000 and not sealer_is_alive():
            # It may have published in the meantime and ended.
            if REC_LOAD(tape.control.sealer_state) == state:
                return fail(ERR_SEALER_DIED, STAGE_STOP, 0, 0, tape.control.sealer_pid)
            continue
        if now - started > <uint64_t> FINISH_MS * 1000000:
            return fail(ERR_SEALER_STALLED, STAGE_STOP, 0, (now - started) // 1000000)
        pause_us(500)


def reset():
    """From any state to that of a fresh process. What was recorded is left to the sealer."""
    if tape.control != NULL and hooks.state != FORKED:
        if REC_LOAD(tape.control.target_state) < REC_TARGET_FINISHED:
            close_tape(REC_TARGET_FINISHED)
    end_session()
    return result(OK)


# ---- the process ends, or forks -------------------------------------------------------------------------

cdef Status watch_process() noexcept nogil:
    """Once per process: libc tells of the end and of forks."""
    if ending.registered:
        return OK
    if on_exit(at_exit, NULL) != 0:
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    if pthread_atfork(NULL, after_fork_in_parent, after_fork_in_child) != 0:
        return fail(ERR_OUT_OF_MEMORY, STAGE_START, ENOMEM)
    ending.registered = True
    return OK


cdef void at_exit(int exit_status, void *unused) noexcept nogil:
    """libc's exit(): Python is gone. Passes the exit status on and waits for the publication."""
    cdef Status status = OK
    cdef bint told
    if tape.control != NULL and getpid() == tape.pid:
        told = REC_LOAD(tape.control.target_fault.status) != 0
        tape.control.exit_status = exit_status
        tape.control.has_exit_status = 1
        if REC_LOAD(tape.control.target_state) < REC_TARGET_STOPPED:
            close_tape(REC_TARGET_FINISHED)
        else:
            REC_STORE(tape.control.target_state, REC_TARGET_FINISHED)
        status = wait_for_sealer()
        if status != OK or REC_LOAD(tape.control.sealer_state) != REC_SEALER_PUBLISHED:
            if ending.require_trace:
                say(ending.missing)
                ending.override = 10
            elif status != OK and not told:
                say_failure(status)
        elif REC_LOAD(tape.control.sealer_fault.status) != 0 and not told:
            say_failure(<Status> tape.control.sealer_fault.status)
        elif ending.summary:
            say_summary()
        unmap_tape()
    if ending.override >= 0 and ending.override != exit_status:
        # exit() cannot change its mind; what the C library has buffered is written first, as it would have.
        if fflush(NULL) != 0:
            pass                                # the exit status below is the stronger message
        process_exit(ending.override)


cdef void say(const char *text) noexcept nogil:
    cdef ssize_t written = write_all(2, text, strlen(text))
    if written < 0:
        return                                  # stderr is closed: there is nobody to tell


cdef void say_failure(Status status) noexcept nogil:
    """What went wrong after Python had gone, with the classes that know better."""
    cdef char line[2048]
    cdef const rec_failure_text *row = rec_failure(status)
    cdef RecFault *fault = &tape.control.target_fault
    cdef const char *subject = tape.control.target_detail
    cdef const char *before = b""
    cdef const char *reason = b""
    cdef const char *after = b""
    cdef int size
    if fault.status == 0:                       # of the sealer, which published all the same
        fault = &tape.control.sealer_fault
        subject = tape.control.sealer_detail
    if strrchr(subject, 0x1F) != NULL:
        subject = strrchr(subject, 0x1F) + 1    # the path is the last of several words
    if fault.sys_errno != 0:
        before = b" ("
        reason = strerror(fault.sys_errno)
        after = b")"
    if status == ERR_SEALER_DIED:
        size = snprintf(line, sizeof(line), "recorder: [%s] the sealer (pid %d) ended while it was needed. %s\n",
                        row.name, tape.control.sealer_pid, row.hint)
    else:
        size = snprintf(line, sizeof(line), "recorder: [%s] %s: %s%s%s%s. %s\n", row.name, row.title, subject,
                        before, reason, after, row.hint)
    if size > 0:
        say(line)


cdef void say_summary() noexcept nogil:
    cdef char line[1024]
    cdef double seconds = <double> (tape.control.stopped_mono_ns - tape.control.started_mono_ns) / 1e9
    if snprintf(line, sizeof(line), "recorder: %llu events in %.2f s, %llu bytes: %s\n",
                <unsigned long long> tape.control.events, seconds,
                <unsigned long long> tape.control.trace_bytes, ending.name) > 0:
        say(line)


cdef void after_fork_in_parent() noexcept nogil:
    if tape.control != NULL:
        tape.control.forks += 1


cdef void after_fork_in_child() noexcept nogil:
    """The tape is the parent's. The hooks that the child inherited find nothing to do and switch themselves off."""
    if tape.control == NULL:
        return
    hooks.state = FORKED
    ending.override = -1
    unmap_tape()


# ---- what is going on -----------------------------------------------------------------------------------

def is_recording():
    return hooks.state == RECORDING or hooks.state == WAITING


def state_name():
    return ("idle", "waiting", "recording", "aborting", "forked")[<int> hooks.state]


def set_exit_status(int status):
    """The exit status that the policy wants instead of the program's; −1: the program's own."""
    ending.override = status


def stats():
    """Counters of the running session: events, segments, bytes in the live segment."""
    if tape.control == NULL:
        return None
    return {
        "events": tape.events,
        "segments": tape.sequence,
        "segment_bytes": tape.cur - tape.data,
        "threads": tracer.threads,
        "codes": tracer.codes,
        "suspended": tracer.suspended_count,
        "trace_bytes": tape.control.trace_bytes,
    }
