"""How often each function was called, from where, and how long it took: as the trace itself tells (`call_sums`), or by
one pass over its calls.

The core adds up (`CallTree`), so that memory depends on how many different ways of calling there are, and not on how
many calls. Times are the recording's own: those of a program that is being recorded. A
function runs from its call, or its resumption, to its return, yield or end by an exception; while a generator or
coroutine is suspended no time counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from recorder import errors
from recorder._core.decode import CallTree, Function, Reader
from recorder.trace import call_sums, filters
from recorder.trace.call_sums import Sums
from recorder.trace.exceptions import ITERATORS, STOPS
from recorder.trace.filters import Filter
from recorder.trace.queries import Queries
from recorder.trace.same_functions import SameFunctions
from recorder.trace.snapshots import Event, Frame, title_of

KINDS: Final = frozenset({"call", "return", "yield", "resume", "throw", "unwind", "handled"})
NO_ONE: Final[Counter[str]] = Counter()  # which nobody changes
NOT_NAMED: Final = "(an exception)"  # what is thrown was recorded as something else

Wanted = Callable[[Function], bool]


@errors.guarded_class("read")
class Node:
    """All calls of one function that were made in one way: from the same node above. The roots are threads, and the
    tasks of a thread; `function` is None of these, and of what was put together for want of room.

    `total` is the time in which the function ran, what it called included; `own` is that without what it called. Both
    are in ns. Where a function calls itself directly, that is counted in the same node, and its time once in `total`.
    """

    __slots__ = (
        "calls", "children_by_code", "deepest", "function", "handled", "own", "raised", "seq", "title", "total",
    )  # fmt: skip

    def __init__(self, function: Function | None, title: str, seq: int) -> None:
        self.function = function
        self.title = title
        self.seq = seq  # the event at which it was first seen
        self.calls = 0
        self.total = 0
        self.own = 0
        self.raised: Counter[str] = NO_ONE  # the exceptions that its calls ended by, by type
        self.handled = 0  # how many it handled
        self.deepest = 0  # so many of its calls ran within each other
        self.children_by_code: dict[int | None, Node] = {}

    @property
    def failures(self) -> int:
        """How many of its calls ended by an exception."""
        return sum(self.raised.values()) if self.raised else 0

    @property
    def file(self) -> str:
        """The path of the file the function is from; empty where there is no function."""
        return "" if self.function is None else self.function.file

    @property
    def line(self) -> int:
        """The first one of the function."""
        return 0 if self.function is None else self.function.first_line

    @property
    def children(self) -> list[Node]:
        """What it called, in the order in which it was first called."""
        return sorted(self.children_by_code.values(), key=lambda node: node.seq)

    def __repr__(self) -> str:
        return f"<{self.title}: {self.calls} calls, {self.total} ns>"


class Profile:
    """`within`: only calls of these functions count, and what they called. `wanted`: what other functions do counts as
    their caller's. `flat`: a node a function and thread, whoever called it; all functions count then. `same`: which
    codes are one function; without it each is one."""

    def __init__(
        self,
        queries: Queries,
        same: SameFunctions | None,
        *,
        within: Wanted | None = None,
        wanted: Wanted | None = None,
        flat: bool = False,
    ) -> None:
        self.queries = queries
        self.same = same
        self.within = within
        self.wanted = wanted
        self.flat = flat

    @errors.guarded("read")
    def read(self, filter_: Filter, start: int, stop: int) -> list[Node]:
        """The roots, in the order in which they were first seen."""
        found = self._whole(filter_, start, stop)
        if found is None:
            found = self._added_up(filter_, start, stop)
        reader, sums = found
        narrowed: Sums | None = sums
        if self.wanted is not None or self.within is not None:
            narrowed = call_sums.among(
                sums,
                _by_number(reader, self.wanted),
                self.within and _by_number(reader, self.within),
            )
        if narrowed is None:
            reader, narrowed = self._added_up(filter_, start, stop, self.within, self.wanted)
        titles = _Titles(reader)
        if self.same is not None:
            narrowed = _with_one(narrowed, titles, reader.functions, self.same)
        return _nodes(reader, narrowed, titles)

    def _whole(
        self, filter_: Filter, start: int, stop: int
    ) -> tuple[Reader[Event, Frame], Sums] | None:
        """Of all of the trace, or of one of its threads: as it tells itself, or of every event."""
        thread = filter_.thread
        is_whole = start == 0 and stop >= self.queries.end
        if not is_whole or isinstance(thread, str) or filter_ != filters.make(thread=thread):
            return None
        reader, sums = self.queries.call_sums() or self._added_up(filters.EVERYTHING, start, stop)
        sums = call_sums.of_kind(sums, self.flat)
        if thread is not None:
            number = thread if isinstance(thread, int) else thread.number
            sums = call_sums.of_thread(sums, number)
        return reader, sums

    def _added_up(
        self,
        filter_: Filter,
        start: int,
        stop: int,
        within: Wanted | None = None,
        wanted: Wanted | None = None,
    ) -> tuple[Reader[Event, Frame], Sums]:
        """By a pass over the events."""
        tree = CallTree(call_sums.BY_FUNCTION if self.flat else call_sums.BY_WAY, within, wanted)
        readers: list[Reader[Event, Frame]] = []

        def take(reader: Reader[Event, Frame]) -> None:
            readers[:] = [reader]
            tree.read(reader, stop)

        self.queries.each_chunk(filter_._replace(kinds=KINDS), start, stop, take)
        sums = call_sums.of_bytes(tree.encoded())
        assert sums is not None  # audit: it is the core's own
        return (readers or [self.queries.survey()])[0], sums


def _by_number(reader: Reader[Event, Frame], wanted: Wanted | None) -> Callable[[int], bool]:
    return lambda number: wanted is None or wanted(reader.functions[number])


class _Titles:
    """What functions are called, each found once."""

    def __init__(self, reader: Reader[Event, Frame]) -> None:
        self._reader = reader
        self._known: dict[tuple[int, int], str] = {}

    def of(self, code: int, names: int) -> str:
        """`names`: number of the namespace that it ran in, + 1."""
        title = self._known.get((code, names))
        if title is None:
            module = self._reader.namespaces.get(names - 1)
            function = self._reader.functions[code]
            title = title_of(function, "" if module is None else module.name)
            self._known[code, names] = title
        return title


def _with_one(
    sums: Sums, titles: _Titles, functions: Mapping[int, Function], same: SameFunctions
) -> Sums:
    """A row for what is one function."""
    codes = {(row[1], row[2]) for row in sums.rows if row[1] is not None}
    numbers = {
        (code, names): same.number(functions[code], titles.of(code, names))
        for code, names in sorted(codes)
    }
    if all(code == number for (code, _), number in numbers.items()):
        return sums
    return call_sums.with_one(sums, numbers)


def _nodes(reader: Reader[Event, Frame], sums: Sums, names_of: _Titles) -> list[Node]:
    titles = {root.node: _root_title(reader, root) for root in sums.roots}
    nodes: list[Node] = []
    for number, (parent, code, names, seq, *counts, raised) in enumerate(sums.rows):
        function = None if code is None else reader.functions[code]
        if number in titles:
            title = titles[number]
        elif function is None or code is None:
            title = "(other functions)"
        else:
            title = names_of.of(code, names)
        node = Node(function, title, seq)
        node.calls, total, own, node.handled, node.deepest = counts
        node.total, node.own = max(total, 0), max(own, 0)  # the clock may have been set back
        if raised:
            node.raised = _raised(reader, function, raised)
        nodes.append(node)
        if parent is not None:
            nodes[parent].children_by_code[code] = node
    return sorted((nodes[number] for number in titles), key=lambda node: node.seq)


def _root_title(reader: Reader[Event, Frame], root: call_sums.Root) -> str:
    task, tasks = root.task, root.tasks
    name = reader.threads[root.thread].name
    title = f"thread {root.thread}" + (f" {name}" if name else "")
    if not task:
        return title
    if tasks > 1:
        return f"{tasks} tasks of {title}"
    found = reader.tasks.get(task - 1)
    called = f"task {task - 1}" if found is None or not found.name else f"task {found.name}"
    return f"{called} of {title}"


def _raised(
    reader: Reader[Event, Frame], function: Function | None, counts: dict[int, int]
) -> Counter[str]:
    """By the names of types. The closing of a generator and the end of an iteration are no exceptions."""
    raised: Counter[str] = Counter()
    name = "" if function is None else function.name
    for number, times in sorted(counts.items()):
        named = reader.types.get(number - 1)
        type_ = NOT_NAMED if named is None else named[1]
        if type_ != "GeneratorExit" and not (type_ in STOPS and name in ITERATORS):
            raised[type_] += times
    return raised


def add_up(roots: list[Node]) -> list[Node]:
    """The functions of a flat profile, each once, whichever thread called it."""
    found: dict[int | None, Node] = {}
    for root in roots:
        for code, node in root.children_by_code.items():
            whole = found.get(code)
            if whole is None:
                found[code] = node
                continue
            whole.calls += node.calls
            whole.total += node.total
            whole.own += node.own
            whole.handled += node.handled
            whole.raised = whole.raised + node.raised
            whole.deepest = max(whole.deepest, node.deepest)
            whole.seq = min(whole.seq, node.seq)
    return sorted(found.values(), key=lambda node: node.seq)


ORDERS: Final[dict[str, Callable[[Node], Any]]] = {
    "time": lambda node: (-node.total, node.seq),
    "own": lambda node: (-node.own, node.seq),
    "calls": lambda node: (-node.calls, node.seq),
    "exceptions": lambda node: (-node.failures, node.seq),
    "order": lambda node: node.seq,
}
