"""The control page and the segments of a recording in progress, as Python sees them."""

import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.errno cimport ENOENT, ENOTEMPTY, errno
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from posix.fcntl cimport O_RDWR

from recorder._core.format cimport *
from recorder._core.syscalls cimport (
    c_stat, close_file, end_keeper, guard, open_file, raise_errno, rec_sys, unguard
)

from recorder import errors
from recorder._core import syscalls


cdef extern from "<sys/mman.h>" nogil:
    enum:
        PROT_READ
        PROT_WRITE
        MAP_SHARED


cdef extern from "<time.h>" nogil:
    enum:
        CLOCK_MONOTONIC


cdef extern from "sys/clock.h" nogil:
    uint64_t rec_ticks()
    uint64_t rec_clock_ns(int clock)


cdef extern from "cpython/version.h":
    const bint REC_CPYTHON_KNOWN


# Whether the core reads the structures of this CPython in place. Of one that it does not know it asks public functions.
READS_IN_PLACE = bool(REC_CPYTHON_KNOWN)

# What `verdict` of the page is where nothing is missing; recorder.trace.format has every TraceState.
TRACE_COMPLETE = REC_TRACE_COMPLETE

include "tape/control_page.pxi"


cdef object read_fault(const RecFault *fault, const char *detail):
    cdef uint32_t status = load_u32(&fault.status)  # written last, so read first
    if status == 0:
        return None
    return {
        "status": status,
        "errno": fault.sys_errno,
        "stage": fault.stage,
        "disposition": fault.disposition,
        "offset": fault.offset,
        "event": fault.event,
        "wanted": fault.wanted,
        "got": fault.got,
        "detail": os.fsdecode(PyBytes_FromStringAndSize(detail, REC_DETAIL_SIZE).split(b"\0")[0]),
    }


cdef bint write_fault(RecFault *fault, char *detail_at, uint32_t status, dict facts) except -1:
    cdef bytes detail = os.fsencode(facts.get("detail") or "")[: REC_DETAIL_SIZE - 1]
    if load_u32(&fault.status) != 0:
        return False
    fault.sys_errno = facts.get("errno") or 0
    fault.stage = facts.get("stage") or 0
    fault.disposition = facts.get("disposition") or 0
    fault.offset = facts.get("offset") or 0
    fault.event = facts.get("event") or 0
    fault.wanted = facts.get("wanted") or 0
    fault.got = facts.get("got") or 0
    memset(detail_at, 0, REC_DETAIL_SIZE)
    memcpy(detail_at, <const char *>detail, len(detail))
    store_u32(&fault.status, status)
    return True


cdef void page_lost(void *page, size_t offset) noexcept nogil:
    """In the signal handler: somebody has cut the file, and it is made whole again, with zeros."""
    (<bint *>page)[0] = True


def clock():
    """The ticks that timestamps count, and the monotonic clock in ns, now."""
    return rec_ticks(), rec_clock_ns(CLOCK_MONOTONIC)


cdef class ControlPage(ControlFields):
    """The page, mapped. Its numbers are attributes.

    `fresh`: the file is a reserved page of zeros, of which this makes a control page.
    `guarded`: that somebody cuts the file does not end this process; see `take_loss`."""

    def __init__(self, path, bint fresh=False, bint guarded=False):
        self.path = path
        file = None
        with errors.mapped("open", path=path):
            file = syscalls.opened(path, os.O_RDWR)
            if syscalls.stat(path)[1] < REC_CONTROL_SIZE:
                self._refuse()
        with file as fd, errors.mapped("mmap", path=path, bytes_wanted=REC_CONTROL_SIZE):
            self._map(fd)
        if guarded:
            self._guard()
        if fresh:
            self.page.magic = REC_CONTROL_MAGIC
            self.page.version = REC_LAYOUT_VERSION
        elif self.page.magic != REC_CONTROL_MAGIC or self.page.version != REC_LAYOUT_VERSION:
            self._refuse()

    def _map(self, int fd):
        cdef void *page
        cdef int error
        with nogil:
            page = rec_sys.mmap(NULL, REC_CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
            error = errno
        if page == <void *>-1:
            raise_errno(error, self.path)
        self.page = <RecControl *>page

    def _guard(self):
        """Its file may be cut from now on."""
        cdef int error
        cdef const char *name
        self.encoded_path = os.fsencode(self.path)
        name = self.encoded_path
        if guard(self.page, REC_CONTROL_SIZE, name, page_lost, &self.was_lost) != 0:
            error = errno
            with errors.mapped("mmap", path=self.path, bytes_wanted=REC_CONTROL_SIZE):
                raise_errno(error, self.path)

    def take_loss(self):
        """Whether somebody has cut the file since this was last asked."""
        lost = bool(self.was_lost)
        self.was_lost = False
        return lost

    def is_of(self, bytes trace_id not None):
        """Whether the page is that of this recording: nobody has written over it; or it is so again, since the target
        has made its part anew."""
        self.mapped()
        return (
            self.page.magic == REC_CONTROL_MAGIC
            and self.page.version == REC_LAYOUT_VERSION
            and PyBytes_FromStringAndSize(<char *>self.page.trace_id, 16) == trace_id
        )

    def restore(self, dict facts not None, bytes trace_id not None):
        """Makes the page anew of what is known."""
        self.mapped()
        memset(self.page, 0, REC_CONTROL_SIZE)
        self.trace_id = trace_id
        for name, value in facts.items():
            setattr(self, name, value)
        self.page.version = REC_LAYOUT_VERSION
        store_u32(&self.page.magic, REC_CONTROL_MAGIC)

    def __dealloc__(self):
        if self.page != NULL:
            unguard(self.page)
            rec_sys.munmap(self.page, REC_CONTROL_SIZE)  # audit: nobody is left to tell

    def close(self):
        """Gives the mapping back; the page is not to be used any more."""
        cdef RecControl *page = self.page
        self.page = NULL
        unguard(page)
        if page != NULL and rec_sys.munmap(page, REC_CONTROL_SIZE) < 0:
            with errors.mapped("munmap"):
                raise_errno(errno, self.path)

    def _refuse(self):
        raise errors.TraceCorruptError(path=self.path, offset=0, reason="not a control page")

    @property
    def trace_id(self):
        self.mapped()
        return PyBytes_FromStringAndSize(<char *>self.page.trace_id, 16)

    @trace_id.setter
    def trace_id(self, bytes value not None):
        self.mapped()
        if len(value) != 16:
            raise errors.InvariantBrokenError(invariant="a trace id has 16 bytes")
        memcpy(self.page.trace_id, <const char *>value, 16)

    @property
    def target_fault(self):
        """The facts of the target's fault as a dict, or None."""
        self.mapped()
        return read_fault(&self.page.target_fault, self.page.target_detail)

    @property
    def sealer_fault(self):
        self.mapped()
        return read_fault(&self.page.sealer_fault, self.page.sealer_detail)

    def set_target_fault(self, uint32_t status, **facts):
        """The first fault stays: False if there was one."""
        self.mapped()
        return write_fault(&self.page.target_fault, self.page.target_detail, status, facts)

    def set_sealer_fault(self, uint32_t status, **facts):
        """The first fault stays: False if there was one. The target is told to look."""
        self.mapped()
        if not write_fault(&self.page.sealer_fault, self.page.sealer_detail, status, facts):
            return False
        store_u32(&self.page.attention, 1)
        return True

    def slot(self, unsigned int index):
        """State and sequence of a slot of the ring."""
        self.mapped()
        if index >= REC_RING_SLOTS:
            raise errors.InvariantBrokenError(invariant="a slot is one of the ring's")
        return load_u32(&self.page.slots[index].state), self.page.slots[index].sequence

    def set_slot(self, unsigned int index, uint32_t state, uint64_t sequence):
        self.mapped()
        if index >= REC_RING_SLOTS:
            raise errors.InvariantBrokenError(invariant="a slot is one of the ring's")
        self.page.slots[index].sequence = sequence
        store_u32(&self.page.slots[index].state, state)

    def free_slot(self, unsigned int index):
        """Gives a sealed segment back to the target."""
        self.mapped()
        if index >= REC_RING_SLOTS:
            raise errors.InvariantBrokenError(invariant="a slot is one of the ring's")
        store_u32(&self.page.slots[index].state, REC_SLOT_FREE)

    def announced_files(self, uint64_t seen):
        """How many times the target has announced a file, and where those after the first `seen` are, as far as the
        page still has them."""
        cdef uint64_t count, number
        self.mapped()
        count = load_u64(&self.page.file_count)
        places = []
        for number in range(max(seen, count - REC_FILE_PLACES if count > REC_FILE_PLACES else 0), count):
            places.append(load_u64(&self.page.file_places[number % REC_FILE_PLACES]))
        return count, places


def discard(bytes folder not None, tuple names not None, int sealer_pid=0):
    """Lets a sealer go and removes its staging folder, in one call that no signal handler splits.

    names: the files in the folder; the last one goes only when all others have gone. sealer_pid: where it is
    known, the sealer is ended at once. What could not be removed: (call, errno, path) of the first, or None."""
    request_discard(folder + b"/control", sealer_pid)
    left = remove_files(folder, names)
    if left is not None and left[1] == ENOTEMPTY:  # the sealer was just about to make its log
        left = remove_files(folder, names)
    return left


cdef void request_discard(bytes path, int sealer_pid) noexcept:
    cdef const char *name = PyBytes_AS_STRING(path)
    cdef int fd = open_file(name, O_RDWR)
    cdef void *mapping = <void *>-1
    cdef RecControl *page
    cdef int keeper = 0
    cdef c_stat facts
    if fd >= 0:
        # A page that the disk had no room for cannot be written to.
        if rec_sys.stat(name, &facts) == 0 and facts.st_size >= REC_CONTROL_SIZE:
            mapping = rec_sys.mmap(NULL, REC_CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
        close_file(fd)  # nothing is written through it
    if mapping != <void *>-1:
        page = <RecControl *>mapping
        store_u32(&page.discard, 1)
        store_u32(&page.target_state, REC_TARGET_FINISHED)
        keeper = page.keeper_pid
        rec_sys.munmap(mapping, REC_CONTROL_SIZE)  # audit: of what mmap gave
    if sealer_pid > 0:
        rec_sys.kill(sealer_pid, 9)  # audit: it may have ended by itself
        end_keeper(keeper, sealer_pid)


cdef object remove_files(bytes folder, tuple names):
    cdef const char *name
    cdef bytes path
    first = None
    for each in names:
        if each == names[len(names) - 1] and first is not None:
            break
        path = folder + b"/" + <bytes>each
        name = path
        if rec_sys.unlink(name) < 0 and errno != ENOENT and first is None:
            first = ("unlink", errno, path)
    if first is None:
        name = folder
        if rec_sys.rmdir(name) < 0 and errno != ENOENT:
            first = ("rmdir", errno, folder)
    return first


def read_segment(path):
    """(sequence, number of the first event, committed records, how many bytes of them are missing)
    of a segment that nobody writes any more; the sequence is 0 if it was never begun. Bytes are
    missing if somebody has cut the file; without a sound head that raises MappingLostError."""
    cdef RecSegmentHead head
    cdef Py_ssize_t committed
    with syscalls.opened(path, os.O_RDONLY) as fd:
        raw = syscalls.pread(fd, REC_SEGMENT_HEAD, 0, path)
        if len(raw) < REC_SEGMENT_HEAD:
            raise errors.MappingLostError(path=path, offset=len(raw))
        if not raw.strip(b"\0"):
            return 0, 0, b"", 0
        memcpy(&head, <const char *><bytes>raw, sizeof(head))
        if (
            head.magic != REC_SEGMENT_MAGIC
            or head.version != REC_LAYOUT_VERSION
            or head.committed > <uint64_t>(REC_SEGMENT_SIZE - REC_SEGMENT_HEAD)
        ):
            raise errors.MappingLostError(path=path, offset=0)
        committed = head.committed
        data = syscalls.pread(fd, committed, REC_SEGMENT_HEAD, path)
        return head.sequence, head.first_event, data, committed - len(data)
