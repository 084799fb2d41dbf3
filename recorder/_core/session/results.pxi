# What the entry points answer.

cdef class RecorderResult:
    """A status, and the facts of the fault if it is one.

    status: 0, or the number of an error code. fault: None, or a dict with "status" and as much as is known of "errno",
    "stage" (a Stage), "offset" (bytes into the segment; of a fault of the sealer's, into the file), "event" (number of
    events before it), "wanted" and "got" (in the unit of the code: bytes, milliseconds, a pid), "detail" (text; of
    SESSION_POISONED the number of the code that the first failure had)."""
    cdef readonly int status
    cdef readonly object fault

    def __init__(self, status, fault=None):
        self.status = status
        self.fault = fault


cdef class Stopped(RecorderResult):
    """Of a recording that has ended. events: how many were recorded."""
    cdef readonly uint64_t events


cdef class Publication(RecorderResult):
    """What became of the trace. sealer_state: SEALER_PUBLISHED or another of `control`; trace_bytes: size of the trace;
    verdict: a TraceState, such as `control.TRACE_COMPLETE`; 0 where none was published."""
    cdef readonly uint32_t sealer_state
    cdef readonly uint64_t trace_bytes
    cdef readonly uint32_t verdict


cdef class HookRaised(RecorderResult):
    """The status is CALLBACK_FAILED: an audit hook of the program's raised this exception."""
    cdef readonly object exception


cdef RecorderResult result(Status status):
    return RecorderResult(<int> status, facts_of(status))


cdef dict facts_of(Status status):
    """Those of the fault that stands; its status may still be known to the caller alone."""
    if status == OK:
        return None
    facts = fault_facts(&sticky_fault, sticky_detail)
    if facts["status"] == 0:
        facts["status"] = <int> status
    return facts


cdef Stopped stopped(Status status):
    cdef Stopped answer = Stopped(<int> status, facts_of(status))
    answer.events = tape.events
    return answer


cdef HookRaised hook_raised(exception):
    cdef HookRaised answer = HookRaised(<int> ERR_CALLBACK_FAILED, {"status": <int> ERR_CALLBACK_FAILED})
    answer.exception = exception
    return answer


cdef RecorderResult refuse(Status status, detail):
    """The answer to a call that cannot be. That is no fault of the recording's, which keeps none."""
    return RecorderResult(<int> status, {"status": <int> status, "detail": detail})


cdef RecorderResult refuse_with(Status status, uint64_t got):
    """As `refuse`, with a number: of an interpreter, of a process."""
    return RecorderResult(<int> status, {"status": <int> status, "stage": <int> STAGE_START, "got": got})
