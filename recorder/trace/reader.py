"""Reading a trace: `open_trace(path)`.

    with open_trace("app.rtrace") as trace:
        print(trace.verdict)
        for event in trace.events():
            print(event.seq, event.kind, event.function.name, event.line, dict(event.locals))
        trace.at(1000).stack

Chunks are read one at a time, so a trace may be larger than memory. A damaged chunk is left out:
then the numbers of the events jump, and `trace.damage` says where and why.
"""

from __future__ import annotations

import bisect
import json
import os
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, NamedTuple

from recorder import errors
from recorder._core.decode import Function, RawEvent, RawFrame, Reader, Scanner, Thread
from recorder.errors import arguments
from recorder.trace.file import Chunk, Damage, TraceFile, Verdict
from recorder.trace.values import Types, Value
from recorder.trace.writer import CLOSE, EVENTS, META, SOURCE


class Locals(Mapping[str, Value]):
    """The variables of a frame at one moment, by name. In the body of a module or class they are
    its namespace. Names without a value are not in it."""

    __slots__ = ("_slots", "_types", "_values")

    def __init__(
        self, slots: Mapping[str, int], values: tuple[bytes | None, ...], types: Types
    ) -> None:
        self._slots = slots
        self._values = values
        self._types = types

    def _raw(self, slot: int) -> bytes | None:
        return self._values[slot] if slot < len(self._values) else None

    def __getitem__(self, name: str) -> Value:
        raw = self._raw(self._slots[name])
        if raw is None:
            raise KeyError(name)
        return Value(raw, self._types)

    def __iter__(self) -> Iterator[str]:
        # A body may gain names while this is read: they have no value here.
        return (name for name, slot in list(self._slots.items()) if self._raw(slot) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name}={value!r}" for name, value in self.items()) + "}"


class Frame(RawFrame):
    """A frame at one moment."""

    __slots__ = ()

    @property
    def file(self) -> str:
        return self.function.file

    @property
    def locals(self) -> Locals:
        return Locals(self.slots, self.values, self.types)

    @property
    def globals(self) -> Locals:
        """The globals of the module the frame's code is from, as last recorded."""
        return _globals(self)

    def __repr__(self) -> str:
        return f"<frame {self.frame} of {self.function.qualified_name}, line {self.line}>"


class Event(RawEvent):
    """Something that happened in a frame, and the frame as it was then.

    `kind` is call, line, return, yield, resume, throw, unwind, raise, reraise or handled; `line`
    the line the frame is at (for `line`: about to run).
    """

    __slots__ = ()

    @property
    def file(self) -> str:
        return self.function.file

    @property
    def locals(self) -> Locals:
        return Locals(self.slots, self.values, self.types)

    @property
    def globals(self) -> Locals:
        """The globals of the module the frame's code is from, as last recorded."""
        return _globals(self)

    @property
    def value(self) -> Value | None:
        """What is returned or yielded, or the exception that is raised, thrown in or handled."""
        return None if self.raw_value is None else Value(self.raw_value, self.types)

    @property
    def changed(self) -> dict[str, Value | None]:
        """The variables that changed since the frame's last event; None: lost its value."""
        found: dict[str, Value | None] = {}
        for slot in self.changed_slots:
            raw = self.values[slot]
            found[self.names[slot]] = None if raw is None else Value(raw, self.types)
        return found

    def __repr__(self) -> str:
        return (
            f"<event {self.seq}: {self.kind} {self.function.qualified_name} "
            f"({self.file}:{self.line})>"
        )


def _globals(frame: RawFrame) -> Locals:
    slots = frame.namespace.slots if frame.namespace is not None else {}
    return Locals(slots, frame.global_values, frame.types)


class Moment(NamedTuple):
    """Everything as it was at an event."""

    event: Event
    stacks: list[tuple[Thread, list[Frame | Event]]]  # the event stands for a frame it popped

    @property
    def stack(self) -> list[Frame | Event]:
        """The frames of the event's thread, from the outermost in."""
        for thread, frames in self.stacks:
            if thread.number == self.event.thread.number:
                return frames
        return [self.event]


class Source(NamedTuple):
    """The text of a recorded file, as it was when it ran."""

    path: str
    sha256: str
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


class Check(NamedTuple):
    """What a full verification found."""

    verdict: Verdict
    events: int  # that can be read
    written: int  # that the file says it holds
    lost: int  # known to be lost
    damage: list[Damage]


class Trace:
    """An open trace."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        arguments.stack("open_trace")
        path = arguments.path(path)
        self._file = TraceFile(path)
        self._survey: Reader[Event, Frame] | None = None
        self._sources: dict[str, Source] | None = None
        try:
            self.meta = self._facts(META)
            self.closing = self._facts(CLOSE)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Trace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def __repr__(self) -> str:
        return f"<trace {self.path!r}: {len(self)} events>"

    def _facts(self, kind: int) -> dict[str, Any]:
        for chunk in self._file.of(kind):
            try:
                return self._file.json(chunk)
            except errors.TraceCorruptError as exc:
                self._file.note(chunk.offset, str(exc.context["reason"]))
        return {}

    # ---- what it is ----

    @property
    def path(self) -> str:
        return self._file.path

    @property
    def header(self) -> dict[str, Any]:
        """What the file header says: trace_id, started (ns since 1970), ticks_per_second."""
        head = self._file.head
        return {**head._asdict(), "trace_id": head.trace_id.hex()}

    @property
    def verdict(self) -> Verdict:
        """complete, partial(…), truncated or corrupt(…). Every checksum is checked for it, once."""
        return self._file.verdict

    @property
    def damage(self) -> list[Damage]:
        """What was found to be damaged so far."""
        return list(self._file.damage)

    @property
    def failure(self) -> errors.RecorderError | None:
        """The failure that ended the recording."""
        diagnostic = self.closing.get("failure")
        trailer = self._file.trailer
        if isinstance(diagnostic, dict):
            try:
                return errors.RecorderError.from_dict(diagnostic)
            except Exception:  # a diagnostic that is none: the verdict still has the code
                pass
        if trailer is None or not trailer.code:
            return None
        return errors.from_number(trailer.code, errno=trailer.errno or None)

    @property
    def exit_status(self) -> int | None:
        """The program's; None if it is not known."""
        return self._file.trailer.exit_status if self._file.trailer else None

    @property
    def lost_events(self) -> int:
        """Events known to be lost."""
        if self._file.trailer:
            return self._file.trailer.lost
        return sum(chunk.head.lost for chunk in self._file.of(EVENTS))

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._file.size

    def __len__(self) -> int:
        """The number of events."""
        return sum(chunk.head.events for chunk in self._file.of(EVENTS))

    def __bool__(self) -> bool:
        return True

    # ---- what is in it ----

    def events(self, start: int = 0) -> Iterator[Event]:
        """The events from number `start` on, in order."""
        return self._events(arguments.number(start, "start"))

    def _events(self, start: int) -> Iterator[Event]:
        reader = self._reader()
        for chunk in self._chunks_from(start):
            if not self._load(reader, chunk):
                continue
            try:
                if start > reader.seq:
                    reader.skip_to(start)
                while (event := reader.next()) is not None:
                    yield event
            except errors.TraceCorruptError as exc:
                self._note(chunk, exc)
            else:
                self._check_count(chunk, reader.seq)

    def steps(self, start: int = 0) -> Iterator[Event]:
        """The events that are about to run a line."""
        return (event for event in self.events(start) if event.kind == "line")

    def at(self, seq: int) -> Moment:
        """Everything as it was at event number `seq`. Raises InvalidArgumentError if there is none,
        TraceCorruptError if it cannot be read."""
        seq = arguments.number(seq, "seq", "the number of an event in the trace")
        for chunk in self._chunks_from(seq)[:1]:
            reader = self._reader()
            if chunk.head.first_event <= seq:
                reader.load(self._file.payload(chunk), chunk.head.first_event)
                reader.skip_to(seq)
                event = reader.next()
                if event is not None and event.seq == seq:
                    return Moment(event, _stacks(reader, event))
        raise arguments.wrong("seq", seq, "the number of an event in the trace")

    @property
    def threads(self) -> list[Thread]:
        """All threads, in the order of their numbers. Reads the whole trace, once."""
        return [thread for _, thread in sorted(self._all().threads.items())]

    @property
    def functions(self) -> list[Function]:
        """All functions that appear. Reads the whole trace, once."""
        return [function for _, function in sorted(self._all().functions.items())]

    @property
    def sources(self) -> Mapping[str, Source]:
        """The recorded files that were kept, by path."""
        if self._sources is None:
            self._sources = {}
            for chunk in self._file.of(SOURCE):
                try:
                    source = _source(self._file, chunk)
                except errors.TraceCorruptError as exc:
                    self._note(chunk, exc)
                else:
                    self._sources[source.path] = source
        return self._sources

    def verify(self) -> Check:
        """Checks everything: every checksum, and every record of every chunk."""
        self._file.check_payloads()
        events = lost = 0
        for chunk in self._file.of(EVENTS):
            try:
                payload = self._file.payload(chunk)
            except errors.TraceCorruptError as exc:
                self._note(chunk, exc)
                continue
            info = Scanner().chunk(payload, chunk.head.first_event)
            events += info.events
            lost += info.lost
            if info.damage is not None:
                self._note(chunk, info.damage)
            else:
                self._check_count(chunk, chunk.head.first_event + info.events)
        trailer = self._file.trailer
        written = max(len(self), trailer.events if trailer else 0)
        return Check(self.verdict, events, written, max(lost, self.lost_events), self.damage)

    # ---- inside ----

    def _reader(self) -> Reader[Event, Frame]:
        head = self._file.head
        return Reader(head.ticks_per_second, head.started, Event, Frame)

    def _chunks_from(self, seq: int) -> list[Chunk]:
        """The chunks of event `seq` and later ones."""
        chunks = list(self._file.of(EVENTS))
        if self._file.damage:  # nothing is said about their order
            return [c for c in chunks if c.head.first_event + c.head.events > seq]
        ends = [chunk.head.first_event + chunk.head.events for chunk in chunks]
        return chunks[bisect.bisect_right(ends, seq) :]

    def _load(self, reader: Reader[Event, Frame], chunk: Chunk) -> bool:
        try:
            reader.load(self._file.payload(chunk), chunk.head.first_event)
        except errors.TraceCorruptError as exc:
            self._note(chunk, exc)
            return False
        return True

    def _note(self, chunk: Chunk, error: errors.RecorderError) -> None:
        if not isinstance(error, errors.TraceCorruptError):
            raise error
        self._file.note(chunk.offset, str(error.context.get("reason")))

    def _check_count(self, chunk: Chunk, next_event: int) -> None:
        if next_event != chunk.head.first_event + chunk.head.events:
            self._file.note(chunk.offset, "there are not as many events as the chunk says")

    def _all(self) -> Reader[Event, Frame]:
        """A reader that has seen every definition."""
        if self._survey is None:
            reader = self._reader()
            for chunk in self._file.of(EVENTS):
                if self._load(reader, chunk):
                    try:
                        reader.skip_to(2**64 - 1)
                    except errors.TraceCorruptError as exc:
                        self._note(chunk, exc)
            self._survey = reader
        return self._survey


def open_trace(path: str | os.PathLike[str]) -> Trace:
    """Opens a trace.

    Raises TraceNotFoundError, NotATraceError, TraceVersionUnsupportedError, TraceBusyError (a
    staging folder in use), TraceTruncatedError (not even a file header), or what the system said.
    A damaged trace opens: see `Trace.verdict`.
    """
    return Trace(path)


def _stacks(reader: Reader[Event, Frame], event: Event) -> list[tuple[Thread, list[Frame | Event]]]:
    stacks: list[tuple[Thread, list[Frame | Event]]] = [
        (thread, list(frames)) for thread, frames in reader.stacks()
    ]
    if event.kind in ("return", "yield", "unwind"):  # its frame is gone from the stack
        for thread, frames in stacks:
            if thread.number == event.thread.number:
                frames.append(event)
                return stacks
        stacks.append((event.thread, [event]))
    return stacks


def _source(file: TraceFile, chunk: Chunk) -> Source:
    payload = file.payload(chunk)
    try:
        size = shift = at = 0
        while True:
            byte = payload[at]
            size |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        about = json.loads(payload[at : at + size])
        return Source(str(about["path"]), str(about["sha256"]), payload[at + size :])
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as exc:
        raise file.corrupt(chunk.offset, "a source is not as it should be") from exc
