# What is written when there is no Python any more to write it: the one line on stderr, the summary, a diagnostic.

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
    ctypedef struct rec_exit_diagnostic:
        int number, sys_errno
        const rec_failure_text *failure
        const char *detail
        const char *disposition
        const char *path
        const char *state
        unsigned long long events
        const char *constant
    ctypedef struct rec_line:
        char *text
        size_t size
    void rec_write_diagnostic(rec_line *, const rec_exit_diagnostic *)

cdef extern from "<unistd.h>" nogil:
    ssize_t c_write "write"(int, const void *, size_t)


cdef void write_stderr(const char *text) noexcept nogil:
    write_line(2, text, strlen(text))


cdef void write_line(int fd, const char *text, size_t size) noexcept nogil:
    if (fd != 2 or stderr_is_there()) and c_write(fd, text, size) < 0:
        return                                  # it is closed


cdef void write_failure(Status status, const char *disposition, Outcome outcome, bint aloud) noexcept nogil:
    """Says what went wrong after Python had gone: in a line on stderr if `aloud`, and where diagnostics go.

    In the words of the exception, if one was made while Python was there (`set_reported`); else put together here."""
    cdef char detail[1400]
    cdef char line[2048]
    cdef const rec_failure_text *row = rec_failure(status)
    cdef RecFault *fault = &sticky_fault
    cdef const char *subject = sticky_detail
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
    if exit_plan.reported == <int> status:
        size = snprintf(detail, sizeof(detail), "%s", exit_plan.reported_detail)
    elif status == ERR_SEALER_DIED:
        size = snprintf(detail, sizeof(detail), "the sealer (pid %d) ended while it was needed",
                        tape.sealer_pid)
    elif status == ERR_LIMIT_REACHED:           # of the sealer's: it knows of one only
        size = snprintf(detail, sizeof(detail), "the limit max_bytes was reached: %llu bytes",
                        <unsigned long long> fault.wanted)
    else:
        size = snprintf(detail, sizeof(detail), "%s: %s%s%s%s", row.title, subject, before, reason, after)
    if size > 0:
        size = snprintf(line, sizeof(line), "recorder: [%s] %s. %s\n", row.name, detail, row.hint)
    if not aloud and exit_plan.json_fd == 2:
        return                                  # stderr gets one line of a process
    if aloud and exit_plan.json_fd != 2 and size > 0:
        write_stderr(line)
    if exit_plan.json_fd >= 0 or exit_plan.json_path[0] != 0:
        write_diagnostic(row, status, fault.sys_errno, detail, disposition, outcome)


cdef void write_diagnostic(const rec_failure_text *row, Status status, int sys_errno, const char *detail,
                           const char *disposition, Outcome outcome) noexcept nogil:
    """The same as a diagnostic, where those go."""
    cdef rec_exit_diagnostic facts
    cdef rec_line line
    cdef int fd = exit_plan.json_fd
    facts.number = <int> status
    facts.sys_errno = sys_errno
    facts.failure = row
    facts.detail = detail
    facts.disposition = disposition
    facts.path = NULL if outcome == NO_TRACE else exit_plan.path
    facts.state = b"none" if outcome == NO_TRACE else b"complete" if outcome == COMPLETE_TRACE else b"partial"
    facts.events = tape.control.events
    facts.constant = exit_plan.json_facts
    rec_write_diagnostic(&line, &facts)
    if fd >= 0:
        write_line(fd, line.text, line.size)
        return
    fd = rec_sys.open(exit_plan.json_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o600)
    if fd >= 0:
        write_line(fd, line.text, line.size)
        if rec_sys.close(fd) != 0:
            return                              # nobody is left to report that to


cdef void write_ended(Status status) noexcept nogil:
    """The last resort, where the session could not report a fault itself."""
    cdef char line[256]
    if snprintf(line, sizeof(line), "recorder: recording has ended: error %d, which `recorder errors %d` explains.\n",
                status, status) > 0:
        write_stderr(line)


cdef void write_summary() noexcept nogil:
    cdef char line[1024]
    cdef double seconds = <double> (tape.control.stopped_mono_ns - tape.control.started_mono_ns) / 1e9
    if snprintf(line, sizeof(line), "recorder: %llu events in %.2f s, %llu bytes: %s\n",
                <unsigned long long> tape.control.events, seconds,
                <unsigned long long> tape.control.trace_bytes, exit_plan.name) > 0:
        write_stderr(line)
