"""Walking through a trace as one steps through a program, forwards and back.

    walk = Navigator(trace)
    walk.step(); walk.next(); walk.out()              # and with back=True the other way
    walk.to_line("app.py", 12); walk.to_function("parse"); walk.to_exception(back=True)
    walk.last_change("total")
    walk.event, walk.moment                            # where it is now

Every movement stays in the thread of the present event, except `goto` and the searches. Each answers
whether there was somewhere to go; if not, the position stays what it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from recorder import errors
from recorder.trace.breakpoints import Breakpoint
from recorder.trace.changes import Change
from recorder.trace.existence import Existence
from recorder.trace.reader import Trace
from recorder.trace.snapshots import POPPING, Event, Moment

STOPS: Final = ("line", "return", "yield", "unwind", "raise")  # where stepping comes to a halt
ENTRIES: Final = ("call", "resume", "throw")
ENDS: Final = POPPING


class Navigator:
    """A position in a trace. Raises EventNotFoundError if the trace has no event to be at."""

    def __init__(self, trace: Trace, seq: int | None = None) -> None:
        self.trace = trace
        self.breakpoints: list[Breakpoint] = []
        first = next(trace.find(start=seq or 0), None)
        if first is None or (seq is not None and first.seq != seq):
            raise errors.EventNotFoundError(event=seq or 0, path=trace.path)
        self.event: Event = first

    @property
    def moment(self) -> Moment:
        return self.trace.at(self.event.seq)

    @property
    def last(self) -> int:
        """The number of the trace's last event."""
        return len(self.trace[:]) - 1

    # ---- stepping ----

    def step(self, back: bool = False) -> bool:
        """To the next stop, in whatever function."""
        return self._go(self._near(back, kind=STOPS))

    def next(self, back: bool = False) -> bool:
        """To the next stop in this function or its callers: calls are passed over."""
        return self._go(self._previous() if back else self._following())

    def _following(self) -> Event | None:
        now = self.event
        if now.kind not in POPPING:
            return self._near(False, kind=STOPS, depth=now.depth)
        return self._near(False, kind=STOPS, depth=now.depth - 1) if now.depth else None

    def _previous(self) -> Event | None:
        now = self.event
        before = self._near(True, kind=(*STOPS, *ENTRIES), frame=now.frame)
        if before is None or before.kind not in ENTRIES or not now.depth:
            return before if before is not None and before.kind in STOPS else None
        return self._near(True, before.seq, kind=STOPS, depth=now.depth - 1)

    def out(self, back: bool = False) -> bool:
        """To where this function ends (or yields); back: to the line that called it."""
        now = self.event
        if not back:
            if now.kind in ENDS:
                return self.next()
            return self._go(self._near(False, kind=ENDS, frame=now.frame))
        if not now.depth:
            return False
        entry = now
        if now.kind not in ENTRIES:
            found = self._near(True, kind=ENTRIES, frame=now.frame)
            if found is None:
                return False
            entry = found
        return self._go(self._near(True, entry.seq, kind=STOPS, depth=now.depth - 1))

    # ---- going somewhere ----

    def goto(self, seq: int) -> bool:
        """To event number `seq`. Raises EventNotFoundError."""
        return self._go(self.trace.at(seq).event)

    def to_end(self, back: bool = False) -> bool:
        """To the last event that can be read, or the first."""
        return self._go(next(self.trace.find(backwards=not back), None))

    def to_line(self, file: str, line: int, back: bool = False) -> bool:
        return self._go(self._search(back, kind="line", file=file, line=line))

    def to_function(self, name: str, back: bool = False) -> bool:
        return self._go(self._search(back, kind="call", function=name))

    def to_exception(self, type_name: str | None = None, back: bool = False) -> bool:
        return self._go(self._search(back, kind="raise", exception=type_name))

    def last_change(self, name: str, back: bool = True) -> bool:
        """To where the variable of this frame, or the global `name` or `module.name`, got the value it has; again:
        the value before."""
        now = self.event
        module, _, short = name.rpartition(".")
        is_local = not module and not now._is_module_body and short in now._slots
        if not module and now.namespace is not None:
            module = now.namespace.name
        changed = any(self._is(one, short, module, is_local) for one in self.trace.changes(now))
        changes = self.trace.history(
            short, frame=now.frame if is_local else None, backwards=back,
            start=0 if back else now.seq + 1, stop=now.seq if back and changed
            else now.seq + 1 if back else None,
        )  # fmt: skip
        wanted = (one.event for one in changes if self._is(one, short, module, is_local))
        return self._go(next(wanted, None))

    @staticmethod
    def _is(change: Change, name: str, module: str, is_local: bool) -> bool:
        return change.name == name and (
            change.module is None if is_local else change.module == module
        )

    def run(self, back: bool = False) -> bool:
        """To the nearest breakpoint."""
        return self._go(self._nearest(self.breakpoints, back))

    def search(self, text: str, back: bool = False) -> bool:
        """To FILE:LINE, a call of that function, or an exception of that type."""
        point = Breakpoint.parse(text)
        found = [self._nearest([point], back)]
        if point.function is not None and point.is_plain:
            found.append(self._search(back, kind="raise", exception=point.function))
        nearest = max if back else min
        there = (one for one in found if one is not None)
        return self._go(nearest(there, key=lambda one: one.seq, default=None))

    def thread(self, number: int) -> bool:
        """To the thread's next stop, or else its last one."""
        found = self._search(False, kind=STOPS, thread=number)
        return self._go(found or self._search(True, kind=STOPS, thread=number))

    # ---- nothing there ----

    def why_nothing(
        self, *, sought: str = "", variable: str = "", exception: str = "", thread: str = ""
    ) -> str:
        """Why it is nowhere in the trace: a sentence, or NOT_IN_TRACE with the nearest names. Empty if it is there."""
        existence = Existence(self.trace)
        if sought:
            return self._why_not_found(existence, sought)
        if variable:
            short = variable.rpartition(".")[2]
            never = next(self.trace.history(short), None) is None
            return existence.variable(short) if never else ""
        if exception:
            never = next(self.trace.find("raise", exception=exception), None) is None
            return existence.exception(exception) if never else ""
        if thread:
            existence.thread(int(thread))
        return ""

    def _why_not_found(self, existence: Existence, sought: str) -> str:
        point = Breakpoint.parse(sought)
        if next(self.trace.find(**point.asks), None) is not None:
            never = point.nearest(self.trace, 0, None, False) is None
            return "its condition was never true there, or not so often" if never else ""
        if point.file is not None and point.line is not None:
            return existence.line(point.file, point.line)
        name = point.function or ""
        if next(self.trace.find("raise", exception=name), None) is not None:
            return ""
        try:
            return existence.function(name)
        except errors.NotInTraceError:
            if existence.is_exception(name):
                return existence.exception(name)
            raise

    # ---- inside ----

    def _near(self, back: bool, seq: int | None = None, **asked: Any) -> Event | None:
        return self._search(back, seq, thread=self.event.thread.number, **asked)

    def _search(self, back: bool, seq: int | None = None, **asked: Any) -> Event | None:
        now = self.event.seq if seq is None else seq
        if back:
            return next(self.trace.find(stop=now, backwards=True, **asked), None)
        return next(self.trace.find(start=now + 1, **asked), None)

    def _nearest(self, points: Iterable[Breakpoint], back: bool) -> Event | None:
        """The nearest event at which one of these halts; each is looked for only up to the best so far."""
        best: Event | None = None
        now = self.event.seq
        for point in points:
            if back:
                found = point.nearest(self.trace, best.seq + 1 if best else 0, now, True)
            else:
                found = point.nearest(self.trace, now + 1, best.seq if best else None, False)
            best = found or best
        return best

    def _go(self, event: Event | None) -> bool:
        if event is None:
            return False
        self.event = event
        return True
