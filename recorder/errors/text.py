"""How facts and values are written: as JSON scalars, on one line, cut to a length, without code of their classes."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Scalar = str | int | float | bool | None

# The longest text a fact may be, and a message: it is one line, not a document.
MAX_TEXT = 500
MAX_MESSAGE = 1500
MAX_INT_BITS = 256


class _Facts(dict[str, "Scalar"]):
    def __missing__(self, key: str) -> str:
        return "?"


def render(template: str, context: Mapping[str, Scalar]) -> str:
    """The message: equal facts give equal text."""
    shown = _Facts()
    for key, value in context.items():
        shown[key] = printable(value) if isinstance(value, str) else value
    return template.format_map(shown)


def printable(text: str) -> str:
    """The text on one line, with everything that is not printable escaped: nothing that a terminal would act on."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def scalar(value: object) -> Scalar:
    """A fact as a JSON scalar. Of any other value only the type is named: none of its code runs."""
    kind = type(value)
    if value is None or kind is bool:
        return value  # type: ignore[return-value]
    if isinstance(value, int):
        if value.bit_length() > MAX_INT_BITS:
            return f"<int of {value.bit_length()} bits>"
        return int.__int__(value)
    if isinstance(value, float):
        value = float.__float__(value)
        return value if value - value == 0 else float.__repr__(value)  # JSON has no nan and no inf
    if isinstance(value, os.PathLike) and kind.__module__ in ("pathlib", "pathlib._local"):
        value = os.fspath(value)
    if isinstance(value, bytes):
        value = os.fsdecode(value)
    if isinstance(value, str):
        return cut(str.__str__(value))
    return f"<{type_name(kind)}>"


def describe(value: object) -> str:
    """A value in a message: a builtin scalar as Python writes it, anything else by its type."""
    if value is None or type(value) in (bool, int, float, str, bytes):
        shown = scalar(value) if type(value) is int else value
        return cut(repr(shown) if not isinstance(value, int) else str(shown))
    return f"<{type_name(type(value))}>"


def cut(text: str, most: int = MAX_TEXT) -> str:
    """The text, or as much of it as may be, with an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def type_name(kind: type) -> str:
    """Name of a class, without asking its metaclass."""
    name: str = type.__dict__["__qualname__"].__get__(kind)
    return name
