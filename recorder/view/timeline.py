"""What ran when: a chart of each thread's and task's stack over the events, or over time, as many columns wide as
somebody can see.

A column is one event, and what ran at it. So zooming is asking again for fewer events, down to one a column, and what
an answer costs depends on its width and on the way through the trace, not on how much happened. Over time a column
is what ran last in it; where nothing was recorded, all stands as it stood, and is idle. Marks are found by
reading where that is a matter of a few chunks; of more of them the trace's own table of contents tells in which they
are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, Final, TypeAlias

from recorder import errors
from recorder._core.decode import Thread
from recorder.cli.queries import thread_name
from recorder.trace import filters
from recorder.trace.code_flags import AWAITS
from recorder.trace.container.chunks import Chunk
from recorder.trace.container.file import UNREADABLE
from recorder.trace.output import AHEAD, Asked, outputs
from recorder.trace.reader import Trace
from recorder.trace.snapshots import POPPING, Event, Frame, Moment
from recorder.view.clock import clock_of
from recorder.view.parameters import Parameters

MOST_COLUMNS: Final = 1_000
DEEPEST: Final = 40  # rows of a thread: the outermost frames
MOST_TICKS: Final = 1_000  # of a kind
MOST_READ: Final = 16  # chunks that are read for marks
LOOKED_AT: Final = (
    10_000  # events of a column, for who did nothing: of more it is taken that all did something
)
MOST_ROWS: Final = 100  # of threads and tasks; a task that comes later is in its thread's row
NO_TASK: Final = -1
KINDS: Final = ("exceptions", "output", "marks")

Key: TypeAlias = tuple[int, int]  # a thread's number and a task's, or NO_TASK
Bar: TypeAlias = list[int]  # depth, first column, the one behind the last, title, frame


class Chart:
    """Puts together what stays the same from column to column: a bar for each frame, of one thread, task and depth."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.titles: dict[str, int] = {}
        self.names: dict[Key, tuple[str, str | None]] = {}
        self.bars: dict[Key, list[Bar]] = {}
        self._open: dict[tuple[Key, int], Bar] = {}
        self.idle: dict[Key, list[list[int]]] = {}  # columns in which its thread did nothing
        self._ran: dict[int, Key] = {}  # by thread: whose what it runs was when that was last known

    def add(self, column: int, now: Moment, since: int = 0) -> None:
        """A thread is idle in the column if it did nothing from event `since` on. What a task runs is in its own row,
        what runs the loop in the thread's."""
        self._note(now.event)
        for thread, frames in now.stacks:
            if not frames:
                continue
            own = (thread.number, NO_TASK)
            task = self._ran.setdefault(thread.number, own)
            is_idle = not self._acted(thread, frames[-1], since, now.event)
            if is_idle and thread == now.event.thread and now.event.kind in POPPING:
                frames = frames[:-1]  # it has ended, or is suspended
            begin = _coroutine(frames) if thread.native_id and task != own else 0
            self._draw(column, own, thread, frames[:begin], is_idle)
            self._draw(column, task, thread, frames[begin:], is_idle)

    def _draw(
        self, column: int, key: Key, thread: Thread, frames: Sequence[Frame | Event], is_idle: bool
    ) -> None:
        if not frames:
            return
        self.names.setdefault(key, (thread_name(thread), None))
        if is_idle:
            self._stretch(self.idle.setdefault(key, []), column)
        bars = self.bars.setdefault(key, [])
        for depth, frame in enumerate(frames[:DEEPEST]):
            bar = self._open.get((key, depth))
            if bar is None or bar[4] != frame.frame or bar[2] != column:
                title = self.titles.setdefault(frame.title, len(self.titles))
                bar = [depth, column, column, title, frame.frame]
                self._open[key, depth] = bar
                bars.append(bar)
            bar[2] = column + 1

    def _acted(self, thread: Thread, inner: Frame | Event, since: int, last: Event) -> bool:
        """Whether the thread did something from event `since` on, up to the last one."""
        seen = inner.seq if isinstance(inner, Event) else inner.as_of or 0
        if seen >= since or last.seq - since > LOOKED_AT:
            return True
        # What has ended since, or was suspended, is not on its stack any more.
        return any(self._trace.find(thread=thread.number, start=since, stop=last.seq + 1))

    @staticmethod
    def _stretch(stretches: list[list[int]], column: int) -> None:
        if stretches and stretches[-1][1] == column:
            stretches[-1][1] = column + 1
        else:
            stretches.append([column, column + 1])

    def _note(self, event: Event) -> None:
        """The task that the event's thread runs."""
        thread, task = event.thread, event.task
        key = (thread.number, NO_TASK if task is None else task.number)
        if task is not None and key not in self.names:
            if len(self.names) >= MOST_ROWS:
                key = (thread.number, NO_TASK)
            else:
                self.names[key] = (thread_name(thread), task.name or f"task {task.number}")
        self._ran[thread.number] = key

    def threads(self) -> list[dict[str, Any]]:
        shared = Counter(self.names[key][1] for key, bars in self.bars.items() if bars)
        return [
            {
                "thread": key[0],
                "name": self.names[key][0],
                "task": told_apart(self.names[key][1], key[1], shared),
                "bars": bars,
                "idle": self.idle.get(key, []),
            }
            for key, bars in sorted(self.bars.items())
            if bars
        ]


def told_apart(task: str | None, number: int, shared: Counter[str | None]) -> str | None:
    """With the number of the task, if another one has its name."""
    return task if task is None or shared[task] == 1 else f"{task} #{number}"


def _coroutine(frames: Sequence[Frame | Event]) -> int:
    """Where the outermost coroutine is."""
    found = (at for at, one in enumerate(frames) if one.function._flags & AWAITS)
    return next(found, len(frames))


def timeline(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """The events from `start` on, before `stop`; with `over=time` those of such times, in ns since recording began.
    `columns`: the event that each stands for, null where it cannot be read. `whole`: where all begins and ends."""
    over_time = asked.text("over") == "time"
    whole = clock_of(trace).whole if over_time else trace._queries.bounds
    start, stop = _range(whole, asked)
    width = min(max(asked.number("columns", 400), 1), MOST_COLUMNS, max(stop - start, 0))
    chart = Chart(trace)
    columns: list[int | None] = []
    where = moments(trace, start, stop, width) if over_time else places(trace, start, stop, width)
    last: tuple[int, Moment] | None = None
    for column, (seq, since) in enumerate(where):
        try:
            last = last if last is not None and last[0] == seq else (seq, trace.at(seq))
        except (errors.EventNotFoundError, *UNREADABLE):
            columns.append(None)
            continue
        columns.append(last[1].event.seq)
        chart.add(column, last[1], since)
    return {
        "start": start,
        "stop": stop,
        "whole": whole,
        "columns": columns,
        "titles": list(chart.titles),
        "threads": chart.threads(),
    }


def moments(trace: Trace, start: int, stop: int, width: int) -> Iterator[tuple[int, int]]:
    """By columns of time: the last event of each, or of what comes before, and the first that is in it. Where a chunk
    begins in a column that is taken, and whether a thread is idle is not looked at: it is much that happens there."""
    edges = clock_of(trace).events(start + (stop - start) * at // width for at in range(width + 1))
    begins = [chunk.head.first_event for chunk in trace._queries._chunks(edges[0], edges[-1])]
    first_of_all = trace._queries.bounds[0]
    for first, behind in pairwise(edges):
        at = bisect_left(begins, first)
        if at < len(begins) and begins[at] < behind - 1:
            yield begins[at], 0
        else:
            yield max(behind - 1, first_of_all), first


def places(trace: Trace, start: int, stop: int, width: int) -> Iterator[tuple[int, int]]:
    """An event of each column: its first one, or the first of a chunk that begins in it, to which the way is short; and
    from where on nothing that is there is idle."""
    begins = [chunk.head.first_event for chunk in trace._queries._chunks(start, stop)]
    begins += [stop]
    for column in range(width):
        first = start + (stop - start) * column // width
        begin = begins[bisect_left(begins, first)]
        yield (begin if begin < start + (stop - start) * (column + 1) // width else first), 0


# ---- marks ---------------------------------------------------------------------------------------


def ticks(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """Where something happened that is worth a mark, so many of each kind at most; `more` names the kinds that have
    more. `spans`: where there are too many events to look at each, stretches with at least one, from the first event to
    the one behind the last. With `over=time` all of that in times, as those that are asked for."""
    over_time = asked.text("over") == "time"
    start, stop = _range(clock_of(trace).whole if over_time else trace._queries.bounds, asked)
    if over_time:
        begin, end = clock_of(trace).events([start, stop])
        return {**_in_time(trace, _ticks(trace, begin, end)), "start": start, "stop": stop}
    return _ticks(trace, start, stop)


def _ticks(trace: Trace, start: int, stop: int) -> dict[str, Any]:
    chunks = trace._queries._chunks(start, stop)
    spans = {} if len(chunks) <= MOST_READ else _spans(trace, chunks, (stop - start) // MOST_TICKS)
    kinds: dict[str, Iterator[int]] = {
        "exceptions": (event.seq for event in trace.find("raise", start=start, stop=stop)),
        "output": _written(trace, start, stop),
        "marks": (mark.before for mark in trace.marks() if start <= mark.before < stop),
    }
    found = {
        kind: [] if kind in spans else list(islice(seqs, MOST_TICKS + 1))
        for kind, seqs in kinds.items()
    }
    return {
        "start": start,
        "stop": stop,
        **{kind: seqs[:MOST_TICKS] for kind, seqs in found.items()},
        "more": [kind for kind, seqs in found.items() if len(seqs) > MOST_TICKS],
        "spans": spans,
    }


def _in_time(trace: Trace, found: dict[str, Any]) -> dict[str, Any]:
    times = clock_of(trace).times
    spans = {
        kind: [list(one) for one in zip(times(a for a, _ in spans), times(b for _, b in spans), strict=True)]
        for kind, spans in found["spans"].items()
    }  # fmt: skip
    return {**found, **{kind: times(sorted(found[kind])) for kind in KINDS}, "spans": spans}


def _written(trace: Trace, start: int, stop: int) -> Iterator[int]:
    """The events that wrote something. What stood in a buffer for long may be missing."""
    for one in outputs(trace._queries, Asked(None, start, stop, AHEAD)):
        if one.seq is not None:
            yield one.seq


def _spans(trace: Trace, chunks: list[Chunk], apart: int) -> dict[str, list[list[int]]]:
    """By what the trace says of its chunks; nothing of a kind of which it says nothing. What is less than so many
    events apart is one."""
    contents = trace._queries._known()
    raised = trace._queries._chunk_filter(filters.make("raise"))
    if contents is None or raised is None:
        return {}
    silent = [contents.is_silent(one.head.first_event, one.head.payload_crc) for one in chunks]
    found = {"exceptions": _joined(chunks, raised.may_hold, apart)}
    if any(silent):  # a recorder that did not tell of output yet told it of none
        quiet = {one.offset for one, is_silent in zip(chunks, silent, strict=True) if is_silent}
        written = _joined(chunks, lambda one: one.offset not in quiet, apart)
        # What the last event of a chunk wrote may stand at the beginning of the next one.
        found["output"] = [[max(first - 1, 0), behind] for first, behind in written]
    return found


def _joined(chunks: list[Chunk], is_marked: Callable[[Chunk], bool], apart: int) -> list[list[int]]:
    found: list[list[int]] = []
    for chunk in filter(is_marked, chunks):
        first, behind = chunk.head.first_event, chunk.head.first_event + chunk.head.events
        if found and first - found[-1][1] <= apart:
            found[-1][1] = behind
        else:
            found.append([first, behind])
    return found


def _range(whole: tuple[int, int], asked: Parameters) -> tuple[int, int]:
    """Within what there is."""
    first, end = whole
    start = min(max(asked.number("start", first), first), end)
    return start, max(min(asked.number("stop", end), end), start)
