"""Which tasks are suspended at a moment: found out of all that coroutines did, by a thread with a view of the trace of
its own, beside the session."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from recorder import errors
from recorder.trace.code_flags import AWAITS
from recorder.trace.filters import make
from recorder.trace.queries import FIELDS, KIND_NAMES
from recorder.trace.reader import Trace, open_trace

SOON: Final = 0.2  # seconds that are waited for it
PART: Final = (
    500_000  # events that are looked through before it is asked whether the session is over
)
NEAR: Final = 1 << 16  # events of which only the last suspension is kept
MOST: Final = 20_000_000  # events of coroutines that are looked at
ENTRIES: Final = ("call", "resume", "throw")
EXITS: Final = ("yield", "return", "unwind")


class Passage(NamedTuple):
    """As FIELDS has it."""

    seq: int
    kind: int
    frame: int
    code: int
    thread: int
    depth: int
    time: int
    task: int  # + 1; 0: none
    globals: int
    exception: int
    line: int


class Life:
    """Of a coroutine with which a task begins. `frame`, `task`, `thread`: their numbers."""

    def __init__(self, frame: int, task: int, thread: int) -> None:
        self.frame = frame
        self.task = task
        self.thread = thread
        self.first: int | None = None  # when it was suspended first
        self.over: int | None = None
        self.suspensions = array("Q")

    def suspend(self, seq: int) -> None:
        if self.first is None:
            self.first = seq
        if self.suspensions and self.suspensions[-1] // NEAR == seq // NEAR:
            self.suspensions[-1] = seq
        else:
            self.suspensions.append(seq)

    def last_before(self, seq: int) -> tuple[int, int] | None:
        """Between which events it was suspended last, before this one or at it; None: it was not, or is over."""
        if self.first is None or seq < self.first or (self.over is not None and self.over <= seq):
            return None
        known = bisect_right(self.suspensions, seq)
        if known < len(self.suspensions) and self.suspensions[known] // NEAR == seq // NEAR:
            return (self.suspensions[known - 1] if known else seq // NEAR * NEAR), seq + 1
        return (self.suspensions[known - 1], self.suspensions[known - 1] + 1) if known else None


class Suspended:
    """`done` is called when it is known, unless somebody waits for it at that time, which is done for so many
    `seconds`."""

    def __init__(self, trace: Trace, done: Callable[[], None], seconds: float = SOON) -> None:
        self._seconds = seconds
        self.path = trace.path
        self.lives: dict[int, Life] = {}  # by the number of the frame
        self._done = done
        self._running: dict[int, list[Passage]] = {}  # by thread: coroutines, the outermost first
        self._seen = 0
        self._is_over = threading.Event()
        self._has_ended = self._is_missed = False
        self._thread: threading.Thread | None = None
        if trace._queries.survey().tasks:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        else:
            self._is_over.set()

    def at(self, seq: int) -> Iterator[Life]:
        """Those that had been suspended and were not over then; none while it is not known."""
        if not self._is_over.wait(self._seconds):
            self._is_missed = True
            return iter(())
        return (one for one in self.lives.values() if one.last_before(seq) is not None)

    @property
    def is_known(self) -> bool:
        return self._is_over.is_set()

    def end(self) -> None:
        self._has_ended = True
        if self._thread is not None:
            self._thread.join()

    # ---- in the thread ----

    def _run(self) -> None:
        try:
            with open_trace(self.path) as trace:
                for one in self._passages(trace):
                    self._take(one)
        # audit: the session itself says what is wrong with the trace
        except errors.RecorderError:
            pass
        self._is_over.set()
        if self._is_missed and not self._has_ended:
            self._done()

    def _passages(self, trace: Trace) -> Iterator[Passage]:
        wanted = make([*ENTRIES, *EXITS], function=lambda one: bool(one._flags & AWAITS))
        for start in range(0, len(trace[:]), PART):
            for _, batch in trace._queries.passages(wanted, start, start + PART):
                numbers = memoryview(batch).cast("Q").tolist()
                yield from map(Passage._make, zip(*[iter(numbers)] * len(FIELDS), strict=True))
                self._seen += len(numbers) // len(FIELDS)
            if self._has_ended or self._seen > MOST:
                return

    def _take(self, one: Passage) -> None:
        running = self._running.setdefault(one.thread, [])
        while running and running[-1].depth >= one.depth:
            running.pop()  # it ended, be it by an event or unseen
        kind = KIND_NAMES[one.kind]
        if kind in ENTRIES:
            if one.task and all(each.task != one.task for each in running):
                life = Life(one.frame, one.task - 1, one.thread)
                self.lives.setdefault(one.frame, life).task = one.task - 1  # it may have got a name
            running.append(one)
        elif kind == "yield" and one.frame in self.lives:
            self.lives[one.frame].suspend(one.seq)
        elif one.frame in self.lives:
            self.lives[one.frame].over = one.seq
