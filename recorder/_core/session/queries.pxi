# What is going on, for the session, tests and reports.

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
    exit_plan.override = status


def set_reported(int number, bytes detail not None):
    """What was said of the failure that has ended the recording: at the end of the process it is said again."""
    copy_text(exit_plan.reported_detail, detail, sizeof(exit_plan.reported_detail))
    exit_plan.reported = number


def stats(Recording recording not None):
    """Counters of a running recording: events, segments, bytes in the live segment. None of any other."""
    if current is not recording or tape.control == NULL or is_inherited(recording):
        return None
    return {
        "events": tape.events,
        "segments": tape.sequence,
        "looks": tracer.looks,
        "segment_bytes": tape.cur - tape.data,
        "threads": tracer.threads - stacks_made,
        "codes": tracer.codes,
        "suspended": tracer.suspended_count,
        "trace_bytes": tape.control.trace_bytes,
    }
