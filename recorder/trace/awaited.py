"""What a coroutine waits for: the tasks that have to end before it goes on, as far as recorded values tell.

A task that is awaited is what the coroutine yields, and what `gather` makes has its tasks. Elsewhere a bare future is
yielded. A group that waits for this very future tells its tasks, whoever holds it; what was handed to `wait` or to
`as_completed` is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

from recorder._core.decode import Task
from recorder.trace.format import TAG_INSTANCE
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event
from recorder.trace.values.forms import task_name
from recorder.trace.values.nodes import Node, identity_of, parts, type_name
from recorder.trace.waiting_lines import NO_LINE, WaitingLine, waiting_lines

DEEPEST: Final = 8  # in which a task, or a group, is looked for
COMPREHENSIONS: Final = ("<listcomp>", "<setcomp>", "<dictcomp>")
PENDING: Final = "PENDING"  # the state of a task, as asyncio has it
REBOUND: Final = 100  # values of a variable that are looked at for a group that it had


class AwaitedTask(NamedTuple):
    """`object_number`: which object it is; None: not known."""

    name: str
    object_number: int | None = None

    def is_the(self, task: Task) -> bool:
        """Of tasks that are there at one moment, one has its object; another may have its name."""
        if self.object_number is None or task.object_number is None:
            return self.name == task.name
        return self.object_number == task.object_number


class Awaited(NamedTuple):
    """`what`: the type of what was yielded; empty: it does not wait."""

    tasks: tuple[AwaitedTask, ...]
    what: str

    def __str__(self) -> str:
        return ", ".join(one.name for one in self.tasks) or self.what


NOTHING: Final = Awaited((), "")


class Waits:
    """Of one trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._lines: dict[str, dict[int, WaitingLine]] = {}  # by path

    def of(self, event: Event) -> Awaited:
        """`event`: the one with which a coroutine was suspended."""
        if event.kind != "yield" or event.value is None:
            return NOTHING
        tree = event.value._tree
        if tree is None:  # as of `asyncio.sleep(0)`
            return NOTHING
        line = self._line(event)
        tasks = (
            list(_tasks(tree))
            or list(self._of_group(event, tree, line))
            or list(self._handed(event, line))
        )
        return Awaited(tuple(dict.fromkeys(tasks)), type_name(tree).rpartition(".")[2])

    def _line(self, event: Event) -> WaitingLine:
        if event.file not in self._lines:
            source = self._trace.sources.get(event.file)
            self._lines[event.file] = {} if source is None else waiting_lines(source.text)
        return self._lines[event.file].get(event.line, NO_LINE)

    def _handed(self, event: Event, line: WaitingLine) -> Iterator[AwaitedTask]:
        """Of a line that awaits twice it is not known which it is."""
        match line.handed:
            case [str() as handed]:
                yield from _tasks(self._value(handed, event))

    def _of_group(self, event: Event, future: Any, line: WaitingLine) -> Iterator[AwaitedTask]:
        """Of the group that is being left."""
        waits_for = identity_of(future)
        if waits_for is None or not line.leaves:
            return
        held = [value._tree for value in event.locals.values()]
        held += [self._value(group, event) for group in line.entered]
        for group in (one for tree in held for one in _groups(tree)):
            its = identity_of(group.get("_on_completed_fut"))
            if its is not None and its.number == waits_for.number:
                yield from _tasks(group["_tasks"])
                return
        for name in line.entered:
            yield from self._rebound(event, name)

    def _rebound(self, event: Event, name: str) -> Iterator[AwaitedTask]:
        """Of a variable that has another group by now: the last that it told of the one that this line put there."""
        if not name.isidentifier():
            return
        history = self._trace.history(name, frame=event.frame, stop=event.seq, backwards=True)
        told: dict[int, Any] = {}  # the last of each group, by its number
        for change in islice(history, REBOUND):
            tree = None if change.value is None else change.value._tree
            identity = identity_of(tree)
            if identity is not None:
                last = told.setdefault(identity.number, tree)
                if change.line == event.line:
                    yield from (one for group in _groups(last) for one in _tasks(group["_tasks"]))
                    return

    def _value(self, expression: str, event: Event) -> Any:
        """Until 3.12 a comprehension is a function, and the rest is in its caller."""
        answer = self._trace.evaluate(expression, event)
        if answer.kind != "known" and event.function.name in COMPREHENSIONS:
            caller = self._trace.at(event.seq).stack[-2:-1]
            answer = self._trace.evaluate(expression, caller[0]) if caller else answer
        return answer.tree if answer.kind == "known" else None


def _tasks(tree: Any, depth: int = 0) -> Iterator[AwaitedTask]:
    """Those that are not over; what a task itself waits for is not looked at."""
    name = task_name(tree)
    if name is not None:
        if tree.items[0] == PENDING:
            identity = identity_of(tree)
            yield AwaitedTask(name, None if identity is None else identity.number)
    elif isinstance(tree, Node) and depth < DEEPEST:
        for part in parts(tree):
            yield from _tasks(part, depth + 1)


def _groups(tree: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Of asyncio, of anyio, or what is like them: what each has."""
    if not isinstance(tree, Node) or depth >= DEEPEST:
        return
    if tree.tag == TAG_INSTANCE:
        has = dict(tree.items)
        if "_on_completed_fut" in has and "_tasks" in has:
            yield has
            return
    for part in parts(tree):
        yield from _groups(part, depth + 1)
