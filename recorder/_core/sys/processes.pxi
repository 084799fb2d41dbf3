# System calls about processes.


def kill(pid_t pid, int signal):
    cdef Call call = ONCE
    while is_due(&call, None):
        with nogil:
            call.answer = rec_sys.kill(pid, signal)
            call.error = errno


def pidfd_open(pid_t pid):
    cdef Call call = ONCE
    while is_due(&call, None):
        with nogil:
            call.answer = rec_sys.pidfd_open(pid, 0)
            call.error = errno
    return call.answer


def readable(int fd, int milliseconds):
    """Waits at most so long; whether there is something to read (of a pidfd: it is dead)."""
    cdef int error, result
    cdef c_pollfd watched
    watched.fd = fd
    watched.events = POLLIN
    with nogil:
        result = rec_sys.poll(&watched, 1, milliseconds)
        error = errno
    if result < 0 and error != EINTR:
        raise_errno(error, None)
    PyErr_CheckSignals()
    return result > 0


cdef char **vector(list items) except NULL:
    """The items as C wants them. They must outlive the vector, which the caller frees."""
    cdef char **strings = <char **>rec_sys.malloc((len(items) + 1) * sizeof(char *))
    cdef Py_ssize_t index
    if strings == NULL:
        raise errors.OutOfMemoryError(operation="spawn")
    for index in range(len(items)):
        strings[index] = PyBytes_AS_STRING(items[index])
    strings[len(items)] = NULL
    return strings


def spawn(path, list argv, list environment, log, bint kept=False):
    """Starts a program that no wait() of ours sees, that has none of our files, and complains to `log`: its pid, and
    that of its keeper. It is nobody's child, and has no keeper (0); or, if it is to be `kept`, it has one."""
    cdef bytes encoded = encode(path), encoded_log = encode(log)
    cdef const char *name = PyBytes_AS_STRING(encoded)
    cdef const char *log_name = PyBytes_AS_STRING(encoded_log)
    cdef list arguments = encode_all(argv)
    cdef list variables = encode_all(environment)
    cdef char **c_arguments = vector(arguments)
    cdef char **c_variables
    cdef int error
    cdef pid_t pid, keeper = 0
    try:
        c_variables = vector(variables)
        with nogil:
            pid = rec_sys.spawn(name, c_arguments, c_variables, log_name, &keeper if kept else NULL)
            error = errno
        free(c_variables)
    finally:
        free(c_arguments)
    if pid < 0:
        raise_errno(error, path)
    return pid, keeper


cdef void end_keeper(int keeper, int kept) noexcept nogil:
    """Ends the keeper of a program that has ended, or is about to, so that we have no child any more."""
    rec_end_keeper(keeper, kept)


def adopts_orphans():
    """Whether the kernel makes this process the parent of orphans below it."""
    return rec_adopts_orphans() != 0
