"""What callers give us, in its one true form; or InvalidArgumentError, which says what was expected."""

from __future__ import annotations

import os

from recorder.errors.base import RecorderError
from recorder.errors.classes import InvalidArgumentError, StackExhaustedError
from recorder.errors.conversion import LACKING
from recorder.errors.origin import is_from_program, is_interruption
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
        if is_unrelated(exc, value):
            raise
        raise wrong(argument, value, "a path") from exc
    if not text or "\0" in text:
        raise wrong(argument, text, "the name of a file")
    return text


def boolean(value: Any, argument: str) -> bool:
    if value is not True and value is not False:
        raise wrong(argument, value, "True or False")
    return bool(value)


def integer(value: Any, argument: str, expected: str) -> int:
    """An int, and nothing that would do for one; of whatever class below it, as a plain one."""
    if not issubclass(type(value), int) or type(value) is bool:
        raise wrong(argument, value, expected)
    return int.__int__(value)


def number(value: Any, argument: str, expected: str = "a number from 0") -> int:
    """A whole number from 0 on; anything that is an index will do."""
    from operator import index

    try:
        found = int.__int__(index(value))
    except Exception as exc:  # whatever an __index__ may raise
        if is_unrelated(exc, value):
            raise
        raise wrong(argument, value, expected) from exc
    if found < 0:
        raise wrong(argument, found, expected)
    return found


def is_unrelated(exc: Exception, value: object) -> bool:
    """Whether an exception says nothing of the value that was looked at when it came: memory or stack were lacking,
    or it is out of a signal handler of the program's."""
    return isinstance(exc, LACKING) or (is_from_program(exc) and is_interruption(exc, (value,)))


def text(value: Any, argument: str, expected: str) -> str:
    """A text, of whatever class below str, as a plain one."""
    if not issubclass(type(value), str):
        raise wrong(argument, value, expected)
    return str.__str__(value)


def texts(value: Any, argument: str, expected: str) -> list[str]:
    """Several texts, from whatever can be iterated."""
    try:
        parts = list(value)
    except Exception as exc:  # whatever an __iter__ may raise
        if is_unrelated(exc, value):
            raise
        raise wrong(argument, value, expected) from exc
    return [text(part, argument, expected) for part in parts]


def function(value: object, argument: str) -> None:
    """Something that can be called, or None."""
    if value is not None and not callable(value):
        raise wrong(argument, value, "a function or None")


def instance(value: Any, kind: type | tuple[type, ...], argument: str, expected: str) -> None:
    """An object of ours, which nobody else can make."""
    if not issubclass(type(value), kind):
        raise wrong(argument, value, expected)


def wrong(argument: str, value: object, expected: str) -> RecorderError:
    shown = cut(describe(value), MAX_SHOWN)
    return InvalidArgumentError(argument=argument, value=shown, expected=expected)


LEAST_DEPTH_LEFT = 60  # frames, which is more than anything of ours goes down


def stack(operation: str) -> None:
    """Raises StackExhaustedError before anything is begun that could not be finished, or undone, so near
    to the recursion limit."""
    try:
        _descend(LEAST_DEPTH_LEFT)
    except RecursionError as exc:
        raise StackExhaustedError(operation=operation) from exc


def _descend(frames: int) -> None:
    if frames:
        _descend(frames - 1)
