"""How often each function was called, from where, and how long it took: one pass over the calls of a trace.

The pass reads numbers (`Reader.passages`), not events, so that its memory depends on how many different ways of calling
there are, and not on how many calls. Times are the recording's own: those of a program that is being recorded. A
function runs from its call, or its resumption, to its return, yield or end by an exception; while a generator or
coroutine is suspended no time counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from recorder import errors
from recorder._core.decode import Function, Reader
from recorder.trace.exceptions import ITERATORS, STOPS
from recorder.trace.filters import Filter
from recorder.trace.format import (
    REC_CALL,
    REC_HANDLED,
    REC_RESUME,
    REC_THROW,
    REC_UNWIND,
)  # fmt: skip
from recorder.trace.queries import PASSAGE, Queries
from recorder.trace.snapshots import Event, Frame, title_of

KINDS: Final = frozenset({"call", "return", "yield", "resume", "throw", "unwind", "handled"})
BEGINNINGS: Final = frozenset({REC_CALL, REC_RESUME, REC_THROW})
MOST_NODES: Final = 100_000  # further ways of calling are put together, below who called
NOT_NAMED: Final = "(an exception)"  # what is thrown was recorded as something else

Wanted = Callable[[Function], bool]


@errors.guarded_class("read")
class Node:
    """All calls of one function that were made in one way: from the same node above. The roots are threads, and the
    tasks of a thread; `function` is None of these, and of what was put together for want of room.

    `total` is the time in which it ran, with all that it called, `own` without; both in ns. A function that calls
    itself stays in its node, and counts once in `total`.
    """

    __slots__ = (
        "calls", "children_by_code", "deepest", "function", "handled", "own", "raised", "running", "seq", "title",
        "total",
    )  # fmt: skip

    def __init__(self, function: Function | None, title: str, seq: int) -> None:
        self.function = function
        self.title = title
        self.seq = seq  # the event at which it was first seen
        self.calls = 0
        self.total = 0
        self.own = 0
        self.raised: Counter[str] = Counter()  # the exceptions that its calls ended by, by type
        self.handled = 0  # how many it handled
        self.deepest = 0  # so many of its calls ran within each other
        self.running = 0
        self.children_by_code: dict[int | None, Node] = {}

    @property
    def failures(self) -> int:
        """How many of its calls ended by an exception."""
        return sum(self.raised.values())

    @property
    def file(self) -> str:
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


class _Active:
    """A frame on the stack of its thread. Without a node: one of a function that is not asked for."""

    __slots__ = ("began", "frame", "inner", "is_wanted", "node", "task")

    def __init__(
        self, frame: int, node: Node | None, is_wanted: bool, began: int, task: int
    ) -> None:
        self.frame = frame
        self.node = node  # of the innermost function that is asked for, from here on down
        self.is_wanted = is_wanted
        self.began = began
        self.inner = 0  # ns in what it called, as far as that is asked for
        self.task = task


class Profile:
    """`within`: only calls of these functions count, and what they called. `wanted`: what other functions do counts as
    their caller's. `flat`: a node a function and thread, whoever called it."""

    def __init__(
        self,
        queries: Queries,
        *,
        within: Wanted | None = None,
        wanted: Wanted | None = None,
        flat: bool = False,
    ) -> None:
        self.queries = queries
        self.within = within
        self.wanted = wanted
        self.flat = flat
        self.roots: dict[tuple[int, bool], Node] = {}
        self.tasks: dict[int, set[int]] = {}  # by thread
        self.count = 0
        self._stacks: dict[int, list[_Active]] = {}
        self._last: dict[int, int] = {}  # when something was last heard of a thread
        self._answers: dict[tuple[int, int], bool] = {}
        self.reader: Reader[Event, Frame]

    @errors.guarded("read")
    def read(self, filter_: Filter, start: int, stop: int) -> list[Node]:
        """The roots, in the order in which they were first seen."""
        for reader, batch in self.queries.passages(filter_._replace(kinds=KINDS), start, stop):
            self.reader = reader
            for passage in PASSAGE.iter_unpack(batch):
                self._take(*passage)
        for thread, stack in self._stacks.items():
            while stack:
                self._leave(stack, self._last[thread])
        return sorted(self.roots.values(), key=lambda node: node.seq)

    # ---- frames ----

    def _take(
        self, seq: int, kind: int, frame: int, code: int, thread: int, depth: int, time: int,
        task: int, names: int, exception: int, line: int,
    ) -> None:  # fmt: skip
        """One event. `task`, `names` (the namespace) and `exception` (its type) are numbers + 1; 0: there is none."""
        stack = self._stacks.get(thread)
        if stack is None:
            stack = self._stacks[thread] = []
        self._last[thread] = time
        if kind in BEGINNINGS:
            if len(stack) != depth:
                self._align(stack, depth, seq, thread, time)
            self._enter(stack, frame, code, names, thread, task, time, seq, kind == REC_CALL)
            return
        if len(stack) != depth + 1 or stack[-1].frame != frame:
            self._align(stack, depth, seq, thread, time)
            self._enter(stack, frame, code, names, thread, task, time, seq, False)
        top = stack[-1]
        if kind == REC_HANDLED:
            if top.node is not None and top.is_wanted:
                top.node.handled += 1
            return
        if kind == REC_UNWIND and top.node is not None and top.is_wanted:
            self._raised(top.node, self._type(exception))
        self._leave(stack, time)

    def _enter(
        self, stack: list[_Active], frame: int, code: int, names: int, thread: int, task: int,
        time: int, seq: int, is_call: bool,
    ) -> None:  # fmt: skip
        below = stack[-1] if stack else None
        node = None if below is None else below.node
        is_wanted = self.wanted is None or self._answer(0, code, self.wanted)
        if is_wanted and self.within is not None and node is None:
            is_wanted = self._answer(1, code, self.within)
            if not is_wanted:
                stack.append(_Active(frame, None, False, time, task))
                return
        if is_wanted:
            if node is None or self.flat or (task and below is not None and below.task != task):
                node = self._root(thread, task, seq)
            node = self._child(node, code, names, seq)
            node.calls += is_call
            node.running += 1
            node.deepest = max(node.deepest, node.running)
        stack.append(_Active(frame, node, is_wanted, time, task))

    def _leave(self, stack: list[_Active], time: int) -> None:
        top = stack.pop()
        spent = max(time - top.began, 0)
        counted = top.inner  # so much of it is some node's below
        node = top.node
        if top.is_wanted and node is not None:
            node.own += max(spent - top.inner, 0)
            node.running -= 1
            if not node.running:
                node.total += spent
            counted = spent
        if stack:
            stack[-1].inner += counted

    def _align(self, stack: list[_Active], depth: int, seq: int, thread: int, time: int) -> None:
        """What is below the event's frame: what ended unseen is taken off, what was not seen to begin is put on."""
        while len(stack) > depth:
            self._leave(stack, time)
        if len(stack) == depth:
            return
        frames = self.queries.at(seq).stack[:depth]
        same = 0
        while same < min(len(stack), len(frames)) and stack[same].frame == frames[same].frame:
            same += 1
        while len(stack) > same:
            self._leave(stack, time)
        for frame in frames[same:]:
            names = 0 if frame.namespace is None else frame.namespace.number + 1
            self._enter(
                stack, frame.frame, frame.function.number, names, thread, 0, time, seq, False
            )

    # ---- nodes ----

    def _child(self, parent: Node, code: int, names: int, seq: int) -> Node:
        if parent.function is not None and parent.function.number == code:
            return parent  # it calls itself
        node = parent.children_by_code.get(code)
        if node is not None:
            return node
        if self.count >= MOST_NODES:
            node = parent.children_by_code.get(None)
            if node is None:
                node = parent.children_by_code[None] = Node(None, "(other functions)", seq)
            return node
        function = self._function(code)
        namespace = self.reader.namespaces.get(names - 1)
        title = title_of(function, "" if namespace is None else namespace.name)
        node = parent.children_by_code[code] = Node(function, title, seq)
        self.count += 1
        return node

    def _root(self, thread: int, task: int, seq: int) -> Node:
        """Of a thread, or of all tasks that it ran."""
        key = thread, bool(task) and not self.flat
        node = self.roots.get(key)
        if node is None:
            node = self.roots[key] = Node(None, "", seq)
        if key[1]:
            self.tasks.setdefault(thread, set()).add(task)
        name = self.reader.threads[thread].name
        title = f"thread {thread}" + (f" {name}" if name else "")
        if key[1]:
            ran = self.tasks[thread]
            title = f"{len(ran)} tasks of {title}" if len(ran) > 1 else self._task(task, title)
        node.title = title
        return node

    def _task(self, task: int, thread: str) -> str:
        found = self.reader.tasks.get(task - 1)
        name = f"task {task - 1}" if found is None or not found.name else f"task {found.name}"
        return f"{name} of {thread}"

    def _function(self, code: int) -> Function:
        return self.reader.functions[code]

    def _answer(self, which: int, code: int, asked: Wanted) -> bool:
        """Asked once of each function."""
        key = which, code
        found = self._answers.get(key)
        if found is None:
            found = self._answers[key] = asked(self._function(code))
        return found

    def _raised(self, node: Node, type_: str) -> None:
        """The closing of a generator and the end of an iteration are no exceptions."""
        name = "" if node.function is None else node.function.name
        if type_ != "GeneratorExit" and not (type_ in STOPS and name in ITERATORS):
            node.raised[type_] += 1

    def _type(self, number: int) -> str:
        named = self.reader.types.get(number - 1)
        return NOT_NAMED if named is None else named[1]


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
            whole.raised += node.raised
            whole.deepest = max(whole.deepest, node.deepest)
    return sorted(found.values(), key=lambda node: node.seq)


ORDERS: Final[dict[str, Callable[[Node], Any]]] = {
    "time": lambda node: (-node.total, node.seq),
    "own": lambda node: (-node.own, node.seq),
    "calls": lambda node: (-node.calls, node.seq),
    "exceptions": lambda node: (-node.failures, node.seq),
    "order": lambda node: node.seq,
}
