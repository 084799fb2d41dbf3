"""Tasks at a moment, as `recorder show` lists them: where each is, what it waits for, and which tasks wait for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from recorder.dap.position import Position, Walk
from recorder.dap.strands import FIRST_TASK, Strand, Strands
from recorder.dap.suspended import Suspended
from recorder.trace.awaited import NOTHING, Awaited, AwaitedTask, Waits
from recorder.trace.paths import base_name
from recorder.trace.snapshots import Event, Frame

if TYPE_CHECKING:
    from recorder._core.decode import Task
    from recorder.trace.reader import Trace

MOST = 50  # tasks that are listed
MOST_FRAMES = 4  # of one task, the innermost first


class TaskRow(NamedTuple):
    """`number`: by which it is gone to."""

    number: int
    name: str
    text: str


class WaitingTask(NamedTuple):
    """A task at a moment; it may run as well. `name`: with the number of the task, if another one there has its name.
    `frames`: the innermost first. `awaits`: what it waits for; `waits_for`: the tasks among that which are there."""

    number: int
    name: str
    frames: Sequence[Frame | Event]
    awaits: Awaited
    waits_for: tuple[int, ...] = ()


class Tasks:
    """Of one trace. Which of them wait is found out beside what one does: `seconds` is how long a list waits for that,
    and `done` is called if it was not long enough. `suspended`: where that is found out already."""

    def __init__(
        self,
        trace: Trace,
        seconds: float,
        done: Callable[[], None] = lambda: None,
        suspended: Suspended | None = None,
    ) -> None:
        self._suspended = suspended or Suspended(trace, done, seconds)
        self._strands = Strands(trace, Walk(trace, lambda seq: None), self._suspended)
        self._waits = Waits(trace)
        self._trace = trace

    def end(self) -> None:
        self._suspended.end()

    @property
    def are_known(self) -> bool:
        """Whether it is found out which of them wait."""
        return self._suspended.is_known

    def there(self, event: Event, most: int = MOST) -> list[WaitingTask]:
        """Those that run and those that wait; of one that has not begun there are no frames, and it is left out."""
        now = Position(event)
        strands = (one for one in self._strands.at(now) if one.number >= FIRST_TASK)
        framed = [(one, self._strands.frames(now, one)) for one in islice(strands, most)]
        there = [
            _There(one.number, task, frames)
            for one, frames in framed
            if (task := _task(one, frames)) is not None and frames
        ]
        shared = Counter(one.task.name for one in there)
        names = {
            one.number: one.task.name if shared[one.task.name] == 1 else _numbered(one.task)
            for one in there
        }
        over = self._over(event.seq)
        return [self._waiting(one, there, names, over) for one in there]

    def _waiting(
        self, one: _There, there: list[_There], names: dict[int, str], over: list[Task]
    ) -> WaitingTask:
        awaits = self._awaited(one.frames)
        meant = {each: [o.number for o in there if each.is_the(o.task)] for each in awaits.tasks}
        told = [
            AwaitedTask(name, each.object_number)
            for each, numbers in meant.items()
            for name in ([names[number] for number in numbers] or [each.name])
            if numbers or not any(each.is_the(task) for task in over)
        ]
        waits_for = tuple(number for numbers in meant.values() for number in numbers)
        awaits = awaits._replace(tasks=tuple(told))
        return WaitingTask(one.number, names[one.number], one.frames, awaits, waits_for)

    def _over(self, seq: int) -> list[Task]:
        tasks = self._trace._queries.survey().tasks
        lives = self._suspended.lives.values() if self.are_known else ()
        return [tasks[one.task] for one in lives if one.over is not None and one.over <= seq]

    def at(self, event: Event) -> list[TaskRow]:
        """As text."""
        found = self.there(event)
        rows = []
        for one in found:
            text = f"{one.name}  {' ← '.join(map(_place, one.frames[:MOST_FRAMES]))}"
            if len(one.frames) > MOST_FRAMES:
                text += f" ← {len(one.frames) - MOST_FRAMES} more"
            text += f"  awaits {one.awaits}" if one.awaits.what else ""
            who = [other.name for other in found if one.number in other.waits_for]
            text += f"  awaited by {', '.join(who)}" if who else ""
            rows.append(TaskRow(one.number, one.name, text))
        return rows

    def _awaited(self, frames: Sequence[Frame | Event]) -> Awaited:
        """What the innermost coroutine was suspended for."""
        inner = frames[0]
        return self._waits.of(inner) if isinstance(inner, Event) else NOTHING

    def number(self, event: Event) -> int:
        """Of the task that the event is of."""
        return self._strands.number(Position(event))

    def event_of(self, event: Event, number: int) -> Event:
        """Where that one is at the moment. Raises Refused."""
        return self._strands.position(Position(event), number).event


class _There(NamedTuple):
    number: int
    task: Task
    frames: Sequence[Frame | Event]


def _task(one: Strand, frames: Sequence[Frame | Event]) -> Task | None:
    """As it was when it was suspended: it may have got a name since."""
    inner = frames[0] if frames else None
    return (isinstance(inner, Event) and one.life is not None and inner.task) or one.task


def _numbered(task: Task) -> str:
    """As `task=` of a question takes it."""
    return f"{task.name} #{task.number}"


def _place(frame: Frame | Event) -> str:
    return f"{frame.title} {base_name(frame.file)}:{frame.line}"
