"""The system calls of the recorder, as Python sees them, and the means to make them fail in tests.

Every function here goes through the table `rec_sys` (syscall_table.h), which the C code shares. A
call that fails raises OSError with errno and path; one that a signal interrupts is made again.
"""

import errno as errno_names
import io
import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINTR, EOPNOTSUPP, EPIPE, errno
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, getenv
from libc.string cimport strerror
from posix.fcntl cimport O_CLOEXEC
from posix.time cimport timespec
from posix.types cimport mode_t, off_t, pid_t

from recorder import errors


cdef extern from "<signal.h>" nogil:
    ctypedef struct sigset_t:
        pass
    int SIGPIPE, SIG_BLOCK, SIG_SETMASK
    int sigemptyset(sigset_t *)
    int sigaddset(sigset_t *, int)
    int sigismember(const sigset_t *, int)
    int pthread_sigmask(int, const sigset_t *, sigset_t *)
    int sigtimedwait(const sigset_t *, void *, const timespec *)

cdef extern from "<unistd.h>" nogil:
    ssize_t c_write "write"(int, const void *, size_t)


cdef extern from "<sys/stat.h>" nogil:
    ctypedef int dev_t
    ctypedef int ino_t
    ctypedef struct c_file_facts "struct stat":
        dev_t st_dev
        ino_t st_ino
    int fstat(int, c_file_facts *)

cdef extern from "<fcntl.h>" nogil:
    int fcntl(int, int)
    int F_GETFL, O_APPEND

cdef extern from "<sys/file.h>" nogil:
    int LOCK_EX, LOCK_NB

cdef extern from "sys/syscall_table.h" nogil:
    enum:
        REC_CALL_COUNT
        REC_CALL_write
        REC_CALL_pwrite
        REC_INJECT_SHORT
        REC_INJECT_KILL
        REC_INJECT_STOP
    void rec_sys_init(RecSys *table)
    void rec_sys_arm(RecSys *table)
    const char *rec_sys_name(int call)
    int rec_sys_inject(int call, uint64_t nth, int error, uint64_t times)
    uint64_t rec_sys_calls(int call)


cdef extern from "sys/spawn.h" nogil:
    int rec_adopts_orphans()
    void rec_end_keeper(pid_t keeper, pid_t kept)


cdef extern from "tape/map_guard.h" nogil:
    int rec_guard(RecSys *sys, void *at, size_t size, const char *path, RecLost lost, void *owner)
    void rec_unguard(void *at)
    void rec_guard_keep()


rec_sys_init(&rec_sys)

# A signal storm must not hold us for ever.
cdef int MOST_INTERRUPTIONS = 100
# What Linux writes in one call at most is a little less than 2 GiB; smaller bites do as well.
cdef Py_ssize_t LARGEST_WRITE = 64 << 20

SHORT = REC_INJECT_SHORT  # an injected "errno": half of what was asked for is written
KILL = REC_INJECT_KILL  # the process dies just before the call
STOP = REC_INJECT_STOP  # the process is stopped just before the call


cdef bytes encode(path):
    cdef bytes encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise errors.InvalidArgumentError(
            argument="path", value=encoded, expected="a path without null bytes"
        )
    return encoded


cdef list encode_all(list texts):
    cdef list encoded = []
    for text in texts:
        encoded.append(encode(text))
    return encoded


cdef int raise_errno(int error, path) except -1:
    # audit: system calls raise OSError; every caller knows by its operation which failure that is
    raise OSError(error, strerror(error).decode("ascii", "replace"), path)


# ---- one call ----
# Every call below is made in the body of `while is_due(&call, path)`, without the GIL, and leaves its answer there.

cdef struct Call:
    bint is_repeated  # after a signal has interrupted it
    bint is_made
    ssize_t answer  # from 0; or -1, and errno
    int error
    int interruptions

cdef Call ONCE, REPEATED
REPEATED.is_repeated = True


cdef bint is_due(Call *call, path) except -1:
    """Whether the call is to be made, for the first time or again. OSError if it has failed."""
    if not call.is_made:
        call.is_made = True
        return True
    if call.answer >= 0:
        call.is_made = False  # the next part may follow
        return False
    if call.is_repeated and call.error == EINTR:
        PyErr_CheckSignals()  # handlers have run and did not raise
        call.interruptions += 1
        if call.interruptions < MOST_INTERRUPTIONS:
            return True
    raise_errno(call.error, path)


# ---- memory ----


cdef int guard(void *at, size_t size, const char *path, RecLost lost, void *owner) noexcept nogil:
    return rec_guard(&rec_sys, at, size, path, lost, owner)


cdef void unguard(void *at) noexcept nogil:
    rec_unguard(at)


cdef void keep_guard() noexcept nogil:
    rec_guard_keep()


# ---- files ----


cdef int open_file(const char *path, int flags) noexcept nogil:
    cdef int times = 0, fd = -1
    while fd < 0 and times < MOST_INTERRUPTIONS:
        fd = rec_sys.open(path, flags | O_CLOEXEC, 0)
        if fd < 0 and errno != EINTR:
            break
        times += 1
    return fd


cdef int close_file(int fd) noexcept nogil:
    cdef int result = rec_sys.close(fd)
    return 0 if result < 0 and errno == EINTR else result  # interrupted, it is closed all the same


def open(path, int flags, int mode=0o600):
    """A file descriptor that no child inherits."""
    cdef bytes encoded = encode(path)
    cdef const char *name = PyBytes_AS_STRING(encoded)
    cdef Call call = REPEATED
    while is_due(&call, path):
        with nogil:
            call.answer = rec_sys.open(name, flags | O_CLOEXEC, mode)
            call.error = errno
    return call.answer


def close(int fd, path=None):
    cdef int error, result
    with nogil:
        result = close_file(fd)
        error = errno
    if result < 0:
        raise_errno(error, path)


cdef class Opened:
    """An open descriptor that is closed in any case: at the end of its `with`, which raises the failure
    to close, or when nobody holds it any more, as after an exception out of a signal handler that came
    before there was a `with`."""
    cdef int fd
    cdef object path

    def __cinit__(self):
        self.fd = -1

    def __enter__(self):
        return self.fd

    def __exit__(self, kind, value, trace):
        cdef int error = self.give_back()
        if error != 0 and value is None:
            # audit: it becomes one of ours on the next line
            exc = OSError(error, strerror(error).decode("ascii", "replace"), self.path)
            raise errors.from_oserror(exc, operation="close", path=self.path) from exc

    def __dealloc__(self):
        self.give_back()

    def fileno(self):
        """The descriptor; −1 once it is closed."""
        return self.fd

    def close(self):
        """Closes it now. No data depends on it: failing does not matter."""
        self.give_back()

    def lock(self):
        """Makes this process the only one to hold it, until it is closed: whether nobody else does. On a file system
        without locks nobody does."""
        cdef int result, error
        with nogil:
            result = rec_sys.flock(self.fd, LOCK_EX | LOCK_NB)  # does not wait, so no signal can interrupt it
            error = errno
        return result == 0 or error != EAGAIN

    cdef int give_back(self) noexcept:
        """Closes it, once; the errno, or 0."""
        cdef int fd = self.fd, result, error
        self.fd = -1
        if fd < 0:
            return 0
        with nogil:
            result = close_file(fd)
            error = errno
        return error if result < 0 else 0


def opened(path, int flags, int mode=0o600):
    """`with opened(path, flags) as fd:` opens a file that is closed whatever happens."""
    cdef Opened file = Opened()
    file.path = path
    file.fd = open(path, flags, mode)
    return file


def opened_pid(pid_t pid):
    """As `opened`, a descriptor of a process."""
    cdef Opened file = Opened()
    file.fd = pidfd_open(pid)
    return file


def read(int fd, Py_ssize_t size, path=None):
    """At most `size` bytes from the current position; empty at the end of the file."""
    cdef bytes data = PyBytes_FromStringAndSize(NULL, size)
    cdef char *into = PyBytes_AS_STRING(data)
    cdef Call call = REPEATED
    while is_due(&call, path):
        with nogil:
            call.answer = rec_sys.read(fd, into, size)
            call.error = errno
    return data if call.answer == size else data[:call.answer]


def pread(int fd, Py_ssize_t size, off_t at, path=None):
    """`size` bytes from offset `at`, fewer only at the end of the file."""
    cdef bytes data = PyBytes_FromStringAndSize(NULL, size)
    cdef char *into = PyBytes_AS_STRING(data)
    cdef Py_ssize_t done = 0
    cdef Call call = REPEATED
    while done < size:
        while is_due(&call, path):
            with nogil:
                call.answer = rec_sys.pread(fd, into + done, size - done, at + done)
                call.error = errno
        if call.answer == 0:
            break
        done += call.answer
    return data if done == size else data[:done]


cdef object write_whole(int fd, const unsigned char[::1] data, off_t at, bint positioned, path):
    cdef Py_ssize_t size = data.shape[0], done = 0, bite
    cdef const unsigned char *start = &data[0] if size else NULL
    cdef Call call = REPEATED
    while done < size:
        bite = min(size - done, LARGEST_WRITE)
        while is_due(&call, path):
            with nogil:
                if positioned:
                    call.answer = rec_sys.pwrite(fd, start + done, bite, at + done)
                else:
                    call.answer = rec_sys.write(fd, start + done, bite)
                call.error = errno
        if call.answer == 0:
            raise errors.ShortWriteError(path=path, bytes_wanted=size, bytes_written=done)
        done += call.answer


def write(int fd, const unsigned char[::1] data not None, path=None):
    """All of it, or an exception."""
    write_whole(fd, data, 0, False, path)


def pwrite(int fd, const unsigned char[::1] data not None, off_t at, path=None):
    """All of it at offset `at`, or an exception."""
    write_whole(fd, data, at, True, path)


cdef struct StandardError:  # what descriptor 2 was when recording began
    bint known, open
    dev_t device
    ino_t inode


cdef StandardError standard_error


cdef void remember_stderr() noexcept nogil:
    """The program may close it, and the number may become that of a file of its own."""
    cdef c_file_facts facts
    standard_error.known = True
    standard_error.open = fstat(2, &facts) == 0
    standard_error.device = facts.st_dev
    standard_error.inode = facts.st_ino


cdef bint stderr_is_there() noexcept nogil:
    """Whether a line for the user may go to descriptor 2: it is what it was, or a log that took its place."""
    cdef c_file_facts facts
    if not standard_error.known:
        return True
    if not standard_error.open or fstat(2, &facts) != 0:
        return False
    if facts.st_dev == standard_error.device and facts.st_ino == standard_error.inode:
        return True
    return fcntl(2, F_GETFL) & O_APPEND != 0


def try_write(int fd, const unsigned char[::1] data not None):
    """Writes to a descriptor of the program's, which may be closed, broken or full; whether all of it
    was written. A SIGPIPE that comes of it is ours, and taken back before it is delivered."""
    if fd == 2 and not stderr_is_there():
        return False
    cdef Py_ssize_t size = data.shape[0], done = 0
    cdef const unsigned char *start = &data[0] if size else NULL
    cdef sigset_t pipe, before
    cdef timespec now
    cdef ssize_t got = 0
    cdef int error = 0
    now.tv_sec = now.tv_nsec = 0
    while done < size and error == 0:
        with nogil:
            sigemptyset(&pipe)  # audit: cannot fail with these arguments
            sigaddset(&pipe, SIGPIPE)  # audit: cannot fail with these arguments
            pthread_sigmask(SIG_BLOCK, &pipe, &before)  # audit: cannot fail with these arguments
            got = c_write(fd, start + done, size - done)
            error = errno if got < 0 else EPIPE if got == 0 else 0
            if got < 0 and error == EPIPE and not sigismember(&before, SIGPIPE):
                sigtimedwait(&pipe, NULL, &now)  # audit: there may be none
            pthread_sigmask(SIG_SETMASK, &before, NULL)  # audit: cannot fail with these arguments
        if got > 0:
            done += got
        elif error == EINTR:
            PyErr_CheckSignals()
            error = 0
    return done == size


def ftruncate(int fd, off_t size, path=None):
    cdef Call call = REPEATED
    while is_due(&call, path):
        with nogil:
            call.answer = rec_sys.ftruncate(fd, size)
            call.error = errno


def fallocate(int fd, int mode, off_t at, off_t size, path=None):
    cdef Call call = REPEATED
    while is_due(&call, path):
        with nogil:
            call.answer = rec_sys.fallocate(fd, mode, at, size)
            call.error = errno


def reserve(int fd, off_t size, path=None):
    """Makes the file `size` bytes long, all of them on disk: a write there cannot lack space."""
    try:
        fallocate(fd, 0, 0, size, path)
    except OSError as error:
        if error.errno != EOPNOTSUPP:
            raise  # audit: as in raise_errno
        pwrite(fd, bytes(size), 0, path)


def fsync(int fd, path=None):
    cdef Call call = REPEATED
    while is_due(&call, path):
        with nogil:
            call.answer = rec_sys.fsync(fd)
            call.error = errno


include "sys/paths.pxi"


include "sys/processes.pxi"


include "sys/test_faults.pxi"
