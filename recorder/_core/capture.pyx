"""The capture core: hooks, tracer, session and the target's end of the tape. All of its Cython is one translation unit,
so that the C compiler sees it at once; what computes fingerprints and writes values is C beside it.

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
    POLLIN, RecSys, c_pollfd, close_file, end_keeper, guard, keep_guard, open_file, rec_sys, remember_stderr,
    stderr_is_there, unguard,
)

cdef extern from "<fcntl.h>" nogil:
    const int O_NOFOLLOW

include "cpython/capi.pxi"
include "cpython/frames.pxi"
include "value/value.pxi"
include "cpython/objects.pxi"
include "cpython/tasks.pxi"
include "cpython/streams.pxi"
include "session/fault.pxi"
include "value/put.pxi"
include "tape/tape.pxi"
include "session/results.pxi"
include "value/types.pxi"
include "capture/tracer.pxi"
include "capture/looks.pxi"
include "capture/told.pxi"
include "capture/variables.pxi"
include "capture/budget.pxi"
include "capture/retired.pxi"
include "capture/codes.pxi"
include "capture/scope.pxi"
include "capture/shadow.pxi"
include "capture/suspended.pxi"
include "capture/adopt.pxi"
include "capture/waiting.pxi"
include "capture/threads.pxi"
include "capture/greenlets.pxi"
include "capture/tasks.pxi"
include "capture/class_bodies.pxi"
include "capture/namespaces.pxi"
include "capture/classes.pxi"
include "capture/globals.pxi"
include "capture/events.pxi"
include "capture/hooks.pxi"
include "capture/monitoring.pxi"
include "capture/settrace_311.pxi"
include "capture/settrace_311_chain.pxi"
include "session/handle_fault.pxi"
include "session/interruption.pxi"
include "session/abort.pxi"
include "session/process_hooks.pxi"
include "capture/within.pxi"
include "capture/output.pxi"
include "capture/input.pxi"
include "capture/logs.pxi"
include "capture/audit.pxi"
include "capture/requests.pxi"
include "capture/masking.pxi"
include "session/exit.pxi"
include "session/exit_messages.pxi"
include "session/options.pxi"
include "capture/notes.pxi"
include "session/begin.pxi"
include "session/publication.pxi"
include "session/transitions.pxi"
include "session/queries.pxi"
