"""All calls of a trace, put together by the way in which they were made, and by function: CALLS.

They tell of one trace, and of all of it. They can always be made again of the chunks, and a trace may be without them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, Final, NamedTuple, TypeAlias

from recorder._core.decode import CallTree, Reader, read_calls
from recorder.trace.contents import HEAD

BY_WAY: Final = 1  # as the core has them
BY_FUNCTION: Final = 2
OF_TASKS: Final = 1
OF_FUNCTIONS: Final = 2
ABOUT: Final = struct.Struct("<I")  # the crc of what tells of the chunks of events


class Root(NamedTuple):
    """The node of a thread, of the tasks that it ran, or of its functions."""

    kind: int
    node: int
    thread: int
    task: int  # the last one, + 1; 0: of no tasks
    tasks: int


# Of each way of calling: who called, or None; code, or None; namespace + 1, event at which it was first seen, calls,
# total, own, handled, deepest, and by type + 1 how often an exception was raised.
Row: TypeAlias = tuple[
    int | None, int | None, int, int, int, int, int, int, int, dict[int, int]
]  # fmt: skip


class Sums(NamedTuple):
    """A row's number is what others know it by; who called stands before whom it called."""

    roots: list[Root]
    rows: list[Row]

    def speaks_of(self, reader: Reader[Any, Any]) -> bool:
        """Whether the reader knows all that is spoken of."""
        codes = {row[1] for row in self.rows if row[1] is not None}
        return codes <= reader.functions.keys() and all(
            root.thread in reader.threads for root in self.roots
        )


def payload(chunks: Iterable[tuple[int, int]], calls: CallTree) -> bytes:
    """Of chunks by their first event and the crc of their payload; empty if it is not all that there is to tell."""
    encoded = calls.encoded()
    return about(chunks) + encoded if encoded else b""


def about(chunks: Iterable[tuple[int, int]]) -> bytes:
    return ABOUT.pack(zlib.crc32(b"".join(HEAD.pack(*one) for one in chunks)))


def parse(payload: bytes, chunks: Iterable[tuple[int, int]]) -> Sums | None:
    """None for what is none, or tells of other chunks."""
    if payload[: ABOUT.size] != about(chunks):
        return None
    return of_bytes(payload, ABOUT.size)


def of_bytes(encoded: bytes, at: int = 0) -> Sums | None:
    """As the core tells them."""
    found = read_calls(encoded, at)
    return None if found is None else Sums([Root._make(root) for root in found[0]], found[1])


def of_kind(sums: Sums, by_function: bool) -> Sums:
    """One half of them."""
    roots = [root for root in sums.roots if (root.kind == OF_FUNCTIONS) == by_function]
    return _below(sums, roots)


def of_thread(sums: Sums, thread: int) -> Sums:
    return _below(sums, [root for root in sums.roots if root.thread == thread])


def _below(sums: Sums, roots: list[Root]) -> Sums:
    """What is below these roots, numbered anew."""
    new: list[int | None] = []
    rows: list[Row] = []
    kept = {root.node for root in roots}
    for number, row in enumerate(sums.rows):
        parent = row[0]
        if parent is None:
            is_kept, above = number in kept, None
        else:
            above = new[parent]
            is_kept = above is not None
        new.append(len(rows) if is_kept else None)
        if is_kept:
            rows.append(row if above == parent else (above, *row[1:]))
    return Sums([root._replace(node=_number(new, root.node)) for root in roots], rows)


def _number(new: list[int | None], old: int) -> int:
    number = new[old]
    assert number is not None  # audit: a root is kept
    return number


# ---- some functions only -------------------------------------------------------------------------


def among(
    sums: Sums, is_wanted: Callable[[int], bool], is_within: Callable[[int], bool] | None
) -> Sums | None:
    """The ways of calling between functions, by number, that are wanted: what others do is their caller's, and what was
    put together for want of room is wanted, too. `is_within`: only calls of these count, and what they called. None if
    it cannot be told from the whole."""
    codes = {row[1] for row in sums.rows if row[1] is not None}
    wanted: set[int | None] = {code for code in codes if is_wanted(code)}
    if wanted == codes and is_within is None:
        return sums
    tasks = {root.node for root in sums.roots if root.kind == OF_TASKS}
    if is_within is not None and tasks:
        return None  # in whose call a task goes on is not told
    within = {
        code for code in wanted if code is not None and (is_within is None or is_within(code))
    }
    wanted.add(None)
    return _among(sums, wanted, within if is_within is not None else wanted, tasks)


def _among(
    sums: Sums, wanted: set[int | None], within: Set[int | None], tasks: set[int]
) -> Sums | None:
    rows: list[Row] = []
    places: list[int | None] = []  # of each row: the new one that what is called from it is below
    tops: list[int] = []  # of each row: the root it is below
    roots: dict[int, int] = {}
    known: dict[tuple[int, int | None], int] = {}
    for number, row in enumerate(sums.rows):
        parent, code = row[0], row[1]
        tops.append(number if parent is None else tops[parent])
        above = None if parent is None else places[parent]
        if parent is None:
            places.append(None)
        elif code not in wanted or (above is None and code not in within):
            if parent in tasks:
                return None
            places.append(above)
            if above is not None:
                rows[above] = _with_own(rows[above], row)
        elif above is not None and rows[above][1] == code and rows[above][0] is not None:
            if code is not None:
                return None  # it calls itself by way of others: how deep that went is not told
            rows[above] = _together(rows[above], (*row[:5], 0, *row[6:]))
            places.append(above)
        else:
            if above is None:
                above = roots.get(tops[number])
            if above is None:
                above = roots[tops[number]] = len(rows)
                rows.append((None, None, 0, row[3], 0, 0, 0, 0, 0, {}))
            place = known.get((above, code))
            if place is None:
                place = known[above, code] = len(rows)
                rows.append((above, *row[1:]))
            else:
                rows[place] = _together(rows[place], row)
            places.append(place)
    kept = [root._replace(node=roots[root.node]) for root in sums.roots if root.node in roots]
    return Sums(kept, rows)


def with_one(sums: Sums, numbers: Mapping[tuple[int, int], int]) -> Sums:
    """As before, but for codes that are one function. `numbers`: of a code and its namespace + 1 that of this function.
    Where one of them calls another, `total` has the time of both."""
    rows: list[Row] = []
    places: list[int] = []  # of each row the new one
    known: dict[tuple[int, int | None], int] = {}
    for parent, code, names, *counts in sums.rows:
        above = None if parent is None else places[parent]
        told = None if code is None else numbers[code, names]
        row: Row = (above, told, names, *counts)  # type: ignore[assignment]
        place = len(rows) if above is None else known.setdefault((above, told), len(rows))
        places.append(place)
        if place == len(rows):
            rows.append(row)
        else:
            first = min(rows[place][3], row[3])
            rows[place] = _together((*rows[place][:3], first, *rows[place][4:]), row)
    return Sums([root._replace(node=places[root.node]) for root in sums.roots], rows)


def _with_own(row: Row, other: Row) -> Row:
    return (*row[:6], row[6] + other[6], *row[7:])


def _together(row: Row, other: Row) -> Row:
    """Two ways that have become one."""
    raised = dict(row[9])
    for type_, times in other[9].items():
        raised[type_] = raised.get(type_, 0) + times
    return (
        *row[:4], row[4] + other[4], row[5] + other[5], row[6] + other[6], row[7] + other[7],
        max(row[8], other[8]), raised,
    )  # fmt: skip
