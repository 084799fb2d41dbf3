"""What a function is said to end by is what its caller catches, for every way in which an exception leaves one.

The judge is the program itself, which writes down what arrived: 3.11 has no value for the end of a function, and
sys.settrace has none on any Python.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import recorder
from recorder.trace.reader import Event, Trace
from tests.conftest import Run

CAME_OF = re.compile(r" (?:from|while handling) (?=\w+\()")  # what the judge's repr does not tell
PROGRAM = Path(__file__).parent.parent / "programs" / "judges" / "ways_out.py"


def said(event: Event) -> str:
    assert event.value is not None, event.line
    shown = event.value.show(1000).replace("asyncio.exceptions.", "").replace(" from None", "")
    return CAME_OF.split(shown)[0]


def ends(trace: Trace, ways: set[str]) -> list[tuple[str, str]]:
    """The unwind events of functions that `leave` called, and not of generators that the collector closes in it."""
    found = []
    callers: dict[int, str] = {}
    for event in trace.find(("call", "unwind"), file="ways_out.py"):
        if event.kind == "call":
            callers[event.frame] = event.function.name
        elif (
            event.caller is not None
            and callers.get(event.caller) == "leave"
            and event.function.name in ways
        ):
            found.append((event.function.name, said(event)))
    return found


def arrivals(trace: Trace) -> list[tuple[int, str, str]]:
    """Where a frame's end and what then happens in its caller differ: event, end, arrival."""
    wrong = []
    ended: dict[int, Event] = {}  # by the frame that called it
    for event in trace.find(file="ways_out.py"):
        end = ended.pop(event.frame, None)
        if end is not None and event.kind == "raise" and said(event) != said(end):
            wrong.append((end.seq, said(end), said(event)))
        if event.kind == "unwind" and event.caller is not None:
            ended[event.caller] = event
    return wrong


def test_a_function_ends_by_what_its_caller_catches(run_recorded: Run) -> None:
    result = run_recorded(PROGRAM, env={**os.environ, "PYTHONSAFEPATH": "1"})
    assert result.status == 1
    caught: Any = [tuple(pair) for pair in json.loads(result.stdout)]
    assert len(caught) > 120
    with recorder.open_trace(result.trace) as trace:
        assert ends(trace, {name for name, _ in caught}) == caught
        assert arrivals(trace) == []
        body = list(trace.find("unwind", function="<module>", file="ways_out.py"))[-1]
        assert said(body) == "ValueError('last')"
