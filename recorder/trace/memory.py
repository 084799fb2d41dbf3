"""Where reading lacks memory, that is a failure of ours like every other: OUT_OF_MEMORY, a MemoryError."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, Final, TypeVar, cast

from recorder import errors

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
CO_GENERATOR: Final = 0x20


def reporting(cls: type[T]) -> type[T]:
    """Class decorator: no property and no method of the class with a `_` lets a MemoryError out as it is. The others
    leave their work to these: a call that does not fit their signature is to be an error of the caller's line."""
    for name, value in list(vars(cls).items()):
        if isinstance(value, property) and value.fget is not None:
            setattr(cls, name, property(reported(value.fget)))
        elif isinstance(value, FunctionType) and name.startswith("_") and name != "__init__":
            setattr(cls, name, reported(value))
    return cls


def reported(function: F) -> F:
    """Decorator of one function or generator, to the same end."""
    if isinstance(function, FunctionType) and function.__code__.co_flags & CO_GENERATOR:

        @functools.wraps(function)
        def generate(*args: Any, **named: Any) -> Iterator[Any]:
            try:
                yield from function(*args, **named)
            except errors.MEMORY_ERRORS as error:
                errors.reraise_out_of_memory(error, "read")

        return cast(F, generate)

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except errors.MEMORY_ERRORS as error:
            errors.reraise_out_of_memory(error, "read")

    return cast(F, call)
