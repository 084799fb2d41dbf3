"""A question that is interrupted while it looks through a trace: what it has found stands, and it says how far it has
looked, so that another one can go on there."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from recorder.cli.console import warn

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType
    from typing import NoReturn

    from recorder.trace.reader import Trace


class Interrupts:
    """From `begin` to `end` an interrupt calls `handler`. Who has it ignored, or does something else there, goes on
    so."""

    def __init__(self, handler: Callable[[int, FrameType | None], object]) -> None:
        self.handler = handler
        self._is_ours = False

    def begin(self) -> None:
        is_plain = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        self._is_ours = is_plain and threading.current_thread() is threading.main_thread()
        if self._is_ours:
            signal.signal(signal.SIGINT, self.handler)

    def end(self) -> None:
        if self._is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


class Interruptible:
    """`with Interruptible(trace) as search:` around the search alone: an interrupt ends that, and not the command.
    `since`: where to go on; None where that cannot be said."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.is_over = False
        self.since: int | None = None
        self._interrupts = Interrupts(self._interrupt)

    def __enter__(self) -> Interruptible:
        self._interrupts.begin()
        return self

    def _interrupt(self, number: int, frame: FrameType | None) -> NoReturn:
        self.since = self.trace._queries.looked_at()  # while what looks is still there
        signal.default_int_handler(number, frame)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._interrupts.end()
        self.is_over = kind is KeyboardInterrupt
        return self.is_over

    def tell(self) -> None:
        """On stderr, where it was interrupted."""
        if not self.is_over:
            return
        said = "the trace was not looked at to its end"
        if self.since is not None:
            end = self.trace._queries.end
            said = f"looked at up to event {self.since}, of {end}: --since {self.since} goes on"
        warn(f"recorder: interrupted: {said}")
