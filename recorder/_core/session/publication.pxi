# The tape is handed to the sealer, which publishes the trace; and that is waited for, as long as the sealer shows signs
# of life.

cdef int FINISH_MS = 10000       # how long the end of a process waits for a sealer that shows no sign of life


cdef void close_tape(uint32_t state) noexcept nogil:
    """The tape is whole up to here; the sealer may take what is left. The live segment keeps its state: its
    committed size says how much of it counts."""
    if tape.head != NULL and tape.end - tape.cur >= SMALL_RECORD and reserve(SMALL_RECORD) == OK:
        put_clock()
    if tape.head != NULL:
        commit()
    hand_over(state)


cdef void hand_over(uint32_t state) noexcept nogil:
    copy_fault_to_page()                        # the page may have been made anew since it was shown
    tape.control.events = tape.events
    tape.control.stopped_mono_ns = rec_clock_ns(CLOCK_MONOTONIC)
    REC_STORE(tape.control.target_state, state)


cdef Publication publication(Status status):
    """The answer, once the sealer has finished or it is clear that it will not. Its fault is the one that `status` is
    about, which need not be the first of the recording, the one that stands."""
    cdef Publication answer = Publication(<int> status, facts_of(status))
    answer.sealer_state = tape.control.sealer_state
    answer.trace_bytes = tape.control.trace_bytes
    answer.verdict = tape.control.verdict
    if status != OK and <uint32_t> status != sticky_fault.status:
        if <uint32_t> status == REC_LOAD(tape.control.sealer_fault.status):
            answer.fault = fault_facts(&tape.control.sealer_fault, tape.control.sealer_detail)
        else:
            answer.fault = {"status": <int> status, "stage": <int> STAGE_STOP, "got": tape.sealer_pid}
    return answer


cdef bint sealer_is_done(SealerWait *sealer_wait, Status *status) noexcept nogil:
    """Whether the sealer has finished, or it is clear that it will not; then `status` is OK, or what went wrong."""
    cdef uint32_t state = REC_LOAD(tape.control.sealer_state)
    cdef uint64_t waited
    if tape.is_cut_off:
        status[0] = ERR_MAPPING_LOST            # it publishes when this process is gone
        return True
    if state >= REC_SEALER_PUBLISHED:
        status[0] = adopt_sealer_fault()        # what went wrong at the very end, if anything did
        return True
    if REC_LOAD(tape.control.target_state) != REC_TARGET_FINISHED:
        copy_fault_to_page()                    # the page was made anew meanwhile
        REC_STORE(tape.control.target_state, REC_TARGET_FINISHED)
    waited = ns_since_heartbeat(sealer_wait)
    if waited > 50000000 and not sealer_is_alive():
        # It may have published in the meantime and ended.
        if REC_LOAD(tape.control.sealer_state) != state:
            return False
        status[0] = fail(ERR_SEALER_DIED, STAGE_STOP, 0, 0, tape.sealer_pid)
        return True
    if waited > <uint64_t> FINISH_MS * 1000000:
        status[0] = fail(ERR_SEALER_STALLED, STAGE_STOP, 0, waited // 1000000)
        return True
    return False


cdef Status wait_for_sealer() noexcept nogil:
    cdef SealerWait sealer_wait
    cdef Status status = OK
    memset(&sealer_wait, 0, sizeof(sealer_wait))
    while not sealer_is_done(&sealer_wait, &status):
        if exit_signal_came:
            return OK                           # it publishes all the same, and nobody waits for it
        pause_us(500)
    return status
