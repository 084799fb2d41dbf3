# The entry points: start, stop, and what happens to the process in between and afterwards.

cdef extern from "<stdlib.h>" nogil:
    int on_exit(void (*)(int, void *) noexcept nogil, void *)

cdef extern from "<pthread.h>" nogil:
    int pthread_atfork(void (*)() noexcept nogil, void (*)() noexcept nogil, void (*)() noexcept nogil)

cdef extern from "session/failures.h" nogil:
    ctypedef struct rec_failure_text:
        const char *name
        const char *title
        const char *hint
    const rec_failure_text *rec_failure(int)

cdef extern from "<string.h>" nogil:
    const char *strrchr(const char *, int)
    char *strerror(int)

cdef extern from "session/exit_diagnostic.h" nogil:
    ctypedef struct rec_last_words:
        int number, sys_errno
        const char *name
        const char *title
        const char *hint
        const char *detail
        const char *disposition
        const char *path
        const char *state
        unsigned long long events
        const char *constant
    ctypedef struct rec_line:
        char *text
        size_t size
    void rec_diagnose(rec_line *, const rec_last_words *)

cdef extern from "<stdio.h>" nogil:
    ctypedef struct FILE:
        pass
    int fflush(FILE *)

cdef extern from "<unistd.h>" nogil:
    void process_exit "_exit"(int)
    ssize_t write_all "write"(int, const void *, size_t)

cdef extern from "Python.h" nogil:
    int Py_IsInitialized()
    int PyGILState_Check()
    int64_t PyInterpreterState_GetID(PyInterpreterState *)

cdef enum Found:                 # what there is of the trace at the end
    COMPLETE_TRACE = 0
    PARTIAL_TRACE = 1
    NO_TRACE = 2

cdef struct Decision:            # the policy's, for a failure that comes up after Python has gone
    int number
    char disposition[8]
    int exits[3]                 # the exit status it wants, by Found; −1: the program's own

cdef enum:
    MOST_DECISIONS = 128

cdef struct Exit:                # what is left to do when the process ends
    bint registered
    bint summary
    int override                 # the exit status the policy wants, or −1
    char name[512]               # the trace, as the user would write it
    char path[4096]
    Decision decisions[MOST_DECISIONS]
    int decision_count
    Decision unknown             # for a failure that is in no row
    char missing[1024]           # what to say if there is no trace that was required
    int json_fd                  # where diagnostics go; −1: not to a descriptor
    char json_path[4096]         # … or empty
    char json_facts[1024]        # what they have in common, as members of a JSON object

cdef Exit ending
cdef uint64_t first_tick = rec_ticks()
cdef uint64_t first_ns = rec_clock_ns(CLOCK_MONOTONIC)
cdef int FINISH_MS = 10000       # how long the end of a process waits for a sealer that shows no sign of life


cdef class Recording:
    """One recording, as the core knows it. recorder.session.Session is built on this.

    Its life is claim → arm → stop → wait, or abandon at any time. Each is one call, and each can be made again:
    a signal handler that raises comes before it or after it. How the recording ended and what became of the trace
    is kept here, so that no answer is lost with the call it was the answer to.

    closed: RecorderResult of stop, None before. published: RecorderResult of the publication, whose value is the
    sealer's state, the size of the trace and the number of the fault; None until it has been waited for.
    session: whose `with` this is, where it is not its own."""
    cdef readonly object closed
    cdef readonly object published
    cdef public object session
    cdef int32_t pid
    cdef uint64_t beat, beat_seen     # the sealer's last sign of life while the publication is waited for

    def on_fault(self, facts):
        """What becomes of the recording and the program after a fault: None to go on without recording, or the
        exception that ends the program. Runs inside the hook, once."""
        return None

    def ended(self, kind, value):
        """The rest of leaving a `with`: the recording has been stopped."""

    def exited(self):
        """The rest of the program's end: the recording has been stopped."""

    def __exit__(self, kind, value, trace):
        # The recording is stopped before the first instruction of Python's at which a signal handler could raise.
        cdef Recording recording = self if self.session is None else self.session
        stop(recording, True)
        return self.ended(kind, value)

    def at_exit(self):
        """For atexit: the program has ended, all but its exit status."""
        answer = stop(self, False)
        if answer is None or answer.status not in (OK, ERR_NOT_RECORDING, ERR_FORKED):
            self.exited()


cdef Recording current = None    # from claim until the publication has been waited for
cdef bint is_starting = False    # claimed and not armed
cdef Status poison = OK          # the internal failure after which nothing works until reset
# The thread that is in the middle of a transition or in the session's on_fault: both can run code of the program's
# (an audit hook, a signal handler, a finalizer), which can call the recorder.
cdef PyThreadState *changing = NULL
cdef PyThreadState *deciding = NULL


cdef bint is_live() noexcept:
    """Whether there is a recording that has not ended."""
    return (current is not None and not is_inherited(current)
            and (is_starting or hooks.state == WAITING or hooks.state == RECORDING))


cdef bint is_inherited(Recording recording) noexcept:
    """Whether it is that of the process we were forked from."""
    return recording is not None and recording.pid != 0 and recording.pid != getpid()


cdef RecorderResult refusal(operation):
    """REENTERED, if the caller was called by the recorder itself; else None."""
    cdef PyThreadState *here = rec_thread_state()
    if here == changing or here == deciding:
        return named(ERR_REENTERED, operation)
    return None


cdef RecorderResult named(Status status, detail):
    """An answer about the call, not about the recording: it leaves no fault behind."""
    return RecorderResult(<int> status, None, {"status": <int> status, "detail": detail})


def claim(Recording recording not None):
    """Makes it this recording's turn. Nothing is recorded yet. Answers ALREADY_RECORDING, SESSION_POISONED,
    REENTERED, SUBINTERPRETER; the fault of an abort that is on its way. None while another thread is in a
    transition: ask again."""
    global current, is_starting
    answer = refusal("start")
    if answer is not None:
        return answer
    if changing != NULL:
        return None
    if PyInterpreterState_Get() != PyInterpreterState_Main():
        return refuse(ERR_SUBINTERPRETER, <uint64_t> PyInterpreterState_GetID(PyInterpreterState_Get()))
    if poison != OK:
        return named(ERR_SESSION_POISONED, poison)
    if is_live() and current is not recording:
        return named(ERR_ALREADY_RECORDING, "")
    if hooks.state == ABORTING:
        return result(<Status> tape.control.target_fault.status if tape.control != NULL else ERR_ALREADY_RECORDING)
    if current is not None and current is not recording:
        let_go(True)
    current = recording
    recording.pid = getpid()
    is_starting = True
    return RecorderResult(OK)


cdef int let_go(bint with_answer) except -1:
    """Ends a recording that is over, or is to be, without waiting for its publication any longer."""
    global current, is_starting
    cdef Recording recording = current
    cdef Status status
    if with_answer and recording is not None and tape.control != NULL and not is_inherited(recording):
        if recording.closed is None:
            recording.closed = result(<Status> tape.control.target_fault.status, tape.events)
        if recording.published is None:
            status = adopt_sealer_fault()
            recording.published = publication(status)
    current = None
    is_starting = False
    end_session()
    return 0


def arm(Recording recording not None, bytes folder not None, dict options not None):
    """Starts recording into the staging folder, in one step: all of it, or nothing.

    options: scope (0 own, 1 deps, 2 all), outside and stdlib (tuples of path prefixes), secrets, include
    and exclude (patterns), max_events, max_seconds, items, depth, text, nodes
    (limits of a value), wait_ms, wait_for_main, summary, exit_status (what the program's is replaced by, or −1),
    decisions (what the policy makes of failures after Python has gone: number, disposition, exit statuses by Found;
    the last row is for all others), name and path of the trace, missing (a line of text), json_fd, json_path and
    json_facts (where diagnostics go then, and what they have in common); on_fork (called in a child with whether
    recording had not begun, or None), before_exit (called before os._exit, or None).
    Answers NOT_RECORDING if it is not (any more) this recording's turn, STAGING_LOST, OPEN_FAILED, MAP_FAILED,
    TOOL_IDS_TAKEN, TRACER_INSTALL_CONFLICT, OUT_OF_MEMORY. An Exception that an audit hook of the program's raised is
    the value of CALLBACK_FAILED; KeyboardInterrupt and its like come out as they are. None while another thread is in
    a transition."""
    global changing, is_starting
    cdef Status status
    answer = refusal("start")
    if answer is not None:
        return answer
    if changing != NULL:
        return None
    if current is not recording or not is_starting or is_inherited(recording):
        return named(ERR_NOT_RECORDING, "start")
    changing = rec_thread_state()
    try:
        end_session()                           # what a recording before this, or the parent's, left
        status = map_tape(folder)
        if status != OK:
            return result(status)
        apply_options(options)
        status = begin(options["wait_for_main"])
        answer = result(status)
        if status == OK:
            is_starting = False
        else:
            end_session()
    except Exception as exc:
        answer = RecorderResult(<int> ERR_CALLBACK_FAILED, exc, {"status": <int> ERR_CALLBACK_FAILED})
        end_session()
    except BaseException:
        end_session()
        raise
    finally:
        changing = NULL
    return answer


def abandon(Recording recording not None, bytes folder not None, tuple names not None, int sealer_pid):
    """Undoes what a start has made so far, all of it, wherever it was interrupted: hooks, mappings, the claim, the
    staging folder and the sealer. What could not be removed: (call, errno, path), or None."""
    global current, is_starting
    if current is recording:
        current = None
        is_starting = False
        if changing == NULL:
            end_session()
    if is_inherited(recording):
        return None                             # a forked child: the folder is its parent's
    return control.discard(folder, names, sealer_pid)


cdef int apply_options(dict options) except -1:
    global on_fork, before_exit
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
    on_fork = options["on_fork"]
    before_exit = options["before_exit"]
    ending.summary = options["summary"]
    ending.override = options["exit_status"]
    copy_text(ending.name, options["name"], sizeof(ending.name))
    copy_text(ending.path, options["path"], sizeof(ending.path))
    copy_text(ending.missing, options["missing"], sizeof(ending.missing))
    ending.json_fd = options["json_fd"]
    hooks.told_of = OK
    copy_text(ending.json_path, options["json_path"], sizeof(ending.json_path))
    copy_text(ending.json_facts, options["json_facts"], sizeof(ending.json_facts))
    ending.decision_count = 0
    cdef list decisions = options["decisions"]
    for row in decisions[:MOST_DECISIONS]:
        note_decision(&ending.decisions[ending.decision_count], row)
        ending.decision_count += 1
    note_decision(&ending.unknown, decisions[len(decisions) - 1])
    return 0


cdef int note_decision(Decision *decision, tuple row) except -1:
    decision.number = row[0]
    copy_text(decision.disposition, row[1], sizeof(decision.disposition))
    for i in range(3):
        decision.exits[i] = row[2][i]
    return 0


cdef int copy_text(char *place, bytes text, size_t room) except -1:
    cdef Py_ssize_t n = min(len(text), <Py_ssize_t> room - 1)
    memcpy(place, <const char *> text, n)
    place[n] = 0
    return 0


cdef Status begin(bint wait_for_main) except *:
    cdef Status status
    remember_stderr()
    open_segment(0)
    status = open_tracer()
    if status == OK:
        status = watch_process()
    if status == OK:
        status = watch_calls()
    if status == OK:
        status = install_hooks()
    if status == OK:
        status = find_main(wait_for_main)
    if status != OK:
        return status
    if tape.control == NULL:                    # an audit hook forked, and this is the child
        return ERR_FORKED
    tape.control.target_pid = tape.pid
    tape.control.image = image_of_process()
    tape.control.ticks_per_second = ticks_per_second()
    tape.deadline = tape.last_tick + <uint64_t> (max_seconds * <double> tape.control.ticks_per_second)
    tape.sealer_pid = tape.control.sealer_pid
    known.ticks_per_second = tape.control.ticks_per_second
    look_again()
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
            if rec_frame_is_complete(frame):
                code = code_of(rec_object(frame.code))
                if code == NULL or (code.in_scope and not code.instrumented and not instrument(code)):
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
    if tape.head != NULL and tape.end - tape.cur >= DEF_ROOM and reserve(DEF_ROOM) == OK:
        put_clock()
    if tape.head != NULL:
        commit()
    hand_over(state)


cdef void hand_over(uint32_t state) noexcept nogil:
    tape.control.events = tape.events
    tape.control.stopped_mono_ns = rec_clock_ns(CLOCK_MONOTONIC)
    REC_STORE(tape.control.target_state, state)


cdef void end_session() noexcept:
    """Back to the state before arm: no hooks, no shadows, no mapping. Never fails."""
    try:
        remove_hooks(False)
    except Exception:  # audit: of an audit hook, which has nothing left to stop: what CPython kept finds the state IDLE
        pass
    # audit: deliver_interruption raises it again, when the state is consistent
    except BaseException as interruption:
        pass_on(interruption)
    hooks.state = IDLE
    hooks.main_globals = NULL
    forget_abort()
    unwatch_calls()
    close_tracer()
    unmap_tape()
    queue_interruption()


def stop(Recording recording not None, bint final):
    """Removes the hooks and closes the tape, in one step. final: nothing more will be said about this run (else the
    exit status follows when the process ends). Made again, it gives the same answer. Answers NOT_RECORDING, FORKED in a
    child of the recorded process, REENTERED; a fault that stands is in the result. What an audit hook of the program's
    raised comes out as it is, when all is done. None while another thread is in a transition."""
    global changing
    cdef Status status
    answer = refusal("stop")
    if answer is not None:
        return answer
    if changing != NULL:
        return None
    if is_inherited(recording):
        return RecorderResult(<int> ERR_FORKED, None, {"status": <int> ERR_FORKED, "got": getpid()})
    if current is not recording or is_starting or tape.control == NULL:
        return recording.closed if recording.closed is not None else named(ERR_NOT_RECORDING, "stop")
    changing = rec_thread_state()
    raised = None
    try:
        if hooks.state == RECORDING and check_hooks() != OK:
            tape.control.target_fault.disposition = DISABLE
        if adopt_sealer_fault() == OK and not sealer_is_alive():
            fail(ERR_SEALER_DIED, STAGE_STOP, 0, 0, tape.control.sealer_pid)
        try:
            remove_hooks(False)
        # audit: raised again below, when the state is consistent
        except BaseException as exc:
            raised = exc
        if tape.control == NULL:                # an audit hook forked, and this is the child
            return named(ERR_FORKED, "stop")
        hooks.state = IDLE
        forget_abort()
        if final:
            unwatch_calls()
        status = <Status> REC_LOAD(tape.control.target_fault.status)
        if REC_LOAD(tape.control.target_state) < REC_TARGET_STOPPED:
            close_tape(REC_TARGET_FINISHED if final else REC_TARGET_STOPPED)
        elif final:
            REC_STORE(tape.control.target_state, REC_TARGET_FINISHED)
        close_tracer()
        recording.closed = result(status, tape.events)
    finally:
        changing = NULL
    if raised is not None and not isinstance(raised, Exception):
        raise raised
    return recording.closed


def wait(Recording recording not None):
    """Whether `published` stands, or cannot yet. If not, waits for a moment: to be called again. The sealer is waited
    for as long as
    it shows signs of life; the answer may be SEALER_DIED, SEALER_STALLED, or the sealer's own fault."""
    cdef Status status = OK
    if recording.published is not None:
        return True
    if current is recording and (is_live() or hooks.state == ABORTING):
        return True                             # there is nothing to wait for yet
    if current is not recording or tape.control == NULL or is_inherited(recording):
        recording.published = RecorderResult(<int> ERR_NOT_RECORDING)
        return True
    if not is_settled(&recording.beat, &recording.beat_seen, &status):
        with nogil:
            pause_us(500)                       # nothing of the recording is looked at without the GIL
        return False
    recording.published = publication(status)
    let_go(True)
    return True


cdef RecorderResult publication(Status status):
    answer = result(status, (tape.control.sealer_state, tape.control.trace_bytes, tape.control.verdict))
    if status != OK and <uint32_t> status != REC_LOAD(tape.control.target_fault.status):    # after the one that stands
        if <uint32_t> status == REC_LOAD(tape.control.sealer_fault.status):
            answer.fault = fault_facts(&tape.control.sealer_fault, tape.control.sealer_detail)
        else:
            answer.fault = {"status": <int> status, "stage": <int> STAGE_STOP, "got": tape.control.sealer_pid}
    return answer


cdef bint is_settled(uint64_t *beat, uint64_t *seen, Status *status) noexcept nogil:
    """Whether the sealer has finished, or will not; then `status` says how."""
    cdef uint32_t state = REC_LOAD(tape.control.sealer_state)
    cdef uint64_t now
    if tape.is_cut_off:
        status[0] = ERR_MAPPING_LOST            # it publishes when this process is gone
        return True
    if state >= REC_SEALER_PUBLISHED:
        status[0] = adopt_sealer_fault()        # what went wrong at the very end, if anything did
        return True
    if REC_LOAD(tape.control.target_state) != REC_TARGET_FINISHED:
        REC_STORE(tape.control.target_state, REC_TARGET_FINISHED)     # the page was made anew meanwhile
    now = rec_clock_ns(CLOCK_MONOTONIC)
    if seen[0] == 0 or REC_LOAD64(tape.control.heartbeat) != beat[0]:
        beat[0] = REC_LOAD64(tape.control.heartbeat)
        seen[0] = now
    if now - seen[0] > 50000000 and not sealer_is_alive():
        # It may have published in the meantime and ended.
        if REC_LOAD(tape.control.sealer_state) != state:
            return False
        status[0] = fail(ERR_SEALER_DIED, STAGE_STOP, 0, 0, tape.control.sealer_pid)
        return True
    if now - seen[0] > <uint64_t> FINISH_MS * 1000000:
        status[0] = fail(ERR_SEALER_STALLED, STAGE_STOP, 0, (now - seen[0]) // 1000000)
        return True
    return False


cdef Status wait_for_sealer() noexcept nogil:
    cdef uint64_t beat = 0, seen = 0
    cdef Status status = OK
    while not is_settled(&beat, &seen, &status):
        if leaving.hurried:
            return OK                           # it publishes all the same, and nobody waits for it
        pause_us(500)
    return status


def reset():
    """From any state to that of a fresh process. What was recorded is left to the sealer. Answers REENTERED; None while
    another thread is in a transition."""
    global poison
    answer = refusal("reset")
    if answer is not None:
        return answer
    if changing != NULL:
        return None
    if tape.control != NULL and not is_inherited(current):
        if REC_LOAD(tape.control.target_state) < REC_TARGET_FINISHED:
            close_tape(REC_TARGET_FINISHED)
    poison = OK
    ending.override = -1
    let_go(False)
    return RecorderResult(OK)


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
    """libc's exit(): Python is gone, or not quite: C code may call exit() while threads run, and where Python is
    embedded it may be another exit handler that ends it. Nothing is unmapped below them. Passes the exit status on and
    waits for the publication."""
    cdef Status status = OK, told = OK
    if tape.control != NULL and getpid() == tape.pid:
        if hooks.state != ABORTING:
            hooks.state = IDLE
        told = hooks.told_of if hooks.told_of != OK else <Status> REC_LOAD(tape.control.target_fault.status)
        tape.control.exit_status = exit_status
        tape.control.has_exit_status = 1
        if REC_LOAD(tape.control.target_state) < REC_TARGET_STOPPED:
            if Py_IsInitialized() and not PyGILState_Check():
                hand_over(REC_TARGET_FINISHED)  # a thread may be in the middle of a record: what is committed counts
            else:
                close_tape(REC_TARGET_FINISHED)
        else:
            REC_STORE(tape.control.target_state, REC_TARGET_FINISHED)
        outlive_signals()
        status = wait_for_sealer()
        if is_published() and status == OK and ending.summary:
            say_summary()
        if status != OK or told != OK or not is_published():
            conclude(status, told)
    if ending.override >= 0 and ending.override != exit_status:
        # exit() cannot change its mind; what the C library has buffered is written first, as it would have.
        if fflush(NULL) != 0:
            pass                                # the exit status below is the stronger message
        process_exit(ending.override)  # audit: libc's own exit handlers have run; the status is the policy's


cdef bint is_published() noexcept nogil:
    return REC_LOAD(tape.control.sealer_state) == REC_SEALER_PUBLISHED


cdef const Decision *decision_on(Status status) noexcept nogil:
    cdef int i
    for i in range(ending.decision_count):
        if ending.decisions[i].number == <int> status:
            return &ending.decisions[i]
    return &ending.unknown


cdef void conclude(Status status, Status told) noexcept nogil:
    """There is no trace, or no whole one, or something went wrong after Python had gone. What the policy makes of that
    was asked when the recording began."""
    cdef Found found = COMPLETE_TRACE if tape.control.verdict == 1 else PARTIAL_TRACE
    cdef Status cause = status if status != OK else told
    cdef const Decision *decision = decision_on(cause)
    if not is_published():
        found = NO_TRACE
    if status != OK and told == OK:
        say_failure(status, decision.disposition, found, True)
    elif status != OK and status != told:
        say_failure(status, b"degrade", found, False)  # after the failure that was told of
    elif told == OK and decision.exits[<int> found] >= 0 and ending.json_fd != 2:
        say(ending.missing)
    if decision.exits[<int> found] >= 0:
        ending.override = decision.exits[<int> found]


cdef void say(const char *text) noexcept nogil:
    write_line(2, text, strlen(text))


cdef void write_line(int fd, const char *text, size_t size) noexcept nogil:
    if (fd != 2 or stderr_is_there()) and write_all(fd, text, size) < 0:
        return                                  # it is closed: there is nobody to tell


cdef void say_failure(Status status, const char *disposition, Found found, bint aloud) noexcept nogil:
    """What went wrong after Python had gone, with the classes that know better: aloud, or only where diagnostics go."""
    cdef char detail[1400]
    cdef char line[2048]
    cdef const rec_failure_text *row = rec_failure(status)
    cdef RecFault *fault = &tape.control.target_fault
    cdef const char *subject = tape.control.target_detail
    cdef const char *before = b""
    cdef const char *reason = b""
    cdef const char *after = b""
    cdef int size
    if fault.status != <uint32_t> status:       # of the sealer, which published all the same
        fault = &tape.control.sealer_fault
        subject = tape.control.sealer_detail
    if strrchr(subject, 0x1F) != NULL:
        subject = strrchr(subject, 0x1F) + 1    # the path is the last of several words
    if fault.sys_errno != 0:
        before = b" ("
        reason = strerror(fault.sys_errno)
        after = b")"
    if status == ERR_SEALER_DIED:
        size = snprintf(detail, sizeof(detail), "the sealer (pid %d) ended while it was needed",
                        tape.control.sealer_pid)
    elif status == ERR_LIMIT_REACHED:           # of the sealer's: it knows of one only
        size = snprintf(detail, sizeof(detail), "the limit max_bytes was reached: %llu bytes",
                        <unsigned long long> fault.wanted)
    else:
        size = snprintf(detail, sizeof(detail), "%s: %s%s%s%s", row.title, subject, before, reason, after)
    if size > 0:
        size = snprintf(line, sizeof(line), "recorder: [%s] %s. %s\n", row.name, detail, row.hint)
    if not aloud and ending.json_fd == 2:
        return                                  # stderr gets one line of a process
    if aloud and ending.json_fd != 2 and size > 0:
        say(line)
    if ending.json_fd >= 0 or ending.json_path[0] != 0:
        diagnose(row, status, fault.sys_errno, detail, disposition, found)


cdef void diagnose(const rec_failure_text *row, Status status, int sys_errno, const char *detail,
                   const char *disposition, Found found) noexcept nogil:
    """The same as a diagnostic, where those go."""
    cdef rec_last_words facts
    cdef rec_line line
    cdef int fd = ending.json_fd
    facts.number = <int> status
    facts.sys_errno = sys_errno
    facts.name = row.name
    facts.title = row.title
    facts.hint = row.hint
    facts.detail = detail
    facts.disposition = disposition
    facts.path = NULL if found == NO_TRACE else ending.path
    facts.state = b"none" if found == NO_TRACE else b"complete" if found == COMPLETE_TRACE else b"partial"
    facts.events = tape.control.events
    facts.constant = ending.json_facts
    rec_diagnose(&line, &facts)
    if fd >= 0:
        write_line(fd, line.text, line.size)
        return
    fd = rec_sys.open(ending.json_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o600)
    if fd >= 0:
        write_line(fd, line.text, line.size)
        if rec_sys.close(fd) != 0:
            return                              # nobody is left who could be told of that


cdef void say_ended(Status status) noexcept nogil:
    """The last resort, where the session could not tell of a fault itself."""
    cdef char line[256]
    if snprintf(line, sizeof(line), "recorder: recording has ended: error %d, which `recorder errors %d` explains.\n",
                status, status) > 0:
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
    global changing, deciding
    changing = deciding = NULL                  # only the thread that forked is here; it is in neither, or comes out
    if tape.control == NULL:
        return
    hooks.forked_while = hooks.state
    hooks.state = FORKED
    ending.override = -1
    unmap_tape()


# ---- what is going on -----------------------------------------------------------------------------------

def is_recording():
    return hooks.state == RECORDING or hooks.state == WAITING


def holder():
    """The Recording whose turn it is: from claim until its publication has been waited for."""
    return None if is_inherited(current) else current


def state_name():
    """For tests and reports."""
    if is_starting and not is_inherited(current):
        return "starting"
    return ("idle", "waiting", "recording", "aborting", "forked")[<int> hooks.state]


def read_public_frames(bint on):
    """Has frames and dicts be read as on a version whose layout is not known, for tests of this very build. Answers
    whether they are: those of 3.11 can only be read in place, and nothing changes while there is a recording."""
    global rec_frames_public, rec_dicts_public
    if PY_VERSION_HEX >= 0x030C0000 and hooks.state == IDLE:
        rec_frames_public = rec_dicts_public = on
    return rec_frames_public


def set_exit_status(int status):
    """The exit status that the policy wants instead of the program's; −1: the program's own."""
    ending.override = status


def stats(Recording recording not None):
    """Counters of a running recording: events, segments, bytes in the live segment. None of any other."""
    if current is not recording or tape.control == NULL or is_inherited(recording):
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
