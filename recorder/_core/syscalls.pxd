# The table of system calls for other extensions: `from recorder._core.syscalls cimport rec_sys`,
# then `rec_sys.open(path, flags, mode)`: the plain call, errno and all. See syscall_table.h.
from posix.types cimport mode_t, off_t, pid_t


cdef extern from "<sys/stat.h>" nogil:
    struct c_stat "stat":
        mode_t st_mode
        off_t st_size


cdef extern from "<sys/statvfs.h>" nogil:
    struct c_statvfs "statvfs":
        unsigned long f_frsize
        unsigned long long f_blocks
        unsigned long long f_bavail


cdef extern from "<poll.h>" nogil:
    struct c_pollfd "pollfd":
        int fd
        short events
        short revents
    const short POLLIN


cdef extern from "<signal.h>" nogil:
    struct c_sigaction "sigaction":
        pass


cdef extern from "sys/syscall_table.h" nogil:
    ctypedef struct RecSys:
        int (*open)(const char *path, int flags, mode_t mode) noexcept nogil
        int (*close)(int fd) noexcept nogil
        ssize_t (*read)(int fd, void *data, size_t size) noexcept nogil
        ssize_t (*pread)(int fd, void *data, size_t size, off_t at) noexcept nogil
        ssize_t (*write)(int fd, const void *data, size_t size) noexcept nogil
        ssize_t (*pwrite)(int fd, const void *data, size_t size, off_t at) noexcept nogil
        int (*ftruncate)(int fd, off_t size) noexcept nogil
        int (*fallocate)(int fd, int mode, off_t at, off_t size) noexcept nogil
        void *(*mmap)(
            void *at, size_t size, int protection, int flags, int fd, off_t offset
        ) noexcept nogil
        int (*munmap)(void *at, size_t size) noexcept nogil
        int (*fsync)(int fd) noexcept nogil
        int (*rename)(const char *source, const char *target) noexcept nogil
        int (*unlink)(const char *path) noexcept nogil
        int (*mkdir)(const char *path, mode_t mode) noexcept nogil
        int (*rmdir)(const char *path) noexcept nogil
        int (*chmod)(const char *path, mode_t mode) noexcept nogil
        int (*stat)(const char *path, c_stat *facts) noexcept nogil
        ssize_t (*readlink)(const char *path, char *into, size_t size) noexcept nogil
        int (*statvfs)(const char *path, c_statvfs *facts) noexcept nogil
        int (*flock)(int fd, int operation) noexcept nogil
        int (*kill)(pid_t pid, int signal) noexcept nogil
        int (*sigaction)(int signal, const c_sigaction *act, c_sigaction *old) noexcept nogil
        int (*pidfd_open)(pid_t pid, unsigned flags) noexcept nogil
        int (*poll)(c_pollfd *fds, unsigned long count, int milliseconds) noexcept nogil
        pid_t (*spawn)(
            const char *path, char *const *argv, char *const *envp, const char *log, pid_t *keeper
        ) noexcept nogil
        void *(*malloc)(size_t size) noexcept nogil
        void *(*calloc)(size_t count, size_t size) noexcept nogil
        void *(*realloc)(void *memory, size_t size) noexcept nogil


cdef extern from "tape/map_guard.h" nogil:
    ctypedef void (*RecLost)(void *owner, size_t offset) noexcept nogil


cdef RecSys rec_sys

cdef void end_keeper(int keeper, int kept) noexcept nogil

# What is mapped from a file that others can reach is guarded until it is unmapped: see map_guard.h.
cdef int guard(void *at, size_t size, const char *path, RecLost lost, void *owner) noexcept nogil
cdef void unguard(void *at) noexcept nogil
cdef void keep_guard() noexcept nogil

# As in the table, but a signal that interrupts does not count: -1 and errno for any other failure.
cdef int open_file(const char *path, int flags) noexcept nogil
cdef int close_file(int fd) noexcept nogil

# Where a line for the user goes, if that still is where it led when recording began.
cdef void remember_stderr() noexcept nogil
cdef bint stderr_is_there() noexcept nogil

# Raises OSError.
cdef int raise_errno(int error, path) except -1
