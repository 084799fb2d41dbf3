"""What callers give us, in its one true form; or InvalidArgumentError, which says what was expected."""

from __future__ import annotations

import os

from recorder.errors.base import HEAP_TYPE, RecorderError
from recorder.errors.classes import InvalidArgumentError, StackExhaustedError
from recorder.errors.conversion import is_programs
from recorder.errors.text import cut, describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_SHOWN = 80


def path(value: Any, argument: str = "path") -> str:
    """A path as text: a str, bytes or os.PathLike that the file system could hold."""
    try:
        text = str.__str__(os.fsdecode(value))
        os.fsencode(text)
    except Exception as exc:  # whatever a __fspath__ may raise
        if is_from_elsewhere(exc, value):
            raise
        raise wrong(argument, value, "a path") from exc
    if not text or "\0" in text:
        raise wrong(argument, text, "the name of a file")
    return text


def number(value: Any, argument: str, expected: str = "a number from 0") -> int:
    """A whole number from 0 on; anything that is an index will do."""
    from operator import index

    try:
        found = int.__int__(index(value))
    except Exception as exc:  # whatever an __index__ may raise
        if is_from_elsewhere(exc, value):
            raise
        raise wrong(argument, value, expected) from exc
    if found < 0:
        raise wrong(argument, found, expected)
    return found


def is_from_elsewhere(exc: Exception, value: object) -> bool:
    """Whether an exception of the program's is out of a signal handler, and not out of a method of the value's own:
    what is built in has none."""
    parts: Any = value if type(value) in (list, tuple) else (value,)
    return is_programs(exc) and not any(type(part).__flags__ & HEAP_TYPE for part in parts)


def instance(value: Any, kind: type, argument: str, expected: str) -> None:
    """An object of ours, which nobody else can make."""
    if not issubclass(type(value), kind):
        raise wrong(argument, value, expected)


def wrong(argument: str, value: object, expected: str) -> RecorderError:
    shown = cut(describe(value), MAX_SHOWN)
    return InvalidArgumentError(argument=argument, value=shown, expected=expected)


ROOM = 60  # frames, which is more than anything of ours goes down


def stack(operation: str) -> None:
    """Raises StackExhaustedError before anything is begun that could not be finished, or undone, so near
    to the recursion limit."""
    try:
        _descend(ROOM)
    except RecursionError as exc:
        raise StackExhaustedError(operation=operation) from exc


def _descend(frames: int) -> None:
    if frames:
        _descend(frames - 1)
