# Faults on purpose: a test has the n-th call fail, and calls are counted.

cdef bint armed = False
cdef bint loaded = False


def count():
    """From now on calls are counted, from 0, and nothing fails."""
    global armed
    rec_sys_arm(&rec_sys)
    armed = True


def inject(str name not None, uint64_t nth, int error, uint64_t times=1):
    """The nth call (the first is 1) since counting began, which the first fault does, fails with
    this errno (or SHORT, KILL, STOP), `times` times in a row; 0 for ever. `reset` ends it all."""
    call = _numbers().get(name)
    if call is None or nth < 1:
        _refuse(f"{name}:{nth}", "the name of a call, and a number from 1")
    if error == SHORT and call not in (REC_CALL_write, REC_CALL_pwrite):
        _refuse(name, "write or pwrite")
    if not armed:
        count()
    if rec_sys_inject(call, nth, error, times) < 0:
        _refuse(name, "fewer faults")


def reset():
    """Nothing is counted and nothing fails any more."""
    global armed
    rec_sys_init(&rec_sys)
    armed = False


def calls():
    """How often each call was made since the counting began."""
    return {name: rec_sys_calls(call) for name, call in _numbers().items()}


def load_faults(str role not None):
    """Injects what RECORDER_TEST_FAULTS says for this role, once in a process: the first stays.

    The variable is a comma-separated list of role:call:nth:error[:times], where error is a name
    such as ENOSPC or one of SHORT, KILL, STOP, and times is a number or `forever`. `role:count:path`
    writes to a file, when the process ends, how often each call was made."""
    global loaded
    cdef const char *text = getenv("RECORDER_TEST_FAULTS")
    if loaded or text == NULL or text[0] == 0:
        return
    loaded = True
    for item in text.decode("utf-8", "replace").split(","):
        fields = item.strip().split(":")
        if fields[:2] == [role, "count"]:
            _count_into(fields[2])
        elif fields[0] == role:
            name, nth, error, times = (*fields[1:], "1")[:4]
            inject(name, int(nth), _error(error), 0 if times == "forever" else int(times))


def _count_into(path):
    import atexit

    def write_counts():
        made = calls()
        with io.open(path, "w") as file:
            file.writelines(map("{0[0]} {0[1]}\n".format, made.items()))

    atexit.register(write_counts)
    count()


def _refuse(value, expected):
    raise errors.InvalidArgumentError(argument="fault", value=value, expected=expected)


def _error(name):
    special = {"SHORT": SHORT, "KILL": KILL, "STOP": STOP}
    return special[name] if name in special else getattr(errno_names, name)


def _numbers():
    return {rec_sys_name(call).decode("utf-8"): call for call in range(REC_CALL_COUNT)}
