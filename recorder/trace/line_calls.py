"""The calls that one statement made, and what each of them gave: between the event with which a frame came to the
statement and the one at which it was over."""

from __future__ import annotations

import ast
import inspect
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from recorder._core.decode import Function
from recorder.trace import bindings, filters
from recorder.trace.format import TAG_LIST, TAG_TUPLE
from recorder.trace.queries import Queries
from recorder.trace.snapshots import Event
from recorder.trace.statements import Statement, Statements
from recorder.trace.values.nodes import Node, identity_of
from recorder.trace.values.value import Value

MOST_LINES: Final = 1_000  # by which one statement is come to again and again
MOST_ENDS: Final = 10_000  # of calls of one statement
GENERATORS: Final = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
COMPREHENSIONS: Final = ("<listcomp>", "<setcomp>", "<dictcomp>")


class LineCalls:
    """Of one trace."""

    def __init__(self, queries: Queries, statements: Statements) -> None:
        self._queries = queries
        self._statements = statements

    def begun(self, frame: int | None, stop: int, statement: Statement) -> int:
        """The number of the event with which the statement began that a frame was at before an event. It is come to by
        each of its lines, and by one line again where a branch of it ends."""
        first = stop
        wanted = filters.make(("line", "resume", "call"), frame=frame)
        for one in islice(self._queries.find(wanted, 0, stop, backwards=True), MOST_LINES):
            if one.kind == "call" or statement not in self._statements.all_at(one.file, one.line):
                return one.seq if first == stop else first
            first = one.seq
        return first

    def ended(self, frame: int | None, begun: int, stop: int) -> list[Event]:
        """The events with which calls gave something, of those that a frame made in a range: they returned, or yielded
        it."""
        if begun >= stop - 1:
            return []
        wanted = filters.make(("return", "yield"), caller=frame)
        found = self._queries.find(wanted, begun, stop)
        return list(deque(filter(self._gives, found), maxlen=MOST_ENDS))

    def at_end(self, end: Event) -> list[Event]:
        """As `ended`, of the statement with which a call ended itself."""
        statement = self._statements.at(end.file, end.line)
        if statement is None:
            return []
        return self.ended(end.frame, self.begun(end.frame, end.seq, statement), end.seq)

    def made_for(self, expression: ast.expr, call: Event, statement: Statement) -> list[Event]:
        """Of the calls whose results an expression is made of, which a statement gave to the call that begins with the
        event: the events with which they ended."""
        names = {
            name
            for one in ast.walk(expression)
            if isinstance(one, ast.expr)
            for name in (*called([one]), *bindings.methods(one))
        }
        begun = self.begun(call.caller, call.seq, statement) if names else call.seq
        ended = self.ended(call.caller, begun, call.seq)
        return [one for one in ended if one.function.name in names]

    def last(
        self,
        seen: Event,
        begun: int,
        value: Value | None,
        is_wanted: Callable[[Event], bool] | None = None,
        kinds: str | tuple[str, ...] = "return",
        at: int | None = None,
    ) -> Event | None:
        """Of the calls that the frame of an event made from `begun` on, the end of the last that is wanted. `value`:
        and gave it, as the element `at` where it is one; None: whatever it gave."""
        found: Event
        wanted = filters.make(kinds, caller=seen.frame)
        for found in self._queries.find(wanted, begun, seen.seq + 1, backwards=True):
            if is_wanted is not None and not is_wanted(found):
                continue
            if value is None or _gave(found.value, value, at):
                return found
        return None

    def nth(self, calls: list[ast.Call], event: Event, statement: Statement) -> list[ast.Call]:
        """Of the calls that a statement makes of a function, the one that begins with the event; all where that cannot
        be told."""
        if len(calls) < 2 or not bindings.runs_once(statement):
            return calls
        begun = self.begun(event.caller, event.seq, statement)
        wanted = filters.make("call", caller=event.caller, function=event.function.qualified_name)
        earlier = sum(1 for _ in self._queries.find(wanted, begun, event.seq))
        return calls[earlier : earlier + 1] or calls

    def _gives(self, end: Event) -> bool:
        """Not what a generator returns, nor what a coroutine or an async generator yields where it awaits, which is all
        nothing of the program's. On 3.11 a comprehension is a function, too, and what it returns is what the line
        makes."""
        if end.function.name in COMPREHENSIONS:
            return False
        if end.kind == "yield" and end.function._flags & inspect.CO_ASYNC_GENERATOR:
            statement = self._statements.at(end.file, end.line)
            return statement is None or any(
                isinstance(one, ast.Yield) for one in ast.walk(statement)
            )
        return bool(end.function._flags & GENERATORS) == (end.kind == "yield")

    def given_by(self, end: Event) -> ast.expr | None:
        """The expression whose value a call gave at its end, as the text has it."""
        statement = self._statements.at(end.file, end.line)
        if statement is None:
            return None
        if end.function.name == "<lambda>":
            return _body_of_lambda(statement, end.function)
        value = getattr(statement, "value", None)
        if end.kind == "yield":
            yields = [one for one in ast.walk(statement) if isinstance(one, ast.Yield)]
            return yields[0].value if len(yields) == 1 else None
        return value if isinstance(statement, ast.Return) else None

    def handed(self, end: Event, *, is_part: bool) -> Event | None:
        """The end of the call whose result a call gave as it was: `return parse(text)`, `return found or parse(text)`.
        `is_part`: or of the `__init__` of the object, which may have set the part that is asked for."""
        value = self.given_by(end)
        names = {} if value is None else called(bindings.handed_on(value))
        for one in reversed(self.at_end(end) if names else []):
            if is_part and is_same(made_by(one), end.value):
                return one
            # `int(parse(text))` may come to the same: then it is not known to be that.
            is_known = one.function.name in names or _has_identity(one.value)
            if is_known and is_same(one.value, end.value):
                return one
        return None


def called(expressions: Iterable[ast.expr]) -> dict[str, ast.Call]:
    """Those that are calls, by the name of what they call."""
    return {bindings.called(one): one for one in expressions if isinstance(one, ast.Call)}


def made_by(end: Event) -> Value | None:
    """The object whose `__init__` ended there."""
    function = end.function
    is_init = function.name == "__init__" and function.argument_count > 0
    return end.locals.get(function.names[0]) if is_init else None


def is_same(a: Value | None, b: Value | None) -> bool:
    """Of a value that says anything: None comes from anywhere."""
    if a is None or b is None or a.type_name == "NoneType":
        return False
    return a._raw == b._raw or bool(a._tree == b._tree)


def _gave(returned: Value | None, value: Value, at: int | None) -> bool:
    if at is None or returned is None:
        return is_same(returned, value)
    tree = returned._tree
    is_listed = isinstance(tree, Node) and tree.tag in (TAG_LIST, TAG_TUPLE)
    return is_listed and at < len(tree.items) and bool(tree.items[at] == value._tree)


def _has_identity(value: Value | None) -> bool:
    return value is not None and identity_of(value._tree) is not None


def _body_of_lambda(statement: Statement, function: Function) -> ast.expr | None:
    parameters = function.names[: function.argument_count]
    found = [
        one.body
        for one in ast.walk(statement)
        if isinstance(one, ast.Lambda)
        and [each.arg for each in (*one.args.posonlyargs, *one.args.args, *one.args.kwonlyargs)]
        == parameters
    ]
    return found[0] if len(found) == 1 else None
