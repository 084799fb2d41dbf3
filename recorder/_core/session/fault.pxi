# The sticky fault. Statuses travel up the call chain; the facts that belong to one are written here, into the
# control page, where the sealer and a post-mortem can read them too.

cdef RecFault local_fault     # where facts go while no control page is mapped
cdef char local_detail[1024]


cdef RecFault *current_fault() noexcept nogil:
    return &tape.control.target_fault if tape.control != NULL else &local_fault


cdef char *current_detail() noexcept nogil:
    if tape.control != NULL:
        return tape.control.target_detail
    return local_detail


cdef void set_fault_detail(const char *text) noexcept nogil:
    """The detail of the fault that is about to be recorded: a path, a name. One that stands keeps its own."""
    cdef size_t n = min(strlen(text), sizeof(local_detail) - 1)
    if REC_LOAD(current_fault().status) == 0:
        memcpy(current_detail(), text, n)
        current_detail()[n] = 0


# audit: the fault is sticky; who cannot return the status leaves it to the hook, which looks at the fault
cdef Status fail(Status status, uint32_t stage, int sys_errno=0, uint64_t wanted=0, uint64_t got=0) noexcept nogil:
    """Records the facts of a fault, unless an earlier one stands, and hands the status back to be returned."""
    cdef RecFault *fault = current_fault()
    if REC_LOAD(fault.status) == 0:
        fault.sys_errno = sys_errno
        fault.stage = stage
        fault.offset = <uint64_t> (tape.cur - tape.data) if tape.cur != NULL else 0
        fault.event = tape.events
        fault.wanted = wanted
        fault.got = got
        REC_STORE(fault.status, <uint32_t> status)
    return status


# audit: as fail
cdef Status fail_by_exception(exception, uint32_t stage) noexcept:
    """What Python raised in the midst of our own code. None of that runs code of the program's."""
    if isinstance(exception, MemoryError):
        return fail(ERR_OUT_OF_MEMORY, stage, ENOMEM)
    set_fault_detail((<PyTypeObject *> (<PyObject *> exception).ob_type).tp_name)
    return fail(ERR_CALLBACK_FAILED, stage)


cdef Status adopt_sealer_fault() noexcept nogil:
    """The sealer's fault becomes the run's, under the code that the sealer gave it."""
    cdef RecFault *theirs = &tape.control.sealer_fault
    cdef RecFault *ours = &tape.control.target_fault
    cdef uint32_t status
    if is_garbage():
        return control_is_garbage()
    status = REC_LOAD(theirs.status)
    if status == 0:
        return OK
    if REC_LOAD(ours.status) == 0:
        memcpy(tape.control.target_detail, tape.control.sealer_detail, sizeof(tape.control.sealer_detail))
        ours.sys_errno = theirs.sys_errno
        ours.stage = theirs.stage
        ours.offset = theirs.offset
        ours.event = tape.events
        ours.wanted = theirs.wanted
        ours.got = theirs.got
        REC_STORE(ours.status, status)
    return <Status> status


cdef dict fault_facts(RecFault *fault, const char *detail):
    return {
        "status": fault.status,
        "errno": fault.sys_errno,
        "stage": fault.stage,
        "offset": fault.offset,
        "event": fault.event,
        "wanted": fault.wanted,
        "got": fault.got,
        "detail": detail.decode("utf-8", "replace") if detail != NULL else "",
    }
