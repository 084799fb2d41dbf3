# Notes: what the program says of itself, by recorder.mark and recorder.span. They are no events: each says before which
# one it stands, when it was made and by whom, so that it has a meaning wherever it is repeated.

cdef uint64_t spans_made = 0         # in this process: a span of an earlier recording is never taken for one of this
cdef uint64_t spans_before = 0       # … before this recording began

cdef enum:
    NOTE_SIZE = 128                  # a NOTE without name and facts, or a SPAN_END


cdef void open_notes() noexcept nogil:
    global spans_before
    spans_before = spans_made


def note(str name not None, dict facts not None, bint begins):
    """A mark, or the beginning of a span. The number of the span, to end it by; 0: a mark, or nothing is recorded. What
    fails ends the recording, as in a hook."""
    cdef Status status
    if hooks.state != RECORDING:
        return 0
    identities.interludes += 1                  # the program ran since the last event, and runs on before the next
    status = write_note(<PyObject *> name, <PyObject *> facts, begins)
    identities.interludes += 1
    if status != OK:
        handle_fault(status)
        return 0
    return spans_made if begins else 0


def end_span(uint64_t span, bint forgotten, bint raised):
    """The end of a span of this recording; of another one's: nothing. `forgotten`: what was recorded in it is not
    wanted any more. Answers the number of the event that comes next."""
    cdef uint8_t *p
    cdef Status status
    if hooks.state != RECORDING or span <= spans_before:
        return 0
    status = reserve(NOTE_SIZE)
    if status != OK:
        handle_fault(status)
        return 0
    p = put_position(put_tagged(tape.cur, REC_SPAN_END, span - spans_before))
    p[0] = <uint8_t> (REC_SPAN_FORGOTTEN * forgotten | REC_SPAN_RAISED * raised)
    tape.cur = p + 1
    commit()
    return tape.events


cdef Status write_note(PyObject *name, PyObject *facts, bint begins) noexcept:
    global spans_made
    cdef Status status
    cdef uint8_t *p
    cdef Thread *t = thread_of(rec_thread_state())
    if t == NULL:
        return ERR_OUT_OF_MEMORY
    status = find_task(t, NULL)
    if status != OK:
        return status
    take_fingerprint(facts)                     # defines the types in it
    status = reserve(limits.value_size + 4 * limits.text + NOTE_SIZE)
    if status != OK:
        return status
    spans_made += begins
    p = put_position(put_tagged(tape.cur, REC_NOTE, spans_made - spans_before if begins else 0))
    p = put_varint(p, t.number)
    p = put_varint(p, t.greenlet if t.task == NULL else t.task_number + 1)
    p = put_str(p, name, limits.text)
    identities.followed = True                  # it is what it is at this moment
    tape.cur = put_value(p, facts, True)
    commit()
    return OK


cdef uint8_t *put_position(uint8_t *p) noexcept nogil:
    """Before which event, and when, by the clock that events are stamped by."""
    cdef uint64_t ticks = max(rec_ticks(), tape.clock_ticks) - tape.clock_ticks
    cdef uint64_t now = tape.clock_wall + <uint64_t> (
        <double> ticks * 1e9 / <double> tape.control.ticks_per_second
    )
    p = put_varint(p, tape.events)
    memcpy(p, &now, sizeof(now))
    return p + sizeof(now)
