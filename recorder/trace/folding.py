"""A tree of calls in so many lines: what weighs most is opened, and of the rest it is said how much there is."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from recorder import errors
from recorder.trace.profile import ORDERS, Node


class Folded(NamedTuple):
    """What is not shown below a node: so many nodes, with all that is below these."""

    nodes: int = 0
    calls: int = 0
    failures: int = 0  # that ended by an exception
    handled: int = 0

    def plus(self, other: Folded) -> Folded:
        return Folded(*(a + b for a, b in zip(self, other, strict=True)))


class Row(NamedTuple):
    """A line of the tree: a node, or what was folded away beside it."""

    level: int
    node: Node | None
    folded: Folded | None = None


@errors.guarded("read")
def fold(
    roots: Sequence[Node],
    lines: int | None = None,
    *,
    depth: int | None = None,
    order: str = "time",
) -> list[Row]:
    """The rows, in the order in which they are to be shown. `lines`: so many at most, and as many as there are roots
    at least; None: all there are. `depth`: so many levels below the roots."""
    folding = _Folding(ORDERS[order], depth)
    folding.open(roots, lines)
    return list(folding.rows(roots))


class _Folding:
    def __init__(self, key: Callable[[Node], Any], depth: int | None) -> None:
        self.key = key
        self.depth = depth
        self.shown: set[int] = set()
        self.left: Counter[int] = Counter()  # children of a node that are not shown
        self.waiting: list[tuple[Any, int, Node, Node, int]] = []  # a heap of what may be shown
        self.entered = 0  # into the heap; so that no two nodes are compared

    def open(self, roots: Sequence[Node], lines: int | None) -> None:
        rows = 0
        for root in roots:
            rows += self._show(root, 0)
        while self.waiting:
            _, _, node, parent, level = heapq.heappop(self.waiting)
            more = 1 + bool(node.children_by_code) - (self.left[id(parent)] == 1)
            if lines is None or rows + more <= lines:
                rows += more
                self.left[id(parent)] -= 1
                self._show(node, level)

    def _has_room(self, level: int) -> bool:
        """Whether what is below this level may be shown."""
        return self.depth is None or level < self.depth

    def _show(self, node: Node, level: int) -> int:
        """How many rows it takes, before any of its children is shown."""
        self.shown.add(id(node))
        children = node.children_by_code.values()
        self.left[id(node)] = len(children)
        if self._has_room(level):
            for child in children:
                self.entered += 1
                entry = self.key(child), self.entered, child, node, level + 1
                heapq.heappush(self.waiting, entry)
        return 1 + bool(children)

    def rows(self, roots: Sequence[Node]) -> Iterator[Row]:
        sums = _sums(roots)
        waiting = [Row(0, node) for node in sorted(roots, key=self.key, reverse=True)]
        while waiting:
            row = waiting.pop()
            yield row
            if row.node is None:
                continue
            children = sorted(row.node.children_by_code.values(), key=self.key)
            hidden = [child for child in children if id(child) not in self.shown]
            if hidden:
                folded = Folded()
                for child in hidden:
                    folded = folded.plus(Folded(*sums[id(child)]))
                waiting.append(Row(row.level + 1, None, folded))
            for child in reversed(children):
                if id(child) in self.shown:
                    waiting.append(Row(row.level + 1, child))


def _sums(roots: Sequence[Node]) -> dict[int, tuple[int, int, int, int]]:
    """Of each node, as in Folded: all that it is and that is below it."""
    order = list(roots)
    for node in order:  # which grows meanwhile
        order += node.children_by_code.values()
    found: dict[int, tuple[int, int, int, int]] = {}
    for node in reversed(order):
        nodes, calls, handled = 1, node.calls, node.handled
        failures = sum(node.raised.values()) if node.raised else 0
        for child in node.children_by_code.values():
            below = found[id(child)]
            nodes += below[0]
            calls += below[1]
            failures += below[2]
            handled += below[3]
        found[id(node)] = nodes, calls, failures, handled
    return found
