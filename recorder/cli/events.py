"""An event of a trace in words, as the full screen and the plain form of `recorder show` say it."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from recorder.cli.queries import Who, duration, is_definition, shown
from recorder.trace.code_flags import COROUTINE
from recorder.trace.line_values import values_at_lines
from recorder.trace.listing import scopes_at
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder.trace.line_values import LineValues
    from recorder.trace.reader import Function, Trace
    from recorder.trace.snapshots import Event, Frame

BESIDE = 30  # characters of a value beside a line
MOST_BESIDE = 4  # of them
OUTCOMES = {"return": "→ returned", "yield": "→ yielded", "unwind": "! ends by"}
OUTCOMES |= {"raise": "! raised", "reraise": "! raised again", "handled": "! handled"}
OUTCOMES |= {"throw": "! thrown in", "stop_iteration": "→ iteration ended with"}


def title(event: Event) -> str:
    """What an event is, and where."""
    text = f"{event.kind}  {event.title}  {base_name(event.file)}:{event.line}"
    if event.gap:
        text += f"  [{event.lost or 'some'} events lost before]"
    return text


def headline(event: Event, who: Who) -> str:
    """An event on one line."""
    value = "" if event.value is None else f"  → {shown(event.value)}"
    return f"{event.seq}  {title(event)}{who(event)}{value}"


def place(frame: Frame | Event, above: Frame | Event | None) -> str:
    """A frame of a stack; `above` is the one that it called or awaits."""
    text = f"{frame.title}  {base_name(frame.file)}:{frame.line}"
    if above is None or not frame.function._flags & above.function._flags & COROUTINE:
        return text
    return f"{text}  (awaits {above.title})"


def outcome(event: Event) -> tuple[str, str]:
    """What came of the frame at an event, and the value of it; two empty texts if nothing did."""
    if event.value is None or event.kind not in OUTCOMES:
        return "", ""
    return OUTCOMES[event.kind], shown(event.value, 120)


def source_lines(trace: Trace, function: Function) -> list[str]:
    """The text that a function ran from; empty if it is not in the trace."""
    source = trace.source_of(function)
    return [] if source is None else source.lines


def doubt(trace: Trace, frame: Event | Frame) -> str:
    """What is to be said beside a line of that text; empty where it is proved to be what ran."""
    source = trace.source_of(frame.function)
    return f"not proved to be what ran: {source.why}" if source and source.doubt else ""


def function_rows(trace: Trace, frame: Frame | Event, seq: int) -> list[str]:
    """The whole text of a frame's function, and beside each line what it brought about last; empty if it is not in the
    trace."""
    lines = source_lines(trace, frame.function)
    values = values_at_lines(trace, frame, seq) if lines else {}
    first, last = bounds_of(frame.function, "\n".join(lines), len(lines))
    return [
        f"  {number:>5} {'→' if number == frame.line else ' '} {text}{beside_line(values.get(number))}"
        for number, text in enumerate(lines[first - 1 : last], first)
    ]


def bounds_of(function: Function, text: str, count: int) -> tuple[int, int]:
    """The first line of a function's own text and its last one; of a module, all of it."""
    if function.name == "<module>":
        return 1, count
    for node in scopes_at(text, function.first_line):
        if getattr(node, "name", function.name) == function.name:
            return function.first_line, node.end_lineno or count
    return function.first_line, count


def beside_line(values: LineValues | None) -> str:
    """`  # total = 3, items = [1, 2]`; empty where nothing is to be said."""
    named = [] if values is None else list(values.values.items())
    said = [
        f"{name} = {shown(value, BESIDE)}" for name, value in named if value is None or not is_definition(name, value)
    ]  # fmt: skip
    return f"  # {', '.join(said[:MOST_BESIDE])}" if said else ""


def unproved_sources(trace: Trace) -> dict[str, str]:
    """The texts that are not proved to be what ran, by path: why not, in one word."""
    return {s.path: s.doubt for s in trace.all_sources if s.doubt is not None}


def variables(
    frame: Frame | Event, changed: set[str], marks: Container[int]
) -> list[tuple[bool, str, str]]:
    """(whether it has just changed, name, value) of a frame's variables. Those that every module
    has are left out of a module's."""
    hidden = frame.function.is_body
    return [
        (name in changed, name, shown(value, 120, marks))
        for name, value in frame.locals.items()
        if not (hidden and name.startswith("__") and name.endswith("__"))
    ]


def elapsed(trace: Trace, event: Event) -> str:
    """Since the recording began."""
    return duration(max(event.time - int(trace.header["started"]), 0))


def text_of(trace: Trace, event: Event, told: set[str] | None = None) -> str:
    """The line of source the event is at. `told`: what was said of doubts before, of which the reason is left out."""
    lines = source_lines(trace, event.function)
    text = lines[event.line - 1].strip() if 0 < event.line <= len(lines) else ""
    why = doubt(trace, event) if text else ""
    said = why.partition(":")[0] if told is not None and why in told else why
    if told is not None:
        told.add(why)
    return f"{text}  ({said})" if said else text


def where(event: Event) -> str:
    """`Cart.total cart.py:12`."""
    return f"{event.title} {base_name(event.file)}:{event.line}"
