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
BEHIND_HOST = frozenset("/?#'\"<>\\ \t\r\n")  # ends where an address names who asks whom
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE


class _Facts(dict[str, "Scalar"]):
    def __missing__(self, key: str) -> str:
        return "?"


def render(template: str, context: Mapping[str, Scalar]) -> str:
    """The message: equal facts give equal text."""
    shown = _Facts()
    for key, value in context.items():
        shown[key] = printable(value) if isinstance(value, str) else value
    return template.format_map(shown)


def without_passwords(text: str) -> str:
    """A `*` for each character of who asks, and with which password, in an address: scheme://user:password@host."""
    at = text.find("://")
    shown: list[str] = []
    done = 0
    while at >= 0:
        begin = end = at + 3
        while end < len(text) and text[end] not in BEHIND_HOST:
            end += 1
        host = text.rfind("@", begin, end)
        if host >= 0:
            shown += text[done:begin], "*" * (host - begin)
            done = host
        at = text.find("://", end)
    return "".join(shown) + text[done:] if shown else text


def printable(text: str) -> str:
    """The text on one line, with everything that is not printable escaped: nothing that a terminal would act on."""
    text = without_passwords(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def scalar(value: object) -> Scalar:
    """A fact as a JSON scalar. Of any other value only the type is named: none of its code runs, so the class is asked
    about the value, and never the value."""
    kind = type(value)
    if value is None or kind is bool:
        return value  # type: ignore[return-value]
    if issubclass(kind, int):
        number = int.__int__(value)  # type: ignore[arg-type]
        bits = number.bit_length()
        return number if bits <= MAX_INT_BITS else f"<int of {bits} bits>"
    if issubclass(kind, float):
        fraction = float.__float__(value)  # type: ignore[arg-type]
        # JSON has no nan and no inf.
        return fraction if fraction - fraction == 0 else float.__repr__(fraction)
    if issubclass(kind, str):
        return cut(str.__str__(value))
    if issubclass(kind, bytes):
        return cut(os.fsdecode(bytes.__getitem__(value, slice(None))))  # type: ignore[call-overload]
    if module_of(kind) in ("pathlib", "pathlib._local") and hasattr(kind, "__fspath__"):
        return cut(os.fspath(value))  # type: ignore[call-overload]
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


def module_of(kind: type) -> str:
    """Name of the module of a class, without asking its metaclass; empty where it is no text."""
    name = type.__dict__["__module__"].__get__(kind)
    return name if type(name) is str else ""


def has_class_statement(kind: type) -> bool:
    """Whether a class was made by Python code, so that its methods may be of anybody's making."""
    flags: int = type.__dict__["__flags__"].__get__(kind)
    return bool(flags & HEAP_TYPE)
