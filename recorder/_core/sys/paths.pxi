# System calls that take a path.


def rename(source, target):
    cdef bytes encoded_source = encode(source), encoded_target = encode(target)
    cdef const char *old = PyBytes_AS_STRING(encoded_source)
    cdef const char *new = PyBytes_AS_STRING(encoded_target)
    cdef int error, result
    with nogil:
        result = rec_sys.rename(old, new)
        error = errno
    if result < 0:
        # audit: as in raise_errno, which knows of one path
        raise OSError(error, strerror(error).decode("ascii", "replace"), source, None, target)


cdef object on_name(int (*function)(const char *) noexcept nogil, path):
    cdef bytes encoded = encode(path)
    cdef const char *name = PyBytes_AS_STRING(encoded)
    cdef Call call = ONCE
    while is_due(&call, path):
        with nogil:
            call.answer = function(name)
            call.error = errno


cdef object on_name_with_mode(int (*function)(const char *, mode_t) noexcept nogil, path, mode_t mode):
    cdef bytes encoded = encode(path)
    cdef const char *name = PyBytes_AS_STRING(encoded)
    cdef Call call = ONCE
    while is_due(&call, path):
        with nogil:
            call.answer = function(name, mode)
            call.error = errno


def unlink(path):
    on_name(rec_sys.unlink, path)


def rmdir(path):
    on_name(rec_sys.rmdir, path)


def mkdir(path, int mode=0o700):
    on_name_with_mode(rec_sys.mkdir, path, mode)


def chmod(path, int mode):
    on_name_with_mode(rec_sys.chmod, path, mode)


def stat(path):
    """(mode, size in bytes) of what the path leads to."""
    cdef bytes encoded = encode(path)
    cdef const char *name = PyBytes_AS_STRING(encoded)
    cdef c_stat facts
    cdef Call call = ONCE
    while is_due(&call, path):
        with nogil:
            call.answer = rec_sys.stat(name, &facts)
            call.error = errno
    return facts.st_mode, facts.st_size


def readlink(path):
    """Where a link leads."""
    cdef bytes encoded = encode(path)
    cdef const char *name = PyBytes_AS_STRING(encoded)
    cdef char into[4096]
    cdef Call call = ONCE
    while is_due(&call, path):
        with nogil:
            call.answer = rec_sys.readlink(name, into, sizeof(into))
            call.error = errno
    return os.fsdecode(PyBytes_FromStringAndSize(into, call.answer))


def statvfs(path):
    """(bytes free for us, bytes in all) of the file system the path is on."""
    cdef bytes encoded = encode(path)
    cdef const char *name = PyBytes_AS_STRING(encoded)
    cdef c_statvfs facts
    cdef Call call = REPEATED
    while is_due(&call, path):
        with nogil:
            call.answer = rec_sys.statvfs(name, &facts)
            call.error = errno
    return facts.f_bavail * facts.f_frsize, facts.f_blocks * facts.f_frsize
