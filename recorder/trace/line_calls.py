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
from recorder.trace.one_line import Line
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
        statement, behind = self.giving(end)
        if statement is None:
            return []
        return self.ended(end.frame, self.begun(end.frame, behind.seq, statement), behind.seq)

    def giving(self, end: Event) -> tuple[Statement | None, Event]:
        """The statement that gave what a call gave at its end, and the first event of its frame that is behind it: that
        end, or, where `finally` or `with` held up a `return`, an event before it."""
        last = self._statements.at(end.file, end.line)
        if end.kind != "return" or last is None or isinstance(last, ast.Return):
            return last, end
        passed, behind = {end.line}, end
        events = self._queries.find(filters.make(frame=end.frame), 0, end.seq, backwards=True)
        for one in islice(events, MOST_LINES):
            if one.kind not in ("line", "yield", "resume"):
                break
            for statement in self._statements.all_at(one.file, one.line):
                if isinstance(statement, ast.Return):
                    held_up = passed <= self._statements.held_up_by(one.file, statement)
                    return (statement, behind) if held_up else (last, end)
            passed.add(one.line)
            behind = one
        return last, end

    def made_for(self, expression: ast.expr, call: Event, statement: Statement) -> list[Event]:
        """Of the calls whose results an expression is made of, which a statement gave to the call that begins with the
        event: the events with which they ended."""
        names = _names_in(expression)
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

    def nth(self, calls: list[ast.Call], event: Event, line: Line) -> list[ast.Call]:
        """Of the calls that a line makes of a function, the one that begins with the event; all where that cannot be
        told."""
        if len(calls) < 2 or not line.runs_once:
            return calls
        begun = self.begun(event.caller, event.seq, line.statements[-1])
        wanted = filters.make("call", caller=event.caller, function=event.function.qualified_name)
        earlier = sum(1 for _ in self._queries.find(wanted, begun, event.seq))
        return calls[earlier : earlier + 1] or calls

    def of_one(self, ended: list[Event], statement: Statement, line: Line) -> list[Event]:
        """Of the events with which calls ended that a line made, those of one of its statements, as far as their names
        and their order tell."""
        if not line.is_shared:
            return ended
        own = _names_in(statement)
        others = {
            name for one in line.statements if one is not statement for name in _names_in(one)
        }
        return [
            end
            for end in ended
            if own and (_name_of(end) in own or _name_of(end) not in others)
            if (call := self._call_of(end, ended, line)) is None or line.around(call) is statement
        ]

    def end_of(self, call: ast.Call, ended: list[Event], line: Line) -> Event | None:
        """The event with which a call ended, where their order tells."""
        return next((end for end in ended if self._call_of(end, ended, line) is call), None)

    def _call_of(self, end: Event, ended: list[Event], line: Line) -> ast.Call | None:
        """The call of a line that ended there, where each of this name is made once."""
        calls = line.calls_of({_name_of(end)}) if line.runs_once else []
        ends = [one for one in ended if _name_of(one) == _name_of(end)]
        if len(calls) != len(ends):
            return None
        return next(call for call, one in zip(calls, ends, strict=True) if one.seq == end.seq)

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
        statement, _ = self.giving(end)
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


def _names_in(node: ast.AST) -> set[str]:
    """What the calls, operators and the like may be of that an expression or a statement makes."""
    return {
        name
        for one in bindings.own(node)
        if isinstance(one, ast.expr)
        for name in (*called([one]), *bindings.methods(one))
    }


def _name_of(end: Event) -> str:
    """By which a line calls it: of an `__init__` the class."""
    function = end.function
    if function.name != "__init__":
        return function.name
    return function.qualified_name.rpartition(".")[0].rpartition(".")[2]


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
