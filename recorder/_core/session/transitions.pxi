# The life of a recording: claim → arm → stop → wait, or abandon at any time; and reset, from any state.

cdef extern from "Python.h" nogil:
    int64_t PyInterpreterState_GetID(PyInterpreterState *)


cdef class Recording:
    """One recording, as the core knows it. recorder.session.Session is built on this.

    Its life is claim → arm → stop → wait, or abandon at any time. Each is one call, and each can be made again:
    a signal handler that raises comes before it or after it. How the recording ended and what became of the trace
    is kept here, so that no answer is lost with the call it was the answer to.

    closed: the answer of stop, None before. published: the Publication, None until it has been waited for; a plain
    RecorderResult with NOT_RECORDING if there was none to wait for. session: whose `with` this is, where it is not its
    own."""
    cdef readonly Stopped closed
    cdef readonly RecorderResult published
    cdef public object session
    cdef int32_t pid
    cdef SealerWait sealer_wait       # while the publication is waited for

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
        return refuse(ERR_REENTERED, operation)
    return None


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
        return refuse_with(ERR_SUBINTERPRETER, <uint64_t> PyInterpreterState_GetID(PyInterpreterState_Get()))
    if poison != OK:
        return refuse(ERR_SESSION_POISONED, poison)
    if is_live() and current is not recording:
        return refuse(ERR_ALREADY_RECORDING, "")
    if hooks.state == ABORTING:
        return result(<Status> sticky_fault.status if tape.control != NULL else ERR_ALREADY_RECORDING)
    if current is not None and current is not recording:
        finish(True)
    current = recording
    recording.pid = getpid()
    is_starting = True
    return RecorderResult(OK)


cdef int finish(bint with_answer) except -1:
    """Ends a recording that is over, or is to be, without waiting for its publication any longer."""
    global current, is_starting
    cdef Recording recording = current
    cdef Status status
    if with_answer and recording is not None and tape.control != NULL and not is_inherited(recording):
        if recording.closed is None:
            recording.closed = stopped(<Status> sticky_fault.status)
        if recording.published is None:
            status = adopt_sealer_fault()
            recording.published = publication(status)
    current = None
    is_starting = False
    end_session()
    return 0


def arm(Recording recording not None, bytes folder not None, Options options not None):
    """Starts recording into the staging folder, in one step: all of it, or nothing.

    Answers NOT_RECORDING if it is not (any more) this recording's turn, STAGING_LOST, OPEN_FAILED, MAP_FAILED,
    TOOL_IDS_TAKEN, TRACER_INSTALL_CONFLICT, OUT_OF_MEMORY; HookRaised with the Exception that an audit hook of the
    program's raised, of which KeyboardInterrupt and its like come out as they are. None while another thread is in a
    transition."""
    global changing, is_starting
    cdef Status status
    answer = refusal("start")
    if answer is not None:
        return answer
    if changing != NULL:
        return None
    if current is not recording or not is_starting or is_inherited(recording):
        return refuse(ERR_NOT_RECORDING, "start")
    changing = rec_thread_state()
    try:
        end_session()                           # what a recording before this, or the parent's, left
        status = map_tape(folder)
        if status != OK:
            return result(status)
        apply_options(options)
        status = begin_recording(options.wait_for_main)
        answer = result(status)
        if status == OK:
            is_starting = False
        else:
            end_session()
    except Exception as exc:
        answer = hook_raised(exc)
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


cdef void end_session() noexcept:
    """Back to the state before arm: no hooks, no shadows, no mapping. Never fails."""
    try:
        remove_hooks(False)
    except Exception:  # audit: of an audit hook, which has nothing left to stop: what CPython kept finds the state IDLE
        pass
    # audit: deliver_interruption raises it again, when the state is consistent
    except BaseException as interruption:
        defer_interruption(interruption)
    hooks.state = IDLE
    hooks.main_globals = NULL
    forget_abort()
    unwatch_calls()
    close_tracer()
    unmap_tape()
    queue_interruption()


def stop(Recording recording not None, bint final):
    """Removes the hooks and closes the tape, in one step. final: nothing more will come of this run (else the
    exit status follows when the process ends). Made again, it gives the same answer. Answers NOT_RECORDING, FORKED in a
    child of the recorded process, REENTERED; a fault that stands is in the result. What an audit hook of the program's
    raised comes out as it is, when all is done. None while another thread is in a transition."""
    global changing
    cdef Status status
    cdef bint is_first
    answer = refusal("stop")
    if answer is not None:
        return answer
    if changing != NULL:
        return None
    if is_inherited(recording):
        return RecorderResult(<int> ERR_FORKED, {"status": <int> ERR_FORKED, "got": getpid()})
    if current is not recording or is_starting or tape.control == NULL:
        return recording.closed if recording.closed is not None else refuse(ERR_NOT_RECORDING, "stop")
    changing = rec_thread_state()
    raised = None
    try:
        if hooks.state == RECORDING and check_hooks() != OK:
            set_disposition(REC_DISPOSITION_DISABLE)
        # Asked again, it may have published long since, and be gone.
        is_first = REC_LOAD(tape.control.target_state) < REC_TARGET_FINISHED
        if adopt_sealer_fault() == OK and is_first and not sealer_is_alive():
            fail(ERR_SEALER_DIED, STAGE_STOP, 0, 0, tape.sealer_pid)
        if final:
            record_waiting()
        try:
            remove_hooks(False)
        # audit: raised again below, when the state is consistent
        except BaseException as exc:
            raised = exc
        if tape.control == NULL:                # an audit hook forked, and this is the child
            return refuse(ERR_FORKED, "stop")
        hooks.state = IDLE
        forget_abort()
        if final:
            unwatch_calls()
        status = <Status> sticky_fault.status
        if REC_LOAD(tape.control.target_state) < REC_TARGET_STOPPED:
            close_tape(REC_TARGET_FINISHED if final else REC_TARGET_STOPPED)
        elif final:
            REC_STORE(tape.control.target_state, REC_TARGET_FINISHED)
        close_tracer()
        recording.closed = stopped(status)
    finally:
        changing = NULL
    if raised is not None and not isinstance(raised, Exception):
        raise raised
    return recording.closed


def wait(Recording recording not None):
    """Whether `published` stands, or cannot yet. If not, waits for half a millisecond: to be called again. The sealer
    is waited for as long as it shows signs of life; `published` may be SEALER_DIED, SEALER_STALLED, or the sealer's own
    fault."""
    cdef Status status = OK
    cdef int32_t keeper, sealer
    if recording.published is not None:
        return True
    if current is recording and (is_live() or hooks.state == ABORTING):
        return True                             # there is nothing to wait for yet
    if current is not recording or tape.control == NULL or is_inherited(recording):
        recording.published = RecorderResult(<int> ERR_NOT_RECORDING)
        return True
    if not sealer_is_done(&recording.sealer_wait, &status):
        with nogil:
            pause_us(500)                       # nothing of the recording is looked at without the GIL
        return False
    recording.published = publication(status)
    keeper, sealer = old_page.keeper_pid, tape.sealer_pid
    finish(True)
    with nogil:
        end_keeper(keeper, sealer)
    return True


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
    exit_plan.override = -1
    finish(False)
    return RecorderResult(OK)
