"""Where a walk through a trace is to halt: a line, or the beginning of a function; at each hit, or at some of them.

app.py:12    Cart.add    app.py:12 if total > 100    Cart.add hits 3    Cart.add hits 3- if not items
"""

from __future__ import annotations

import re
from typing import Any, Final

from recorder import errors
from recorder.trace.expressions.expression import Expression
from recorder.trace.hits import numbers_in
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event

FORM: Final = "FILE:LINE or a function's name, and after it `hits N` or `hits A-B`, `if EXPR`"
PARTS: Final = re.compile(r"(.*?)(?:\s+hits\s+(\S+))?(?:\s+if\b\s*(.*))?", re.DOTALL)


class Breakpoint:
    """`when`: the condition. `hits`: the numbers of the first and the last hit that count, from the beginning of the
    recording on; the last one may be None."""

    def __init__(
        self,
        file: str | None,
        line: int | None,
        function: str | None,
        when: str | None = None,
        hits: tuple[int, int | None] | None = None,
    ) -> None:
        self.file = file
        self.line = line
        self.function = function
        self.when = when
        self.hits = hits

    @classmethod
    def parse(cls, text: str) -> Breakpoint:
        """Raises InvalidArgumentError, for an expression that is none as well."""
        match = PARTS.fullmatch(text.strip())
        what, hits, when = match.groups() if match else ("", None, None)
        if when is not None:
            Expression(when)
        file, colon, line = what.rpartition(":")
        if colon and file and line.isdecimal() and len(line) < 10:
            return cls(file, int(line), None, when, _numbers(hits, text))
        if not what or colon or any(map(str.isspace, what)):
            raise _malformed(text)
        return cls(None, None, what, when, _numbers(hits, text))

    @property
    def is_plain(self) -> bool:
        """Whether it halts at each hit."""
        return self.when is None and self.hits is None

    @property
    def asks(self) -> dict[str, Any]:
        """What Trace.find is asked for."""
        if self.function is not None:
            return {"kind": "call", "function": self.function}
        return {"kind": "line", "file": self.file, "line": self.line}

    def nearest(self, trace: Trace, start: int, stop: int | None, back: bool) -> Event | None:
        """The first event that it halts at from number `start` on, before `stop`; back: the last one. One at which the
        condition cannot be asked, since a name has no value there, is none; one at which
        it may hold is one."""
        if self.is_plain:
            found = trace.find(start=start, stop=stop, backwards=back, **self.asks)
            return next(found, None)
        if self.hits is not None:
            return self._numbered(self.hits, trace, start, stop, back)
        hits = trace.hits(when=self.when, start=start, stop=stop, backwards=back, **self.asks)
        return next((hit.event for hit in hits if hit.kind != "error"), None)

    def doubt(self, trace: Trace, event: Event) -> str:
        """Why it is not known whether the condition holds at an event of this place; empty if it is."""
        here = trace.find(start=event.seq, stop=event.seq + 1, **self.asks)
        if self.when is None or next(here, None) is None:
            return ""
        answer = trace.evaluate(self.when, event)
        return answer.reason if answer.kind == "unknown" else ""

    def _numbered(
        self,
        numbers: tuple[int, int | None],
        trace: Trace,
        start: int,
        stop: int | None,
        back: bool,
    ) -> Event | None:
        """Hits are counted from the beginning, wherever one walks."""
        last = None
        for hit in trace.hits(when=self.when, numbers=numbers, stop=stop, **self.asks):
            if hit.kind != "hit" or hit.seq < start:
                continue
            if not back:
                return hit.event
            last = hit.event
        return last

    def __str__(self) -> str:
        text = self.function or f"{self.file}:{self.line}"
        if self.hits is not None:
            first, last = self.hits
            text += f" hits {first}" + ("" if last == first else f"-{last or ''}")
        return text + (f" if {self.when}" if self.when is not None else "")


def _numbers(text: str | None, whole: str) -> tuple[int, int | None] | None:
    if text is None:
        return None
    found = numbers_in(text)
    if found is None:
        raise _malformed(whole)
    return found


def _malformed(text: str) -> errors.RecorderError:
    return errors.InvalidArgumentError(argument="breakpoint", value=text[:100], expected=FORM)
