"""`recorder diff TRACE --calls A,B` for a person: what differs first, and the rest by what it has in common.

From the first real difference on, two calls differ in most of what they do. So each difference is told once, whatever
variables it is seen in; what one of the two merely has where the other has nothing yet (a cache that filled) stands by
itself, since it is seldom what one looks for; and the ways that part are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from recorder.cli.console import count, printable
from recorder.cli.events import text_of, where
from recorder.trace.values.differences import shown

if TYPE_CHECKING:
    from recorder.trace.compare import Comparison, Difference
    from recorder.trace.reader import Trace
    from recorder.trace.snapshots import Event
    from recorder.trace.values.differences import Part

WIDTH: Final = 60
LAST_NAME: Final = re.compile(r"\w+(\[[^\]]*\])*\)?$")  # of a path: `rows[1]` of `self.rows[1]`
MOST_FILLED: Final = 3  # of these the first
MOST_LOOKED_AT: Final = 1_000  # differences


class Row(NamedTuple):
    """One difference. `group`: what has to be the same of those that are told as one."""

    group: tuple[str, ...]
    a: Event | None
    b: Event | None
    text: str
    where: str


class Rows:
    """In the order in which they were met, each with how often."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, ...], tuple[Row, int]] = {}

    def add(self, row: Row) -> None:
        first, times = self._rows.get(row.group, (row, 0))
        self._rows[row.group] = first, times + 1

    def __len__(self) -> int:
        return len(self._rows)

    def shown(self, limit: int | None) -> Iterator[str]:
        for row, times in islice(self._rows.values(), limit):
            again = f"  ({times} times)" if times > 1 else ""
            numbers = " ".join(f"{_number(event):>7}" for event in (row.a, row.b))
            yield printable(f"{numbers}  {row.text}{again}  {row.where}".rstrip())


def told(comparison: Comparison, limit: int) -> tuple[list[str], int]:
    """What differs, a row each, behind the events of both, and how many differences there are."""
    differ, filled = Rows(), Rows()
    found, outcome = 0, ""
    for one in islice(comparison.differences(), MOST_LOOKED_AT):
        found += 1
        if one.what == "flow":
            differ.add(_way(one, comparison))
            continue
        for part in one.parts:
            (filled if part.is_filled else differ).add(_value(one, part))
        if _is_outcome(one, comparison):
            outcome = _value(one, one.parts[0]).text
    rows = [] if not found else ["what differs, first to last (A → B):"]
    rows += differ.shown(limit)
    rows += _more(len(differ) - limit)
    if len(filled):
        rows.append("where one of them has nothing, or nothing yet:")
        rows += filled.shown(MOST_FILLED)
        rows += _more(len(filled) - MOST_FILLED)
    if outcome and len(differ) > limit:
        rows.append(printable(f"in the end:  {outcome}"))
    return rows, found


def _more(left: int) -> Iterable[str]:
    return [f"{'':>17}… {left:,} more (--full)"] if left > 0 else ()


def _number(event: Event | None) -> str:
    return "" if event is None else str(event.seq)


def _value(found: Difference, part: Part) -> Row:
    path, a, b = shown(part, found.subject, WIDTH)
    name = LAST_NAME.search(path)
    group = "value", path if name is None else name.group(), *(() if part.is_filled else (a, b))
    place = "" if found.a is None else where(found.a)
    return Row(group, found.a, found.b, f"{path}: {a} → {b}", place)


def _way(found: Difference, comparison: Comparison) -> Row:
    """Where they part: what each does next, and how much of it the other does not."""
    sides = [_next(comparison.a, found.a), _next(comparison.b, found.b)]
    place = "" if found.last is None else f"after {where(found.last)}"
    skipped = ""
    if found.resumed is None:
        skipped = "; they are not the same again"
    elif 0 in (found.resumed.skipped_a, found.resumed.skipped_b):
        only = "A" if found.resumed.skipped_a else "B"
        most = max(found.resumed.skipped_a, found.resumed.skipped_b)
        skipped = f"; {count(most, 'event')} in {only} alone"
    group = "way", place, *sides
    text = f"A: {sides[0]} | B: {sides[1]}{skipped}"
    return Row(group, found.a, found.b, text, place)


def _next(trace: Trace, event: Event | None) -> str:
    return "ends" if event is None else f"{event.line} {text_of(trace, event)[:WIDTH]}".rstrip()


def _is_outcome(found: Difference, comparison: Comparison) -> bool:
    """Whether it is what the two calls themselves came to."""
    return (
        found.name is None
        and found.a is not None
        and comparison.calls is not None
        and found.a.frame == comparison.calls[0].frame
    )
