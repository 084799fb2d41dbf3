"""The tape of one recording, as those see it who turn it into a trace: the sealer and recovery.

    tape = Tape(staging_path)
    tape.seal(index)        # one full segment → one chunk, in order of sequence
    tape.finish(died=…)     # the rest of the ring, the closing, publication

What goes wrong is noted once, on the control page, where the target finds it; the first failure
decides what the trace says of itself.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # without the enums of `signal`
import os
from collections.abc import Callable, Iterable
from typing import Any, Final

from recorder import errors, processes
from recorder._core import control, syscalls
from recorder._core.decode import CallTree, Scanner, SegmentInfo
from recorder.staging import files, layout
from recorder.trace import call_sums, recompile, varint
from recorder.trace.container import publish
from recorder.trace.container.blocks import FileHead
from recorder.trace.container.writer import (
    FALLOC_FL_PUNCH_HOLE_KEEP_SIZE,
    CloseRecord,
    TraceWriter,
)
from recorder.trace.contents import Collected
from recorder.trace.format import ChunkType, TraceState
from recorder.trace.kept_spans import Unwanted
from recorder.trace.texts import Code, Texts

NOT_WANTED: Final = "what is in no span that is wanted was dropped, as keep_spans says"
LONGEST_PATH: Final = 4 * 4096 + 64  # bytes of a DEF_FILE
# Signals that end a program which had no say in it, or is not to be trusted any more.
CRASHES: Final = frozenset(
    {
        *(signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL),
        *(signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS),
    }
)
SEALING_ATTEMPTS: Final = 2  # what fails once may still be read and written
CLOSING_ATTEMPTS: Final = 3  # as it should be; marked with what went wrong; once more without fsync


class Tape:
    """The staging folder at `path` and the trace that grows in it."""

    def __init__(
        self,
        path: str,
        page: control.ControlPage,
        *,
        recovering: bool = False,
        compressing: bool = True,
    ) -> None:
        self.path = path
        self.page = page
        self.recovering = recovering  # what fails is raised, and nothing given up: try again later
        self.session = layout.read_session(path)
        self.keep_last: int | None = self.session.get("keep_last")  # bytes of EVENTS chunks
        self.unwanted = Unwanted() if self.session.get("keep_spans") else None
        self.destination = layout.native(self.session["destination"])
        # Most of what is in spans is given back soon, and not worth being compressed.
        self.writer = TraceWriter(
            self.file("trace"), compressing=compressing and self.unwanted is None
        )
        self.scanner = self._scanner()
        self.scanned: tuple[int, SegmentInfo] | None = None
        self.has_forgotten = False  # the scanner was interrupted, and has to begin anew
        self.broken: errors.RecorderError | None = None  # a record that no target writes: the end
        self.sealed = 0  # sequence of the last segment in the trace
        self.events = 0
        self.next_event = 0  # its number; more than `events` if chunks were found damaged
        self.lost_events = 0
        self.failure: errors.RecorderError | None = None
        self.later_failure: errors.RecorderError | None = (
            None  # another one, while the rest was saved
        )
        self.dropping: errors.RecorderError | None = None  # the beginning, as the policy wants it
        self.counters: dict[str, int] = {}
        self.omitted = (0, 0, 0)  # bytes of output, logs, audit events that were not kept
        self.contents = Collected()
        self.has_notes = False  # marks or spans
        self.announced = 0  # files that were read early
        meta = self.session["meta"]
        self.texts = Texts(
            self.writer,
            layout.native(meta["cwd"]),
            lambda: page.optimize,
            # A recording that is closed in the program itself compiles nothing there.
            checking=compressing and recompile.is_same_python(meta["python"]),
            keeping=bool(meta["policy"].get("source_text", True)),
            began=0 if recovering else processes.time_of_start(self.session["target_started"]),
        )
        self.texts.take_command(meta["argv"])
        self.before_removal: Callable[[], None] | None = None  # of the staging folder

    def file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def _scanner(self) -> Scanner:
        return Scanner(CallTree(call_sums.BY_WAY | call_sums.BY_FUNCTION))

    def follow(self, folder: syscalls.Opened) -> None:
        """The staging folder may have been moved, alone or with the folder it is in: it is where the
        descriptor leads, and then the trace stays beside it if it must."""
        try:
            path = syscalls.readlink(f"/proc/self/fd/{folder.fileno()}")
            syscalls.stat(path)
        except OSError:
            return  # no /proc; or the folder is gone, which is met where it is needed
        if path == self.path:
            return
        self.path = path
        self.writer.path = self.file("trace")
        parent, name = os.path.split(self.destination)
        if not os.path.isdir(parent):
            self.destination = os.path.join(os.path.dirname(path), name)

    # ---- failures ----

    def fail(self, error: errors.RecorderError) -> None:
        """Notes a failure of ours; the target is told. The first one counts, whosever it is; the trace tells of another
        one as well."""
        if self.recovering and error is not self.broken:
            raise error
        self.look_at_target()
        if self.failure is None:
            self.failure = error
        elif self.later_failure is None and error.number != self.failure.number:
            self.later_failure = error
        self.page.set_sealer_fault(error.number, **errors.to_fault(error))

    def look_at_target(self) -> None:
        """Notes a failure of the target's."""
        fault = self.page.target_fault
        if fault is not None and self.failure is None:
            self.failure = errors.from_fault(fault)

    # ---- sealing ----

    def reserve(self) -> None:
        """Space for whatever the next segment becomes, and for the end."""
        self.writer.reserve(self.space_needed)

    @property
    def space_needed(self) -> int:
        return layout.WORST_CHUNK + self.writer.closing_space

    def seal(self, index: int) -> None:
        """Makes a chunk of a segment that nobody writes any more."""
        name = self.file(layout.SEGMENTS[index])
        with errors.mapped("read", path=name):
            sequence, first_event, data, missing = control.read_segment(name)
        if sequence != self.sealed + 1:
            self.broken = errors.MappingLostError(
                f"{name} holds segment {sequence} and not {self.sealed + 1}", path=name
            )
            raise self.broken
        self.begin()
        if data:
            self._append(sequence, first_event, data)
        if missing:
            self.broken = errors.MappingLostError(path=name, offset=len(data))
        self.sealed = self.page.sealed_segments = sequence
        self.page.sealed_events = self.events
        self.page.trace_bytes = self.writer.end
        if self.broken is not None:
            raise self.broken
        if self.keep_last is not None:
            for dropped in self.writer.drop_until(self.keep_last):
                self.contents.forget(dropped.first_event)
        if self.unwanted is not None and self.scanned is not None and data:
            self.drop(self.unwanted.add(first_event, self.scanned[1].notes))

    def drop(self, chunks: Iterable[int]) -> None:
        for first_event in chunks:
            self.writer.drop(first_event)
            self.contents.forget(first_event)

    def begin(self) -> None:
        """The file header, once; only now does the target's choice of a clock stand."""
        if self.writer.end == 0:
            self.writer.begin(
                trace_id=self.page.trace_id,
                started=self.page.started_wall_ns,
                ticks_per_second=self.page.ticks_per_second,
                meta=self.session["meta"],
            )

    def _append(self, sequence: int, first_event: int, data: bytes) -> None:
        if self.scanned is None or self.scanned[0] != sequence:
            # Asked once for a segment, since the write below may be tried again.
            self.scanned = sequence, self.scan(data, first_event)
        info = self.scanned[1]
        self.writer.events(
            info.preamble + data[: info.valid],
            first_event=first_event,
            events=info.events,
            lost=info.lost,
            segment=sequence,
        )
        self.count(info)
        self.contents.add(first_event, info.contents, info.digest, info.definitions)
        self.next_event = first_event + info.events
        self.texts.add(info.codes, info.files, info.texts)
        self.broken = info.damage

    def scan(self, data: bytes, first_event: int) -> SegmentInfo:
        """What is in a segment. Where there was no memory for that, the next attempt begins with a scanner that
        has read the trace from its beginning."""
        if self.has_forgotten:
            self.scanner = self._scanner()
            self._set_clock()
            for chunk, payload in self.writer.written():
                self.scanner.chunk(payload, chunk.first_event)
            self.has_forgotten = False
        self._set_clock()
        try:
            return self.scanner.segment(data, first_event, self.is_next_whole)
        except BaseException:
            self.has_forgotten = True
            raise

    @property
    def is_next_whole(self) -> bool:
        """Whether the next chunk states all that is known, since those before it may be dropped."""
        if self.unwanted is not None:
            return self.unwanted.is_next_whole
        return self.keep_last is not None

    def _set_clock(self) -> None:
        """By which times are told: the file header's."""
        calls = self.scanner.calls
        if calls is not None:
            calls.set_clock(self.page.ticks_per_second, self.page.started_wall_ns)

    def count(self, info: SegmentInfo) -> None:
        self.events += info.events
        self.lost_events += info.lost
        self.has_notes = self.has_notes or bool(info.notes)
        output, logs, audit = info.omitted
        self.omitted = (self.omitted[0] + output, self.omitted[1] + logs, self.omitted[2] + audit)
        for number, times in info.marks.items():
            name = errors.class_for(number).error_name.removeprefix("ERR_")
            self.counters[name] = self.counters.get(name, 0) + times

    def seal_rest(self) -> None:
        """Seals what is left in the ring, which the target needs no more. After a failure a chunk
        goes into the room that is reserved or that sealed segments give back; what does not fit is
        lost."""
        pending, lost = [], None
        for index, name in enumerate(layout.SEGMENTS):
            try:
                with errors.mapped("read", path=self.file(name)):
                    sequence, _, data, missing = control.read_segment(self.file(name))
            except (errors.MappingLostError, errors.StagingLostError) as error:
                if self.page.slot(index)[0] != control.SLOT_FREE:
                    lost = error
                continue
            if sequence > self.sealed and (data or missing):
                pending.append((sequence, index))
            elif self.failure is not None:
                self.give_back(index)
        for sequence, index in sorted(pending):
            if self.broken is not None or (lost is not None and sequence != self.sealed + 1):
                break
            self.seal(index)
            if self.failure is not None:
                self.give_back(index)
        if lost is not None and self.broken is None:
            self.broken = lost
            raise lost

    def give_back(self, index: int) -> None:
        """Frees the blocks of a sealed segment, which the target may still have mapped."""
        if self.recovering:
            return  # the trace is not durable yet
        name = self.file(layout.SEGMENTS[index])
        try:
            fd = syscalls.open(name, os.O_RDWR)
            try:
                syscalls.fallocate(
                    fd, FALLOC_FL_PUNCH_HOLE_KEEP_SIZE, 0, control.SEGMENT_SIZE, name
                )
            finally:
                syscalls.close(fd, name)
        except OSError:
            pass  # then there is less room; that is noticed where it is needed

    # ---- recovery ----

    def resume(self) -> bool:
        """Takes up the trace of a sealer that died. True if it is closed and only needs its name.
        What stands behind the last whole chunk was being written, and is made again."""
        self.look_at_target()
        fault = self.page.sealer_fault
        if fault is not None and self.failure is None:
            self.failure = errors.from_fault(fault)
        if self.writer.is_closed():
            with errors.mapped("fsync", path=self.writer.path):
                self.writer.sync()
            return True
        page = self.page
        head = FileHead(page.trace_id, page.started_wall_ns, page.ticks_per_second).to_bytes()
        codes: list[Code] = []
        files: list[str] = []
        texts: list[tuple[str, bytes]] = []
        self._set_clock()
        for chunk, payload in self.writer.resume(head):
            if chunk.kind != ChunkType.EVENTS:
                self.texts.resume(chunk.kind, payload)
                continue
            if chunk.first_event != self.events + self.writer.dropped_events:
                self.failure = self.failure or errors.TraceCorruptError(
                    path=self.destination, offset=self.writer.end, reason="chunks were damaged"
                )
            info = self.scanner.chunk(payload, chunk.first_event)
            self.count(info)
            if self.unwanted is not None:
                self.unwanted.resume(chunk.first_event, info.notes)
            self.contents.add(chunk.first_event, info.contents, info.digest, info.definitions)
            codes += info.codes
            files += info.files
            texts += info.texts
            self.next_event = chunk.first_event + chunk.events
            self.sealed = chunk.segment
        self.events += self.writer.dropped_events
        self.texts.add(codes, files, texts)  # behind those that are in the trace
        return False

    # ---- texts ----

    def read_sources(self) -> bool:
        """Reads the files that the target has announced since the last time, and does a piece of the work on texts.
        False if there was nothing to do."""
        self.announced, places = self.page.announced_files(self.announced)
        for place in places:
            path = self._announced_path(place)
            if path is not None:
                self.texts.announce(path)
        is_running = self.page.target_state != control.TARGET_PREPARING
        if not (is_running and self.texts.has_work and self.failure is None):
            return False
        self.begin()
        self.texts.work()
        self.reserve()
        return True

    def _announced_path(self, place: int) -> str | None:
        """The path of the DEF_FILE there. None if its segment is sealed: then its codes lead to the file."""
        sequence, at = place >> 32, place & 0xFFFFFFFF
        for index, name in enumerate(layout.SEGMENTS):
            if self.page.slot(index) != (control.SLOT_LIVE, sequence):
                continue
            try:
                with syscalls.opened(self.file(name), os.O_RDONLY) as fd:
                    record = syscalls.pread(fd, LONGEST_PATH, control.SEGMENT_HEAD + at)
                _, start = varint.decode(record, 1)
                size, start = varint.decode(record, start)
                path = record[start : start + size].decode("utf-8", "surrogatepass")
            except (OSError, IndexError, ValueError):
                return None  # somebody has cut it, which is met where it is sealed
            return path if self.page.slot(index) == (control.SLOT_LIVE, sequence) else None
        return None

    def finish_sources(self) -> None:
        if self.failure is None:
            self.texts.finish()

    # ---- the end ----

    def finish(self, *, died: bool, output: str | None = None) -> CloseRecord | None:
        """Seals the rest, closes and publishes. None if policy says to keep nothing of it.

        A failure to close or to publish leaves the staging folder to recovery, and raises."""
        self.page.sealer_state = control.SEALER_CLOSING
        self.look_at_target()
        if self.page.discard and not self.recovering:
            self._discard()
            return None
        for _ in range(SEALING_ATTEMPTS):
            try:
                self.begin()
                self.seal_rest()
                self.finish_sources()
                if self.unwanted is not None:
                    self.drop(self.unwanted.rest())
                break
            except Exception as error:
                self.fail(errors.from_exception(error, operation="read"))
        keep_partial = self.recovering or self.session["keep_partial_trace"]
        self.compact()
        self.write_index(self._calls, self.writer.calls)
        self.write_index(self._contents, self.writer.contents)
        try:
            record = self._close(died)
        except errors.RecorderError:
            if keep_partial:
                raise
            self._discard()
            return None
        is_wanted = (
            record.state == TraceState.COMPLETE or keep_partial or record.failure is self.dropping
        )
        if not is_wanted:
            self._discard()
            return None
        self.page.verdict = record.state
        self.publish(output or self.destination)
        return record

    def compact(self) -> None:
        """What was dropped leaves holes in the file, and a long file. Where there is room to copy the
        rest, it becomes as long as it looks."""
        if not self.writer.dropped_events:
            return
        if self.unwanted is not None:  # the holes are among what is kept, and stay
            self.dropping = errors.LimitReachedError(NOT_WANTED, limit="keep_spans")
            return
        limit = self.keep_last
        self.dropping = errors.LimitReachedError(limit="keep_last", limit_value=limit, unit="bytes")
        try:
            self.writer.compact(self.file("trace.kept"))
        except (OSError, errors.RecorderError):
            files.remove_file(self.file("trace.kept"))

    def write_index(
        self,
        payload_of: Callable[[Iterable[tuple[int, int]]], bytes],
        write: Callable[[bytes], None],
    ) -> None:
        """What questions are answered faster with. Where there is no room for it, they take longer."""
        try:
            heads = [chunk.head for chunk in self.writer.event_chunks()]
            payload = payload_of((one.first_event, one.payload_crc) for one in heads)
            if payload:
                write(payload)
        # audit: nothing of the recording is missing
        except (OSError, MemoryError, errors.RecorderError):
            pass

    def _contents(self, heads: Iterable[tuple[int, int]]) -> bytes:
        """What occurs in which chunk."""
        return self.contents.payload(heads)

    def _calls(self, heads: Iterable[tuple[int, int]]) -> bytes:
        """All calls, added up; nothing where events are missing, which whoever reads the chunks does not see."""
        is_whole = not self.writer.dropped_events and self.events == self.next_event
        calls = self.scanner.calls
        if calls is None or not is_whole or self.has_forgotten:
            return b""
        return call_sums.payload(heads, calls)

    def _discard(self) -> None:
        self._remove()
        self.page.sealer_state = control.SEALER_DISCARDED

    def _close(self, died: bool) -> CloseRecord:
        for attempt in range(CLOSING_ATTEMPTS):
            record = self.close_record(died)
            try:
                self.writer.close(record, self._closing_facts())
                break
            except Exception as error:
                ours = errors.from_exception(error, operation="write")
                self.fail(ours)
                if attempt == CLOSING_ATTEMPTS - 1:
                    raise ours from error
        return record

    def close_record(self, died: bool) -> CloseRecord:
        page = self.page
        state, failure = TraceState.COMPLETE, self.failure
        events = self.events - self.writer.dropped_events
        if failure is not None:
            state = TraceState.PARTIAL
        elif died and page.target_state < control.TARGET_STOPPED and not self.has_ended_by_itself():
            state, failure = (
                TraceState.TRUNCATED,
                errors.TargetKilledError(target_pid=page.target_pid),
            )
        elif self.dropping is not None:
            state, failure = TraceState.PARTIAL, self.dropping
        return CloseRecord(
            state,
            page.exit_status if page.has_exit_status else None,
            failure,
            events,
            max(self.lost_events, page.lost_events)
            + max(0, max(page.events, self.next_event) - events),
        )

    def has_ended_by_itself(self) -> bool:
        """Whether the program ended as it wanted, or was asked to: nothing is missing then, though it said nothing. Not
        if it was killed, or crashed."""
        status = self.page.exit_status if self.page.has_exit_status else -signal.SIGKILL
        return status >= 0 or -status not in CRASHES

    def _closing_facts(self) -> dict[str, Any]:
        page = self.page
        stopped = page.stopped_mono_ns
        return {
            "counters": self.counters,
            "omitted": dict(zip(("output", "logs", "audit"), self.omitted, strict=True)),
            "dropped_events": self.writer.dropped_events,
            "duration_ns": stopped - page.started_mono_ns if stopped else None,
            "threads": self.scanner.threads,
            "segments": self.sealed,
            "forks": page.forks,
            "notes": self.has_notes,
            "reason": None if self.failure is None else str(self.failure),
            "later_failure": None if self.later_failure is None else self.later_failure.to_dict(),
        }

    def publish(self, destination: str) -> None:
        """Gives the closed trace its name and removes the staging folder."""
        try:
            publish.publish(self.file("trace"), destination)
        except errors.RecorderError as error:
            self.fail(error)
            raise
        try:
            publish.sync_folder(os.path.dirname(destination))
        except errors.RecorderError as error:
            self.fail(error)  # it has its name; only a power cut could take it away again
        self._remove()
        self.page.trace_bytes = self.writer.end
        self.page.sealer_state = control.SEALER_PUBLISHED

    def _remove(self) -> None:
        if self.before_removal is not None:
            self.before_removal()
        left = files.remove(self.path)
        if left is not None:
            self.fail(left)
