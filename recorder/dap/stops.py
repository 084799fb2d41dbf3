"""What makes a run stop: breakpoints on lines, functions, data and exceptions, with their conditions."""

from __future__ import annotations

import operator
import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder.dap.position import Walk, windows
from recorder.trace.expressions.expression import Expression
from recorder.trace.expressions.templates import Template
from recorder.trace.hits import Hit

HIT_CONDITION: Final = re.compile(r"\s*(==|>=|<=|>|<|%)?\s*(\d{1,12})\s*", re.ASCII)
COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    "==": operator.eq, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
    "%": lambda number, every: every > 0 and number % every == 0,
}  # fmt: skip


class Met(NamedTuple):
    """A place where one was met. `text`: of a log point, or what is not known of its condition."""

    seq: int
    stop: Stop
    text: str = ""


class Stop:
    """One breakpoint. `asked`: the filters of Trace.hits. With `places`, those events alone. `says`: what
    there is to say of one of them."""

    def __init__(
        self,
        walk: Walk,
        reason: str,
        *,
        number: int = 0,
        asked: dict[str, Any] | None = None,
        places: array[int] | None = None,
        when: str | None = None,
        hits: str | None = None,
        log: str | None = None,
        says: Callable[[int], str | None] | None = None,
    ) -> None:
        self.walk = walk
        self.says = says
        self.reason = reason
        self.number = number
        self.asked = asked or {}
        self.when = None if when is None or not when.strip() else Expression(when)
        self.log = log or None
        if self.log is not None:
            Template(self.log, "logMessage")  # raises at once
        self.hits = _counted(hits)
        self.failed = ""  # why its condition could not be asked, where that is so
        self._places = places

    def met(self, start: int, stop: int, backwards: bool) -> Iterator[Met]:
        if self.hits is None and self._places is None:
            for hit in self._asked(start, stop, backwards):
                yield Met(hit.seq, self, self._said(hit))
            return
        places = self.places()
        wanted = places[bisect_left(places, start) : bisect_left(places, stop)]
        for seq in reversed(wanted) if backwards else wanted:
            for hit in self._asked(seq, seq + 1, backwards, numbered=True):
                yield Met(seq, self, self._said(hit))

    def places(self) -> array[int]:
        """The events that count, by their numbers. Looks through the whole trace, once."""
        if self._places is None:
            found = array("Q")
            for low, high in windows(0, self.walk.end, False):
                self.walk.check(low)
                found.extend(hit.seq for hit in self._asked(low, high, False, numbered=True))
            self._places = found
        if self.hits is not None:
            which, self.hits = self.hits, None
            self._places = array(
                "Q", (seq for number, seq in enumerate(self._places, 1) if which(number))
            )
        return self._places

    def _asked(
        self, start: int, stop: int, backwards: bool, numbered: bool = False
    ) -> Iterator[Hit]:
        log = self.log if not numbered or stop == start + 1 else None
        found = self.walk.trace.hits(
            **self.asked, when=self.when, log=log, start=start, stop=stop, backwards=backwards
        )
        for hit in found:
            if hit.kind != "error":
                yield hit
            elif not self.failed:
                self.failed = hit.reason

    def _said(self, hit: Hit) -> str:
        if hit.log is not None:
            return hit.log
        return f"may be: {hit.reason}" if hit.kind == "maybe" else ""


def _counted(text: str | None) -> Callable[[int], bool] | None:
    if text is None or not text.strip():
        return None
    found = HIT_CONDITION.fullmatch(text)
    if found is None:
        raise errors.InvalidArgumentError(
            argument="hitCondition", value=text[:100], expected="a number, or one behind == >= <= > < or %"
        )  # fmt: skip
    compare, number = COMPARE[found[1] or "=="], int(found[2])
    return lambda count: compare(count, number)


def passed(
    walk: Walk, stops: list[Stop], start: int, stop: int, backwards: bool
) -> Iterator[list[Met]]:
    """What is met from one bound to the other: for each event, those that are met there. In parts, so that each is
    only looked for as far as it may matter."""
    for low, high in windows(start, stop, backwards):
        walk.check(high if backwards else low)
        found: dict[int, list[Met]] = {}
        nearest: int | None = None
        for one in stops:
            first, last = (low, high) if nearest is None else _up_to(low, high, nearest, backwards)
            for met in one.met(first, last, backwards):
                found.setdefault(met.seq, []).append(met)
                if one.log is None:
                    nearest = met.seq
                    break
        for seq in sorted(found, reverse=backwards):
            yield found[seq]


def _up_to(low: int, high: int, seq: int, backwards: bool) -> tuple[int, int]:
    return (max(low, seq), high) if backwards else (low, min(high, seq + 1))
