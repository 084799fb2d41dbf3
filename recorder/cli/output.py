"""Text on stdout, for the commands that show what was recorded: it may hold any character."""

from __future__ import annotations

import sys


def write(text: str) -> None:
    """Writes a line. What stdout's encoding has no word for is escaped."""
    if sys.stdout is None:
        return
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def printable(text: str) -> str:
    """Text from a trace on one line, without anything a terminal would act on."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def count(number: int, what: str) -> str:
    """`1 event`, `12,000 events`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
