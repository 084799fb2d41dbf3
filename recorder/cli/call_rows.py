"""The rows of the tree of calls around a moment, as `recorder show` writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.cli.calls import given
from recorder.cli.console import count
from recorder.cli.queries import duration, shown
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from recorder.trace.calls import Call
    from recorder.trace.calls_around import Row

VALUE_WIDTH = 40


def as_text(row: Row) -> str:
    mark = "→" if row.kind == "here" else "*" if row.is_present else " "
    return f"{row.seq:>8} {mark} {'  ' * row.level}{_what(row)}"


def _what(row: Row) -> str:
    if row.kind == "more":
        return f"… {count(row.calls, 'frame')}" if row.calls else "… more calls"
    if row.kind == "here" and row.frame is not None:
        return f"here, line {row.frame.line}"
    if row.call is not None:
        return _call(row.call) if row.calls == 1 else f"{row.call.title} × {row.calls}"
    assert row.frame is not None  # audit: a row is of one or the other
    return f"{row.frame.title}  {base_name(row.frame.file)}:{row.frame.line}"


def _call(call: Call) -> str:
    text = call.title
    if call.start is not None and call.start.kind != "call":
        text += " goes on"
    elif not call.function.is_body:
        text += f"({given(call, False)})"
    end = call.end
    if end is None:
        return f"{text} (did not end)"
    if end.value is not None and not (call.function.is_body and end.kind == "return"):
        mark = {"return": "→", "yield": "→ yielded", "unwind": "!"}[end.kind]
        text += f" {mark} {shown(end.value, VALUE_WIDTH)}"
    return f"{text}  {duration(call.duration)}" if call.duration is not None else text
