"""The sealer: a process that turns the segments of a running program into a trace.

It is started before the program runs and outlives it. It makes a chunk of every full segment,
keeps room reserved for the next one and for the end, and publishes the trace when the program has
finished or died. It reports on the control page; stderr goes to a file in the
staging folder.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # without the enums of `signal`
import _thread
import os
import time
from typing import Final

from recorder import errors, processes
from recorder._core import control, syscalls

# Loaded now: where no file can be opened any more, a failure can still be reported.
from recorder.errors import codes as codes
from recorder.errors import diagnostic as diagnostic
from recorder.errors import errnos as errnos
from recorder.errors import tables as tables
from recorder.staging import files, requests, stale

SHORTEST_WAIT_MS, LONGEST_WAIT_MS = 1, 20
HEARTBEAT_SECONDS: Final = 0.04
# The usual eight megabytes are more than a limit on memory may leave.
HEARTBEAT_STACK: Final = 1 << 18
# What the target has written on the control page, and has to be there when the page is made anew.
LASTING: Final = (
    *("ticks_per_second", "started_wall_ns", "started_mono_ns", "keeper_pid"),
    *("target_state", "target_pid", "exit_status", "has_exit_status", "discard", "events"),
    *("image", "leaving", "raising", "optimize"),
)


def main(path: str) -> None:
    """The process, from its first line to its last."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those that were started here end by themselves
    os.chdir("/")
    syscalls.load_faults("sealer")
    page = control.ControlPage(os.path.join(path, "control"), guarded=True)
    page.sealer_pid = os.getpid()
    sealer = None
    try:
        sealer = Sealer(path, page)
        sealer.run()
    except BaseException as error:
        report(page, error)
        raise
    finally:
        wait_for_others()
        if sealer is not None and sealer.is_host:
            stale.remove_never_begun(sealer.tape.destination)


def wait_for_others() -> None:
    """Sealers that were started here are children of this process until they end, and nobody else's."""
    try:
        while True:
            os.wait()
    except OSError:
        pass  # there are none any more


def report(page: control.ControlPage, error: BaseException) -> None:
    """The last word of a sealer that gives up; the staging folder is left to recovery."""
    if isinstance(error, errors.RecorderError | OSError | MemoryError | ImportError):
        ours = errors.from_exception(error, operation="read")
    else:
        ours = errors.SealerFailedError(reason=f"{type(error).__name__}: {error}")
    page.set_sealer_fault(ours.number, **errors.to_fault(ours))
    page.sealer_state = control.SEALER_FAILED


class Sealer:
    def __init__(self, path: str, page: control.ControlPage) -> None:
        from recorder.trace.sealing import Tape  # needs zstd, which may be missing

        self.page = page
        held = files.lock(path)
        if held is None:
            raise errors.TraceBusyError(path=path, target_pid=page.target_pid)
        self.lock = held  # until the process ends
        self.tape = Tape(path, page)
        self.tape.reserve()
        session = self.tape.session
        self.floor: int = session["min_free_space"]
        self.max_bytes: int | None = session["max_bytes"]
        self.max_duration: float | None = session["max_duration"]
        self.began: float | None = None
        self.watch = processes.Watch(session["target_pid"], session["target_started"])
        self.trace_id = bytes.fromhex(session["meta"]["trace_id"])
        self.is_host = bool(session["meta"]["policy"].get("follow_children"))
        self.tape.before_removal = self.start_others
        self.known = self._facts(LASTING)
        _thread.stack_size(HEARTBEAT_STACK)
        try:
            _thread.start_new_thread(self._beat, ())
        except RuntimeError as exc:
            raise errors.SealerStartFailedError(reason=str(exc)) from exc

    def _beat(self) -> None:
        while True:
            self.page.heartbeat += 1
            time.sleep(HEARTBEAT_SECONDS)

    def run(self) -> None:
        self.page.sealer_state = control.SEALER_READY
        wait = SHORTEST_WAIT_MS
        while True:
            died = self.watch.dead(wait)  # asked before the state is read: then the state is final
            self.check_page()
            if self.has_left(died, wait):
                died = True
                self.tape.fail(self.exec_error())
            if died or self.page.discard or self.page.target_state == control.TARGET_FINISHED:
                break
            self.call_time()
            self.start_others()
            is_busy = self.seal_full() or self.read_sources()
            wait = SHORTEST_WAIT_MS if is_busy else min(2 * wait, LONGEST_WAIT_MS)
        if died:
            self.note_end()
        never_began = self.page.target_state == control.TARGET_PREPARING
        if died and never_began and self.tape.failure is None:
            self.page.discard = 1  # nothing was recorded
        self.tape.follow(self.lock)
        self.tape.finish(died=died)

    def note_end(self) -> None:
        """How the program ended, which it could not say itself. What it was about to do to itself is known where the
        kernel does not tell, or somebody has asked it before us."""
        status = self.watch.exit_status()
        if status is None and self.page.raising:
            status = -self.page.raising
        if status is None:
            return
        self.page.exit_status, self.page.has_exit_status = status, 1
        if not self.page.stopped_mono_ns:
            self.page.stopped_mono_ns = time.monotonic_ns()

    def check_page(self) -> None:
        """Somebody may have cut the control page's file, or written over it. It is made anew of what
        is known, but for what the target has made anew already, and the recording ends."""
        page = self.page
        was_cut = page.take_loss()
        if not page.is_of(self.trace_id):
            page.restore(self.known, self.trace_id)
        elif not was_cut and page.sealer_state == control.SEALER_READY:
            self.known = self._facts(LASTING)
            return
        page.sealer_pid = os.getpid()
        page.sealed_segments, page.sealed_events = self.tape.sealed, self.tape.events
        page.trace_bytes = self.tape.writer.end
        page.sealer_state = control.SEALER_READY
        self.tape.fail(errors.MappingLostError(path=page.path))

    def _facts(self, names: tuple[str, ...]) -> dict[str, int]:
        return {name: getattr(self.page, name) for name in names}

    def has_left(self, died: bool, waited: int) -> bool:
        """Whether the process has become another program (exec). One that was announced is looked
        for at once; one that code below Python made, whenever there is nothing to do."""
        if self.page.target_state != control.TARGET_RECORDING:
            return False
        if died or not (self.page.leaving or waited == LONGEST_WAIT_MS):
            return bool(died and self.page.leaving)
        image = processes.process_image(self.page.target_pid)
        return image is not None and image != self.page.image != 0

    def exec_error(self) -> errors.RecorderError:
        try:
            path = os.readlink(f"/proc/{self.page.target_pid}/exe")
        except OSError:
            path = ""  # it ended already
        return errors.TargetExecError(path=path)

    def seal_full(self) -> bool:
        """Seals the full segments in order. After a failure none is sealed until the end, and none
        given back, so that the target stops."""
        tape, any_sealed = self.tape, False
        while tape.failure is None:
            index = self._full_slot(tape.sealed + 1)
            if index is None:
                break
            try:
                tape.follow(self.lock)
                tape.seal(index)
                self.check_limits()
                tape.reserve()
            except Exception as error:
                tape.fail(errors.from_exception(error, operation="read"))
                break
            self.page.free_slot(index)
            any_sealed = True
        return any_sealed

    def read_sources(self) -> bool:
        """A piece of the work on texts, for which there is time while no segment is full."""
        try:
            return self.tape.failure is None and self.tape.read_sources()
        except Exception as error:
            self.tape.fail(errors.from_exception(error, operation="read"))
            return False

    def _full_slot(self, sequence: int) -> int | None:
        for index in range(control.RING_SLOTS):
            if self.page.slot(index) == (control.SLOT_FULL, sequence):
                return index
        return None

    def start_others(self) -> None:
        """Sealers of processes below, which have asked for theirs: see `requests`."""
        if self.is_host:
            for folder in requests.waiting(self.tape.path):
                requests.start(folder)

    def call_time(self) -> None:
        """A program that makes no call looks at no clock: this asks it to."""
        if self.max_duration is None or self.page.target_state != control.TARGET_RECORDING:
            return
        now = time.monotonic()
        self.began = self.began or now
        if now - self.began > self.max_duration:
            self.page.attention = 1

    def check_limits(self) -> None:
        """The free space that is to be kept after the next reservation, and the size of the trace."""
        tape = self.tape
        folder = os.path.dirname(tape.path)
        with errors.mapped("statvfs", path=folder):
            free, _ = syscalls.statvfs(folder)
        wanted = self.floor + tape.writer.still_to_reserve(tape.space_needed)
        if self.floor and free < wanted:
            raise errors.FreeSpaceLowError(path=folder, free_bytes=free, bytes_wanted=wanted)
        if self.max_bytes is not None and tape.writer.end > self.max_bytes:
            raise errors.LimitReachedError(
                limit="max_bytes", limit_value=self.max_bytes, unit="bytes"
            )
