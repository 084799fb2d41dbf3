"""Where an exception came from that a line caught, or has got hold of otherwise: which line raised it, and by way of
which calls it came."""

from __future__ import annotations

import ast
from itertools import islice
from typing import Any, Final, NamedTuple

from recorder.trace import bindings, filters
from recorder.trace.paths import base_name
from recorder.trace.queries import Queries
from recorder.trace.snapshots import Event
from recorder.trace.statements import Statements
from recorder.trace.values.exceptions import exception_of
from recorder.trace.values.nodes import identity_of
from recorder.trace.values.places import places_of

MOST_EVENTS: Final = 500  # about exceptions, that are looked through
NEAR: Final = 200_000  # events, before what a frame has caught
MOST_PARTS: Final = 4  # of a group, that are followed
KINDS: Final = frozenset({"raise", "unwind", "throw"})


class Origin(NamedTuple):
    """`event`: the first that is about it, in the frame that raised it. `statement`: the `raise` or `assert`; None:
    what is written in C raised it, called by that line. `passed`: the events with which calls ended by it, the
    outermost first."""

    event: Event
    statement: ast.Raise | ast.Assert | None
    passed: tuple[Event, ...]

    @property
    def made(self) -> ast.expr | None:
        """What was raised, as the text says."""
        return self.statement.exc if isinstance(self.statement, ast.Raise) else None

    def reads(self, line: list[Any]) -> list[str]:
        """What it was made of; where C raised it, of all that the line reads."""
        if isinstance(self.statement, ast.Raise):
            parts = [one for one in (self.statement.exc, self.statement.cause) if one is not None]
        elif isinstance(self.statement, ast.Assert):
            parts = [self.statement.test]
        else:
            parts = line
        return list(dict.fromkeys(name for part in parts for name in bindings.reads(part)))


class Raises:
    """Of one trace."""

    def __init__(self, queries: Queries, statements: Statements) -> None:
        self._queries = queries
        self._statements = statements

    def caught(self, event: Event) -> Origin | None:
        """Of what a frame has caught just before an event."""
        wanted = filters.make("handled", frame=event.frame)
        handled = next(self._queries.find(wanted, 0, event.seq, backwards=True), None)
        if handled is None or handled.value is None:
            return None
        return self.of(handled.value._tree, handled.seq, max(handled.seq - NEAR, 0))

    def of(self, tree: Any, stop: int, start: int = 0) -> Origin | None:
        """Of an exception, as it was raised before an event; None: it was not, or nothing tells which one it is."""
        identity = identity_of(tree)
        if identity is None or exception_of(tree) is None:
            return None
        first: Event | None = None
        passed: list[Event] = []
        for one in self._events(identity.number, start, stop):
            if (
                first is not None
                and _is_made(first, self._statement(first))
                and not _leads_to(one, first)
            ):
                break
            if one.kind == "unwind":
                passed.append(one)
            first = one
        if first is None:
            return None
        ended = tuple(one for one in passed if one.frame != first.frame)
        return Origin(first, self._statement(first), ended)

    def parts(self, tree: Any, stop: int) -> list[Origin]:
        """Of the exceptions of a group."""
        inner = [one.tree for one in places_of("it", tree) if one.tree is not tree]
        found = (self.of(one, stop) for one in inner if exception_of(one) is not None)
        return list(islice((one for one in found if one is not None), MOST_PARTS))

    def _events(self, number: int, start: int, stop: int) -> Any:
        """Those of the exception, the last one first."""
        events = self._queries.find(filters.make(KINDS), start, stop, backwards=True)
        for one in islice(events, MOST_EVENTS):
            identity = None if one.value is None else one.value.identity
            if identity is not None and identity.number == number:
                yield one

    def _statement(self, event: Event) -> ast.Raise | ast.Assert | None:
        if event.kind != "raise":
            return None
        for one in self._statements.all_at(event.file, event.line):
            if isinstance(one, (ast.Raise, ast.Assert)):
                return one
        return None


def _is_made(event: Event, statement: ast.Raise | ast.Assert | None) -> bool:
    """Whether it may have begun there."""
    return event.kind == "raise" and statement is not None


def _leads_to(before: Event, event: Event) -> bool:
    """Whether it came to a frame from where it was before: out of a call, or of a task that was awaited."""
    return before.kind == "unwind" and before.caller in (None, event.frame)


def place_of(event: Event) -> str:
    return f"{base_name(event.file)}:{event.line} in {event.title}, event {event.seq}"
