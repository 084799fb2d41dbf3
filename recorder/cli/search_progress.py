"""A search of `recorder show` that takes long: how far it is, and what is said where it was given up."""

from __future__ import annotations

import signal
import sys
import time
from typing import TYPE_CHECKING

from recorder.cli.interrupted import Interrupts
from recorder.trace.cancellable import Cancellable

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from recorder.trace.reader import Trace

PATIENCE = 0.5  # seconds before anything is said
UPDATE = 0.2  # seconds between two times that it is said


def progress(trace: Trace, seq: int) -> str:
    first, end = trace._queries.bounds
    part = (seq - first) * 100 // max(end - first, 1)
    return f"… event {seq:,} of {end - first:,} ({part} %)"


def given_up(search: Cancellable, still: int) -> str:
    """What is known where one was ended. `still`: the event one is at."""
    if search.seq is None:
        return f"given up; this is still event {still}"
    return (
        f"given up: looked from event {search.first} to {search.seq}; this is still event {still}"
    )


class PlainSearch:
    """`with PlainSearch(trace) as search:` around one command: Ctrl-C ends it, and not the session; a second one does
    that. On a terminal it is said how far it is."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.search = Cancellable(trace, self._report)
        self._begun = self._said = time.monotonic()
        self._width = 0
        self._interrupts = Interrupts(self._interrupt)

    def __enter__(self) -> Cancellable:
        self._interrupts.begin()
        return self.search.__enter__()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.search.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool:  # fmt: skip
        self._interrupts.end()
        self._show("")
        return self.search.__exit__(kind, exc, traceback)

    def _report(self, seq: int) -> None:
        now = time.monotonic()
        if now - self._begun > PATIENCE and now - self._said > UPDATE:
            self._said = now
            self._show(f"{progress(self.trace, seq)}, Ctrl-C ends it")

    def _show(self, text: str) -> None:
        """On the line that the last one stood on; blanks cover what was longer, since not every terminal can erase."""
        if sys.stderr is None or not sys.stderr.isatty() or not (text or self._width):
            return
        sys.stderr.write("\r" + text.ljust(self._width) + ("" if text else "\r"))
        sys.stderr.flush()
        self._width = len(text)
