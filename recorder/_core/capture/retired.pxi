# Numbers that no record will name any more: of codes, namespaces and threads that are gone, of files, types and tasks
# that are no longer remembered. The tape says so, and the sealer, which has to know whatever a later segment may speak
# of, forgets them.

cdef struct Retired:
    Retired *next
    uint8_t record           # that defined it
    uint32_t number

cdef Retired *retired = NULL     # not written yet: a code object dies where no record can begin


cdef void retire(uint8_t record, uint32_t number) noexcept nogil:
    """Where there is no memory for it, the sealer remembers one more: nothing is lost."""
    global retired
    cdef Retired *one
    if hooks.state != RECORDING:
        return
    one = <Retired *> rec_sys.malloc(sizeof(Retired))
    if one == NULL:
        return
    one.next = retired
    one.record = record
    one.number = number
    retired = one


cdef inline Status write_retired() noexcept nogil:
    """Before anything new is defined, which is when the sealer would grow."""
    return OK if retired == NULL else write_all_retired()


cdef Status write_all_retired() noexcept nogil:
    global retired
    cdef Retired *one
    cdef Status status
    while retired != NULL:
        status = reserve(SMALL_RECORD)
        if status != OK:
            return status
        one = retired
        retired = one.next
        tape.cur = put_retire(tape.cur, one.record, one.number)
        free(one)
    return OK


cdef void drop_retired() noexcept nogil:
    """Nobody reads on."""
    global retired
    cdef Retired *one
    while retired != NULL:
        one = retired
        retired = one.next
        free(one)
