# The sticky fault. Statuses travel up the call chain; the facts that belong to one are kept here. The control page has
# a copy, for the sealer and a post-mortem; no more than a copy, for its file can be cut or written over by anybody, and
# the sealer makes it anew then.

cdef RecFault sticky_fault
cdef char sticky_detail[REC_DETAIL_SIZE]


cdef void copy_fault_to_page() noexcept nogil:
    """On the control page, if there are a fault and a page."""
    cdef RecFault *shown
    if tape.control == NULL or sticky_fault.status == 0:
        return
    shown = &tape.control.target_fault
    memcpy(tape.control.target_detail, sticky_detail, sizeof(sticky_detail))
    memcpy(&shown.sys_errno, &sticky_fault.sys_errno, sizeof(RecFault) - sizeof(sticky_fault.status))
    REC_STORE(shown.status, sticky_fault.status)


cdef void set_disposition(uint32_t disposition) noexcept nogil:
    """What the fault led to."""
    sticky_fault.disposition = disposition
    tape.control.target_fault.disposition = disposition


cdef void set_fault_detail(const char *text) noexcept nogil:
    """The detail of the fault that is about to be recorded: a path, a name. One that stands keeps its own."""
    cdef size_t n = strnlen(text, sizeof(sticky_detail) - 1)
    if sticky_fault.status == 0:
        memcpy(sticky_detail, text, n)
        sticky_detail[n] = 0


# audit: the fault is sticky; who cannot return the status leaves it to the hook, which looks at the fault
cdef Status fail(Status status, uint32_t stage, int sys_errno=0, uint64_t wanted=0, uint64_t got=0) noexcept nogil:
    """Records the facts of a fault, unless an earlier one stands, and hands the status back to be returned."""
    if sticky_fault.status == 0:
        sticky_fault.sys_errno = sys_errno
        sticky_fault.stage = stage
        sticky_fault.offset = <uint64_t> (tape.cur - tape.data) if tape.cur != NULL else 0
        sticky_fault.event = tape.events
        sticky_fault.wanted = wanted
        sticky_fault.got = got
        sticky_fault.status = <uint32_t> status
        copy_fault_to_page()
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
    cdef uint32_t status
    if is_garbage():
        return control_is_garbage()
    status = REC_LOAD(theirs.status)
    if status == 0:
        return OK
    if sticky_fault.status == 0:
        memcpy(sticky_detail, tape.control.sealer_detail, sizeof(sticky_detail))
        memcpy(&sticky_fault, theirs, sizeof(sticky_fault))
        sticky_fault.disposition = REC_DISPOSITION_UNDECIDED
        sticky_fault.event = tape.events
        sticky_fault.status = status
        copy_fault_to_page()
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
