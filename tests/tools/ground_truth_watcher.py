"""What everything is that the live frames of a program lead to, event by event: the truth that ground_truth.py holds a
trace against.

    python -P ground_truth_watcher.py REQUEST

The request is JSON: [PROGRAM, FOLDERS, ARGUMENTS, OUT]. The program runs as __main__ under sys.settrace, without a
recorder; pickled are the events of code in these folders.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]
from tests.tools import oracle  # noqa: E402

MOST_PARTS = 3000  # of a variable that are described: more than the recorder looks at
MORE: Final = ("more than is described",)


def described(value: Any) -> Any:
    """As oracle.describe, of a bounded number of parts."""
    left = MOST_PARTS

    def bounded(part: Any, depth: int = 0, seen: tuple[int, ...] = ()) -> Any:
        nonlocal left
        left -= 1
        return MORE if left < 0 else whole(part, depth, seen)

    whole = oracle.describe
    oracle.describe = bounded  # it calls itself by this name
    try:
        return bounded(value)
    finally:
        oracle.describe = whole


class Truth(NamedTuple):
    """One event, and the variables that are not what they were at the last event of its thread."""

    kind: str
    thread: str
    function: str
    line: int
    frames: tuple[int, ...]  # of the thread, the outermost first, those in scope
    changes: list[tuple[int, str, Any]]  # frame, variable, (description,) or None


class Watcher:
    """The trace function, and what it has seen."""

    def __init__(self, folders: tuple[str, ...]) -> None:
        self.folders = folders
        self.events: list[Truth] = []
        self.numbers: dict[int, int] = {}  # id of a frame → its number
        self.known: dict[int, dict[str, Any]] = {}
        self.made = 0

    def note(self, frame: types.FrameType, event: str, arg: Any) -> Any:
        if not frame.f_code.co_filename.startswith(self.folders):
            return None
        if event == "call" and oracle.starts(frame):
            self.numbers.pop(id(frame), None)
        stack = [f for f in stack_of(frame) if f.f_code.co_filename.startswith(self.folders)]
        changes = [change for f in stack for change in self.changes(f)]
        frames = tuple(self.numbers[id(f)] for f in stack)
        name = frame.f_code.co_qualname
        self.events.append(
            Truth(event, oracle.thread_name(), name, frame.f_lineno, frames, changes)
        )
        return self.note

    def changes(self, frame: types.FrameType) -> Iterator[tuple[int, str, Any]]:
        number = self.numbers.get(id(frame))
        if number is None:
            number = self.numbers[id(frame)] = self.made
            self.made += 1
            self.known[number] = {}
        known = self.known[number]
        found = oracle.namespace(frame)
        if found is None:
            return
        for name in known.keys() - found.keys():
            del known[name]
            yield number, name, None
        for name, value in found.items():
            if name not in oracle.IGNORED:
                now = (described(value),)
                if known.get(name) != now:
                    known[name] = now
                    yield number, name, now


def stack_of(frame: types.FrameType | None) -> list[types.FrameType]:
    found = []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found[::-1]


def watch(program: str, folders: tuple[str, ...], arguments: list[str], out: str) -> None:
    """In a process of its own: what happens in the program is pickled."""
    watcher = Watcher(folders)
    with open(program, encoding="utf-8") as file:
        code = compile(file.read(), program, "exec", dont_inherit=True)
    main = types.ModuleType("__main__")
    main.__file__ = program
    sys.modules["__main__"] = main
    sys.argv = [program, *arguments]
    sys.path[0] = os.path.dirname(program)
    oracle.trace_threads(watcher.note)
    sys.settrace(watcher.note)
    try:
        exec(code, main.__dict__)
    except SystemExit:
        pass
    finally:
        sys.settrace(None)
    with open(out, "wb") as file_out:
        pickle.dump([tuple(event) for event in watcher.events], file_out)


if __name__ == "__main__":
    program, folders, arguments, out = json.loads(sys.argv[1])
    watch(program, tuple(folders), arguments, out)
