"""The capture core: hooks, tracer, encoder and the target's end of the tape, in one translation unit so that
the C compiler sees the whole path of an event.

Entry points answer a RecorderResult and never raise; every state transition is one call. See
docs/architecture.md for the flow and docs/trace-format.md for what is written."""

from libc.errno cimport ENOENT, ENOMEM, ESRCH, errno
from libc.stdio cimport snprintf
from posix.fcntl cimport O_APPEND, O_CLOEXEC, O_CREAT, O_NOCTTY, O_RDONLY, O_RDWR, O_WRONLY
from posix.mman cimport MAP_FAILED, MAP_POPULATE, MAP_SHARED, PROT_READ, PROT_WRITE
from posix.time cimport nanosleep, timespec
from posix.unistd cimport getpid

from recorder import errors
from recorder._core import control
from recorder._core.format cimport *
from recorder._core.status cimport *
from recorder._core.syscalls cimport (
    POLLIN, RecSys, c_pollfd, close_file, guard, keep_guard, open_file, rec_sys, remember_stderr, stderr_is_there,
    unguard,
)

cdef extern from "<fcntl.h>" nogil:
    const int O_NOFOLLOW

include "cpython/capi.pxi"
include "session/fault.pxi"
include "tape/tape.pxi"
include "session/results.pxi"
include "value/encode.pxi"
include "value/encode_typed.pxi"
include "capture/tracer.pxi"
include "capture/globals.pxi"
include "capture/tasks.pxi"
include "capture/hooks.pxi"
include "session/process_hooks.pxi"
include "session/exit.pxi"
include "session/exit_messages.pxi"
include "session/options.pxi"
include "session/begin.pxi"
include "session/publication.pxi"
include "session/transitions.pxi"
include "session/queries.pxi"
