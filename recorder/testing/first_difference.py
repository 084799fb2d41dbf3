"""The first difference between a run of a test in which it failed and one in which it passed, in a line."""

from __future__ import annotations

from typing import Final

from recorder import errors
from recorder.errors.text import cut, printable
from recorder.trace.compare import Comparison, Difference
from recorder.trace.paths import base_name
from recorder.trace.reader import Trace, open_trace
from recorder.trace.snapshots import Event
from recorder.trace.values import differences

MOST_EVENTS: Final = 300_000  # of the two: a report is not to be waited for
VALUE_WIDTH: Final = 60
WIDTH: Final = 110
OUTCOMES: Final = {"return": "returned", "yield": "yielded"}


def first_difference(failing: Trace, path: str) -> str:
    """Empty: there is no passing recording at `path`, or none that can be read, or they do not differ."""
    try:
        with open_trace(path) as passing:
            if len(passing) + len(failing) > MOST_EVENTS:
                return ""
            compared = Comparison(
                passing, failing, values=True, ignore=[], strict=False, calls=None
            )
            found = next(compared.differences(), None)
            return "" if found is None else cut(printable(as_text(found)), WIDTH)
    except (errors.RecorderError, OSError):
        return ""


def as_text(found: Difference) -> str:
    here = f"at {_place(found.b)}, " if found.b is not None else ""
    if found.parts:
        name = found.name or (found.a and OUTCOMES.get(found.a.kind, found.a.kind)) or "it"
        path, left, right = differences.shown(found.parts[0], str(name), VALUE_WIDTH)
        return f"{here}{path} was {left} when it passed, and is {right}"
    return f"{here or 'it ends here, '}where it went on at {_place(found.a)} when it passed"


def _place(event: Event | None) -> str:
    return "its end" if event is None else f"{base_name(event.file)}:{event.line}"
