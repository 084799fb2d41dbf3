"""Counts of a whole trace, made beside a session: by a thread with a view of the trace of its own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

from recorder import errors
from recorder._core.decode import Function
from recorder.trace.profile import Node
from recorder.trace.reader import open_trace

WINDOW: Final = 500_000  # events that are counted before it is asked whether the session is over
MOST: Final = 50_000_000  # events that are counted: a minute


class Counted(NamedTuple):
    lines: dict[Function, Counter[int]]
    functions: list[Node]


class Counting:
    """`done` is called when it is over, unless somebody waits for it at that time."""

    def __init__(self, path: str, done: Callable[[], None]) -> None:
        self.path = path
        self.done = done
        self.result: Counted | None = None
        self._is_over = threading.Event()
        self._has_ended = False
        self._is_missed = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> Counted | None:
        """None: it is not done yet."""
        if not self._is_over.wait(seconds):
            self._is_missed = True
        return self.result

    def end(self) -> None:
        self._has_ended = True
        self._thread.join()

    def _run(self) -> None:
        try:
            self.result = self._count()
        # audit: the session itself says what is wrong with the trace
        except errors.RecorderError:
            pass
        self._is_over.set()
        if self._is_missed and self.result is not None and not self._has_ended:
            self.done()

    def _count(self) -> Counted | None:
        lines: dict[Function, Counter[int]] = {}
        with open_trace(self.path) as trace:
            end = len(trace[:])
            if end > MOST:
                return None
            for start in range(0, end, WINDOW):
                if self._has_ended:
                    return None
                for function, counts in trace.line_counts(start=start, stop=start + WINDOW).items():
                    lines.setdefault(function, Counter()).update(counts)
            return Counted(lines, trace.stats())
