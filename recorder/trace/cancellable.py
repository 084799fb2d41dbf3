"""A search that somebody waits for: it tells how far it has looked, and ends where nobody wants its answer any more.

    with Cancellable(trace) as search:
        ...                                            # questions to the trace
    search.is_cancelled, search.first, search.seq      # whether another thread, or a signal, called search.cancel()

It ends between two events, or two chunks of them: whatever is open of the trace can be asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from recorder.trace.reader import Trace

Report = Callable[[int], None]  # is told the number of the event that a search has come to


class Cancelled(BaseException):  # audit: never leaves its Cancellable
    """No failure that anybody on the way may take for one."""


class Cancellable:
    """`first` and `seq`: the events at which it began and up to which it has looked; None where none was looked at."""

    def __init__(self, trace: Trace, report: Report | None = None) -> None:
        self.first: int | None = None
        self.seq: int | None = None
        self.is_cancelled = False
        self._queries = trace._queries
        self._report = report
        self._is_asked = False

    def cancel(self) -> None:
        """From wherever: it ends soon."""
        self._is_asked = True

    def __enter__(self) -> Cancellable:
        self._queries.check = self._check
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool:  # fmt: skip
        self._queries.check = None
        self.is_cancelled = kind is Cancelled
        return self.is_cancelled

    def _check(self, seq: int) -> None:
        if self._is_asked:
            raise Cancelled
        if self.first is None:
            self.first = seq
        self.seq = seq
        if self._report is not None:
            self._report(seq)
