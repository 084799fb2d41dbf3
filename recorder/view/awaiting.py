"""Who waits for a task: the way from it to the one that everything waits for."""

from __future__ import annotations

from collections.abc import Iterator
from time import sleep
from typing import Any, Final
from weakref import WeakKeyDictionary

from recorder.cli.task_rows import Tasks, WaitingTask, awaited
from recorder.dap.suspended import Suspended
from recorder.trace.filters import is_own
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event, Frame
from recorder.view.parameters import Parameters

MOST: Final = 200  # tasks that are looked at
MOST_FRAMES: Final = 20  # of one task, the innermost first
BEAT: Final = 0.02  # seconds after which it is looked whether it is known by now

_suspended: WeakKeyDictionary[Trace, Suspended] = WeakKeyDictionary()


def awaiting(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """Those that wait for the task of the moment's event, each followed by those that wait for it. `level`: how many
    stand between. `awaits`: all that it waits for. `seq`: where a frame was suspended."""
    event = trace.at(asked.number("seq")).event
    if event.task is None:
        return {"task": None, "rows": []}
    if trace not in _suspended:
        _suspended[trace] = Suspended(trace, lambda: None, 0)
    while not _suspended[trace].is_known:
        sleep(BEAT)
    there = Tasks(trace, 0, suspended=_suspended[trace]).there(event, MOST)
    return {
        "task": event.task.name,
        "rows": [_row(one, level, there) for one, level in _up(there, event.task.name)],
    }


def _up(there: list[WaitingTask], name: str) -> Iterator[tuple[WaitingTask, int]]:
    seen: set[int] = set()
    left = [(one, 0) for one in _waiting(there, name)]
    while left:
        one, level = left.pop(0)
        if one.number not in seen:
            seen.add(one.number)
            yield one, level
            left[:0] = [(other, level + 1) for other in _waiting(there, one.name)]


def _waiting(there: list[WaitingTask], name: str) -> list[WaitingTask]:
    return [one for one in there if name in one.awaits.tasks]


def _row(one: WaitingTask, level: int, there: list[WaitingTask]) -> dict[str, Any]:
    return {
        "task": one.name,
        "level": level,
        "awaits": awaited(one, there),
        "frames": [_frame(frame) for frame in one.frames[:MOST_FRAMES]],
    }


def _frame(frame: Frame | Event) -> dict[str, Any]:
    return {
        "title": frame.title,
        "file": frame.file,
        "line": frame.line,
        "own": is_own(frame.file),
        "seq": frame.seq if isinstance(frame, Event) else frame.as_of,
    }
