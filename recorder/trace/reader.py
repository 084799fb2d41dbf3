"""Reading a trace: `open_trace(path)`.

    with open_trace("app.rtrace") as trace:
        print(trace.verdict, len(trace))
        for step in trace.steps():
            print(step.seq, step.file, step.line, step.function.name, dict(step.locals))
        trace.at(1000).stack                      # every frame, with its variables, at event 1000
        for call in trace.calls("parse"):
            print(call.arguments, call.returned)
        for change in trace.history("total", function="add_up"):
            print(change.line, change.value)
        for raised in trace.exceptions():
            print(raised.type_name, raised.stack)

Chunks are decoded one at a time when they are needed, so a trace may be larger than memory: what is
held is a few decompressed chunks (`seeking.CACHE_BYTES`) and what you keep. A damaged chunk is left
out: then the numbers of the events jump, and `trace.damage` says where and why.

A trace may be used by several iterations at once, but only by one thread at a time.
"""

from __future__ import annotations

import bisect
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple, overload

from recorder import errors
from recorder._core.decode import Function, Reader, Scanner, Thread
from recorder.errors import arguments
from recorder.trace import calls, filters, memory
from recorder.trace.calls import Call, Raised
from recorder.trace.file import Chunk, Damage, TraceFile, Verdict
from recorder.trace.filters import Filter, FunctionFilter, ThreadFilter
from recorder.trace.moments import POPPING, Event, Frame, Locals, Moment
from recorder.trace.seeking import ALL, UNREADABLE, Payloads, Seeker
from recorder.trace.values import Value
from recorder.trace.writer import CLOSE, EVENTS, META, SOURCE

__all__ = [
    "Call", "Change", "Check", "Event", "EventRange", "Frame", "Function", "Locals", "Moment",
    "Raised", "Source", "Thread", "Trace", "open_trace",
]  # fmt: skip

IDLE_SEEKERS = 2  # kept for the next query: each knows its way around one chunk


class Change(NamedTuple):
    """One value that a variable took."""

    event: Event  # the first that sees it
    name: str
    value: Value | None  # None: it lost its value

    @property
    def line(self) -> int:
        """The line that made the change: where its frame was before the event."""
        return self.event.previous_line


@memory.told
class EventRange(Sequence[Event]):
    """Some events of a trace, by number: decoded when they are asked for."""

    def __init__(self, trace: Trace, numbers: range) -> None:
        self._trace = trace
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, where: int) -> Event: ...
    @overload
    def __getitem__(self, where: slice) -> EventRange: ...
    def __getitem__(self, where: int | slice) -> Event | EventRange:
        try:
            found = self._numbers[where]
        except IndexError as exc:
            raise errors.EventNotFoundError(event=where, path=self._trace.path) from exc
        except (TypeError, ValueError) as exc:
            raise errors.InvalidArgumentError(
                argument="index", value=errors.describe(where), expected="event numbers"
            ) from exc
        if isinstance(found, range):
            return EventRange(self._trace, found)
        return self._trace.at(found).event

    def __iter__(self) -> Iterator[Event]:
        """Those that can be read."""
        numbers = self._numbers
        if not numbers:
            return iter(())
        low, high = min(numbers[0], numbers[-1]), max(numbers[0], numbers[-1])
        found = self._trace.find(start=low, stop=high + 1, backwards=numbers.step < 0)
        return found if abs(numbers.step) == 1 else (e for e in found if e.seq in numbers)

    def __reversed__(self) -> Iterator[Event]:
        return iter(EventRange(self._trace, self._numbers[::-1]))

    def __repr__(self) -> str:
        return f"<{len(self)} events of {self._trace.path!r}>"


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


@memory.told
class Trace:
    """An open trace."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        arguments.stack("open_trace")
        path = arguments.path(path)
        self._file = TraceFile(path)
        self._payloads = Payloads(self._file)
        self._idle: list[Seeker] = []
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
        self._idle.clear()
        self._payloads.clear()
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
        """What the file header says: trace_id (hex), started (ns since 1970), ticks_per_second."""
        head = self._file.head
        return {**head._asdict(), "trace_id": head.trace_id.hex()}

    @property
    def verdict(self) -> Verdict:
        """complete, partial(…), truncated or corrupt(…). Every checksum is checked for it, once."""
        return self._file.verdict

    @property
    def verdict_so_far(self) -> Verdict:
        """As `verdict`, of what was read until now. At no cost; but `complete` may turn out to be
        `corrupt` later on."""
        return self._file.verdict_so_far

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
            except errors.RecorderError:
                pass  # a diagnostic that is none: the verdict still has the code
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
        """The number of events in the file; those in damaged chunks count, lost ones do not."""
        return sum(chunk.head.events for chunk in self._file.of(EVENTS))

    def __bool__(self) -> bool:
        return True

    # ---- what is in it ----

    def events(self, start: int = 0, stop: int | None = None) -> Iterator[Event]:
        """The events from number `start` on, before number `stop`, in order. Those that cannot be
        read are left out; the next one has `gap` set and says in `lost` how many are missing."""
        return self.find(start=start, stop=stop)

    def steps(self, start: int = 0, stop: int | None = None) -> Iterator[Event]:
        """The events that are about to run a line."""
        return self.find(kind="line", start=start, stop=stop)

    def __iter__(self) -> Iterator[Event]:
        return self.events()

    @overload
    def __getitem__(self, where: int) -> Event: ...
    @overload
    def __getitem__(self, where: slice) -> EventRange: ...
    def __getitem__(self, where: int | slice) -> Event | EventRange:
        """`trace[7]`: event number 7, `trace[-1]`: the last one. `trace[10:20]`: these, lazily; with
        a step, too, and `trace[::-1]` reads backwards. Raises IndexError, InvalidArgumentError."""
        return EventRange(self, range(self._end))[where]

    def find(
        self,
        kind: str | Iterable[str] | None = None,
        *,
        function: FunctionFilter = None,
        file: str | None = None,
        line: int | None = None,
        thread: ThreadFilter = None,
        exception: str | None = None,
        since: int | None = None,
        until: int | None = None,
        frame: int | None = None,
        caller: int | None = None,
        depth: int | None = None,
        start: int = 0,
        stop: int | None = None,
        backwards: bool = False,
    ) -> Iterator[Event]:
        """The events that fit everything that is given (see `filters.Filter`), from number `start`
        on, before number `stop`; the last one first if `backwards`.

        What does not fit is passed over in the core, without making anything of it. Raises
        InvalidArgumentError at once for what no event could fit.
        """
        try:
            wanted = filters.make(
                kind, function=function, file=file, line=line, thread=thread, exception=exception,
                since=since, until=until, frame=frame, caller=caller, depth=depth,
            )  # fmt: skip
            return self._find(wanted, *_bounds(start, stop), backwards)
        except errors.MEMORY_ERRORS as error:
            errors.reraise_out_of_memory(error, "read")

    def at(self, seq: int) -> Moment:
        """Everything as it was at event number `seq`: the event, and the stacks of all threads, each frame
        with its variables and globals. Raises EVENT_NOT_FOUND if there is none, TRACE_CORRUPT or
        UNKNOWN_RECORD if it cannot be read, INVALID_ARGUMENT for what is no int."""
        if not isinstance(seq, int) or isinstance(seq, bool):
            raise arguments.wrong("seq", seq, "the number of an event in the trace")
        return self._at(seq)

    def _at(self, seq: int) -> Moment:
        for chunk in self._chunks(seq, seq + 1):
            with self._seeker(chunk) as seeker:
                seeker.go(chunk, seq)
                event = seeker.event()
                if event is not None and event.seq == seq:
                    return Moment(event, _stacks(seeker.reader, event))
        raise errors.EventNotFoundError(event=seq, path=self.path)

    def calls(
        self,
        function: FunctionFilter = None,
        *,
        file: str | None = None,
        thread: ThreadFilter = None,
        start: int = 0,
        stop: int | None = None,
    ) -> Iterator[Call]:
        """The calls of these functions, each when it ended; those that did not end come last.

        In this order nothing has to be remembered but the calls that are running. Raises
        INVALID_ARGUMENT at once for filters that make no sense; `Filter` describes them.
        """
        try:
            wanted = filters.make(
                ("call", "return", "unwind"), function=function, file=file, thread=thread
            )
            return calls.completed(self, self._find(wanted, *_bounds(start, stop), ends=True))
        except errors.MEMORY_ERRORS as error:
            errors.reraise_out_of_memory(error, "read")

    def call_tree(self, thread: ThreadFilter = None) -> Iterator[Call]:
        """The outermost calls of all threads, or of one. `call.children()` goes on from there."""
        return calls.tree(self, None, 0, ALL, thread)

    def exceptions(
        self,
        type_name: str | None = None,
        *,
        function: FunctionFilter = None,
        file: str | None = None,
        thread: ThreadFilter = None,
        start: int = 0,
        stop: int | None = None,
    ) -> Iterator[Raised]:
        """The exceptions that were raised, each once, with everywhere it went. `function` and
        `file` are about where it was raised first."""
        kinds = filters.EXCEPTION_KINDS
        try:
            wanted = filters.make(kinds, exception=type_name, thread=thread)
            origin = filters.make(kinds, function=function, file=file)
            found = calls.raised(self, self._find(wanted, *_bounds(start, stop)))
            return (raised for raised in found if origin.wants_function(raised.origin.function))
        except errors.MEMORY_ERRORS as error:
            errors.reraise_out_of_memory(error, "read")

    def history(
        self,
        name: str,
        function: FunctionFilter = None,
        *,
        file: str | None = None,
        thread: ThreadFilter = None,
        frame: int | None = None,
        start: int = 0,
        stop: int | None = None,
        backwards: bool = False,
    ) -> Iterator[Change]:
        """Every value that the variables of this name took, with where; the last first if
        `backwards`. What changed in a damaged chunk is not seen. Raises INVALID_ARGUMENT at once."""
        if not isinstance(name, str):
            raise errors.InvalidArgumentError(
                argument="name", value=errors.describe(name), expected="the name of a variable"
            )
        try:
            wanted = filters.make(
                function=function, file=file, thread=thread, frame=frame, name=name
            )
            found = self._find(wanted, *_bounds(start, stop), backwards)
            return (Change(event, name, event.locals.get(name)) for event in found)
        except errors.MEMORY_ERRORS as error:
            errors.reraise_out_of_memory(error, "read")

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
        return self._verify()

    def _verify(self) -> Check:
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

    @property
    def _end(self) -> int:
        """The number behind the last event's."""
        return max((c.head.first_event + c.head.events for c in self._file.of(EVENTS)), default=0)

    def _chunks(self, start: int, stop: int) -> list[Chunk]:
        """The chunks of the events from number `start` on, before `stop`."""
        found = self._file.of(EVENTS)
        if not self._file.damage:  # otherwise nothing is said about their order
            ends = [chunk.head.first_event + chunk.head.events for chunk in found]
            found = found[bisect.bisect_right(ends, start) :]
        return [
            chunk
            for chunk in found
            if chunk.head.first_event < stop and chunk.head.first_event + chunk.head.events > start
        ]

    @contextmanager
    def _seeker(self, chunk: Chunk) -> Iterator[Seeker]:
        """A seeker for one's own use, if possible one that knows its way around the chunk."""
        near = None
        # Not a generator: where memory lacks, the end of one that is left says so on stderr.
        for one in self._idle:
            if one.chunk == chunk:
                near = one
                break
        if near is None:
            near = self._idle[0] if len(self._idle) == IDLE_SEEKERS else Seeker(self._payloads)
        if near in self._idle:
            self._idle.remove(near)
        try:
            yield near
        finally:
            self._idle.append(near)
            del self._idle[:-IDLE_SEEKERS]

    def _find(
        self, wanted: Filter, start: int, stop: int, backwards: bool = False, ends: bool = False
    ) -> Iterator[Any]:
        """The events that are wanted. With `ends` also lists of frames that ended without one."""
        if wanted.since is not None or wanted.until is not None:
            start, stop = self._between(wanted, start, stop)
        chunks = self._chunks(start, stop)
        if not chunks:
            return
        expected = start  # what comes before this and was not seen is missing
        with self._seeker(chunks[0]) as seeker:
            for chunk in reversed(chunks) if backwards else chunks:
                walk = seeker.backwards if backwards else seeker.forwards
                seeker.missing = 0 if backwards else max(0, chunk.head.first_event - expected)
                if ends:
                    seeker.reader.note_ends()
                try:
                    for event in walk(chunk, start, stop, wanted):
                        if ends and (gone := seeker.reader.unseen_ends()):
                            yield gone
                        if wanted.keeps(event):
                            yield event
                    expected = chunk.head.first_event + chunk.head.events
                except UNREADABLE as exc:
                    self._note(chunk, exc)
                else:
                    if stop == ALL and not backwards:
                        self._check_count(chunk, seeker.reader.seq)
                if ends:
                    yield seeker.reader.unseen_ends()

    def _between(self, wanted: Filter, start: int, stop: int) -> tuple[int, int]:
        """The bounds, narrowed to the chunks of the time that is asked for. Time goes on from event
        to event, so the chunks are searched by halves."""
        chunks = self._file.of(EVENTS)
        if wanted.since is not None:
            since = wanted.since
            after = bisect.bisect_left(chunks, True, key=lambda c: self._time(c, since) >= since)
            start = max(start, chunks[after - 1].head.first_event if after else 0)
        if wanted.until is not None:
            until = wanted.until
            after = bisect.bisect_left(chunks, True, key=lambda c: self._time(c, -1) >= until)
            stop = min(stop, chunks[after].head.first_event if after < len(chunks) else ALL)
        return start, stop

    def _time(self, chunk: Chunk, unknown: int) -> int:
        """When the chunk begins; `unknown` if that cannot be read."""
        with self._seeker(chunk) as seeker:
            try:
                seeker.go(chunk, chunk.head.first_event)
            except UNREADABLE as exc:
                self._note(chunk, exc)
                return unknown
            return seeker.reader.time

    def _reader(self) -> Reader[Event, Frame]:
        head = self._file.head
        return Reader(head.ticks_per_second, head.started, Event, Frame)

    def _load(self, reader: Reader[Event, Frame], chunk: Chunk) -> bool:
        try:
            reader.load(self._payloads.get(chunk), chunk.head.first_event)
        except UNREADABLE as exc:
            self._note(chunk, exc)
            return False
        return True

    def _note(self, chunk: Chunk, error: errors.RecorderError) -> None:
        if not isinstance(error, UNREADABLE):
            raise error
        self._file.note(chunk.offset, str(error.context.get("reason") or error.message))

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
                        reader.skip_to(ALL)
                    except UNREADABLE as exc:
                        self._note(chunk, exc)
            self._survey = reader
        return self._survey


def open_trace(path: str | os.PathLike[str]) -> Trace:
    """Opens a trace for reading; to be closed, by `with` or `close()`.

        with recorder.open_trace("app.rtrace") as trace:
            trace.verdict, trace.failure, len(trace)      what it is; str, error or None, events
            for event in trace.events(): ...              and steps(): those about to run a line
            trace.at(1000).stack                          every frame with its variables, at event 1000
            trace[-1], trace[10:20], trace[::-1]          events by number, also backwards
            trace.find("line", file="app.py", line=12)    events that fit; see Trace.find
            trace.calls("parse"), trace.call_tree()       with arguments, result and duration in ns
            trace.history("total", "add_up")              every value that a variable took, and where
            trace.exceptions("ValueError")                each with everywhere it went
            trace.threads, trace.functions, trace.sources

    Events are numbered from 0 in the order in which they happened; times are ns since 1970. All of these
    are lazy: memory is bounded by a cache of decompressed chunks (32 MiB) and by what you keep. Events,
    frames and values do not change, and need no open trace.

    Raises TRACE_NOT_FOUND, NOT_A_TRACE, TRACE_VERSION_UNSUPPORTED, TRACE_BUSY (a staging folder in
    use), TRACE_TRUNCATED (not even a file header), PERMISSION_DENIED or READ_FAILED; INVALID_ARGUMENT
    for what is no path. A damaged trace opens: the chunks that are damaged are left out, `verdict` and
    `damage` say so, and only what asks for an event in one of them (`at`, `trace[n]`) raises
    TRACE_CORRUPT, or UNKNOWN_RECORD for a record of a newer recorder.
    """
    try:
        return Trace(path)
    except errors.MEMORY_ERRORS as error:
        errors.reraise_out_of_memory(error, "read")


def _bounds(start: int, stop: int | None) -> tuple[int, int]:
    """The bounds of a query, checked."""
    for name, number in (("start", start), ("stop", 0 if stop is None else stop)):
        if not isinstance(number, int) or isinstance(number, bool):
            raise arguments.wrong(name, number, "the number of an event")
    return min(max(start, 0), ALL), ALL if stop is None else min(max(stop, 0), ALL)


def _stacks(reader: Reader[Event, Frame], event: Event) -> list[tuple[Thread, list[Frame | Event]]]:
    stacks: list[tuple[Thread, list[Frame | Event]]] = [
        (thread, list(frames)) for thread, frames in reader.stacks()
    ]
    if event.kind in POPPING:  # its frame is gone from the stack
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
