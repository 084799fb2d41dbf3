"""Tasks at a moment, as `recorder show` lists them: where each is, what it waits for, and which tasks wait for it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from recorder.dap.position import Position, Walk
from recorder.dap.strands import FIRST_TASK, Strand, Strands
from recorder.dap.suspended import Suspended
from recorder.trace.paths import base_name
from recorder.trace.snapshots import Event, Frame
from recorder.trace.values.forms import task_name
from recorder.trace.values.nodes import type_name

if TYPE_CHECKING:
    from recorder.trace.reader import Trace

MOST = 50  # tasks that are listed
MOST_FRAMES = 4  # of one task, the innermost first


class TaskRow(NamedTuple):
    """`number`: by which it is gone to."""

    number: int
    name: str
    text: str


class Tasks:
    """Of one trace. Which of them wait is found out beside what one does: `seconds` is how long a list waits for that,
    and `done` is called if it was not long enough."""

    def __init__(
        self, trace: Trace, seconds: float, done: Callable[[], None] = lambda: None
    ) -> None:
        self._suspended = Suspended(trace, done, seconds)
        self._strands = Strands(trace, Walk(trace, lambda seq: None), self._suspended)

    def end(self) -> None:
        self._suspended.end()

    @property
    def are_known(self) -> bool:
        """Whether it is found out which of them wait."""
        return self._suspended.is_known

    def at(self, event: Event) -> list[TaskRow]:
        """Those that run and those that wait."""
        now = Position(event)
        found = [
            (one.number, one.name.partition(" (task, ")[0], frames)
            for one in islice((s for s in self._strands.at(now) if s.number >= FIRST_TASK), MOST)
            if (frames := self._frames(now, one))  # of one that has not begun there are none
        ]
        waits_for = {name: _awaited(frames) for _, name, frames in found}
        rows = []
        for number, name, frames in found:
            text = f"{name}  {' ← '.join(map(_place, frames[:MOST_FRAMES]))}"
            if len(frames) > MOST_FRAMES:
                text += f" ← {len(frames) - MOST_FRAMES} more"
            text += f"  awaits {waits_for[name]}" if waits_for[name] else ""
            who = [other for other, awaited in waits_for.items() if awaited == name]
            rows.append(
                TaskRow(number, name, f"{text}  awaited by {', '.join(who)}" if who else text)
            )
        return rows

    def _frames(self, now: Position, one: Strand) -> list[Frame | Event]:
        known = one if one.frames else self._strands.find(now, one.number)
        return [] if known is None else list(known.frames)

    def event_of(self, event: Event, number: int) -> Event:
        """Where that one is at the moment. Raises Refused."""
        return self._strands.position(Position(event), number).event


def _place(frame: Frame | Event) -> str:
    return f"{frame.title} {base_name(frame.file)}:{frame.line}"


def _awaited(frames: list[Frame | Event]) -> str:
    """What the innermost coroutine was suspended for: a task's name, or the type of what it is."""
    inner = frames[0] if frames else None
    if not isinstance(inner, Event) or inner.kind != "yield" or inner.value is None:
        return ""
    tree = inner.value._tree
    return task_name(tree) or ("" if tree is None else type_name(tree).rpartition(".")[2])
