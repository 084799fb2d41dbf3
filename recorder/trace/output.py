"""What the program wrote to stdout and stderr, byte for byte, and the moments that made it.

What is printed waits in buffers, and is written later, by whatever line fills them. The trace has both: the bytes, as
they were written, and of each position in a buffered stream the line from which what follows there was printed.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar

from recorder import errors
from recorder._core.decode import Function, Reader, Task, Thread
from recorder.errors import arguments
from recorder.redaction import REDACTED
from recorder.trace.format import OutputFlag, Stream
from recorder.trace.queries import Queries
from recorder.trace.seeking import ALL
from recorder.trace.within import Callee, callee_at

StreamName = Literal["stdout", "stderr", "stdin"]

# A row of what `Reader.outputs` gives, as the core's struct Output.
ROW: Final = struct.Struct("=14Qq")
STREAMS: Final[dict[int, StreamName]] = {
    Stream.STDOUT: "stdout",
    Stream.STDERR: "stderr",
    Stream.STDIN: "stdin",
}
# What may be asked for: one, None for stdout and stderr, or these.
ALL_STREAMS: Final = "all"
FLAGS: Final = (
    OutputFlag.REDACTED | OutputFlag.CONTINUED | OutputFlag.WAITING | OutputFlag.UNWRITTEN
)
STREAM_OF_LOGS: Final = 4  # of a row that is a LOG
MOST_HELD: Final = 10_000  # pieces that may still be taken back
MOST_JOINED: Final = 1 << 20  # bytes of one Output
AHEAD: Final = 4


@errors.guarded_class("read")
class Output(NamedTuple):
    """Bytes that one line wrote, or read.

    stream     "stdout", "stderr" or "stdin"
    data       the bytes; fewer than `size` where the policy (`capture_output`) kept no more
    size       how many there were
    seq        the number of the event that wrote them, None: before the first one, or outside of what was recorded
    moment     the number of the last event before they were printed: what code that was not recorded printed while a
               frame waited for it has the `seq` at which that frame began to wait. None: before the first one
    line, function, frame, thread, task     of that event; None where there is none
    during     the function that the line waited for when they were printed, if that is not recorded: they are of what
               it did, and not of the line itself. None: the line did it
    time       when they went to the system, ns since 1970
    before     the number of the event that came next then
    waiting    they stood in a buffer of Python's when the recording ended, and were not yet written
    redacted   a `*` in them may stand for a byte of a secret; without any: they were typed where nobody could see them
    """

    stream: StreamName
    data: bytes
    size: int
    seq: int | None
    line: int | None
    function: Function | None
    frame: int | None
    thread: Thread | None
    task: Task | None
    time: int
    before: int
    waiting: bool
    redacted: bool
    moment: int | None = None
    during: Callee | None = None

    @property
    def text(self) -> str:
        """As UTF-8; other bytes are shown as `\\xNN`."""
        if self.redacted and not self.data:
            return REDACTED
        return self.data.decode("utf-8", "backslashreplace")

    @property
    def file(self) -> str | None:
        return None if self.function is None else self.function.file

    @property
    def missing(self) -> int:
        """Bytes that were written and not kept."""
        return 0 if self.redacted and not self.data else self.size - len(self.data)


class Placed(Protocol):
    """Something between events."""

    @property
    def seq(self) -> int | None: ...
    @property
    def before(self) -> int: ...


T = TypeVar("T", bound=Placed)


class InOrder(Generic[T]):
    """What was written or told, for who goes through the events beside it."""

    def __init__(self, found: Iterator[T]) -> None:
        self._found = found
        self._next = next(found, None)

    def until(self, seq: int) -> Iterator[T]:
        """What came before this event, and after the one that was asked for last."""
        while self._next is not None and self._next.before <= seq:
            yield self._next
            self._next = next(self._found, None)


class Writer(NamedTuple):
    """Where something is written or printed."""

    event: int  # + 1; 0: none
    line: int
    code: int  # these + 1; 0: none
    frame: int
    thread: int
    task: int
    before: int  # the number of the event that comes next
    callee: Callee | None = None


NOBODY: Final = Writer(0, 0, 0, 0, 0, 0, 0)


@dataclass(slots=True)
class Piece:
    """Bytes on their way to the system, which may not take all of them."""

    stream: int
    channel: int
    position: int
    size: int
    data: bytes
    time: int
    before: int
    writer: Writer
    waiting: bool
    redacted: bool
    is_settled: bool = False


class Printed:
    """What was printed through one channel: where from which position on."""

    def __init__(self) -> None:
        self.positions: list[int] = []
        self.writers: list[Writer] = []

    def add(self, position: int, inserted: int, writer: Writer) -> None:
        at = bisect_left(self.positions, position)
        if inserted:
            behind = [each + inserted for each in self.positions[at:]]
            self.positions[at:] = [position, *behind]
            self.writers.insert(at, writer)
        else:
            self.positions[at:] = [position]
            self.writers[at:] = [writer]

    def split(self, piece: Piece) -> Iterator[tuple[Writer, int, int]]:
        """Who printed the bytes of a piece: begin and end of each part. What has been there before is nobody's."""
        passed = max(bisect_right(self.positions, piece.position) - 1, 0)
        del self.positions[:passed], self.writers[:passed]
        at, end = piece.position, piece.position + piece.size
        index = 0 if self.positions[0] <= at else -1
        while at < end:
            stop = self.positions[index + 1] if index + 1 < len(self.positions) else end
            stop = min(stop, end)
            writer = self.writers[index] if index >= 0 else NOBODY
            if stop > at:
                yield writer, at - piece.position, stop - piece.position
            at, index = stop, index + 1


class Asked(NamedTuple):
    """Which outputs: of one stream, of stdout and stderr (None) or of all (ALL_STREAMS), by the events that wrote them,
    or by the moments at which they were printed.
    `ahead`: how many chunks behind these events are looked through for what waited in a buffer; None: all that there
    are."""

    stream: str | None = None
    start: int = 0
    stop: int = ALL
    ahead: int | None = None
    by_moment: bool = False

    def holds(self, seq: int | None, moment: int | None) -> bool:
        """Of what was before the first event, the first one."""
        return self.start <= max((moment if self.by_moment else seq) or 0, 0) < self.stop


@errors.guarded("read")
def outputs(queries: Queries, asked: Asked) -> Iterator[Output]:
    """In the order in which they were written."""
    run: list[Output] = []
    size = 0
    for part in _parts(queries, asked):
        if not _is_asked(asked.stream, part.stream) or not asked.holds(part.seq, part.moment):
            continue
        if run and (size >= MOST_JOINED or not _goes_on(run[-1], part, asked.by_moment)):
            yield _joined(run)
            run, size = [], 0
        run.append(part)
        size += part.size
    if run:
        yield _joined(run)


@errors.guarded("read")
def printed(queries: Queries, asked: Asked) -> Iterator[Output]:
    """As `outputs`, by the moments at which they were printed."""
    return outputs(queries, asked._replace(by_moment=True))


def whole(found: Iterator[Output]) -> Iterator[Output]:
    """What an event wrote to a stream as one, though it went to the system in several parts."""
    runs: dict[str, list[Output]] = {}
    for output in found:
        run = runs.setdefault(output.stream, [])
        last = run[0] if run else output
        if not (
            (last.seq, last.during) == (output.seq, output.during) and _is_one_thread(last, output)
        ):
            yield _joined(run)
            run.clear()
        run.append(output)
    for run in runs.values():
        if run:
            yield _joined(run)


def check_stream(stream: object) -> str | None:
    if stream is None or (isinstance(stream, str) and stream in (*STREAMS.values(), ALL_STREAMS)):
        return stream
    raise arguments.wrong("stream", stream, f"{', '.join(STREAMS.values())} or {ALL_STREAMS}")


def _is_asked(asked: str | None, stream: str) -> bool:
    return stream != "stdin" if asked is None else asked in (stream, ALL_STREAMS)


def _goes_on(before: Output, output: Output, by_moment: bool) -> bool:
    """Whether one line wrote both, one right behind the other. While a line waits for code that is not recorded, others
    may run between what that prints: by their moments the two are not one."""
    return (
        before.missing == 0
        and (not by_moment or before.moment == output.moment)
        and output.missing == 0
        and (before.stream, before.seq, before.frame, before.line, before.waiting, before.during)
        == (output.stream, output.seq, output.frame, output.line, output.waiting, output.during)
        and _is_one_thread(before, output)
    )


def _is_one_thread(one: Output, other: Output) -> bool:
    """In another chunk a thread is another object."""
    if one.thread is None or other.thread is None:
        return one.thread is other.thread
    return one.thread.number == other.thread.number


def _joined(run: list[Output]) -> Output:
    if len(run) == 1:
        return run[0]
    data = b"".join(part.data for part in run)
    size = sum(part.size for part in run)
    return run[0]._replace(data=data, size=size, redacted=any(part.redacted for part in run))


class ByEvent(Generic[T]):
    """What single events wrote or told, for who looks at one after the other: what is of a chunk is found at once.
    `place`: the event that it is of, if not the one that did it."""

    def __init__(
        self,
        queries: Queries,
        find: Callable[[Queries, Asked], Iterator[T]],
        place: Callable[[T], int | None] = lambda one: one.seq,
    ) -> None:
        self._queries = queries
        self._find = find
        self._place = place
        self._begin = self._end = 0
        self._found: dict[int, list[T]] = {}

    def at(self, seq: int) -> list[T]:
        self._look_around(seq)
        return self._found.get(seq, [])

    def between(self, start: int, stop: int) -> Iterator[T]:
        """Of the events from `start` on, before `stop`."""
        is_here = self._begin <= start and stop <= self._end
        if not is_here and stop > self._queries.chunk_around(start)[1]:
            yield from self._find(self._queries, Asked(ALL_STREAMS, start, stop, AHEAD))
            return
        self._look_around(start)
        for seq in sorted(self._found):
            if start <= seq < stop:
                yield from self._found[seq]

    def _look_around(self, seq: int) -> None:
        if self._begin <= seq < self._end:
            return
        self._begin, self._end = self._queries.chunk_around(seq)
        self._found = {}
        for one in self._find(self._queries, Asked(ALL_STREAMS, self._begin, self._end, AHEAD)):
            self._found.setdefault(self._place(one) or 0, []).append(one)


def _parts(queries: Queries, asked: Asked) -> Iterator[Output]:
    printed: dict[int, Printed] = {}
    for reader, piece in _pieces(queries, asked, printed):
        channel = printed.get(piece.channel)
        if not piece.channel or (channel is None and not asked.start):
            yield _output(reader, piece, piece.writer, 0, piece.size)
        elif channel is not None:
            for writer, begin, end in channel.split(piece):
                if writer is not NOBODY or not asked.start:
                    yield _output(reader, piece, writer, begin, end)


def _output(reader: Reader[Any, Any], piece: Piece, writer: Writer, begin: int, end: int) -> Output:
    in_frame = writer.frame > 0
    data = piece.data[begin:end]
    return Output(
        STREAMS[piece.stream],
        data,
        end - begin,
        writer.event - 1 if writer.event else None,
        writer.line if in_frame else None,
        reader.functions[writer.code - 1] if in_frame else None,
        writer.frame - 1 if in_frame else None,
        reader.threads[writer.thread - 1] if writer.thread else None,
        reader.tasks[writer.task - 1] if writer.task else None,
        piece.time,
        piece.before,
        piece.waiting,
        piece.redacted and (b"*" in data or not data),
        writer.before - 1 if writer.before else None,
        writer.callee if in_frame else None,
    )


def _pieces(
    queries: Queries, asked: Asked, printed: dict[int, Printed]
) -> Iterator[tuple[Reader[Any, Any], Piece]]:
    """What the system took, in order. What is printed meanwhile is noted."""
    held: deque[Piece] = deque()
    unsettled: dict[int, list[Piece]] = {}  # by thread: what it may still take back
    reader: Reader[Any, Any] | None = None
    for reader, payload, rows in queries.outputs(asked.start, asked.stop, asked.ahead):
        for row in ROW.iter_unpack(rows):
            (
                stream,
                channel,
                position,
                size,
                at,
                kept,
                before,
                event,
                time,
                thread,
                task,
                frame,
                code,
                within,
                line,
            ) = row
            callee = callee_at(payload, within)
            writer = Writer(event, line, code, frame, thread, task, before, callee)
            if not stream:
                printed.setdefault(channel, Printed()).add(position, size, writer)
            elif stream & OutputFlag.UNWRITTEN:
                _take_back(held, stream & ~FLAGS, thread, size)
            if not stream & OutputFlag.CONTINUED:
                for piece in unsettled.pop(thread, ()):
                    piece.is_settled = True
            while held and (held[0].is_settled or len(held) > MOST_HELD):
                yield reader, held.popleft()
            if stream and not stream & OutputFlag.UNWRITTEN and stream & ~FLAGS in STREAMS:
                data = payload[at : at + kept]
                waiting = bool(stream & OutputFlag.WAITING)
                redacted = bool(stream & OutputFlag.REDACTED)
                about = (channel, position, size, data, time, before, writer, waiting, redacted)
                piece = Piece(stream & ~FLAGS, *about)
                held.append(piece)
                unsettled.setdefault(thread, []).append(piece)
    if reader is not None:
        for piece in held:
            yield reader, piece


def _take_back(held: deque[Piece], stream: int, thread: int, size: int) -> None:
    """The end of what a thread wrote last, which the system did not take."""
    for piece in reversed(held):
        if not size:
            return
        if piece.stream == stream and piece.writer.thread == thread and not piece.is_settled:
            taken = min(size, piece.size)
            piece.size -= taken
            piece.data = piece.data[: piece.size]
            size -= taken
