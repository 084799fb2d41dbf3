"""Marks and spans, as they are shown between events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recorder.cli.console import printable
from recorder.cli.queries import shown
from recorder.trace.spans import facts_as_json

if TYPE_CHECKING:
    from recorder.trace.spans import Note

WORDS = {"mark": "-- mark", "span": "-- begin of span", "span_end": "-- end of span"}


def as_line(note: Note) -> str:
    line = f"{'':>8}  {WORDS[note.kind]} {note.name}"
    if note.facts:
        line += f"  {shown(note.facts)}"
    return printable(line + ("  ! an exception left it" if note.raised else ""))


def as_json(note: Note) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": note.kind, "name": note.name, "time": note.time}
    if note.facts is not None:
        row["facts"] = facts_as_json(note.facts)
    if note.kind == "span_end":
        row["raised"] = note.raised
    return row
