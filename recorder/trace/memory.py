"""Where reading lacks memory, that is a failure of ours like every other: OutOfMemoryError, a MemoryError."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, Final, TypeVar

from recorder import errors

T = TypeVar("T")
CO_GENERATOR: Final = 0x20


def told(cls: type[T]) -> type[T]:
    """Class decorator: no property and no method of the class with a `_` lets a MemoryError out as it is. The others
    leave their work to these: a call that does not fit their signature is to be an error of the caller's line."""
    for name, value in list(vars(cls).items()):
        if isinstance(value, property) and value.fget is not None:
            setattr(cls, name, property(mapped(value.fget)))
        elif isinstance(value, FunctionType) and name.startswith("_") and name != "__init__":
            setattr(cls, name, mapped(value))
    return cls


def mapped(function: Callable[..., Any]) -> Callable[..., Any]:
    if isinstance(function, FunctionType) and function.__code__.co_flags & CO_GENERATOR:

        @functools.wraps(function)
        def generate(*args: Any, **named: Any) -> Iterator[Any]:
            try:
                yield from function(*args, **named)
            except errors.MEMORY_ERRORS as error:
                errors.reraise_out_of_memory(error, "read")

        return generate

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except errors.MEMORY_ERRORS as error:
            errors.reraise_out_of_memory(error, "read")

    return call
