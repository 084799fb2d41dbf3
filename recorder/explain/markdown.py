"""Markdown, of texts that may hold whatever a program has."""

from __future__ import annotations

import re

from recorder.errors.text import printable


def fence(text: str, shortest: int) -> str:
    """More backticks than there are in a row in this: what is between two of these is text, whatever it is."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(shortest, longest + 1)


def code(text: str) -> str:
    """In a line. A space within is none of the text, but keeps its backticks off."""
    text = printable(text)
    around = fence(text, 1)
    space = " " if "`" in (text[:1], text[-1:]) else ""
    return f"{around}{space}{text}{space}{around}"
