"""One pass over a trace, as calls that begin and end: what every format is made from.

A frame is *active* from its call, or its resumption, to its return, yield or end by an exception.
What was not seen is made up for, and said to be so: frames that already ran when recording began,
or whose beginning is in a damaged chunk, begin where they are first seen; frames whose end was not
recorded end at the next event that shows them gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from recorder._core.decode import Function, Thread
from recorder._core.decode import Task as RecordedTask
from recorder.trace.code_flags import COROUTINE
from recorder.trace.reader import Event, Frame, Trace

BEGINNINGS: Final = frozenset(("call", "resume", "throw"))
ENDINGS: Final = frozenset(("return", "yield", "unwind"))
REPORT_EVERY: Final = 1 << 16  # events between two reports of progress


class Task(NamedTuple):
    """What an event loop runs."""

    key: str  # no other task of the trace has it
    name: str


class Activation:
    """A frame while it is on its thread's stack."""

    __slots__ = (
        "began", "data", "depth", "frame", "function", "number", "parent", "seq", "task", "thread", "time",
        "title", "waits",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        of: Event | Frame,
        thread: Thread,
        parent: Activation | None,
        began: str,
        seq: int,
        time: int,
    ) -> None:
        self.number = number  # 0, 1, 2 … in the order in which they begin
        self.frame = of.frame
        self.function: Function = of.function
        self.title = of.title
        self.thread = thread
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.began = (
            began  # call, resume, throw, waiting (match_stack), or running: not seen to begin
        )
        self.seq = seq  # the event with which it began, or was first seen
        self.time = time  # ns since 1970
        self.task = self._task(getattr(of, "task", None))
        self.waits = began == "waiting"  # until the frame above it yields, or ends
        self.data: Any = None  # whatever a visitor wants to remember with it

    def _task(self, recorded: RecordedTask | None) -> Task | None:
        """The task it belongs to. Where none was recorded, the outermost coroutine stands for it."""
        if recorded is not None:
            return Task(f"task-{recorded.number}", recorded.name)
        around = None if self.parent is None else self.parent.task
        if around is None and self.function._flags & COROUTINE:
            return Task(f"frame-{self.frame}", f"{self.function.name}, frame {self.frame}")
        return around

    @property
    def is_new(self) -> bool:
        """Whether it is a frame's first."""
        return self.began in ("call", "running")


class Visitor:
    """What happened, in order, one call each. `time`: ns since 1970, never going back."""

    def enter(self, active: Activation, event: Event | None, time: int) -> None:
        """A frame begins or goes on. Without an event it was not seen to begin."""

    def leave(self, active: Activation, event: Event | None, time: int) -> None:
        """A frame ends or is suspended. Without an event its end was not recorded."""

    def step(self, active: Activation, event: Event, time: int) -> None:
        """A line is about to run."""

    def exception(self, active: Activation, event: Event, time: int) -> None:
        """raise, reraise or handled."""

    def iteration_ended(self, active: Activation, event: Event, time: int) -> None:
        """A `for`, an `await` or a `yield from` of the frame is over."""

    def gap(self, event: Event, lost: int, time: int) -> None:
        """Events were lost just before this one; 0: nobody knows how many."""

    def end(self, time: int) -> None:
        """There is no more."""


def walk(trace: Trace, visitor: Visitor, on_progress: Callable[[int], None] | None = None) -> None:
    """Calls `visitor` for everything in the trace. `on_progress`: called with the number of events so far."""
    _Walk(trace, visitor).run(on_progress or (lambda done: None))


class _Walk:
    def __init__(self, trace: Trace, visitor: Visitor) -> None:
        self.trace = trace
        self.visitor = visitor
        self.stacks: dict[int, list[Activation]] = {}
        self.number = 0
        self.time = 0

    def run(self, on_progress: Callable[[int], None]) -> None:
        visitor, stacks = self.visitor, self.stacks
        seq = self.trace._queries.first_event
        time = 0
        for event in self.trace.events():
            if event.time > time:
                self.time = time = event.time
            if event.seq != seq or event.gap:
                visitor.gap(event, event.seq - seq + event.lost, time)
            seq = event.seq + 1
            if not seq % REPORT_EVERY:
                on_progress(seq)
            number = event.thread.number
            stack = stacks.get(number)
            if stack is None:
                stack = stacks[number] = []
            kind = event.kind
            if kind in BEGINNINGS:
                if len(stack) != event.depth:
                    self.match_stack(stack, event, event.depth)
                active = self.begin(stack, event, event.thread, kind, event.seq)
                visitor.enter(active, event, time)
                continue
            if len(stack) != event.depth + 1 or stack[-1].frame != event.frame:
                self.match_stack(stack, event, event.depth + 1)
            if kind == "line":
                visitor.step(stack[-1], event, time)
            elif kind in ENDINGS:
                visitor.leave(stack.pop(), event, time)
                if kind != "yield" and stack:
                    stack[-1].waits = False
                while stack and stack[-1].waits:
                    visitor.leave(stack.pop(), None, time)
            elif kind == "stop_iteration":
                visitor.iteration_ended(stack[-1], event, time)
            else:
                visitor.exception(stack[-1], event, time)
        for _, stack in sorted(stacks.items()):
            while stack:
                visitor.leave(stack.pop(), None, self.time)
        on_progress(seq)
        visitor.end(self.time)

    def begin(
        self, stack: list[Activation], of: Event | Frame, thread: Thread, began: str, seq: int
    ) -> Activation:
        parent = stack[-1] if stack else None
        active = Activation(self.number, of, thread, parent, began, seq, self.time)
        self.number += 1
        stack.append(active)
        return active

    def match_stack(self, stack: list[Activation], event: Event, depth: int) -> None:
        """Brings a stack to the `depth` frames that it has when the event happens."""
        while len(stack) > depth or (
            len(stack) == depth == event.depth + 1 and stack[-1].frame != event.frame
        ):
            self.visitor.leave(stack.pop(), None, self.time)
        if len(stack) == depth:
            return
        frames = self.trace.at(event.seq).stack[:depth]
        same = 0
        for active, frame in zip(stack, frames, strict=False):
            if active.frame != frame.frame:
                break
            same += 1
        while len(stack) > same:
            self.visitor.leave(stack.pop(), None, self.time)
        for frame in frames[same:]:
            # One that waits is on the stack while something is thrown into what it awaits, without an event.
            began = "waiting" if frame._waits else "running"
            active = self.begin(stack, frame, event.thread, began, event.seq)
            self.visitor.enter(active, None, self.time)
