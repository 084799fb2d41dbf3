"""Tasks at a moment, as `recorder show` lists them: where each is, what it waits for, and which tasks wait for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from recorder.dap.position import Position, Walk
from recorder.dap.strands import FIRST_TASK, Strand, Strands
from recorder.dap.suspended import Suspended
from recorder.trace.awaited import NOTHING, Awaited, Waits
from recorder.trace.paths import base_name
from recorder.trace.snapshots import Event, Frame

if TYPE_CHECKING:
    from recorder.trace.reader import Trace

MOST = 50  # tasks that are listed
MOST_FRAMES = 4  # of one task, the innermost first


class TaskRow(NamedTuple):
    """`number`: by which it is gone to."""

    number: int
    name: str
    text: str


class WaitingTask(NamedTuple):
    """A task at a moment; it may run as well. `frames`: the innermost first."""

    number: int
    name: str
    frames: Sequence[Frame | Event]
    awaits: Awaited


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
        return [
            WaitingTask(one.number, _name(one, frames), frames, self._awaited(frames))
            for one in islice(strands, most)
            if (frames := self._strands.frames(now, one))
        ]

    def at(self, event: Event) -> list[TaskRow]:
        """As text."""
        found = self.there(event)
        rows = []
        for one in found:
            text = f"{one.name}  {' ← '.join(map(_place, one.frames[:MOST_FRAMES]))}"
            if len(one.frames) > MOST_FRAMES:
                text += f" ← {len(one.frames) - MOST_FRAMES} more"
            if one.awaits.what:
                text += f"  awaits {', '.join(awaited(one, found)) or one.awaits.what}"
            who = dict.fromkeys(other.name for other in found if one.name in other.awaits.tasks)
            if who:
                may = "may be " if count_of(one.name, found) > 1 else ""
                text += f"  {may}awaited by {', '.join(who)}"
            rows.append(TaskRow(one.number, one.name, text))
        return rows

    def _awaited(self, frames: Sequence[Frame | Event]) -> Awaited:
        """What the innermost coroutine was suspended for."""
        inner = frames[0]
        return self._waits.of(inner) if isinstance(inner, Event) else NOTHING

    def event_of(self, event: Event, number: int) -> Event:
        """Where that one is at the moment. Raises Refused."""
        return self._strands.position(Position(event), number).event


def count_of(name: str, there: list[WaitingTask]) -> int:
    return sum(one.name == name for one in there)


def awaited(one: WaitingTask, there: list[WaitingTask]) -> list[str]:
    """The names of what it awaits. A trace does not say which of several tasks of one name it is."""
    counts = {name: count_of(name, there) for name in one.awaits.tasks}
    return [name if n < 2 else f"{name} (one of {n} of that name)" for name, n in counts.items()]


def _name(one: Strand, frames: Sequence[Frame | Event]) -> str:
    """As it was when it was suspended: the number of a task that is over may be another one's later."""
    inner = frames[0]
    if one.life is not None and isinstance(inner, Event) and inner.task is not None:
        return inner.task.name
    return one.name.partition(" (task, ")[0]


def _place(frame: Frame | Event) -> str:
    return f"{frame.title} {base_name(frame.file)}:{frame.line}"
