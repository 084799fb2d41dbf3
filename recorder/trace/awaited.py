"""What a coroutine waits for: the tasks that have to end before it goes on, as far as recorded values tell.

A task that is awaited is what the coroutine yields, and what `gather` makes has its tasks. Within a task group, and in
`asyncio.wait`, a bare future is yielded. Then the group tells its tasks, or what was handed to `wait` is looked at.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from recorder.trace.format import TAG_INSTANCE
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event
from recorder.trace.statements import parsed
from recorder.trace.values.forms import task_name
from recorder.trace.values.nodes import Node, identity_of, parts, type_name

GROUP: Final = ("asyncio.taskgroups", "TaskGroup")
TAKES_TASKS: Final = ("wait", "wait_for", "shield")  # as the first argument
DEEPEST: Final = 8  # in which a task is looked for


class Awaited(NamedTuple):
    """`tasks`: their names. `what`: the type of what was yielded; empty: it does not wait."""

    tasks: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        return ", ".join(self.tasks) or self.what


NOTHING: Final = Awaited((), "")


class Waits:
    """Of one trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._handed_over: dict[str, dict[int, list[ast.expr | None]]] = {}  # by path

    def of(self, event: Event) -> Awaited:
        """`event`: the one with which a coroutine was suspended."""
        if event.kind != "yield" or event.value is None:
            return NOTHING
        tree = event.value._tree
        if tree is None:  # as of `asyncio.sleep(0)`
            return NOTHING
        tasks = list(_tasks(tree)) or list(_of_groups(event, tree)) or list(self._handed(event))
        return Awaited(tuple(dict.fromkeys(tasks)), type_name(tree).rpartition(".")[2])

    def _handed(self, event: Event) -> Iterator[str]:
        """The tasks in what the line hands to `wait`. Of a line that awaits twice it is not known which it is."""
        if event.file not in self._handed_over:
            source = self._trace.sources.get(event.file)
            self._handed_over[event.file] = {} if source is None else _handed_over(source.text)
        match self._handed_over[event.file].get(event.line):
            case [ast.expr() as handed]:
                answer = self._trace.evaluate(ast.unparse(handed), event)
                if answer.kind == "known":
                    yield from _tasks(answer.tree)


def _tasks(tree: Any, depth: int = 0) -> Iterator[str]:
    """What a task itself waits for is not looked at."""
    name = task_name(tree)
    if name is not None:
        yield name
    elif isinstance(tree, Node) and depth < DEEPEST:
        for part in parts(tree):
            yield from _tasks(part, depth + 1)


def _of_groups(event: Event, future: Any) -> Iterator[str]:
    """Of a group in a variable, that is being left and waits for this very future."""
    waits_for = identity_of(future)
    for value in event.locals.values():
        tree = value._tree
        if not isinstance(tree, Node) or tree.tag != TAG_INSTANCE or tree.type != GROUP:
            continue
        has = dict(tree.items)
        its = identity_of(has.get("_on_completed_fut"))
        if waits_for is None or its is None or its.same_as(waits_for) is not False:
            yield from _tasks(has.get("_tasks"))


def _handed_over(text: str) -> dict[int, list[ast.expr | None]]:
    """By line what each `await` of it hands to something that waits for tasks; None: it awaits something else."""
    found: dict[int, list[ast.expr | None]] = {}
    for node in (one for statement in parsed(text) for one in ast.walk(statement)):
        if isinstance(node, ast.Await):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                found.setdefault(line, []).append(_handed_to(node.value))
    return found


def _handed_to(call: ast.expr) -> ast.expr | None:
    if not isinstance(call, ast.Call) or not call.args:
        return None
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    return call.args[0] if name in TAKES_TASKS else None
