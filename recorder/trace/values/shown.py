"""A value within a line of text, or what is said in its place."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from recorder import errors
from recorder.trace.values.value import Value

WHOLE: Final = (
    1_000  # characters, from which on it is no line: modules and bound methods are told as well
)


def shown(value: Value | None, width: int, marks: Container[int] = ()) -> str:
    """`marks`: numbers of shared objects, which stand behind these: `[1] #7`."""
    if value is None:
        return "(unbound)"
    try:
        return value._show(width, marks, width < WHOLE)
    except errors.TraceCorruptError as error:
        return f"<unreadable: {error.error_name}>"
