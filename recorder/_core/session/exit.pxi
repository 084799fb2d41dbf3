# The end of the process, when Python has gone: the trace is waited for, and what the policy made of every failure when
# the recording began is done.

cdef extern from "<stdio.h>" nogil:
    ctypedef struct FILE:
        pass
    int fflush(FILE *)

cdef extern from "<signal.h>" nogil:
    ctypedef void (*Handler)(int) noexcept nogil
    ctypedef struct Action "struct sigaction":
        Handler sa_handler
    int sigaction(int, const Action *, Action *)
    Handler SIG_DFL, SIG_IGN
    int SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO

cdef extern from "<unistd.h>" nogil:
    void process_exit "_exit"(int)

cdef extern from "Python.h" nogil:
    int Py_IsInitialized()
    int PyGILState_Check()

cdef enum Outcome:               # what there is of the trace at the end
    COMPLETE_TRACE = 0
    PARTIAL_TRACE = 1
    NO_TRACE = 2

cdef struct Decision:            # the policy's, for a failure that comes up after Python has gone
    int number
    char disposition[8]
    int exits[3]                 # the exit status it wants, by Outcome; −1: the program's own

cdef enum:
    MOST_DECISIONS = 128

cdef struct ExitPlan:            # what is left to do when the process ends
    bint summary
    int override                 # the exit status the policy wants, or −1
    char name[512]               # the trace, as the user would write it
    char path[4096]
    Decision decisions[MOST_DECISIONS]
    int decision_count
    Decision otherwise           # for a failure that is in no row
    char missing[1024]           # what to write if there is no trace that was required
    int json_fd                  # where diagnostics go; −1: not to a descriptor
    char json_path[4096]         # … or empty
    char json_facts[1024]        # what they have in common, as members of a JSON object
    int reported                 # the failure that was reported while Python was there …
    char reported_detail[1400]   # … and what was said of it

cdef ExitPlan exit_plan
cdef int exit_signal_came      # a signal came while the process waited for its trace


cdef void at_exit(int exit_status, void *unused) noexcept nogil:
    """libc's exit(): Python is gone, or not quite: C code may call exit() while threads run, and where Python is
    embedded it may be another exit handler that ends it. Nothing is unmapped below them. Passes the exit status on and
    waits for the publication."""
    cdef Status status = OK, reported = OK
    if tape.control != NULL and getpid() == tape.pid:
        if hooks.state != ABORTING:
            hooks.state = IDLE
        reported = hooks.reported if hooks.reported != OK else <Status> sticky_fault.status
        tape.control.exit_status = exit_status
        tape.control.has_exit_status = REC_KNOWS_EXIT_STATUS
        if REC_LOAD(tape.control.target_state) < REC_TARGET_STOPPED:
            if Py_IsInitialized() and not PyGILState_Check():
                hand_over(REC_TARGET_FINISHED)  # a thread may be in the middle of a record: what is committed counts
            else:
                close_tape(REC_TARGET_FINISHED)
        else:
            REC_STORE(tape.control.target_state, REC_TARGET_FINISHED)
        survive_signals()
        status = wait_for_sealer()
        end_keeper(old_page.keeper_pid, tape.sealer_pid)
        if is_published() and status == OK and exit_plan.summary:
            write_summary()
        if status != OK or reported != OK or not is_published():
            apply_decision(status, reported)
    if exit_plan.override >= 0 and exit_plan.override != exit_status:
        # exit() cannot change its mind; what the C library has buffered is written first, as it would have.
        if fflush(NULL) != 0:
            pass                                # the exit status below is the stronger message
        process_exit(exit_plan.override)  # audit: libc's own exit handlers have run; the status is the policy's


cdef bint is_published() noexcept nogil:
    return REC_LOAD(tape.control.sealer_state) == REC_SEALER_PUBLISHED


cdef const Decision *decision_on(Status status) noexcept nogil:
    cdef int i
    for i in range(exit_plan.decision_count):
        if exit_plan.decisions[i].number == <int> status:
            return &exit_plan.decisions[i]
    return &exit_plan.otherwise


cdef void apply_decision(Status status, Status reported) noexcept nogil:
    """There is no trace, or no whole one, or something went wrong after Python had gone. What the policy makes of that
    was asked when the recording began."""
    cdef Outcome outcome = COMPLETE_TRACE if tape.control.verdict == REC_TRACE_COMPLETE else PARTIAL_TRACE
    cdef Status cause = status if status != OK else reported
    cdef const Decision *decision = decision_on(cause)
    if not is_published():
        outcome = NO_TRACE
    if status != OK and reported == OK:
        write_failure(status, decision.disposition, outcome, True)
    elif status != OK and status != reported:
        write_failure(status, b"degrade", outcome, False)  # after the failure that was reported
    elif reported == OK and decision.exits[<int> outcome] >= 0 and exit_plan.json_fd != 2:
        write_stderr(exit_plan.missing)
    if reported != OK:                          # as it was told when it happened, with what has become of the trace
        write_failure(reported, decision_on(reported).disposition, outcome, False)
    if decision.exits[<int> outcome] >= 0:
        exit_plan.override = decision.exits[<int> outcome]


# ---- signals meanwhile ---------------------------------------------------------------------------------------

cdef void on_exit_signal(int number) noexcept nogil:
    """The program has ended, and no signal can change its exit status any more. One that asks the process to end
    ends the waiting: the sealer finishes without us."""
    global exit_signal_came
    if is_termination_signal(number):
        exit_signal_came = 1


cdef bint is_termination_signal(int number) noexcept nogil:
    return number == SIGHUP or number == SIGINT or number == SIGQUIT or number == SIGTERM


cdef void survive_signals() noexcept nogil:
    """From here on, a signal that would kill a process does not kill this one. Those that the program ignores stay
    as they are; of those it handles, only the ones that ask it to end, which no handler of Python's does any more."""
    cdef int[11] numbers = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF,
                            SIGIO]
    cdef Action old, ours
    cdef int i
    cdef bint would_kill
    for i in range(11):
        memset(&ours, 0, sizeof(ours))
        ours.sa_handler = on_exit_signal
        if sigaction(numbers[i], NULL, &old) != 0:
            continue
        would_kill = old.sa_handler == SIG_DFL or (is_termination_signal(numbers[i]) and old.sa_handler != SIG_IGN)
        if would_kill:
            if sigaction(numbers[i], &ours, NULL) != 0:
                continue                        # then it kills us, and the sealer finishes without us
